//! Answers whose text depends on the facts.

use super::facts::Facts;
use super::log_format::LogFormat;
use crate::http::reply::Reply;

/// An answer with formats in its headers and its body.
#[derive(Clone, Default)]
pub struct ReplyFormat {
    pub status: u16,
    pub content_type: Option<Box<[u8]>>,
    pub headers: Vec<(Box<[u8]>, LogFormat)>,
    pub body: LogFormat,
}

impl ReplyFormat {
    /// The answer that it makes of these facts. Headers without a value are left out.
    pub fn reply(&self, facts: &Facts<'_>) -> Reply {
        self.filled(|format| format.string(facts))
    }

    /// The answer, if it is the same whatever the facts.
    pub fn constant(&self) -> Option<Reply> {
        let mut formats = self.headers.iter().map(|(_, value)| value).chain([&self.body]);
        formats
            .all(|format| format.constant().is_some())
            .then(|| self.filled(|format| format.constant().unwrap_or_default().to_vec()))
    }

    fn filled(&self, text: impl Fn(&LogFormat) -> Vec<u8>) -> Reply {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_vec(), text(value)));
        Reply::returned(
            self.status,
            headers.filter(|(_, value)| !value.is_empty()).collect(),
            self.content_type.as_deref(),
            text(&self.body),
        )
    }
}
