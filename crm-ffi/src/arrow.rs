//! Tables across the border: the structs of the Arrow C stream interface, and nothing of our own.
//!
//! A stream that goes out is the caller's to release, and one that comes in is taken whatever the
//! outcome, so that nobody has to remember who owns it. The invariant: a stream is moved, never
//! shared, and the code of the host that one calls runs as every function of the host does.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchReader};
use crm_core::arrow_schema::{ArrowError, SchemaRef};
use crm_core::ops::Watch;
use crm_core::{
    Crm, Error, ErrorKind, ImportReport, IngestActivities, IngestAssociations, IngestTable,
    ReadTable,
};

use crate::buffer::crm_buffer;
use crate::call::{crm_progress_callback, hand_over, json, watch};
use crate::engine::engine;
use crate::error::{crm_error, crm_status};
use crate::guard::{Out, bytes, call_host, guard};
use crate::handle::crm_handle;

/// Opens the whole result of a query as a stream of Arrow record batches, and writes it to
/// `stream_out`.
///
/// `request_json` is a request of `request_len` bytes: `{"query": Q, "batch_rows": N}`. `Q` is one of
/// `{"select": …}`, `{"group": …}`, `{"pivot": …}` with a request of that operation,
/// `{"records": {"type": "contact", "fields": ["email"], "where": …}}` and `{"view": {"name": …}}`.
/// `docs/arrow.md` has the fields, and which kind is which type of Arrow.
///
/// A select is read while the stream is, in one state of the file and a batch of memory. The caller
/// releases the stream by its own function `release`, on whichever thread, also without having read
/// it to its end. It may outlive the handle; when the file is closed its `get_next` gives an error,
/// of which `get_last_error` has the words. What `*stream_out` held before is overwritten and not
/// released.
///
/// Errors: `CRM_INVALID_ARGUMENT`, naming the field; `CRM_LIMIT_EXCEEDED` if 16 streams are open; and
/// those of the operation that the query names. A library that was built without the feature `arrow`
/// does not have this function.
///
/// ```c
/// const char *request = "{\"query\": {\"records\": {\"type\": \"contact\"}}}";
/// struct ArrowArrayStream stream;
/// if (crm_query_arrow(crm, request, strlen(request), &stream, &error) == CRM_OK) {
///     struct ArrowArray batch;
///     while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL)
///         batch.release(&batch);
///     stream.release(&stream);
/// }
/// ```
///
/// # Safety
///
/// `request_json` is NULL or points to `request_len` bytes; `stream_out` and `error_out` are NULL or
/// may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_query_arrow(
    handle: crm_handle,
    request_json: *const c_char,
    request_len: usize,
    stream_out: *mut FFI_ArrowArrayStream,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let query = || {
        // SAFETY: the promise of the caller.
        let request = unsafe { bytes(request_json, request_len, "request_json") }?;
        // SAFETY: the promise of the caller.
        let out = unsafe { Out::new(stream_out, "stream_out") }?;
        let request = ReadTable::from_json(request)?;
        let stream = engine(handle)?.crm.read_table(&request)?;
        out.set(FFI_ArrowArrayStream::new(Box::new(stream)));
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, query) }
}

