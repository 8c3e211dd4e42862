//! `normalize-uri`.

use std::sync::Arc;

use super::works;
use crate::http::normalize::Normalizer;
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::{Action, ActionRow, Context, Effect, Facts};

pub(super) const ROWS: &[ActionRow] = &[works(
    &["normalize-uri"],
    "{ fragment-encode | fragment-strip | path-merge-slashes | path-strip-dot | path-strip-dotdot [ full ] | percent-decode-unreserved [ strict ] | percent-to-uppercase [ strict ] | query-sort-by-name }",
    Scope::HTTP_REQUEST,
    "Bring the request's target into a normal form (experimental).",
    "mode http\nhttp-request normalize-uri path-merge-slashes",
    normalize,
)];

struct Normalize {
    normalizer: Normalizer,
}

impl Action for Normalize {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let Some(request) = facts.request else {
            return Effect::Continue;
        };
        match self.normalizer.apply(request.uri()) {
            Ok(target) => Effect::SetUri(target.into()),
            Err(_) => Effect::Malformed,
        }
    }
}

fn normalize(name: &str, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    if !context.names.experimental {
        return Err(Error::new(format!(
            "'{name}' action is experimental, must be allowed via a global 'expose-experimental-directives'"
        )));
    }
    let which = argument(words).ok_or_else(|| Error::new("missing argument <normalizer>"))?;
    let mut option = |option: &str| match argument(words) {
        None => Ok(false),
        Some(word) if word == option => Ok(true),
        Some(word) => Err(Error::new(format!(
            "unknown argument '{word}' for '{which}' normalizer"
        ))),
    };
    let normalizer = match which {
        "fragment-encode" => Normalizer::FragmentEncode,
        "fragment-strip" => Normalizer::FragmentStrip,
        "path-merge-slashes" => Normalizer::PathMergeSlashes,
        "path-strip-dot" => Normalizer::PathStripDot,
        "path-strip-dotdot" => Normalizer::PathStripDotdot { full: option("full")? },
        "percent-decode-unreserved" => Normalizer::PercentDecodeUnreserved {
            strict: option("strict")?,
        },
        "percent-to-uppercase" => Normalizer::PercentToUppercase {
            strict: option("strict")?,
        },
        "query-sort-by-name" => Normalizer::QuerySortByName,
        other => return Err(Error::new(format!("unknown normalizer '{other}'"))),
    };
    Ok(Arc::new(Normalize { normalizer }))
}
