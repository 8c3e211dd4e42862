//! Actions that change header fields.

use std::borrow::Cow;
use std::sync::Arc;

use super::{HTTP, arguments, format, regex, works};
use crate::http::Head;
use crate::http::header::elements;
use crate::language::{Error, Scope, Words};
use crate::rules::action::argument;
use crate::rules::effect::{HeaderEdit, HeaderMatch};
use crate::rules::regex::Regex;
use crate::rules::{Action, ActionRow, Context, Effect, Facts, LogFormat};

pub(super) const ROWS: &[ActionRow] = &[
    works(
        &["add-header"],
        "<name> <fmt>",
        HTTP,
        "Add a header field, whatever others have its name.",
        "mode http\nhttp-request add-header x-client %[src]",
        |_, words, context| {
            Ok(Arc::new(Add {
                named: Named::parse(words, context)?,
            }))
        },
    ),
    works(
        &["set-header"],
        "<name> <fmt>",
        HTTP,
        "Replace all header fields of a name by one.",
        "mode http\nhttp-request set-header x-client %[src]",
        |_, words, context| {
            Ok(Arc::new(Set {
                named: Named::parse(words, context)?,
            }))
        },
    ),
    works(
        &["del-header"],
        "<name> [ -m { str | beg | end | sub | reg } ]",
        HTTP,
        "Remove all header fields whose name matches.",
        "mode http\nhttp-response del-header x-internal- -m beg",
        delete,
    ),
    works(
        &["replace-header"],
        "<name> <match-regex> <replace-fmt>",
        HTTP,
        "Rewrite the whole value of each header field of a name.",
        "mode http\nhttp-request replace-header cookie (.*)secret=[^;]* \\1",
        |_, words, context| Ok(Arc::new(Replace::parse(Part::Field, words, context)?)),
    ),
    works(
        &["replace-value"],
        "<name> <match-regex> <replace-fmt>",
        HTTP,
        "Rewrite each comma-separated value of the header fields of a name.",
        "mode http\nhttp-request replace-value x-forwarded-for ^192[.]168[.](.*)$ 172.16.\\1",
        |_, words, context| Ok(Arc::new(Replace::parse(Part::Value, words, context)?)),
    ),
    works(
        &["early-hint"],
        "<name> <fmt>",
        Scope::HTTP_REQUEST,
        "Send a header field in a 103 response ahead of the proper one (RFC 8297).",
        "mode http\nhttp-request early-hint link \"</style.css>; rel=preload\"",
        |_, words, context| {
            Ok(Arc::new(Hint {
                named: Named::parse(words, context)?,
            }))
        },
    ),
];

/// A name and the value to give it.
struct Named {
    name: Box<[u8]>,
    value: LogFormat,
}

impl Named {
    fn parse(words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Named, Error> {
        let [name, value] = arguments(words, "expects exactly 2 arguments")?;
        Ok(Named {
            name: name.to_ascii_lowercase().into_bytes().into(),
            value: format(value, context)?,
        })
    }

    fn value(&self, facts: &Facts<'_>) -> Cow<'_, [u8]> {
        match self.value.constant() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.value.string(facts)),
        }
    }
}

struct Add {
    named: Named,
}

impl Action for Add {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::Header(HeaderEdit::Add {
            name: &self.named.name,
            value: self.named.value(facts),
        })
    }
}

struct Set {
    named: Named,
}

impl Action for Set {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::Header(HeaderEdit::Set {
            name: &self.named.name,
            value: self.named.value(facts),
        })
    }
}

struct Hint {
    named: Named,
}

impl Action for Hint {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::EarlyHint(HeaderEdit::Add {
            name: &self.named.name,
            value: self.named.value(facts),
        })
    }
}

