//! Who may do what: `userlist` sections (manual 3.4).

/// A `userlist` section.
#[derive(Clone, Default)]
pub struct Userlist {
    pub name: String,
    pub users: Vec<User>,
}

/// One user: name, password as configured, groups.
#[derive(Clone, Default)]
pub struct User {
    pub name: String,
    pub password: Option<Password>,
    pub groups: Vec<String>,
}

/// A password, hashed with `crypt(3)` or given in clear.
#[derive(Clone)]
pub enum Password {
    Hashed(String),
    Insecure(String),
}

impl Userlist {
    /// The user of that name, if the password is the right one.
    pub fn user(&self, name: &[u8], password: &[u8]) -> Option<&User> {
        let user = self.users.iter().find(|user| user.name.as_bytes() == name)?;
        let is_right = match user.password.as_ref()? {
            Password::Hashed(hash) => pwhash::unix::verify(password, hash),
            Password::Insecure(clear) => clear.as_bytes() == password,
        };
        is_right.then_some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hashed_as_crypt_does() {
        let hash = |text: &str| Some(Password::Hashed(text.to_owned()));
        let list = Userlist {
            name: "people".to_owned(),
            users: [
                ("md5", hash("$1$abc$iCQ2D3nhptRYi27fDYv2s1")),
                ("sha256", hash("$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0")),
                (
                    "sha512",
                    hash(
                        "$6$abc$IdWKNKTJEb8LxY7CGg8YBXlvtfZzFw7Mp/r6niK9YB2mdvgY..TKjv1T..8RadRt2qvUHYRLr/TsVArtr91iR1",
                    ),
                ),
                ("clear", Some(Password::Insecure("secret".to_owned()))),
                ("none", None),
            ]
            .map(|(name, password)| User {
                name: name.to_owned(),
                password,
                groups: Vec::new(),
            })
            .to_vec(),
        };
        for name in ["md5", "sha256", "sha512", "clear"] {
            assert!(list.user(name.as_bytes(), b"secret").is_some(), "{name}");
            assert!(list.user(name.as_bytes(), b"Secret").is_none(), "{name}");
        }
        assert!(list.user(b"none", b"").is_none());
        assert!(list.user(b"nobody", b"secret").is_none());
    }
}
