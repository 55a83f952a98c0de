//! What a case writes for short, and when an answer is the expected one: the rules of
//! `tests/conformance/README.md`, in Rust.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

/// The values that a case saved, by name.
pub(super) type Saved = BTreeMap<String, Json>;

/// Replaces `$name`, `$dir` and `{"$repeat": […]}` everywhere in `json`.
pub(super) fn expand(json: &Json, saved: &Saved, dir: &str) -> Result<Json, String> {
    match json {
        Json::String(text) if text == "$any" => Ok(json.clone()),
        Json::String(text) => match text.strip_prefix('$').filter(|name| is_name(name)) {
            Some("dir") => Ok(dir.into()),
            Some(name) => saved.get(name).cloned().ok_or(format!("nothing is saved as {name}")),
            None => Ok(text.replace("$dir", dir).into()),
        },
        Json::Array(items) => items.iter().map(|item| expand(item, saved, dir)).collect(),
        Json::Object(map) => match map.get("$repeat") {
            Some(repeat) => repeated(repeat),
            None => map
                .iter()
                .map(|(key, value)| Ok((key.clone(), expand(value, saved, dir)?)))
                .collect::<Result<Map<_, _>, String>>()
                .map(Json::Object),
        },
        other => Ok(other.clone()),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn repeated(repeat: &Json) -> Result<Json, String> {
    let (text, times) = repeat
        .as_array()
        .and_then(|parts| Some((parts.first()?.as_str()?, parts.get(1)?.as_u64()?)))
        .ok_or("$repeat takes a text and a count")?;
    Ok(text.repeat(times as usize).into())
}

/// Says where `actual` is not as `expected`.
pub(crate) fn check(expected: &Json, actual: &Json) -> Result<(), String> {
    compare(expected, actual, false, "")
}

fn compare(expected: &Json, actual: &Json, is_exact: bool, at: &str) -> Result<(), String> {
    let differs = || Err(format!("{at}: expected {}, got {}", short(expected), short(actual)));
    match (expected, actual) {
        (Json::String(text), actual) if text == "$any" => match actual {
            Json::Null => differs(),
            _ => Ok(()),
        },
        (Json::Object(expected), Json::Object(actual)) => {
            if is_exact && let Some(key) = actual.keys().find(|key| !expected.contains_key(*key)) {
                return Err(format!("{at}/{key}: not expected"));
            }
            expected.iter().try_for_each(|(key, value)| {
                let at = format!("{at}/{key}");
                let found = match actual.get(key) {
                    Some(found) => found,
                    // An optional field may be left out where there is nothing; a value may not.
                    None if !is_exact => &Json::Null,
                    None => return Err(format!("{at}: missing")),
                };
                compare(value, found, is_exact || key == "values" || key == "typed", &at)
            })
        }
        (Json::Array(expected), Json::Array(actual)) if expected.len() == actual.len() => {
            let pairs = expected.iter().zip(actual).enumerate();
            pairs.into_iter().try_for_each(|(place, (expected, actual))| {
                compare(expected, actual, is_exact, &format!("{at}/{place}"))
            })
        }
        (Json::Number(one), Json::Number(other)) => {
            if is_same_number(one, other) {
                Ok(())
            } else {
                differs()
            }
        }
        (expected, actual) if expected == actual => Ok(()),
        _ => differs(),
    }
}

/// Whole numbers to the last of their 64 bits; others as doubles, where −0.0 is not 0.
fn is_same_number(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return one == other;
    }
    if let (Some(one), Some(other)) = (one.as_u64(), other.as_u64()) {
        return one == other;
    }
    let double = |number: &serde_json::Number| number.as_f64().unwrap_or(f64::NAN);
    double(one) == double(other)
        && double(one).is_sign_negative() == double(other).is_sign_negative()
}

/// Enough of a value to recognise it: some are a megabyte.
fn short(json: &Json) -> String {
    let text = json.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

#[test]
fn objects_are_matched_as_subsets_except_values() {
    let check = |expected: &str, actual: &str| {
        check(&serde_json::from_str(expected).unwrap(), &serde_json::from_str(actual).unwrap())
    };
    assert!(check(r#"{"a": 1}"#, r#"{"a": 1.0, "b": 2}"#).is_ok());
    assert!(check(r#"{"a": null}"#, r#"{}"#).is_ok());
    assert!(check(r#"{"a": "$any"}"#, r#"{}"#).is_err());
    assert!(check(r#"{"a": [{}]}"#, r#"{"a": [{}, {}]}"#).is_err());
    assert!(check(r#"{"values": {"a": 1}}"#, r#"{"values": {"a": 1, "b": 2}}"#).is_err());
    assert!(check(r#"{"values": {"a": null}}"#, r#"{"values": {}}"#).is_err());
    assert!(check(r#"{"a": 0.0}"#, r#"{"a": -0.0}"#).is_err());
    assert!(check(r#"{"a": 9223372036854775807}"#, r#"{"a": 9223372036854775806}"#).is_err());
}
