//! `mode http` from the outside.
use anyhow::Result;
use lab::{Client, Origin, Service, Setup};

const DEFAULTS: &str = "
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
";

#[test]
fn round_robin_takes_turns_on_one_connection() -> Result<()> {
    let (red, blue) = (
        Origin::start(Service::Http("red"))?,
        Origin::start(Service::Http("blue"))?,
    );
    let lb = Setup::new(format!(
        "{DEFAULTS}
listen web
    bind \"fd@${{web}}\"
    balance roundrobin
    server red {}
    server blue {}",
        red.address(),
        blue.address()
    ))
    .listen("web")?
    .start()?;
    let mut client = Client::connect(lb.address("web")?)?;
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(client.get("/")?.text());
    }
    assert_eq!(turns, ["red\n", "blue\n", "red\n", "blue\n"]);
    assert_eq!((red.requests(), blue.requests()), (2, 2));
    Ok(())
}

#[test]
fn a_server_in_maintenance_gets_nothing_and_comes_back() -> Result<()> {
    let origin = Origin::start(Service::Http("only"))?;
    let lb = Setup::new(format!(
        "{DEFAULTS}\nlisten web\n    bind \"fd@${{web}}\"\n    server only {}",
        origin.address()
    ))
    .listen("web")?
    .start()?;
    let ask = || -> Result<u16> { Ok(Client::connect(lb.address("web")?)?.get("/")?.status) };
    assert_eq!(ask()?, 200);
    lb.ask("disable server web/only")?;
    assert_eq!(ask()?, 503);
    lb.ask("enable server web/only")?;
    assert_eq!(ask()?, 200);
    assert_eq!(origin.requests(), 2);
    Ok(())
}

#[test]
fn a_request_is_logged_with_its_server_and_termination_state() -> Result<()> {
    let origin = Origin::start(Service::Http("only"))?;
    let lb = Setup::new(format!(
        "global
    log stdout format raw local0
{DEFAULTS}
    log global
    option httplog
frontend web
    bind \"fd@${{web}}\"
    default_backend servers
backend servers
    server only {}",
        origin.address()
    ))
    .listen("web")?
    .start()?;
    Client::connect(lb.address("web")?)?.get("/logged?yes")?;
    let line = lb.log_line(&["GET /logged?yes HTTP/1.1"])?;
    for part in ["127.0.0.1:", " web servers/only ", " 200 ", " ---- "] {
        assert!(line.contains(part), "{part} in {line}");
    }
    Ok(())
}
