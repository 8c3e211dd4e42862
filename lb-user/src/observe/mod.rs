//! Log targets and their transports.
