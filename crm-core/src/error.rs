//! What can go wrong, in one type for every surface.
//!
//! A kind exists only where a caller would do something different: correct the input, read the
//! record again, free the disk, call another version of the library. The invariant: numbers and
//! names of kinds are frozen, and no error carries personal data (names of types, attributes and
//! columns, positions and ids, but never a value that somebody stored or typed).

use std::fmt;

/// The result of every fallible call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! error_kinds {
    ($( $(#[$doc:meta])* $variant:ident = $code:tt, $name:literal; )*) => {
        /// What went wrong, as far as a caller would act on it.
        ///
        /// The number and the name of a kind never change; new kinds may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(i32)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum ErrorKind { $( $(#[$doc])* $variant = $code, )* }

        impl ErrorKind {
            /// Every kind, ordered by number.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The frozen name, such as `not_found`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }

        /// What Swift and Kotlin catch: one case for each [`ErrorKind`], with the parts of an [`Error`].
        ///
        /// It stands here, and not in their binding, because an id that does not parse is refused
        /// while the arguments of a call are read: that error has to be this type already.
        #[cfg(feature = "uniffi")]
        #[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
        #[non_exhaustive]
        pub enum CrmError {
            $(
                $(#[$doc])*
                $variant {
                    /// One line of text.
                    detail: String,
                    /// The attribute, column or request field that it is about.
                    field: Option<String>,
                    /// What to do about it.
                    hint: Option<String>,
                },
            )*
        }

        #[cfg(feature = "uniffi")]
        impl From<Error> for CrmError {
            fn from(error: Error) -> Self {
                let Inner { kind, message: detail, field, hint, .. } = *error.inner;
                match kind { $( ErrorKind::$variant => Self::$variant { detail, field, hint }, )* }
            }
        }

        #[cfg(feature = "uniffi")]
        impl CrmError {
            fn parts(&self) -> (ErrorKind, &str, Option<&str>, Option<&str>) {
                match self {
                    $( Self::$variant { detail, field, hint } => {
                        (ErrorKind::$variant, detail, field.as_deref(), hint.as_deref())
                    } )*
                }
            }
        }
    };
}

// 1–29 the input, 30–49 the handle, 50–69 the file, 100 ourselves. Retired numbers stay here as
// comments; take the next free number of the decade.
error_kinds! {
    /// The request is malformed: a missing or unknown field, a wrong shape, a bad cursor.
    InvalidArgument = 1, "invalid_argument";
    /// There is no operation of that name.
    UnknownOperation = 2, "unknown_operation";
    /// There is no entity type, kind of activity or type of associations of that name.
    UnknownType = 3, "unknown_type";
    /// The entity type has no attribute of that name.
    UnknownAttribute = 4, "unknown_attribute";
    /// The choice has no option of that value.
    UnknownOption = 5, "unknown_option";
    /// The value is of another kind than the attribute: text for a number, say.
    WrongKind = 6, "wrong_kind";
    /// The value is malformed for its kind: not an e-mail, not a date, not matching the pattern.
    InvalidValue = 7, "invalid_value";
    /// The value is well-formed but outside the attribute's minimum, maximum or length.
    OutOfRange = 8, "out_of_range";
    /// A required attribute has no value.
    Required = 9, "required";
    /// Another record holds this value of a unique attribute, another activity this key, or another
    /// association says the same.
    Duplicate = 10, "duplicate";
    /// There is no record, activity, visitor, association, consumer or file of that id or key.
    NotFound = 11, "not_found";
    /// The record was changed, the activity corrected or the consumer moved on since the caller
    /// read: read again.
    StaleVersion = 12, "stale_version";
    /// The record, attribute or type is archived: restore it first.
    Archived = 13, "archived";
    /// The stored data or an earlier definition do not allow this definition.
    DefinitionConflict = 14, "definition_conflict";
    /// A limit of the engine is exceeded; the message names it.
    LimitExceeded = 15, "limit_exceeded";
    /// The read-only SQL is malformed.
    InvalidSql = 16, "invalid_sql";
    /// The read-only SQL tried something that it may not do.
    NotAuthorized = 17, "not_authorized";
    /// A rule that the host defined refuses it: the guard of a stage, or that stages are only left
    /// forward.
    Refused = 18, "refused";
    /// The person with this contact point was erased and must not come back by an import: skip the row,
    /// or say that the person came back by themselves.
    Suppressed = 19, "suppressed";

    /// The handle is closed.
    Closed = 30, "closed";
    /// The work was cancelled by the caller; nothing of the cancelled step was kept.
    Interrupted = 31, "interrupted";
    /// The work exceeded its time limit.
    TimedOut = 32, "timed_out";
    /// A callback called back into a write.
    Reentrant = 33, "reentrant";
    /// The handle was never given out, or was released.
    InvalidHandle = 34, "invalid_handle";
    /// The handle was inherited through a fork; open the file anew in the child.
    Forked = 35, "forked";

    /// Another connection holds the lock longer than the engine waits; try again.
    Busy = 50, "busy";
    /// Another engine, here or in another process, has the file open.
    InUse = 51, "in_use";
    /// The disk, or the file's own size limit, is full; reads go on.
    Full = 52, "full";
    /// The operating system failed to read or write.
    Io = 53, "io";
    /// The file is damaged. It is left as it is.
    Corrupt = 54, "corrupt";
    /// The file is not a CRM file. It is left as it is.
    NotOurFile = 55, "not_our_file";
    /// The file was written by a newer version of the engine.
    TooNew = 56, "too_new";
    /// The file or the handle allows reading only.
    ReadOnly = 57, "read_only";
    /// The file's log was replaced by somebody else while it was open: the last write is not acknowledged.
    Fenced = 58, "fenced";
    /// The key does not open the encrypted file. It is left as it is.
    WrongKey = 59, "wrong_key";

    /// A defect of the engine. Please report it.
    Internal = 100, "internal";
}

impl ErrorKind {
    /// The frozen number, as C sees it.
    #[must_use]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// Whether the input is at fault, and neither the handle nor the file.
    pub(crate) const fn is_of_input(self) -> bool {
        self.code() < Self::Closed.code()
    }

    /// Whether the same call may succeed later without any change to its input.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy | Self::InUse | Self::Full | Self::Io | Self::TimedOut)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error of the engine: a kind, one line of text, and where known the field and a hint.
///
/// It is one machine word, and opaque so that details can be added without breaking callers.
///
/// ```
/// use crm_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Required, "a value is required").with_field("email");
/// assert_eq!(error.kind().name(), "required");
/// assert_eq!(error.to_string(), "email: a value is required");
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug, thiserror::Error)]
struct Inner {
    kind: ErrorKind,
    message: String,
    field: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.message, self.field.as_deref(), self.hint.as_deref())
    }
}

