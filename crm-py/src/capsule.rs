//! Arrow streams through Python: the only `unsafe` of this crate.
//!
//! The PyCapsule protocol hands a stream from one library to another by a capsule of an agreed name,
//! which holds the struct of the C stream interface; neither side needs pyarrow. Who takes the stream
//! moves it out and leaves the struct released. The invariant: a capsule is read only by the name that
//! says what it holds, and what was moved out is never moved again.
#![allow(unsafe_code, reason = "a capsule holds a pointer, and only its name says to what")]

use std::ffi::CStr;

use arrow_array::{
    Array as _, RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray,
    ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi},
    ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader},
};
use crm_core::{Error, ErrorKind, TableStream, arrow_schema::DataType};
use pyo3::{
    prelude::*,
    types::{PyCapsule, PyTuple},
};

use crate::failure::raise;

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// A stream of record batches that Python handed in.
pub(crate) type Stream = Box<dyn RecordBatchReader + Send>;

/// A stream as a capsule. If nobody takes it, it is released with the capsule.
pub(crate) fn export(py: Python<'_>, stream: TableStream) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(stream)), STREAM)
}

/// The stream that an object hands out: of its record batches, or of the one that it is.
///
/// # Errors
///
/// `InvalidArgument` if it hands out none; what its own methods raise.
pub(crate) fn import(object: &Bound<'_, PyAny>) -> PyResult<Stream> {
    let py = object.py();
    if object.hasattr("__arrow_c_stream__")? {
        let capsule = object.call_method0("__arrow_c_stream__")?;
        let place = pointer::<FFI_ArrowArrayStream>(&capsule, STREAM)
            .map_err(|_| refuse(py, "the object hands out no stream"))?;
        // SAFETY: a capsule of this name holds this struct, and lives until the end of the block; to
        // move it out leaves it released.
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(place) };
        let reader = py.detach(|| RecordBatchStreamReader::try_new(stream));
        let reader = reader.map_err(|_| refuse(py, "the stream is not one of record batches"))?;
        return Ok(Box::new(reader));
    }
    if object.hasattr("__arrow_c_array__")? {
        let pair = object.call_method0("__arrow_c_array__")?;
        let pointers = || -> PyResult<_> {
            let pair = pair.cast::<PyTuple>()?;
            let (schema, array) = (pair.get_item(0)?, pair.get_item(1)?);
            let schema = pointer::<FFI_ArrowSchema>(&schema, SCHEMA)?;
            Ok((schema, pointer::<FFI_ArrowArray>(&array, ARRAY)?))
        };
        let (schema, array) =
            pointers().map_err(|_| refuse(py, "the object hands out no record batch"))?;
        // SAFETY: as above; what the capsules hold is moved out, and the two belong together.
        let data = unsafe {
            let (schema, array) =
                (FFI_ArrowSchema::from_raw(schema), FFI_ArrowArray::from_raw(array));
            from_ffi(array, &schema)
        };
        let rows = match data {
            Ok(data) if matches!(data.data_type(), DataType::Struct(_)) => StructArray::from(data),
            _ => return Err(refuse(py, "the array is not a record batch")),
        };
        if rows.null_count() > 0 {
            return Err(refuse(py, "a row of a record batch cannot be null"));
        }
        let batch = RecordBatch::from(rows);
        let schema = batch.schema();
        return Ok(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
    }
    Err(refuse(py, "the object has neither __arrow_c_stream__ nor __arrow_c_array__"))
}

/// Where a capsule of this name has its struct.
fn pointer<T>(capsule: &Bound<'_, PyAny>, name: &'static CStr) -> PyResult<*mut T> {
    let capsule = capsule.cast::<PyCapsule>()?;
    Ok(capsule.pointer_checked(Some(name))?.cast::<T>().as_ptr())
}

fn refuse(py: Python<'_>, message: &str) -> PyErr {
    let error = Error::new(ErrorKind::InvalidArgument, message).with_field("table");
    raise(py, &error.with_hint("hand in a table of polars, pandas, pyarrow or the like"))
}
