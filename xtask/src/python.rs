//! The Python package: a wheel, its tests, and its types.
//!
//! Tools come from a virtual environment in the cache, named by the content of
//! `crm-py/requirements-dev.txt`. The package itself never goes into it, since other checkouts share
//! it: the wheel is installed into `target/stage/python`, which is what `PYTHONPATH` names.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Shell, succeeds};
use crate::steps::Checks;
use crate::workspace::Workspace;
use crate::{Result, artifacts, readme, tally};

const REQUIREMENTS: &str = "crm-py/requirements-dev.txt";

/// pytest over the installed wheel, mypy in strict mode, the stubs against the module, and the
/// quick start of the README.
pub(crate) fn tests(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let package = install_wheel(shell, &[])?;
    checks.tests("pytest", &mut pytest(shell, &package, "crm-py/tests"), tally::pytest)?;

    let mut mypy = python(shell, &package, "mypy");
    mypy.args(["--strict", "--cache-dir"]).arg(cache(shell)).args(["-p", "crm"]);
    checks.check("mypy --strict, package", shell.run(&mut mypy));
    for folder in ["crm-py/tests", "crm-py/benches", "examples/python"] {
        let mut mypy = python(shell, &package, "mypy");
        mypy.args(["--strict", "--cache-dir"]).arg(cache(shell)).arg(folder);
        checks.check(&format!("mypy --strict, {folder}"), shell.run(&mut mypy));
    }
    let mut stubtest = python(shell, &package, "mypy.stubtest");
    checks.check("stubtest", shell.run(stubtest.arg("crm._native")));
    checks.check("quick start", quick_start(shell, &package));
    Ok(())
}

/// The same module with SQLCipher: what only that can do, and that it is of the same types. What it needs
/// of the system stays there, so that the wheel is none that could be handed on.
pub(crate) fn encrypted(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let package = install_wheel(shell, &["--features", "sqlcipher", "--auditwheel", "skip"])?;
    let mut pytest = pytest(shell, &package, "crm-py/tests/encrypted");
    checks.tests("pytest", &mut pytest, tally::pytest)?;
    let mut stubtest = python(shell, &package, "mypy.stubtest");
    checks.check("stubtest", shell.run(stubtest.arg("crm._native")));
    Ok(())
}

fn quick_start(shell: &Shell, package: &Path) -> Result<()> {
    let folder = artifacts::clear(shell, "quick-start-python")?;
    artifacts::write(&folder.join("main.py"), readme::quick_start(shell, "Python")?.as_bytes())?;
    let mut program = shell.command(&tool(shell.workspace, "python").to_string_lossy());
    readme::run(shell, program.arg("main.py").env("PYTHONPATH", package), &folder)
}

pub(crate) fn tour(checks: &mut Checks) -> Result<String> {
    script(checks.shell, "examples/python/tour.py")
}

/// What one call costs: the output of `crm-py/benches/call_cost.py`.
pub(crate) fn call_cost(shell: &Shell) -> Result<String> {
    script(shell, "crm-py/benches/call_cost.py")
}

/// The output of a program that uses the package.
fn script(shell: &Shell, path: &str) -> Result<String> {
    let package = install_wheel(shell, &[])?;
    let mut python = shell.command(&tool(shell.workspace, "python").to_string_lossy());
    shell.output(python.arg(path).env("PYTHONPATH", package))
}

/// Whether the environment for the present requirements is complete.
pub(crate) fn installed(workspace: &Workspace) -> bool {
    environment(workspace).join(".ready").exists()
        && succeeds(workspace, &tool(workspace, "python").to_string_lossy(), &["--version"])
}

/// Makes the environment; the mark that it is complete is written last.
pub(crate) fn install(shell: &Shell) -> Result<()> {
    let folder = environment(shell.workspace);
    shell.run(shell.command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = shell.command(&tool(shell.workspace, "python").to_string_lossy());
    pip.args(["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]);
    shell.run(&mut pip)?;
    artifacts::write(&folder.join(".ready"), b"")
}

/// Builds the wheel and installs it where only this checkout looks.
fn install_wheel(shell: &Shell, arguments: &[&str]) -> Result<PathBuf> {
    if !shell.workspace.has("crm-py/pyproject.toml") {
        return Err("there is no crm-py/pyproject.toml".into());
    }
    let wheels = artifacts::clear(shell, "wheels")?;
    let mut maturin = shell.command(&tool(shell.workspace, "maturin").to_string_lossy());
    maturin
        .args(["build", "--locked", "-m", "crm-py/Cargo.toml"])
        .args(shell.profile())
        .args(arguments)
        .arg("--out")
        .arg(&wheels);
    maturin.arg("--interpreter").arg(tool(shell.workspace, "python"));
    shell.run(&mut maturin)?;
    let wheel = artifacts::files(&wheels)?.pop().ok_or("maturin made no wheel")?;
    if !wheel.to_string_lossy().contains("-abi3-") {
        return Err(format!("{} is not an abi3 wheel", wheel.display()));
    }
    let package = artifacts::clear(shell, "python")?;
    let mut pip = shell.command(&tool(shell.workspace, "python").to_string_lossy());
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]);
    shell.run(pip.arg(&package).arg(wheels.join(wheel)))?;
    Ok(package)
}

/// pytest over a folder.
fn pytest(shell: &Shell, package: &Path, folder: &str) -> Command {
    let mut command = python(shell, package, "pytest");
    command.args(["-q", "-p", "no:cacheprovider", "--rootdir", "crm-py"]);
    command.args(["-c", "crm-py/pyproject.toml", folder]);
    command
}

/// `python -m module` that sees the package under test.
fn python(shell: &Shell, package: &Path, module: &str) -> Command {
    let mut command = shell.command(&tool(shell.workspace, "python").to_string_lossy());
    command.args(["-m", module]).env("PYTHONPATH", package).env("MYPYPATH", package);
    command
}

fn cache(shell: &Shell) -> PathBuf {
    shell.workspace.stage.join("mypy")
}

fn environment(workspace: &Workspace) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    std::fs::read(workspace.root.join(REQUIREMENTS)).unwrap_or_default().hash(&mut hasher);
    workspace.cache.join(format!("python/{:016x}", hasher.finish()))
}

fn tool(workspace: &Workspace, name: &str) -> PathBuf {
    environment(workspace).join("bin").join(name)
}
