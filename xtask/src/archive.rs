//! `libcrm.a` for programs that hold another SQLite: it shows the functions of `crm.h` and nothing else.
//!
//! In the archive that cargo makes every object shows its symbols, SQLite's among them. A program with
//! an SQLite of its own could not be linked with it, or would lend the engine an SQLite that it does
//! not know. So the objects become one, and all symbols but those of the interface become local.
//! This is for ELF, with GNU binutils.

use std::fs;
use std::path::PathBuf;

use crate::shell::Shell;
use crate::{Result, artifacts, generate};

/// Builds the archive and gives its path.
pub(crate) fn sealed(shell: &Shell) -> Result<PathBuf> {
    let built = artifacts::build(shell, "crm-ffi", &[])?;
    let archive = built.iter().find(|path| path.extension().is_some_and(|kind| kind == "a"));
    let archive = archive.ok_or("crm-ffi made no archive")?;
    let folder = artifacts::clear(shell, "archive")?;
    let (object, sealed) = (folder.join("crm.o"), folder.join("libcrm.a"));
    let mut ld = shell.command("ld");
    shell.run(ld.args(["-r", "--whole-archive"]).arg(archive).arg("-o").arg(&object))?;
    let interface = shell.workspace.root.join(generate::SYMBOLS);
    let mut objcopy = shell.command("objcopy");
    objcopy.arg(format!("--keep-global-symbols={}", interface.display()));
    // What a compiler left of its intermediate form no longer fits, and would confuse `ar`.
    objcopy.args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]);
    shell.run(objcopy.arg(&object))?;
    shell.run(shell.command("ar").arg("rcs").arg(&sealed).arg(&object))?;
    let listing = shell.output(shell.command("nm").args(["-g", "--defined-only"]).arg(&sealed))?;
    let interface = fs::read_to_string(&interface).map_err(|error| error.to_string())?;
    let difference = generate::difference(&interface, &generate::exported(&listing));
    difference.map_or(Ok(sealed), |difference| {
        Err(format!("libcrm.a does not show what {} says: {difference}", generate::SYMBOLS))
    })
}
