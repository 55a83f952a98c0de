//! The one door to the engine's operations: a name and a request go in, a result comes out.
//!
//! The engine's table of operations says what there is; this module only forwards, so an operation
//! that the engine learns is callable from C at once. The invariant: the result is complete before
//! it is handed over, so a failed call has nothing to release.

use std::ffi::{CString, c_char, c_void};
use std::sync::LazyLock;

use crm_core::ops::{Mode, OPERATIONS, Request};
use crm_core::{Error, ErrorKind, Flow, Progress, Result};
use serde::Serialize;

use crate::buffer::crm_buffer;
use crate::engine::engine;
use crate::error::{crm_error, crm_status};
use crate::guard::{Out, UserData, bytes, call_host, guard, shield, text};
use crate::handle::crm_handle;

/// Is told how far a long operation is, and returns 0 to go on or any other number to cancel it. The
/// first step is told and the last, and between them about ten a second at most.
///
/// `done` and `total` count bytes of an import, records of an export or a verification, pages of a
/// backup or of a file that gets another key; `total` is 0 while it is not known. `user_data` is what
/// was handed in with it.
///
/// It runs on the thread of the call. It must return: no exception and no `longjmp` may leave it. It
/// may call `crm_interrupt` and `crm_close`; other calls on the same file may fail with
/// `CRM_REENTRANT`.
#[expect(non_camel_case_types, reason = "the name that C sees")]
pub type crm_progress_callback =
    Option<unsafe extern "C" fn(done: u64, total: u64, user_data: *mut c_void) -> i32>;

/// Runs the operation `operation` and writes its result, JSON in UTF-8, to `result_out`.
///
/// `operation` is a name such as `"records.create"`, ended by NUL; `crm_operations` lists them, and
/// `docs/operations.md` describes them. `request_json` is the request in UTF-8, `request_len` bytes
/// of it; with 0 bytes (and then it may be NULL) it counts as `{}`.
///
/// `result_out` may be NULL when the result is of no interest. Otherwise the caller releases what is
/// written there by `crm_buffer_free`. What `*result_out` held before is overwritten and not
/// released.
///
/// Several threads may call it with one handle: reads run side by side, writes one after the other.
///
/// Errors: `CRM_UNKNOWN_OPERATION`; `CRM_INVALID_ARGUMENT`, naming the field, if the request does not
/// fit the operation; `CRM_INVALID_HANDLE`; and those of the operation, above all
/// `CRM_NOT_FOUND`, `CRM_DUPLICATE`, `CRM_REQUIRED`, `CRM_UNKNOWN_ATTRIBUTE`, `CRM_INVALID_VALUE`,
/// `CRM_STALE_VERSION`, `CRM_FULL`. An operation that failed has changed nothing.
///
/// ```c
/// const char *request = "{\"type\": \"contact\", \"values\": {\"email\": \"ann@example.org\"}}";
/// crm_buffer result = CRM_BUFFER_INIT;
/// if (crm_call(crm, "records.create", request, strlen(request), &result, &error) == CRM_OK) {
///     puts(result.data);
///     crm_buffer_free(&result);
/// }
/// ```
///
/// # Safety
///
/// `operation` is NULL or ends with NUL; `request_json` is NULL or points to `request_len` bytes;
/// `result_out` and `error_out` are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_call(
    handle: crm_handle,
    operation: *const c_char,
    request_json: *const c_char,
    request_len: usize,
    result_out: *mut crm_buffer,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let call = || {
        // SAFETY: the promise of the caller.
        let operation = unsafe { text(operation, "operation") }?;
        // SAFETY: the promise of the caller.
        let request = unsafe { bytes(request_json, request_len, "request_json") }?;
        let result = run(handle, operation, request, &mut |_| Flow::Continue)?;
        // SAFETY: the promise of the caller.
        unsafe { hand_over(result, result_out) };
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, call) }
}

