//! The Swift package on Linux.
//!
//! Where `swift` is on the path it is used as it is. Debian has it from release 13 on; on an older
//! one a Debian 13 lives in a folder of the cache, and the commands run inside, with the checkout
//! and the build folder at the same paths as outside. Mounts live in a namespace of their own and
//! end with the command.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Shell, succeeds};
use crate::steps::Checks;
use crate::workspace::Workspace;
use crate::{Result, artifacts, generate, readme, tally};

const PACKAGE: &str = "crm-mobile/swift";
/// The tests that need a library with the feature `sqlcipher`.
const ENCRYPTED: &str = "EncryptedTests";
const TOUR: &str = "examples/swift/tour";
/// The package around the quick start of the README.
const QUICK_START: &str = "target/stage/quick-start-swift";
const QUICK_START_PACKAGE: &str = "\
// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: \"quickstart\",
    dependencies: [.package(name: \"Crm\", path: \"../../../crm-mobile/swift\")],
    targets: [
        .executableTarget(name: \"quickstart\", dependencies: [.product(name: \"Crm\", package: \"Crm\")])
    ]
)
";

/// The Debian release that has Swift, and its packages, with OpenSSL for the library that encrypts.
const RELEASE: &str = "trixie";
const PACKAGES: &str = "swiftlang libc6-dev libstdc++-14-dev libssl3t64";

/// Enters the folder `$1` with the checkout `$2` mounted and runs the rest of the arguments there.
const ENTER: &str = r#"
root=$1 checkout=$2; shift 2
mkdir -p "$root/proc" "$root$checkout"
mount -t proc proc "$root/proc"
mount --bind "$checkout" "$root$checkout"
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/tmp
exec chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' sh "$checkout" "$@"
"#;

pub(crate) fn tests(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    bindings(shell)?;
    let mut test = package(shell.workspace, "test", PACKAGE);
    checks.tests("swift test", test.args(["--skip", ENCRYPTED]), tally::swift)?;
    checks.check("quick start", quick_start(shell));
    Ok(())
}

/// The same package over a library that encrypts files, and the tests of that.
pub(crate) fn encrypted(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    generated(shell, &["sqlcipher"])?;
    let mut test = package(shell.workspace, "test", PACKAGE);
    checks.tests("swift test", test.args(["--filter", ENCRYPTED]), tally::swift)
}

fn quick_start(shell: &Shell) -> Result<()> {
    let workspace = shell.workspace;
    let folder = artifacts::clear(shell, "quick-start-swift")?;
    let main = folder.join("Sources/quickstart/main.swift");
    artifacts::write(&main, readme::quick_start(shell, "Swift")?.as_bytes())?;
    artifacts::write(&folder.join("Package.swift"), QUICK_START_PACKAGE.as_bytes())?;
    shell.run(&mut package(workspace, "build", QUICK_START))?;
    let mut program = anywhere(workspace, "sh");
    program.args(["-euc", "cd \"$1\"; exec \"$2\"", "sh"]).arg(&folder);
    program.arg(scratch(workspace, QUICK_START).join("debug/quickstart"));
    readme::run(shell, &mut program, &folder)
}

pub(crate) fn tour(checks: &mut Checks) -> Result<String> {
    let shell = checks.shell;
    bindings(shell)?;
    shell.run(&mut package(shell.workspace, "build", TOUR))?;
    shell.output(package(shell.workspace, "run", TOUR).args(["--skip-build", "tour"]))
}

/// What one call costs: the output of the executable `CallCost` of the package.
pub(crate) fn call_cost(shell: &Shell) -> Result<String> {
    bindings(shell)?;
    let release = ["-c", "release"];
    let mut build = package(shell.workspace, "build", PACKAGE);
    shell.run(build.args(release).args(["--product", "CallCost"]))?;
    let mut run = package(shell.workspace, "run", PACKAGE);
    shell.output(run.args(release).args(["--skip-build", "CallCost"]))
}

/// Generates the Swift sources from the library as built now: the `.swift` files to
/// `Sources/Generated/Swift`, each C header with its module map to a folder of its own.
pub(crate) fn bindings(shell: &Shell) -> Result<PathBuf> {
    generated(shell, &[])
}

/// The same with more features of the library.
fn generated(shell: &Shell, features: &[&str]) -> Result<PathBuf> {
    let generated = generate::bindings(shell, "swift", features)?;
    let layout = artifacts::clear(shell, "swift-layout")?;
    for file in artifacts::files(&generated)? {
        let stem = file.file_stem().unwrap_or_default();
        let place = match file.extension().and_then(|kind| kind.to_str()) {
            Some("swift") => Path::new("Swift").join(&file),
            Some("modulemap") => Path::new(stem).join("module.modulemap"),
            _ => Path::new(stem).join(&file),
        };
        let text = std::fs::read(generated.join(&file))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        artifacts::write(&layout.join(place), &text)?;
    }
    let sources = shell.workspace.root.join(PACKAGE).join("Sources/Generated");
    artifacts::mirror(&layout, &sources)?;
    Ok(sources)
}

/// Whether the machine has Swift itself.
pub(crate) fn native(workspace: &Workspace) -> bool {
    succeeds(workspace, "swift", &["--version"])
}

/// Whether Swift can be used, here or in the folder.
pub(crate) fn installed(workspace: &Workspace) -> bool {
    native(workspace) || ready(&folder(workspace)).exists()
}

/// Makes the folder with Debian and Swift; it gets its name when it is complete.
pub(crate) fn install(shell: &Shell) -> Result<()> {
    let folder = folder(shell.workspace);
    let partial = folder.with_extension("partial");
    shell.run(shell.command("rm").args(["-rf", "--one-file-system"]).arg(&partial))?;
    std::fs::create_dir_all(&partial).map_err(|error| format!("{}: {error}", partial.display()))?;
    let mut debootstrap = shell.command("debootstrap");
    shell.run(debootstrap.args(["--variant=minbase", RELEASE]).arg(&partial))?;
    // The names and the network settings of this machine hold inside too.
    let mut copy = shell.command("sh");
    copy.args([
        "-euc",
        "cp -L /etc/resolv.conf \"$1\"; cp -r /etc/apt/apt.conf.d \"$1/apt\"",
        "sh",
    ]);
    shell.run(copy.arg(partial.join("etc")))?;
    let install = format!(
        "apt-get update -qq && apt-get install -y --no-install-recommends {PACKAGES} && apt-get clean"
    );
    let mut apt = inside(shell.workspace, &partial);
    shell.run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(["sh", "-c", &install]))?;
    shell.run(inside(shell.workspace, &partial).args(["swift", "--version"]))?;
    artifacts::write(&ready(&partial), b"")?;
    std::fs::rename(&partial, &folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Runs Swift with the terminal as it is; `false` when it says no.
pub(crate) fn pass(workspace: &Workspace, arguments: &[&str]) -> Result<bool> {
    let (verb, rest) = arguments.split_first().ok_or("give the arguments of swift")?;
    let mut command = swift(workspace);
    command.arg(verb);
    if ["build", "run", "test"].contains(verb) {
        command.args(linking(workspace));
    }
    let status = command.args(rest).status();
    Ok(status.map_err(|error| format!("cannot run swift: {error}"))?.success())
}

/// `swift VERB` for a package of the checkout, linked to the libraries under test.
fn package(workspace: &Workspace, verb: &str, path: &str) -> Command {
    let mut command = swift(workspace);
    command.args([verb, "--package-path", path, "--scratch-path"]).arg(scratch(workspace, path));
    command.args(linking(workspace));
    command
}

/// Where a package of the checkout is built.
fn scratch(workspace: &Workspace, package: &str) -> PathBuf {
    workspace.root.join("target/swift").join(package)
}

fn swift(workspace: &Workspace) -> Command {
    anywhere(workspace, "swift")
}

/// A program of the machine if that has Swift, else of the folder.
fn anywhere(workspace: &Workspace, program: &str) -> Command {
    if native(workspace) {
        return workspace.command(program);
    }
    let mut command = inside(workspace, &folder(workspace));
    command.arg(program);
    command
}

fn linking(workspace: &Workspace) -> [String; 6] {
    let libraries = workspace.libraries().display().to_string();
    let linker = || "-Xlinker".to_owned();
    [linker(), format!("-L{libraries}"), linker(), "-rpath".into(), linker(), libraries]
}

/// A command inside the folder `root`; the program to run follows as arguments.
fn inside(workspace: &Workspace, root: &Path) -> Command {
    let mut command = workspace.command("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-euc", ENTER, "sh"]);
    command.arg(root).arg(&workspace.root);
    command
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.cache.join("swift").join(RELEASE)
}

fn ready(folder: &Path) -> PathBuf {
    folder.join("etc/crm-ready")
}
