//! Health checks: what to ask a server, what its answer means, and what that makes of the server.
//!
//! A [`probe::Probe`] is one run of a check and ends in a [`result::Outcome`]. Outcomes, the operator's words and the
//! state of a tracked server are [`standing::Event`]s that change a server's [`standing::Standing`]; [`message`] tells
//! of the change as the peer does. These are pure. [`farm::Farm`] applies events to the live state, and [`run`] drives
//! the probes over sockets.

pub mod answer;
pub mod farm;
pub mod message;
pub mod probe;
pub mod request;
pub mod result;
pub mod run;
pub mod schedule;
pub mod standing;
#[cfg(test)]
mod testing;

pub use farm::Farm;
