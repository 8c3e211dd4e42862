//! Keywords of older versions, with what takes their place.

use crate::language::Error;

const DENY: &str = "'http-request deny'";
const TARPIT: &str = "'http-request tarpit'";
const REWRITE: &str = "'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header'";
const REWRITE_RESPONSE: &str = "'http-response replace-header'";

/// What went with version 2.1. Nothing takes the place of some.
const REMOVED: &[(&str, &str)] = &[
    ("block", DENY),
    ("cliexp", REWRITE),
    ("clitimeout", "'timeout client'"),
    ("contimeout", "'timeout connect'"),
    ("redisp", "'option redispatch'"),
    ("redispatch", "'option redispatch'"),
    ("reqadd", "'http-request add-header'"),
    ("reqallow", "'http-request allow'"),
    ("reqdel", "'http-request del-header'"),
    ("reqdeny", DENY),
    ("reqiallow", "'http-request allow'"),
    ("reqidel", "'http-request del-header'"),
    ("reqideny", DENY),
    ("reqipass", ""),
    ("reqirep", "'http-request replace-header'"),
    ("reqitarpit", TARPIT),
    ("reqpass", ""),
    ("reqrep", REWRITE),
    ("reqtarpit", TARPIT),
    ("rspadd", "'http-response add-header'"),
    ("rspdel", "'http-response del-header'"),
    ("rspdeny", "'http-response deny'"),
    ("rspidel", "'http-response del-header'"),
    ("rspideny", "'http-response deny'"),
    ("rspirep", REWRITE_RESPONSE),
    ("rsprep", REWRITE_RESPONSE),
    ("srvexp", REWRITE_RESPONSE),
    ("srvtimeout", "'timeout server'"),
];

/// What is said of a keyword or option that is gone; `argument` is the word after it.
pub fn removed(name: &str, argument: &str) -> Option<Error> {
    let text = match name {
        "appsession" => "'appsession' is not supported anymore since HAProxy 1.6.".to_owned(),
        "monitor-net" => format!(
            "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if {{ src {argument} }}' instead."
        ),
        "option" if argument == "forceclose" => "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, or use 'option httpclose' if absolutely needed.".to_owned(),
        "option" if argument == "http-tunnel" => "option 'http-tunnel' is not supported any more since HAProxy 2.1, please just remove it, it shouldn't be needed.".to_owned(),
        _ => {
            let (_, instead) = REMOVED.iter().find(|(known, _)| *known == name)?;
            let hint = match *instead {
                "" => String::new(),
                instead => format!(" Use {instead} instead."),
            };
            format!("The '{name}' directive is not supported anymore since HAProxy 2.1.{hint}")
        }
    };
    Some(Error::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_names_its_successor() {
        let said = |name, argument| removed(name, argument).map(|error| error.to_string());
        for (name, argument, part) in [
            ("reqadd", "X:", "Use 'http-request add-header' instead."),
            ("reqpass", "x", "since HAProxy 2.1."),
            ("option", "forceclose", "use 'option httpclose'"),
            ("monitor-net", "10.0.0.1", "{ src 10.0.0.1 }"),
        ] {
            let text = said(name, argument).unwrap_or_default();
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(said("option", "httplog"), None);
        assert_eq!(said("bind", ":80"), None);
    }
}
