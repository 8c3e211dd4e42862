//! Files become sections: headers, their lines, and the directives between them (manual 2.1 to 2.4).

use std::sync::Arc;

use super::condition::{Blocks, Refused};
use super::environment::Environment;
use super::lex;
use super::source::Source;
use crate::language::{Diagnostics, Error, Location, Severity, Word, suggest};

/// The kinds of sections, in the order of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionKind {
    Global,
    Defaults,
    Frontend,
    Backend,
    Listen,
    Peers,
    Resolvers,
    Mailers,
    Userlist,
    HttpErrors,
    Cache,
    Ring,
    Program,
    FcgiApp,
    LogForward,
}

impl SectionKind {
    /// Every kind.
    pub const ALL: [SectionKind; 15] = [
        SectionKind::Global,
        SectionKind::Defaults,
        SectionKind::Frontend,
        SectionKind::Backend,
        SectionKind::Listen,
        SectionKind::Peers,
        SectionKind::Resolvers,
        SectionKind::Mailers,
        SectionKind::Userlist,
        SectionKind::HttpErrors,
        SectionKind::Cache,
        SectionKind::Ring,
        SectionKind::Program,
        SectionKind::FcgiApp,
        SectionKind::LogForward,
    ];

    /// The word that opens the section.
    pub fn keyword(self) -> &'static str {
        match self {
            SectionKind::Global => "global",
            SectionKind::Defaults => "defaults",
            SectionKind::Frontend => "frontend",
            SectionKind::Backend => "backend",
            SectionKind::Listen => "listen",
            SectionKind::Peers => "peers",
            SectionKind::Resolvers => "resolvers",
            SectionKind::Mailers => "mailers",
            SectionKind::Userlist => "userlist",
            SectionKind::HttpErrors => "http-errors",
            SectionKind::Cache => "cache",
            SectionKind::Ring => "ring",
            SectionKind::Program => "program",
            SectionKind::FcgiApp => "fcgi-app",
            SectionKind::LogForward => "log-forward",
        }
    }

    /// The kind that `keyword` opens.
    pub fn of(keyword: &str) -> Option<SectionKind> {
        SectionKind::ALL.into_iter().find(|kind| kind.keyword() == keyword)
    }
}

/// One line inside a section, cut into words. It has at least one, and the first is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub words: Vec<Word>,
    pub location: Location,
}

/// A header and the lines below it, keywords not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub kind: SectionKind,
    /// The header's words, the keyword first.
    pub words: Vec<Word>,
    pub location: Location,
    pub lines: Vec<Line>,
}

/// What a section's header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    pub name: Option<&'a str>,
    /// The named defaults section that this one starts from.
    pub from: Option<&'a str>,
}

impl Section {
    /// Reads the header: the name that this kind of section needs, and `from` where it is allowed.
    pub fn header(&self) -> Result<Header<'_>, Error> {
        let keyword = self.kind.keyword();
        let args = self.words.get(1..).unwrap_or_default();
        let (name, rest) = match (self.kind, args) {
            (SectionKind::Global, rest) => (None, rest),
            (SectionKind::Defaults, rest @ [from, _, ..]) if from == "from" => (None, rest),
            (SectionKind::Defaults, []) => (None, args),
            (_, [name, rest @ ..]) if !name.is_empty() => (Some(name.as_str()), rest),
            _ => return Err(self.missing_name()),
        };
        if let Some(bad) = name.and_then(forbidden)
            && self.kind != SectionKind::Defaults
        {
            let name = name.unwrap_or_default();
            return Err(Error::new(format!(
                "character '{bad}' is not permitted in '{keyword}' name '{name}'."
            )));
        }
        use SectionKind::{Backend, Defaults, Frontend, Listen};
        let inherits = matches!(self.kind, Defaults | Frontend | Backend | Listen);
        let (from, rest) = match rest {
            [from, parent, rest @ ..] if inherits && from == "from" => (Some(parent.as_str()), rest),
            _ => (None, rest),
        };
        match rest.first() {
            None => Ok(Header { name, from }),
            Some(_) if matches!(self.kind, Frontend | Listen) && from.is_none() => {
                Err(Error::new("please use the 'bind' keyword for listening addresses."))
            }
            Some(extra) => Err(Error::new(format!(
                "'{keyword}' cannot handle unexpected argument '{extra}'."
            ))),
        }
    }

    fn missing_name(&self) -> Error {
        let keyword = self.kind.keyword();
        Error::new(match self.kind {
            SectionKind::Userlist | SectionKind::FcgiApp => format!("'{keyword}' expects <name> as argument."),
            SectionKind::Cache => format!("'{keyword}' expects a <name> argument"),
            SectionKind::Frontend | SectionKind::Backend | SectionKind::Listen | SectionKind::Program => {
                format!("'{keyword}' expects an <id> argument")
            }
            _ => format!("missing name for {keyword} section."),
        })
    }
}

