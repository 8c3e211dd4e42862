//! The laboratory's own instruments tell the truth, without a balancer between them.
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Result;
use lab::load::{Load, Shape};
use lab::{Client, Netns, Origin, Service, until, veth};

#[test]
fn an_origin_answers_names_itself_and_counts() -> Result<()> {
    let origin = Origin::start(Service::Http("alpha"))?;
    let mut client = Client::connect(origin.address())?;
    for _ in 0..3 {
        let answer = client.get("/")?;
        assert_eq!(
            (answer.status, answer.header("X-Origin"), answer.text().as_str()),
            (200, Some("alpha"), "alpha\n")
        );
    }
    client.send("POST / HTTP/1.1\r\nhost: lab\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody")?;
    assert_eq!(client.response()?.status, 200);
    assert!(client.to_end()?.is_empty());
    assert_eq!((origin.connections(), origin.requests()), (1, 4));
    Ok(())
}

#[test]
fn every_shape_of_load_counts_what_it_does() -> Result<()> {
    let http = Origin::start(Service::Http("origin"))?;
    let source = Origin::start(Service::Source)?;
    for shape in [Shape::KeepAlive, Shape::ConnectionPerRequest] {
        let load = Load::start(shape, &[http.address()], 2)?;
        let counts = until("requests", || Some(load.counts()).filter(|counts| counts.requests > 20))?;
        assert_eq!(counts.failures, 0);
        assert_eq!(shape == Shape::KeepAlive, counts.connections == 2, "{counts:?}");
    }
    let load = Load::start(Shape::Download, &[source.address()], 2)?;
    until("bytes", || Some(load.counts()).filter(|counts| counts.bytes > 1 << 20))?;
    Ok(())
}

#[test]
fn namespaces_are_apart_until_a_veth_joins_them() -> Result<()> {
    let (left, right) = (Netns::new()?, Netns::new()?);
    let bind = || Ok(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080))?);
    let (_ours, theirs) = (left.run(bind)?, right.run(bind)?);
    let origin = Origin::on(theirs, Service::Http("right"))?;
    let address = SocketAddr::from(([10, 0, 0, 2], 8080));
    assert!(left.run(|| Client::connect(address)).is_err());
    veth(
        (&left, "to-right", &["10.0.0.1/24", "10.0.0.9/24"]),
        (&right, "to-left", &["10.0.0.2/24"]),
    )?;
    let mut client = left.run(|| Client::connect_from([10, 0, 0, 9].into(), address))?;
    assert_eq!(client.get("/")?.text(), "right\n");
    assert_eq!(client.local_address()?.ip().to_string(), "10.0.0.9");
    assert_eq!(origin.requests(), 1);
    Ok(())
}
