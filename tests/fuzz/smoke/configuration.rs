//! Configurations, whole and by the line.
#[path = "../properties/configuration.rs"]
mod properties;

use proptest::prelude::*;

use super::harm::harmed;
use super::settings;

const FILES: &[&[u8]] = &[
    include_bytes!("../../../examples/demo.cfg"),
    include_bytes!("../../data/bench.cfg"),
    b"global\n    setenv A \"b c\"\n.if defined(A) && !streq(\"$A\",x)\n    maxconn 10\n.elif version_atleast(2.4)\n.else\n.endif\n",
    b"defaults d\n    mode http\n    timeout client 5s\n    log-format \"%ci:%cp [%tr] %[src,lower] %{+Q}r\"\nlisten l from d\n\
      bind :80-81\n    acl a path_beg /x\\ y 'z'\n    use_backend l if a || !a { always_true }\n    server s 127.0.0.1:90 weight 5 check\n",
];

const LINES: &[&[u8]] = &[
    b"    server s \"${HOST}:80\" weight 5 # comment",
    b"acl a path 'x \"y' \"z \\\" ${A[*]}\" \\x41\\r\\n\\#",
];

const WORDS: &[&[u8]] = &[
    b"\n",
    b" ",
    b"\t",
    b"\"",
    b"'",
    b"\\",
    b"\\x",
    b"#",
    b"$",
    b"${",
    b"}",
    b"{",
    b"!",
    b"||",
    b"%[",
    b"]",
    b"(",
    b")",
    b",",
    b"\0",
    b"\xff",
    b"frontend ",
    b"backend ",
    b"listen ",
    b"defaults ",
    b"global\n",
    b" from ",
    b" if ",
    b" unless ",
    b".if ",
    b".else\n",
    b".endif\n",
    b"-1",
    b"99999999999999999999",
    b"1000d",
    b"10.0.0.0/33",
    b"::",
    b":0-99999",
    b"fd@",
    b"unix@",
];

proptest! {
    #![proptest_config(settings(1000))]

    #[test]
    fn files(text in harmed(FILES, WORDS)) {
        properties::file(&text);
    }

    #[test]
    fn lines(text in harmed(LINES, WORDS)) {
        properties::line(&text);
    }
}
