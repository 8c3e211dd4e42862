//! Certificates of clients (`ssl_c_*`), our own (`ssl_f_*`) and servers' (`ssl_s_*`).

use sha1::{Digest, Sha1};

use crate::keywords::fetch::works;
use crate::language::{Error, Scope};
use crate::rules::{ArgKind, ArgSpec, Args, Context, Facts, Fetch, FetchRow, Fetched, Kind, Value};
use crate::tls;
use crate::tls::client_auth::Findings;
use crate::tls::x509::{Parsed, Party};

const CLIENT: Scope = Scope::L5_CLIENT;
const SERVER: Scope = Scope::L5_SERVER;
const ENTRY: &[ArgSpec] = &[
    ArgSpec::optional(ArgKind::Str, "entry"),
    ArgSpec::optional(ArgKind::Int, "occ"),
    ArgSpec::optional(ArgKind::Str, "format"),
];

/// Whose certificate.
type Whose = for<'a> fn(&Facts<'a>) -> Option<&'a [u8]>;

fn clients<'a>(facts: &Facts<'a>) -> Option<&'a [u8]> {
    facts.session.tls.as_deref()?.chain.first().map(AsRef::as_ref)
}

fn own<'a>(facts: &Facts<'a>) -> Option<&'a [u8]> {
    Some(facts.session.tls.as_deref()?.shown.as_deref()?.leaf())
}

fn servers<'a>(facts: &Facts<'a>) -> Option<&'a [u8]> {
    facts.exchange.server_tls.as_deref()?.chain.first().map(AsRef::as_ref)
}

fn parsed<'a>(whose: Whose, facts: &Facts<'a>) -> Option<Parsed<'a>> {
    Parsed::new(whose(facts)?)
}

fn text<'a>(text: Option<String>) -> Fetched<'a> {
    text.map(|text| Value::string(text.into_bytes())).into()
}

fn name<'a>(whose: Whose, party: Party, args: &Args, facts: &Facts<'_>) -> Fetched<'a> {
    let Some(certificate) = parsed(whose, facts) else {
        return Fetched::Missing;
    };
    let entry = args.str(0).filter(|entry| !entry.is_empty());
    text(match entry {
        Some(entry) => certificate.entry(party, entry, args.int(1).unwrap_or(1)),
        None => Some(certificate.name(party, args.str(2).is_some_and(|format| !format.is_empty()))),
    })
}

fn check(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    match args.str(2) {
        None | Some("" | "rfc2253") => Ok(()),
        Some(_) => Err(Error::new("only rfc2253 or a blank value are currently supported")),
    }
}

/// The rows about one party's certificate.
macro_rules! certificate {
    ($rows:ident, $prefix:literal, $who:literal, $scope:expr, $whose:expr) => {
        const $rows: &[FetchRow] = &[
            works(
                &[concat!($prefix, "_der")],
                "",
                $scope,
                concat!($who, " certificate, DER."),
                concat!(
                    $prefix,
                    "_der,sha1,hex # 17F07C5DBCCA3639C0447E78B7982BD299E750AF"
                ),
                Fetch::one(Kind::Bin, |_, f| $whose(f).map(Value::bin).into()),
            ),
            works(
                &[concat!($prefix, "_sha1")],
                "",
                $scope,
                concat!($who, " certificate: its SHA-1 fingerprint, as bytes."),
                concat!($prefix, "_sha1,hex # 17F07C5DBCCA3639C0447E78B7982BD299E750AF"),
                Fetch::one(Kind::Bin, |_, f| {
                    $whose(f)
                        .map(|der| Value::binary(Sha1::digest(der).to_vec()))
                        .into()
                }),
            ),
            works(
                &[concat!($prefix, "_serial")],
                "",
                $scope,
                concat!($who, " certificate: its serial number, as bytes."),
                concat!($prefix, "_serial,hex # 0A0B0C"),
                Fetch::one(Kind::Bin, |_, f| {
                    let serial = parsed($whose, f).map(|certificate| certificate.serial().to_vec());
                    serial.map(Value::binary).into()
                }),
            ),
            works(
                &[concat!($prefix, "_version")],
                "",
                $scope,
                concat!($who, " certificate: the version of its form."),
                concat!($prefix, "_version # 3"),
                Fetch::one(Kind::Int, |_, f| {
                    let version = parsed($whose, f).map(|certificate| certificate.version());
                    version.map(|version| Value::Int(version.into())).into()
                }),
            ),
            works(
                &[concat!($prefix, "_notbefore")],
                "",
                $scope,
                concat!($who, " certificate: from when it is valid, YYMMDDhhmmssZ."),
                concat!($prefix, "_notbefore # 261122214956Z"),
                Fetch::one(Kind::Str, |_, f| text(parsed($whose, f).map(|c| c.not_before()))),
            ),
            works(
                &[concat!($prefix, "_notafter")],
                "",
                $scope,
                concat!($who, " certificate: until when it is valid, YYMMDDhhmmssZ."),
                concat!($prefix, "_notafter # 20510714214956Z"),
                Fetch::one(Kind::Str, |_, f| text(parsed($whose, f).map(|c| c.not_after()))),
            ),
            works(
                &[concat!($prefix, "_sig_alg")],
                "",
                $scope,
                concat!($who, " certificate: the algorithm of its signature."),
                concat!($prefix, "_sig_alg # ecdsa-with-SHA256"),
                Fetch::one(Kind::Str, |_, f| {
                    text(parsed($whose, f).map(|c| c.signature_algorithm()))
                }),
            ),
            works(
                &[concat!($prefix, "_key_alg")],
                "",
                $scope,
                concat!($who, " certificate: the algorithm of its key."),
                concat!($prefix, "_key_alg # id-ecPublicKey"),
                Fetch::one(Kind::Str, |_, f| {
                    text(parsed($whose, f).map(|c| c.key_algorithm()))
                }),
            ),
            works(
                &[concat!($prefix, "_s_dn")],
                "([<entry>[,<occ>[,<format>]]])",
                $scope,
                concat!(
                    $who,
                    " certificate: whom it is made out to, or one entry of that name."
                ),
                concat!($prefix, "_s_dn(CN) # www.example.com"),
                Fetch::one(Kind::Str, |args, f| name($whose, Party::Subject, args, f))
                    .with(ENTRY)
                    .checked(check),
            ),
            works(
                &[concat!($prefix, "_i_dn")],
                "([<entry>[,<occ>[,<format>]]])",
                $scope,
                concat!($who, " certificate: who made it out, or one entry of that name."),
                concat!(
                    $prefix,
                    "_i_dn(,0,rfc2253) # CN=www.example.com,OU=edge,O=Example,C=FR"
                ),
                Fetch::one(Kind::Str, |args, f| name($whose, Party::Issuer, args, f))
                    .with(ENTRY)
                    .checked(check),
            ),
        ];
    };
}

