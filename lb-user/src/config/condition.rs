//! Conditional blocks (manual 2.4): which lines count, and what a condition means.

use std::fmt;

use super::environment::Environment;
use crate::language::release;

/// How deep `.if` may nest, less one.
const MAX_DEPTH: usize = 100;

/// The blocks that are open at a line.
#[derive(Debug, Default)]
pub struct Blocks {
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    state: State,
    in_else: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The lines of this branch count.
    Taken,
    /// No branch was taken yet.
    Waiting,
    /// A branch was taken before, or an outer block is not taken.
    Over,
}

/// A misplaced or malformed directive; the reading of the file ends there.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl Blocks {
    /// Do the lines here count?
    pub fn taken(&self) -> bool {
        self.levels.last().is_none_or(|level| level.state == State::Taken)
    }

    /// Is every `.if` closed?
    pub fn closed(&self) -> bool {
        self.levels.is_empty()
    }

    /// Follows `.if`, `.elif`, `.else` or `.endif` with what stands after it. Returns whether it was one of them.
    pub fn follow(&mut self, directive: &str, args: &[String], environment: &Environment) -> Result<bool, Refused> {
        match directive {
            ".if" => self.open(args, environment)?,
            ".elif" => self.next_branch(directive, Some(args), environment)?,
            ".else" | ".endif" => {
                if let Some(extra) = args.first() {
                    return Err(Refused(format!("Unexpected argument '{extra}' for '{directive}'.")));
                }
                match directive {
                    ".else" => self.next_branch(directive, None, environment)?,
                    _ => self.levels.pop().map(|_| ()).ok_or_else(|| lone(directive))?,
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn open(&mut self, args: &[String], environment: &Environment) -> Result<(), Refused> {
        if self.levels.len() + 1 >= MAX_DEPTH {
            return Err(Refused(format!("too many nested '.if', max is {MAX_DEPTH}.")));
        }
        let state = match self.taken() {
            true => branch(".if", args, environment)?,
            false => State::Over,
        };
        self.levels.push(Level { state, in_else: false });
        Ok(())
    }

    /// `.elif` has a condition, `.else` none.
    fn next_branch(
        &mut self,
        directive: &str,
        condition: Option<&[String]>,
        environment: &Environment,
    ) -> Result<(), Refused> {
        let level = self.levels.last_mut().ok_or_else(|| lone(directive))?;
        if level.in_else {
            return Err(Refused(format!("'{directive}' after '.else' is not permitted.")));
        }
        level.in_else = condition.is_none();
        level.state = match (level.state, condition) {
            (State::Waiting, Some(args)) => branch(directive, args, environment)?,
            (State::Waiting, None) => State::Taken,
            _ => State::Over,
        };
        Ok(())
    }
}

fn lone(directive: &str) -> Refused {
    Refused(format!("lone '{directive}' with no matching '.if'."))
}

fn branch(directive: &str, args: &[String], environment: &Environment) -> Result<State, Refused> {
    let condition = args.join(" ");
    match holds(&condition, environment) {
        Ok(true) => Ok(State::Taken),
        Ok(false) => Ok(State::Waiting),
        Err(mistake) => {
            let column = directive.len() + 1 + mistake.at;
            Err(Refused(format!(
                "{mistake} in '{directive}' at position {}:\n  {directive} {condition}\n  {:column$}^",
                mistake.at + 1,
                "",
            )))
        }
    }
}

/// What is wrong with a condition, and at which byte of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    text: String,
    at: usize,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Does the condition hold? It is empty (no), an integer (not zero), or a predicate.
pub fn holds(condition: &str, environment: &Environment) -> Result<bool, Mistake> {
    let text = condition.trim_start();
    let start = condition.len() - text.len();
    if text.is_empty() {
        return Ok(false);
    }
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let (result, end) = if digits > 0 {
        let number = &text[sign..sign + digits];
        (number.bytes().any(|digit| digit != b'0'), sign + digits)
    } else {
        predicate(text, environment).map_err(|mistake| match mistake {
            None => unparsable(condition, start),
            Some(mistake) => Mistake {
                text: mistake.text,
                at: start + mistake.at,
            },
        })?
    };
    let rest = text.get(end..).unwrap_or_default();
    match rest.trim_start().chars().next() {
        None => Ok(result),
        Some(extra) => Err(Mistake {
            text: format!("unexpected character '{extra}' at the end of conditional expression '{condition}'"),
            at: condition.len() - rest.trim_start().len(),
        }),
    }
}

fn unparsable(condition: &str, at: usize) -> Mistake {
    Mistake {
        text: format!("unparsable conditional expression '{condition}'"),
        at,
    }
}

struct Predicate {
    name: &'static str,
    args: usize,
    holds: fn(&[String], &Environment) -> bool,
}

const PREDICATES: [Predicate; 6] = [
    Predicate {
        name: "defined",
        args: 1,
        holds: |args, environment| args.iter().all(|name| environment.get(name).is_some()),
    },
    Predicate {
        name: "feature",
        args: 1,
        holds: |args, _| {
            args.iter()
                .all(|name| release::FEATURES.contains(&(name.as_str(), true)))
        },
    },
    Predicate {
        name: "streq",
        args: 2,
        holds: |args, _| args.first() == args.last(),
    },
    Predicate {
        name: "strneq",
        args: 2,
        holds: |args, _| args.first() != args.last(),
    },
    Predicate {
        name: "version_atleast",
        args: 1,
        holds: |args, _| {
            args.iter()
                .all(|other| Version::of(release::VERSION) >= Version::of(other))
        },
    },
    Predicate {
        name: "version_before",
        args: 1,
        holds: |args, _| {
            args.iter()
                .all(|other| Version::of(release::VERSION) < Version::of(other))
        },
    },
];

/// Reads `name(args)` and says whether it holds and where it ends. `Err(None)`: it is no predicate at all.
fn predicate(text: &str, environment: &Environment) -> Result<(bool, usize), Option<Mistake>> {
    let letters = text
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count();
    let (name, rest) = text.split_at(letters);
    let Some(predicate) = PREDICATES.iter().find(|predicate| predicate.name == name) else {
        return Err(None);
    };
    let (args, end) = match rest.strip_prefix('(') {
        None => (vec![String::new()], letters),
        Some(inside) => {
            let (args, length) = arguments(inside, predicate).map_err(|mistake| {
                Some(Mistake {
                    text: mistake.text,
                    at: letters + 1 + mistake.at,
                })
            })?;
            (args, letters + 1 + length + 1)
        }
    };
    if args.len() < predicate.args {
        let (name, got, wanted) = (predicate.name, args.len(), predicate.args);
        return Err(Some(Mistake {
            text: format!(
                "missing arguments (got {got}/{wanted}), type 'string' expected in argument 1 of predicate '{name}' used in conditional expression"
            ),
            at: end - usize::from(rest.starts_with('(')),
        }));
    }
    Ok(((predicate.holds)(&args, environment), end))
}

/// Reads a predicate's arguments, commas between them, up to the closing parenthesis, and gives the bytes read.
/// Quotes are a second level of quoting (manual 2.2): the first was resolved when the line became words.
fn arguments(text: &str, predicate: &Predicate) -> Result<(Vec<String>, usize), Mistake> {
    let mut args = vec![String::new()];
    let mut quote = None;
    let refuse = |before: &str, at| {
        let name = predicate.name;
        Err(Mistake {
            text: format!("expected ')'{before} in argument 1 of predicate '{name}' used in conditional expression"),
            at,
        })
    };
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            (')', None) => return Ok((args, at)),
            (',', None) if args.len() == predicate.args => {
                return refuse(&format!(" before '{}'", &text[at..]), at);
            }
            (',', None) => args.push(String::new()),
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(mark)) if letter == mark => quote = None,
            _ => args.last_mut().into_iter().for_each(|arg| arg.push(letter)),
        }
    }
    refuse("", text.len())
}

