//! The table of checks, and running them.
//!
//! A step is a row: its name, what it needs, and a function that records what held. One that fails
//! stops no other. The last line of a run is `N passed, N failed`: tests where a runner counts
//! them, and one for each other check.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::setup::{self, Need};
use crate::shell::Shell;
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{Result, c, examples, generate, kotlin, python, rust, swift};

/// How many lines of a failed test run are shown; the log has all.
const SHOWN: usize = 80;

/// One row of the table.
pub(crate) struct Step {
    name: &'static str,
    about: &'static str,
    /// Whether `--quick` runs it.
    quick: bool,
    /// Whether it tests libraries as they are shipped; never in a quick run.
    as_shipped: bool,
    needs: &'static [&'static Need],
    run: fn(&mut Checks) -> Result<()>,
}

/// Every check there is, cheap ones first.
static STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "every Rust file is formatted",
        quick: true,
        as_shipped: false,
        needs: &[&setup::RUSTFMT],
        run: rust::fmt,
    },
    Step {
        name: "clippy",
        about: "no lint fires, in any crate, target or feature",
        quick: true,
        as_shipped: false,
        needs: &[&setup::CLIPPY, &setup::OPENSSL],
        run: rust::clippy,
    },
    Step {
        name: "purity",
        about: "the domain compiles without SQLite",
        quick: true,
        as_shipped: false,
        needs: &[&setup::CLIPPY],
        run: rust::purity,
    },
    Step {
        name: "rust",
        about: "unit, property, integration and documentation tests",
        quick: true,
        as_shipped: false,
        needs: &[],
        run: rust::tests,
    },
    Step {
        name: "encrypted-rust",
        about: "files encrypted at rest, with the feature sqlcipher",
        quick: false,
        as_shipped: false,
        needs: &[&setup::OPENSSL],
        run: rust::encrypted,
    },
    Step {
        name: "encrypted-c",
        about: "the same, in C, also under valgrind",
        quick: false,
        as_shipped: false,
        needs: &[&setup::OPENSSL, &setup::GCC, &setup::CLANG, &setup::VALGRIND],
        run: c::encrypted,
    },
    Step {
        name: "encrypted-python",
        about: "the same, in Python",
        quick: false,
        as_shipped: false,
        needs: &[&setup::OPENSSL, &setup::PYTHON, &setup::PYTHON_TOOLS],
        run: python::encrypted,
    },
    Step {
        name: "encrypted-kotlin",
        about: "the same, in Kotlin",
        quick: false,
        as_shipped: false,
        needs: &[&setup::OPENSSL, &setup::MAVEN, &setup::MAVEN_ARTIFACTS],
        run: kotlin::encrypted,
    },
    Step {
        name: "encrypted-swift",
        about: "the same, in Swift",
        quick: false,
        as_shipped: false,
        needs: &[&setup::OPENSSL, &setup::DEBOOTSTRAP, &setup::SWIFT],
        run: swift::encrypted,
    },
    Step {
        name: "doc",
        about: "rustdoc has no warning",
        quick: false,
        as_shipped: false,
        needs: &[],
        run: rust::documentation,
    },
    Step {
        name: "generated",
        about: "header, symbols and operations are up to date",
        quick: true,
        as_shipped: false,
        needs: &[&setup::GCC],
        run: generate::up_to_date,
    },
    Step {
        name: "c",
        about: "C programs with the library as shipped, by gcc and clang, as C99 and C++17",
        quick: true,
        as_shipped: true,
        needs: &[&setup::GCC, &setup::CLANG],
        run: c::tests,
    },
    Step {
        name: "valgrind",
        about: "C programs neither leak nor touch foreign memory",
        quick: false,
        as_shipped: false,
        needs: &[&setup::GCC, &setup::VALGRIND],
        run: c::valgrind,
    },
    Step {
        name: "python",
        about: "the wheel: pytest, mypy --strict, stubtest",
        quick: true,
        as_shipped: false,
        needs: &[&setup::PYTHON, &setup::PYTHON_TOOLS],
        run: python::tests,
    },
    Step {
        name: "kotlin",
        about: "the generated package on the JVM",
        quick: false,
        as_shipped: false,
        needs: &[&setup::MAVEN, &setup::MAVEN_ARTIFACTS],
        run: kotlin::tests,
    },
    Step {
        name: "swift",
        about: "the generated package on Linux",
        quick: false,
        as_shipped: false,
        needs: &[&setup::DEBOOTSTRAP, &setup::SWIFT],
        run: swift::tests,
    },
    Step {
        name: "tour-rust",
        about: "the tour prints examples/expected.txt",
        quick: true,
        as_shipped: false,
        needs: &[],
        run: examples::rust,
    },
    Step {
        name: "tour-c",
        about: "the same, in C",
        quick: true,
        as_shipped: true,
        needs: &[&setup::GCC],
        run: examples::c,
    },
    Step {
        name: "tour-python",
        about: "the same, in Python",
        quick: false,
        as_shipped: false,
        needs: &[&setup::PYTHON, &setup::PYTHON_TOOLS],
        run: examples::python,
    },
    Step {
        name: "tour-kotlin",
        about: "the same, in Kotlin",
        quick: false,
        as_shipped: false,
        needs: &[&setup::MAVEN, &setup::MAVEN_ARTIFACTS],
        run: examples::kotlin,
    },
    Step {
        name: "tour-swift",
        about: "the same, in Swift",
        quick: false,
        as_shipped: false,
        needs: &[&setup::DEBOOTSTRAP, &setup::SWIFT],
        run: examples::swift,
    },
];

