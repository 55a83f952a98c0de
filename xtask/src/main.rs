//! Every developer command of the repository: `cargo xtask help` lists them.
//!
//! One program instead of scripts in five languages, so that a check runs the same on a laptop and
//! on a bare machine. It drives the ordinary tools of each language and never links the engine:
//! it builds in seconds and still works while the engine does not compile.
//!
//! Invariant: a check is passed or failed, never left out in silence. A missing tool is a failure
//! that names the command which installs it.

mod archive;
mod artifacts;
mod bench;
mod c;
mod cases;
mod examples;
mod fuzz;
mod generate;
mod kotlin;
mod python;
mod readme;
mod reference;
mod rust;
mod setup;
mod shell;
mod steps;
mod swift;
mod tally;
mod workspace;

use std::env;
use std::process::ExitCode;

use shell::Shell;
use workspace::Workspace;

/// What a command gives back; the error is the sentence (or the tool's output) to show.
pub(crate) type Result<T, E = String> = std::result::Result<T, E>;

const HELP: &str = "\
cargo xtask COMMAND

  test                    every check of every language
    --setup               first install what is missing (Debian; elsewhere: say what to install)
    --quick               the checks that take seconds: before each commit
    --only NAME[,NAME]    only these steps
    --list                name the steps and stop
  setup                   install what is missing and stop (takes --quick and --only too)

  header                  write include/crm.h                      (--check compares instead)
  symbols                 write crm-ffi/abi/symbols.txt            (--check compares instead)
  archive                 make a libcrm.a that shows the functions of crm.h and no others
  operations              write tests/conformance/operations.json
                          and docs/operations.md                   (--check compares instead)
  bindings kotlin|swift   generate the sources of a binding from the library
  swift ARGUMENTS         run Swift, here or in its folder, with the libraries under test
  fixtures                store a file of the present schema version in tests/fixtures
  bench [--quick]         run the benchmarks, on a million records or on a tenth
  fuzz TARGET SECONDS     run a target of fuzz/ under libFuzzer (Linux on x86-64)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `false` when it ran and found something wrong.
fn dispatch(arguments: &[&str]) -> Result<bool> {
    let (command, rest) = arguments.split_first().ok_or(HELP)?;
    if matches!(*command, "help" | "--help" | "-h") {
        print!("{HELP}");
        return Ok(true);
    }
    let workspace = Workspace::open()?;
    let mut shell = Shell::new(&workspace, command)?;
    shell.as_shipped = true;
    match (*command, rest) {
        ("test", rest) => steps::test(&workspace, &steps::Selection::parse(rest)?),
        ("setup", rest) => {
            let selection = steps::Selection::parse(rest)?;
            setup::install(&shell, &selection.needs()).map(|()| true)
        }
        ("header" | "symbols" | "operations", rest) => {
            let mode = generate::Mode::parse(rest)?;
            match *command {
                "header" => generate::header(&shell, mode),
                "symbols" => generate::symbols(&shell, mode),
                _ => generate::operations(&shell, mode),
            }
            .map(|()| true)
        }
        ("archive", []) => {
            archive::sealed(&shell).map(|path| println!("{}", path.display())).map(|()| true)
        }
        ("bindings", ["kotlin"]) => kotlin::bindings(&shell).map(|_| true),
        ("bindings", ["swift"]) => swift::bindings(&shell).map(|_| true),
        ("swift", rest) => swift::pass(&workspace, rest),
        ("fixtures", []) => generate::fixtures(&shell).map(|()| true),
        ("bench", [] | ["--quick"]) => bench::run(&shell, rest),
        ("fuzz", [target, seconds]) => fuzz::run(&shell, target, seconds),
        _ => Err(format!("no such command: {}\n\n{HELP}", arguments.join(" "))),
    }
}