/// Does what `crm_call` does, and tells `progress` of it while it runs.
///
/// The operations that `crm_operations` gives the mode `job` report progress (imports, exports,
/// backups, verification); for others it is never called. `progress` may be NULL; `user_data` is
/// handed to it and otherwise not touched. Neither is used after the call returned.
///
/// A cancelled operation returns `CRM_INTERRUPTED`; a cancelled import returns `CRM_OK`, and its
/// report says that it was cancelled and what was kept.
///
/// # Safety
///
/// As for `crm_call`; and `progress` is NULL or a function that may be called with `user_data` on
/// this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_call_watched(
    handle: crm_handle,
    operation: *const c_char,
    request_json: *const c_char,
    request_len: usize,
    progress: crm_progress_callback,
    user_data: *mut c_void,
    result_out: *mut crm_buffer,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let call = || {
        // SAFETY: the promise of the caller.
        let operation = unsafe { text(operation, "operation") }?;
        // SAFETY: the promise of the caller.
        let request = unsafe { bytes(request_json, request_len, "request_json") }?;
        // SAFETY: the promise of the caller.
        let mut watch = unsafe { watch(progress, user_data) };
        let result = run(handle, operation, request, &mut watch)?;
        // SAFETY: the promise of the caller.
        unsafe { hand_over(result, result_out) };
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, call) }
}

/// What is told of the progress of a call.
///
/// # Safety
///
/// `progress` is NULL or may be called with `user_data` on this thread, as long as what is returned
/// lives.
pub(crate) unsafe fn watch(
    progress: crm_progress_callback,
    user_data: *mut c_void,
) -> impl FnMut(Progress) -> Flow + Send + 'static {
    let user_data = UserData::new(user_data);
    move |now| {
        let Some(progress) = progress else { return Flow::Continue };
        let (done, total) = (now.done, now.total.unwrap_or(0));
        // SAFETY: the promise of the caller: it may be called with this `user_data`.
        let answer = call_host(|| unsafe { progress(done, total, user_data.get()) });
        if answer == 0 { Flow::Continue } else { Flow::Cancel }
    }
}

fn run(
    handle: crm_handle,
    operation: &str,
    request: &[u8],
    watch: &mut dyn FnMut(Progress) -> Flow,
) -> Result<Vec<u8>> {
    let engine = engine(handle)?;
    let request = Request::from_json(operation, request)?;
    let response = engine.crm.execute(request, watch)?;
    json(&response)
}

/// # Safety
///
/// `result_out` is NULL or may be written.
pub(crate) unsafe fn hand_over(result: Vec<u8>, result_out: *mut crm_buffer) {
    // SAFETY: the same promise. NULL means that nobody wants it.
    if let Ok(out) = unsafe { Out::new(result_out, "result_out") } {
        out.set(crm_buffer::new(result));
    }
}

pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| {
        Error::new(ErrorKind::Internal, "the result cannot be written as JSON").with_source(error)
    })
}

/// One row of the list that C reads.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    mode: Mode,
    request: &'static str,
    response: &'static str,
    doc: &'static str,
}

static LIST: LazyLock<CString> = LazyLock::new(|| {
    let rows = OPERATIONS.iter().map(|operation| Row {
        name: operation.name,
        mode: operation.mode,
        request: operation.request,
        response: operation.response,
        doc: operation.doc,
    });
    let list = serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_default();
    CString::new(list).unwrap_or_default()
});

/// Every operation, sorted by name, as JSON that ends with NUL:
/// `[{"name": "records.get", "mode": "read", "request": "GetRecord", "response": "Record", "doc": "…"}, …]`.
///
/// The mode is `read`, `write` (it may change the file) or `job` (it may take long, reports progress
/// and can be cancelled). The text is never freed. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn crm_operations() -> *const c_char {
    shield(c"[]".as_ptr(), || LIST.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_operation() {
        let rows: Vec<serde_json::Value> = serde_json::from_slice(LIST.as_bytes()).unwrap();
        let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
        let expected: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        assert_eq!(names, expected);
        assert!(rows.iter().any(|row| row["mode"] == "job"));
    }
}
