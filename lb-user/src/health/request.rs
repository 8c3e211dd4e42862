//! The request of an HTTP check (manual 4.2, `option httpchk`, `http-check send`, `http-check send-state`).

use super::standing::Standing;
use crate::http::h1::framing::Asked;
use crate::http::method::Method;
use crate::plan::check::HttpCheck;
use std::fmt::Write;

/// Writes the request. `state` is the value of `X-Haproxy-Server-State`, where it is to be sent.
///
/// Names of header fields are in lower case and what frames the body is ours, as with the peer.
pub fn write(check: &HttpCheck, state: Option<&str>) -> Vec<u8> {
    let (version, old_style) = version(check);
    let mut text = format!(
        "{} {} {version}\r\n",
        method(check),
        check.uri.as_deref().unwrap_or("/")
    );
    let mut field = |name: &str, value: &str| {
        let _ = write!(text, "{}: {value}\r\n", name.to_ascii_lowercase());
    };
    let fields = fields(check, old_style).filter(|(name, _)| !is_framing(name));
    let mut connection_told = false;
    for (name, value) in fields {
        connection_told |= name.eq_ignore_ascii_case("connection");
        field(name, value);
    }
    if let Some(state) = state {
        field("x-haproxy-server-state", state);
    }
    if let Some(body) = &check.body {
        field("content-length", &body.len().to_string());
    }
    if !connection_told && version != "HTTP/1.0" {
        field("connection", "close");
    }
    text.push_str("\r\n");
    text.push_str(check.body.as_deref().unwrap_or_default());
    text.into_bytes()
}

/// What the answer has to be read against.
pub fn asked(check: &HttpCheck) -> Asked {
    let (_, old_style) = version(check);
    Asked {
        method: Method::from_bytes(method(check).as_bytes()),
        upgrade: fields(check, old_style).any(|(name, _)| name.eq_ignore_ascii_case("upgrade")),
        websocket: false,
    }
}

fn method(check: &HttpCheck) -> &str {
    check.method.as_deref().unwrap_or("OPTIONS")
}

/// The version, and the header fields that older configurations wrote after it.
fn version(check: &HttpCheck) -> (&str, &str) {
    let written = check.version.as_deref().unwrap_or("HTTP/1.0");
    written.split_once("\r\n").unwrap_or((written, ""))
}

fn fields<'a>(check: &'a HttpCheck, old_style: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let old = old_style.split("\r\n").filter_map(|line| line.split_once(':'));
    let old = old.map(|(name, value)| (name.trim(), value.trim()));
    old.chain(
        check
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

fn is_framing(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
}

/// What a server is told of itself.
#[derive(Clone, Copy, Debug)]
pub struct StateHeader<'a> {
    /// Address and port, or `unix` for both.
    pub address: &'a str,
    pub port: &'a str,
    pub backend: &'a str,
    pub server: &'a str,
    pub node: &'a str,
    /// Weight of the server and of all usable servers.
    pub weight: (u32, u32),
    /// Sessions on the server and in the backend.
    pub sessions: (u64, u64),
    pub queued: u64,
}

impl StateHeader<'_> {
    /// The value of `X-Haproxy-Server-State`.
    pub fn value(&self, standing: &Standing) -> String {
        format!(
            "{}; address={}; port={}; name={}/{}; node={}; weight={}/{}; scur={}/{}; qcur={}",
            // A server is not told that it is draining.
            Standing { admin: 0, ..*standing }.describe(),
            self.address,
            self.port,
            self.backend,
            self.server,
            self.node,
            self.weight.0,
            self.weight.1,
            self.sessions.0,
            self.sessions.1,
            self.queued,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::server::{Running, admin};

    #[test]
    fn requests_are_the_peers() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let word = |word: &str| Some(word.to_owned());
        let plain = HttpCheck::default();
        assert_eq!(write(&plain, None), b"OPTIONS / HTTP/1.0\r\n\r\n");
        let full = HttpCheck {
            method: word("GET"),
            uri: word("/x"),
            version: word("HTTP/1.1"),
            headers: vec![field("Host", "foo"), field("X-Y", "z"), field("Content-Length", "9")],
            body: word("hi"),
            ..HttpCheck::default()
        };
        let head = "GET /x HTTP/1.1\r\nhost: foo\r\nx-y: z\r\n";
        let end = "content-length: 2\r\nconnection: close\r\n\r\nhi";
        assert_eq!(write(&full, None), format!("{head}{end}").as_bytes());
        let state = "x-haproxy-server-state: UP\r\n";
        assert_eq!(write(&full, Some("UP")), format!("{head}{state}{end}").as_bytes());
        let old = HttpCheck {
            uri: word("*"),
            version: word("HTTP/1.1\r\nHost: www\r\nFoo: bar"),
            ..HttpCheck::default()
        };
        let expected = "OPTIONS * HTTP/1.1\r\nhost: www\r\nfoo: bar\r\nconnection: close\r\n\r\n";
        assert_eq!(write(&old, None), expected.as_bytes());
        let upgrading = HttpCheck {
            version: word("HTTP/1.1"),
            headers: vec![field("connection", "upgrade"), field("upgrade", "raw")],
            ..HttpCheck::default()
        };
        let expected = "OPTIONS / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n";
        assert_eq!(write(&upgrading, None), expected.as_bytes());
        assert!(asked(&upgrading).upgrade && !asked(&full).upgrade);
    }

    #[test]
    fn servers_are_told_their_state() {
        let standing = Standing {
            running: Running::Up,
            admin: admin::FORCED_DRAIN,
            health: 2,
            rise: 2,
            fall: 3,
            warms_up: false,
        };
        let header = StateHeader {
            address: "127.0.0.1",
            port: "8080",
            backend: "be1",
            server: "s1",
            node: "vm",
            weight: (3, 6),
            sessions: (1, 2),
            queued: 4,
        };
        let rest = "address=127.0.0.1; port=8080; name=be1/s1; node=vm; weight=3/6; scur=1/2; qcur=4";
        assert_eq!(header.value(&standing), format!("UP 1/3; {rest}"));
    }
}
