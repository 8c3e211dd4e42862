//! What a master hands to itself across a reload, when it executes the program anew.

use std::os::fd::RawFd;

use super::children::{Child, Children};

/// The environment variable that holds it.
pub const VARIABLE: &str = "LB_MASTER";

/// The master's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// How often the configuration was read again.
    pub reloads: u32,
    /// When the master started, in seconds since the epoch.
    pub started: u64,
    pub children: Children,
    /// Listening sockets that stayed open.
    pub sockets: Vec<RawFd>,
}

impl Carried {
    /// The value of the environment variable.
    pub fn encode(&self) -> String {
        let children = self.children.iter().map(|child| {
            let Child {
                pid, reloads, started, ..
            } = child;
            format!("{pid}:{reloads}:{started}")
        });
        let sockets = self.sockets.iter().map(RawFd::to_string);
        format!(
            "{} {} {} {}",
            self.reloads,
            self.started,
            join(children.collect()),
            join(sockets.collect()),
        )
    }

    /// Reads the value back. `None`: this is not what a master left.
    pub fn decode(text: &str) -> Option<Carried> {
        let mut parts = text.split(' ');
        let carried = Carried {
            reloads: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            children: split(parts.next()?).map(child).collect::<Option<Children>>()?,
            sockets: split(parts.next()?)
                .map(|fd| fd.parse().ok().filter(|fd| *fd > 2))
                .collect::<Option<_>>()?,
        };
        parts.next().is_none().then_some(carried)
    }
}

fn join(items: Vec<String>) -> String {
    match items.is_empty() {
        true => "-".to_owned(),
        false => items.join(","),
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|item| *item != "-")
}

fn child(text: &str) -> Option<Child> {
    let mut parts = text.split(':');
    let child = Child {
        pid: parts.next()?.parse().ok().filter(|pid| *pid > 0)?,
        reloads: parts.next()?.parse().ok()?,
        started: parts.next()?.parse().ok()?,
        current: false,
    };
    parts.next().is_none().then_some(child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_comes_back() {
        let child = |pid, reloads| Child {
            pid,
            reloads,
            started: 1_700_000_000,
            current: false,
        };
        for (children, sockets) in [
            (vec![], vec![]),
            (vec![child(12, 0)], vec![5]),
            (vec![child(12, 0), child(34, 3)], vec![5, 6, 17]),
        ] {
            let carried = Carried {
                reloads: 4,
                started: 1_600_000_000,
                children: children.into_iter().collect(),
                sockets,
            };
            assert_eq!(Carried::decode(&carried.encode()), Some(carried));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "1",
            "1 2 3 4",
            "1 2 - 0",
            "1 2 - -1",
            "1 2 0:1:2 -",
            "1 2 - - -",
            "x 2 - -",
            "1 2 5:1 -",
        ] {
            assert_eq!(Carried::decode(text), None, "{text}");
        }
    }
}
