//! What the conformance cases show of an operation: an example, and the errors that it gives.
//!
//! The cases run in every language, so nothing that is shown here can be out of date. Which step is
//! shown depends on the cases alone: the shortest of those that say something, the first of equals.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value};

use crate::{Result, artifacts};

/// The types of a new file: an example about them needs no definition beside it.
const PRESENT: [&str; 3] = ["company", "contact", "deal"];

/// How many fields of one case are named.
const FIELDS: usize = 3;

/// Every case of every `.json` file in `folder`.
pub(crate) fn read(folder: &Path) -> Result<Vec<Value>> {
    let mut cases = Vec::new();
    for file in artifacts::files(folder)? {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let more: Vec<Value> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        cases.extend(more);
    }
    Ok(cases)
}

/// A step that calls an operation, and the steps of its case before it.
struct Call<'a> {
    case: &'a Value,
    before: &'a [Value],
    step: &'a Value,
}

fn calls<'a>(cases: &'a [Value], operation: &str) -> impl Iterator<Item = Call<'a>> {
    cases.iter().flat_map(move |case| {
        let steps = case["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ours = steps.iter().enumerate().filter(move |(_, step)| step["op"] == operation);
        ours.map(move |(place, step)| Call { case, before: &steps[..place], step })
    })
}

/// The request and the response of the example in a block, and what its names stand for; empty when
/// no case calls the operation with success.
pub(crate) fn example(
    cases: &[Value],
    operation: &Value,
    records: &Map<String, Value>,
) -> Option<String> {
    let shown = calls(cases, operation["name"].as_str()?)
        .filter(|call| call.step.get("error").is_none())
        .filter(|call| !call.step.to_string().contains("$repeat"))
        .min_by_key(|call| rank(call.step))?;
    let (request, response) = (request(shown.step), &shown.step["out"]);
    let mut text = format!("```text\n→ {}\n", json(&request, &operation["request"], records));
    if !says_nothing(response) {
        let _ = writeln!(text, "← {}", json(response, &operation["response"], records));
    }
    text.push_str("```\n");
    let notes = notes(&shown, &[&request, response]);
    if !notes.is_empty() {
        let _ = write!(text, "\n{notes}\n");
    }
    Some(text)
}

/// The kinds of errors that the cases show, as the rows of a table: for each kind the case that is
/// most about it, and another one for each further field of the request that is refused.
pub(crate) fn errors(cases: &[Value], operation: &Value, fields: &[&str]) -> String {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, Refusals<'_>>> = BTreeMap::new();
    for call in calls(cases, operation["name"].as_str().unwrap_or_default()) {
        let error = &call.step["error"];
        if let (Some(kind), Some(name)) = (error["kind"].as_str(), call.case["name"].as_str()) {
            let refusals = kinds.entry(kind).or_default().entry(name).or_default();
            refusals.add(call.case, error["field"].as_str());
        }
    }
    let mut rows = String::new();
    for (kind, by_case) in kinds {
        let mut by_case: Vec<_> = by_case.into_iter().collect();
        by_case.sort_by_key(|(_, refusals)| refusals.rank());
        let mut told: Vec<&str> = Vec::new();
        for (place, (name, refusals)) in by_case.into_iter().enumerate() {
            let new = |field: &&str| fields.contains(field) && !told.contains(field);
            if place == 0 || refusals.fields.iter().any(new) {
                let _ = writeln!(rows, "| `{kind}` | {} | {} |", refusals.named(), cell(name));
                told.extend(refusals.fields);
            }
        }
    }
    rows
}

/// The steps of one case in which one operation fails with one kind.
#[derive(Default)]
struct Refusals<'a> {
    fields: Vec<&'a str>,
    count: usize,
    steps: usize,
    length: usize,
}

impl<'a> Refusals<'a> {
    fn add(&mut self, case: &Value, field: Option<&'a str>) {
        self.count += 1;
        self.steps = case["steps"].as_array().map_or(0, Vec::len);
        self.length = case.to_string().len();
        self.fields.extend(field.filter(|field| !self.fields.contains(field)));
    }

