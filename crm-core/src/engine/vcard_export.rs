//! Address cards out: records to a file or a text.
//!
//! What is asked for is checked here, what a card refers to is read, and `export` does the rest. How
//! a card is written is not known here.

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Catalog, Crm,
    export::{Export, Out},
    files,
    records::filter,
};
use crate::{
    Date, ExportReport, ExportVcard, Kind, RecordId, Result, Sensitivity, Value,
    exchange::vcard::{Places, Shown, restore, write_card},
    limits,
    ops::Watch,
    schema::{AttributeModel, TypeModel},
    store::{
        Connection, files as stored_files,
        records::{self as rows, StoredRow},
    },
};

impl Crm {
    /// Exports records as address cards, to a file that must not exist or as a text.
    ///
    /// What an import has kept of a card is written again. Records are read by pages of 1,000: those
    /// that nobody writes meanwhile come exactly once, as they are. Progress counts records. A card is
    /// asked for to tell who somebody is, so what is personal is written; what is special only where
    /// the request names its attribute, and the report names what was left out.
    ///
    /// ```
    /// use crm_core::{Crm, ExportVcard, Flow, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.contacts().create(values! { "given_name" => "Ada", "family_name" => "Byron" })?;
    /// let report = crm.export_vcard(&ExportVcard::new("contact"), &mut |_| Flow::Continue)?;
    /// let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Byron\r\nN:Byron;Ada;;;\r\nEND:VCARD\r\n";
    /// assert_eq!(report.text.as_deref(), Some(card));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived` (of an attribute); `InvalidArgument` if the
    /// request makes no sense or the file exists; `LimitExceeded` if the text would have more than
    /// 16 MiB; `Io` or `Full` if it cannot be written; `Interrupted` if `watch` cancelled it.
    /// Whatever fails, no half-written file is left.
    pub fn export_vcard(
        &self,
        request: &ExportVcard,
        watch: &mut Watch<'_>,
    ) -> Result<ExportReport> {
        let catalog = self.catalog();
        let table = catalog.table(&request.entity_type)?.clone();
        let model = &table.model;
        let mut places = Places::new(model, &request.mapping, request.remainder.as_deref())?;
        let mapped = request.mapping.iter().map(|mapping| &mapping.attribute);
        let named: Vec<_> = mapped.chain(&request.remainder).collect();
        let hidden = places.hide(|place| {
            let definition = &model.attributes[place].definition;
            definition.sensitivity == Sensitivity::Special && !named.contains(&&definition.name)
        });
        let hidden = hidden.into_iter().map(|place| model.attributes[place].name().to_owned());
        let terms = filter(model, &request.filter)?;
        let path = request.path.as_deref();
        let hidden = hidden.collect();
        let export = Export { table: &table, terms, archived: request.archived, path, hidden };
        self.export(
            export,
            watch,
            Ok,
            |conn, out, row| {
                let StoredRow { cells, .. } = row;
                let value = |place: usize| {
                    let attribute: &AttributeModel = &model.attributes[place];
                    attribute.decode(&cells[attribute.span()])
                };
                let remainder = places.remainder.map(value);
                let remainder = remainder.as_ref().and_then(Value::as_str).unwrap_or_default();
                let mut shown = Vec::new();
                for place in places.attributes() {
                    if let Some(one) = show(conn, &catalog, model, place, value(place))? {
                        shown.push((place, one));
                    }
                }
                let take = |place: usize| {
                    let found = shown.iter().position(|(other, _)| *other == place)?;
                    Some(shown.swap_remove(found).1)
                };
                let properties = restore(&places, remainder, request.version, take);
                let mut card = String::new();
                write_card(properties, request.version, &mut card);
                out.write_all(card.as_bytes()).map_err(|error| Out::failed(&error))
            },
            Ok,
        )
    }
}

/// What a value has to say on a card; nothing if it is missing, or what it refers to is.
fn show(
    conn: &Connection,
    catalog: &Catalog,
    model: &TypeModel,
    place: usize,
    value: Value,
) -> Result<Option<Shown>> {
    let definition = &model.attributes[place].definition;
    Ok(match (definition.kind, value) {
        (_, Value::Null) => None,
        (Kind::Date, Value::Text(text)) => text.parse::<Date>().ok().map(Shown::Date),
        (Kind::Reference, Value::Text(id)) => {
            let target = catalog.table(definition.target.as_deref().unwrap_or_default())?;
            let Some(name) = target.model.find("name") else { return Ok(None) };
            let row = rows::get(conn, target, id.parse::<RecordId>()?)?;
            let value = row.map(|row| name.decode(&row.cells[name.span()]));
            value.and_then(|name| name.as_str().map(|name| Shown::Name(name.to_owned())))
        }
        (Kind::File, Value::File(file)) => {
            let hash = files::read_hash(&file.hash)?;
            let content = stored_files::read(conn, &hash, 0, limits::FILE_BYTES)?;
            Some(Shown::File { base64: STANDARD.encode(content), media_type: file.media_type })
        }
        (_, value) => Some(Shown::Value(value)),
    })
}
