//! What the demo tells.
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};

use super::stage::{CLIENTS, CONFIGURATION, EDGE, FOLDER, SOCKET};
use super::traffic::Told;

pub fn print(told: &Told) -> Result<()> {
    println!("\nWhich flow went where\n");
    let head = ["", "client", "asked", "came to", "as we know from"].map(str::to_owned);
    let rows = told.flows.iter().map(|flow| {
        let mark = if flow.as_configured { "✓" } else { "✗" };
        [mark, &flow.client, &flow.asked, &flow.came_to, flow.source].map(str::to_owned)
    });
    print_table(&[head].into_iter().chain(rows).collect::<Vec<_>>());

    println!("\nWhat was denied (show stat)\n");
    print_table(&denied()?);

    println!("\nWho sticks to which broker (show table be_mqtt)\n");
    print_indented(&ask("show table be_mqtt")?);

    println!("\nWhat ran in the kernel (show ebpf)\n");
    print_indented(&ask("show ebpf")?);
    Ok(())
}

pub fn print_how_to_explore() {
    println!("\nThe demo runs on.\n");
    let commands = [
        (
            "a client's request",
            format!("nsenter --net=/run/netns/{CLIENTS} curl -i http://192.0.2.1/"),
        ),
        (
            "a denied one",
            format!("nsenter --net=/run/netns/{CLIENTS} curl --interface 192.0.2.66 http://192.0.2.1/"),
        ),
        (
            "the runtime API",
            format!("echo 'show ebpf' | socat - UNIX-CONNECT:{SOCKET}"),
        ),
        (
            "the kernel's view",
            format!("nsenter --net=/run/netns/{EDGE} bpftool net"),
        ),
        (
            "where each rule runs",
            format!("target/fast/lb explain -f {CONFIGURATION}"),
        ),
        ("the balancer's log", format!("tail -f {FOLDER}/lb.log")),
        ("end it", "cargo xtask demo --down".to_owned()),
    ];
    print_table(&commands.map(|(what, command)| [what.to_owned(), command]));
}

/// Asks the balancer one line of the runtime API.
fn ask(command: &str) -> Result<String> {
    let mut socket = UnixStream::connect(SOCKET).context(SOCKET)?;
    writeln!(socket, "{command}")?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The frontends' counters of what was denied.
fn denied() -> Result<Vec<[String; 4]>> {
    let text = ask("show stat -1 1 -1")?;
    let mut lines = text
        .trim_start_matches("# ")
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().context("show stat is empty")?;
    let column = |name: &str| {
        names
            .iter()
            .position(|&field| field == name)
            .with_context(|| format!("no field {name}"))
    };
    let fields = [column("pxname")?, column("stot")?, column("dcon")?, column("dreq")?];
    let head = ["frontend", "sessions", "denied connections", "denied requests"].map(str::to_owned);
    let cell = |line: &[&str], field: usize| line.get(field).copied().unwrap_or_default().to_owned();
    let rows = lines
        .filter(|line| line.len() > 1)
        .map(|line| fields.map(|field| cell(&line, field)));
    Ok([head].into_iter().chain(rows).collect())
}

fn print_table<const N: usize>(rows: &[[String; N]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        println!("  {}", cells.join("  ").trim_end());
    }
}

fn print_indented(text: &str) {
    for line in text.trim().lines() {
        println!("  {line}");
    }
}