fn write_line(
    f: &mut fmt::Formatter<'_>,
    message: &str,
    field: Option<&str>,
    hint: Option<&str>,
) -> fmt::Result {
    if let Some(field) = field {
        write!(f, "{field}: ")?;
    }
    f.write_str(message)?;
    if let Some(hint) = hint {
        write!(f, " ({hint})")?;
    }
    Ok(())
}

impl Error {
    /// An error of `kind`; `message` is one line, lower case, without a full stop and without
    /// personal data.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let inner = Inner { kind, message: message.into(), field: None, hint: None, source: None };
        Self { inner: Box::new(inner) }
    }

    /// The error of a binding whose build is without the feature `sqlcipher`, and that is given a key:
    /// `InvalidArgument`, with the field `key`.
    #[must_use]
    pub fn encrypts_no_files() -> Self {
        Self::new(ErrorKind::InvalidArgument, "this build of the engine encrypts no files")
            .with_field("key")
            .with_hint("build it with the feature sqlcipher")
    }

    /// The same error, naming the attribute, column or request field that it is about.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.inner.field = Some(field.into());
        self
    }

    /// The same error, saying what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    /// The same error, with the error that caused it, as
    /// [`source`](std::error::Error::source) gives it.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// One line of text, without field and hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The attribute, column or request field that the error is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.inner.field.as_deref()
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(feature = "uniffi")]
#[uniffi::export]
impl CrmError {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.parts().0
    }

    /// The frozen name of the kind, such as `not_found`.
    pub fn name(&self) -> String {
        self.kind().name().to_owned()
    }

    /// The frozen number of the kind.
    pub fn code(&self) -> i32 {
        self.kind().code()
    }

    /// Whether the same call may succeed later without any change to its input.
    pub fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }

    /// The error as one line of text, with field and hint.
    pub fn text(&self) -> String {
        self.to_string()
    }
}

#[cfg(feature = "uniffi")]
impl fmt::Display for CrmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, detail, field, hint) = self.parts();
        write_line(f, detail, field, hint)
    }
}

#[cfg(feature = "uniffi")]
impl std::error::Error for CrmError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_ordered() {
        assert!(ErrorKind::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        let mut names: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[cfg(feature = "uniffi")]
    #[test]
    fn every_kind_keeps_its_parts_on_the_way_to_swift_and_kotlin() {
        for &kind in ErrorKind::ALL {
            let error = || Error::new(kind, "no").with_field("email").with_hint("try");
            let thrown = CrmError::from(error());
            assert_eq!(thrown.parts(), (kind, "no", Some("email"), Some("try")));
            assert_eq!((thrown.name(), thrown.code()), (kind.name().to_owned(), kind.code()));
            assert_eq!(thrown.to_string(), error().to_string());
        }
    }

    #[test]
    fn what_caused_an_error_can_be_asked_of_it() {
        use std::error::Error as _;
        let error = Error::new(ErrorKind::Io, "no").with_source(fmt::Error);
        assert!(error.source().is_some_and(|source| source.is::<fmt::Error>()));
        assert_eq!(error.to_string(), "no");
        assert!(Error::new(ErrorKind::Io, "no").source().is_none());
    }

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn display_names_field_and_hint() {
        let error = Error::new(ErrorKind::UnknownOption, "no such option")
            .with_field("sector")
            .with_hint("did you mean \"technology\"?");
        assert_eq!(error.to_string(), "sector: no such option (did you mean \"technology\"?)");
    }
}
