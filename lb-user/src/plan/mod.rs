//! The immutable, typed configuration that everything else indexes.
