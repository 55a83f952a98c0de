//! The C library: every program in `crm-ffi/tests/c`, by two compilers and as two languages.
//!
//! One `.c` file is one program that exits with 0 when all it asserts is true. The header must be
//! clean as C99 and as C++17 with every warning an error, so each file is compiled four times and
//! run each time; so is the quick start of the README. Under valgrind a program may neither leak
//! nor touch foreign memory. Those in `crm-ffi/tests/encrypted` are for a library that encrypts files.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::shell::Shell;
use crate::steps::Checks;
use crate::{Result, archive, artifacts, generate, readme};

/// One way to compile: compiler, language flags, and the name of the folder for the programs.
struct Dialect {
    name: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
}

const DIALECTS: [Dialect; 4] = [
    Dialect { name: "gcc-c99", compiler: "gcc", flags: &["-std=c99"] },
    Dialect { name: "clang-c++17", compiler: "clang++", flags: &["-std=c++17", "-x", "c++"] },
    Dialect { name: "gcc-c++17", compiler: "g++", flags: &["-std=c++17", "-x", "c++"] },
    Dialect { name: "clang-c99", compiler: "clang", flags: &["-std=c99"] },
];

/// Compiles and runs every program and the quick start; in a quick run with the first two dialects only.
pub(crate) fn tests(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    artifacts::build(shell, "crm-ffi", &[])?;
    let tests = programs(shell, "crm-ffi/tests/c")?;
    let examples = programs(shell, "examples/c")?;
    let dialects = if shell.quick { &DIALECTS[..2] } else { &DIALECTS[..] };
    let start = artifacts::clear(shell, "quick-start-c")?;
    let main = start.join("main.c");
    artifacts::write(&main, readme::quick_start(shell, "C")?.as_bytes())?;
    for dialect in dialects {
        for source in &tests {
            let label = format!("{} {}", dialect.name, name(source));
            let done = compile(shell, dialect, source)
                .and_then(|program| shell.run(&mut shell.command(&program.to_string_lossy())));
            checks.check(&label, done);
        }
        for source in &examples {
            let label = format!("{} {} (compiled)", dialect.name, name(source));
            checks.check(&label, compile(shell, dialect, source));
        }
        let done = compile(shell, dialect, &main).and_then(|program| {
            readme::run(shell, &mut shell.command(&program.to_string_lossy()), &start)
        });
        checks.check(&format!("{} quick start", dialect.name), done);
    }
    if !shell.quick {
        checks.check("gcc-c99 own_sqlite.c (archive)", beside_another_sqlite(shell));
    }
    Ok(())
}

/// The program that holds an SQLite of its own, linked with the archive.
fn beside_another_sqlite(shell: &Shell) -> Result<()> {
    let archive = archive::sealed(shell)?;
    let source = shell.workspace.root.join("crm-ffi/tests/c/own_sqlite.c");
    let program = link(shell, &DIALECTS[0], &source, "archive", &[archive.into(), "-ldl".into()])?;
    shell.run(&mut shell.command(&program.to_string_lossy())).map(drop)
}

/// Runs every test program under valgrind, as many at a time as there are cores. They see
/// `CRM_VALGRIND` and may repeat less often.
///
/// The library is built without optimisation: an optimiser may look at a value before it looks whether
/// there is one, which does no harm, but is what valgrind calls a jump on an uninitialised value (its
/// manual advises against more than `-O1`).
pub(crate) fn valgrind(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    artifacts::build(shell, "crm-ffi", &[])?;
    let mut runs = Vec::new();
    for source in programs(shell, "crm-ffi/tests/c")? {
        let program = compile(shell, &DIALECTS[0], &source)?;
        if name(&source) == "conformance.c" {
            let part =
                |part: usize| (program.clone(), vec![part.to_string(), CASES_IN_PARTS.to_string()]);
            runs.extend((0..CONFORMANCE_PARTS).map(part));
        } else {
            runs.push((program, Vec::new()));
        }
    }
    // The parts of the conformance cases take longest.
    runs.sort_by_key(|(_, arguments)| arguments.is_empty());
    let runs = Mutex::new(runs.into_iter());
    let next = || runs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let done = thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            while let Some((program, arguments)) = next() {
                let label = label(&program, &arguments);
                done.push((label.clone(), under_valgrind(shell, &label, &program, &arguments)));
            }
            done
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for done in done {
        for (label, outcome) in done.map_err(|_| "running valgrind panicked")? {
            checks.check(&label, outcome);
        }
    }
    Ok(())
}

/// The conformance cases are dealt out to so many parts, of which [`CONFORMANCE_PARTS`] run under valgrind:
/// every operation goes through the same few functions of C, and all of the cases would take a quarter of
/// an hour.
const CASES_IN_PARTS: usize = 12;
const CONFORMANCE_PARTS: usize = 4;

