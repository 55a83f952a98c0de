//! Errors as C sees them: a number to decide by, and an object that explains it to people.
//!
//! The invariant: a status is 0 or the frozen number of one of the engine's error kinds, under the
//! same name in capitals. Nothing is kept per thread: the object belongs to the caller, so it is
//! right whichever thread asks it.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::LazyLock;

use crm_core::{Error, ErrorKind};

use crate::guard::shield;

/// What a call returned: `CRM_OK`, which is 0, or one of the other `CRM_` constants. Numbers never
/// change their meaning; a newer library may return new ones.
#[expect(non_camel_case_types, reason = "the name that C sees")]
pub type crm_status = i32;

/// The call succeeded.
pub const CRM_OK: crm_status = 0;
/// The request is malformed: a missing or unknown field, a wrong shape, a bad cursor.
pub const CRM_INVALID_ARGUMENT: crm_status = 1;
/// There is no operation of that name.
pub const CRM_UNKNOWN_OPERATION: crm_status = 2;
/// There is no entity type or kind of activity of that name.
pub const CRM_UNKNOWN_TYPE: crm_status = 3;
/// The entity type has no attribute of that name.
pub const CRM_UNKNOWN_ATTRIBUTE: crm_status = 4;
/// The choice has no option of that value.
pub const CRM_UNKNOWN_OPTION: crm_status = 5;
/// The value is of another kind than the attribute: text for a number, say.
pub const CRM_WRONG_KIND: crm_status = 6;
/// The value is malformed for its kind: not an e-mail, not a date, not matching the pattern.
pub const CRM_INVALID_VALUE: crm_status = 7;
/// The value is well-formed but outside the attribute's minimum, maximum or length.
pub const CRM_OUT_OF_RANGE: crm_status = 8;
/// A required attribute has no value.
pub const CRM_REQUIRED: crm_status = 9;
/// Another record holds this value of a unique attribute, or another activity this key.
pub const CRM_DUPLICATE: crm_status = 10;
/// There is no record, activity, visitor, consumer or file of that id or key.
pub const CRM_NOT_FOUND: crm_status = 11;
/// The record was changed, the activity corrected or the consumer moved on since the caller read: read again.
pub const CRM_STALE_VERSION: crm_status = 12;
/// The record, attribute or type is archived: restore it first.
pub const CRM_ARCHIVED: crm_status = 13;
/// The stored data or an earlier definition do not allow this definition.
pub const CRM_DEFINITION_CONFLICT: crm_status = 14;
/// A limit of the engine is exceeded; the message names it.
pub const CRM_LIMIT_EXCEEDED: crm_status = 15;
/// The read-only SQL is malformed.
pub const CRM_INVALID_SQL: crm_status = 16;
/// The read-only SQL tried something that it may not do.
pub const CRM_NOT_AUTHORIZED: crm_status = 17;
/// A rule that the host defined refuses it: the guard of a stage, or that stages are only left forward.
pub const CRM_REFUSED: crm_status = 18;
/// The person with this contact point was erased and must not come back by an import: skip the row,
/// or say that the person came back by themselves.
pub const CRM_SUPPRESSED: crm_status = 19;
/// The handle is closed.
pub const CRM_CLOSED: crm_status = 30;
/// The work was cancelled by the caller; nothing of the cancelled step was kept.
pub const CRM_INTERRUPTED: crm_status = 31;
/// The work exceeded its time limit.
pub const CRM_TIMED_OUT: crm_status = 32;
/// A callback called back into a write.
pub const CRM_REENTRANT: crm_status = 33;
/// The handle was never given out, or was released.
pub const CRM_INVALID_HANDLE: crm_status = 34;
/// The handle was inherited through a fork; open the file anew in the child.
pub const CRM_FORKED: crm_status = 35;
/// Another connection holds the lock longer than the engine waits; try again.
pub const CRM_BUSY: crm_status = 50;
/// Another engine, here or in another process, has the file open.
pub const CRM_IN_USE: crm_status = 51;
/// The disk, or the file's own size limit, is full; reads go on.
pub const CRM_FULL: crm_status = 52;
/// The operating system failed to read or write.
pub const CRM_IO: crm_status = 53;
/// The file is damaged. It is left as it is.
pub const CRM_CORRUPT: crm_status = 54;
/// The file is not a CRM file. It is left as it is.
pub const CRM_NOT_OUR_FILE: crm_status = 55;
/// The file was written by a newer version of the engine.
pub const CRM_TOO_NEW: crm_status = 56;
/// The file or the handle allows reading only.
pub const CRM_READ_ONLY: crm_status = 57;
/// The file's log was replaced by somebody else while it was open: the last write is not acknowledged.
pub const CRM_FENCED: crm_status = 58;
/// The key does not open the encrypted file. It is left as it is.
pub const CRM_WRONG_KEY: crm_status = 59;
/// A defect of the engine. Please report it.
pub const CRM_INTERNAL: crm_status = 100;

/// Why a call failed. Read it by the `crm_error_…` functions and release it by `crm_error_free`.
///
/// It never changes, so several threads may read it. It names types, attributes, columns and
/// positions, and never a value that somebody stored, so it may be logged.
#[expect(non_camel_case_types, reason = "the name that C sees")]
#[derive(Debug)]
pub struct crm_error {
    status: crm_status,
    message: CString,
    field: Option<CString>,
    hint: Option<CString>,
}

impl crm_error {
    /// Hands `error` over to C.
    pub(crate) fn boxed(error: &Error) -> *mut Self {
        Box::into_raw(Box::new(Self {
            status: error.kind().code(),
            message: terminated(error.message()),
            field: error.field().map(terminated),
            hint: error.hint().map(terminated),
        }))
    }
}

