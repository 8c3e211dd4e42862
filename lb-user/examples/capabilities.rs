//! Prints what of the kernel's help is to be had here. `cargo xtask doctor` runs it.
use std::path::Path;

use lb_user::kernel::{Capabilities, State};

fn main() {
    let interfaces: Vec<String> = std::env::args().skip(1).collect();
    for step in Capabilities::probe(Path::new("/sys/fs/bpf/lb"), &interfaces).steps {
        match step.state {
            State::Present => println!("  present  {}", step.name),
            State::Missing { why, mend } => {
                println!("  missing  {}: {why}", step.name);
                mend.iter().for_each(|mend| println!("           mend: {mend}"));
            }
        }
    }
}
