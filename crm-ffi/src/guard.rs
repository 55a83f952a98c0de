//! What stands between C and the engine: no panic gets out, and no pointer gets in unchecked.
//!
//! Every exported function runs its body in [`guard`] (or [`shield`], where there is no status to
//! return). The invariant: whatever the caller passes that can be checked is checked before it is
//! used, and a place for a result is written only when the call succeeds.
//!
//! What cannot be checked, that a pointer points to what it should, is the caller's promise: the
//! section *Safety* of each function states it.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use crm_core::{Error, ErrorKind, Result};

use crate::error::{CRM_OK, crm_error, crm_status};

/// Runs `body` and turns its error, or a panic, into a status and, if `error_out` is not NULL, an
/// error object.
///
/// # Safety
///
/// `error_out` is NULL or may be written.
pub(crate) unsafe fn guard(
    error_out: *mut *mut crm_error,
    body: impl FnOnce() -> Result<()>,
) -> crm_status {
    // Unwind safety: what a panic may leave behind is the engine's, which recovers its own locks
    // and undoes the transaction.
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return CRM_OK,
        Ok(Err(error)) => error,
        Err(payload) => {
            // Dropping it could panic once more.
            std::mem::forget(payload);
            Error::new(ErrorKind::Internal, "the engine panicked; this is a defect of it")
                .with_hint("please report what was called")
        }
    };
    let status = error.kind().code();
    if !error_out.is_null() {
        // SAFETY: not NULL, so by the promise of the caller it may be written.
        unsafe { error_out.write(crm_error::boxed(&error)) };
    }
    status
}

/// Runs `body` where no status can be returned; `fallback` is returned in place of a panic.
pub(crate) fn shield<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        fallback
    })
}

thread_local! {
    /// How many functions of the host this thread is in, called by us.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs a function of the host.
pub(crate) fn call_host<T>(function: impl FnOnce() -> T) -> T {
    DEPTH.set(DEPTH.get() + 1);
    // Nothing unwinds out of an `extern "C"` function, so the count is always taken back.
    let answer = function();
    DEPTH.set(DEPTH.get() - 1);
    answer
}

/// Whether this thread is in a function of the host that we called. Whoever waited for a call to
/// end would then wait for itself.
pub(crate) fn is_in_host() -> bool {
    DEPTH.get() > 0
}

/// The pointer that the host gets back with each call. Only the host looks behind it.
pub(crate) struct UserData(*mut c_void);

impl UserData {
    pub(crate) fn new(pointer: *mut c_void) -> Self {
        Self(pointer)
    }

    pub(crate) fn get(&self) -> *mut c_void {
        self.0
    }
}

// SAFETY: it is only carried. Who hands it in promises on which threads the functions that go with it
// may be called, and each function says so.
unsafe impl Send for UserData {}
// SAFETY: the same promise, for several threads at once.
unsafe impl Sync for UserData {}

/// A place that the caller gave for a result. It is written at the very end, if at all.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// The place at `pointer`, called `name` in the error when it is NULL.
    ///
    /// # Safety
    ///
    /// `pointer` is NULL or may be written until the call returns.
    pub(crate) unsafe fn new(pointer: *mut T, name: &str) -> Result<Self> {
        NonNull::new(pointer).map(Self).ok_or_else(|| null(name))
    }

    pub(crate) fn set(self, value: T) {
        // SAFETY: `new` was promised that it may be written.
        unsafe { self.0.write(value) };
    }
}

/// A text that ends with NUL.
///
/// # Safety
///
/// `pointer` is NULL or points to bytes that end with NUL and do not change during the call.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: the same promise.
    unsafe { optional_text(pointer, name) }?.ok_or_else(|| null(name))
}

/// A text that ends with NUL, or NULL.
///
/// # Safety
///
/// As for [`text`].
pub(crate) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so by the promise of the caller it ends with NUL and stays as it is.
    let bytes = unsafe { CStr::from_ptr(pointer) };
    bytes.to_str().map(Some).map_err(|_| refused(name, "must be valid UTF-8"))
}

/// `length` bytes; NULL stands for none.
///
/// # Safety
///
/// `pointer` is NULL or points to `length` bytes that do not change during the call.
pub(crate) unsafe fn bytes<'a>(
    pointer: *const c_char,
    length: usize,
    name: &str,
) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    if isize::try_from(length).is_err() {
        return Err(refused(name, "no memory is that long"));
    }
    // SAFETY: neither NULL nor longer than memory can be; the rest is the promise of the caller.
    Ok(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

fn null(name: &str) -> Error {
    refused(name, "must not be NULL")
}

fn refused(name: &str, message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(name)
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::error::{CRM_INTERNAL, CRM_NOT_FOUND, crm_error_free, crm_error_status};

    #[test]
    fn a_panic_becomes_an_internal_error() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` is a local variable.
        let status = unsafe { guard(&raw mut error, || panic!("a defect")) };
        assert_eq!(status, CRM_INTERNAL);
        // SAFETY: the guard wrote it, and it is freed once.
        unsafe {
            assert_eq!(crm_error_status(error), CRM_INTERNAL);
            crm_error_free(error);
        }
        assert_eq!(shield(7, || panic!("a defect")), 7);
    }

    #[test]
    fn an_error_without_a_place_for_it_is_a_status() {
        let fail = || Err(Error::new(ErrorKind::NotFound, "not there"));
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { guard(ptr::null_mut(), fail) }, CRM_NOT_FOUND);
    }

    #[test]
    fn success_leaves_the_place_of_the_error_alone() {
        let mut error = ptr::dangling_mut();
        // SAFETY: `error` is a local variable.
        assert_eq!(unsafe { guard(&raw mut error, || Ok(())) }, CRM_OK);
        assert_eq!(error, ptr::dangling_mut());
    }

    #[test]
    fn what_can_be_checked_is_checked() {
        // SAFETY: NULL is allowed everywhere, the texts are constants, and the absurd length is
        // refused before anything is read.
        unsafe {
            assert_eq!(text(c"Zoë".as_ptr(), "path").unwrap(), "Zoë");
            assert_eq!(optional_text(ptr::null(), "path").unwrap(), None);
            assert_eq!(bytes(ptr::null(), 0, "json").unwrap(), b"");
            for refused in [
                text(ptr::null(), "x").map(drop),
                text(c"\xFF".as_ptr(), "x").map(drop),
                bytes(ptr::null(), 1, "x").map(drop),
                bytes(c"".as_ptr(), usize::MAX, "x").map(drop),
                Out::<u64>::new(ptr::null_mut(), "x").map(drop),
            ] {
                let error = refused.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert_eq!(error.field(), Some("x"));
            }
        }
    }
}
