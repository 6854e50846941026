//! Hands the compiler's target and version to the crate, for the identity that every plugin carries.

use std::env;
use std::process::Command;

fn main() {
    let target = env::var("TARGET").expect("cargo sets TARGET for build scripts");
    println!("cargo::rustc-env=PORTRAITD_TARGET={target}");
    println!("cargo::rustc-env=PORTRAITD_RUSTC={}", compiler());
    println!("cargo::rerun-if-changed=build.rs");
}

/// The compiler's own words for its version. For information only, so a compiler that does not tell is no error.
fn compiler() -> String {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC for build scripts");
    let output = Command::new(rustc).arg("--version").output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    // It goes into JSON as it stands.
    text.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}
