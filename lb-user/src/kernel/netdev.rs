//! What the kernel says of an interface's driver: the `netdev` family of generic netlink (Linux 6.3, `linux/netdev.h`).
use super::netlink::{self, Answer, Question};

/// Whether the driver runs native XDP; `None` where the kernel is too old to say.
pub fn runs_native_xdp(index: u32) -> Option<bool> {
    const NETDEV_CMD_DEV_GET: u8 = 1;
    const NETDEV_A_DEV_IFINDEX: u16 = 1;
    const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
    const NETDEV_XDP_ACT_BASIC: u64 = 1;
    let family = family(b"netdev\0")?;
    let answer = ask(family, NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, &index.to_ne_bytes())?;
    let features = answer.attribute(NETDEV_A_DEV_XDP_FEATURES)?.first_chunk()?;
    Some(u64::from_ne_bytes(*features) & NETDEV_XDP_ACT_BASIC != 0)
}

/// The number of a generic netlink family by its name.
fn family(name: &[u8]) -> Option<u16> {
    const GENL_ID_CTRL: u16 = 16;
    const CTRL_CMD_GETFAMILY: u8 = 3;
    const CTRL_ATTR_FAMILY_ID: u16 = 1;
    const CTRL_ATTR_FAMILY_NAME: u16 = 2;
    let answer = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, name)?;
    let id = answer.attribute(CTRL_ATTR_FAMILY_ID)?.first_chunk()?;
    Some(u16::from_ne_bytes(*id))
}

/// Asks a family with one attribute.
fn ask(family: u16, command: u8, attribute: u16, value: &[u8]) -> Option<Answer> {
    let answer = netlink::ask(&Question {
        protocol: Some(rustix::net::netlink::GENERIC),
        kind: family,
        // `struct genlmsghdr`.
        header: &[command, 1, 0, 0],
        attributes: &[(attribute, value)],
    });
    answer.ok()
}