fn label(program: &Path, arguments: &[String]) -> String {
    let mut label = name(program);
    if let [part, ..] = arguments {
        label.push('-');
        label.push_str(part);
    }
    label
}

/// Runs one program under valgrind, with a log of its own, for others may run at the same time.
fn under_valgrind(
    shell: &Shell,
    label: &str,
    program: &Path,
    arguments: &[String],
) -> Result<String> {
    let shell = Shell::new(shell.workspace, &format!("valgrind-{label}"))?;
    let mut valgrind = shell.command("valgrind");
    // Rust holds hash tables and shared values by pointers into the middle of their memory,
    // which valgrind calls possibly lost. What C forgets to release is definitely lost.
    valgrind.args([
        "-q",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect",
        "--errors-for-leak-kinds=definite,indirect",
    ]);
    valgrind.args(["--error-exitcode=9", "--fair-sched=try"]).arg(program).args(arguments);
    shell.run(valgrind.env("CRM_VALGRIND", "1"))
}

/// Programs with a library that encrypts files: what it exports, the header in C and in C++, and whether
/// the keys and the data of the host are let go.
pub(crate) fn encrypted(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    let built = artifacts::build(shell, "crm-ffi", &["--features", "sqlcipher"])?;
    checks.check("symbols", generate::optional_symbols(shell, &built, "CRM_SQLCIPHER"));
    for source in programs(shell, "crm-ffi/tests/encrypted")? {
        for dialect in &DIALECTS[..2] {
            let done = compile(shell, dialect, &source)
                .and_then(|program| shell.run(&mut shell.command(&program.to_string_lossy())));
            checks.check(&format!("{} {}", dialect.name, name(&source)), done);
        }
        let label = name(&source);
        let done = compile(shell, &DIALECTS[0], &source)
            .and_then(|program| under_valgrind(shell, &label, &program, &[]));
        checks.check(&format!("valgrind {label}"), done);
    }
    Ok(())
}

pub(crate) fn tour(checks: &mut Checks) -> Result<String> {
    let shell = checks.shell;
    artifacts::build(shell, "crm-ffi", &[])?;
    let program = compile(shell, &DIALECTS[0], &shell.workspace.root.join("examples/c/tour.c"))?;
    shell.output(&mut shell.command(&program.to_string_lossy()))
}

/// What one call costs: the output of `crm-ffi/benches/call_cost.c`.
pub(crate) fn call_cost(shell: &Shell) -> Result<String> {
    artifacts::build(shell, "crm-ffi", &[])?;
    let source = shell.workspace.root.join("crm-ffi/benches/call_cost.c");
    let program = compile(shell, &DIALECTS[0], &source)?;
    shell.output(&mut shell.command(&program.to_string_lossy()))
}

/// Compiles a program and links it with the shared library under test.
fn compile(shell: &Shell, dialect: &Dialect, source: &Path) -> Result<PathBuf> {
    let libraries = shell.workspace.libraries();
    let library = [
        format!("-L{}", libraries.display()).into(),
        format!("-Wl,-rpath,{}", libraries.display()).into(),
        "-lcrm".into(),
    ];
    link(shell, dialect, source, dialect.name, &library)
}

/// Compiles a program into a folder of that name and links it with the library.
fn link(
    shell: &Shell,
    dialect: &Dialect,
    source: &Path,
    folder: &str,
    library: &[OsString],
) -> Result<PathBuf> {
    let workspace = shell.workspace;
    let folder = workspace.stage.join("c").join(folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let program = folder.join(source.file_stem().unwrap_or_default());
    let mut compiler = shell.command(dialect.compiler);
    compiler
        .args(["-g", "-Wall", "-Wextra", "-Werror", "-pedantic"])
        .args(dialect.flags)
        .arg(source)
        .args(["-x", "none"])
        .arg(format!("-I{}", workspace.root.join("include").display()))
        .args(library)
        .args(["-lpthread", "-lm", "-o"])
        .arg(&program);
    shell.run(&mut compiler)?;
    Ok(program)
}

/// The `.c` files of a folder; none is an error, for then nothing would be tested.
fn programs(shell: &Shell, folder: &str) -> Result<Vec<PathBuf>> {
    let path = shell.workspace.root.join(folder);
    let mut found = artifacts::files(&path)?;
    found.retain(|file| file.extension().is_some_and(|kind| kind == "c"));
    if found.is_empty() {
        return Err(format!("there is no .c file in {folder}"));
    }
    Ok(found.into_iter().map(|file| path.join(file)).collect())
}

fn name(source: &Path) -> String {
    source.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