    /// First the case with the greatest part of such steps, then the shortest.
    fn rank(&self) -> (Reverse<usize>, usize) {
        (Reverse(1000 * self.count / self.steps.max(1)), self.length)
    }

    fn named(&self) -> String {
        let names = self.fields.iter().take(FIELDS).map(|field| format!("`{field}`"));
        let mut names: Vec<String> = names.collect();
        if self.fields.len() > FIELDS {
            names.push("…".into());
        }
        names.join(", ")
    }
}

/// What speaks against a step as an example, the weightiest first.
fn rank(step: &Value) -> (bool, usize, bool, usize) {
    let request = request(step);
    let foreign = request["type"].as_str().is_some_and(|name| !PRESENT.contains(&name));
    let parts = if says_nothing(&request) { 0 } else { empty_parts(&request) };
    let response = &step["out"];
    let length = request.to_string().len() + response.to_string().len();
    (says_nothing(response), parts + empty_parts(response), foreign, length)
}

fn request(step: &Value) -> Value {
    step.get("in").cloned().unwrap_or_else(|| Value::Object(Map::new()))
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

fn empty_parts(value: &Value) -> usize {
    match value {
        Value::Object(fields) if fields.is_empty() => 1,
        Value::Object(fields) => fields.values().map(empty_parts).sum(),
        Value::Array(items) if items.is_empty() => 1,
        Value::Array(items) => items.iter().map(empty_parts).sum(),
        _ => 0,
    }
}

/// Says of each saved name in `values` what it stands for.
fn notes(call: &Call<'_>, values: &[&Value]) -> String {
    let mut notes = BTreeMap::new();
    for text in values.iter().flat_map(|value| texts(value)) {
        if text.contains("$dir") {
            notes.insert("$dir", "`$dir` is a folder.".to_owned());
        } else if let Some((step, pointer)) = text.strip_prefix('$').and_then(|name| {
            let mut saved = call.before.iter().rev();
            saved.find_map(|step| Some((step, step["save"].get(name)?.as_str()?)))
        }) {
            let given = step["op"].as_str().unwrap_or_default();
            let part = pointer.trim_start_matches('/').replace('/', ".");
            let of = if part.is_empty() { String::new() } else { format!("`{part}` of ") };
            notes.insert(text, format!("`{text}` is {of}what `{given}` gave."));
        }
    }
    notes.into_values().collect::<Vec<_>>().join(" ")
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// JSON in one line, the fields in the order of their record; `…` where a case takes any value.
fn json(value: &Value, schema: &Value, records: &Map<String, Value>) -> String {
    let forms = forms(schema, records);
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| place(&forms, name));
            let field = |(name, value): (&String, &Value)| {
                let named = forms.iter().find_map(|form| form["properties"].get(name));
                let any = || forms.iter().find_map(|form| form.get("additionalProperties"));
                let schema = named.or_else(any).unwrap_or(&Value::Null);
                format!("\"{name}\": {}", json(value, schema, records))
            };
            format!("{{{}}}", fields.into_iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let schema = forms.iter().find_map(|form| form.get("items")).unwrap_or(&Value::Null);
            let items = items.iter().map(|item| json(item, schema, records));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if text == "$any" => "…".into(),
        other => other.to_string(),
    }
}

/// The place of a field among those that must be given; the others come after them.
fn place(forms: &[&Value], field: &str) -> usize {
    let required = forms.iter().filter_map(|form| form["required"].as_array());
    let mut places =
        required.filter_map(|names| names.iter().position(|required| required == field));
    places.next().unwrap_or(usize::MAX)
}

/// What a schema may be, with references followed.
fn forms<'a>(schema: &'a Value, records: &'a Map<String, Value>) -> Vec<&'a Value> {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or(target);
        return records.get(name).map(|schema| forms(schema, records)).unwrap_or_default();
    }
    match schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        Some(choices) => choices.iter().flat_map(|choice| forms(choice, records)).collect(),
        None => vec![schema],
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
