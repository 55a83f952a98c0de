//! The cases of `tests/conformance`, through the typed interface and through `execute`.
//!
//! The format is described in `tests/conformance/README.md`. Each case runs twice, and both runs
//! must answer the same to the last field: so the typed methods and the operations by name cannot
//! differ.

pub(crate) mod matching;
mod typed;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crm_core::{Crm, Error, Flow, OpenOptions, ops::OPERATIONS, ops::Request};
use matching::{Saved, check, expand};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use typed::Answer;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    why: String,
    #[serde(default)]
    file: bool,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    op: Option<String>,
    #[serde(default, rename = "in")]
    input: Option<Json>,
    out: Option<Json>,
    error: Option<ExpectedError>,
    #[serde(default)]
    save: BTreeMap<String, String>,
    acting_as: Option<Json>,
    write: Option<Json>,
    reopen: Option<Json>,
    open: Option<Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedError {
    kind: String,
    field: Option<String>,
    hint: Option<String>,
    #[serde(default)]
    says: Vec<Json>,
}

/// How an operation is called; `None` if it cannot be.
type Door = fn(&Crm, &str, &Json) -> Option<Answer>;

fn by_name(crm: &Crm, operation: &str, request: &Json) -> Option<Answer> {
    let request = Request::from_json(operation, request.to_string().as_bytes());
    let response = request.and_then(|request| crm.execute(request, &mut |_| Flow::Continue));
    Some(response.map(|response| serde_json::to_value(response).unwrap()))
}

#[test]
fn every_case_passes_through_both_doors() {
    let cases = cases();
    let mut failures = Vec::new();
    let mut run = 0;
    for case in &cases {
        run += 1;
        let answers = [typed::call as Door, by_name].map(|door| Run::of(case, door));
        match answers {
            [Ok(typed), Ok(named)] if typed == named => {}
            [Ok(_), Ok(_)] => failures.push(format!("{}: the two doors differ", case.name)),
            [typed, named] => {
                let problem = typed.and(named).expect_err("one of them failed");
                failures.push(format!("{}: {problem}", case.name));
            }
        }
    }
    eprintln!("{run} of {} conformance cases run", cases.len());
    assert!(failures.is_empty(), "{} cases fail\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_operation_has_a_case_that_succeeds() {
    let cases = cases();
    let succeeding: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| &case.steps)
        .filter(|step| step.error.is_none())
        .filter_map(|step| step.op.as_deref())
        .collect();
    for operation in OPERATIONS {
        assert!(succeeding.contains(operation.name), "no case for {}", operation.name);
    }
}

#[test]
fn every_case_has_a_name_of_its_own_and_a_reason() {
    let mut names = BTreeSet::new();
    for case in cases() {
        assert!(!case.why.is_empty() && !case.steps.is_empty(), "{}", case.name);
        assert!(names.insert(case.name.clone()), "{} occurs twice", case.name);
    }
}

#[test]
fn the_manifest_lists_every_operation() {
    let text = std::fs::read_to_string(folder().join("operations.json")).unwrap();
    let manifest: Vec<Json> = serde_json::from_str(&text).unwrap();
    let listed: Vec<_> = manifest.iter().map(|row| (&row["name"], &row["method"])).collect();
    let known: Vec<_> = OPERATIONS.iter().map(|row| (json!(row.name), json!(row.method))).collect();
    assert_eq!(listed, known.iter().map(|(name, method)| (name, method)).collect::<Vec<_>>());
}

fn folder() -> PathBuf {
    match std::env::var_os("CRM_CONFORMANCE_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance"),
    }
}

fn cases() -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| -> Vec<Case> {
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let cases: Vec<Case> = files.iter().flat_map(read).collect();
    assert!(!cases.is_empty(), "there are no cases");
    cases
}

/// A case under way.
struct Run {
    door: Door,
    path: String,
    dir: String,
    /// Gone between a refused `reopen` and the next.
    crm: Option<Crm>,
    saved: Saved,
    answers: Vec<Json>,
    _folder: tempfile::TempDir,
}

