//! Benchmarks: our figures beside the raw limit, in one run (`crm-core/benches/engine.rs`).

use crate::Result;
use crate::workspace::Workspace;

/// Runs the benchmarks with the terminal as it is; `false` when a budget was missed.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<bool> {
    let mut cargo = workspace.command("cargo");
    cargo.args(["bench", "--quiet", "-p", "crm-core", "--bench", "engine", "--"]).args(arguments);
    let status = cargo.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    Ok(status.success())
}
