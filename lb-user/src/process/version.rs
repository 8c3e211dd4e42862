//! What `-v` and `-vv` say.

use std::fmt;

use crate::language::release;

/// The program's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `-v`: ours, then the version of the language in the form that scripts look for.
pub struct Short;

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "lb version {VERSION}, an eBPF-assisted load balancer")?;
        writeln!(f, "HAProxy version {} (language and runtime API)", release::VERSION)
    }
}

/// `-vv`: what is in this build.
pub struct Details;

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Short.fmt(f)?;
        writeln!(f, "Build options :\n  TARGET  = linux-glibc\n")?;
        write!(f, "Feature list :")?;
        for (name, present) in release::FEATURES {
            write!(f, " {}{name}", if *present { '+' } else { '-' })?;
        }
        writeln!(f, "\n")?;
        writeln!(
            f,
            "Available polling systems :\n      epoll : pref=300,  test result OK"
        )?;
        writeln!(f, "Total: 1 (1 usable), will use epoll.\n")?;
        writeln!(f, "Available services : {}", services())
    }
}

fn services() -> String {
    match release::SERVICES {
        [] => "none".to_owned(),
        services => services.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_find_their_lines_in_order() {
        let text = Details.to_string();
        let places = [
            "HAProxy version 2.4.",
            "TARGET  = linux-glibc",
            "Feature list :",
            "Available services : ",
        ]
        .map(|line| text.find(line).expect(line));
        assert!(places.is_sorted(), "{text}");
    }
}
