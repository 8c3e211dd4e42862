//! Expressions, what binary converters are given, pattern files.
#[path = "../properties/rules.rs"]
mod properties;

use proptest::prelude::*;

use super::harm::harmed;
use super::settings;

const EXPRESSIONS: &[&[u8]] = &[
    b"str('a,b'),field(2,',',1),upper",
    b"bin(61ff),base64,length,add(3),mul(-1)",
    b"int(5),iif(a,b),concat(<,txn.x,>)",
    b"str(a),map_str(words.map,none),regsub('(a)','\\1b',g)",
    b"rand(10),mod(0),hex",
    b"ipv6(::1),ipmask(24,64)",
    b"date(-5,ms),ltime(\"%Y-%m\",60)",
];

const EXPRESSION_WORDS: &[&[u8]] = &[
    b",",
    b"(",
    b")",
    b"'",
    b"\"",
    b"\\",
    b"-9223372036854775808",
    b",json",
    b",xxh3",
    b",sub(",
    b"%",
];

const CONVERTED: &[&[u8]] = &[
    b"\x00\x10\x10\x10\x00\x04MQTT\x05\xc2\x00\x3c\x00\x00\x02id",
    b"\x01\x108=FIX.4.4\x019=5\x0135=0\x0110=163\x01",
    b"\x05\x06\x0a\x04\x12\x02hi\x08\x96\x01",
    b"\x07\x06\x00\x00\x00\x00\x09\x09\x00\x00\x00\x00\x00\x00\xf8\x3f",
    b"\x08\x10{\"a\":[1,{\"b\":\"x\\u00e9\"}]}",
    b"\x0b\x03a%20b%",
    b"\x0d\x04YWJj_-=",
];

const BYTES: &[&[u8]] = &[
    b"\x00",
    b"\xff",
    b"\x80",
    b"\x01",
    b"=",
    b"\x7f",
    b"{",
    b"]",
    b"\\u",
    b"%",
    b"\xff\xff\xff\xff",
];

const FILES: &[&[u8]] = &[
    b"# words\na one\nab two\n\n b  three \n",
    b"10.0.0.0/8 net\n2001:db8::/32 six\n10.1.2.3 host\n",
    b"1:5 few\n6: many\n-3 less\n",
    b"^/a(b|c)$ \\1\n(?=x)x\n",
    b"6162\nff\n",
];

const FILE_WORDS: &[&[u8]] = &[
    b"\n", b" ", b"#", b"\t", b"/33", b":", b"(", b"[", b"\r", b"\xff", b"/", b"-",
];

proptest! {
    #![proptest_config(settings(2000))]

    #[test]
    fn expressions(text in harmed(EXPRESSIONS, EXPRESSION_WORDS)) {
        properties::expression(&text);
    }

    #[test]
    fn converters(input in harmed(CONVERTED, BYTES)) {
        properties::converter(&input);
    }

    #[test]
    fn pattern_files(text in harmed(FILES, FILE_WORDS)) {
        properties::patterns(&text);
    }
}
