//! CSV tables out: records to a file or a text.
//!
//! What is asked for is checked here, and `export` does the rest. How a table is written is not
//! known here.

use std::io;

use super::{
    Crm,
    export::{Export, Out},
    records::filter,
};
use crate::{
    Error, ErrorKind, ExportCsv, ExportReport, Result, Sensitivity,
    exchange::{ID, Shown, Signs, TableWriter},
    ops::Watch,
    schema::TypeModel,
    store::records::StoredRow,
};

impl Crm {
    /// Exports records as a CSV table, to a file that must not exist or as a text.
    ///
    /// Records are read by pages of 1,000: those that nobody writes meanwhile come exactly once, as
    /// they are. Progress counts records. What is personal is written only if it is asked for, and the
    /// report names what was left out.
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
        let (shown, hidden) = shown(&table.model, request)?;
        let terms = filter(&table.model, &request.filter)?;
        let failed = |error: io::Error| Out::failed(&error);
        let export = Export {
            table: &table,
            terms,
            archived: request.archived,
            path: request.path.as_deref(),
            hidden,
        };
        self.export(
            export,
            watch,
            |out| {
                TableWriter::new(out, signs, request.profile, &table.model, shown).map_err(failed)
            },
            |_, writer, row| {
                let StoredRow { id, mut cells, .. } = row;
                writer.row(&table.model, id, &mut cells).map_err(failed)
            },
            |writer| writer.finish().map_err(failed),
        )
    }
}

/// The columns that a request is for, and the attributes that it leaves out for their sensitivity.
fn shown(model: &TypeModel, request: &ExportCsv) -> Result<(Vec<Shown>, Vec<String>)> {
    let mut shown = Vec::new();
    if request.attributes.is_empty() {
        shown.push(Shown::Id);
        let mut hidden = Vec::new();
        for attribute in model.live() {
            let is_shown = match attribute.definition.sensitivity {
                Sensitivity::None => true,
                Sensitivity::Personal => request.personal,
                Sensitivity::Special => false,
            };
            if is_shown {
                shown.push(Shown::Attribute(model.place(attribute)));
            } else {
                hidden.push(attribute.name().to_owned());
            }
        }
        return Ok((shown, hidden));
    }
    for name in &request.attributes {
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
    Ok((shown, Vec::new()))
}
