//! The manual page `lb(1)`, in roff: the command line as the program explains it, and the rows of the language.
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::said;

/// The subcommands, each with its own help.
const SUBCOMMANDS: [&str; 3] = ["ctl", "explain", "keywords"];

/// What each kind of row is called in the page, in the page's order.
const CHAPTERS: [(&str, &str); 10] = [
    ("global", "GLOBAL SECTION"),
    ("proxy", "PROXY SECTIONS"),
    ("bind", "OPTIONS OF BIND"),
    ("server", "OPTIONS OF SERVER"),
    ("userlist", "USERLIST SECTIONS"),
    ("http-errors", "HTTP-ERRORS SECTIONS"),
    ("ring", "RING SECTIONS"),
    ("action", "ACTIONS"),
    ("fetch", "SAMPLE FETCHES"),
    ("converter", "CONVERTERS"),
];

/// Writes the page.
pub fn page(lb: &Path) -> Result<String> {
    let mut out =
        String::from(".TH LB 1\n.SH NAME\nlb \\- eBPF-assisted load balancer that speaks the HAProxy 2.4 language\n");
    command_line(&said(lb, &[])?, &mut out);
    out.push_str(".SH SUBCOMMANDS\n");
    for name in SUBCOMMANDS {
        let _ = write!(
            out,
            ".SS {name}\n.nf\n{}\n.fi\n",
            escaped(said(lb, &[name, "--help"])?.trim_end())
        );
    }
    let rows: Value = serde_json::from_str(&said(lb, &["keywords", "--json"])?)?;
    let rows = rows.as_array().context("lb keywords --json: an array")?;
    for (kind, title) in CHAPTERS {
        let _ = writeln!(out, ".SH {title}");
        let works = |row: &&Value| row["kind"] == kind && row["implemented"] == true;
        for row in rows.iter().filter(works) {
            let names: Vec<&str> = row["names"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let arguments = row["arguments"].as_str().unwrap_or_default();
            let meaning = row["description"].as_str().unwrap_or_default();
            let names = escaped(&names.join(", "));
            let _ = write!(
                out,
                ".TP\n\\fB{names}\\fR {}\n{}\n",
                escaped(arguments),
                escaped(meaning)
            );
        }
    }
    Ok(out)
}

/// The usage text: lines of options become a list.
fn command_line(usage: &str, out: &mut String) {
    let (synopsis, options) = usage.split_once("\n\n").unwrap_or((usage, ""));
    let lines = synopsis.lines().skip_while(|line| !line.starts_with("Usage:"));
    out.push_str(".SH SYNOPSIS\n.nf\n");
    for line in lines {
        let line = line.trim_start_matches("Usage:").trim();
        let _ = writeln!(out, "{}", escaped(line));
    }
    out.push_str(".fi\n.SH OPTIONS\n");
    for line in options.lines().map(str::trim).filter(|line| line.starts_with('-')) {
        let (option, meaning) = line
            .split_once("  ")
            .or_else(|| line.split_once("... "))
            .unwrap_or((line, ""));
        let _ = write!(out, ".TP\n\\fB{}\\fR\n{}\n", escaped(option), escaped(meaning.trim()));
    }
}

/// Text that roff takes literally.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    text.lines()
        .map(|line| match line.starts_with(['.', '\'']) {
            true => format!("\\&{line}"),
            false => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roff_takes_text_literally() {
        assert_eq!(escaped("-f a\\b\n.TH x"), "\\-f a\\eb\n\\&.TH x");
    }

    #[test]
    fn options_become_a_list() {
        let mut out = String::new();
        command_line(
            "lb version\nUsage: lb [-f]\n       lb ctl\n\n  -c         check\n  -- <file>... the rest\n",
            &mut out,
        );
        assert!(out.starts_with(".SH SYNOPSIS\n.nf\nlb [\\-f]\nlb ctl\n.fi\n.SH OPTIONS\n"));
        assert!(out.contains(".TP\n\\fB\\-c\\fR\ncheck\n"));
        assert!(out.contains("\\-\\- <file>\\fR\nthe rest\n"));
    }
}