/// The text as C reads it. A NUL inside, which a field of a request may have, would end it early.
fn terminated(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

static NAMES: LazyLock<BTreeMap<crm_status, CString>> = LazyLock::new(|| {
    let kinds = ErrorKind::ALL.iter().map(|kind| (kind.code(), terminated(kind.name())));
    kinds.chain([(CRM_OK, terminated("ok"))]).collect()
});

fn name(status: crm_status) -> *const c_char {
    NAMES.get(&status).map_or(c"unknown".as_ptr(), |name| name.as_ptr())
}

/// The name of a status, such as `not_found`; `ok` for 0, `unknown` for a number that this library
/// does not know. The text is never freed. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn crm_status_name(status: crm_status) -> *const c_char {
    shield(c"unknown".as_ptr(), || name(status))
}

/// The status that the failed call returned; `CRM_OK` for NULL.
///
/// # Safety
///
/// `error` is NULL or an error that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_status(error: *const crm_error) -> crm_status {
    // SAFETY: the promise of the caller.
    shield(CRM_OK, || unsafe { error.as_ref() }.map_or(CRM_OK, |error| error.status))
}

/// The name of the status, as `crm_status_name` gives it.
///
/// # Safety
///
/// As for `crm_error_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_kind(error: *const crm_error) -> *const c_char {
    // SAFETY: the promise of the caller.
    crm_status_name(unsafe { crm_error_status(error) })
}

/// One line for people: lower case, without a full stop. NULL for NULL. The text lives as long as
/// the error.
///
/// # Safety
///
/// As for `crm_error_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_message(error: *const crm_error) -> *const c_char {
    // SAFETY: the promise of the caller.
    unsafe { part(error, |error| Some(&error.message)) }
}

/// The attribute, the column or the field of the request that the error is about; of arguments, the
/// name of the parameter. NULL when there is none. The text lives as long as the error.
///
/// # Safety
///
/// As for `crm_error_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_field(error: *const crm_error) -> *const c_char {
    // SAFETY: the promise of the caller.
    unsafe { part(error, |error| error.field.as_ref()) }
}

/// What to do about it, such as `did you mean "records.create"?`. NULL when there is nothing to
/// say. The text lives as long as the error.
///
/// # Safety
///
/// As for `crm_error_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_hint(error: *const crm_error) -> *const c_char {
    // SAFETY: the promise of the caller.
    unsafe { part(error, |error| error.hint.as_ref()) }
}

/// Releases an error and its texts. Does nothing for NULL.
///
/// # Safety
///
/// `error` is NULL or an error that was not freed, and that no other thread is using.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_free(error: *mut crm_error) {
    shield((), || {
        if !error.is_null() {
            // SAFETY: `crm_error::boxed` made it, and by the promise of the caller it is still there.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}

/// # Safety
///
/// As for `crm_error_status`.
unsafe fn part(
    error: *const crm_error,
    choose: impl FnOnce(&crm_error) -> Option<&CString>,
) -> *const c_char {
    shield(ptr::null(), || {
        // SAFETY: the promise of the caller.
        let error = unsafe { error.as_ref() };
        error.and_then(choose).map_or(ptr::null(), |text| text.as_ptr())
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    /// A text of ours, read as C reads it.
    fn read<'a>(text: *const c_char) -> Option<&'a str> {
        // SAFETY: every text of this module ends with NUL and lives as long as its error.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().unwrap())
    }

    #[test]
    fn every_kind_has_its_constant_in_the_header_and_its_name() {
        let header = include_str!("../../include/crm.h");
        let mut defined: Vec<(&str, &str)> = header
            .lines()
            .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
            // Those of Arrow's interface are another's.
            .filter(|(name, _)| name.starts_with("CRM_"))
            .filter(|(name, _)| !name.starts_with("CRM_VERSION_") && *name != "CRM_ABI_VERSION")
            .filter(|(name, _)| *name != "CRM_KEY_BYTES")
            .filter(|(_, value)| value.bytes().all(|byte| byte.is_ascii_digit()))
            .collect();
        defined.sort_unstable();
        let expected = |(status, name): (i32, &str)| {
            (format!("CRM_{}", name.to_uppercase()), status.to_string())
        };
        let mut kinds: Vec<_> = ErrorKind::ALL
            .iter()
            .map(|kind| (kind.code(), kind.name()))
            .chain([(0, "ok")])
            .map(expected)
            .collect();
        kinds.sort_unstable();
        let defined: Vec<_> =
            defined.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(defined, kinds);
        for kind in ErrorKind::ALL {
            assert_eq!(read(crm_status_name(kind.code())), Some(kind.name()));
        }
        assert_eq!(read(crm_status_name(-1)), Some("unknown"));
    }

    #[test]
    fn an_error_keeps_its_parts() {
        let error = crm_error::boxed(
            &Error::new(ErrorKind::UnknownOption, "no such option").with_field("a\0b"),
        );
        // SAFETY: the error was just made, and is freed once.
        unsafe {
            assert_eq!(crm_error_status(error), CRM_UNKNOWN_OPTION);
            assert_eq!(read(crm_error_kind(error)), Some("unknown_option"));
            assert_eq!(read(crm_error_message(error)), Some("no such option"));
            assert_eq!(read(crm_error_field(error)), Some("a\u{FFFD}b"));
            assert_eq!(read(crm_error_hint(error)), None);
            crm_error_free(error);
        }
    }

    #[test]
    fn no_error_has_no_parts() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(crm_error_status(ptr::null()), CRM_OK);
            assert_eq!(read(crm_error_kind(ptr::null())), Some("ok"));
            assert_eq!(read(crm_error_message(ptr::null())), None);
            crm_error_free(ptr::null_mut());
        }
    }
}
