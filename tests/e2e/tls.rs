//! TLS from the outside: on both sides of the balancer, and with curl.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use lab::{Client, Origin, Service, Setup};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

const DEFAULTS: &str = "
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
";

/// An authority's certificate, and what it vouches for: a site's and a client's, each with its key.
fn certificates(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(folder.join("authority.pem"), authority.pem())?;
    for (name, host) in [
        ("site", "www.example.com"),
        ("other", "other.example.com"),
        ("client", "client"),
    ] {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, host);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        std::fs::write(
            folder.join(format!("{name}.pem")),
            certificate.pem() + &key.serialize_pem(),
        )?;
    }
    Ok(())
}

#[test]
fn both_sides_speak_tls_and_know_each_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path().display();
    certificates(folder.path())?;
    let lb = Setup::new(format!(
        "{DEFAULTS}
listen clear
    bind \"fd@${{clear}}\"
    server tls unix@{here}/tls.sock ssl verify required ca-file {here}/authority.pem sni str(www.example.com) crt {here}/client.pem
listen stranger
    bind \"fd@${{stranger}}\"
    server tls unix@{here}/tls.sock ssl verify required ca-file {here}/authority.pem sni str(www.example.com) verifyhost nobody.example.com
frontend tls
    bind {here}/tls.sock ssl crt {here}/other.pem crt {here}/site.pem ca-file {here}/authority.pem verify optional
    http-request return status 200 content-type text/plain lf-string \"%[ssl_fc_protocol] %[ssl_fc_sni] %[ssl_c_s_dn(CN)] %[ssl_c_verify] %[ssl_f_s_dn(CN)] %sslv\"
"
    ))
    .listen("clear")?
    .listen("stranger")?
    .start()?;
    let mut client = Client::connect(lb.address("clear")?)?;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n")?;
        let answer = client.response()?;
        assert_eq!(answer.status, 200);
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            "TLSv1.3 www.example.com client 0 www.example.com TLSv1.3"
        );
    }
    let mut stranger = Client::connect(lb.address("stranger")?)?;
    stranger.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n")?;
    assert_eq!(stranger.response()?.status, 503);
    Ok(())
}

#[test]
fn bytes_pass_through_two_sessions_unchanged() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path().display();
    certificates(folder.path())?;
    let origin = Origin::start(Service::Echo)?;
    let lb = Setup::new(format!(
        "{DEFAULTS}    mode tcp
listen clear
    bind \"fd@${{clear}}\"
    server tls unix@{here}/tls.sock ssl verify none
listen tls
    bind {here}/tls.sock ssl crt {here}/site.pem
    server echo {}
",
        origin.address()
    ))
    .listen("clear")?
    .start()?;
    let mut client = Client::connect(lb.address("clear")?)?;
    let bytes: Vec<u8> = (0..400_000u32).flat_map(u32::to_be_bytes).collect();
    for piece in bytes.chunks(50_000) {
        client.send(piece)?;
        ensure!(client.exactly(piece.len())? == piece, "the bytes changed on their way");
    }
    Ok(())
}

#[test]
fn curl_gets_what_it_asks_for_and_strangers_are_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let here = folder.path().display();
    certificates(folder.path())?;
    let lb = Setup::new(format!(
        "{DEFAULTS}
frontend tls
    bind \"fd@${{tls}}\" ssl crt {here}/site.pem crt {here}/other.pem strict-sni ssl-min-ver TLSv1.2 alpn http/1.1
    http-request return status 200 content-type text/plain lf-string \"%[ssl_fc_protocol] %[ssl_f_s_dn(CN)]\"
"
    ))
    .listen("tls")?
    .start()?;
    let port = lb.address("tls")?.port();
    let curl = |host: &str, options: &[&str]| -> Result<String> {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--max-time",
                "10",
                "--resolve",
                &format!("{host}:{port}:127.0.0.1"),
            ])
            .args(["--cacert", &format!("{here}/authority.pem")])
            .args(options)
            .arg(format!("https://{host}:{port}/"))
            .output()
            .context("curl")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(curl("www.example.com", &[])?, "TLSv1.3 www.example.com");
    assert_eq!(
        curl("other.example.com", &["--tls-max", "1.2"])?,
        "TLSv1.2 other.example.com"
    );
    assert_eq!(curl("nobody.example.com", &["--insecure"])?, "");
    Ok(())
}
