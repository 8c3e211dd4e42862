//! Values inside of a JSON text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::de::SliceRead;

use super::works;
use crate::language::Error;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[works(
    &["json_query"],
    "(<json_path>,[<output_type>])",
    "The string, number or truth value at a path of a JSON text. A number is a string, unless the type is `int`.",
    "str('{\"pay\":{\"sum\":[3,4]}}'),json_query('$.pay.sum[1]','int'),add(1) # 5",
    Convert::new(Kind::Str, Kind::Str, query)
        .with(&[
            ArgSpec::required(ArgKind::Str, "json_path"),
            ArgSpec::optional(ArgKind::Str, "output_type"),
        ])
        .checked(check),
)];

/// The largest integer that every reader of JSON has room for (RFC 8259 section 6).
const MAX_SAFE: i64 = (1 << 53) - 1;

/// One step of a path: `$.member[2]` has two.
#[derive(Debug, PartialEq)]
enum Step {
    Member(String),
    Item(usize),
}

struct Query {
    /// `None`: a path that leads nowhere.
    path: Option<Vec<Step>>,
    wants_int: bool,
}

fn check(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let path = args.str(0).unwrap_or_default();
    if path.is_empty() {
        return Err(Error::new("json_path must not be empty"));
    }
    let wants_int = match args.str(1).unwrap_or_default() {
        "" => false,
        "int" => true,
        _ => return Err(Error::new("output_type only supports \"int\" as argument")),
    };
    let path = parse(path);
    args.prepare(0, Query { path, wants_int });
    Ok(())
}

/// Reads `$.member[2]`; a backslash takes the meaning from a dot in a name.
fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?.chars().peekable();
    let mut steps = Vec::new();
    while let Some(opening) = rest.next() {
        let mut word = String::new();
        if opening == '[' {
            while let Some(c) = rest.next_if(|c| *c != ']') {
                word.push(c);
            }
            rest.next()?;
            steps.push(Step::Item(word.parse().ok()?));
            continue;
        }
        (opening == '.').then_some(())?;
        while let Some(c) = rest.next_if(|c| *c != '.' && *c != '[') {
            word.extend(if c == '\\' { rest.next() } else { Some(c) });
        }
        steps.push(Step::Member(word));
    }
    Some(steps)
}

fn query<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let query = args.prepared::<Query>(0)?;
    let path = query.path.as_deref()?;
    match value.into_text() {
        Cow::Borrowed(text) => find(path, text, query.wants_int),
        Cow::Owned(text) => find(path, &text, query.wants_int).map(Value::into_owned),
    }
}

/// The first value at `path`. What follows it need not be JSON.
fn find<'t>(path: &[Step], text: &'t [u8], wants_int: bool) -> Option<Value<'t>> {
    let mut found = None;
    let mut reader = Deserializer::new(SliceRead::new(text));
    let seeker = Seeker {
        path,
        wants_int,
        found: &mut found,
    };
    // A mistake behind the value does not matter, and one before it leaves nothing found.
    let _ = seeker.deserialize(&mut reader);
    found
}

/// Follows a path through what is being read, and keeps the value at its end.
struct Seeker<'p, 'f, 't> {
    path: &'p [Step],
    wants_int: bool,
    found: &'f mut Option<Value<'t>>,
}

impl<'t> DeserializeSeed<'t> for Seeker<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'t>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Seeker<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.keep(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.number(number as f64, Some(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.number(number as f64, i64::try_from(number).ok())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.number(number, Some(number as i64))
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<(), E> {
        self.keep(Value::str(text.as_bytes()))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(Value::string(text.as_bytes().to_vec()))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<(), A::Error> {
        if let [Step::Member(name), path @ ..] = self.path {
            while let Some(is_named) = members.next_key_seed(Name(name))? {
                if is_named {
                    return members.next_value_seed(Seeker { path, ..self });
                }
                members.next_value::<IgnoredAny>()?;
            }
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<(), A::Error> {
        if let [Step::Item(index), path @ ..] = self.path {
            for _ in 0..*index {
                if items.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
            }
            return items.next_element_seed(Seeker { path, ..self }).map(|_| ());
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'t> Seeker<'_, '_, 't> {
    fn keep<E>(self, value: Value<'t>) -> Result<(), E> {
        *self.found = Some(value).filter(|_| self.path.is_empty());
        Ok(())
    }

    fn number<E>(self, number: f64, whole: Option<i64>) -> Result<(), E> {
        if !self.wants_int {
            return self.keep(Value::string(shown(number)));
        }
        match whole.filter(|whole| (-MAX_SAFE..=MAX_SAFE).contains(whole)) {
            Some(whole) => self.keep(Value::Int(whole)),
            None => Ok(()),
        }
    }
}

/// Is a member's name this one?
struct Name<'n>(&'n str);

impl<'t> DeserializeSeed<'t> for Name<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'t>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// A number in six significant digits, as C's `%g` shows it.
fn shown(number: f64) -> Vec<u8> {
    let scientific = format!("{number:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let text = match exponent {
        -4..6 => trimmed(&format!("{number:.*}", (5 - exponent) as usize)),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
        }
    };
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, text: &str) -> Option<String> {
        let value = find(&parse(path)?, text.as_bytes(), false)?;
        Some(String::from_utf8_lossy(&value.into_text()).into_owned())
    }

    #[test]
    fn values_are_found_at_their_paths() {
        for (path, text, expected) in [
            ("$.a", r#"{"a":"x\n\u00e9\/"}"#, Some("x\n\u{e9}/")),
            ("$.a\\.b", r#"{"a.b":1}"#, Some("1")),
            ("$.ab", r#"{"a\u0062":1}"#, Some("1")),
            ("$[1].a", r#"[{"a":1},{"a":2}]"#, Some("2")),
            ("$.a[1][0]", r#"{"a":[[1,2],[3,4]]}"#, Some("3")),
            ("$", "5", Some("5")),
            ("$.", r#"{"":1}"#, Some("1")),
            ("$.a", r#"{"b":{"a":2},"a":3}"#, Some("3")),
            ("$.a", r#"{"a":3,"x":bad}"#, Some("3")),
            ("$.a", r#"{"x":bad,"a":3}"#, None),
            ("$.a", r#"{"a":1"#, Some("1")),
            ("$.a", r#"{"a":null}"#, None),
            ("$.a", r#"{"a":{"b":1}}"#, None),
            ("$.a.b", r#"{"a":1}"#, None),
            ("$.a[2]", r#"{"a":[1,2]}"#, None),
            ("$..a", r#"{"a":1}"#, None),
            ("$['a']", r#"{"a":1}"#, None),
            ("a", r#"{"a":1}"#, None),
        ] {
            assert_eq!(asked(path, text).as_deref(), expected, "{path} of {text}");
        }
    }

    #[test]
    fn numbers_show_as_in_c() {
        for (number, expected) in [
            (1.0, "1"),
            (-7.0, "-7"),
            (1.5, "1.5"),
            (1000.0, "1000"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (1e-7, "1e-07"),
            (0.0, "0"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.23457e+06"),
            (2.718_284_59, "2.71828"),
            (1e20, "1e+20"),
            (999_999.9, "1e+06"),
        ] {
            assert_eq!(String::from_utf8_lossy(&shown(number)), expected);
        }
    }
}
