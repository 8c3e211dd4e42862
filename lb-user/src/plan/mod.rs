//! The immutable, typed configuration that everything else indexes.
//!
//! Built once by `config`, shared by `Arc`. Ids (`state::ids`) index these vectors and the live state's alike.

pub mod balance;
pub mod bind;
pub mod check;
pub mod cookie;
pub mod global;
pub mod log;
pub mod options;
pub mod proxy;
pub mod rules;
pub mod server;

pub use bind::{Bind, BindAddress};
pub use cookie::{Cookie, CookieMode};
pub use global::Global;
pub use options::Options;
pub use proxy::{Mode, Proxy, Timeouts};
pub use server::Server;

use crate::rules::Names;
use crate::state::ServerId;
pub use crate::state::userlist::{Password, User, Userlist};
use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::tls::Certificate;

/// The whole configuration.
#[derive(Default)]
pub struct Plan {
    pub global: Global,
    pub proxies: Vec<Proxy>,
    pub tables: Vec<crate::stick::StickTable>,
    pub http_errors: Vec<HttpErrors>,
    pub userlists: Vec<Userlist>,
    pub rings: Vec<log::Ring>,
    /// Pattern files by the name they were written with, for `show map`, `show acl`.
    pub patterns: HashMap<String, Arc<crate::rules::pattern::PatternSet>>,
    /// Variables by whole name, for `get var`, `set var`.
    pub variables: HashMap<String, crate::rules::Variable>,
    /// Certificates by the file they come from, as they are now.
    pub certificates: HashMap<String, Arc<ArcSwap<Certificate>>>,
    /// Values that `global`'s `set-var` gives before the first connection.
    pub initial_variables: Vec<(crate::rules::Variable, crate::rules::Expression)>,
}

impl Plan {
    /// What expressions may name that are read when the process runs already.
    pub fn names(&self) -> Names {
        let mut names = Names {
            patterns: self.patterns.clone(),
            variables: self.variables.clone(),
            ..Names::default()
        };
        for proxy in &self.proxies {
            let own = |is_one: bool| is_one.then(|| (proxy.name.clone(), proxy.id));
            names.frontends.extend(own(proxy.is_frontend));
            names.backends.extend(own(proxy.is_backend));
            names
                .tables
                .extend(proxy.table.map(|table| (proxy.name.clone(), table)));
            let servers = (0..).zip(&proxy.servers).map(|(index, server)| {
                let backend = proxy.id;
                ((backend, server.name.clone()), ServerId { backend, index })
            });
            names.servers.extend(servers);
        }
        names
    }
}

/// An `http-errors` section.
#[derive(Clone, Default)]
pub struct HttpErrors {
    pub name: String,
    pub replies: HashMap<u16, proxy::ErrorReply>,
}
