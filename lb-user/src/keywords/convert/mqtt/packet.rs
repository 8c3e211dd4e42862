//! CONNECT and CONNACK packets of MQTT 3.1, 3.1.1 and 5.0 (OASIS MQTT 3.1.1 and 5.0, sections 2, 3.1 and 3.2).

/// The packets that open a connection, one from each side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    Connack(Connack<'a>),
}

/// What a client opens with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    pub protocol_name: &'a [u8],
    /// 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0.
    pub version: u8,
    pub flags: u8,
    /// Seconds.
    pub keep_alive: u16,
    pub properties: Properties<'a>,
    pub client_identifier: &'a [u8],
    pub will: Option<Will<'a>>,
    pub username: Option<&'a [u8]>,
    pub password: Option<&'a [u8]>,
}

/// The message that the server is to send when the client is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    pub properties: Properties<'a>,
    pub topic: &'a [u8],
    pub payload: &'a [u8],
}

/// What the server answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connack<'a> {
    /// 5 where the packet has properties, else 4: it does not say.
    pub version: u8,
    pub flags: u8,
    pub reason_code: u8,
    pub properties: Properties<'a>,
}

/// Why no packet was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// What is there may become a packet.
    Incomplete,
    /// It cannot.
    Invalid,
}

/// The types of control packets.
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
/// Flags of a CONNECT packet.
const RESERVED: u8 = 0x01;
const WILL: u8 = 0x04;
const WILL_QOS: u8 = 0x18;
const PASSWORD: u8 = 0x40;
const USERNAME: u8 = 0x80;
/// Properties that depend on one another.
const AUTHENTICATION_METHOD: u8 = 21;
const AUTHENTICATION_DATA: u8 = 22;

impl<'a> Packet<'a> {
    /// Reads the packet that opens `bytes`. What follows it is not looked at.
    pub fn parse(bytes: &'a [u8]) -> Result<Packet<'a>, Unread> {
        let mut stream = Reader(bytes);
        let first = stream.byte().ok_or(Unread::Incomplete)?;
        let (kind, flags) = (first >> 4, first & 15);
        if !matches!(kind, CONNECT | CONNACK) || flags != 0 {
            return Err(Unread::Invalid);
        }
        let length = stream.remaining_length()?;
        let mut body = Reader(stream.take(length).ok_or(Unread::Incomplete)?);
        let packet = match kind {
            CONNECT => Connect::read(&mut body).map(Packet::Connect),
            _ => Connack::read(&mut body).map(Packet::Connack),
        };
        packet.filter(|_| body.0.is_empty()).ok_or(Unread::Invalid)
    }
}

impl<'a> Connect<'a> {
    fn read(body: &mut Reader<'a>) -> Option<Connect<'a>> {
        let protocol_name = body.string()?;
        let version = body.byte()?;
        let is_known = [&b"MQTT"[..], b"MQIsdp"]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(protocol_name));
        if !is_known || !(3..=5).contains(&version) {
            return None;
        }
        // The peer lets through what else the standard forbids of the flags, so clients may rely on it.
        let is_valid = |flags: &u8| flags & RESERVED == 0 && flags & WILL_QOS != WILL_QOS;
        let flags = body.byte().filter(is_valid)?;
        let keep_alive = body.number(2)? as u16;
        let has_properties = version == 5;
        let properties = body.properties(has_properties, Packets::CONNECT)?;
        let authenticates = properties.get(AUTHENTICATION_METHOD).is_some();
        if !authenticates && properties.get(AUTHENTICATION_DATA).is_some() {
            return None;
        }
        let client_identifier = body.string()?;
        let will = if flags & WILL != 0 {
            Some(Will {
                properties: body.properties(has_properties, Packets::WILL)?,
                topic: body.string()?,
                payload: body.string()?,
            })
        } else {
            None
        };
        Some(Connect {
            protocol_name,
            version,
            flags,
            keep_alive,
            properties,
            client_identifier,
            will,
            username: body.string_if(flags & USERNAME != 0)?,
            password: body.string_if(flags & PASSWORD != 0)?,
        })
    }
}

impl<'a> Connack<'a> {
    fn read(body: &mut Reader<'a>) -> Option<Connack<'a>> {
        let flags = body.byte().filter(|flags| *flags <= 1)?;
        let reason_code = body.byte()?;
        let has_properties = !body.0.is_empty();
        Some(Connack {
            version: if has_properties { 5 } else { 4 },
            flags,
            reason_code,
            properties: body.properties(has_properties, Packets::CONNACK)?,
        })
    }
}

/// The properties of MQTT 5 (section 2.2.2), checked and in the packet's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

/// The value of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property<'a> {
    Number(u32),
    Text(&'a [u8]),
}

/// How a property's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A byte that is 0 or 1.
    Flag,
    /// An integer of so many bytes.
    Number(usize),
    Text,
    Pair,
}

/// The packets, or the will in one, that a property may stand in.
#[derive(Clone, Copy)]
struct Packets(u8);

impl Packets {
    const CONNECT: Packets = Packets(1);
    const WILL: Packets = Packets(2);
    const CONNACK: Packets = Packets(4);
    const BOTH: Packets = Packets(5);
    const ALL: Packets = Packets(7);
}

/// Identifier, form and place of each property (section 2.2.2.2).
const PROPERTIES: &[(u8, Form, Packets)] = &[
    (1, Form::Flag, Packets::WILL),
    (2, Form::Number(4), Packets::WILL),
    (3, Form::Text, Packets::WILL),
    (8, Form::Text, Packets::WILL),
    (9, Form::Text, Packets::WILL),
    (17, Form::Number(4), Packets::BOTH),
    (18, Form::Text, Packets::CONNACK),
    (19, Form::Number(2), Packets::CONNACK),
    (21, Form::Text, Packets::BOTH),
    (22, Form::Text, Packets::BOTH),
    (23, Form::Flag, Packets::CONNECT),
    (24, Form::Number(4), Packets::WILL),
    (25, Form::Flag, Packets::CONNECT),
    (26, Form::Text, Packets::CONNACK),
    (28, Form::Text, Packets::CONNACK),
    (31, Form::Text, Packets::CONNACK),
    (33, Form::Number(2), Packets::BOTH),
    (34, Form::Number(2), Packets::BOTH),
    (36, Form::Flag, Packets::CONNACK),
    (37, Form::Flag, Packets::CONNACK),
    (38, Form::Pair, Packets::ALL),
    (39, Form::Number(4), Packets::BOTH),
    (40, Form::Flag, Packets::CONNACK),
    (41, Form::Flag, Packets::CONNACK),
    (42, Form::Flag, Packets::CONNACK),
];

fn form(id: u8, within: Packets) -> Option<Form> {
    PROPERTIES
        .iter()
        .find(|(known, _, places)| *known == id && places.0 & within.0 != 0)
        .map(|(_, form, _)| *form)
}

/// May the property of this number stand in a CONNECT packet or its will?
pub(super) fn is_of_connect(id: u8) -> bool {
    form(id, Packets(Packets::CONNECT.0 | Packets::WILL.0)).is_some()
}

/// May the property of this number stand in a CONNACK packet?
pub(super) fn is_of_connack(id: u8) -> bool {
    form(id, Packets::CONNACK).is_some()
}

/// Is the value of this property a number?
pub(super) fn is_number(id: u8) -> bool {
    matches!(form(id, Packets::ALL), Some(Form::Flag | Form::Number(_)))
}

impl<'a> Properties<'a> {
    /// The value of the property with this identifier. User properties have none.
    pub fn get(&self, wanted: u8) -> Option<Property<'a>> {
        let mut rest = Reader(self.0);
        while let Some(id) = rest.byte() {
            let value = rest.property(form(id, Packets::ALL)?)?;
            if id == wanted {
                return value;
            }
        }
        None
    }

