//! From a listening socket to a session: accept, limits, PROXY protocol, session facts.
