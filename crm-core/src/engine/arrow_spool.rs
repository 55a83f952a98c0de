//! Streams of record batches into a file, from which an import can be planned.
//!
//! A plan, its import and what goes on with it after a crash read the same table, and a stream is read
//! once. The invariant: under the name of the file there is the whole stream, or nothing.

use std::{io::BufWriter, path::Path};

use arrow_array::RecordBatchReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;

use super::{Crm, progress::Reports};
use crate::{
    Error, ErrorKind, Flow, Progress, Result, arrow::stream_failed, limits, ops::Watch,
    store::FileDraft,
};

impl Crm {
    /// Writes a stream of Arrow record batches to a new file at `path`, which an import reads as
    /// [`SourceFormat::Arrow`](crate::SourceFormat::Arrow); answers how many rows it has. Progress
    /// counts rows.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the file exists, or if the stream has a type that cannot be written; `Io`
    /// if the stream fails; `Io` or `Full` if the file cannot be written; `Interrupted` if `watch`
    /// cancelled it. Whatever fails, no half-written file is left.
    pub fn spool_table(
        &self,
        path: impl AsRef<Path>,
        stream: impl RecordBatchReader + Send,
        watch: &mut Watch<'_>,
    ) -> Result<u64> {
        let path = path.as_ref();
        self.check_open()?;
        let draft = FileDraft::new(path)?;
        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let file = BufWriter::new(draft.file());
        let mut writer = StreamWriter::try_new(file, &stream.schema()).map_err(write_failed)?;
        let mut done = 0;
        for batch in stream {
            let batch = batch.map_err(stream_failed)?;
            let rows = limits::STREAM_ROWS as usize;
            for start in (0..batch.num_rows()).step_by(rows) {
                let piece = batch.slice(start, rows.min(batch.num_rows() - start));
                writer.write(&piece).map_err(write_failed)?;
            }
            done += batch.num_rows() as u64;
            let flow = reports.step(Progress { done, total: None }, false);
            self.shared.store.check_interrupted(mark)?;
            if flow == Flow::Cancel {
                return Err(Error::new(ErrorKind::Interrupted, "writing the table was cancelled"));
            }
        }
        writer.finish().map_err(write_failed)?;
        drop(writer);
        reports.step(Progress { done, total: Some(done) }, true);
        draft.sync()?;
        draft.publish(path)?;
        Ok(done)
    }
}

fn write_failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => FileDraft::write_error(&error),
        error => Error::new(ErrorKind::InvalidArgument, "the table has a type that is not written")
            .with_field("table")
            .with_hint("cast its columns; docs/arrow.md has the types")
            .with_source(error),
    }
}
