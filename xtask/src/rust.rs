//! Checks of the Rust workspace: format, lints, the purity of the domain, tests, documentation.

use std::process::Command;

use crate::Result;
use crate::shell::Shell;
use crate::steps::Checks;
use crate::tally;

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

/// Unit, property and integration tests, and the examples in the documentation. The Python module
/// is left out: it can be linked only into an interpreter, and its own step tests it there.
pub(crate) fn tests(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let cargo = |arguments: &[&str]| -> Command {
        let mut command = shell.command("cargo");
        command.args(["test", "--workspace", "--no-fail-fast"]).args(arguments);
        if shell.workspace.has("crm-py/Cargo.toml") {
            command.args(["--exclude", "crm-py"]);
        }
        command
    };
    if shell.quick {
        checks.tests("tests", &mut cargo(&["--lib", "--bins", "--tests"]), tally::cargo)
    } else {
        checks.tests("tests", &mut cargo(&[]), tally::cargo)
    }
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
