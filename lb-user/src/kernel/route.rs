//! The kernel's routes and links (`linux/rtnetlink.h`).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink::{Question, ask, find};

/// How packets to an address leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The interface's index.
    pub interface: u32,
    /// The address they come from.
    pub source: IpAddr,
}

/// How packets to `destination` leave, from `source` where that is given. `None` where they do not, or stay on this host.
pub fn to(destination: IpAddr, source: Option<IpAddr>) -> Option<Route> {
    const RTM_GETROUTE: u16 = 26;
    const RTA_DST: u16 = 1;
    const RTA_SRC: u16 = 2;
    const RTA_OIF: u16 = 4;
    const RTA_PREFSRC: u16 = 7;
    const RTN_UNICAST: u8 = 1;
    let bytes = octets(destination);
    let from = source.map(octets).unwrap_or_default();
    let family = if destination.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let bits = |bytes: &[u8]| (bytes.len() * 8) as u8;
    // `struct rtmsg`.
    let header = [family as u8, bits(&bytes), bits(&from), 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let attributes = [(RTA_DST, &bytes[..]), (RTA_SRC, &from[..])];
    let answer = ask(&Question {
        protocol: None,
        kind: RTM_GETROUTE,
        header: &header,
        attributes: if from.is_empty() { &attributes[..1] } else { &attributes },
    });
    let answer = answer.ok()?;
    (*answer.header()?.get(7)? == RTN_UNICAST).then_some(())?;
    let source = match source {
        Some(source) => source,
        None => address(answer.attribute(RTA_PREFSRC)?)?,
    };
    Some(Route {
        interface: answer.number(RTA_OIF)?,
        source,
    })
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(*bytes.first_chunk()?).into()),
        16 => Some(Ipv6Addr::from(*bytes.first_chunk()?).into()),
        _ => None,
    }
}

/// What an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub is_ethernet: bool,
    /// Whether it is one end of a pair whose other end is in another network namespace.
    pub leads_elsewhere: bool,
    /// The longest packet in bytes, without the Ethernet header.
    pub mtu: u32,
}

/// The interface of that index.
pub fn link(index: u32) -> Option<Link> {
    const RTM_GETLINK: u16 = 18;
    const IFLA_MTU: u16 = 4;
    const IFLA_LINKINFO: u16 = 18;
    const IFLA_INFO_KIND: u16 = 1;
    const IFLA_LINK_NETNSID: u16 = 37;
    const ARPHRD_ETHER: u16 = 1;
    // `struct ifinfomsg`.
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    let answer = ask(&Question {
        protocol: None,
        kind: RTM_GETLINK,
        header: &header,
        attributes: &[],
    });
    let answer = answer.ok()?;
    let kind = u16::from_ne_bytes(*answer.header()?.get(2..)?.first_chunk()?);
    let is_pair = answer
        .attribute(IFLA_LINKINFO)
        .and_then(|info| find(info, IFLA_INFO_KIND))
        .is_some_and(|kind| kind.starts_with(b"veth"));
    Some(Link {
        is_ethernet: kind == ARPHRD_ETHER,
        leads_elsewhere: is_pair && answer.attribute(IFLA_LINK_NETNSID).is_some(),
        mtu: answer.number(IFLA_MTU)?,
    })
}
