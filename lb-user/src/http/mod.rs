//! HTTP messages and the HTTP/1 protocol core.
