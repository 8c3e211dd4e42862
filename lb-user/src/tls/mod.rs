//! TLS: what certificates, settings and sessions are. No socket is touched here.
//!
//! [`Certificate`] is what `crt` names, [`Settings`] what a line or a certificate asks of its handshakes, [`Acceptor`] both
//! compiled for a listener: it sees a client's first message and says how the handshake goes on. [`Connector`] is the same for a server.

mod acceptor;
pub mod certificate;
mod cipher;
pub mod client_auth;
mod connector;
pub mod crt_list;
mod facts;
mod names;
pub mod settings;

pub mod store;
pub mod verdict;
pub mod x509;

pub use acceptor::{Acceptor, Choice, Entry, Line};
pub use certificate::Certificate;
pub use connector::{Connector, ServerLine};
pub use facts::{Facts, Hello};
pub use names::SniFilter;
pub use settings::{Authorities, Settings, Verify, Version, Versions};
pub use store::{Extra, Store};
