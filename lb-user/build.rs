//! Finds the kernel programs' objects that `cargo xtask build-ebpf` left, for `lb` to embed. Builds none of them.
use std::path::{Path, PathBuf};

/// The objects, one per capability. Each one found sets `cfg(object_NAME)` and the variable `OBJECT_NAME` to its path.
const OBJECTS: [&str; 6] = ["cookie", "forward", "gate", "handover", "lookup", "reuseport"];

fn main() {
    let folder = target().join("bpf");
    // A folder that is there is compared by its time of change; one that is not would build `lb` again each time.
    if let Err(error) = std::fs::create_dir_all(&folder) {
        println!(
            "cargo::warning=no folder for kernel programs at {}: {error}",
            folder.display()
        );
    }
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    for name in OBJECTS {
        println!("cargo::rustc-check-cfg=cfg(object_{name})");
        let object = folder.join(format!("{name}.o"));
        if object.is_file() {
            println!("cargo::rustc-cfg=object_{name}");
            println!("cargo::rustc-env=OBJECT_{}={}", name.to_uppercase(), object.display());
        }
    }
}

/// The folder that cargo builds into, as xtask finds it.
fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => workspace.join(target),
        None => workspace.join("target"),
    }
}
