//! What the checks need, whether it is there, and how it gets there.
//!
//! Every tool is one [`Need`]: steps list theirs, `--setup` installs those that are missing and a
//! step without one fails with the hint. Versions are not decided here: the language's own files
//! pin them (`crm-py/requirements-dev.txt`, `crm-mobile/kotlin/pom.xml`, `Cargo.toml`).
//!
//! Invariant: installing twice changes nothing, and what is half installed never looks installed.

use std::collections::BTreeSet;
use std::fs;

use crate::shell::{Shell, succeeds};
use crate::workspace::Workspace;
use crate::{Result, kotlin, python, swift};

/// A tool that steps rely on.
pub(crate) struct Need {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    present: fn(&Workspace) -> bool,
    install: Install,
}

/// How a missing tool gets on the machine.
enum Install {
    /// Packages of the Debian release.
    Debian(&'static [&'static str]),
    /// A component of the Rust tool chain.
    Rustup(&'static str),
    /// Our own doing, inside the cache.
    Cache(fn(&Shell) -> Result<()>),
}

pub(crate) static RUSTFMT: Need = Need {
    name: "rustfmt",
    present: |workspace| succeeds(workspace, "cargo", &["fmt", "--version"]),
    install: Install::Rustup("rustfmt"),
};

pub(crate) static CLIPPY: Need = Need {
    name: "clippy",
    present: |workspace| succeeds(workspace, "cargo", &["clippy", "--version"]),
    install: Install::Rustup("clippy"),
};

pub(crate) static GCC: Need = Need {
    name: "gcc and g++",
    present: |workspace| {
        ["gcc", "g++", "nm"].iter().all(|tool| succeeds(workspace, tool, &["--version"]))
    },
    install: Install::Debian(&["gcc", "g++", "binutils", "libc6-dev"]),
};

pub(crate) static OPENSSL: Need = Need {
    name: "the headers of OpenSSL",
    present: |workspace| {
        let probe = ["-fsyntax-only", "-include", "openssl/crypto.h", "-x", "c", "/dev/null"];
        succeeds(workspace, "cc", &probe)
    },
    install: Install::Debian(&["libssl-dev"]),
};

pub(crate) static CLANG: Need = Need {
    name: "clang",
    present: |workspace| {
        ["clang", "clang++"].iter().all(|tool| succeeds(workspace, tool, &["--version"]))
    },
    install: Install::Debian(&["clang"]),
};

pub(crate) static VALGRIND: Need = Need {
    name: "valgrind",
    present: |workspace| succeeds(workspace, "valgrind", &["--version"]),
    install: Install::Debian(&["valgrind", "libc6-dbg"]),
};

pub(crate) static PYTHON: Need = Need {
    name: "Python 3.11 or newer with venv",
    present: |workspace| {
        let probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
        succeeds(workspace, "python3", &["-c", probe])
    },
    install: Install::Debian(&["python3", "python3-venv"]),
};

pub(crate) static PYTHON_TOOLS: Need = Need {
    name: "the tools of crm-py/requirements-dev.txt",
    present: python::installed,
    install: Install::Cache(python::install),
};

pub(crate) static MAVEN: Need = Need {
    name: "Java 17 or newer with Maven",
    present: |workspace| {
        succeeds(workspace, "javac", &["-version"]) && succeeds(workspace, "mvn", &["--version"])
    },
    install: Install::Debian(&["default-jdk-headless", "maven"]),
};

pub(crate) static MAVEN_ARTIFACTS: Need = Need {
    name: "the artifacts of crm-mobile/kotlin/pom.xml",
    present: kotlin::installed,
    install: Install::Cache(kotlin::install),
};

pub(crate) static DEBOOTSTRAP: Need = Need {
    name: "debootstrap",
    present: |workspace| {
        swift::native(workspace) || succeeds(workspace, "debootstrap", &["--version"])
    },
    install: Install::Debian(&["debootstrap", "util-linux"]),
};

pub(crate) static SWIFT: Need =
    Need { name: "Swift", present: swift::installed, install: Install::Cache(swift::install) };

impl Need {
    /// `None` when the tool is there, else the sentence that says how to get it.
    pub(crate) fn missing(&self, workspace: &Workspace) -> Option<String> {
        if (self.present)(workspace) {
            return None;
        }
        let command = match self.install {
            Install::Debian(packages) => format!("apt-get install -y {}", packages.join(" ")),
            Install::Rustup(component) => format!("rustup component add {component}"),
            Install::Cache(_) => "cargo xtask setup".into(),
        };
        Some(format!("missing: {}. Install: {command}", self.name))
    }
}

/// Installs what is missing of `needs`, in their order. What cannot be installed here is named and
/// left to the steps, which fail without it.
pub(crate) fn install(shell: &Shell, needs: &[&'static Need]) -> Result<()> {
    let workspace = shell.workspace;
    let lock = workspace.cache.join("setup.lock");
    let lock = fs::File::create(&lock)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|error| format!("cannot lock {}: {error}", lock.display()))?;
    let packages: BTreeSet<&str> = needs
        .iter()
        .filter(|need| need.missing(workspace).is_some())
        .filter_map(|need| match need.install {
            Install::Debian(packages) => Some(packages),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    if !packages.is_empty()
        && let Err(message) = apt(shell, &packages)
    {
        eprintln!("{message}");
    }
    for need in needs {
        let Some(message) = need.missing(workspace) else { continue };
        println!("installing {}", need.name);
        let done = match need.install {
            Install::Debian(_) => Err(message),
            Install::Rustup(component) => {
                shell.run(shell.command("rustup").args(["component", "add", component])).map(|_| ())
            }
            Install::Cache(install) => install(shell),
        };
        if let Err(message) = done {
            eprintln!("{message}");
        }
    }
    drop(lock);
    Ok(())
}

fn apt(shell: &Shell, packages: &BTreeSet<&str>) -> Result<()> {
    let list: Vec<&str> = packages.iter().copied().collect();
    let list = list.join(" ");
    let root = shell.output(shell.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !succeeds(shell.workspace, "apt-get", &["--version"]) {
        return Err(format!(
            "as root on Debian: apt-get install -y {list}; elsewhere: the same tools"
        ));
    }
    println!("installing {list}");
    let apt = || {
        let mut command = shell.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    shell.run(apt().args(["update", "-qq"]))?;
    shell.run(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))?;
    Ok(())
}
