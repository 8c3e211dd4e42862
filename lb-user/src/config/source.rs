//! The files of a configuration: which, in which order, and their text.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::language::Error;

/// One file of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As written on the command line, or below the directory written there.
    pub name: Arc<str>,
    pub text: Vec<u8>,
}

/// Replaces each directory by the files in it whose names end in `.cfg` and do not open with a dot, in byte order
/// (management guide, `-f`).
pub fn expand(paths: &[String]) -> Result<Vec<String>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let found = match Path::new(path).is_dir() {
            true => directory(path),
            false => Path::new(path).metadata().map(|_| vec![path.clone()]),
        };
        files.extend(found.map_err(|error| cannot_open("Cannot open configuration file/directory", path, &error))?);
    }
    Ok(files)
}

fn directory(path: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let wanted = name.as_bytes().ends_with(b".cfg") && !name.as_bytes().starts_with(b".");
        if wanted && entry.path().is_file() {
            let name = name.into_string().map_err(|_| io::ErrorKind::InvalidFilename)?;
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names.iter().map(|name| format!("{path}/{name}")).collect())
}

/// Reads one file whole.
pub fn read(name: &str) -> Result<Source, Error> {
    let text = std::fs::read(name).map_err(|error| cannot_open("Could not open configuration file", name, &error))?;
    Ok(Source {
        name: Arc::from(name),
        text,
    })
}

fn cannot_open(what: &str, name: &str, error: &io::Error) -> Error {
    Error::new(format!("{what} {name} : {}", reason(error)))
}

/// The system's words for an error, without the number that Rust adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_its_configuration_files_in_byte_order() {
        let root = std::env::temp_dir().join(format!("lb-source-{}", std::process::id()));
        std::fs::create_dir_all(root.join("inner.cfg")).unwrap();
        for name in ["b.cfg", "B.cfg", "a.cfg", ".hidden.cfg", "notes.txt", "10.cfg"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        let root_name = root.to_str().unwrap().to_owned();
        let files = expand(std::slice::from_ref(&root_name)).unwrap();
        let expected = ["10.cfg", "B.cfg", "a.cfg", "b.cfg"].map(|name| format!("{root_name}/{name}"));
        assert_eq!(files, expected);
        assert_eq!(read(&files[0]).unwrap().text, b"10.cfg");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = "/nonexistent/lb.cfg";
        assert_eq!(
            expand(&[missing.to_owned()]),
            Err(Error::new(format!(
                "Cannot open configuration file/directory {missing} : No such file or directory"
            )))
        );
        assert_eq!(
            read(missing),
            Err(Error::new(format!(
                "Could not open configuration file {missing} : No such file or directory"
            )))
        );
    }
}
