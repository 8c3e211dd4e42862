//! Lengths, docs, and nothing left to do.
use super::Finding;
use super::source::Source;

/// The most lines of a file, tests not counted.
const FILE_LINES: usize = 600;

/// The most lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;

/// Comments that put work off.
const PUT_OFF: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Files stay short.
pub fn files_are_short(source: &Source) -> Vec<Finding> {
    if source.length <= FILE_LINES {
        return Vec::new();
    }
    let what = format!("{} lines without tests; at most {FILE_LINES}", source.length);
    vec![Finding { line: 1, what }]
}

/// Functions stay short.
pub fn functions_are_short(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for index in source.places(&["fn"]) {
        let Some(end) = body_end(source, index) else { continue };
        let length = source.line(end) - source.line(index) + 1;
        if length > FUNCTION_LINES {
            let name = source.tokens.get(index + 1).map_or("", |token| token.text.as_str());
            let what = format!("`{name}` has {length} lines; at most {FUNCTION_LINES}");
            let line = source.line(index);
            findings.push(Finding { line, what });
        }
    }
    findings
}

/// The closing brace of the function whose `fn` is at `index`; `None` for a type or a declaration without a body.
fn body_end(source: &Source, index: usize) -> Option<usize> {
    if source.reads(index + 1, &["("]) {
        return None;
    }
    let mut depth = 0usize;
    let mut in_body = false;
    for (index, token) in source.tokens.iter().enumerate().skip(index) {
        match token.text.as_str() {
            ";" if depth == 0 => return None,
            "{" if depth == 0 => (depth, in_body) = (1, true),
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" if depth == 1 && in_body => return Some(index),
            "}" | ")" | "]" => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// Every file starts by saying what it is.
pub fn files_say_what_they_are(source: &Source) -> Vec<Finding> {
    let mut lines = source.lines.iter().skip_while(|line| line.starts_with("#!["));
    if lines.next().is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    let what = "the first line is no `//!` that says what the file is".to_owned();
    vec![Finding { line: 1, what }]
}

/// Public items of the product's crates have docs.
pub fn public_items_say_what_they_mean(source: &Source) -> Vec<Finding> {
    const ITEMS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "unsafe"];
    if !source.name.starts_with("lb-user/src") && !source.name.starts_with("lb-common/src") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for index in source.places(&["pub"]) {
        let is_item = ITEMS.iter().any(|item| source.reads(index + 1, &[item]));
        if is_item && !is_documented(source, index) {
            let words: Vec<&str> = source
                .tokens
                .iter()
                .skip(index)
                .take(3)
                .map(|token| token.text.as_str())
                .collect();
            let what = format!("`{}` has no docs", words.join(" "));
            let line = source.line(index);
            findings.push(Finding { line, what });
        }
    }
    findings
}

/// Whether one of the attributes before a token is `#[doc = …]`.
fn is_documented(source: &Source, mut index: usize) -> bool {
    while index > 0 && source.reads(index - 1, &["]"]) {
        let mut depth = 0;
        while index > 0 {
            index -= 1;
            match source.tokens.get(index).map(|token| token.text.as_str()) {
                Some("]") => depth += 1,
                Some("[") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        if source.reads(index, &["[", "doc"]) {
            return true;
        }
        // The `#` before the bracket.
        index = index.saturating_sub(1);
    }
    false
}

/// No work is put off, no test is ignored.
pub fn nothing_is_left_to_do(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.lines.iter().enumerate() {
        let comment = line.split_once("//").map_or("", |(_, comment)| comment);
        if let Some(word) = PUT_OFF.iter().find(|word| comment.contains(**word)) {
            let what = format!("{word} in a comment");
            findings.push(Finding { line: index + 1, what });
        }
        if line.trim_start().starts_with("#[ignore") {
            let what = "an ignored test".to_owned();
            findings.push(Finding { line: index + 1, what });
        }
    }
    for name in ["todo", "unimplemented"] {
        for index in source.places(&[name, "!"]) {
            let what = format!("{name}!");
            let line = source.line(index);
            findings.push(Finding { line, what });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Result;

    fn lines(rule: super::super::Rule, text: &str) -> Result<Vec<usize>> {
        let source = Source::parse("lb-user/src/http/x.rs".into(), text)?;
        Ok(rule(&source).iter().map(|finding| finding.line).collect())
    }

    #[test]
    fn lengths_are_those_of_file_and_function() -> Result<()> {
        let body = |lines: usize| {
            format!(
                "fn f(a: fn()) -> [u8; {{ 1 }}]\n{{{}}}\ntrait T {{ fn g(); }}\n",
                "\n".repeat(lines)
            )
        };
        assert!(lines(functions_are_short, &body(68))?.is_empty());
        assert_eq!(lines(functions_are_short, &body(69))?, [1]);
        assert!(lines(files_are_short, &"\n".repeat(600))?.is_empty());
        assert_eq!(lines(files_are_short, &"\n".repeat(601))?, [1]);
        Ok(())
    }

    #[test]
    fn docs_count_whatever_attributes_stand_between() -> Result<()> {
        let text = "/// Yes.\n#[derive(Debug)]\npub struct A;\npub struct B;\nimpl A {\n    /// Yes.\n    pub fn c() {}\n    #[inline]\n    pub fn d() {}\n}\npub use x::y;\npub(crate) fn e() {}\npub mod z {}\n";
        assert_eq!(lines(public_items_say_what_they_mean, text)?, [4, 9]);
        assert!(lines(files_say_what_they_are, "//! Yes.\n")?.is_empty());
        assert_eq!(lines(files_say_what_they_are, "use x;\n//! No.\n")?, [1]);
        Ok(())
    }

    #[test]
    fn put_off_work_is_found_in_comments_and_code_only() -> Result<()> {
        let marker = PUT_OFF[0];
        let text = format!(
            "// {marker}: x\nconst A: &str = \"{marker}\";\nfn f() {{\n    todo!()\n}}\n#[ignore]\nfn g() {{}}\n"
        );
        assert_eq!(lines(nothing_is_left_to_do, &text)?, [1, 6, 4]);
        Ok(())
    }
}
