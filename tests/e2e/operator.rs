//! What an operator sees and does through the runtime API while traffic flows.
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use lab::{Balancer, Client, Origin, Service, Setup, until};

fn relay(origin: &Origin) -> Result<Balancer> {
    let configuration = format!(
        "
    log ring@events local0
    stats timeout 5s

ring events
    format raw
    size 65536

defaults
    log global
    option tcplog
    timeout connect 5s
    timeout client 60s
    timeout server 60s

listen relay
    bind \"fd@${{relay}}\"
    server echo {}

listen web
    mode http
    option httplog
    bind \"fd@${{web}}\"
    server echo {}",
        origin.address(),
        origin.address()
    );
    Setup::new(configuration).listen("relay")?.listen("web")?.start()
}

/// The first word of each line: the numbers of the streams.
fn streams(lb: &Balancer) -> Result<Vec<String>> {
    let list = lb.ask("show sess")?;
    let numbers = list.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
    Ok(numbers.collect())
}

#[test]
fn a_stream_is_listed_while_it_lives_and_can_be_ended() -> Result<()> {
    let origin = Origin::start(Service::Echo)?;
    let lb = relay(&origin)?;
    let mut clients = [
        Client::connect(lb.address("relay")?)?,
        Client::connect(lb.address("relay")?)?,
    ];
    for client in &mut clients {
        client.send("x")?;
        client.exactly(1)?;
    }
    let list = lb.ask("show sess")?;
    let own = clients[0].local_address()?;
    let line = list
        .lines()
        .find(|line| line.contains(&own.to_string()))
        .context(list.clone())?;
    assert!(line.contains(": proto=tcpv4 src="), "{line}");
    assert!(line.contains(" fe=relay be=relay srv=echo age="), "{line}");
    let (number, _) = line.split_once(':').context("no number")?;
    let details = lb.ask(&format!("show sess {number}"))?;
    assert!(details.contains("backend=relay (id="), "{details}");

    assert_eq!(lb.ask(&format!("shutdown session {number}"))?, "\n");
    assert_eq!(clients[0].to_end()?, b"");
    until("the stream to go", || (streams(&lb).ok()?.len() == 1).then_some(()))?;
    clients[1].send("y")?;
    assert_eq!(clients[1].exactly(1)?, b"y");

    assert_eq!(lb.ask("shutdown sessions server relay/echo")?, "\n");
    assert_eq!(clients[1].to_end()?, b"");
    let log = until("the log lines", || {
        let log = lb.ask("show events events").ok()?;
        (log.matches(" K- ").count() == 2).then_some(log)
    })?;
    assert!(log.contains(" relay relay/echo "), "{log}");
    Ok(())
}

#[test]
fn a_paused_frontend_refuses_and_a_resumed_one_serves() -> Result<()> {
    let origin = Origin::start(Service::Echo)?;
    let address = lab::free_address()?;
    let lb = Setup::new(format!(
        "
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s

listen relay
    bind {address}
    server echo {}",
        origin.address()
    ))
    .start()?;
    let works = || -> Result<()> {
        let mut client = Client::connect(address)?;
        client.send("x")?;
        assert_eq!(client.exactly(1)?, b"x");
        Ok(())
    };
    works()?;
    for _ in 0..2 {
        assert_eq!(lb.ask("disable frontend relay")?, "\n");
        assert_eq!(
            lb.ask("disable frontend relay")?,
            "All sockets are already disabled.\n\n"
        );
        assert!(lb.ask("show stat relay 1 -1")?.contains(",PAUSED,"));
        assert!(TcpStream::connect(address).is_err());
        assert_eq!(lb.ask("enable frontend relay")?, "\n");
        works()?;
    }
    assert_eq!(lb.ask("shutdown frontend relay")?, "\n");
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(
        lb.ask("enable frontend relay")?,
        "Frontend was previously shut down, cannot enable.\n\n"
    );
    Ok(())
}

#[test]
fn malformed_messages_are_shown_byte_by_byte() -> Result<()> {
    let origin = Origin::start(Service::Echo)?;
    let lb = relay(&origin)?;
    let mut client = Client::connect(lb.address("web")?)?;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nbad header: x\r\n\r\n")?;
    assert_eq!(client.response()?.status, 400);
    let errors = lb.ask("show errors web request")?;
    let from = client.local_address()?;
    for part in [
        "] frontend web (#3): invalid request\n",
        "  backend <NONE> (#-1), server <NONE> (#-1), event #0, src ",
        &from.to_string(),
        "error at position 28:\n",
        "  00000  GET / HTTP/1.1\\r\\n\n  00016  Host: a\\r\\n\n  00025  bad header: x\\r\\n\n",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }

    // A request, sent back, is no response.
    let mut client = Client::connect(lb.address("web")?)?;
    client.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")?;
    assert_eq!(client.response()?.status, 502);
    let errors = lb.ask("show errors -1 response")?;
    for part in [
        "] backend web (#3): invalid response\n",
        "server echo (#1), event #1",
        "  00000  GET /echo HTTP/1.1",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert!(!errors.contains("invalid request"));
    Ok(())
}

#[test]
fn a_ring_can_be_watched_until_a_key_is_pressed() -> Result<()> {
    let origin = Origin::start(Service::Echo)?;
    let lb = relay(&origin)?;
    let mut operator = UnixStream::connect(lb.socket())?;
    let mut lines = BufReader::new(operator.try_clone()?).lines();
    let mut line = || lines.next().context("the session ended")?.map_err(anyhow::Error::from);
    operator.write_all(b"prompt\nshow events events -w -n\n")?;
    assert_eq!(line()?, "");
    lb.ask("disable server relay/echo")?;
    let told = line()?;
    assert!(
        told.starts_with("> Server relay/echo is going DOWN for maintenance."),
        "{told}"
    );
    assert_eq!(line()?, "proxy relay has no server available!");
    operator.write_all(b"x\n")?;
    assert_eq!(line()?, "");
    operator.write_all(b"show cli level\nquit\n")?;
    assert_eq!(line()?, "> admin");
    Ok(())
}

#[test]
fn an_idle_session_ends() -> Result<()> {
    let origin = Origin::start(Service::Echo)?;
    let lb = relay(&origin)?;
    let mut operator = UnixStream::connect(lb.socket())?;
    operator.write_all(b"prompt\nset timeout cli 1\n")?;
    let mut told = String::new();
    std::io::Read::read_to_string(&mut operator, &mut told)?;
    assert_eq!(told, "\n> \n> ");
    Ok(())
}