/// Which steps to run, and how.
pub(crate) struct Selection {
    steps: Vec<&'static Step>,
    setup: bool,
    quick: bool,
    list: bool,
}

impl Selection {
    /// Reads `--setup`, `--quick`, `--list` and `--only NAME[,NAME]`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut selection = Self { steps: Vec::new(), setup: false, quick: false, list: false };
        let mut only: Option<Vec<&str>> = None;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--setup" => selection.setup = true,
                "--quick" => selection.quick = true,
                "--list" => selection.list = true,
                "--only" => {
                    let names = arguments.next().ok_or("--only needs the name of a step")?;
                    only.get_or_insert_default().extend(names.split(','));
                }
                other => return Err(format!("no such option: {other}")),
            }
        }
        for name in only.iter().flatten() {
            if !STEPS.iter().any(|step| step.answers_to(name)) {
                let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
                return Err(format!("no step is called {name:?}; there are {}", names.join(", ")));
            }
        }
        // A step that is asked for by name runs in a quick run too, in its quick form.
        let wanted = |step: &&Step| match &only {
            Some(names) => names.iter().any(|name| step.answers_to(name)),
            None => step.quick || !selection.quick,
        };
        selection.steps = STEPS.iter().filter(wanted).collect();
        Ok(selection)
    }

    /// What the selected steps need, each once, in the order of the table.
    pub(crate) fn needs(&self) -> Vec<&'static Need> {
        let mut needs: Vec<&'static Need> = Vec::new();
        for need in self.steps.iter().flat_map(|step| step.needs) {
            if !needs.iter().any(|known| known.name == need.name) {
                needs.push(need);
            }
        }
        needs
    }
}

impl Step {
    /// By its name, or with others by the first part of it: `tour` is all tours.
    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.name.split('-').next() == Some(name)
    }
}

/// Collects the outcome of the checks of one step.
pub(crate) struct Checks<'a> {
    /// Runs the commands of this step.
    pub(crate) shell: &'a Shell<'a>,
    tally: Tally,
    failures: Vec<String>,
}

impl Checks<'_> {
    /// Records one check.
    pub(crate) fn check<T>(&mut self, what: &str, outcome: Result<T>) {
        match outcome {
            Ok(_) => self.tally.passed += 1,
            Err(message) => self.fail(what, &message),
        }
    }

    /// Runs a test runner and records as many checks as it ran tests. None at all is a failure.
    pub(crate) fn tests(
        &mut self,
        what: &str,
        command: &mut Command,
        count: fn(&str) -> Tally,
    ) -> Result<()> {
        let (succeeded, output) = self.shell.capture(command)?;
        let tally = count(&output);
        self.tally.passed += tally.passed;
        self.tally.skipped += tally.skipped;
        if succeeded && tally.passed + tally.failed == 0 {
            self.fail(what, "succeeded without running a single test");
        } else if !succeeded || tally.failed > 0 {
            self.fail(what, &format!("failed\n{}", told(&output)));
            self.tally.failed += tally.failed.saturating_sub(1);
        }
        Ok(())
    }

    fn fail(&mut self, what: &str, message: &str) {
        self.tally.failed += 1;
        self.failures.push(format!("{what}: {message}"));
    }
}

