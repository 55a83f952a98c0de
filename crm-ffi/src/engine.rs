//! Opening and closing: what a handle stands for, and when the file is let go.
//!
//! A file may have several handles, one for each person or cause in whose name is written. The
//! invariant: the file is closed when its last handle is, and no call finds a handle that was
//! closed. A call that found its handle before keeps what it needs until it returns.

use std::ffi::c_char;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crm_core::{Crm, Error, ErrorKind, OpenOptions, Result};

use crate::error::{crm_error, crm_status};
use crate::guard::{Out, guard, is_in_host, optional_text, text};
use crate::handle::{Table, crm_handle};
use crate::observe::Watchers;

static HANDLES: Table<Engine> = Table::new();

/// What a handle stands for.
pub(crate) struct Engine {
    pub(crate) crm: Crm,
    pub(crate) watchers: Watchers,
    file: Arc<OpenFile>,
}

/// What the handles of one file share.
struct OpenFile {
    /// How many handles there are. Once it is 0 it stays 0: the file closes.
    handles: AtomicUsize,
}

impl OpenFile {
    /// Counts one handle more, unless the last one is closed.
    fn join(&self) -> Result<()> {
        let more = |handles: usize| if handles == 0 { None } else { handles.checked_add(1) };
        let joined = self.handles.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        joined.map(drop).map_err(|_| closed())
    }

    /// Counts one handle less and says whether it was the last.
    fn leave(&self) -> bool {
        self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// What `handle` stands for.
pub(crate) fn engine(handle: crm_handle) -> Result<Arc<Engine>> {
    HANDLES.get(handle).ok_or_else(invalid)
}

fn invalid() -> Error {
    Error::new(ErrorKind::InvalidHandle, "the handle was never given out, or was closed")
}

/// Gives out the first handle of a file that was just opened.
///
/// # Errors
///
/// `LimitExceeded`; then the file is closed.
pub(crate) fn keep_first(crm: Crm) -> Result<crm_handle> {
    keep(crm, Arc::new(OpenFile { handles: AtomicUsize::new(1) }))
}

fn keep(crm: Crm, file: Arc<OpenFile>) -> Result<crm_handle> {
    let engine = Engine { crm, watchers: Watchers::default(), file: Arc::clone(&file) };
    HANDLES.insert(engine).ok_or_else(|| {
        file.leave();
        Error::new(ErrorKind::LimitExceeded, "there are too many handles").with_hint("close some")
    })
}

fn close(handle: crm_handle) -> Result<()> {
    let engine = HANDLES.remove(handle).ok_or_else(invalid)?;
    let is_last = engine.file.leave();
    // Within a function of the host, the call around it is still in the file, and so may others be
    // that wait for this thread. No handle leads to the file any more, so it closes by itself when
    // the last of them returns.
    let closed = if is_last && !is_in_host() { engine.crm.close() } else { Ok(()) };
    engine.watchers.end();
    closed
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the file is closed")
}

/// Opens the file at `path`, makes it if it is not there, and writes a handle to `handle_out`.
///
/// `path` is UTF-8 and ends with NUL; `":memory:"` is a file in memory that nobody else sees. A new
/// file knows the entity types `company`, `contact` and `deal`.
///
/// `options_json` is NULL for the defaults, or a JSON object that ends with NUL. Each field may be
/// left out:
///
/// - `"durability"`: `"full"` (the default: a write that returned survives a power cut) or
///   `"relaxed"` (it survives the end of the process, and single writes are much faster);
/// - `"read_only"`: true refuses every write;
/// - `"max_bytes"`: the size that the file may not outgrow;
/// - `"actor"`: who writes through this handle, `"host"` by default;
/// - `"replay"`: `{"start": "2026-01-01T00:00:00Z", "step_micros": 1000}` replaces clock and random
///   ids by counted ones, for tests.
///
/// The handle belongs to the caller, may be used by several threads at once, and is closed by
/// `crm_close`. One file is opened once: a second `crm_open` of it fails with `CRM_IN_USE`, here and
/// in other processes. For a second handle use `crm_acting_as`.
///
/// Errors: `CRM_NOT_OUR_FILE`, `CRM_TOO_NEW` or `CRM_CORRUPT` if the file is not one that this
/// library can read (it is left as it is), `CRM_IN_USE`, `CRM_READ_ONLY` if it may not be written,
/// `CRM_INVALID_ARGUMENT` for a bad option, `CRM_IO`, `CRM_FULL`.
///
/// ```c
/// crm_handle crm;
/// crm_error *error = NULL;
/// if (crm_open("acme.crm", NULL, &crm, &error) != CRM_OK) {
///     fprintf(stderr, "%s\n", crm_error_message(error));
///     crm_error_free(error);
///     return 1;
/// }
/// ```
///
/// # Safety
///
/// `path` and `options_json` are NULL or end with NUL; `handle_out` and `error_out` are NULL or may
/// be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_open(
    path: *const c_char,
    options_json: *const c_char,
    handle_out: *mut crm_handle,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let open = || {
        // SAFETY: the promise of the caller.
        let path = unsafe { text(path, "path") }?;
        // SAFETY: the promise of the caller.
        let options = unsafe { optional_text(options_json, "options_json") }?;
        // SAFETY: the promise of the caller.
        let out = unsafe { Out::new(handle_out, "handle_out") }?;
        let options = OpenOptions::from_json(options.unwrap_or_default().as_bytes())?;
        let crm = Crm::open_with(path, options)?;
        out.set(keep_first(crm)?);
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, open) }
}