/// The first character of a name that names may not have.
fn forbidden(name: &str) -> Option<char> {
    name.chars()
        .find(|letter| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.' | ':'))
}

/// What the files said.
#[derive(Debug, Default)]
pub struct Sections {
    pub sections: Vec<Section>,
    /// The variables as the global sections left them: `setenv` and its kin were carried out line by line.
    pub environment: Environment,
    /// The files that hold a mistake.
    pub faulty: Vec<Arc<str>>,
}

/// Cuts files into sections. Mistakes of the grammar go to `diagnostics`; what could be read is returned either way.
pub fn split(sources: &[Source], environment: Environment, diagnostics: &mut Diagnostics) -> Sections {
    let mut result = Sections {
        environment,
        ..Sections::default()
    };
    for source in sources {
        let reader = Reader {
            source,
            blocks: Blocks::default(),
            open: false,
            title: String::new(),
            faulty: false,
            result: &mut result,
            diagnostics,
        };
        let (faulty, ended_early) = reader.read();
        if faulty {
            result.faulty.push(Arc::clone(&source.name));
        }
        if ended_early {
            break;
        }
    }
    result
}

/// The reading of one file.
struct Reader<'a> {
    source: &'a Source,
    blocks: Blocks,
    /// Has a section begun in this file? Each file starts on a section boundary.
    open: bool,
    /// What `.SECTION` stands for.
    title: String,
    faulty: bool,
    result: &'a mut Sections,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    /// Reads all lines. Returns whether there were mistakes, and whether one of them forbids to go on.
    fn read(mut self) -> (bool, bool) {
        let source = self.source;
        let mut location = Location {
            file: Arc::clone(&source.name),
            line: 0,
        };
        for line in source.text.split_inclusive(|byte| *byte == b'\n') {
            location.line += 1;
            let text = line.split(|byte| *byte == 0).next().unwrap_or_default();
            if let Err(Refused(message)) = self.line(text, &location) {
                self.alert(&location, message);
                return (true, true);
            }
            if !text.ends_with(b"\n") {
                let position = text.len() + 1;
                self.alert(
                    &location,
                    format!("Missing LF on last line, file might have been truncated at position {position}."),
                );
                return (true, false);
            }
        }
        if !self.blocks.closed() {
            self.alert(&location, "non-terminated '.if' block.".to_owned());
            return (true, true);
        }
        (self.faulty, false)
    }

    fn alert(&mut self, location: &Location, text: String) {
        self.faulty = true;
        self.say(Severity::Alert, location, text);
    }

    /// Messages of the grammar have no blank before their colon.
    fn say(&mut self, severity: Severity, location: &Location, text: String) {
        self.diagnostics.push(severity, format!("parsing [{location}]: {text}"));
    }

    fn line(&mut self, text: &[u8], location: &Location) -> Result<(), Refused> {
        let lookup = |name: &str| match name {
            ".FILE" => Some(location.file.to_string()),
            ".LINE" => Some(location.line.to_string()),
            ".SECTION" => Some(self.title.clone()),
            name => self.result.environment.get(name).map(str::to_owned),
        };
        let words = match lex::split(text, &lookup) {
            Ok(words) => words,
            Err(mistake) => {
                self.alert(location, mistake.explain(text));
                return Ok(());
            }
        };
        let Some(first) = words.first().filter(|word| !word.is_empty()) else {
            return Ok(());
        };
        if first.starts_with('.') && self.blocks.follow(first, &words[1..], &self.result.environment)? {
            return Ok(());
        }
        match (self.blocks.taken(), SectionKind::of(first)) {
            (false, _) => {}
            _ if first.starts_with('.') => return self.message(&words, location),
            (true, Some(kind)) => self.header(kind, words, location),
            (true, None) => self.keyword(words, location),
        }
        Ok(())
    }

    /// `.diag`, `.notice`, `.warning` or `.alert`. An alert ends the reading.
    fn message(&mut self, words: &[Word], location: &Location) -> Result<(), Refused> {
        let directive = words.first().map_or("", String::as_str);
        let severity = match directive {
            ".diag" => Severity::Diag,
            ".notice" => Severity::Notice,
            ".warning" => Severity::Warning,
            ".alert" => Severity::Alert,
            _ => return Err(Refused(format!("unknown directive '{directive}'."))),
        };
        if let Some(extra) = words.get(2) {
            self.alert(
                location,
                format!(
                    "Unexpected argument '{extra}' for '{directive}'. Use quotes if the message should contain spaces."
                ),
            );
            return Ok(());
        }
        let text = format!("'{}'.", words.get(1).map_or("", String::as_str));
        if severity == Severity::Alert {
            return Err(Refused(text));
        }
        self.say(severity, location, text);
        Ok(())
    }

    fn header(&mut self, kind: SectionKind, words: Vec<Word>, location: &Location) {
        self.open = true;
        self.title = words
            .get(1)
            .filter(|name| !name.is_empty())
            .map_or_else(|| kind.keyword().to_owned(), String::clone);
        self.result.sections.push(Section {
            kind,
            words,
            location: location.clone(),
            lines: Vec::new(),
        });
    }

    fn keyword(&mut self, words: Vec<Word>, location: &Location) {
        let section = match self.result.sections.last_mut() {
            Some(section) if self.open => section,
            _ => return self.out_of_section(&words, location),
        };
        if section.kind == SectionKind::Global
            && let Err(error) = self.result.environment.apply(&words)
        {
            self.alert(location, error.to_string());
            return;
        }
        section.lines.push(Line {
            words,
            location: location.clone(),
        });
    }

    fn out_of_section(&mut self, words: &[Word], location: &Location) {
        let word = words.first().map_or("", String::as_str);
        let known = SectionKind::ALL.iter().map(|kind| kind.keyword());
        let hint = match suggest::nearest(word, known) {
            Some(near) => format!("; did you mean '{near}' maybe ?"),
            None => ".".to_owned(),
        };
        self.alert(location, format!("unknown keyword '{word}' out of section{hint}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[(&str, &str)]) -> (Sections, Vec<String>) {
        let sources: Vec<Source> = texts
            .iter()
            .map(|(name, text)| Source {
                name: Arc::from(*name),
                text: text.as_bytes().to_vec(),
            })
            .collect();
        let mut diagnostics = Diagnostics::default();
        let sections = split(&sources, Environment::default(), &mut diagnostics);
        let messages = diagnostics.messages().iter().map(|message| message.text.clone());
        (sections, messages.collect())
    }

    #[test]
    fn lines_belong_to_the_section_above() {
        let (read, messages) = read(&[
            (
                "a.cfg",
                "global\n maxconn 5 # five\n\nfrontend web from base\n bind :80\n mode http\n",
            ),
            ("b.cfg", "global\n daemon\n"),
        ]);
        assert_eq!(messages, Vec::<String>::new());
        let shape: Vec<_> = read
            .sections
            .iter()
            .map(|section| (section.kind, section.location.to_string(), section.lines.len()))
            .collect();
        assert_eq!(
            shape,
            [
                (SectionKind::Global, "a.cfg:1".to_owned(), 1),
                (SectionKind::Frontend, "a.cfg:4".to_owned(), 2),
                (SectionKind::Global, "b.cfg:1".to_owned(), 1),
            ]
        );
        assert_eq!(read.sections[1].words, ["frontend", "web", "from", "base"]);
        assert_eq!(read.sections[1].lines[0].words, ["bind", ":80"]);
        assert_eq!(read.sections[1].lines[0].location.to_string(), "a.cfg:5");
    }

    #[test]
    fn a_file_starts_on_a_section_boundary() {
        let (read, messages) = read(&[("a.cfg", "global\n"), ("b.cfg", "maxconn 5\nglobl\n")]);
        assert_eq!(
            messages,
            [
                "parsing [b.cfg:1]: unknown keyword 'maxconn' out of section.",
                "parsing [b.cfg:2]: unknown keyword 'globl' out of section; did you mean 'global' maybe ?",
            ]
        );
        assert_eq!(read.faulty, [Arc::from("b.cfg")]);
    }

    #[test]
    fn headers() {
        let header = |line: &str| {
            let (read, _) = read(&[("a.cfg", &format!("{line}\n"))]);
            let section = read.sections.first().cloned().unwrap();
            match section.header() {
                Ok(header) => format!("{:?} {:?}", header.name, header.from),
                Err(error) => error.to_string(),
            }
        };
        for (line, expected) in [
            ("global", "None None"),
            ("defaults", "None None"),
            ("defaults a", "Some(\"a\") None"),
            ("defaults from b", "None Some(\"b\")"),
            ("defaults a from b", "Some(\"a\") Some(\"b\")"),
            ("frontend f from a", "Some(\"f\") Some(\"a\")"),
            ("listen from from a", "Some(\"from\") Some(\"a\")"),
            ("global foo", "'global' cannot handle unexpected argument 'foo'."),
            ("frontend", "'frontend' expects an <id> argument"),
            (
                "frontend bad!name",
                "character '!' is not permitted in 'frontend' name 'bad!name'.",
            ),
            (
                "frontend f from a x",
                "'frontend' cannot handle unexpected argument 'x'.",
            ),
            (
                "listen x 1.2.3.4:80",
                "please use the 'bind' keyword for listening addresses.",
            ),
            ("backend a b", "'backend' cannot handle unexpected argument 'b'."),
            ("peers", "missing name for peers section."),
            ("peers p from a", "'peers' cannot handle unexpected argument 'from'."),
            ("userlist", "'userlist' expects <name> as argument."),
            ("cache", "'cache' expects a <name> argument"),
            ("program", "'program' expects an <id> argument"),
        ] {
            assert_eq!(header(line), expected, "{line}");
        }
    }
}