impl Run {
    /// Runs a case and returns everything that was answered.
    fn of(case: &Case, door: Door) -> Result<Vec<Json>, String> {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap().to_owned();
        let path = if case.file { format!("{dir}/case.crm") } else { ":memory:".to_owned() };
        let crm = Crm::open_with(&path, options(&json!({}))).map_err(|error| error.to_string())?;
        let (saved, answers) = (Saved::new(), Vec::new());
        let mut run = Self { door, path, dir, crm: Some(crm), saved, answers, _folder: folder };
        for (place, step) in case.steps.iter().enumerate() {
            run.step(step).map_err(|problem| format!("step {}: {problem}", place + 1))?;
        }
        Ok(run.answers)
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let answer = match step {
            Step { op: Some(operation), input, .. } => {
                let request = self.expand(input.as_ref().unwrap_or(&json!({})))?;
                let crm = self.crm.as_ref().ok_or("there is no handle")?;
                (self.door)(crm, operation, &request).ok_or(format!("{operation} has no branch"))?
            }
            Step { acting_as: Some(who), .. } => self.acting_as(&self.expand(who)?),
            Step { write: Some(file), .. } => self.write(file),
            Step { reopen: Some(how), .. } => {
                self.crm.take().map_or(Ok(()), |crm| crm.close()).map_err(|e| e.to_string())?;
                let opened = Crm::open_with(&self.path, options(&self.expand(how)?));
                opened.map(|crm| {
                    self.crm = Some(crm);
                    Json::Null
                })
            }
            Step { open: Some(what), .. } => {
                let what = self.expand(what)?;
                let opened =
                    Crm::open_with(what["path"].as_str().unwrap(), options(&what["options"]));
                opened.and_then(|crm| crm.close()).map(|()| Json::Null)
            }
            _ => return Err("a step does nothing".into()),
        };
        self.judge(step, answer)
    }

    fn judge(&mut self, step: &Step, answer: Answer) -> Result<(), String> {
        match (answer, &step.error) {
            (Ok(answer), None) => {
                if let Some(out) = &step.out {
                    check(&self.expand(out)?, &answer)?;
                }
                for (name, pointer) in &step.save {
                    let found = answer.pointer(pointer).ok_or(format!("nothing at {pointer}"))?;
                    self.saved.insert(name.clone(), found.clone());
                }
                // A plan names its file, and each run has a folder of its own.
                let answer = answer.to_string().replace(&self.dir, "$dir");
                self.answers.push(serde_json::from_str(&answer).unwrap());
                Ok(())
            }
            (Ok(_), Some(expected)) => Err(format!("expected {}, but it succeeded", expected.kind)),
            (Err(error), None) => Err(format!("failed with {}: {error}", error.kind())),
            (Err(error), Some(expected)) => {
                self.check_error(expected, &error)?;
                self.answers.push(json!({
                    "kind": error.kind().name(),
                    "field": error.field(),
                    "message": error.message(),
                    "hint": error.hint(),
                }));
                Ok(())
            }
        }
    }

    fn check_error(&self, expected: &ExpectedError, error: &Error) -> Result<(), String> {
        let is_as = |expected: &Option<String>, actual: Option<&str>| {
            expected.as_deref().is_none_or(|expected| Some(expected) == actual)
        };
        let says = |words: &Json| -> Result<bool, String> {
            let words = self.expand(words)?;
            Ok(error.message().contains(words.as_str().ok_or("says takes texts")?))
        };
        let is_expected = expected.kind == error.kind().name()
            && is_as(&expected.field, error.field())
            && is_as(&expected.hint, error.hint())
            && expected
                .says
                .iter()
                .map(says)
                .collect::<Result<Vec<_>, _>>()?
                .iter()
                .all(|yes| *yes);
        if is_expected {
            return Ok(());
        }
        let ExpectedError { kind, field, hint, says } = expected;
        Err(format!(
            "expected {kind} {field:?} {hint:?} {says:?}, failed with {} {:?} {:?}: {error}",
            error.kind(),
            error.field(),
            error.hint(),
        ))
    }

    fn acting_as(&mut self, who: &Json) -> Answer {
        let crm = self.crm.as_mut().expect("there is a handle");
        *crm = crm.acting_as(who["actor"].as_str().unwrap(), who["cause"].as_str())?;
        Ok(Json::Null)
    }

    fn write(&self, file: &Json) -> Answer {
        let path = self.expand(&file["path"]).unwrap();
        let bytes = STANDARD.decode(file["base64"].as_str().unwrap()).unwrap();
        std::fs::write(path.as_str().unwrap(), bytes).unwrap();
        Ok(Json::Null)
    }

    fn expand(&self, json: &Json) -> Result<Json, String> {
        expand(json, &self.saved, &self.dir)
    }
}

/// The options of a case: with a clock and ids that repeat, unless it brings its own.
fn options(given: &Json) -> OpenOptions {
    let mut options = given.as_object().cloned().unwrap_or_default();
    options
        .entry("replay")
        .or_insert_with(|| json!({"start": "2026-01-01T00:00:00Z", "step_micros": 1000}));
    serde_json::from_value(options.into()).unwrap()
}