/// Takes a stream of Arrow record batches in: each row becomes a record, or changes one.
///
/// `request_json` is a request of `request_len` bytes: `{"type": "contact"}`, with `columns`, `mode`,
/// `key`, `bad_cells`, `stages` and `all_or_nothing` as `csv.import` has them, except that `key` is a
/// list, and that without `columns` each column goes to the attribute of its own name. `result_out`,
/// which may be NULL, gets the same report, with every row that was not written; the caller releases
/// it by `crm_buffer_free`.
///
/// The stream is taken over and released before the call returns, whatever it returns; then
/// `stream->release` is NULL. Its functions run on this thread, between two transactions.
/// `progress` may be NULL; it is told of rows, as `crm_call_watched` tells of bytes.
///
/// Errors: `CRM_INVALID_ARGUMENT`, naming the field or column; `CRM_WRONG_KIND` and
/// `CRM_UNKNOWN_ATTRIBUTE`, naming the column; `CRM_IO` if the stream fails. Good rows that were
/// committed before are kept, unless all or nothing was asked for. A library that was built without
/// the feature `arrow` does not have this function.
///
/// # Safety
///
/// `request_json` is NULL or points to `request_len` bytes; `stream` is NULL or points to a stream as
/// the Arrow C stream interface defines it, which may be released already; `progress` is NULL or a
/// function that may be called with `user_data` on this thread; `result_out` and `error_out` are NULL
/// or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_ingest_arrow(
    handle: crm_handle,
    request_json: *const c_char,
    request_len: usize,
    stream: *mut FFI_ArrowArrayStream,
    progress: crm_progress_callback,
    user_data: *mut c_void,
    result_out: *mut crm_buffer,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let taking = Taking { handle, request_json, request_len, stream, progress, user_data };
    let parse = IngestTable::from_json;
    // SAFETY: the promise of the caller.
    unsafe {
        taking.run(parse, result_out, error_out, |crm, request, stream, watch| {
            crm.ingest_table(request, stream, watch)
        })
    }
}

/// Takes a stream of Arrow record batches in as activities: each row is recorded as
/// `activities.record` would record it.
///
/// `request_json` is a request of `request_len` bytes: `{"kind": "web_visit"}`, with `subject_type`,
/// `columns`, `channel`, `direction`, `bad_cells` and `all_or_nothing`; `docs/arrow.md` has the
/// fields. A column goes to `subject`, `visitor`, `at`, `amount`, `channel`, `direction`, `key` or a
/// property. The rest is as for `crm_ingest_arrow`: `result_out` gets the same report, of which
/// `created` were recorded and `unchanged` were there under their key.
///
/// Errors: `CRM_UNKNOWN_TYPE`; `CRM_INVALID_ARGUMENT`, naming the field or column; `CRM_WRONG_KIND`
/// and `CRM_UNKNOWN_ATTRIBUTE`, naming the column; `CRM_IO` if the stream fails. Good rows that were
/// committed before are kept, unless all or nothing was asked for. A library that was built without
/// the feature `arrow` does not have this function.
///
/// # Safety
///
/// As for `crm_ingest_arrow`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_ingest_activities_arrow(
    handle: crm_handle,
    request_json: *const c_char,
    request_len: usize,
    stream: *mut FFI_ArrowArrayStream,
    progress: crm_progress_callback,
    user_data: *mut c_void,
    result_out: *mut crm_buffer,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let taking = Taking { handle, request_json, request_len, stream, progress, user_data };
    let parse = IngestActivities::from_json;
    // SAFETY: the promise of the caller.
    unsafe {
        taking.run(parse, result_out, error_out, |crm, request, stream, watch| {
            crm.ingest_activities(request, stream, watch)
        })
    }
}

/// Takes a stream of Arrow record batches in as associations: each row is added as
/// `associations.add` would add it.
///
/// `request_json` is a request of `request_len` bytes: `{"type": "employed_by"}`, with `from_type`,
/// `to_type`, `columns`, `bad_cells` and `all_or_nothing`; `docs/arrow.md` has the fields. Columns go
/// to `from` and `to`, the records at both ends, by their id or a `lookup`; to `role`, `is_primary`,
/// `valid_from`, `valid_to` or an attribute of the type. The rest is as for `crm_ingest_arrow`:
/// `result_out` gets the same report, of which `created` were added and `unchanged` were there.
///
/// Errors: `CRM_UNKNOWN_TYPE`; `CRM_INVALID_ARGUMENT`, naming the field or column; `CRM_WRONG_KIND`
/// and `CRM_UNKNOWN_ATTRIBUTE`, naming the column; `CRM_IO` if the stream fails. Good rows that were
/// committed before are kept, unless all or nothing was asked for. A library that was built without
/// the feature `arrow` does not have this function.
///
/// # Safety
///
/// As for `crm_ingest_arrow`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_ingest_associations_arrow(
    handle: crm_handle,
    request_json: *const c_char,
    request_len: usize,
    stream: *mut FFI_ArrowArrayStream,
    progress: crm_progress_callback,
    user_data: *mut c_void,
    result_out: *mut crm_buffer,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let taking = Taking { handle, request_json, request_len, stream, progress, user_data };
    let parse = IngestAssociations::from_json;
    // SAFETY: the promise of the caller.
    unsafe {
        taking.run(parse, result_out, error_out, |crm, request, stream, watch| {
            crm.ingest_associations(request, stream, watch)
        })
    }
}

