//! Files that are generated and committed: the C header, the list of exported symbols, and the
//! table of operations. Each command writes them, or with `--check` compares and shows the first
//! difference. (Sources of Swift and Kotlin are generated too, but not committed.)
//!
//! The table of operations comes from the engine itself: `crm-core/examples/operations.rs` prints it
//! as JSON, so this program need not be linked with the engine.

use std::path::PathBuf;

use serde_json::Value;

use crate::shell::Shell;
use crate::steps::Checks;
use crate::{Result, artifacts, cases, reference, rust};

const HEADER: &str = "include/crm.h";
pub(crate) const SYMBOLS: &str = "crm-ffi/abi/symbols.txt";
const MANIFEST: &str = "tests/conformance/operations.json";
const CASES: &str = "tests/conformance/cases";
const REFERENCE: &str = "docs/operations.md";

/// What to do with a generated file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Compare it with what is committed.
    Check,
}

impl Mode {
    /// Reads the arguments of a generator.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        match arguments {
            [] => Ok(Self::Write),
            ["--check"] => Ok(Self::Check),
            _ => Err(format!("expected --check or nothing, not {}", arguments.join(" "))),
        }
    }
}

/// All of them, compared.
pub(crate) fn up_to_date(checks: &mut Checks) -> Result<()> {
    let shell = checks.shell;
    checks.check(HEADER, header(shell, Mode::Check));
    checks.check(SYMBOLS, symbols(shell, Mode::Check));
    checks.check("the table of operations", operations(shell, Mode::Check));
    Ok(())
}

/// `include/crm.h` from the sources of crm-ffi; the documentation of the crate is its overview.
pub(crate) fn header(shell: &Shell, mode: Mode) -> Result<()> {
    let package = shell.workspace.root.join("crm-ffi");
    let mut config = cbindgen::Config::from_file(package.join("cbindgen.toml"))?;
    let crate_root = package.join("src/lib.rs");
    let source = std::fs::read_to_string(&crate_root)
        .map_err(|error| format!("{}: {error}", crate_root.display()))?;
    config.header = Some(overview(&source));
    let bindings = cbindgen::Builder::new()
        .with_crate(&package)
        .with_config(config)
        .generate()
        .map_err(|error| format!("cbindgen: {error}"))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    settle(shell, HEADER, &String::from_utf8_lossy(&text), mode, "header")
}

/// `crm-ffi/abi/symbols.txt`: what the shared library exports, one name a line.
pub(crate) fn symbols(shell: &Shell, mode: Mode) -> Result<()> {
    let built = artifacts::build(shell, "crm-ffi", &[])?;
    settle(shell, SYMBOLS, &exports(shell, &built)?, mode, "symbols")
}

/// Whether a library that was built with a feature exports, beside what every one does, just what the
/// header declares where `macro_name` is defined.
pub(crate) fn optional_symbols(shell: &Shell, built: &[PathBuf], macro_name: &str) -> Result<()> {
    let read = |path: &str| {
        std::fs::read_to_string(shell.workspace.root.join(path))
            .map_err(|error| format!("{path}: {error}"))
    };
    let (always, header) = (read(SYMBOLS)?, read(HEADER)?);
    let mut wanted: Vec<&str> = always.lines().collect();
    let optional = declared_if(&header, macro_name);
    if optional.is_empty() {
        return Err(format!("{HEADER} declares no function if {macro_name} is defined"));
    }
    wanted.extend(optional);
    wanted.sort_unstable();
    let wanted = wanted.iter().fold(String::new(), |text, name| text + name + "\n");
    difference(&wanted, &exports(shell, built)?)
        .map_or(Ok(()), |difference| Err(format!("of what the library exports, {difference}")))
}

/// What the shared library among `built` exports, one name a line.
fn exports(shell: &Shell, built: &[PathBuf]) -> Result<String> {
    let shared = built.iter().find(|path| path.extension().is_some_and(|kind| kind != "a"));
    let shared = shared.ok_or("crm-ffi made no shared library")?;
    let listing = shell.output(shell.command("nm").args(["-D", "--defined-only"]).arg(shared))?;
    Ok(exported(&listing))
}

/// The functions that a header declares where a macro is defined.
fn declared_if<'a>(header: &'a str, macro_name: &str) -> Vec<&'a str> {
    let condition = format!("#if defined({macro_name})");
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in header.lines() {
        if line == condition || line == "#endif" {
            is_inside = line == condition;
        } else if is_inside
            && !line.starts_with(" *")
            && let Some((before, _)) = line.split_once('(')
            && let Some(name) = before.split([' ', '*']).next_back().filter(|name| !name.is_empty())
        {
            found.push(name);
        }
    }
    found
}

