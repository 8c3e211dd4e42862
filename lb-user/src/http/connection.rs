//! Whether connections are kept, and what each side is told about it in the `Connection` field (RFC 9112 section 9.3).
use super::header;
use super::message::{Head, Version};

/// Which field carries the connection's options besides `Connection`, and is used to tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    #[default]
    Connection,
    ProxyConnection,
}

impl Carrier {
    /// `Proxy-Connection` for proxied requests under `option http-use-proxy-header`: those whose target begins with
    /// neither `/` nor `*` (2.4 manual, section 4.2).
    pub fn of(request: &Head, use_proxy_header: bool) -> Carrier {
        match request.uri().first() {
            Some(b'/' | b'*') | None => Carrier::Connection,
            Some(_) if use_proxy_header => Carrier::ProxyConnection,
            Some(_) => Carrier::Connection,
        }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Carrier::Connection => b"connection",
            Carrier::ProxyConnection => b"proxy-connection",
        }
    }
}

/// Whether the message's sender is ready to keep the connection for another exchange.
pub fn persists(head: &Head, carrier: Carrier) -> bool {
    let noted = head.noted();
    let says = |option: &[u8]| {
        let is_option = |token: &[u8]| token.eq_ignore_ascii_case(option);
        carrier == Carrier::ProxyConnection
            && head
                .values(carrier.name())
                .any(|value| header::tokens(value).any(is_option))
    };
    if noted.close || noted.ambiguous_length || says(b"close") {
        return false;
    }
    match head.version() {
        // A chunked body says more than HTTP/1.0 knows: nobody can be sure where its sender sees the end.
        Version::Http10 => (noted.keep_alive || says(b"keep-alive")) && !noted.chunked,
        Version::Http11 | Version::Http2 => true,
    }
}

/// Tells a server in `request` whether its connection is to be kept, and returns whether it really is. HTTP/1.0 has to
/// be told to keep it and later versions to close it, unless it is asked to switch protocols. Other options that the
/// client sent stay.
pub fn to_server(request: &mut Head, keep: bool, carrier: Carrier) -> bool {
    strip(request, carrier);
    // Where a server of HTTP/1.0 sees the end of a chunked request is anyone's guess.
    let keep = keep && !(request.version() == Version::Http10 && request.noted().chunked);
    match request.version() {
        _ if request.noted().upgrade => {}
        Version::Http10 if keep => request.add(carrier.name(), b"keep-alive"),
        Version::Http11 | Version::Http2 if !keep => request.add(carrier.name(), b"close"),
        _ => {}
    }
    keep
}

/// Tells a client of version `client` in `response` whether its connection is kept, and returns whether it really is.
pub fn to_client(response: &mut Head, client: Version, keep: bool, carrier: Carrier) -> bool {
    strip(response, carrier);
    if response.status() < 200 {
        return keep;
    }
    let keep = keep && !(response.version() == Version::Http10 && response.noted().chunked);
    let modern = response.version() > Version::Http10;
    match keep {
        true if modern && client > Version::Http10 => {}
        true => response.add(carrier.name(), b"keep-alive"),
        false if modern => response.add(carrier.name(), b"close"),
        false => {}
    }
    keep
}

/// Removes the options `close` and `keep-alive`, which concern one hop only, and keeps the others.
pub fn strip(head: &mut Head, carrier: Carrier) {
    if head.noted().close || head.noted().keep_alive {
        strip_field(head, Carrier::Connection.name());
    }
    if carrier == Carrier::ProxyConnection {
        strip_field(head, carrier.name());
    }
}

fn strip_field(head: &mut Head, name: &[u8]) {
    let mut index = 0;
    while let Some(at) = head.position(name, index) {
        index = at + 1;
        let Some((_, value)) = head.field(at) else { return };
        if header::tokens(value).all(is_persistence) {
            head.remove_at(at);
            index = at;
        } else if header::tokens(value).any(is_persistence) {
            let others: Vec<&[u8]> = header::tokens(value).filter(|token| !is_persistence(token)).collect();
            let others = others.join(&b","[..]);
            head.replace_value(at, &others);
        }
    }
}