/// What every function that takes a stream in is given.
struct Taking {
    handle: crm_handle,
    request_json: *const c_char,
    request_len: usize,
    stream: *mut FFI_ArrowArrayStream,
    progress: crm_progress_callback,
    user_data: *mut c_void,
}

impl Taking {
    /// Takes the stream over and has `ingest` read it, as a request says that `parse` reads.
    ///
    /// # Safety
    ///
    /// As for [`crm_ingest_arrow`].
    unsafe fn run<R>(
        self,
        parse: fn(&[u8]) -> Result<R, Error>,
        result_out: *mut crm_buffer,
        error_out: *mut *mut crm_error,
        ingest: fn(&Crm, &R, HostReader, &mut Watch<'_>) -> Result<ImportReport, Error>,
    ) -> crm_status {
        let Self { handle, request_json, request_len, stream, progress, user_data } = self;
        let take_in = || {
            // First of all: it is released whatever comes of it.
            // SAFETY: the promise of the caller.
            let stream = unsafe { HostStream::take(stream) }?;
            let engine = engine(handle)?;
            engine.crm.check_open()?;
            // SAFETY: the promise of the caller.
            let request = parse(unsafe { bytes(request_json, request_len, "request_json") }?)?;
            // SAFETY: the promise of the caller.
            let mut watch = unsafe { watch(progress, user_data) };
            let report = json(&ingest(&engine.crm, &request, stream.open()?, &mut watch)?)?;
            // SAFETY: the promise of the caller.
            unsafe { hand_over(report, result_out) };
            Ok(())
        };
        // SAFETY: the promise of the caller.
        unsafe { guard(error_out, take_in) }
    }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field("stream")
}

/// Runs code that calls functions of the host, and may panic over what they answer.
fn calling<T>(work: impl FnOnce() -> T) -> T {
    // `call_host` must be left in the ordinary way.
    let done = call_host(|| catch_unwind(AssertUnwindSafe(work)));
    done.unwrap_or_else(|payload| resume_unwind(payload))
}

/// A stream of the host that nobody reads yet.
struct HostStream(Option<FFI_ArrowArrayStream>);

impl HostStream {
    /// Takes a stream over, first of all, so that it is released also when the request is refused.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if it is NULL.
    ///
    /// # Safety
    ///
    /// `stream` is NULL or points to a stream, which may be released already.
    unsafe fn take(stream: *mut FFI_ArrowArrayStream) -> Result<Self, Error> {
        if stream.is_null() {
            return Err(refused("is NULL"));
        }
        // SAFETY: not NULL, so by the promise of the caller a stream, which may be moved out.
        Ok(Self(Some(unsafe { FFI_ArrowArrayStream::from_raw(stream) })))
    }

    fn open(mut self) -> Result<HostReader, Error> {
        let stream = self.0.take().filter(|stream| stream.release().is_some());
        let stream = stream.ok_or_else(|| refused("was released before"))?;
        let reader = calling(|| RecordBatchStreamReader::try_new(stream));
        let reader = reader
            .map_err(|error| refused("is not a stream of record batches").with_source(error))?;
        Ok(HostReader { schema: reader.schema(), reader: Some(reader) })
    }
}

impl Drop for HostStream {
    fn drop(&mut self) {
        calling(|| drop(self.0.take()));
    }
}

/// A stream of the host: every step of it is a call into the host.
struct HostReader {
    schema: SchemaRef,
    reader: Option<RecordBatchStreamReader>,
}

impl Iterator for HostReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        calling(|| reader.next())
    }
}

impl RecordBatchReader for HostReader {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

impl Drop for HostReader {
    fn drop(&mut self) {
        calling(|| drop(self.reader.take()));
    }
}
