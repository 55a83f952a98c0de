//! Fuzzing on the stable compiler: a target of `fuzz/` under libFuzzer, from its stored corpus on.
//!
//! cargo-fuzz wants a nightly compiler for its address sanitizer. The engine forbids `unsafe`, so what
//! there is to find are panics, broken laws, hangs and memory; for these the coverage that the stable
//! compiler can count is enough.

use std::fs;
use std::path::Path;

use crate::shell::Shell;
use crate::{Result, artifacts};

/// What makes the compiler count for libFuzzer which edges ran and what was compared.
const COVERAGE: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Ccodegen-units=4",
];

/// A target that has to be named, because the flags must not reach build scripts.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Fuzzes for some seconds; `false` if something was found.
pub(crate) fn run(shell: &Shell, target: &str, seconds: &str) -> Result<bool> {
    let seconds: u32 = seconds.parse().map_err(|_| "say for how many seconds: a whole number")?;
    let folder = shell.workspace.root.join("fuzz");
    let corpus = folder.join("corpus").join(target);
    if !corpus.is_dir() {
        return Err(format!(
            "no such target; one of {}",
            names(&folder.join("corpus"))?.join(", ")
        ));
    }
    let built = shell.workspace.target.join("fuzz");
    let mut cargo = shell.command("cargo");
    cargo.args(["build", "--release", "--target", PLATFORM, "--bin", target]);
    cargo.arg("--manifest-path").arg(folder.join("Cargo.toml")).arg("--target-dir").arg(&built);
    shell.run(cargo.env("RUSTFLAGS", COVERAGE.join(" ")))?;
    let found = artifacts::clear(shell, &format!("fuzz-{target}"))?;
    let mut fuzzer =
        shell.command(&built.join(PLATFORM).join("release").join(target).to_string_lossy());
    // What the fuzzer keeps goes into the first folder; the second is only read.
    fuzzer.arg(&found).arg(&corpus).args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=512"]);
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.arg(format!("-artifact_prefix={}/{target}-", shell.workspace.stage.display()));
    let status = fuzzer.status().map_err(|error| format!("cannot run the fuzzer: {error}"))?;
    Ok(status.success())
}

/// The names of what lies in a folder, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
