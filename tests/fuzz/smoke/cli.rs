//! Lines of the runtime API. The first two bytes of an input are settings.
#[path = "../properties/cli.rs"]
mod properties;

use std::sync::LazyLock;

use lb_user::control::COMMANDS;
use proptest::prelude::*;

use super::harm::harmed;
use super::settings;

/// What every command's row gives as an example, at each level, and some lines that mean several things.
static LINES: LazyLock<Vec<&'static [u8]>> = LazyLock::new(|| {
    let rows = COMMANDS.iter().flat_map(|rows| rows.iter());
    let examples = rows.flat_map(|row| [0, 1, 2].map(|level| format!("{level}\x05{}\n", row.example)));
    let more = [
        "2 show info;prompt;show cli level\nprompt\n",
        "2 set table web key 10.0.0.1 data.gpc0 1;show table web data.gpc0 gt 0;clear table web\n",
        "2 set server be/s1 addr 127.0.0.2 port 80;set server be/s1 state maint;show servers state be\n",
        "2 add map m <<\nkey value\n\nshow stat -1 7 -1 typed\n",
    ];
    let lines = examples.chain(more.map(str::to_owned));
    lines.map(|line| &*line.into_bytes().leak()).collect()
});

const WORDS: &[&[u8]] = &[
    b" ",
    b"\n",
    b"\n\n",
    b";",
    b"\\",
    b" <<\n",
    b"\0",
    b"\xff",
    b"#2",
    b"#3/#1",
    b"be/s1",
    b"be/s3",
    b"be/",
    b"-1",
    b"256",
    b"300",
    b"50%",
    b"99999999999999999999",
    b"all",
    b"json",
    b"typed",
    b"key a",
    b"data.",
    b"-w",
    b"port",
    b"prompt\n",
    b"quit\n",
    b"operator\n",
    b"user\n",
];

proptest! {
    #![proptest_config(settings(2000))]

    #[test]
    fn commands(input in harmed(&LINES, WORDS)) {
        properties::line(&input);
    }
}
