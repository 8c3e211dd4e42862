//! Telling systemd how a service is doing (`sd_notify(3)`, with `-Ws`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::args::MasterMode;

/// Who is told: the socket in `NOTIFY_SOCKET`, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Notifier(Option<SocketAddr>);

impl Notifier {
    /// The service manager, if the master was started to speak with one.
    pub fn of(master: Option<MasterMode>) -> Notifier {
        match master {
            Some(MasterMode::Systemd) => Notifier::new(std::env::var("NOTIFY_SOCKET").ok().as_deref()),
            _ => Notifier::default(),
        }
    }

    /// `socket` is a path, or a name in the abstract namespace after an `@`.
    pub fn new(socket: Option<&str>) -> Notifier {
        let address = socket.and_then(|socket| match socket.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(socket).ok(),
        });
        Notifier(address)
    }

    /// The service is up, and this is its main process.
    pub fn ready(&self) {
        self.send(&format!("READY=1\nMAINPID={}\nSTATUS=Ready.\n", std::process::id()));
    }

    /// A new configuration is being read.
    pub fn reloading(&self) {
        self.send("RELOADING=1\nSTATUS=Reloading Configuration.\n");
    }

    /// The new configuration is bad; the old one stays in force.
    pub fn reload_failed(&self) {
        self.send("READY=1\nSTATUS=Reload failed!\n");
    }

    /// The service is ending.
    pub fn stopping(&self) {
        self.send("STOPPING=1\n");
    }

    fn send(&self, text: &str) {
        if let Some(address) = &self.0 {
            // The service does not depend on anyone listening.
            let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(text.as_bytes(), address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told() {
        let name = format!("lb-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier::new(Some(&format!("@{name}")));
        notifier.reloading();
        notifier.ready();
        let mut buffer = [0; 128];
        let length = manager.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"RELOADING=1\n"));
        let length = manager.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"READY=1\nMAINPID="));
        Notifier::new(None).stopping();
    }
}
