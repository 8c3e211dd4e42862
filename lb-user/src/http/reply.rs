//! The balancer's own answers.
use super::message::{Head, Version};
use super::status;

mod errorfile;
mod redirect;

pub use errorfile::{Refused, parse_errorfile};
pub use redirect::{CookieOption, Redirect, Target};

/// A complete answer: status, headers in order, body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub version: Version,
    /// 0 for an answer of nothing at all: the connection just ends (an empty `errorfile`).
    pub status: u16,
    /// The reason phrase, if it is not the usual one of the status.
    pub reason: Option<Vec<u8>>,
    /// Every field but those about the connection.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
    /// The connection ends after this answer.
    pub close: bool,
}

/// The statuses that the balancer answers with and that `errorfile` may replace (2.4 manual, section 4.2).
pub const STATUSES: [u16; 17] = [
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504,
];

impl Reply {
    /// The answer that nothing is configured for, in the peer's words; that of 500 when `status` is not one of
    /// [`STATUSES`].
    pub fn default_for(status: u16) -> Reply {
        let status = if STATUSES.contains(&status) { status } else { 500 };
        let (reason, sentence) = default_text(status);
        // The peer shows what is wrong with the user to both of them.
        let title = if status == 407 { 401 } else { status };
        let body = format!("<html><body><h1>{title} {reason}</h1>\n{sentence}\n</body></html>\n");
        Reply {
            status,
            reason: Some(reason.into()),
            headers: vec![
                field("content-length", &body.len().to_string()),
                field("cache-control", "no-cache"),
                field("content-type", "text/html"),
            ],
            body: body.into_bytes(),
            close: matches!(status, 400 | 408),
            ..Reply::default()
        }
    }

    /// The answer of `http-request return` and its like: `headers` first, then what describes the body. A
    /// `content_type` without a body is left out.
    pub fn returned(
        status: u16,
        mut headers: Vec<(Vec<u8>, Vec<u8>)>,
        content_type: Option<&[u8]>,
        body: Vec<u8>,
    ) -> Reply {
        // RFC 9110 section 8.6.
        if status != 204 {
            headers.push(field("content-length", &body.len().to_string()));
        }
        if let Some(content_type) = content_type.filter(|_| !body.is_empty()) {
            headers.push((b"content-type".to_vec(), content_type.to_vec()));
        }
        Reply {
            status,
            headers,
            body,
            ..Reply::default()
        }
    }

    /// Asks for credentials: the 401 or 407 answer with a basic challenge for `realm`
    /// (2.4 manual, `http-request auth`).
    pub fn challenge(mut self, realm: &[u8]) -> Reply {
        let name = if self.status == 407 {
            "proxy-authenticate"
        } else {
            "www-authenticate"
        };
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name.as_bytes()));
        let value = [b"Basic realm=\"", realm, b"\""].concat();
        self.headers.push((name.into(), value));
        self
    }

    /// Whether nothing is sent at all.
    pub fn is_silent(&self) -> bool {
        self.status == 0
    }

    /// Fills `head` with the answer's head. A body of unannounced length makes it end with the connection.
    pub fn fill(&self, head: &mut Head) {
        let reason = self.reason.as_deref().unwrap_or(status::reason(self.status).as_bytes());
        head.fill_response(self.version, self.status, reason);
        for (name, value) in &self.headers {
            head.add(name, value);
        }
        head.noted.close = self.close;
        head.noted.content_length = head.header(b"content-length").and_then(super::header::decimal);
    }
}

fn field(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.into(), value.into())
}

fn default_text(status: u16) -> (&'static str, &'static str) {
    match status {
        200 => ("OK", "Service ready."),
        400 => ("Bad request", "Your browser sent an invalid request."),
        401 | 407 => (
            "Unauthorized",
            "You need a valid user and password to access this content.",
        ),
        403 => ("Forbidden", "Request forbidden by administrative rules."),
        404 => ("Not Found", "The resource could not be found."),
        405 => (
            "Method Not Allowed",
            "A request was made of a resource using a request method not supported by that resource",
        ),
        408 => (
            "Request Time-out",
            "Your browser didn't send a complete request in time.",
        ),
        410 => (
            "Gone",
            "The resource is no longer available and will not be available again.",
        ),
        413 => ("Payload Too Large", "The request entity exceeds the maximum allowed."),
        425 => ("Too Early", "Your browser sent early data."),
        429 => (
            "Too Many Requests",
            "You have sent too many requests in a given amount of time.",
        ),
        501 => (
            "Not Implemented",
            ".The server does not support the functionality required to fulfill the request.",
        ),
        502 => ("Bad Gateway", "The server returned an invalid or incomplete response."),
        503 => ("Service Unavailable", "No server is available to handle this request."),
        504 => ("Gateway Time-out", "The server didn't respond in time."),
        _ => ("Internal Server Error", "An internal server error occurred."),
    }
}

#[cfg(test)]
mod tests;
