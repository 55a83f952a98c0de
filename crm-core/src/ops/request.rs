//! From what a caller gives to a request: read strictly, and refused with the name of the field.
//!
//! The invariant: an error tells what was expected, in the words of the documentation, and never what
//! was given, which may be personal.

use serde::{Deserialize, Deserializer};

use crate::{
    Error, ErrorKind, Result, normal,
    refusal::{self, until_position},
};

#[cfg(feature = "arrow")]
macro_rules! requests_of_streams {
    ($($request:ty)*) => {
        $(
            impl $request {
                /// Reads the request from JSON. An empty text counts as `{}`.
                ///
                /// # Errors
                ///
                /// As [`parse`](Self::parse).
                pub fn from_json(json: &[u8]) -> Result<Self> {
                    whole(json, |request| Self::parse(request))
                }

                /// Reads the request from any serde format.
                ///
                /// # Errors
                ///
                /// `InvalidArgument`, naming the field, if it does not fit.
                pub fn parse<'de, D: Deserializer<'de>>(request: D) -> Result<Self> {
                    read(request)
                }
            }
        )*
    };
}

#[cfg(feature = "arrow")]
requests_of_streams! {
    crate::ReadTable crate::IngestTable crate::IngestActivities crate::IngestAssociations
}

pub(super) type JsonReader<'de> = serde_json::Deserializer<serde_json::de::SliceRead<'de>>;

/// Reads all of a JSON text.
///
/// # Errors
///
/// Those of `read`; `InvalidArgument` if something follows.
pub(super) fn whole<'de, T>(
    json: &'de [u8],
    read: impl FnOnce(&mut JsonReader<'de>) -> Result<T>,
) -> Result<T> {
    let json = if json.is_empty() { b"{}" } else { json };
    let mut payload = serde_json::Deserializer::from_slice(json);
    let value = read(&mut payload)?;
    payload.end().map_err(|_| {
        Error::new(ErrorKind::InvalidArgument, "there is something after the request")
    })?;
    Ok(value)
}

/// Reads a request from any serde format.
///
/// # Errors
///
/// `InvalidArgument` that names the field; `OutOfRange` for a moment or a day beyond the years 0001 to
/// 9999, and a condition's own kinds for what is wrong with one.
pub(super) fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(payload: D) -> Result<T> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        // "." is the request itself, "?" a place whose name could not be read.
        let path = path.trim_end_matches(['.', '?']);
        if let Some(error) = refusal::from_serde(&message) {
            let place = error.field().map(|place| format!(".{place}")).unwrap_or_default();
            return error.with_field(format!("{path}{place}"));
        }
        explain(&message, path)
    })
}

/// serde's messages repeat the value that did not fit, which may be personal: keeps what was
/// expected, and the name of a missing or unknown field.
fn explain(message: &str, path: &str) -> Error {
    let at = |field: &str, message: &str| {
        let error = Error::new(ErrorKind::InvalidArgument, message);
        if field.is_empty() { error } else { error.with_field(field) }
    };
    let named = |prefix: &str| message.strip_prefix(prefix)?.split('`').next();
    if let Some(name) = named("missing field `") {
        return at(&below(path, name), "the field is missing")
            .with_hint("docs/operations.md lists the fields of every request");
    }
    if let Some(name) = named("duplicate field `") {
        return at(&below(path, name), "the field stands there twice")
            .with_hint("give each field once");
    }
    if let Some(name) = named("unknown field `") {
        let known = message.split_once(", expected ").map_or("", |(_, known)| known);
        let error = format!("no such field; expected {}", until_position(known));
        return suggest(at(&below(path, name), &error), name, known);
    }
    if let Some((given, expected)) = message.rsplit_once("expected ") {
        let error = at(path, &format!("expected {}", plain(until_position(expected))));
        return match given.strip_prefix("unknown variant `") {
            Some(given) => suggest(error, given.trim_end_matches("`, "), expected),
            None => error,
        };
    }
    if message.starts_with("a value cannot") || message.starts_with("unknown part") {
        return at(path, until_position(message));
    }
    at(path, "not well-formed")
        .with_hint("docs/operations.md has the type and the range of every field")
}

