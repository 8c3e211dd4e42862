//! The gate, packet in and packet out: its reading of frames, the kernel against its twin, and real connections through it.
mod cookie;
mod forward;
mod frames;
mod handover;
mod namespaces;
mod packets;
mod placement;
mod tables;
mod twin;