fn is_persistence(token: &[u8]) -> bool {
    token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::{Limits, parse_request, parse_response};

    fn shown(head: &Head) -> String {
        let fields = head
            .headers()
            .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        fields.collect::<Vec<_>>().join(" ")
    }

    /// What the peer sends is in `requests.txt` and `responses.txt`; these are the cases that those do not hold.
    #[test]
    fn servers_are_told() {
        use Carrier::{Connection, ProxyConnection};
        for (fields, version, keep, carrier, expected, kept) in [
            ("", "1.1", false, Connection, "connection=close", false),
            ("", "1.0", false, Connection, "", false),
            (
                "Connection: keep-alive\r\n",
                "1.1",
                false,
                Connection,
                "connection=close",
                false,
            ),
            (
                "Connection: close, upgrade\r\n",
                "1.1",
                true,
                Connection,
                "Connection=upgrade",
                true,
            ),
            (
                "Transfer-Encoding: chunked\r\n",
                "1.0",
                true,
                Connection,
                "Transfer-Encoding=chunked",
                false,
            ),
            (
                "Proxy-Connection: close\r\n",
                "1.1",
                true,
                Connection,
                "Proxy-Connection=close",
                true,
            ),
            (
                "Proxy-Connection: keep-alive\r\n",
                "1.1",
                true,
                ProxyConnection,
                "",
                true,
            ),
            (
                "Proxy-Connection: a\r\n",
                "1.0",
                true,
                ProxyConnection,
                "Proxy-Connection=a proxy-connection=keep-alive",
                true,
            ),
        ] {
            let mut head = Head::new();
            let text = format!("POST / HTTP/{version}\r\n{fields}\r\n");
            parse_request(text.as_bytes(), &mut head, &Limits::default()).unwrap();
            assert_eq!(to_server(&mut head, keep, carrier), kept, "{text:?}");
            assert_eq!(shown(&head), expected, "{text:?}");
        }
    }

    #[test]
    fn clients_are_told() {
        for (response, client, keep, expected, kept) in [
            ("1.1 200 OK\r\n", Version::Http11, true, "", true),
            ("1.1 200 OK\r\n", Version::Http11, false, "connection=close", false),
            ("1.1 200 OK\r\n", Version::Http10, true, "connection=keep-alive", true),
            ("1.1 200 OK\r\n", Version::Http10, false, "connection=close", false),
            ("1.0 200 OK\r\n", Version::Http11, true, "connection=keep-alive", true),
            ("1.0 200 OK\r\n", Version::Http11, false, "", false),
            (
                "1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
                Version::Http11,
                true,
                "Transfer-Encoding=chunked",
                false,
            ),
            ("1.1 100 Continue\r\n", Version::Http10, true, "", true),
        ] {
            let mut head = Head::new();
            let text = format!("HTTP/{response}\r\n");
            parse_response(text.as_bytes(), &mut head, &Limits::default()).unwrap();
            assert_eq!(
                to_client(&mut head, client, keep, Carrier::Connection),
                kept,
                "{text:?}"
            );
            assert_eq!(shown(&head), expected, "{text:?}");
        }
    }
    #[test]
    fn connections_persist_as_version_and_options_say() {
        for (text, expected) in [
            ("GET / HTTP/1.1", true),
            ("GET / HTTP/1.1\r\nConnection: x, Close", false),
            ("GET / HTTP/1.1\r\nConnection: keep-alive, close", false),
            ("GET / HTTP/1.1\r\nProxy-Connection: close", true),
            ("GET http://a/ HTTP/1.1\r\nProxy-Connection: close", false),
            (
                "GET http://a/ HTTP/1.1\r\nConnection: close\r\nProxy-Connection: keep-alive",
                false,
            ),
            ("GET http://a/ HTTP/1.0\r\nProxy-Connection: keep-alive", true),
            ("GET / HTTP/1.0", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive", true),
            (
                "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked",
                false,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked",
                false,
            ),
        ] {
            let mut head = Head::new();
            parse_request(format!("{text}\r\n\r\n").as_bytes(), &mut head, &Limits::default()).unwrap();
            assert_eq!(persists(&head, Carrier::of(&head, true)), expected, "{text}");
        }
    }
}
