//! The same tour in five languages prints the same text.
//!
//! A tour takes no arguments, runs in the root of the checkout, reads `examples/data`, keeps its
//! file in the system's temporary folder, prints its report to standard output and its progress to
//! standard error.

use std::fs;

use crate::Result;
use crate::generate::difference;
use crate::steps::Checks;
use crate::{c, kotlin, python, rust, swift};

const EXPECTED: &str = "examples/expected.txt";

pub(crate) fn rust(checks: &mut Checks) -> Result<()> {
    compare(checks, rust::tour)
}

pub(crate) fn c(checks: &mut Checks) -> Result<()> {
    compare(checks, c::tour)
}

pub(crate) fn python(checks: &mut Checks) -> Result<()> {
    compare(checks, python::tour)
}

pub(crate) fn kotlin(checks: &mut Checks) -> Result<()> {
    compare(checks, kotlin::tour)
}

pub(crate) fn swift(checks: &mut Checks) -> Result<()> {
    compare(checks, swift::tour)
}

fn compare(checks: &mut Checks, tour: fn(&mut Checks) -> Result<String>) -> Result<()> {
    let path = checks.shell.workspace.root.join(EXPECTED);
    let expected = fs::read_to_string(path).map_err(|error| format!("{EXPECTED}: {error}"))?;
    let printed = tour(checks)?;
    let outcome = difference(&expected, &printed).map_or(Ok(()), Err);
    checks.check("output", outcome);
    Ok(())
}
