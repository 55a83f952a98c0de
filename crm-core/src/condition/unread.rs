//! Text that is no condition, kept until somebody asks it.
//!
//! Swift and Kotlin hand a condition over as text, which is read before the request that it is part
//! of. The invariant: text that can be read is read at once, and text that cannot is refused by
//! `check`, which knows its place, so that the error names the field in these languages too.

use super::Condition;
use crate::{Result, shape::debug};

/// Text that is no condition. Nothing makes one but Swift and Kotlin; see [`Condition::Unread`].
#[derive(Clone, PartialEq, Eq)]
pub struct UnreadCondition {
    text: String,
}

debug! { UnreadCondition shows() hides(text) }

impl UnreadCondition {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Reads it again, for what is wrong with it.
    ///
    /// # Errors
    ///
    /// As `Condition::from_str`.
    pub(super) fn read(&self) -> Result<Condition> {
        self.text.parse()
    }
}

impl Condition {
    /// The condition that `text` says; unread if it says none.
    #[cfg(any(feature = "uniffi", test))]
    pub(super) fn read_or_keep(text: String) -> Self {
        match text.parse() {
            Ok(condition) => condition,
            Err(_) => Self::Unread(UnreadCondition { text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_a_condition_is_read_and_other_text_is_told() {
        assert_eq!(
            Condition::read_or_keep("a = 1".to_owned()),
            "a = 1".parse::<Condition>().unwrap()
        );
        let Condition::Unread(unread) = Condition::read_or_keep("name = \"Ada".to_owned()) else {
            panic!("it is read");
        };
        let error = unread.read().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument);
        assert!(!format!("{error:?}").contains("Ada"));
        assert!(!format!("{unread:?}").contains("Ada"));
    }
}
