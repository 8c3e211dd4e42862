//! Kernel help: what may be used, on which interfaces. Not in the peer's language.

use super::{GlobalDraft, GlobalRow, only_word, works};
use crate::keywords::Reading;
use crate::language::{Error, Words};
use crate::plan::global::{EbpfInterface, EbpfMode, Steer, SynCookies, XdpMode};

pub(super) const ROWS: &[GlobalRow] = &[
    works(
        &["ebpf"],
        "{ auto | off | require }",
        "Whether the kernel helps where it can (the default), never, or must.",
        "ebpf auto",
        |keyword, words, draft, _| {
            draft.global.ebpf.mode = match words.next().unwrap_or_default() {
                "auto" => EbpfMode::Auto,
                "off" => EbpfMode::Off,
                "require" => EbpfMode::Require,
                other => {
                    return Err(Error::new(format!(
                        "'{keyword}' only supports 'auto', 'off' and 'require' (got '{other}')."
                    )));
                }
            };
            words.end(keyword)
        },
    ),
    works(
        &["ebpf.interface"],
        "<name> [ xdp { native | generic | off } ] [ tc { on | off } ]",
        "An interface on which the kernel helps, and how; all that clients come from where none is named.",
        "ebpf.interface eth0 xdp native tc off",
        interface,
    ),
    works(
        &["ebpf.pin-dir"],
        "<directory>",
        "Where the kernel's tables are pinned.",
        "ebpf.pin-dir /sys/fs/bpf/lb",
        |keyword, words, draft, _| {
            draft.global.ebpf.pin_dir = Some(only_word(keyword, words, "a directory as an argument")?);
            Ok(())
        },
    ),
    works(
        &["ebpf.steer"],
        "{ source | connection }",
        "Which worker takes a connection: the one of its source address (the default), or any.",
        "ebpf.steer connection",
        |keyword, words, draft, _| {
            draft.global.ebpf.steer = match words.next().unwrap_or_default() {
                "source" => Steer::Source,
                "connection" => Steer::Connection,
                other => {
                    return Err(Error::new(format!(
                        "'{keyword}' only supports 'source' and 'connection' (got '{other}')."
                    )));
                }
            };
            words.end(keyword)
        },
    ),
    works(
        &["ebpf.syn-cookies"],
        "{ auto | off | <attempts> }",
        "Answers floods with SYN cookies in XDP: beyond so many attempts a second at a listener.",
        "ebpf.syn-cookies 5000",
        |keyword, words, draft, _| {
            let word = words.need(keyword, "'auto', 'off' or a number of attempts per second")?;
            draft.global.ebpf.syn_cookies = match word {
                "auto" => SynCookies::Auto,
                "off" => SynCookies::Off,
                number => SynCookies::Beyond(number.parse().map_err(|_| {
                    Error::new(format!(
                        "'{keyword}' only supports 'auto', 'off' and a number of attempts per second (got '{number}')."
                    ))
                })?),
            };
            words.end(keyword)
        },
    ),
];

fn interface(keyword: &str, words: &mut Words<'_>, draft: &mut GlobalDraft, _: &mut Reading<'_>) -> Result<(), Error> {
    let name = words.need(keyword, "the name of an interface")?;
    let mut interface = EbpfInterface {
        name: name.to_owned(),
        xdp: XdpMode::Auto,
        tc: true,
    };
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        match (word, value) {
            ("xdp", "native") => interface.xdp = XdpMode::Native,
            ("xdp", "generic") => interface.xdp = XdpMode::Generic,
            ("xdp", "off") => interface.xdp = XdpMode::Off,
            ("tc", "on") => interface.tc = true,
            ("tc", "off") => interface.tc = false,
            ("xdp", _) => {
                return Err(Error::new(format!(
                    "'{keyword}' : 'xdp' only supports 'native', 'generic' and 'off' (got '{value}')."
                )));
            }
            ("tc", _) => {
                return Err(Error::new(format!(
                    "'{keyword}' : 'tc' only supports 'on' and 'off' (got '{value}')."
                )));
            }
            _ => {
                return Err(Error::new(format!(
                    "'{keyword}' only supports 'xdp' and 'tc' after the name (got '{word}')."
                )));
            }
        }
    }
    draft.global.ebpf.interfaces.push(interface);
    Ok(())
}
