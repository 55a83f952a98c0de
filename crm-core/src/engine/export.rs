//! Records out, in whatever form: to a file or a text, page by page.
//!
//! The invariant: under the name of the file there is never half an export, and memory does not grow
//! with the number of records.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::{Crm, progress::Reports};
use crate::{
    Archived, Error, ErrorKind, ExportReport, Flow, Progress, Result,
    cell::Cell,
    limits,
    ops::Watch,
    store::{
        Connection, FileDraft,
        records::{self as rows, Position, Selection, StoredRow, Term},
        table::Table,
    },
};

/// Records that are read in one go, from one state of the file.
const PAGE: u32 = 1_000;

/// Which records are exported, and where to.
pub(super) struct Export<'a> {
    pub(super) table: &'a Table,
    pub(super) terms: Vec<Term>,
    pub(super) archived: Archived,
    /// The file to write; the text is returned without one.
    pub(super) path: Option<&'a str>,
    /// The attributes that are left out for their sensitivity.
    pub(super) hidden: Vec<String>,
}

impl Crm {
    /// Exports records in the order of creation: `begin` makes the writer, `write` is handed one
    /// record after the other, and `finish` gives back what was written to.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the file exists; `LimitExceeded` if the text would have more than 16 MiB;
    /// `Io` or `Full` if it cannot be written; `Interrupted` if `watch` cancelled it; and those of
    /// the functions. Whatever fails, no half-written file is left.
    pub(super) fn export<W>(
        &self,
        export: Export<'_>,
        watch: &mut Watch<'_>,
        begin: impl FnOnce(Out) -> Result<W>,
        mut write: impl FnMut(&Connection, &mut W, StoredRow) -> Result<()>,
        finish: impl FnOnce(W) -> Result<Out>,
    ) -> Result<ExportReport> {
        let Export { table, terms, archived, path, hidden } = export;
        let total = self.shared.store.read(|conn| rows::count(conn, table, &terms, archived))?;
        let target = path.map(Path::new);
        let draft = target.map(FileDraft::new).transpose()?;
        let mut writer = begin(Out::new(draft.as_ref())?)?;

        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut after: Option<Position> = None;
        let mut done = 0;
        loop {
            let after_last = after.take();
            let selection =
                Selection { terms: &terms, archived, order: None, after: after_last, limit: PAGE };
            let mut count = 0;
            self.shared.store.read(|conn| {
                rows::visit(conn, table, &selection, |row| {
                    count += 1;
                    after = Some(Position { key: Cell::Null, id: row.id });
                    write(conn, &mut writer, row)
                })
            })?;
            done += u64::from(count);
            let progress = Progress { done, total: Some(total) };
            let is_last = count < PAGE;
            let flow = reports.step(progress, is_last);
            self.shared.store.check_interrupted(mark)?;
            if flow == Flow::Cancel {
                return Err(Error::new(ErrorKind::Interrupted, "the export was cancelled"));
            }
            if is_last {
                break;
            }
        }
        let (bytes, text) = finish(writer)?.end(draft, target)?;
        Ok(ExportReport { rows: done, bytes, text, hidden })
    }
}

/// The text went beyond what is returned.
#[derive(Debug, thiserror::Error)]
#[error("the text is too long")]
struct TextTooLong;

/// Where an export goes: the file, or without one the text.
pub(super) struct Out {
    file: Option<File>,
    text: Vec<u8>,
    bytes: u64,
}

impl Out {
    /// To the draft of a file, or without one to a text.
    pub(super) fn new(draft: Option<&FileDraft>) -> Result<Self> {
        let file = draft.map(|draft| draft.file().try_clone()).transpose();
        let file = file.map_err(|error| Self::failed(&error))?;
        Ok(Self { file, text: Vec::new(), bytes: 0 })
    }

    /// Puts the file under its name, or gives back the text; and how many bytes were written.
    pub(super) fn end(
        self,
        draft: Option<FileDraft>,
        target: Option<&Path>,
    ) -> Result<(u64, Option<String>)> {
        if let (Some(draft), Some(target)) = (draft, target) {
            draft.sync()?;
            draft.publish(target)?;
            return Ok((self.bytes, None));
        }
        let text = String::from_utf8(self.text).map_err(|_| {
            Error::new(ErrorKind::Internal, "the text that was written is not UTF-8")
        })?;
        Ok((self.bytes, Some(text)))
    }

    /// The error for one of writing.
    pub(super) fn failed(error: &io::Error) -> Error {
        if error.get_ref().is_some_and(|inner| inner.is::<TextTooLong>()) {
            let message = format!("the text has more than {} bytes", limits::CSV_TEXT_BYTES);
            return Error::new(ErrorKind::LimitExceeded, message)
                .with_field("path")
                .with_hint("give the path of a new file");
        }
        FileDraft::write_error(error)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.file {
            Some(file) => file.write(bytes)?,
            None if self.text.len() + bytes.len() > limits::CSV_TEXT_BYTES => {
                return Err(io::Error::other(TextTooLong));
            }
            None => self.text.write(bytes)?,
        };
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
