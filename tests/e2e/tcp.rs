//! `mode tcp` from the outside.
use std::time::Duration;

use anyhow::Result;
use lab::usage::memory;
use lab::{Client, Netns, Origin, Service, Setup, until, veth};

const DEFAULTS: &str = "
defaults
    mode tcp
    timeout connect 5s
    timeout client 10s
    timeout server 10s
";

#[test]
fn bytes_pass_both_ways_and_a_half_close_reaches_the_other_side() -> Result<()> {
    let origin = Origin::start(Service::Echo)?;
    let lb = Setup::new(format!(
        "{DEFAULTS}\nlisten relay\n    bind \"fd@${{relay}}\"\n    server echo {}",
        origin.address()
    ))
    .listen("relay")?
    .start()?;
    let mut client = Client::connect(lb.address("relay")?)?;
    let bytes: Vec<u8> = (0..100_000u32).flat_map(u32::to_be_bytes).collect();
    let (head, rest) = bytes.split_at(1);
    client.send(head)?;
    assert_eq!(client.exactly(1)?, head);
    client.send(rest)?;
    client.finish()?;
    assert_eq!(client.to_end()?, rest);
    Ok(())
}

#[test]
fn a_client_that_does_not_read_holds_the_server_up_and_costs_no_memory() -> Result<()> {
    let origin = Origin::start(Service::Source)?;
    let lb = Setup::new(format!(
        "{DEFAULTS}\nlisten relay\n    bind \"fd@${{relay}}\"\n    server source {}",
        origin.address()
    ))
    .listen("relay")?
    .start()?;
    let before = memory(lb.pid())?.rss;
    let mut client = Client::connect(lb.address("relay")?)?;
    client.exactly(1)?;
    let mut sent = 0;
    until("the server to stop sending", || {
        std::thread::sleep(Duration::from_millis(100));
        let stopped = origin.sent() == sent;
        sent = origin.sent();
        stopped.then_some(())
    })?;
    let grown = memory(lb.pid())?.rss.saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes for a client that does not read");
    // Nothing is lost: everything that was sent, and more, comes when it is asked for.
    let length = usize::try_from(sent)?;
    assert!(client.exactly(length)?.iter().all(|&byte| byte == 0));
    Ok(())
}

#[test]
fn a_rejected_source_never_reaches_a_server() -> Result<()> {
    let (clients, edge) = (Netns::new()?, Netns::new()?);
    veth(
        (&clients, "eth0", &["10.0.0.2/24", "10.0.0.66/24"]),
        (&edge, "eth0", &["10.0.0.1/24"]),
    )?;
    let origin = edge.run(|| Origin::start(Service::Echo))?;
    let _lb = Setup::new(format!(
        "{DEFAULTS}\nlisten relay\n    bind 10.0.0.1:7000\n    tcp-request connection reject if {{ src 10.0.0.66 }}\n    server echo {}",
        origin.address()
    ))
    .inside(&edge)
    .start()?;
    let relay = ([10, 0, 0, 1], 7000).into();
    clients.run(|| {
        let mut welcome = Client::connect_from([10, 0, 0, 2].into(), relay)?;
        welcome.send("hello")?;
        assert_eq!(welcome.exactly(5)?, b"hello");
        // Refused by the kernel before there is a socket, or closed by the balancer right after.
        let denied = Client::connect_from([10, 0, 0, 66].into(), relay).and_then(|mut denied| denied.exactly(1));
        assert!(denied.is_err());
        Ok(())
    })?;
    assert_eq!(origin.connections(), 1);
    Ok(())
}
