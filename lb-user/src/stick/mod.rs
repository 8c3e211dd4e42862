//! Stick tables.