    /// Takes the properties if all are known, in their place, whole, and no more than once.
    fn read(bytes: &'a [u8], within: Packets) -> Option<Properties<'a>> {
        let mut seen = 0u64;
        let mut rest = Reader(bytes);
        while let Some(id) = rest.byte() {
            let form = form(id, within)?;
            if form != Form::Pair && seen & 1 << id != 0 {
                return None;
            }
            seen |= 1 << id;
            rest.property(form)?;
        }
        Some(Properties(bytes))
    }
}

/// Takes fields from the front of some bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, width: usize) -> Option<u32> {
        let bytes = self.take(width)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.number(1)? as u8)
    }

    /// Bytes behind their length of two bytes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number(2)? as usize;
        self.take(length)
    }

    fn string_if(&mut self, present: bool) -> Option<Option<&'a [u8]>> {
        if present { self.string().map(Some) } else { Some(None) }
    }

    /// A number of at most four bytes, seven bits each, the low ones first (section 1.5.5).
    fn remaining_length(&mut self) -> Result<usize, Unread> {
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte().ok_or(Unread::Incomplete)?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(Unread::Invalid)
    }

    fn properties(&mut self, present: bool, within: Packets) -> Option<Properties<'a>> {
        if !present {
            return Some(Properties::default());
        }
        let length = self.remaining_length().ok()?;
        Properties::read(self.take(length)?, within)
    }

    /// The value of a property; of a pair there is none to show.
    fn property(&mut self, form: Form) -> Option<Option<Property<'a>>> {
        Some(match form {
            Form::Flag => Some(Property::Number(self.number(1).filter(|flag| *flag <= 1)?)),
            Form::Number(width) => Some(Property::Number(self.number(width)?)),
            Form::Text => Some(Property::Text(self.string()?)),
            Form::Pair => {
                self.string()?;
                self.string()?;
                None
            }
        })
    }
}

#[cfg(test)]
mod tests;
