//! References in a table: which record a cell names.
//!
//! A table says the same few names again and again, so that what was found is kept for a while. The
//! invariant: memory stays bounded whatever the table says, and nothing is remembered past the
//! transaction that saw it.

use std::collections::HashMap;

use super::{super::View, foreseen::Holder};
use crate::{
    Error, ErrorKind, Kind, RecordId, Result, Sensitivity, Value,
    cell::Cell,
    exchange::Field,
    normal::name::nearest,
    record::encode_key,
    schema::AttributeModel,
    store::{records as rows, table::Table},
};

/// Names kept per attribute, and the longest that is.
const KEPT: usize = 4096;
const KEPT_BYTES: usize = 256;
/// Keys of the target among which the nearest to a missing one is sought.
const CANDIDATES: usize = 4096;
/// Missing names per attribute for which it is sought; the search is slow, and who has more of them
/// has mapped the wrong column.
const SOUGHT: usize = 256;

/// What is known of the references of one attribute.
#[derive(Debug, Default)]
struct Known {
    found: HashMap<String, RecordId>,
    /// The nearest key to each missing name.
    missing: HashMap<String, Option<String>>,
    sought: usize,
    /// Keys of the target; `None` as long as none was missing.
    candidates: Option<Vec<String>>,
}

/// What names a record: the number of the columns that belong together, 0 for those of the row's own
/// record, and the place of the attribute among theirs.
pub(super) type Slot = (usize, usize);

/// What is known of references.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    known: HashMap<Slot, Known>,
}

impl Lookups {
    /// Forgets what the last transaction saw: others may have written since.
    pub(super) fn begin(&mut self) {
        for known in self.known.values_mut() {
            let sought = known.sought;
            *known = Known { sought, ..Known::default() };
        }
    }

    /// The id of the record that `name` names, as the value of the reference of a record of type
    /// `own`, or of what belongs to it, or to no record; `columns` is the first part of its slot.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest key as a hint where it is not personal data; what is wrong with
    /// the name as a key of the target.
    pub(super) fn resolve(
        &mut self,
        view: &View<'_>,
        own: Option<&Table>,
        columns: usize,
        field: &Field,
        attribute: &AttributeModel,
        name: Value,
    ) -> Result<Value> {
        let target = attribute.definition.target.as_deref().unwrap_or_default();
        let table = view.catalog.table(target)?;
        let known = self.known.entry((columns, field.place)).or_default();
        let text = match &name {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        // What the import itself writes changes with every row, and is not remembered.
        let is_own = own.is_some_and(|own| table.model.name == own.model.name);
        let id = match known.found.get(&text) {
            Some(id) if !is_own => *id,
            _ => known.find(view, table, is_own, field, name, &text)?,
        };
        Ok(Value::from(id))
    }

    /// The error for a name that no record of `table` has: in the attribute `key`, or as its id.
    pub(super) fn missing(
        &mut self,
        view: &View<'_>,
        table: &Table,
        slot: Slot,
        key: Option<&AttributeModel>,
        text: &str,
    ) -> Result<Error> {
        self.known.entry(slot).or_default().missing(view, table, key, text)
    }
}

impl Known {
    fn find(
        &mut self,
        view: &View<'_>,
        table: &Table,
        is_own: bool,
        field: &Field,
        name: Value,
        text: &str,
    ) -> Result<RecordId> {
        let found = match &field.lookup {
            None => {
                let id = text.parse::<RecordId>().map_err(|_| {
                    Error::new(ErrorKind::InvalidValue, "not a record id")
                        .with_hint("write the id, or map the column with a lookup")
                })?;
                rows::exists(view.conn, table, id.as_bytes())?.then_some(id)
            }
            Some(key) => {
                let key = table.model.attribute(key)?;
                let cell = encode_key(key, name)?;
                let place = table.model.place(key);
                let made = view.foreseen.and_then(|f| f.made(table.model.id, place, &cell));
                let foreseen = view.foreseen.filter(|_| is_own);
                match foreseen.map_or(Holder::AsStored, |foreseen| foreseen.holder(place, &cell)) {
                    Holder::Is(id) => Some(id),
                    Holder::Nobody => None,
                    Holder::AsStored if made.is_some() => made,
                    Holder::AsStored => {
                        rows::get_by(view.conn, table, place, &cell)?.map(|row| row.id)
                    }
                }
            }
        };
        match found {
            Some(id) => {
                if self.found.len() < KEPT && !text.is_empty() && text.len() <= KEPT_BYTES {
                    self.found.insert(text.to_owned(), id);
                }
                Ok(id)
            }
            None => {
                let key = field.lookup.as_deref().map(|key| table.model.attribute(key));
                Err(self.missing(view, table, key.transpose()?, text)?)
            }
        }
    }

    fn missing(
        &mut self,
        view: &View<'_>,
        table: &Table,
        key: Option<&AttributeModel>,
        text: &str,
    ) -> Result<Error> {
        let target = &table.model.name;
        let Some(key) = key else {
            return Ok(Error::new(ErrorKind::NotFound, format!("no {target} has this id"))
                .with_hint(format!("create the {target} first")));
        };
        let message = format!("no {target} has this {}", key.name());
        let error = Error::new(ErrorKind::NotFound, message);
        Ok(match self.nearest(view, table, key, text)? {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("create the {target} first, or correct the cell")),
        })
    }

    /// The key of the target that is most like a missing name.
    fn nearest(
        &mut self,
        view: &View<'_>,
        table: &Table,
        key: &AttributeModel,
        text: &str,
    ) -> Result<Option<String>> {
        let is_personal = key.definition.sensitivity != Sensitivity::None
            || matches!(key.definition.kind, Kind::Email | Kind::Phone);
        if is_personal || text.len() > KEPT_BYTES {
            return Ok(None);
        }
        if let Some(near) = self.missing.get(text) {
            return Ok(near.clone());
        }
        if self.sought >= SOUGHT {
            return Ok(None);
        }
        self.sought += 1;
        let candidates = match &mut self.candidates {
            Some(candidates) => candidates,
            none => none.insert(read_candidates(view, table, key)?),
        };
        let near = nearest(text, candidates.iter().map(String::as_str)).map(str::to_owned);
        self.missing.insert(text.to_owned(), near.clone());
        Ok(near)
    }
}

fn read_candidates(view: &View<'_>, table: &Table, key: &AttributeModel) -> Result<Vec<String>> {
    let (mut candidates, mut seen) = (Vec::new(), 0);
    rows::scan(view.conn, table, key, |_, cells| {
        if let [Cell::Text(text), ..] = cells
            && text.len() <= KEPT_BYTES
        {
            candidates.push(text.clone());
        }
        seen += 1;
        Ok(seen < CANDIDATES)
    })?;
    Ok(candidates)
}
