//! What each side is told about its connection's future: the `Connection` field of what is forwarded.
use super::header;
use super::message::{Head, Version};

/// Which field carries the connection's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    #[default]
    Connection,
    /// `Proxy-Connection`, for proxied requests under `option http-use-proxy-header`.
    ProxyConnection,
}

impl Carrier {
    fn name(self) -> &'static [u8] {
        match self {
            Carrier::Connection => b"connection",
            Carrier::ProxyConnection => b"proxy-connection",
        }
    }
}

/// Tells a server in `request` whether its connection is to be kept, and returns whether it really is. HTTP/1.0 has to
/// be told to keep it, unless it is asked to switch protocols, and later versions to close it. Other options that the
/// client sent stay.
pub fn to_server(request: &mut Head, keep: bool, carrier: Carrier) -> bool {
    strip(request, carrier);
    // Where a server of HTTP/1.0 sees the end of a chunked request is anyone's guess.
    let keep = keep && !(request.version() == Version::Http10 && request.noted().chunked);
    match request.version() {
        Version::Http10 if keep && !request.noted().upgrade => request.add(carrier.name(), b"keep-alive"),
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
    if !head.noted().close && !head.noted().keep_alive && carrier == Carrier::Connection {
        return;
    }
    let mut index = 0;
    while let Some((name, value)) = head.field(index) {
        if !name.eq_ignore_ascii_case(carrier.name()) {
            index += 1;
        } else if header::tokens(value).all(is_persistence) {
            head.remove_at(index);
        } else if !header::tokens(value).any(is_persistence) {
            index += 1;
        } else {
            let others: Vec<&[u8]> = header::tokens(value).filter(|token| !is_persistence(token)).collect();
            let others = others.join(&b","[..]);
            head.replace_value(index, &others);
            index += 1;
        }
    }
}

fn is_persistence(token: &[u8]) -> bool {
    token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive")
}
