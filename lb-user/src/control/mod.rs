//! The runtime API: sessions, command rows, statistics fields.