/// Runs the selected steps; `true` when everything held.
pub(crate) fn test(workspace: &Workspace, selection: &Selection) -> Result<bool> {
    if selection.list {
        for step in &selection.steps {
            println!("{:<16} {}", step.name, step.about);
        }
        return Ok(true);
    }
    let start = Instant::now();
    if selection.setup {
        setup::install(&Shell::new(workspace, "setup")?, &selection.needs())?;
        println!("setup {}", seconds(start.elapsed()));
    }
    let mut total = Tally::default();
    let mut failed = Vec::new();
    for step in &selection.steps {
        let tally = run(workspace, step, selection.quick)?;
        total.passed += tally.passed;
        total.failed += tally.failed;
        if tally.failed > 0 {
            failed.push(step.name);
        }
    }
    println!("\nsteps: {}, time: {}", selection.steps.len(), seconds(start.elapsed()));
    if !failed.is_empty() {
        println!("failed: {} (logs in target/xtask)", failed.join(", "));
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(total.failed == 0)
}

fn run(workspace: &Workspace, step: &Step, quick: bool) -> Result<Tally> {
    print!("{:<16} ", step.name);
    let _ = std::io::stdout().flush();
    let start = Instant::now();
    let mut shell = Shell::new(workspace, step.name)?;
    shell.quick = quick;
    shell.as_shipped = step.as_shipped && !quick;
    let mut checks = Checks { shell: &shell, tally: Tally::default(), failures: Vec::new() };
    let missing: Vec<String> =
        step.needs.iter().filter_map(|need| need.missing(workspace)).collect();
    if missing.is_empty() {
        if let Err(message) = (step.run)(&mut checks) {
            checks.fail(step.name, &message);
        }
    } else {
        checks.fail(step.name, &missing.join("\n"));
    }
    let Checks { tally, failures, .. } = checks;
    let skipped =
        if tally.skipped > 0 { format!(", {} skipped", tally.skipped) } else { String::new() };
    println!(
        "{} {:>8}  {} passed, {} failed{skipped}",
        if failures.is_empty() { "ok    " } else { "FAILED" },
        seconds(start.elapsed()),
        tally.passed,
        tally.failed,
    );
    for failure in failures {
        for line in failure.lines() {
            println!("    {line}");
        }
    }
    Ok(tally)
}

/// The part of a test run's output that tells of failures: from where the runner begins to speak of
/// them, else the end.
fn told(output: &str) -> String {
    const BEGINNINGS: [&str; 5] =
        ["failures:", "= FAILURES =", "= ERRORS =", "[ERROR]", ": error:"];
    let lines: Vec<&str> = output.lines().collect();
    let begins = |line: &&str| BEGINNINGS.iter().any(|beginning| line.contains(beginning));
    let end = lines.len().saturating_sub(SHOWN);
    let start = lines.iter().position(begins).unwrap_or(end);
    lines[start..lines.len().min(start + SHOWN)].join("\n")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Vec<&'static str> {
        Selection::parse(arguments).unwrap().steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn everything_runs_unless_told_otherwise() {
        assert_eq!(names(&[]).len(), STEPS.len());
        assert_eq!(names(&["--setup"]).len(), STEPS.len());
    }

    #[test]
    fn only_selects_by_name_or_by_family() {
        assert_eq!(names(&["--only", "c,fmt"]), ["fmt", "c"]);
        assert_eq!(names(&["--only", "tour"]).len(), 5);
        assert_eq!(names(&["--quick", "--only", "swift"]), ["swift"]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_refused_with_those_that_do() {
        let message = Selection::parse(&["--only", "go"]).err().unwrap();
        assert!(message.contains("\"go\"") && message.contains("kotlin"));
        assert!(Selection::parse(&["--fast"]).is_err());
        assert!(Selection::parse(&["--only"]).is_err());
    }

    #[test]
    fn what_is_shown_of_a_run_begins_at_its_first_failure() {
        let passed = "test a ... ok\n".repeat(200);
        let shown = told(&format!("{passed}failures:\n---- b ----\n{passed}"));
        assert!(shown.starts_with("failures:\n---- b ----\n"));
        assert_eq!(shown.lines().count(), SHOWN);
        assert_eq!(told("no\nsuch word"), "no\nsuch word");
    }

    #[test]
    fn quick_is_a_part_of_everything() {
        let quick = names(&["--quick"]);
        assert!(!quick.is_empty() && quick.len() < STEPS.len());
        assert!(!quick.contains(&"swift"));
    }

    #[test]
    fn needs_are_named_once() {
        let needs = Selection::parse(&[]).unwrap().needs();
        let mut names: Vec<&str> = needs.iter().map(|need| need.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), needs.len());
    }
}