certificate!(CLIENTS, "ssl_c", "The client's", CLIENT, clients);
certificate!(OWN, "ssl_f", "The listener's", CLIENT, own);
certificate!(SERVERS, "ssl_s", "The server's", SERVER, servers);

/// What verification found of a client's certificate.
const VERIFIED: &[FetchRow] = &[
    works(
        &["ssl_c_used"],
        "",
        CLIENT,
        "Did the client show a certificate, in this session or the one that it resumes?",
        "ssl_c_used # 1",
        Fetch::one(Kind::Bool, |_, f| Value::Bool(clients(f).is_some()).into()),
    ),
    works(
        &["ssl_c_verify"],
        "",
        CLIENT,
        "What is wrong with the client's certificate, by OpenSSL's number; 0 for nothing.",
        "ssl_c_verify # 10",
        Fetch::one(Kind::Int, |_, f| found(f, |findings| findings.error)),
    ),
    works(
        &["ssl_c_err"],
        "",
        CLIENT,
        "The same, where it is wrong with the certificate itself.",
        "ssl_c_err # 10",
        Fetch::one(Kind::Int, |_, f| {
            found(f, |findings| if findings.depth == 0 { findings.error } else { 0 })
        }),
    ),
    works(
        &["ssl_c_ca_err"],
        "",
        CLIENT,
        "The same, where it is wrong with one of its authorities.",
        "ssl_c_ca_err # 0",
        Fetch::one(Kind::Int, |_, f| {
            found(f, |findings| if findings.depth > 0 { findings.error } else { 0 })
        }),
    ),
    works(
        &["ssl_c_ca_err_depth"],
        "",
        CLIENT,
        "How many authorities above the certificate that one is.",
        "ssl_c_ca_err_depth # 0",
        Fetch::one(Kind::Int, |_, f| found(f, |findings| findings.depth)),
    ),
];

fn found<'a>(facts: &Facts<'a>, of: fn(Findings) -> u8) -> Fetched<'a> {
    let session = facts.session.tls.as_deref();
    session.map(|tls| Value::Int(of(tls.findings).into())).into()
}

/// All that one end showed.
const CHAINS: &[FetchRow] = &[
    works(
        &["ssl_c_chain_der"],
        "",
        CLIENT,
        "The client's certificate with those above it, DER, one after the other.",
        "ssl_c_chain_der,sha1,hex # 17F07C5DBCCA3639C0447E78B7982BD299E750AF",
        Fetch::one(Kind::Bin, |_, f| chain(f.session.tls.as_deref())),
    ),
    works(
        &["ssl_s_chain_der"],
        "",
        SERVER,
        "The server's certificate with those above it, DER, one after the other.",
        "ssl_s_chain_der,sha1,hex # 17F07C5DBCCA3639C0447E78B7982BD299E750AF",
        Fetch::one(Kind::Bin, |_, f| chain(f.exchange.server_tls.as_deref())),
    ),
];

fn chain<'a>(session: Option<&tls::Facts>) -> Fetched<'a> {
    let chain = session.map(|tls| {
        tls.chain
            .iter()
            .flat_map(|der| der.iter().copied())
            .collect::<Vec<u8>>()
    });
    chain.filter(|chain| !chain.is_empty()).map(Value::binary).into()
}

/// The rows of this file.
pub const ROWS: &[&[FetchRow]] = &[CLIENTS, OWN, SERVERS, VERIFIED, CHAINS];
