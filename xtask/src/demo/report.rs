//! What the demo tells.
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::stage::{CLIENTS, CONFIGURATION, EDGE, FOLDER, SOCKET};
use super::traffic::Told;
use crate::shell;

pub fn print(told: &Told, binary: &Path) -> Result<()> {
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

    println!("\nWhere each rule runs, and why (lb explain -f {CONFIGURATION})\n");
    print_indented(&explained(binary)?);

    println!("\nWhat ran in the kernel (show ebpf)\n");
    let told = ask("show ebpf")?;
    print_indented(&the_gate_and_its_rules(&told));
    match map_id(&told, "GATE_RULES") {
        Some(map) => {
            println!("\nWhat the kernel itself has counted (bpftool map dump id {map})\n");
            print_table(&kernel_counts(map)?);
        }
        None => println!("\nThe gate is off: userspace has decided."),
    }
    Ok(())
}

fn explained(binary: &Path) -> Result<String> {
    let mut explain = Command::new(binary);
    explain
        .args(["explain", "-f", CONFIGURATION])
        .current_dir(shell::root());
    let output = explain.output().with_context(|| binary.display().to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines about the gate, its interfaces and its rules, of a report that also tells of maps and capabilities.
fn the_gate_and_its_rules(told: &str) -> String {
    let starts = ["gate:", "interface ", "frontend ", CONFIGURATION];
    let is_wanted = |line: &&str| starts.iter().any(|start| line.trim_start().starts_with(start));
    told.lines().filter(is_wanted).collect::<Vec<_>>().join("\n")
}

/// The number in `map NAME (id 7)`.
fn map_id<'a>(told: &'a str, map: &str) -> Option<&'a str> {
    let (_, rest) = told.split_once(&format!("map {map} (id "))?;
    rest.split_once(')').map(|(id, _)| id)
}

/// The gate's counters that are not zero, as bpftool reads them by the names of their fields.
fn kernel_counts(map: &str) -> Result<Vec<[String; 4]>> {
    let output = Command::new("bpftool").args(["-j", "map", "dump", "id", map]).output();
    let output = output.context("cannot run bpftool")?;
    let entries: Value = serde_json::from_slice(&output.stdout).context("bpftool's answer")?;
    let head = ["rule", "processor", "connections", "packets"].map(str::to_owned);
    let mut rows = vec![head];
    for entry in entries
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| &entry["formatted"])
    {
        for processor in entry["values"].as_array().into_iter().flatten() {
            let value = &processor["value"];
            if value["packets"] != 0 {
                let cells = [
                    &entry["key"],
                    &processor["cpu"],
                    &value["connections"],
                    &value["packets"],
                ];
                rows.push(cells.map(Value::to_string));
            }
        }
    }
    Ok(rows)
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
