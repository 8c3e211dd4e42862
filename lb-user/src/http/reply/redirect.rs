//! Redirections (2.4 manual, section 4.2, `redirect` and `errorloc`).
use super::{Reply, field};
use crate::http::message::Head;
use crate::http::uri;

/// Where a redirection leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// To this very place.
    Location(&'a [u8]),
    /// To the request's path and query after this prefix; `/` stands for no prefix.
    Prefix(&'a [u8]),
    /// To the request's host, path and query under this scheme.
    Scheme(&'a [u8]),
}

/// A cookie that a redirection changes: `NAME[=value]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieOption<'a> {
    Set(&'a [u8]),
    Clear(&'a [u8]),
}

/// One redirection.
#[derive(Clone, Copy, Debug)]
pub struct Redirect<'a> {
    pub target: Target<'a>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    pub drop_query: bool,
    pub append_slash: bool,
    pub cookie: Option<CookieOption<'a>>,
}

impl Redirect<'_> {
    /// The answer that redirects `request`.
    pub fn answer(&self, request: &Head) -> Reply {
        let mut headers = vec![
            field("content-length", "0"),
            (b"location".to_vec(), self.location(request)),
        ];
        if !matches!(self.status, 301 | 308) {
            headers.push(field("cache-control", "no-cache"));
        }
        if let Some(cookie) = self.cookie {
            let value = match cookie {
                CookieOption::Set(cookie) => [cookie, b"; path=/;"].concat(),
                CookieOption::Clear(cookie) => [cookie, b"; path=/; Max-Age=0;"].concat(),
            };
            headers.push((b"set-cookie".to_vec(), value));
        }
        Reply {
            status: self.status,
            reason: Some(reason(self.status).into()),
            headers,
            ..Reply::default()
        }
    }

    fn location(&self, request: &Head) -> Vec<u8> {
        let target = request.uri();
        let rest = if self.drop_query {
            uri::path(target)
        } else {
            uri::pathq(target)
        };
        let rest = rest.filter(|path| !path.is_empty()).unwrap_or(b"/");
        let mut location = match self.target {
            Target::Location(location) => return location.to_vec(),
            Target::Prefix(b"/") => rest.to_vec(),
            Target::Prefix(prefix) => [prefix, rest].concat(),
            Target::Scheme(scheme) => [scheme, b"://", request.header(b"host").unwrap_or_default(), rest].concat(),
        };
        if self.append_slash && !location.ends_with(b"/") {
            location.push(b'/');
        }
        location
    }
}

impl Reply {
    /// The answer of `errorloc302` and `errorloc303`, whose `status` is that of the redirection.
    pub fn error_location(status: u16, location: &[u8]) -> Reply {
        Reply {
            status,
            reason: Some(reason(status).into()),
            headers: vec![
                field("cache-control", "no-cache"),
                field("content-length", "0"),
                (b"location".to_vec(), location.to_vec()),
            ],
            ..Reply::default()
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        _ => "Found",
    }
}
