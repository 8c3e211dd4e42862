//! Live state: counters and status of the process, proxies, servers and listeners, as atomics, and the stick tables.

pub mod admitted;
pub mod capture;
pub mod clear;
pub mod counter;
pub mod ids;
pub mod process;
pub mod proxy;
pub mod server;
pub mod userlist;

pub use admitted::Admitted;
pub use counter::{Counter, Gauge, Rate};
pub use ids::{ListenerId, ProxyId, ServerId};
pub use process::Process;
pub use proxy::Proxy;
pub use server::Server;