/// The table of operations, for the conformance runners and for readers.
pub(crate) fn operations(shell: &Shell, mode: Mode) -> Result<()> {
    let mut cargo = shell.command("cargo");
    shell.run(cargo.arg("build").args(rust::WORKSPACE).args(["--example", "operations"]))?;
    let program = shell.workspace.target.join("debug/examples/operations");
    let printed = shell.output(&mut shell.command(&program.to_string_lossy()))?;
    let printed: Value = serde_json::from_str(&printed)
        .map_err(|error| format!("the table is not JSON: {error}"))?;
    let table = printed["operations"].as_array().filter(|rows| !rows.is_empty());
    let table = table.ok_or("the table of operations is empty")?;
    let records = printed["records"].as_object().ok_or("the table has no records")?;
    let cases = cases::read(&shell.workspace.root.join(CASES))?;
    let rows: Vec<Value> = table.iter().map(reference::row).collect();
    let manifest = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
    let results = [
        settle(shell, MANIFEST, &format!("{manifest}\n"), mode, "operations"),
        settle(shell, REFERENCE, &reference::page(table, records, &cases)?, mode, "operations"),
    ];
    results.into_iter().collect()
}

/// Generates the sources of `language` from the mobile library with these features; gives the folder with
/// them.
pub(crate) fn bindings(shell: &Shell, language: &str, features: &[&str]) -> Result<PathBuf> {
    let features = [&["cli"], features].concat().join(",");
    let built = artifacts::build(shell, "crm-mobile", &["--features", &features])?;
    let library = artifacts::find(&built, "libcrm_mobile")?;
    let library = ["so", "dylib"]
        .into_iter()
        .map(|kind| library.with_extension(kind))
        .find(|path| path.exists())
        .ok_or("crm-mobile made no shared library")?;
    let generated = artifacts::clear(shell, &format!("generated-{language}"))?;
    let bindgen = artifacts::find(&built, "crm-bindgen")?;
    let mut bindgen = shell.command(&bindgen.to_string_lossy());
    bindgen.arg("generate").arg(library);
    bindgen.args(["--language", language, "--no-format", "--out-dir"]).arg(&generated);
    shell.run(&mut bindgen)?;
    Ok(generated)
}

/// Has the engine's own test write the fixture of the present schema version.
pub(crate) fn fixtures(shell: &Shell) -> Result<()> {
    let mut cargo = shell.command("cargo");
    cargo.args(["test", "-p", "crm-core", "--test", "it", "--", "--ignored", "write_fixture"]);
    let output = shell.run(&mut cargo)?;
    if crate::tally::cargo(&output).passed == 0 {
        return Err("crm-core/tests/it has no ignored test write_fixture".into());
    }
    Ok(())
}

/// The first line where two texts part, for a reader; `None` when they are equal.
pub(crate) fn difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let mut wanted = expected.split('\n');
    let mut found = actual.split('\n');
    let mut number = 1;
    loop {
        match (wanted.next(), found.next()) {
            (Some(left), Some(right)) if left == right => number += 1,
            (left, right) => {
                let show =
                    |line: Option<&str>| line.map_or("(end)".into(), |line| format!("{line:?}"));
                return Some(format!(
                    "line {number}: expected {}, found {}",
                    show(left),
                    show(right)
                ));
            }
        }
    }
}

fn settle(shell: &Shell, path: &str, text: &str, mode: Mode, command: &str) -> Result<()> {
    let file = shell.workspace.root.join(path);
    match mode {
        Mode::Write => artifacts::write(&file, text.as_bytes()),
        Mode::Check => {
            let present = std::fs::read_to_string(&file)
                .map_err(|error| format!("{path}: {error}; write it: cargo xtask {command}"))?;
            difference(text, &present).map_or(Ok(()), |difference| {
                Err(format!(
                    "{path} is out of date at {difference}; write it: cargo xtask {command}"
                ))
            })
        }
    }
}

/// The comment that opens the header: the `//!` lines that open a crate.
fn overview(source: &str) -> String {
    let mut comment = String::from("/**\n");
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        comment += &format!(" *{line}\n");
    }
    comment + " *\n * Generated by `cargo xtask header`; not edited by hand.\n */"
}

/// Names out of `nm --defined-only`, sorted.
pub(crate) fn exported(listing: &str) -> String {
    let mut names: Vec<&str> =
        listing.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    names.sort_unstable();
    names.iter().fold(String::new(), |text, name| text + name + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_names_only_and_sorted() {
        let listing = "0000000000001139 T crm_open\n0000000000001120 T crm_close\n";
        assert_eq!(exported(listing), "crm_close\ncrm_open\n");
    }

    #[test]
    fn what_is_declared_under_a_macro_is_found() {
        let header = "int a(void);\n\n#if defined(X)\n/**\n * As a() does.\n */\n\
                      typedef int32_t (*b)(int);\n#endif\n\n#if defined(X)\nint c(int one,\n      \
                      int two);\n#endif\n\n#if defined(Y)\nint *d(void);\n#endif\n";
        assert_eq!(declared_if(header, "X"), ["c"]);
        assert_eq!(declared_if(header, "Y"), ["d"]);
    }

    #[test]
    fn the_overview_is_the_documentation_of_the_crate() {
        let comment = overview("//! One.\n//!\n//! Two.\n\n/// Not this.\nmod a;\n");
        assert!(comment.starts_with("/**\n * One.\n *\n * Two.\n *\n"), "{comment}");
        assert!(!comment.contains("Not this"));
    }

    #[test]
    fn the_first_difference_is_named_by_its_line() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let found = difference("a\nb\n", "a\nc\n").unwrap();
        assert_eq!(found, "line 2: expected \"b\", found \"c\"");
        assert_eq!(difference("a\n", "a\n\n").unwrap(), "line 3: expected (end), found \"\"");
    }
}
