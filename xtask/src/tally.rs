//! How many tests passed and failed, read from what each test runner prints.
//!
//! Every runner has a way to run nothing and be content. So the numbers are read, and a run without
//! a single test is a failure.

/// Tests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ran and held.
    pub(crate) passed: u64,
    /// Ran and did not hold.
    pub(crate) failed: u64,
    /// Did not run.
    pub(crate) skipped: u64,
}

/// `cargo test`: one `test result:` line per binary.
pub(crate) fn cargo(output: &str) -> Tally {
    output.lines().filter(|line| line.starts_with("test result:")).fold(
        Tally::default(),
        |sum, line| Tally {
            passed: sum.passed + before(line, " passed"),
            failed: sum.failed + before(line, " failed"),
            skipped: sum.skipped + before(line, " ignored"),
        },
    )
}

/// pytest: the closing line, `N passed in 4.20s`; from a minute on the time stands there twice.
pub(crate) fn pytest(output: &str) -> Tally {
    let closing = |line: &&str| {
        line.rsplit_once(" in ").is_some_and(|(_, time)| {
            let seconds = time.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            time.starts_with(|c: char| c.is_ascii_digit()) && seconds.starts_with('s')
        })
    };
    let line = output.lines().rev().find(closing).unwrap_or_default();
    Tally {
        passed: before(line, " passed") + before(line, " xfailed"),
        failed: before(line, " failed") + before(line, " error"),
        skipped: before(line, " skipped"),
    }
}

/// Maven's surefire: the total, which unlike the lines per class has no time.
pub(crate) fn maven(output: &str) -> Tally {
    let total = |line: &&str| line.contains("Tests run:") && !line.contains("Time elapsed");
    let line = output.lines().rev().find(total).unwrap_or_default();
    let failed = after(line, "Failures: ") + after(line, "Errors: ");
    let skipped = after(line, "Skipped: ");
    Tally { passed: after(line, "Tests run: ").saturating_sub(failed + skipped), failed, skipped }
}

/// `swift test`: the last `Executed` line is the sum of all suites.
pub(crate) fn swift(output: &str) -> Tally {
    let line = output.lines().rev().find(|line| line.contains("Executed ")).unwrap_or_default();
    let failed = before(line, " failure");
    let skipped = before(line, " test skipped") + before(line, " tests skipped");
    Tally { passed: after(line, "Executed ").saturating_sub(failed + skipped), failed, skipped }
}

/// The number that stands right before `word`, or 0.
fn before(line: &str, word: &str) -> u64 {
    let Some(end) = line.find(word) else { return 0 };
    let digits = line[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    line[digits..end].parse().unwrap_or(0)
}

/// The number that stands right after `word`, or 0.
fn after(line: &str, word: &str) -> u64 {
    let Some(start) = line.find(word).map(|at| at + word.len()) else { return 0 };
    let rest = &line[start..];
    rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn cargo_adds_up_all_binaries() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
            test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(cargo(output), tally(12, 3, 1));
    }

    #[test]
    fn pytest_reads_the_closing_line() {
        assert_eq!(
            pytest("..F\n== 1 failed, 12 passed, 2 skipped, 1 error in 0.31s ==\n"),
            tally(12, 2, 2)
        );
        assert_eq!(pytest("....\n4 passed in 0.02s\n"), tally(4, 0, 0));
        assert_eq!(pytest("....\n921 passed, 1 skipped in 67.31s (0:01:07)\n"), tally(921, 0, 1));
        assert_eq!(pytest("no tests ran in 0.01s\n"), tally(0, 0, 0));
    }

    #[test]
    fn maven_reads_the_total_and_not_one_class() {
        let output = "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in ATest\n\
            [ERROR] Tests run: 12, Failures: 1, Errors: 2, Skipped: 1\n";
        assert_eq!(maven(output), tally(8, 3, 1));
    }

    #[test]
    fn swift_ignores_the_empty_second_library() {
        let output = "\t Executed 7 tests, with 1 failure (0 unexpected) in 0.1 (0.1) seconds\n\
            \u{25c7} Test run with 0 tests passed after 0.001 seconds.\n";
        assert_eq!(swift(output), tally(6, 1, 0));
        let skipped =
            "Executed 5 tests, with 2 tests skipped and 0 failures (0 unexpected) in 1.0 s";
        assert_eq!(swift(skipped), tally(3, 0, 2));
    }

    #[test]
    fn nothing_run_counts_as_nothing() {
        for read in [cargo, pytest, maven, swift] {
            assert_eq!(read(""), Tally::default());
        }
    }
}