/// A version as `-v` shows it, comparable. What is missing counts as zero.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    numbers: [u32; 3],
    /// `-dev3` and `-rc3` come before the release itself.
    stage: Stage,
    commits: u32,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Development(u32),
    Candidate(u32),
    Release,
}

impl Version {
    fn of(text: &str) -> Version {
        let mut rest = text.trim_start_matches('v');
        let mut numbers = [0; 3];
        for number in &mut numbers {
            *number = leading_number(&mut rest);
            match rest.strip_prefix('.') {
                Some(more) => rest = more,
                None => break,
            }
        }
        let mut stage = Stage::Release;
        for (prefix, make) in [
            ("-dev", Stage::Development as fn(u32) -> Stage),
            ("-rc", Stage::Candidate as fn(u32) -> Stage),
        ] {
            if let Some(mut number) = rest.strip_prefix(prefix) {
                stage = make(leading_number(&mut number));
                rest = number;
            }
        }
        let commits = rest.rsplit('-').next().and_then(|number| number.parse().ok());
        Version {
            numbers,
            stage,
            commits: commits.unwrap_or(0),
        }
    }
}

fn leading_number(text: &mut &str) -> u32 {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    *text = rest;
    number.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment::from_iter([("A".to_owned(), String::new())])
    }

    #[test]
    fn conditions() {
        for (condition, expected) in [
            ("", false),
            ("0", false),
            ("00", false),
            ("1", true),
            (" 1 ", true),
            ("-1", true),
            ("defined(A)", true),
            ("defined( A )", false),
            ("defined()", false),
            ("defined", false),
            ("feature(EPOLL)", true),
            ("feature(KQUEUE)", false),
            ("feature(epoll)", false),
            ("streq(a b,a b)", true),
            ("streq(,)", true),
            ("streq( a,a)", false),
            ("streq('a,b',\"a,b\")", true),
            ("strneq(a,b)", true),
            ("strneq(a,a)", false),
            ("version_atleast(2)", true),
            ("version_atleast(2.4-dev19)", true),
            ("version_atleast(2.4.0)", true),
            ("version_atleast(2.4.1)", false),
            ("version_before(2.4.0)", false),
            ("version_before(2.4.0-5)", true),
            ("version_before(2.5-dev1)", true),
        ] {
            assert_eq!(holds(condition, &environment()), Ok(expected), "{condition}");
        }
    }

    #[test]
    fn versions_are_ordered() {
        let order = [
            "",
            "1.9",
            "2",
            "2.4-dev2",
            "2.4-dev19",
            "2.4-rc1",
            "2.4",
            "2.4.1",
            "2.4.1-7",
            "2.4.1-ab12-9",
            "2.10",
        ];
        for pair in order.windows(2) {
            assert!(Version::of(pair[0]) < Version::of(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn mistakes_in_conditions() {
        for (condition, text, position) in [
            ("foo", "unparsable conditional expression 'foo'", 1),
            ("foo(bar)", "unparsable conditional expression 'foo(bar)'", 1),
            (
                "1 2",
                "unexpected character '2' at the end of conditional expression '1 2'",
                3,
            ),
            (
                "1x",
                "unexpected character 'x' at the end of conditional expression '1x'",
                2,
            ),
            (
                "defined(A)x",
                "unexpected character 'x' at the end of conditional expression 'defined(A)x'",
                11,
            ),
            (
                "defined(",
                "expected ')' in argument 1 of predicate 'defined' used in conditional expression",
                9,
            ),
            (
                "streq(a,b,c)",
                "expected ')' before ',c)' in argument 1 of predicate 'streq' used in conditional expression",
                10,
            ),
            (
                "streq(a)",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
                8,
            ),
            (
                "streq",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
                6,
            ),
        ] {
            let mistake = Mistake {
                text: text.to_owned(),
                at: position - 1,
            };
            assert_eq!(holds(condition, &environment()), Err(mistake), "{condition}");
        }
    }
}
