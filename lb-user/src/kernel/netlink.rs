//! Asking the kernel over netlink: one question, one answer (RFC 3549).
use std::io;

use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// `struct nlmsghdr`.
const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;

/// A question: the family's own header, then attributes.
pub struct Question<'a> {
    /// None stands for routes and links.
    pub protocol: Option<Protocol>,
    pub kind: u16,
    pub header: &'a [u8],
    pub attributes: &'a [(u16, &'a [u8])],
}

/// The first message of a reply.
pub struct Answer {
    bytes: Vec<u8>,
    /// How long the family's own header is.
    header: usize,
}

/// Asks, and waits for the answer. A refusal answers without attributes.
pub fn ask(question: &Question<'_>) -> io::Result<Answer> {
    const NLM_F_REQUEST: u16 = 1;
    let mut request = vec![0; 4];
    request.extend(question.kind.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence and port, which one request on a socket of its own does not need.
    request.extend([0; 8]);
    request.extend(question.header);
    for (kind, value) in question.attributes {
        request.extend(((ATTRIBUTE_HEADER + value.len()) as u16).to_ne_bytes());
        request.extend(kind.to_ne_bytes());
        request.extend(*value);
        request.resize(request.len().next_multiple_of(4), 0);
    }
    let length = (request.len() as u32).to_ne_bytes();
    request[..4].copy_from_slice(&length);
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        question.protocol,
    )?;
    send(&socket, &request, SendFlags::empty())?;
    let mut bytes = vec![0; 16384];
    let (received, _) = recv(&socket, &mut bytes[..], RecvFlags::empty())?;
    bytes.truncate(received);
    Ok(Answer {
        bytes,
        header: question.header.len(),
    })
}

impl Answer {
    /// The family's own header; `None` in a refusal.
    pub fn header(&self) -> Option<&[u8]> {
        const NLMSG_ERROR: u16 = 2;
        let kind = u16::from_ne_bytes(*self.bytes.get(4..)?.first_chunk()?);
        self.bytes
            .get(HEADER..HEADER + self.header)
            .filter(|_| kind != NLMSG_ERROR)
    }

    /// The value of an attribute.
    pub fn attribute(&self, wanted: u16) -> Option<&[u8]> {
        self.header()?;
        find(self.bytes.get(HEADER + self.header..)?, wanted)
    }

    /// The number that an attribute is.
    pub fn number(&self, wanted: u16) -> Option<u32> {
        self.attribute(wanted)?.first_chunk().copied().map(u32::from_ne_bytes)
    }
}

/// The value of an attribute among others.
pub fn find(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let [l0, l1, t0, t1]: [u8; ATTRIBUTE_HEADER] = *rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        if u16::from_ne_bytes([t0, t1]) == wanted {
            return rest.get(ATTRIBUTE_HEADER..length);
        }
        rest = rest.get(length.next_multiple_of(4).max(ATTRIBUTE_HEADER)..)?;
    }
}
