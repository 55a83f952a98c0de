//! CSV tables out: records to a file or a text, page by page.
//!
//! The invariant: under the name of the file there is never half a table, and memory does not grow
//! with the number of records.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use super::{Crm, progress::Reports, records::filter};
use crate::{
    Error, ErrorKind, ExportCsv, ExportReport, Flow, Progress, Result,
    cell::Cell,
    exchange::{ID, Shown, Signs, TableWriter},
    limits,
    ops::Watch,
    schema::TypeModel,
    store::{
        FileDraft,
        records::{self as rows, Position, Selection, StoredRow},
    },
};

/// Records that are read in one go, from one state of the file.
const PAGE: u32 = 1_000;

impl Crm {
    /// Exports records as a CSV table, to a file that must not exist or as a text.
    ///
    /// Records are read by pages of 1,000: those that nobody writes meanwhile come exactly once, as
    /// they are. Progress counts records.
    ///
    /// ```
    /// use crm_core::{Crm, ExportCsv, Flow, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.companies().create(values! { "name" => "Acme", "employees" => 12 })?;
    /// let mut request = ExportCsv::new("company");
    /// request.attributes = vec!["name".into(), "employees".into()];
    /// let report = crm.export_csv(&request, &mut |_| Flow::Continue)?;
    /// assert_eq!(report.text.as_deref(), Some("name,employees\nAcme,12\n"));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived` (of an attribute); `InvalidArgument` if the
    /// request makes no sense or the file exists; `LimitExceeded` if the text would have more than
    /// 16 MiB; `Io` or `Full` if it cannot be written; `Interrupted` if `watch` cancelled it.
    /// Whatever fails, no half-written file is left.
    pub fn export_csv(&self, request: &ExportCsv, watch: &mut Watch<'_>) -> Result<ExportReport> {
        let table = self.catalog().table(&request.entity_type)?.clone();
        if request.dialect.encoding.is_some() {
            let message = "a table is always written in UTF-8";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("encoding")
                .with_hint("leave the encoding out"));
        }
        let signs = Signs::new(&request.dialect)?;
        let shown = shown(&table.model, &request.attributes)?;
        let terms = filter(&table.model, &request.filter)?;
        let total =
            self.shared.store.read(|conn| rows::count(conn, &table, &terms, request.archived))?;

        let target = request.path.as_deref().map(Path::new);
        let draft = target.map(FileDraft::new).transpose()?;
        let out = Out { file: draft.as_ref().map(FileDraft::file), text: Vec::new(), bytes: 0 };
        let failed = |error: io::Error| write_error(&error);
        let mut writer =
            TableWriter::new(out, signs, request.profile, &table.model, shown).map_err(failed)?;

        let mark = self.shared.store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut after: Option<Position> = None;
        let mut done = 0;
        loop {
            let selection = Selection {
                terms: &terms,
                archived: request.archived,
                order: None,
                after: after.take(),
                limit: PAGE,
            };
            let mut count = 0;
            self.shared.store.read(|conn| {
                rows::visit(conn, &table, &selection, |row| {
                    let StoredRow { id, mut cells, .. } = row;
                    count += 1;
                    after = Some(Position { key: Cell::Null, id });
                    writer.row(&table.model, id, &mut cells).map_err(failed)
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
        let Out { text, bytes, .. } = writer.finish().map_err(failed)?;
        if let (Some(draft), Some(target)) = (draft, target) {
            draft.sync()?;
            draft.publish(target)?;
            return Ok(ExportReport { rows: done, bytes, text: None });
        }
        let text = String::from_utf8(text).map_err(|_| {
            Error::new(ErrorKind::Internal, "the table that was written is not UTF-8")
        })?;
        Ok(ExportReport { rows: done, bytes, text: Some(text) })
    }
}

/// The columns that a request names.
fn shown(model: &TypeModel, names: &[String]) -> Result<Vec<Shown>> {
    if names.is_empty() {
        let live = model.live().map(|attribute| Shown::Attribute(model.place(attribute)));
        return Ok(std::iter::once(Shown::Id).chain(live).collect());
    }
    let mut shown = Vec::with_capacity(names.len());
    for name in names {
        let column = match name.as_str() {
            ID => Shown::Id,
            name => Shown::Attribute(model.place(model.attribute(name)?)),
        };
        if shown.contains(&column) {
            let message = "an attribute is named twice";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(name));
        }
        shown.push(column);
    }
    Ok(shown)
}

/// The text went beyond what is returned.
#[derive(Debug, thiserror::Error)]
#[error("the text is too long")]
struct TextTooLong;

fn write_error(error: &io::Error) -> Error {
    if error.get_ref().is_some_and(|inner| inner.is::<TextTooLong>()) {
        let message = format!("the table has more than {} bytes", limits::CSV_TEXT_BYTES);
        return Error::new(ErrorKind::LimitExceeded, message)
            .with_field("path")
            .with_hint("give the path of a new file");
    }
    FileDraft::write_error(error)
}

/// Where a table goes: the file, or without one the text.
struct Out<'a> {
    file: Option<&'a File>,
    text: Vec<u8>,
    bytes: u64,
}

impl Write for Out<'_> {
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
