//! Checks of the Rust workspace: format, lints, the purity of the domain, tests, documentation.

use std::process::Command;

use crate::shell::Shell;
use crate::steps::Checks;
use crate::{Result, artifacts, readme, tally};

pub(crate) fn fmt(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let mut cargo = shell.command("cargo");
    cargo.args(["fmt", "--all", "--check", "--", "--color=never"]);
    checks.check("rustfmt", shell.run(&mut cargo));
    Ok(())
}

/// Lints of everything there is: all crates, tests, examples, benches, features.
pub(crate) fn clippy(checks: &mut Checks) -> Result<()> {
    let arguments = ["--workspace", "--all-targets", "--all-features"];
    checks.check("workspace", lint(checks.shell, &arguments));
    Ok(())
}

/// The domain without SQLite, and the engine without what is optional: each must stand alone.
/// Without its engine the domain has parts that nobody calls, which is no fault.
pub(crate) fn purity(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let mut cargo = shell.command("cargo");
    cargo.args(["check", "-p", "crm-core", "--no-default-features"]);
    checks.check("the domain alone", shell.run(&mut cargo));
    let engine = ["-p", "crm-core", "--no-default-features", "--features", "sqlite,bundled"];
    checks.check("the engine without phone", lint(shell, &engine));
    Ok(())
}

/// What cargo builds to test all crates, and to print their operations: one build serves both. The
/// Python module is left out: it can be linked only into an interpreter, and its own step tests it there.
pub(crate) const WORKSPACE: [&str; 5] =
    ["--workspace", "--exclude", "crm-py", "--features", "crm-core/schema"];

/// Unit, property and integration tests, and the examples in the documentation.
pub(crate) fn tests(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let cargo = |arguments: &[&str]| -> Command {
        let mut command = shell.command("cargo");
        command.arg("test").args(WORKSPACE).arg("--no-fail-fast").args(arguments);
        if shell.quick {
            command.env("CRM_QUICK", "1");
        }
        command
    };
    if shell.quick {
        checks.tests("tests", &mut cargo(&["--lib", "--bins", "--tests"]), tally::cargo)?;
    } else {
        checks.tests("tests", &mut cargo(&[]), tally::cargo)?;
    }
    checks.check("quick start", quick_start(shell));
    Ok(())
}

/// What only an engine with SQLCipher can do. The rest of it is linked with that too, and behaves as
/// with SQLite alone.
pub(crate) fn encrypted(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let cargo = |arguments: &[&str]| -> Command {
        let mut command = shell.command("cargo");
        command.args(["test", "-p", "crm-core", "--features", "sqlcipher"]).args(arguments);
        if shell.quick {
            command.env("CRM_QUICK", "1");
        }
        command
    };
    checks.tests("tests", &mut cargo(&["--test", "cipher"]), tally::cargo)?;
    checks.tests("examples", &mut cargo(&["--doc", "--", "key", "encrypted"]), tally::cargo)
}

/// The quick start of the README, compiled against the library as cargo built it: a project around
/// it would build every dependency again.
fn quick_start(shell: &Shell) -> Result<()> {
    let folder = artifacts::clear(shell, "quick-start-rust")?;
    artifacts::write(&folder.join("main.rs"), readme::quick_start(shell, "Rust")?.as_bytes())?;
    let built = artifacts::build(shell, "crm-core", &["--lib"])?;
    let kind = |kind| built.iter().find(|path| path.extension().is_some_and(|is| is == kind));
    let library = kind("rlib").ok_or("crm-core made no library")?;
    // The metadata lie where the dependencies do.
    let dependencies = kind("rmeta").and_then(|path| path.parent()).ok_or("no metadata")?;
    let mut rustc = shell.command("rustc");
    rustc.args(["--edition", "2024", "main.rs", "--extern"]);
    rustc.arg(format!("crm_core={}", library.display()));
    rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
    shell.run(rustc.current_dir(&folder))?;
    readme::run(shell, &mut shell.command(&folder.join("main").to_string_lossy()), &folder)
}

pub(crate) fn documentation(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let mut cargo = shell.command("cargo");
    cargo.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    checks.check("rustdoc", shell.run(&mut cargo));
    Ok(())
}

pub(crate) fn tour(checks: &mut Checks) -> Result<String> {
    let shell = checks.shell;
    let mut cargo = shell.command("cargo");
    cargo.args(["run", "--quiet", "-p", "crm-core", "--example", "tour"]).args(shell.profile());
    shell.output(&mut cargo)
}

fn lint(shell: &Shell, arguments: &[&str]) -> Result<String> {
    let mut cargo = shell.command("cargo");
    shell.run(cargo.arg("clippy").args(arguments).args(["--", "-D", "warnings"]))
}
