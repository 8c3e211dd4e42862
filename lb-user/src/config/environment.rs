//! The environment variables that a configuration reads and changes (manual 2.3).

use std::collections::BTreeMap;

use crate::language::Error;

/// A copy of the process's variables; `setenv` and its kin change the copy, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The value of a variable that is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a variable, whether it was set or not.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// All variables with their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Carries out a line of the global section if it is `setenv`, `presetenv`, `unsetenv` or `resetenv`.
    /// Returns whether it was one.
    pub fn apply(&mut self, words: &[String]) -> Result<bool, Error> {
        let Some((keyword, args)) = words.split_first() else {
            return Ok(false);
        };
        match keyword.as_str() {
            "setenv" | "presetenv" => {
                let (name, value) = name_and_value(keyword, args)?;
                if keyword == "setenv" || self.get(name).is_none() {
                    self.set(name, value);
                }
            }
            "unsetenv" if args.is_empty() => {
                return Err(Error::expects(keyword, "at least one variable name"));
            }
            "unsetenv" => self.0.retain(|name, _| !args.contains(name)),
            "resetenv" => self.0.retain(|name, _| args.contains(name)),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn name_and_value<'a>(keyword: &str, args: &'a [String]) -> Result<(&'a str, &'a str), Error> {
    match args {
        [name, value] if name.contains('=') || name.is_empty() || value.contains('\0') => Err(Error::new(format!(
            "'{keyword}' failed on variable '{name}' : Invalid argument."
        ))),
        [name, value] => Ok((name, value)),
        [_, _, extra, ..] => Err(Error::new(format!(
            "'{keyword}' cannot handle unexpected argument '{extra}'."
        ))),
        _ => Err(Error::expects(keyword, "a name and a value")),
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Environment {
        Environment(variables.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_section_changes_it() {
        let mut environment = Environment::from_iter([("HOME".to_owned(), "/".to_owned())]);
        for line in [
            "setenv A 1",
            "presetenv A 2",
            "presetenv B 2",
            "setenv C 3",
            "unsetenv HOME C",
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(environment.apply(&words), Ok(true), "{line}");
        }
        assert_eq!(environment.iter().collect::<Vec<_>>(), [("A", "1"), ("B", "2")]);
        assert_eq!(environment.apply(&["resetenv".to_owned(), "B".to_owned()]), Ok(true));
        assert_eq!(environment.iter().collect::<Vec<_>>(), [("B", "2")]);
        assert_eq!(environment.apply(&["maxconn".to_owned()]), Ok(false));
    }

    #[test]
    fn mistakes() {
        for (line, message) in [
            ("setenv", "'setenv' expects a name and a value."),
            ("presetenv A", "'presetenv' expects a name and a value."),
            ("setenv A B C", "'setenv' cannot handle unexpected argument 'C'."),
            ("unsetenv", "'unsetenv' expects at least one variable name."),
            ("setenv A=B C", "'setenv' failed on variable 'A=B' : Invalid argument."),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(Environment::default().apply(&words), Err(Error::new(message)), "{line}");
        }
    }
}
