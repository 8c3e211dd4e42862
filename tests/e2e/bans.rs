//! Rules on stick tables that the kernel's gate judges: limits of rates and bans, the same with and without it.
use anyhow::{Result, ensure};
use lab::{Balancer, Setup, until};
use rustix::process::Signal;

use crate::gate::Site;

const BUSY: &str = "10.99.0.2";
const BANNED: &str = "10.99.0.76";
const OTHER: &str = "fd99::2";

fn configuration(site: &Site, global: &str) -> String {
    format!(
        "global\n    {global}\n    ebpf.pin-dir {}
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend web
    bind *:80
    bind :::80 v6only
    stick-table type ipv6 size 1k expire 1h store conn_cnt,conn_rate(1h),gpt0,http_req_cnt
    tcp-request connection track-sc0 src
    tcp-request connection reject if {{ sc0_conn_rate gt 3 }}
    tcp-request connection reject if {{ src_get_gpt0 gt 0 }}
    http-request sc-set-gpt0(0) 1 if {{ path /ban }}
    default_backend servers
backend servers
    server only {}",
        site.bpf.pin_dir().display(),
        site.origin.address()
    )
}

fn start(site: &Site, global: &str) -> Result<Balancer> {
    Setup::new(configuration(site, global)).inside(&site.edge).start()
}

/// The table without what differs from run to run, once no connection is open.
fn table(lb: &Balancer) -> Result<String> {
    until("the connections' end", || {
        let table = lb.ask("show table web").ok()?;
        (!table.contains("use=1")).then_some(())
    })?;
    let table = lb.ask("show table web")?;
    let words = table.split_inclusive([' ', '\n']);
    Ok(words
        .filter(|word| !word.starts_with("0x") && !word.starts_with("exp="))
        .collect())
}

/// Some come too often, and one does what it is banned for.
fn visits(site: &Site, lb: &Balancer) -> Result<()> {
    for visit in 1..=6 {
        let served = site.asks_for(BUSY, "/").is_ok();
        ensure!(served == (visit <= 3), "visit {visit}: served {served}");
    }
    ensure!(site.asks_for(BANNED, "/ban")? == 200);
    table(lb)?;
    ensure!(site.asks_for(BANNED, "/").is_err(), "a banned source is served");
    ensure!(site.asks_for(OTHER, "/")? == 200);
    Ok(())
}

#[test]
fn kernel_and_userspace_limit_and_ban_alike() -> Result<()> {
    let mut seen = Vec::new();
    for global in ["ebpf require", "ebpf off"] {
        let site = Site::new()?;
        let lb = start(&site, global)?;
        visits(&site, &lb)?;
        let told = lb.ask("show ebpf")?;
        let kernel = told.contains("kernel, 3 connections") && told.contains("kernel, 1 connections");
        ensure!(kernel == (global == "ebpf require"), "{told}");
        seen.push(table(&lb)?);
        // An operator's word takes effect at once, too.
        lb.ask(&format!("set table web key ::ffff:{BANNED} data.gpt0 0"))?;
        ensure!(site.asks_for(BANNED, "/")? == 200, "{}", lb.ask("show table web")?);
    }
    ensure!(seen[0] == seen[1], "kernel {}\nuserspace {}", seen[0], seen[1]);
    ensure!(seen[0].contains("conn_cnt=6 conn_rate(3600000)=6"), "{}", seen[0]);
    Ok(())
}

#[test]
fn what_a_killed_balancer_knew_its_successor_knows() -> Result<()> {
    let site = Site::new()?;
    let mut first = start(&site, "ebpf require")?;
    visits(&site, &first)?;
    let before = table(&first)?;
    first.process().signal(Signal::KILL)?;
    until("the end", || first.process().ended().ok().flatten())?;
    let second = start(&site, "ebpf require")?;
    let after = table(&second)?;
    ensure!(before == after, "{before}\n{after}");
    ensure!(site.asks_for(BANNED, "/").is_err(), "the ban is forgotten");
    Ok(())
}
