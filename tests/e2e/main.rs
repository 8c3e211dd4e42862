//! The balancer from the outside: real processes and real sockets, one short story per test.
mod bans;
mod early;
mod forward;
mod gate;
mod handover;
mod http;
mod laboratory;
mod operator;
mod process;
mod runtime_api;
mod side_by_side;
mod steer;
mod tables;
mod tcp;
mod tls;