/// Closes a handle and ends its observers. The file is closed with its last handle; then everything
/// that was written is in the one file, and others may open it.
///
/// It waits for callbacks of its observers that run in other threads. Closing the last handle also
/// lets no new call in and waits for the calls that run in other threads; `crm_interrupt` before it
/// makes that short. So do not hold a lock that such a callback takes. From within a callback it
/// waits for nothing: the file is closed when the calls that are still in it have returned.
///
/// A handle that was closed before, or never given out, gives `CRM_INVALID_HANDLE` and does no
/// harm; 0 gives `CRM_OK` and does nothing. After `CRM_IO`, `CRM_FULL` or `CRM_FENCED` the handle
/// is closed all the same, and nothing that was acknowledged is lost.
///
/// Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn crm_close(handle: crm_handle) -> crm_status {
    let close = || if handle == 0 { Ok(()) } else { close(handle) };
    // SAFETY: NULL is allowed.
    unsafe { guard(std::ptr::null_mut(), close) }
}

/// Writes to `handle_out` a second handle of the same file, through which is written in the name of
/// `actor` and for the reason `cause`: who and why, as the history tells it.
///
/// Both are UTF-8 and end with NUL, with at most 255 bytes and no control characters; `cause` may be
/// NULL. An actor is better a stable key, such as `user:17` or `import:web`, than a name, because it
/// is kept as long as the history is. This is cheap: make one for each request and close it after.
///
/// The new handle belongs to the caller and is closed by `crm_close`, before or after the first one.
///
/// Errors: `CRM_INVALID_ARGUMENT`, `CRM_LIMIT_EXCEEDED`, `CRM_INVALID_HANDLE`, `CRM_CLOSED`.
///
/// # Safety
///
/// `actor` and `cause` are NULL or end with NUL; `handle_out` and `error_out` are NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_acting_as(
    handle: crm_handle,
    actor: *const c_char,
    cause: *const c_char,
    handle_out: *mut crm_handle,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let act = || {
        // SAFETY: the promise of the caller.
        let actor = unsafe { text(actor, "actor") }?;
        // SAFETY: the promise of the caller.
        let cause = unsafe { optional_text(cause, "cause") }?;
        // SAFETY: the promise of the caller.
        let out = unsafe { Out::new(handle_out, "handle_out") }?;
        let engine = engine(handle)?;
        let crm = engine.crm.acting_as(actor, cause)?;
        engine.file.join()?;
        out.set(keep(crm, Arc::clone(&engine.file))?);
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, act) }
}

/// Cancels what runs on this file in other threads, whichever of its handles they use: those calls
/// return `CRM_INTERRUPTED`, and a write among them leaves no trace. Does nothing if nothing runs.
///
/// Any thread may call it, also a callback; a signal handler may not. The only error is
/// `CRM_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn crm_interrupt(handle: crm_handle) -> crm_status {
    // SAFETY: NULL is allowed.
    unsafe { guard(std::ptr::null_mut(), || engine(handle).map(|engine| engine.crm.interrupt())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> crm_handle {
        keep_first(Crm::in_memory().unwrap()).unwrap()
    }

    fn second(handle: crm_handle) -> Result<crm_handle> {
        let first = engine(handle)?;
        first.file.join()?;
        keep(first.crm.acting_as("user:2", None)?, Arc::clone(&first.file))
    }

    #[test]
    fn the_file_closes_with_its_last_handle() {
        let first = opened();
        let other = second(first).unwrap();
        close(first).unwrap();
        assert_eq!(close(first).unwrap_err().kind(), ErrorKind::InvalidHandle);
        let still = engine(other).unwrap();
        still.crm.stats().unwrap();
        close(other).unwrap();
        assert_eq!(still.crm.stats().unwrap_err().kind(), ErrorKind::Closed);
    }

    #[test]
    fn a_file_that_closes_gets_no_new_handle() {
        let handle = opened();
        let held = engine(handle).unwrap();
        close(handle).unwrap();
        assert_eq!(held.file.join().unwrap_err().kind(), ErrorKind::Closed);
    }
}
