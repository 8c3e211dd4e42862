//! `ring` sections (manual 3.10).

use crate::keywords::{Reading, log_target, number};
use crate::language::row::Does;
use crate::language::{Error, Row, Scope, Words, units};
use crate::plan::log::Ring;

/// Reads a line's arguments.
pub type ParseRing = fn(&str, &mut Words<'_>, &mut Ring, &mut Reading<'_>) -> Result<(), Error>;

/// All keywords of the section.
pub const REGISTRY: &[&[Row<ParseRing>]] = &[ROWS];

const fn works(
    names: &'static [&'static str],
    args: &'static str,
    doc: &'static str,
    example: &'static str,
    parse: ParseRing,
) -> Row<ParseRing> {
    Row {
        names,
        args,
        scope: Scope::GLOBAL,
        doc,
        example,
        does: Does::Works(parse),
    }
}

const ROWS: &[Row<ParseRing>] = &[
    works(
        &["description"],
        "<text>",
        "A text for `show events`.",
        "ring r\n    description last words",
        |keyword, words, ring, _| {
            let text = words.take_rest().join(" ");
            if text.is_empty() {
                return Err(Error::expects(keyword, "a string argument"));
            }
            ring.description = Some(text);
            Ok(())
        },
    ),
    works(
        &["format"],
        "<format>",
        "The envelope of the lines kept.",
        "ring r\n    format timed",
        |keyword, words, ring, _| {
            words.back();
            ring.format = log_target::format(words)?;
            words.end(keyword)
        },
    ),
    works(
        &["maxlen"],
        "<length>",
        "Longest line, 1024 by default.",
        "ring r\n    maxlen 1200",
        |keyword, words, ring, _| {
            let length: usize = number::only_integer(keyword, words)?;
            if length == 0 {
                return Err(Error::new(format!("invalid size '{length}' for {keyword}.")));
            }
            ring.max_length = length;
            Ok(())
        },
    ),
    works(
        &["size"],
        "<size>",
        "Bytes of the ring, 16384 by default.",
        "ring r\n    size 32764",
        |keyword, words, ring, _| {
            let word = words.next().unwrap_or_default();
            words.end(keyword)?;
            let size = units::size(word).ok().filter(|size| *size > 0);
            let size = size.and_then(|size| usize::try_from(size).ok());
            ring.size = size.ok_or_else(|| Error::new(format!("invalid size '{word}' for new sink buffer.")))?;
            Ok(())
        },
    ),
    Row::refused(
        &["server"],
        "<name> <address> [param*]",
        Scope::GLOBAL,
        "A syslog server that the ring is forwarded to over TCP.",
        "ring r\n    server s1 127.0.0.1:6514",
    ),
    Row::refused(
        &["timeout connect"],
        "<timeout>",
        Scope::GLOBAL,
        "How long a connection to that server may take.",
        "ring r\n    timeout connect 5s",
    ),
    Row::refused(
        &["timeout server"],
        "<timeout>",
        Scope::GLOBAL,
        "How long that server may stay silent.",
        "ring r\n    timeout server 10s",
    ),
];
