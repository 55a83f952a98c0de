//! Address cards in: from a file or a text to records, in transactions of some hundred cards.
//!
//! The invariant: every card is accounted for, as created, updated, unchanged or rejected; what a
//! rejected card would have needed beside it is not written either; and memory does not grow with
//! the number of cards.

use std::{collections::HashMap, io::Read, sync::Arc};

use super::{
    Catalog, Crm, Writing, files,
    imports::{self, Source},
    intake::{Intake, Tally},
    lifecycles::Starts,
    records,
};
use crate::{
    Archived, Attribute, Error, ErrorKind, FileRef, ImportMode, ImportReport, ImportVcard, Outcome,
    RecordId, Result, Value, Values,
    exchange::{
        Problems,
        vcard::{Card, CardReader, Found, Placed, Places},
    },
    ops::Watch,
    record::{Draft, concerns_one_row, encode_key},
    schema::{AttributeModel, TypeModel},
    store::{
        records::{self as rows, Selection, StoredRow},
        table::Table,
    },
    values,
};

/// A transaction ends after this many cards, or after the card that goes beyond this many bytes.
const BATCH_CARDS: usize = 500;
const BATCH_BYTES: u64 = 16 * 1024 * 1024;
/// Names of properties that a report tells apart; those of others are left out.
const NAMES: usize = 1_000;

impl Crm {
    /// Imports address cards, of vCard 2.1, 3.0 and 4.0: each card becomes a record, or changes one.
    ///
    /// What does not fit is no error but stands in the report, with card, property and hint; the
    /// rest of the card and the other cards are kept. Progress and `watch` are as for
    /// [`Crm::import_csv`].
    ///
    /// ```
    /// use crm_core::{Attribute, Crm, Flow, ImportVcard, Kind, ListRecords};
    ///
    /// let crm = Crm::in_memory()?;
    /// // Keeps what has no attribute of its own, for the next export.
    /// crm.types().define_attribute("contact", Attribute::new("vcard", Kind::LongText))?;
    /// let cards = "BEGIN:VCARD\nVERSION:3.0\nN:Byron;Ada;;;\nFN:Ada Byron\n\
    ///              EMAIL;TYPE=home:ada@example.org\nX-SHOE-SIZE:38\nEND:VCARD\n";
    /// let request = ImportVcard::from_text("contact", cards);
    /// let report = crm.import_vcard(&request, &mut |_| Flow::Continue)?;
    /// assert_eq!((report.created, report.problems.len()), (1, 0));
    /// let ada = crm.contacts().get_by("email", "ada@example.org")?;
    /// assert_eq!(ada.get("family_name").as_str(), Some("Byron"));
    /// assert_eq!(ada.get("vcard").as_str(), Some("EMAIL;TYPE=home:\nX-SHOE-SIZE:38"));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived`; `InvalidArgument` if the request makes no
    /// sense, naming the field or property; `Io` if the cards cannot be read; `Interrupted` by
    /// [`Crm::interrupt`]. What was committed before is kept, unless it is all or nothing.
    pub fn import_vcard(
        &self,
        request: &ImportVcard,
        watch: &mut Watch<'_>,
    ) -> Result<ImportReport> {
        self.shared.observers.check_not_inside()?;
        let catalog = self.catalog();
        let schema = catalog.table(&request.entity_type)?.clone();
        let (places, key) = prepare(&schema.model, request)?;
        let starts = starts(&catalog, request)?;
        let source = Source::open(
            request.path.as_deref(),
            request.text.as_deref(),
            request.encoding.is_some(),
        )?;
        let total = source.total;
        let mut import = Import {
            request,
            cards: CardReader::open(source, request.encoding.as_deref())?,
            places,
            key,
            starts,
            schema,
            problems: Problems::default(),
            names: Names::default(),
            tally: Tally::default(),
        };
        self.take_in(&mut import, total, request.all_or_nothing, watch)?;
        let Import { problems, names, tally, .. } = import;
        Ok(tally.report(problems.finish(&names.list)))
    }
}

/// The mapping, and the place of the key where the mode needs one.
fn prepare(model: &TypeModel, request: &ImportVcard) -> Result<(Places, Option<usize>)> {
    model.check_live()?;
    let places = Places::new(model, &request.mapping, request.remainder.as_deref())?;
    let invalid = |message: &str, hint: &str| {
        Err(Error::new(ErrorKind::InvalidArgument, message).with_field("key").with_hint(hint))
    };
    let key = match (request.mode, &request.key) {
        (ImportMode::Create, None) => None,
        (ImportMode::Create, Some(_)) => {
            return invalid(
                "a key has no meaning when creating",
                "leave it out, or set the mode to update or upsert",
            );
        }
        (_, None) => {
            return invalid(
                "the mode needs a key",
                "name the unique attribute by which records are found",
            );
        }
        (_, Some(name)) => {
            let attribute = model.attribute(name)?;
            if !attribute.definition.unique {
                return invalid("the attribute is not unique", "name one that is");
            }
            if places.property_of(model, name).is_none() {
                return invalid("no property goes to the key", "map a property to it");
            }
            Some(model.place(attribute))
        }
    };
    Ok((places, key))
}

