//! Benchmarks: the engine beside the raw limit (`crm-core/benches/engine`), and what a call costs from
//! each of the other languages, in one table.
//!
//! A language whose tools are missing has its line too, which says how to install them; it is no
//! missed budget. One whose program fails makes the run fail.

use crate::setup::{self, Need};
use crate::shell::Shell;
use crate::{Result, c, kotlin, python, swift};

/// A language whose call is measured, with what that needs. The program prints the operation that
/// it called and the microseconds that one call took.
struct Language {
    name: &'static str,
    needs: &'static [&'static Need],
    call_cost: fn(&Shell) -> Result<String>,
}

static LANGUAGES: [Language; 4] = [
    Language { name: "C", needs: &[&setup::GCC], call_cost: c::call_cost },
    Language {
        name: "Python",
        needs: &[&setup::PYTHON, &setup::PYTHON_TOOLS],
        call_cost: python::call_cost,
    },
    Language {
        name: "Kotlin",
        needs: &[&setup::MAVEN, &setup::MAVEN_ARTIFACTS],
        call_cost: kotlin::call_cost,
    },
    Language {
        name: "Swift",
        needs: &[&setup::DEBOOTSTRAP, &setup::SWIFT],
        call_cost: swift::call_cost,
    },
];

/// Runs all benchmarks; `false` when a budget was missed or a program failed.
pub(crate) fn run(shell: &Shell, arguments: &[&str]) -> Result<bool> {
    let mut cargo = shell.command("cargo");
    cargo.args(["bench", "--quiet", "-p", "crm-core", "--features", "arrow"]);
    cargo.args(["--bench", "engine", "--"]).args(arguments);
    let status = cargo.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    let mut succeeded = status.success();
    for language in &LANGUAGES {
        let work = format!("empty call from {}", language.name);
        let missing: Vec<String> =
            language.needs.iter().filter_map(|need| need.missing(shell.workspace)).collect();
        if !missing.is_empty() {
            println!("{work:<38} {}", missing.join("; "));
            continue;
        }
        match (language.call_cost)(shell).and_then(|output| cost(&output)) {
            Ok(cost) => println!("{}", line(&work, cost)),
            Err(message) => {
                succeeded = false;
                println!("{work:<38} FAILED\n{message}");
            }
        }
    }
    Ok(succeeded)
}

/// Microseconds of a call, from the line that the program printed.
fn cost(output: &str) -> Result<f64> {
    let figure = output.lines().find_map(|line| line.strip_prefix("database.info "));
    figure
        .and_then(|figure| figure.trim().parse().ok())
        .ok_or_else(|| format!("expected the cost of database.info, found {output:?}"))
}

/// A row of the engine's table: there is neither a raw figure nor a budget.
fn line(work: &str, cost: f64) -> String {
    let ours = format!("{cost:.3} us");
    format!("{work:<38} {ours:>14} {:>14} {:>8} {:>9}  ok", "-", "-", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_say_more_than_its_figure() {
        assert_eq!(cost("warning\ndatabase.info 1.25\n"), Ok(1.25));
        assert!(cost("database.info fast\n").is_err());
        assert!(cost("").is_err());
    }

    #[test]
    fn a_line_has_the_columns_of_the_engines_table() {
        let line = line("empty call from C", 0.5);
        let columns = "empty call from C                            0.500 us";
        assert!(line.starts_with(columns), "{line}");
        assert_eq!(
            line.split_whitespace().rev().take(4).collect::<Vec<_>>(),
            ["ok", "-", "-", "-"]
        );
    }
}
