//! What the kernel says of an interface's driver: the `netdev` family of generic netlink (Linux 6.3, `linux/netdev.h`).
use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

/// Whether the driver runs native XDP; `None` where the kernel is too old to say.
pub fn runs_native_xdp(index: u32) -> Option<bool> {
    const NETDEV_CMD_DEV_GET: u8 = 1;
    const NETDEV_A_DEV_IFINDEX: u16 = 1;
    const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
    const NETDEV_XDP_ACT_BASIC: u64 = 1;
    let family = family(b"netdev\0")?;
    let answer = ask(family, NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, &index.to_ne_bytes()).ok()?;
    let features = attribute(&answer, NETDEV_A_DEV_XDP_FEATURES)?.first_chunk()?;
    Some(u64::from_ne_bytes(*features) & NETDEV_XDP_ACT_BASIC != 0)
}

/// The number of a generic netlink family by its name.
fn family(name: &[u8]) -> Option<u16> {
    const GENL_ID_CTRL: u16 = 16;
    const CTRL_CMD_GETFAMILY: u8 = 3;
    const CTRL_ATTR_FAMILY_ID: u16 = 1;
    const CTRL_ATTR_FAMILY_NAME: u16 = 2;
    let answer = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, name).ok()?;
    let id = attribute(&answer, CTRL_ATTR_FAMILY_ID)?.first_chunk()?;
    Some(u16::from_ne_bytes(*id))
}

/// `struct nlmsghdr` and `struct genlmsghdr`.
const HEADERS: usize = 16 + 4;
const ATTRIBUTE_HEADER: usize = 4;

/// Sends a request with one attribute and answers with the first message of the reply. (A refusal has no attributes.)
fn ask(family: u16, command: u8, attribute: u16, value: &[u8]) -> io::Result<Vec<u8>> {
    const NLM_F_REQUEST: u16 = 1;
    let attribute_length = ATTRIBUTE_HEADER + value.len();
    let length = HEADERS + attribute_length.next_multiple_of(4);
    let mut request = Vec::with_capacity(length);
    request.extend((length as u32).to_ne_bytes());
    request.extend(family.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence and port, which one request on a socket of its own does not need.
    request.extend([0; 8]);
    request.extend([command, 1, 0, 0]);
    request.extend((attribute_length as u16).to_ne_bytes());
    request.extend(attribute.to_ne_bytes());
    request.extend(value);
    request.resize(length, 0);
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::GENERIC),
    )?;
    send(&socket, &request, SendFlags::empty())?;
    let mut answer = vec![0; 16384];
    let (received, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    answer.truncate(received);
    Ok(answer)
}

/// The value of an attribute of a message.
fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = message.get(HEADERS..)?;
    loop {
        let header: &[u8; ATTRIBUTE_HEADER] = rest.first_chunk()?;
        let [l0, l1, t0, t1] = *header;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        if u16::from_ne_bytes([t0, t1]) == wanted {
            return rest.get(ATTRIBUTE_HEADER..length);
        }
        rest = rest.get(length.next_multiple_of(4).max(ATTRIBUTE_HEADER)..)?;
    }
}
