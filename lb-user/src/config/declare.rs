//! The names that sections declare, gathered before the first rule is compiled.

use super::section::{Line, Section, SectionKind};
use crate::keywords::server;
use crate::rules::Names;
use crate::state::{ProxyId, ServerId};
use crate::stick::TableId;

/// Is this a section that becomes a proxy?
pub fn is_proxy(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::Frontend | SectionKind::Backend | SectionKind::Listen)
}

/// Numbers everything in the order of the files. Of several things with one name the first counts; reading says what is
/// wrong with the others.
pub fn declare(sections: &[Section]) -> Names {
    let mut names = Names {
        experimental: exposes_experimental(sections),
        ..Names::default()
    };
    let mut tables = 0;
    let proxies = sections.iter().filter(|section| is_proxy(section.kind));
    for (index, section) in proxies.enumerate() {
        let id = ProxyId(index as u32);
        let name = section.words.get(1).cloned().unwrap_or_default();
        if section.kind != SectionKind::Backend {
            names.frontends.entry(name.clone()).or_insert(id);
        }
        if section.kind != SectionKind::Frontend {
            names.backends.entry(name.clone()).or_insert(id);
        }
        declare_servers(&section.lines, id, &mut names);
        if section.lines.iter().any(|line| opens_with(line, "stick-table")) {
            names.tables.entry(name).or_insert(TableId(tables));
            tables += 1;
        }
    }
    for (kind, map) in [
        (SectionKind::Userlist, &mut names.userlists),
        (SectionKind::HttpErrors, &mut names.http_errors),
    ] {
        let found = sections.iter().filter(|section| section.kind == kind);
        for section in found {
            let name = section.words.get(1).cloned().unwrap_or_default();
            let next = map.len() as u32;
            map.entry(name).or_insert(next);
        }
    }
    names
}

fn exposes_experimental(sections: &[Section]) -> bool {
    let global = sections.iter().filter(|section| section.kind == SectionKind::Global);
    let mut lines = global.flat_map(|section| &section.lines);
    lines.any(|line| opens_with(line, "expose-experimental-directives"))
}

fn opens_with(line: &Line, word: &str) -> bool {
    line.words.first().is_some_and(|first| first == word)
}

fn declare_servers(lines: &[Line], backend: ProxyId, names: &mut Names) {
    let declared = lines.iter().flat_map(|line| server::declared(&line.words));
    for (index, name) in declared.enumerate() {
        let id = ServerId {
            backend,
            index: index as u32,
        };
        names.servers.entry((backend, name)).or_insert(id);
    }
}
