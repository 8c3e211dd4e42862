//! `lb`: a load balancer that speaks the HAProxy 2.4 language and runs what it can in the kernel.
//!
//! Rooms, highest first; a room imports only from rooms below it (`cargo xtask tidy` checks).
pub mod accept;
pub mod backend;
pub mod config;
pub mod control;
pub mod health;
pub mod http;
pub mod kernel;
pub mod keywords;
pub mod l4;
pub mod language;
pub mod observe;
pub mod plan;
pub mod process;
pub mod rules;
pub mod runtime;
pub mod state;
pub mod stick;
pub mod stream;
pub mod tls;