/// What serde expected, in the words of the documentation: its own are those of Rust.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" => "a whole number from 0 to 4,294,967,295",
        "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "a borrowed string" | "variant identifier" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("tuple ") => "a list",
        other
            if ["struct ", "internally tagged", "adjacently tagged"]
                .iter()
                .any(|o| other.starts_with(o)) =>
        {
            "an object"
        }
        other => other,
    }
}

/// The place of a field of what stands at `path`, which may name the field already.
fn below(path: &str, field: &str) -> String {
    match path.strip_suffix(field) {
        _ if path.is_empty() => field.to_owned(),
        Some(rest) if rest.is_empty() || rest.ends_with('.') => path.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

/// Names the nearest of the names that serde lists in backticks.
fn suggest(error: Error, given: &str, listed: &str) -> Error {
    match normal::name::nearest(given, listed.split('`').skip(1).step_by(2)) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::Request;

    #[test]
    fn what_was_expected_is_told_without_the_words_of_rust() {
        for (operation, json, field, message) in [
            ("query.select", r#"{"limit":-1}"#, "limit", "a whole number from 0 to 4,294,967,295"),
            (
                "query.select",
                r#"{"limit":"ten"}"#,
                "limit",
                "a whole number from 0 to 4,294,967,295",
            ),
            ("query.select", r#"{"order":["name"]}"#, "order[0]", "an object"),
            ("query.select", r#"{"order":"name"}"#, "order", "a list"),
            ("query.select", r#"{"type":7}"#, "type", "a text"),
            ("records.get", r#"{"id":"secret"}"#, "id", "a record id: a UUID of 36 characters"),
            (
                "timers.tick",
                r#"{"until":"secret"}"#,
                "until",
                "a timestamp such as 2026-01-31T12:00:00Z",
            ),
            ("timers.tick", r#"{"until":7}"#, "until", "a timestamp such as 2026-01-31T12:00:00Z"),
        ] {
            let error = Request::from_json(operation, json.as_bytes()).unwrap_err();
            assert_eq!(error.field(), Some(field), "{json}");
            assert_eq!(error.message(), format!("expected {message}"), "{json}");
        }
    }

    #[test]
    fn what_is_no_text_of_ours_says_where_and_what_to_write() {
        for (operation, json, kind, field, hint) in [
            (
                "records.get",
                r#"{"id":"secret"}"#,
                "invalid_argument",
                "id",
                "as the engine returned",
            ),
            (
                "consents.link",
                r#"{"a":{"type":"contact","id":"secret"}}"#,
                "invalid_argument",
                "a.id",
                "as the engine returned",
            ),
            ("timers.tick", r#"{"until":"secret"}"#, "invalid_argument", "until", "offset"),
            (
                "timers.tick",
                r#"{"until":"2026-01-31T12:00:00"}"#,
                "invalid_argument",
                "until",
                "append Z",
            ),
            (
                "timers.tick",
                r#"{"until":"0000-01-01T00:00:00Z"}"#,
                "out_of_range",
                "until",
                "write a ",
            ),
            ("database.sql", r#"{"sql":"a","sql":"b"}"#, "invalid_argument", "sql", "once"),
            (
                "conditions.check",
                r#"{"type":"contact","condition":"city & 1"}"#,
                "invalid_argument",
                "condition",
                "one of = ",
            ),
            (
                "conditions.check",
                r#"{"type":"contact","condition":{"all":[{"feild":"city"}]}}"#,
                "invalid_argument",
                "condition.all[0]",
                "did you mean \"field\"?",
            ),
        ] {
            let error = Request::from_json(operation, json.as_bytes()).unwrap_err();
            assert_eq!(
                (error.kind().name(), error.field()),
                (kind, Some(field)),
                "{json}: {error}"
            );
            assert!(error.hint().is_some_and(|told| told.contains(hint)), "{json}: {error}");
            assert!(!error.message().contains(hint) && !error.to_string().contains("secret"));
        }
    }
}
