//! From cargo to the other languages: building a library and laying it out for the tests.
//!
//! Each library is built with its own package alone (`-p`): in a build of the whole workspace
//! features unify, and the C library would carry the symbols of the mobile one. What was built is
//! read from cargo's messages and copied into the checkout at once, so nothing else can replace it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::shell::Shell;

/// Builds `package` and copies its libraries to `$CRM_LIB_DIR`; gives the copies and the executables, the
/// latter where cargo put them.
pub(crate) fn build(shell: &Shell, package: &str, arguments: &[&str]) -> Result<Vec<PathBuf>> {
    let libraries = shell.workspace.libraries();
    let manifest = shell.workspace.root.join(package).join("Cargo.toml");
    if !manifest.exists() {
        return Err(format!("there is no {package}/Cargo.toml"));
    }
    let mut cargo = shell.command("cargo");
    cargo.args(["build", "-p", package]).args(shell.profile()).args(arguments);
    let messages = shell.output(cargo.arg("--message-format=json-render-diagnostics"))?;
    let mut built = Vec::new();
    for path in artifacts(&messages, &manifest) {
        if ["so", "a", "dylib"].into_iter().any(|kind| path.extension() == Some(OsStr::new(kind))) {
            let name = path.file_name().unwrap_or_default();
            built.push(libraries.join(name));
            copy(&path, &libraries.join(name))?;
        } else {
            built.push(path);
        }
    }
    Ok(built)
}

/// The file called `name` among what [`build`] gave.
pub(crate) fn find<'a>(built: &'a [PathBuf], name: &str) -> Result<&'a Path> {
    let found = built.iter().find(|path| path.file_stem() == Some(OsStr::new(name)));
    found.map(PathBuf::as_path).ok_or_else(|| format!("the build did not make {name}"))
}

/// Makes `to` hold the files of `from` and no others, touching only those that differ.
pub(crate) fn mirror(from: &Path, to: &Path) -> Result<()> {
    let wanted = files(from)?;
    for relative in &wanted {
        copy(&from.join(relative), &to.join(relative))?;
    }
    for relative in files(to)?.iter().filter(|file| !wanted.contains(file)) {
        let stale = to.join(relative);
        fs::remove_file(&stale)
            .map_err(|error| format!("cannot remove {}: {error}", stale.display()))?;
    }
    Ok(())
}

/// Removes a folder that this program made and can make again.
#[expect(clippy::disallowed_methods, reason = "only folders under target/stage, made by us")]
pub(crate) fn clear(shell: &Shell, name: &str) -> Result<PathBuf> {
    let folder = shell.workspace.stage.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Writes `text` to `path` unless it already holds just that.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Every file below `folder`, relative to it, sorted; none when there is no such folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        if !next.exists() {
            continue;
        }
        let entries =
            fs::read_dir(&next).map_err(|error| format!("{}: {error}", next.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", next.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(folder) {
                found.push(relative.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes =
        fs::read(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    write(to, &bytes)
}

/// Files that cargo reports for the package of `manifest`.
fn artifacts(messages: &str, manifest: &Path) -> Vec<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let ours = messages.filter(|message: &serde_json::Value| {
        message["reason"] == "compiler-artifact"
            && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
    });
    let names = ours.flat_map(|message| {
        let names = message["filenames"].as_array().cloned().unwrap_or_default();
        names.into_iter().filter_map(|name| name.as_str().map(PathBuf::from)).collect::<Vec<_>>()
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_package_are_taken() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/a/crm-ffi/Cargo.toml","filenames":["/t/libcrm.so","/t/libcrm.a"]}
{"reason":"compiler-artifact","manifest_path":"/a/crm-core/Cargo.toml","filenames":["/t/libcrm_core.rlib"]}
{"reason":"build-finished","success":true}"#;
        let found = artifacts(messages, Path::new("/a/crm-ffi/Cargo.toml"));
        assert_eq!(found, [Path::new("/t/libcrm.so"), Path::new("/t/libcrm.a")]);
    }
}