/// Where the records begin that the import creates.
fn starts(catalog: &Catalog, request: &ImportVcard) -> Result<Vec<Starts>> {
    imports::check_creates(request.mode, &request.stages)?;
    if let Some(place) = request.stages.iter().position(|stage| stage.column.is_some()) {
        let message = "address cards have no columns";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field(format!("stages[{place}].column"))
            .with_hint("leave it out, and name a stage"));
    }
    let no_column = |_: &str| Err(Error::new(ErrorKind::Internal, "cards have no columns"));
    Starts::of(catalog, &request.entity_type, &request.stages, no_column)
}

/// The names of properties that problems have, by their number.
#[derive(Debug, Default)]
struct Names {
    list: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Names {
    fn number(&mut self, name: String) -> Option<usize> {
        if let Some(number) = self.numbers.get(&name) {
            return Some(*number);
        }
        if self.list.len() == NAMES {
            return None;
        }
        self.numbers.insert(name.clone(), self.list.len());
        self.list.push(name);
        Some(self.list.len() - 1)
    }
}

/// An import under way.
struct Import<'r, R> {
    request: &'r ImportVcard,
    cards: CardReader<R>,
    places: Places,
    key: Option<usize>,
    starts: Vec<Starts>,
    /// The type that the mapping was made for.
    schema: Arc<Table>,
    problems: Problems,
    names: Names,
    tally: Tally,
}

