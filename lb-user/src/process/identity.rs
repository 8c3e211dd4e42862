//! Giving up what the process no longer needs once its sockets are bound: the root directory, the user, the groups.

use std::io;

use nix::sys::prctl;
use nix::unistd::{Gid, Uid, chdir, chroot, setgid, setgroups, setuid};

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use crate::plan::Global;

/// Enters the jail, then takes on the group and the user of the configuration, in the order that permits each step.
/// The error is the message for the operator.
///
/// With `administer`, the process keeps the capability to look behind TCP's back (CAP_NET_ADMIN) when it becomes another user.
pub fn assume(global: &Global, administer: bool) -> Result<(), String> {
    if let Some(directory) = &global.chroot {
        enter(directory).map_err(|_| format!("[lb.main()] Cannot chroot({directory})."))?;
    }
    if let Some(gid) = global.gid {
        if Uid::effective().is_root() {
            setgroups(&[]).map_err(|_| "[lb.main()] Cannot drop the supplementary groups.".to_owned())?;
        }
        setgid(Gid::from_raw(gid)).map_err(|_| format!("[lb.main()] Cannot set gid {gid}."))?;
    }
    if let Some(uid) = global.uid {
        let kept = administer && prctl::set_keepcaps(true).is_ok();
        setuid(Uid::from_raw(uid)).map_err(|_| format!("[lb.main()] Cannot set uid {uid}."))?;
        if kept {
            keep_only(CapabilitySet::NET_ADMIN).map_err(|_| "[lb.main()] Cannot give up capabilities.".to_owned())?;
        }
    }
    if !global.insecure_setuid_wanted {
        prctl::set_no_new_privs().map_err(|_| "[lb.main()] Cannot give up gaining privileges.".to_owned())?;
    }
    if global.dumpable {
        prctl::set_dumpable(true).map_err(|_| "[lb.main()] Cannot become dumpable.".to_owned())?;
    }
    Ok(())
}

fn keep_only(capabilities: CapabilitySet) -> io::Result<()> {
    let sets = CapabilitySets {
        effective: capabilities,
        permitted: capabilities,
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, sets)?)
}

fn enter(directory: &str) -> io::Result<()> {
    chroot(directory)?;
    chdir("/")?;
    Ok(())
}
