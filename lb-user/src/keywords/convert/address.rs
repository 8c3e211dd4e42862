//! Addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::works;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Convert, ConvertRow, Facts, Kind, Value};

pub(super) const ROWS: &[ConvertRow] = &[works(
    &["ipmask"],
    "(<mask4>,[<mask6>])",
    "Keeps the part of an address that a mask covers. Without a second mask an IPv6 address must stand for an IPv4 one.",
    "src,ipmask(24,64) # 198.51.100.0",
    Convert::new(Kind::Address, Kind::Address, mask).with(&[
        ArgSpec::required(ArgKind::Mask4, "mask4"),
        ArgSpec::optional(ArgKind::Mask6, "mask6"),
    ]),
)];

fn mask<'a>(args: &'a Args, value: Value<'a>, _: &Facts<'a>) -> Option<Value<'a>> {
    let Arg::Mask4(mask4) = *args.get(0) else {
        return None;
    };
    let v4 = |ip: Ipv4Addr| Value::Ipv4(Ipv4Addr::from(u32::from(ip) & mask4));
    match (value, args.get(1)) {
        (Value::Ipv4(ip), _) => Some(v4(ip)),
        (Value::Ipv6(ip), Arg::Mask6(_)) if ip.to_ipv4_mapped().is_some() => ip.to_ipv4_mapped().map(v4),
        (Value::Ipv6(ip), Arg::Mask6(mask6)) => Some(Value::Ipv6(Ipv6Addr::from(u128::from(ip) & mask6))),
        (Value::Ipv6(ip), _) => ip.to_ipv4_mapped().map(v4),
        _ => None,
    }
}
