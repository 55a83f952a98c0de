//! Where things are: the checkout, the cache that outlives it, and the build folder.
//!
//! Downloads and compiled dependencies go to a cache outside the checkout, so that a fresh clone
//! need not begin from nothing. Cargo judges freshness by times of files and names the packages of
//! two checkouts alike, so one build folder used from two paths could hand out the other's library.
//! Therefore: one checkout at a time may use the shared folder (a lock; a second one builds in its
//! own `target`), and when another checkout used it last, the workspace's own packages are built anew.
//!
//! Invariant: whatever is tested was built from this checkout.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// The checkout and the folders that belong to it.
pub(crate) struct Workspace {
    /// The root of the checkout.
    pub(crate) root: PathBuf,
    /// Downloads and installed tools; shared between checkouts where the machine allows.
    pub(crate) cache: PathBuf,
    /// Cargo's build folder.
    pub(crate) target: PathBuf,
    /// What is handed to the tests of other languages; always inside the checkout.
    pub(crate) stage: PathBuf,
    /// Keeps other checkouts out of the shared build folder while it is open.
    _lock: Option<File>,
}

impl Workspace {
    /// Finds the checkout that this command was started for, and its folders.
    pub(crate) fn open() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .ok_or("run this through cargo: cargo xtask COMMAND (CARGO_MANIFEST_DIR is not set)")?;
        let root =
            Path::new(&manifest).parent().ok_or("the folder of xtask has no parent")?.to_path_buf();
        let stage = root.join("target/stage");
        create(&stage)?;
        let cache = cache_folder().unwrap_or_else(|| root.join("target/cache"));
        create(&cache)?;
        let (target, lock) = match env::var_os("CARGO_TARGET_DIR") {
            Some(given) => (root.join(given), None),
            None => match lock(&cache) {
                Some(lock) => (cache.join("target"), Some(lock)),
                None => (root.join("target"), None),
            },
        };
        create(&target)?;
        let workspace = Self { root, cache, target, stage, _lock: lock };
        workspace.claim_target()?;
        Ok(workspace)
    }

    /// A command in the root of the checkout, with what every check may rely on (see
    /// CONTRIBUTING.md, "How checks find things"). It gets no input.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("CRM_CONFORMANCE_DIR", self.root.join("tests/conformance"))
            .env("CRM_LIB_DIR", self.libraries());
        // `cargo run` puts its own build folder first, before the rpath of a program: a library
        // that lies there from an earlier debug build would be tested in place of the one just built.
        let given = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let given = env::split_paths(&given).filter(|folder| !folder.as_os_str().is_empty());
        let folders = std::iter::once(self.libraries()).chain(given);
        if let Ok(folders) = env::join_paths(folders) {
            command.env("LD_LIBRARY_PATH", folders);
        }
        command
    }

    /// Where the libraries under test lie once they are built.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.stage.join("lib")
    }

    /// Whether the checkout has this file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn claim_target(&self) -> Result<()> {
        let stamp = self.target.join(".crm-checkout");
        let root = self.root.to_string_lossy();
        let last = fs::read_to_string(&stamp).unwrap_or_default();
        if last == root {
            return Ok(());
        }
        if !last.is_empty() {
            self.forget_packages()?;
        }
        fs::write(&stamp, root.as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", stamp.display()))
    }

    /// Removes what the build folder holds of the workspace's packages; dependencies stay.
    fn forget_packages(&self) -> Result<()> {
        for profile in ["dev", "release"] {
            let mut clean = self.command("cargo");
            clean.args(["clean", "--quiet", "--workspace", "--profile", profile]);
            let status = clean.status().map_err(|error| format!("cannot run cargo: {error}"))?;
            if !status.success() {
                return Err("cargo clean of the workspace's packages failed".into());
            }
        }
        Ok(())
    }
}

/// `$CRM_CACHE`, else `$XDG_CACHE_HOME/crm`, else `$HOME/.cache/crm`: the first that can be written.
fn cache_folder() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let candidates = [
        variable("CRM_CACHE"),
        variable("XDG_CACHE_HOME").map(|home| home.join("crm")),
        variable("HOME").map(|home| home.join(".cache/crm")),
    ];
    candidates.into_iter().flatten().find(|folder| folder.is_absolute() && writable(folder))
}

fn writable(folder: &Path) -> bool {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    let written = fs::create_dir_all(folder).is_ok() && fs::write(&probe, b"").is_ok();
    written && fs::remove_file(&probe).is_ok()
}

/// Takes the shared build folder for this process; `None` when another checkout is using it.
fn lock(cache: &Path) -> Option<File> {
    let file = File::create(cache.join("target.lock")).ok()?;
    file.try_lock().is_ok().then_some(file)
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))
}