/// Which names `del-header` means.
enum Matcher {
    Exactly(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Within(Box<[u8]>),
    Regex(Regex),
}

impl HeaderMatch for Matcher {
    fn matches(&self, name: &[u8]) -> bool {
        match self {
            Matcher::Exactly(wanted) => name.eq_ignore_ascii_case(wanted),
            Matcher::Prefix(wanted) => name
                .get(..wanted.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(wanted)),
            Matcher::Suffix(wanted) => name
                .len()
                .checked_sub(wanted.len())
                .and_then(|at| name.get(at..))
                .is_some_and(|end| end.eq_ignore_ascii_case(wanted)),
            Matcher::Within(wanted) => {
                wanted.is_empty()
                    || name
                        .windows(wanted.len())
                        .any(|window| window.eq_ignore_ascii_case(wanted))
            }
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }
}

struct Delete {
    matcher: Matcher,
}

impl Action for Delete {
    fn run<'p, 'a>(&'p self, _: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        Effect::Header(HeaderEdit::Remove { matcher: &self.matcher })
    }
}

fn delete(_: &str, words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Arc<dyn Action>, Error> {
    let [name] = arguments(words, "expects at least 1 argument")?;
    let method = match words.take("-m") {
        true => argument(words).ok_or_else(|| Error::new("-m flag expects exactly 1 argument"))?,
        false => "str",
    };
    let bytes = name.as_bytes().into();
    let matcher = match method {
        "str" => Matcher::Exactly(bytes),
        "beg" => Matcher::Prefix(bytes),
        "end" => Matcher::Suffix(bytes),
        "sub" => Matcher::Within(bytes),
        // Names are compared in lower case, as the peer does.
        "reg" => Matcher::Regex(Regex::new(name, true)?),
        other => {
            return Err(Error::new(format!("-m with unsupported matching method '{other}'")));
        }
    };
    Ok(Arc::new(Delete { matcher }))
}

/// What a replacement looks at.
#[derive(Clone, Copy)]
enum Part {
    /// The field's value as a whole.
    Field,
    /// Each value between commas.
    Value,
}

struct Replace {
    part: Part,
    name: Box<[u8]>,
    regex: Regex,
    template: LogFormat,
}

impl Replace {
    fn parse(part: Part, words: &mut Words<'_>, context: &mut Context<'_>) -> Result<Replace, Error> {
        let [name, pattern, template] = arguments(words, "expects exactly 3 arguments")?;
        Ok(Replace {
            part,
            name: name.as_bytes().into(),
            regex: regex(pattern)?,
            template: format(template, context)?,
        })
    }

    /// The new values, with the positions of their fields.
    fn rewrite(&self, head: &Head, template: &[u8]) -> Vec<(usize, Vec<u8>)> {
        let fields = head.headers().enumerate();
        fields
            .filter(|(_, (name, _))| name.eq_ignore_ascii_case(&self.name))
            .filter_map(|(index, (_, value))| Some((index, self.rewritten(value, template)?)))
            .collect()
    }

    /// A value as the rule leaves it; `None` where nothing matches.
    fn rewritten(&self, value: &[u8], template: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(value.len());
        match self.part {
            Part::Field => self.regex.expand(value, template, &mut out).then_some(out),
            Part::Value => {
                let mut rest = value;
                let mut changed = false;
                for element in elements(value) {
                    let at = element.as_ptr().addr() - rest.as_ptr().addr();
                    let (before, from) = rest.split_at_checked(at)?;
                    let after = from.get(element.len()..)?;
                    let length = out.len();
                    // The white space around a value goes with it.
                    out.extend_from_slice(before.trim_ascii_end());
                    if self.regex.expand(element, template, &mut out) {
                        changed = true;
                        rest = after.trim_ascii_start();
                    } else {
                        out.truncate(length);
                        out.extend_from_slice(before);
                        out.extend_from_slice(element);
                        rest = after;
                    }
                }
                out.extend_from_slice(rest);
                changed.then_some(out)
            }
        }
    }
}

impl Action for Replace {
    fn run<'p, 'a>(&'p self, facts: &Facts<'a>) -> Effect<'p, 'a>
    where
        'p: 'a,
    {
        let Some(head) = facts.head() else {
            return Effect::Continue;
        };
        let template = self.template.string(facts);
        let values = self.rewrite(head, &template);
        match values.is_empty() {
            true => Effect::Continue,
            false => Effect::Header(HeaderEdit::Rewrite { values }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced_one_by_one_and_fields_as_a_whole() {
        for (part, pattern, template, value, expected) in [
            (
                Part::Value,
                "^b(.*)$",
                "<\\1>",
                "abc, bcd,  b2 ,c",
                Some("abc,<cd>,<2>,c"),
            ),
            (Part::Value, "^a$", "", "a, b,\"a,b\" , a", Some(", b,\"a,b\" ,")),
            (
                Part::Value,
                "^public$",
                "private",
                "max-age=3600, public",
                Some("max-age=3600,private"),
            ),
            (Part::Value, "z", "y", "a, b", None),
            (Part::Field, "a(.*)c", "\\1", "xa, bc", Some(", b")),
            (Part::Field, "z", "y", "a, b", None),
        ] {
            let replace = Replace {
                part,
                name: Box::default(),
                regex: regex(pattern).unwrap(),
                template: LogFormat::default(),
            };
            let found = replace.rewritten(value.as_bytes(), template.as_bytes());
            let found = found.map(|found| String::from_utf8(found).unwrap());
            assert_eq!(found.as_deref(), expected, "{pattern} in {value}");
        }
    }

    #[test]
    fn names_match_by_the_method_given() {
        let text = |text: &str| text.as_bytes().into();
        for (matcher, name, matches) in [
            (Matcher::Exactly(text("x-a")), "X-A", true),
            (Matcher::Exactly(text("x-a")), "X-AB", false),
            (Matcher::Prefix(text("x-")), "X-Ab", true),
            (Matcher::Prefix(text("x-abc")), "X-Ab", false),
            (Matcher::Suffix(text("-Id")), "x-id", true),
            (Matcher::Suffix(text("-id")), "id", false),
            (Matcher::Within(text("in")), "x-INside", true),
            (Matcher::Within(text("in")), "i", false),
            (Matcher::Regex(Regex::new("^x.[a-c]$", true).unwrap()), "X-B", true),
        ] {
            assert_eq!(matcher.matches(name.as_bytes()), matches, "{name}");
        }
    }
}