impl<R: Read> Intake for Import<'_, R> {
    fn batch(&mut self, writing: &mut Writing<'_>) -> Result<bool> {
        let schema = writing.table(&self.request.entity_type)?;
        if !Arc::ptr_eq(&schema, &self.schema) {
            (self.places, self.key) = prepare(&schema.model, self.request)?;
            self.schema = schema;
        }
        if !self.starts.iter().all(|starts| starts.is_current(&writing.catalog)) {
            self.starts = starts(&writing.catalog, self.request)?;
        }
        let begun = self.cards.bytes_read();
        for _ in 0..BATCH_CARDS {
            if self.cards.bytes_read() - begun > BATCH_BYTES {
                return Ok(false);
            }
            let Some(card) = self.cards.next_card()? else { return Ok(true) };
            let number = card.number;
            let (outcome, faults) = self.take(writing, card)?;
            // What stands after the last card is no card.
            if number > 0 {
                self.tally.count(outcome);
            }
            for (name, error) in faults {
                let column = name.and_then(|name| self.names.number(name));
                let is_rejected = outcome.is_none() && number > 0;
                self.problems.add(&self.names.list, number, column, &error, is_rejected);
            }
        }
        Ok(false)
    }

    fn done(&self) -> u64 {
        self.cards.bytes_read()
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

/// What is wrong with a card: with which property, and what.
type Faults = Vec<(Option<String>, Error)>;

impl<R: Read> Import<'_, R> {
    /// Takes a card in; no outcome if it is left out. What does not fit is told.
    fn take(&self, writing: &mut Writing<'_>, card: Card) -> Result<(Option<Outcome>, Faults)> {
        let Card { properties, mut faults, is_whole, .. } = card;
        if !is_whole {
            return Ok((None, faults));
        }
        let model = &self.schema.model;
        let find = |attribute: &AttributeModel, name: &str| {
            find_named(writing, attribute, name, self.request.create_missing)
        };
        let Placed { wanted, faults: more } = self.places.place(model, properties, find)?;
        faults.extend(more);
        let (mut values, mut pending) = (Values::new(), Vec::new());
        for wanted in wanted {
            let attribute = &model.attributes[wanted.attribute];
            match wanted.found {
                Found::Value(value) => {
                    values.insert(attribute.name(), value);
                }
                found => pending.push((attribute, found)),
            }
        }
        match self.write(writing, values, pending) {
            Ok(outcome) => Ok((Some(outcome), faults)),
            Err(error) if concerns_one_row(error.kind()) => {
                let name = error.field().and_then(|name| self.places.property_of(model, name));
                faults.push((name.map(str::to_owned), error));
                Ok((None, faults))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the record of a card, after what it needs beside it. All that may be wrong with the
    /// card is found before anything is written.
    fn write(
        &self,
        writing: &mut Writing<'_>,
        mut values: Values,
        pending: Vec<(&AttributeModel, Found)>,
    ) -> Result<Outcome> {
        let model = &self.schema.model;
        let starts: Vec<_> = self.starts.iter().filter_map(Starts::usual).collect();
        let stored = self.find_stored(writing, &values)?;
        self.check_unique(writing, &values, stored.as_ref().map(|row| row.id))?;
        if stored.is_none() {
            let is_given = |attribute: &AttributeModel| {
                !values.get(attribute.name()).is_null()
                    || pending.iter().any(|(other, _)| other.name() == attribute.name())
            };
            if pending.is_empty() && values.iter().all(|(_, value)| value.is_null()) {
                return Err(Error::new(ErrorKind::Required, "the card says nothing"));
            }
            for attribute in model.live() {
                let Attribute { required, default, .. } = &attribute.definition;
                if *required && default.is_none() && !is_given(attribute) {
                    return Err(Error::new(ErrorKind::Required, "a value is required")
                        .with_field(attribute.name()));
                }
            }
            let is_missing = |attribute: &AttributeModel| {
                let Attribute { default, .. } = &attribute.definition;
                default.is_none() && !attribute.is_calculated() && !is_given(attribute)
            };
            starts
                .iter()
                .try_for_each(|start| start.check(&writing.catalog, &self.schema, is_missing))?;
        }
        for (attribute, found) in pending {
            values.insert(attribute.name(), carry_out(writing, attribute, found)?);
        }
        let table = &self.schema;
        match stored {
            Some(row) => Ok(records::patch(writing, table, row.id, values, None)?.1),
            None => {
                let mut draft = Draft::create(&table.model, values)?;
                let id = writing.new_id();
                records::check_stored(&writing.view(), table, Some(id), &mut draft)?;
                imports::insert(writing, table, id, draft, starts)?;
                Ok(Outcome::Created)
            }
        }
    }

    /// The record that the key names, where the mode asks for one.
    fn find_stored(&self, writing: &Writing<'_>, values: &Values) -> Result<Option<StoredRow>> {
        let Some(place) = self.key else { return Ok(None) };
        let attribute = &self.schema.model.attributes[place];
        let value = values.get(attribute.name());
        if value.is_null() {
            return Err(Error::new(ErrorKind::Required, "the key names no record")
                .with_field(attribute.name())
                .with_hint("a card needs the property that is the key"));
        }
        let key = encode_key(attribute, value.clone())?;
        let row = rows::get_by(writing.tx, &self.schema, place, &key)?;
        match &row {
            Some(row) if row.archived_at.is_some() => {
                Err(Error::new(ErrorKind::Archived, "the record is archived")
                    .with_field(attribute.name())
                    .with_hint("restore it with records.restore"))
            }
            None if self.request.mode == ImportMode::Update => {
                let message = format!("no {} has this key", self.schema.model.name);
                Err(Error::new(ErrorKind::NotFound, message)
                    .with_field(attribute.name())
                    .with_hint("set the mode to upsert to create what is missing"))
            }
            _ => Ok(row),
        }
    }

    /// Refuses values that other records have and only one may.
    fn check_unique(
        &self,
        writing: &Writing<'_>,
        values: &Values,
        id: Option<RecordId>,
    ) -> Result<()> {
        let model = &self.schema.model;
        for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
            let attribute = model.attribute(name)?;
            if !attribute.definition.unique {
                continue;
            }
            let key = encode_key(attribute, value.clone())?;
            let found = rows::get_by(writing.tx, &self.schema, model.place(attribute), &key)?;
            if let Some(other) = found.filter(|row| Some(row.id) != id) {
                let message = format!("record {} has this value already", other.id);
                return Err(Error::new(ErrorKind::Duplicate, message)
                    .with_field(name)
                    .with_hint("set the mode to upsert to change that record"));
            }
        }
        Ok(())
    }
}

/// The record that a reference means by its name, or that one is to be created.
fn find_named(
    writing: &Writing<'_>,
    attribute: &AttributeModel,
    name: &str,
    create_missing: bool,
) -> Result<Found> {
    let target = attribute.definition.target.as_deref().unwrap_or_default();
    let table = writing.catalog.table(target)?;
    let named = values! { "name" => name };
    let terms = records::filter(&table.model, &named)?;
    let (archived, limit) = (Archived::Exclude, 2);
    let selection = Selection { terms: &terms, archived, order: None, after: None, limit };
    let found = rows::list(writing.tx, table, &selection)?;
    match &found[..] {
        [row] => Ok(Found::Value(Value::from(row.id))),
        [] if create_missing => {
            table.model.check_live()?;
            Draft::create(&table.model, named)?;
            Ok(Found::Record(name.to_owned()))
        }
        [] => Err(Error::new(ErrorKind::NotFound, format!("no {target} has this name"))
            .with_hint(format!("create the {target} first, or ask to create what is missing"))),
        _ => Err(Error::new(
            ErrorKind::Duplicate,
            format!("several records of {target} have this name"),
        )
        .with_hint("set the reference by hand")),
    }
}

/// Makes the value that something else must be written for.
fn carry_out(writing: &mut Writing<'_>, attribute: &AttributeModel, found: Found) -> Result<Value> {
    match found {
        Found::Value(value) => Ok(value),
        Found::Record(name) => {
            let target = attribute.definition.target.as_deref().unwrap_or_default();
            let table = writing.table(target)?;
            let row = records::create(writing, &table, values! { "name" => name })?;
            Ok(Value::from(row.id))
        }
        Found::File { content, name, media_type } => {
            let hash = files::store(writing, &content)?;
            let size = content.len() as u64;
            Ok(Value::File(FileRef { hash, name, media_type, size }))
        }
    }
}
