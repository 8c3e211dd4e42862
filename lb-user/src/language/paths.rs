//! Where relative file names start from (manual 3.1, `default-path`).

use std::path::{Path, PathBuf};

use super::{Error, Words};

/// The policy in force at a line of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DefaultPath {
    /// The directory the process was started in.
    #[default]
    Current,
    /// The directory of the configuration file.
    Config,
    /// The parent of the configuration file's directory.
    Parent,
    /// A directory named in the configuration.
    Origin(PathBuf),
}

impl DefaultPath {
    /// Reads what follows the keyword `default-path`.
    pub fn parse(words: &mut Words) -> Result<DefaultPath, Error> {
        const MODES: &str = "for 'default-path', supported modes include 'current', 'config', 'parent', and 'origin'.";
        let mode = words.next().unwrap_or_default();
        let path = match mode {
            "current" => DefaultPath::Current,
            "config" => DefaultPath::Config,
            "parent" => DefaultPath::Parent,
            "origin" => {
                let directory = words.need("default-path origin", "a directory as an argument")?;
                if !Path::new(directory).is_dir() {
                    return Err(Error::new(format!(
                        "couldn't set 'default-path' to origin '{directory}': not a directory."
                    )));
                }
                DefaultPath::Origin(PathBuf::from(directory))
            }
            "" => return Err(Error::new(format!("missing default-path mode '' {MODES}"))),
            other => return Err(Error::new(format!("unsupported default-path mode '{other}' {MODES}"))),
        };
        words.end("default-path")?;
        Ok(path)
    }

    /// The file to open for `name`, found in configuration file `config`. The name itself stays the file's identity
    /// for the runtime API.
    pub fn resolve(&self, config: &str, name: &str) -> PathBuf {
        let directory = Path::new(config).parent().unwrap_or(Path::new(""));
        match self {
            DefaultPath::Current => PathBuf::from(name),
            DefaultPath::Config => directory.join(name),
            DefaultPath::Parent => directory.join("..").join(name),
            DefaultPath::Origin(origin) => origin.join(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Location;

    #[test]
    fn relative_names_follow_the_policy() {
        let origin = DefaultPath::Origin(PathBuf::from("/srv/edge"));
        for (policy, config, expected) in [
            (&DefaultPath::Current, "/etc/lb/lb.cfg", "maps/a"),
            (&DefaultPath::Config, "/etc/lb/lb.cfg", "/etc/lb/maps/a"),
            (&DefaultPath::Config, "lb.cfg", "maps/a"),
            (&DefaultPath::Config, "/lb.cfg", "/maps/a"),
            (&DefaultPath::Parent, "/etc/lb/lb.cfg", "/etc/lb/../maps/a"),
            (&DefaultPath::Parent, "lb.cfg", "../maps/a"),
            (&origin, "/etc/lb/lb.cfg", "/srv/edge/maps/a"),
        ] {
            assert_eq!(policy.resolve(config, "maps/a"), Path::new(expected), "{policy:?}");
            assert_eq!(policy.resolve(config, "/abs"), Path::new("/abs"), "{policy:?}");
        }
    }

    #[test]
    fn parsing() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            DefaultPath::parse(&mut Words::new(&words, &Location::default())).map_err(|error| error.to_string())
        };
        assert_eq!(parse("config"), Ok(DefaultPath::Config));
        assert_eq!(parse("origin /"), Ok(DefaultPath::Origin(PathBuf::from("/"))));
        let modes = "for 'default-path', supported modes include 'current', 'config', 'parent', and 'origin'.";
        for (line, message) in [
            ("", format!("missing default-path mode '' {modes}")),
            ("up", format!("unsupported default-path mode 'up' {modes}")),
            (
                "origin",
                "'default-path origin' expects a directory as an argument.".to_owned(),
            ),
            (
                "origin /nonexistent",
                "couldn't set 'default-path' to origin '/nonexistent': not a directory.".to_owned(),
            ),
            (
                "config x",
                "'default-path' cannot handle unexpected argument 'x'.".to_owned(),
            ),
        ] {
            assert_eq!(parse(line), Err(message), "{line}");
        }
    }
}
