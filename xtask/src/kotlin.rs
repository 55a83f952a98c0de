//! The Kotlin package: generated sources, then Maven without network.
//!
//! Maven finds many ways to run nothing and report success, so the number of tests is read.
//! `setup` fills a repository in the cache by running a project of two files with our `pom.xml`:
//! all that the real one needs is then there, and the step itself works off line.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::Shell;
use crate::steps::Checks;
use crate::workspace::Workspace;
use crate::{Result, artifacts, generate, readme, tally};

const PROJECT: &str = "crm-mobile/kotlin";
const POM: &str = "crm-mobile/kotlin/pom.xml";
/// Where the quick start of the README is compiled with the tests.
const QUICK_START: &str = "crm-mobile/kotlin/src/test/kotlin/generated/QuickStart.kt";

const WARM_MAIN: &str = "fun main() = println(\"ready\")\n";
const WARM_TEST: &str = "import org.junit.jupiter.api.Assertions.assertEquals\n\
    import org.junit.jupiter.api.Test\n\n\
    class WarmTest {\n    @Test\n    fun runs() = assertEquals(2, 1 + 1)\n}\n";

pub(crate) fn tests(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    bindings(shell)?;
    let root = &shell.workspace.root;
    artifacts::write(&root.join(QUICK_START), readme::quick_start(shell, "Kotlin")?.as_bytes())?;
    let mut test = maven(shell.workspace, Path::new(POM));
    checks.tests("mvn test", test.args(["--offline", "test"]), tally::maven)?;
    let folder = artifacts::clear(shell, "quick-start-kotlin")?;
    let mut start = run(shell.workspace, "QuickStartKt");
    checks.check("quick start", readme::run(shell, &mut start, &folder));
    Ok(())
}

/// The same package over a library that encrypts files, and the tests of that.
pub(crate) fn encrypted(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    generated(shell, &["sqlcipher"])?;
    let mut test = maven(shell.workspace, Path::new(POM));
    test.args(["--offline", "test", "-Dtest=EncryptedFiles"]);
    checks.tests("mvn test", &mut test, tally::maven)
}

/// The tour is compiled with the tests of the package and run from there.
pub(crate) fn tour(checks: &mut Checks) -> Result<String> {
    main_class(checks.shell, "TourKt")
}

/// What one call costs: the output of `CallCost.kt` among the tests of the package.
pub(crate) fn call_cost(shell: &Shell) -> Result<String> {
    main_class(shell, "org.crmcore.CallCostKt")
}

/// The output of a class that is compiled with the tests.
fn main_class(shell: &Shell, class: &str) -> Result<String> {
    bindings(shell)?;
    let mut compile = maven(shell.workspace, Path::new(POM));
    shell.run(compile.args(["--offline", "test-compile"]))?;
    // Maven resets the colours of a terminal even where there is none.
    Ok(shell.output(&mut run(shell.workspace, class))?.replace("\u{1b}[0m", ""))
}

/// Runs a class that was compiled with the tests.
fn run(workspace: &Workspace, class: &str) -> Command {
    let mut command = maven(workspace, &workspace.root.join(POM));
    command.args(["--offline", "--quiet", "exec:java"]);
    command.arg(format!("-Dexec.mainClass={class}"));
    command.arg(format!("-Djna.library.path={}", workspace.libraries().display()));
    command
}

/// Generates the Kotlin sources from the library as built now.
pub(crate) fn bindings(shell: &Shell) -> Result<PathBuf> {
    generated(shell, &[])
}

/// The same with more features of the library.
fn generated(shell: &Shell, features: &[&str]) -> Result<PathBuf> {
    let generated = generate::bindings(shell, "kotlin", features)?;
    let sources = shell.workspace.root.join(PROJECT).join("src/generated/kotlin");
    artifacts::mirror(&generated, &sources)?;
    Ok(sources)
}

/// Whether the repository holds what the present `pom.xml` asks for.
pub(crate) fn installed(workspace: &Workspace) -> bool {
    mark(workspace).exists()
}

/// Downloads all artifacts by compiling, testing and running a project of two files.
pub(crate) fn install(shell: &Shell) -> Result<()> {
    let workspace = shell.workspace;
    let project = artifacts::clear(shell, "maven")?;
    let pom = std::fs::read(workspace.root.join(POM)).map_err(|error| format!("{POM}: {error}"))?;
    artifacts::write(&project.join("pom.xml"), &pom)?;
    artifacts::write(&project.join("src/main/kotlin/Warm.kt"), WARM_MAIN.as_bytes())?;
    artifacts::write(&project.join("src/test/kotlin/WarmTest.kt"), WARM_TEST.as_bytes())?;
    let pom = project.join("pom.xml");
    let output = shell.run(maven(workspace, &pom).args(["test", "-Dtest=WarmTest"]))?;
    if tally::maven(&output).passed != 1 {
        return Err("Maven ran no test in a project that has one".into());
    }
    let mut run = maven(workspace, &pom);
    shell.run(run.args(["exec:java", "-Dexec.mainClass=WarmKt"]))?;
    artifacts::write(&mark(workspace), b"")
}

fn maven(workspace: &Workspace, pom: &Path) -> Command {
    let mut command = workspace.command("mvn");
    command.args(["--batch-mode", "--no-transfer-progress", "--file"]).arg(pom);
    command.arg(format!("-Dmaven.repo.local={}", repository(workspace).display()));
    command
}

fn repository(workspace: &Workspace) -> PathBuf {
    workspace.cache.join("maven/repository")
}

fn mark(workspace: &Workspace) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    std::fs::read(workspace.root.join(POM)).unwrap_or_default().hash(&mut hasher);
    workspace.cache.join(format!("maven/ready-{:016x}", hasher.finish()))
}
