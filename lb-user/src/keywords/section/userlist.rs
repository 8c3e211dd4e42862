//! `userlist` sections (manual 3.4).

use crate::keywords::Reading;
use crate::language::row::Does;
use crate::language::{Error, Row, Scope, Words};
use crate::plan::{Password, User, Userlist};

/// Reads a line's arguments.
pub type ParseUserlist = fn(&str, &mut Words<'_>, &mut Draft, &mut Reading<'_>) -> Result<(), Error>;

/// A list in the making. Groups may name users that come later, and the reverse.
#[derive(Default)]
pub struct Draft {
    pub list: Userlist,
    /// Each group with the users that its own line names.
    groups: Vec<(String, Vec<String>)>,
}

impl Draft {
    /// Joins groups and users.
    pub fn finish(mut self) -> Result<Userlist, Error> {
        let list = &self.list.name;
        for (group, users) in &self.groups {
            for name in users {
                let user = self.list.users.iter_mut().find(|user| user.name == *name);
                let user = user.ok_or_else(|| {
                    Error::new(format!(
                        "userlist '{list}': no such user '{name}' specified in group '{group}'"
                    ))
                })?;
                user.groups.push(group.clone());
            }
        }
        for user in &self.list.users {
            for group in &user.groups {
                if !self.groups.iter().any(|(known, _)| known == group) {
                    let name = &user.name;
                    return Err(Error::new(format!(
                        "userlist '{list}': no such group '{group}' specified in user '{name}'"
                    )));
                }
            }
        }
        Ok(self.list)
    }
}

/// All keywords of the section.
pub const REGISTRY: &[&[Row<ParseUserlist>]] = &[ROWS];

const ROWS: &[Row<ParseUserlist>] = &[
    Row {
        names: &["group"],
        args: "<groupname> [users <user>,<user>,(...)]",
        scope: Scope::GLOBAL,
        doc: "A group of users.",
        example: "userlist u\n    group admins users alice\n    user alice insecure-password secret",
        does: Does::Works(group),
    },
    Row {
        names: &["user"],
        args: "<username> [password|insecure-password <password>] [groups <group>,<group>,(...)]",
        scope: Scope::GLOBAL,
        doc: "A user with a password, hashed or in clear.",
        example: "userlist u\n    user alice insecure-password secret",
        does: Does::Works(user),
    },
];

fn group(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let name = words.need(keyword, "<name> as arguments")?;
    let mut users = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "users" => users = list(words),
            _ => return Err(Error::expects(keyword, "only 'users' option")),
        }
    }
    if draft.groups.iter().any(|(known, _)| known == name) {
        let list = &draft.list.name;
        reading.warn(format_args!("ignoring duplicated group '{name}' in userlist '{list}'."));
        return Ok(());
    }
    draft.groups.push((name.to_owned(), users));
    Ok(())
}

fn user(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut user = User {
        name: words.need(keyword, "<name> as arguments")?.to_owned(),
        ..User::default()
    };
    while let Some(word) = words.next() {
        match word {
            "password" => user.password = Some(Password::Hashed(words.need(word, "a password")?.to_owned())),
            "insecure-password" => {
                user.password = Some(Password::Insecure(words.need(word, "a password")?.to_owned()));
            }
            "groups" => user.groups = list(words),
            other => return Err(Error::new(format!("unknown keyword '{other}' in '{keyword}' line."))),
        }
    }
    if draft.list.users.iter().any(|known| known.name == user.name) {
        let (name, list) = (&user.name, &draft.list.name);
        reading.warn(format_args!("ignoring duplicated user '{name}' in userlist '{list}'."));
        return Ok(());
    }
    draft.list.users.push(user);
    Ok(())
}

fn list(words: &mut Words<'_>) -> Vec<String> {
    let text = words.next().unwrap_or_default();
    text.split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
