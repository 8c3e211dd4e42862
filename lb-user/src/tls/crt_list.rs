//! Lists of certificates (manual 5.1, `crt-list`).

use super::SniFilter;

/// One line of a list: a certificate, what it asks of its handshakes, and whom it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// From one.
    pub number: usize,
    pub file: &'a str,
    /// The words between the brackets.
    pub options: Vec<&'a str>,
    /// Empty: the names in the certificate.
    pub filters: Vec<SniFilter>,
}

/// Splits a list into its lines; empty ones and comments are left out.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let numbered = text.lines().enumerate();
    numbered.filter_map(|(index, text)| line(text, index + 1))
}

fn line(text: &str, number: usize) -> Option<Line<'_>> {
    let text = text.trim();
    if text.starts_with('#') {
        return None;
    }
    // Brackets stand alone or hug their words.
    let (file, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (options, filters) = match rest.trim_start().strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or((rest, "")),
        None => ("", rest),
    };
    (!file.is_empty()).then(|| Line {
        number,
        file,
        options: options.split_whitespace().collect(),
        filters: filters.split_whitespace().map(SniFilter::parse).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fall_into_parts() {
        let text = "cert1.pem !*\n# comment\n\n  cert2.pem [alpn h2,http/1.1]\nw.pem\t*.d.tld !s.d.tld\nc.pem [ verify none ]A.b";
        let told: Vec<_> = lines(text)
            .map(|line| (line.number, line.file, line.options, line.filters.len()))
            .collect();
        assert_eq!(
            told,
            [
                (1, "cert1.pem", vec![], 1),
                (4, "cert2.pem", vec!["alpn", "h2,http/1.1"], 0),
                (5, "w.pem", vec![], 2),
                (6, "c.pem", vec!["verify", "none"], 1),
            ]
        );
        assert_eq!(
            lines("c.pem A.b").next().map(|line| line.filters),
            Some(vec![SniFilter::parse("a.b")])
        );
    }
}
