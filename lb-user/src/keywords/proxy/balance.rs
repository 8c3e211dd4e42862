//! `balance`, `hash-type` and `hash-balance-factor`.

use super::{BACK, Draft, ProxyRow, works};
use crate::keywords::{Reading, number};
use crate::language::{Error, Scope, Words};
use crate::plan::balance::{Algorithm, HashFunction, HashMethod, HashType, UriHash};
use crate::rules::Expression;

pub(super) const ROWS: &[ProxyRow] = &[
    works(
        &["balance"],
        "<algorithm> [ <arguments> ]",
        BACK,
        "How a server is chosen: roundrobin, static-rr, leastconn, first, source, uri, url_param, hdr, random, rdp-cookie or hash.",
        "balance url_param userid",
        balance,
    ),
    works(
        &["hash-type"],
        "<method> <function> <modifier>",
        BACK,
        "How the hashing algorithms map a key to a server.",
        "hash-type consistent sdbm avalanche",
        hash_type,
    ),
    works(
        &["hash-balance-factor"],
        "<factor>",
        BACK,
        "How far above the average load, in percent, consistent hashing may load a server. 0: as far as it comes.",
        "hash-balance-factor 150",
        |keyword, words, draft, _| {
            let factor: u32 = number::only_integer(keyword, words)?;
            if (1..=100).contains(&factor) {
                return Err(Error::new(format!("'{keyword}' must be 0 or greater than 100.")));
            }
            draft.proxy.balance.factor = factor;
            Ok(())
        },
    ),
];

fn balance(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, reading: &mut Reading<'_>) -> Result<(), Error> {
    let word = words.next().unwrap_or("roundrobin");
    let (name, argument) = match word.split_once('(') {
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').unwrap_or(rest))),
        None => (word, None),
    };
    let algorithm = match (name, argument) {
        ("roundrobin", None) => Algorithm::RoundRobin,
        ("static-rr", None) => Algorithm::StaticRoundRobin,
        ("leastconn", None) => Algorithm::LeastConnections,
        ("first", None) => Algorithm::First,
        ("source", None) => Algorithm::Source,
        ("random", draws) => random(draws)?,
        ("uri", None) => Algorithm::Uri(uri(words)?),
        ("url_param", None) => url_param(words)?,
        ("hdr", Some(header)) => hdr(header, words)?,
        ("rdp-cookie", None) => rdp_cookie("mstshash")?,
        ("rdp-cookie", Some(cookie)) => rdp_cookie(cookie)?,
        ("hash", None) => hash(words, draft, reading)?,
        _ => {
            return Err(Error::new(
                "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and 'rdp-cookie(name)' options.",
            ));
        }
    };
    words.end(keyword)?;
    draft.proxy.balance.algorithm = algorithm;
    draft.balances = true;
    Ok(())
}

fn random(draws: Option<&str>) -> Result<Algorithm, Error> {
    let Some(text) = draws.filter(|text| !text.is_empty()) else {
        return Ok(Algorithm::Random { draws: 2 });
    };
    match text.parse() {
        Ok(0) => Err(Error::new("balance random : number of draws must be at least 1.")),
        Ok(draws) => Ok(Algorithm::Random { draws }),
        Err(_) => {
            let bad = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let bad = bad.chars().next().unwrap_or_default();
            Err(Error::new(format!(
                "balance random : unexpected character '{bad}' after argument."
            )))
        }
    }
}

fn uri(words: &mut Words<'_>) -> Result<UriHash, Error> {
    let mut uri = UriHash::default();
    while let Some(word) = words.next() {
        match word {
            "len" => uri.length = positive(word, words)?,
            "depth" => uri.depth = positive(word, words)?,
            "whole" => uri.whole = true,
            "path-only" => uri.path_only = true,
            other => {
                return Err(Error::new(format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{other}')."
                )));
            }
        }
    }
    Ok(uri)
}

fn positive(name: &str, words: &mut Words<'_>) -> Result<usize, Error> {
    let word = words.next().unwrap_or_default();
    word.parse().map_err(|_| {
        Error::new(format!(
            "balance uri : '{name}' expects a positive integer (got '{word}')."
        ))
    })
}

fn url_param(words: &mut Words<'_>) -> Result<Algorithm, Error> {
    let name = words
        .next()
        .ok_or_else(|| Error::new("balance url_param requires an URL parameter name."))?;
    let check_post = match words.next() {
        None => false,
        Some("check_post") => {
            // An obsolete number of bytes may follow.
            if words
                .peek()
                .is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
            {
                words.next();
            }
            true
        }
        Some(other) => {
            return Err(Error::new(format!(
                "balance url_param only accepts 'check_post' modifier (got '{other}')."
            )));
        }
    };
    Ok(Algorithm::UrlParam {
        name: name.to_owned(),
        check_post,
    })
}

fn hdr(header: &str, words: &mut Words<'_>) -> Result<Algorithm, Error> {
    if header.is_empty() {
        return Err(Error::new("balance hdr requires an http header field name."));
    }
    let use_domain_only = match words.next() {
        None => false,
        Some("use_domain_only") => true,
        Some(other) => {
            return Err(Error::new(format!(
                "balance hdr({header}) only accepts 'use_domain_only' modifier (got '{other}')."
            )));
        }
    };
    Ok(Algorithm::Header {
        name: header.to_owned(),
        use_domain_only,
    })
}

fn rdp_cookie(name: &str) -> Result<Algorithm, Error> {
    match name {
        "" => Err(Error::new("balance rdp-cookie : missing cookie name.")),
        name => Ok(Algorithm::RdpCookie { name: name.to_owned() }),
    }
}

fn hash(words: &mut Words<'_>, draft: &Draft, reading: &mut Reading<'_>) -> Result<Algorithm, Error> {
    if words.is_empty() {
        return Err(Error::new("balance hash requires a sample expression."));
    }
    let mut context = reading.compiler(draft, Scope::BALANCE);
    let expression = Expression::parse(words, &mut context).map_err(|error| error.within("balance hash"))?;
    Ok(Algorithm::Hash(Box::new(expression)))
}

fn hash_type(keyword: &str, words: &mut Words<'_>, draft: &mut Draft, _: &mut Reading<'_>) -> Result<(), Error> {
    let method = match words.next() {
        Some("consistent") => HashMethod::Consistent,
        Some("map-based") => HashMethod::MapBased,
        Some("avalanche") => {
            return Err(Error::new(format!(
                "experimental feature '{keyword} avalanche' is not supported anymore, please use '{keyword} map-based sdbm avalanche' instead."
            )));
        }
        _ => {
            return Err(Error::new(format!(
                "'{keyword}' only supports 'consistent' and 'map-based'."
            )));
        }
    };
    let mut hash = HashType {
        method,
        ..HashType::default()
    };
    hash.function = match words.next() {
        None => {
            hash.avalanche = method == HashMethod::Consistent;
            draft.proxy.balance.hash = hash;
            return Ok(());
        }
        Some("sdbm") => HashFunction::Sdbm,
        Some("djb2") => HashFunction::Djb2,
        Some("crc32") => HashFunction::Crc32,
        Some("wt6") => HashFunction::Wt6,
        Some(_) => {
            return Err(Error::new(format!(
                "'{keyword}' only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions."
            )));
        }
    };
    hash.avalanche = words.take("avalanche");
    if !words.is_empty() {
        return Err(Error::new(format!(
            "'{keyword}' only supports 'avalanche' as a modifier for hash functions."
        )));
    }
    draft.proxy.balance.hash = hash;
    Ok(())
}
