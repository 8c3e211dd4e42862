//! The first packets of an MQTT connection: `mqtt_is_valid` and `mqtt_field_value`.

mod packet;

pub use packet::{Connack, Connect, Packet, Properties, Property, Unread, Will};

use super::works;
use crate::language::Error;
use crate::rules::{ArgKind, ArgSpec, Args, Context, Convert, ConvertRow, Facts, Fetched, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["mqtt_is_valid"],
        "",
        "Do the bytes open with a valid CONNECT or CONNACK packet? Undecided while it is not whole.",
        "bin(100c00044d5154540402003c0000),mqtt_is_valid # 1",
        Convert::whole(Kind::Bin, Kind::Bool, is_valid),
    ),
    works(
        &["mqtt_field_value"],
        "(<packettype>,<fieldname_or_property_ID>)",
        "A field or, by its number, a property of the CONNECT or CONNACK packet that the bytes open with.",
        "bin(101400044d5154540402003c0008746573745f737562),mqtt_field_value(connect,client_identifier) # test_sub",
        Convert::whole(Kind::Bin, Kind::Str, field_value)
            .with(&[
                ArgSpec::required(ArgKind::Str, "packettype"),
                ArgSpec::required(ArgKind::Str, "fieldname"),
            ])
            .checked(check_field),
    ),
];

/// The packet types that have a name, from 1 on.
const TYPES: [&str; 15] = [
    "connect",
    "connack",
    "publish",
    "puback",
    "pubrec",
    "pubrel",
    "pubcomp",
    "subscribe",
    "suback",
    "unsubscribe",
    "unsuback",
    "pingreq",
    "pingresp",
    "disconnect",
    "auth",
];
const CONNECT_FIELDS: [&str; 9] = [
    "flags",
    "protocol_name",
    "protocol_version",
    "client_identifier",
    "will_topic",
    "will_payload",
    "username",
    "password",
    "keepalive",
];
const CONNACK_FIELDS: [&str; 3] = ["flags", "protocol_version", "reason_code"];

/// A field of a packet, or a property by its number.
#[derive(Clone, Copy, Debug)]
enum Field {
    Connect(&'static str),
    Connack(&'static str),
    ConnectProperty(u8),
    ConnackProperty(u8),
}

/// What a field holds.
enum Held<'a> {
    Number(u32),
    Text(&'a [u8]),
}

fn is_valid<'a>(_: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Fetched<'a> {
    match Packet::parse(&value.into_bytes()) {
        Ok(_) => Value::Bool(true).into(),
        Err(Unread::Invalid) => Value::Bool(false).into(),
        Err(Unread::Incomplete) => Fetched::Wait,
    }
}

fn field_value<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Fetched<'a> {
    let Some(field) = args.prepared::<Field>(0) else {
        return Fetched::Missing;
    };
    let bytes = value.into_bytes();
    let packet = match Packet::parse(&bytes) {
        Ok(packet) => packet,
        Err(Unread::Invalid) => return Fetched::Missing,
        Err(Unread::Incomplete) => return Fetched::Wait,
    };
    match field.of(&packet) {
        Some(Held::Number(number)) => Value::string(number.to_string().into_bytes()).into(),
        Some(Held::Text([])) | None => Fetched::Missing,
        Some(Held::Text(text)) => Value::string(text.to_vec()).into(),
    }
}

impl Field {
    fn of<'a>(self, packet: &Packet<'a>) -> Option<Held<'a>> {
        match (self, packet) {
            (Field::Connect(name), Packet::Connect(connect)) => of_connect(name, connect),
            (Field::Connack(name), Packet::Connack(connack)) => Some(Held::Number(match name {
                "flags" => connack.flags.into(),
                "protocol_version" => connack.version.into(),
                _ => connack.reason_code.into(),
            })),
            (Field::ConnectProperty(id), Packet::Connect(connect)) if connect.version == 5 => {
                let will = connect.will.as_ref().and_then(|will| will.properties.get(id));
                property(connect.properties.get(id).or(will), id)
            }
            (Field::ConnackProperty(id), Packet::Connack(connack)) if connack.version == 5 => {
                property(connack.properties.get(id), id)
            }
            _ => None,
        }
    }
}

fn of_connect<'a>(name: &str, connect: &Connect<'a>) -> Option<Held<'a>> {
    let will = connect.will.as_ref();
    Some(match name {
        "flags" => Held::Number(connect.flags.into()),
        "protocol_name" => Held::Text(connect.protocol_name),
        "protocol_version" => Held::Number(connect.version.into()),
        "client_identifier" => Held::Text(connect.client_identifier),
        "will_topic" => Held::Text(will?.topic),
        "will_payload" => Held::Text(will?.payload),
        "username" => Held::Text(connect.username?),
        "password" => Held::Text(connect.password?),
        _ => Held::Number(connect.keep_alive.into()),
    })
}

