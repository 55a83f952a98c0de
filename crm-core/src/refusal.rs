//! Errors of ours about a part of a request, on their way through serde, which carries text only.
//!
//! The invariant: what [`from_serde`] reads is what [`into_serde`] wrote: kind, field, message and hint.

use serde::de;

use crate::{Error, ErrorKind};

const REFUSED: &str = "refused";
const HINT: &str = " (hint: ";

/// The error as one of serde's.
pub(crate) fn into_serde<E: de::Error>(error: &Error) -> E {
    let at = error.field().map(|path| format!(" at {path}")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("{HINT}{hint})")).unwrap_or_default();
    let (kind, message) = (error.kind().name(), error.message());
    E::custom(format!("{REFUSED} [{kind}{at}]: {message}{hint}"))
}

/// The error of ours that a message of serde's is, with the path below the place where it was read;
/// `None` for other messages.
pub(crate) fn from_serde(message: &str) -> Option<Error> {
    let message = until_position(message).strip_prefix(REFUSED)?.strip_prefix(" [")?;
    let (head, text) = message.split_once("]: ")?;
    let (kind, path) = match head.split_once(" at ") {
        Some((kind, path)) => (kind, Some(path)),
        None => (head, None),
    };
    let kind = ErrorKind::ALL.iter().find(|known| known.name() == kind)?;
    let with_hint = text.strip_suffix(')').and_then(|text| text.split_once(HINT));
    let error = match with_hint {
        Some((text, hint)) => Error::new(*kind, text).with_hint(hint),
        None => Error::new(*kind, text),
    };
    Some(match path {
        Some(path) => error.with_field(path),
        None => error,
    })
}

/// serde_json appends where it stopped, which means nothing to a caller of another format.
pub(crate) fn until_position(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or_default()
}

/// What is said of a text in a request that is not what was `expected`: one beyond the range stays
/// `out_of_range`, everything else is `invalid_argument`.
pub(crate) fn unfit(expected: &str, error: Error) -> Error {
    if error.kind() == ErrorKind::OutOfRange {
        return error;
    }
    let unfit = Error::new(ErrorKind::InvalidArgument, format!("expected {expected}"));
    match error.hint() {
        Some(hint) => unfit.with_hint(hint),
        None => unfit,
    }
}

#[cfg(test)]
mod tests {
    use serde::de::Error as _;

    use super::*;

    #[test]
    fn an_error_comes_out_of_serde_as_it_went_in() {
        let bare = Error::new(ErrorKind::LimitExceeded, "nested too deep (at most 16)");
        let hinted = Error::new(ErrorKind::InvalidArgument, "expected an operator")
            .with_field("all[2].op")
            .with_hint("did you mean count(…)?");
        for error in [bare, hinted] {
            let message = into_serde::<serde_json::Error>(&error).to_string();
            // As serde_json says it of a text.
            for message in [format!("{message} at line 1 column 17"), message] {
                let read = from_serde(&message).unwrap();
                assert_eq!(
                    (read.kind(), read.field(), read.message(), read.hint()),
                    (error.kind(), error.field(), error.message(), error.hint())
                );
            }
        }
        assert!(from_serde(&serde_json::Error::custom("missing field `id`").to_string()).is_none());
    }
}
