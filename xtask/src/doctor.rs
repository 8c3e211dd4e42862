//! `cargo xtask doctor`: what of the prerequisites and of the kernel's help is here, and how to mend what is not.
use anyhow::Result;

use crate::compiler::Compiler;
use crate::{build_ebpf, setup, shell};

/// Report each prerequisite and kernel capability as present or missing, with the command that mends it.
#[derive(clap::Args)]
pub struct Args {
    /// Also report on these interfaces
    interfaces: Vec<String>,
}

/// Ends well even where something is missing: the report is the answer.
pub fn run(args: &Args) -> Result<()> {
    println!("packages");
    for package in setup::packages(true) {
        let found = setup::is_installed(package.name).then_some(package.why);
        line(
            package.name,
            found,
            package.why,
            &format!("apt-get install {}", package.name),
        );
    }
    println!("kernel programs");
    let compiler = Compiler::find();
    match compiler {
        Ok(found) => line("compiler", Some(&found.name()), "", ""),
        Err(error) => line("compiler", None, &error.to_string(), "cargo xtask setup"),
    }
    let linker = setup::linker_version();
    line(
        "bpf-linker",
        linker.as_deref(),
        "links the kernel programs",
        &setup::linker_by_hand(),
    );
    for name in build_ebpf::OBJECTS {
        let object = build_ebpf::folder().join(format!("{name}.o"));
        let found = object.is_file().then(|| object.display().to_string());
        line(
            &format!("object {name}"),
            found.as_deref(),
            "not built",
            "cargo xtask build-ebpf",
        );
    }
    println!("kernel");
    shell::succeed(
        shell::cargo()
            .args([
                "run",
                "--quiet",
                "--package",
                "lb-user",
                "--example",
                "capabilities",
                "--",
            ])
            .args(&args.interfaces),
    )
}

fn line(name: &str, found: Option<&str>, why: &str, mend: &str) {
    match found {
        Some(what) => println!("  present  {name}: {what}"),
        None => println!("  missing  {name}: {why}\n           mend: {mend}"),
    }
}