/// A number that is not there counts as zero, as it does in the peer.
fn property(property: Option<Property<'_>>, id: u8) -> Option<Held<'_>> {
    match property {
        Some(Property::Number(number)) => Some(Held::Number(number)),
        Some(Property::Text(text)) => Some(Held::Text(text)),
        None => packet::is_number(id).then_some(Held::Number(0)),
    }
}

/// Resolves packet type and field, both by name or by number.
fn check_field(args: &mut Args, _: &mut Context<'_>) -> Result<(), Error> {
    let kind = args.str(0).unwrap_or_default();
    let number = TYPES
        .iter()
        .position(|name| name.eq_ignore_ascii_case(kind))
        .map(|at| at + 1);
    let number = number.or_else(|| kind.parse().ok().filter(|number| (1..=TYPES.len()).contains(number)));
    let number = number.ok_or_else(|| Error::new(format!("Unknown MQTT type '{kind}'")))?;
    let name = args.str(1).unwrap_or_default();
    let id: Option<u8> = name.parse().ok();
    let known = |names: &[&'static str]| names.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
    let field = match number {
        1 => known(&CONNECT_FIELDS)
            .map(Field::Connect)
            .or_else(|| id.filter(|id| packet::is_of_connect(*id)).map(Field::ConnectProperty)),
        2 => known(&CONNACK_FIELDS)
            .map(Field::Connack)
            .or_else(|| id.filter(|id| packet::is_of_connack(*id)).map(Field::ConnackProperty)),
        _ => None,
    };
    let field =
        field.ok_or_else(|| Error::new(format!("Unknown MQTT field name '{name}' for packet type '{kind}'")))?;
    args.prepare(0, field);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pattern::hex;

    /// The fields that `tests/data/mqtt.txt` has.
    fn fields() -> impl Iterator<Item = (String, Field)> {
        let connect = CONNECT_FIELDS
            .iter()
            .map(|name| (format!("connect.{name}"), Field::Connect(name)));
        let connack = CONNACK_FIELDS
            .iter()
            .map(|name| (format!("connack.{name}"), Field::Connack(name)));
        let numbers = |of: fn(u8) -> bool| (1..43u8).filter(move |id| of(*id));
        let of_connect = numbers(packet::is_of_connect).map(|id| (format!("connect.{id}"), Field::ConnectProperty(id)));
        let of_connack = numbers(packet::is_of_connack).map(|id| (format!("connack.{id}"), Field::ConnackProperty(id)));
        connect.chain(connack).chain(of_connect).chain(of_connack)
    }

    /// Each line holds a packet, the peer's verdict (`-` for one that is not whole) and its fields, properties that are
    /// zero left out. Three differences are not in the table. The peer waits for the rest of a CONNACK whose properties
    /// are wrong, where we say at once that it is invalid; it refuses a CONNACK of MQTT 3.1.1 that other packets
    /// follow; and it accepts most wills of the quality of service 3, which the standard forbids.
    #[test]
    fn packets_are_read_as_the_peer_reads_them() {
        let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/mqtt.txt");
        let table = std::fs::read_to_string(table).unwrap();
        let mut wrong = String::new();
        for line in table.lines() {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            let bytes = hex(words.next().unwrap()).unwrap();
            let verdict = words.next().unwrap();
            let mut expected: Vec<&str> = words.collect();
            expected.sort_unstable();
            let parsed = Packet::parse(&bytes);
            let ours = match &parsed {
                Ok(_) => "1",
                Err(Unread::Invalid) => "0",
                Err(Unread::Incomplete) => "-",
            };
            let mut held: Vec<String> = Vec::new();
            if let Ok(packet) = &parsed {
                held.extend(fields().filter_map(|(name, field)| {
                    let is_property = matches!(field, Field::ConnectProperty(_) | Field::ConnackProperty(_));
                    let shown = match field.of(packet)? {
                        Held::Number(0) if is_property => return None,
                        Held::Number(number) => number.to_string().into_bytes(),
                        Held::Text(text) => text.to_vec(),
                    };
                    let digits: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
                    (!shown.is_empty()).then(|| format!("{name}={digits}"))
                }));
            }
            held.sort_unstable();
            if ours != verdict || held != expected {
                wrong += &format!("{line}\n  {ours} {}\n", held.join(" "));
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }
}
