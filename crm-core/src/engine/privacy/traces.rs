//! What of a person stands in the journal about others: what roll-ups read from the person, and the
//! person's roles in activities of others.
//!
//! A roll-up sums up many, so that no row tells whose value it holds. Therefore every row goes in
//! which an attribute that is calculated from records of the person's type got a value while the
//! person was among those that it summed up, and so on through what is calculated from that. How
//! many there are is no trace: a count says nothing of who. What is calculated from what, the
//! definitions of the present say, those of archived attributes too.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ChangeKind, ErasureMention, MentionKind, RecordId, RecordRef, Result, Value,
    cell::Cell,
    engine::{Catalog, Writing, reactions::Event, records},
    formula::{Aggregate, Related, Rollup, Source},
    journal::read_body,
    record::Draft,
    schema::{AttributeModel, TypeModel},
    store::{
        Connection, journal, privacy,
        records::{self as record_rows, StoredRow},
        table::Table,
        traces::{self as rows, Span},
    },
};

/// The places of the attributes that are calculated from a person, by type.
type Derived = BTreeMap<String, BTreeSet<usize>>;

/// What of a person stands in the journal about others.
pub(super) struct Traces {
    /// The places of those rows.
    pub(super) places: BTreeSet<i64>,
    /// The records with such attributes.
    owners: BTreeSet<RecordRef>,
    derived: Derived,
}

impl Traces {
    /// Finds them, and adds the records to those that name the person.
    pub(super) fn find(
        conn: &Connection,
        catalog: &Catalog,
        person: &RecordRef,
        mentions: &mut Vec<ErasureMention>,
    ) -> Result<Self> {
        let mut places: BTreeSet<i64> = rows::roles(conn, person.id)?.into_iter().collect();
        let derived = derived(catalog, &person.entity_type);
        let names = derived
            .iter()
            .map(|(name, places)| Ok((name.as_str(), names(&catalog.table(name)?.model, places))));
        let names = names.collect::<Result<BTreeMap<_, _>>>()?;
        let mut owners = BTreeSet::new();
        for (owner, (spans, direct)) in readers(conn, catalog, person, &derived)? {
            let (columns, attributes) = &names[owner.entity_type.as_str()];
            let before = places.len();
            for span in spans {
                places.extend(rows::telling(conn, owner.id, span, (columns, attributes))?);
            }
            let table = catalog.table(&owner.entity_type)?;
            // Nobody writes an archived attribute anew when the person counts no longer.
            let archived = &derived[&owner.entity_type];
            let holds = || -> Result<bool> {
                let row = record_rows::get(conn, table, owner.id)?;
                Ok(row.is_some_and(|row| archived.iter().any(|place| is_left(table, &row, *place))))
            };
            if places.len() > before || holds()? {
                let model = &table.model;
                mentions.extend(direct.into_iter().map(|place| ErasureMention {
                    kind: MentionKind::Rollup,
                    record: owner.clone(),
                    by: model.attributes[place].name().to_owned(),
                }));
                owners.insert(owner);
            }
        }
        for own in privacy::journal_places(conn, person.id.as_bytes())? {
            places.remove(&own);
        }
        Ok(Self { places, owners, derived })
    }

    /// Takes the values that archived attributes still have of the person, and tells whoever asks
    /// for what changed that the past of these records is another one now.
    pub(super) fn take_out(&self, writing: &mut Writing<'_>) -> Result<()> {
        for owner in &self.owners {
            let table = writing.table(&owner.entity_type)?;
            let Some(mut row) = record_rows::get(writing.tx, &table, owner.id)? else { continue };
            let places = &self.derived[&owner.entity_type];
            let left = places.iter().filter(|place| is_left(&table, &row, **place));
            let left: Vec<_> = left.map(|place| (*place, Value::Null)).collect();
            if !left.is_empty() {
                let cells = std::mem::take(&mut row.cells);
                let draft = Draft::recalculate(&table.model, cells, left);
                records::update(writing, &table, row, draft)?;
            }
            if writing.concerns(&[&owner.entity_type])? {
                let changed = Some(places.iter().copied().collect());
                let (left, set_off) = (Vec::new(), Vec::new());
                let id = owner.id;
                writing.tell_later(Event::Record { table, id, changed, left, set_off });
            }
        }
        Ok(())
    }

    /// The rows after a place in which a record that is calculated without the person by now was
    /// half-way there: what lies on several roll-ups is written anew with each of them.
    pub(super) fn stale(&self, writing: &Writing<'_>, after: i64) -> Result<Vec<i64>> {
        let mut stale = Vec::new();
        for owner in &self.owners {
            let table = writing.table(&owner.entity_type)?;
            let Some(row) = record_rows::get(writing.tx, &table, owner.id)? else { continue };
            let places = &self.derived[&owner.entity_type];
            journal::of_record(writing.tx, owner.id, after, |change| {
                let body = read_body(&table.model, &change.body)?.into_iter();
                let mut derived =
                    body.filter(|(attribute, _)| places.contains(&table.model.place(attribute)));
                if derived.any(|(attribute, cells)| cells != row.cells[attribute.span()]) {
                    stale.push(change.seq);
                }
                Ok(true)
            })?;
        }
        Ok(stale)
    }
}

/// Whether a record has a value in an attribute that is archived.
fn is_left(table: &Table, row: &StoredRow, place: usize) -> bool {
    let attribute = &table.model.attributes[place];
    let cells = &row.cells[attribute.span()];
    attribute.archived_at.is_some() && cells.iter().any(|cell| *cell != Cell::Null)
}

/// Which attributes may hold something that was read from a record of a type.
fn derived(catalog: &Catalog, person: &str) -> Derived {
    let mut derived = Derived::new();
    loop {
        let mut found = Vec::new();
        for table in catalog.iter() {
            let model = &table.model;
            for (place, attribute) in model.attributes.iter().enumerate() {
                if !has(&derived, &model.name, place)
                    && is_derived(catalog, model, attribute, person, &derived)
                {
                    found.push((model.name.clone(), place));
                }
            }
        }
        if found.is_empty() {
            return derived;
        }
        for (name, place) in found {
            derived.entry(name).or_default().insert(place);
        }
    }
}

fn has(derived: &Derived, entity_type: &str, place: usize) -> bool {
    derived.get(entity_type).is_some_and(|places| places.contains(&place))
}

fn is_derived(
    catalog: &Catalog,
    model: &TypeModel,
    attribute: &AttributeModel,
    person: &str,
    derived: &Derived,
) -> bool {
    let Some(formula) = &attribute.formula else { return false };
    if let Some(rollup) = formula.rollup() {
        let Some(way) = Way::of(catalog, rollup) else { return false };
        let reads = |far: &Table| far.model.name == person || reads(rollup, &far.model, derived);
        return catalog.iter().any(|far| way.leads_to(&far.model.name) && reads(far));
    }
    let mut is_derived = false;
    formula.visit_names(&mut |name| {
        let read = model.find(name).map(|read| model.place(read));
        is_derived |= read.is_some_and(|place| has(derived, &model.name, place));
    });
    is_derived
}

/// Whether a roll-up reads an attribute of `far` that is derived.
fn reads(rollup: &Rollup, far: &TypeModel, derived: &Derived) -> bool {
    let field = rollup.field.as_deref().and_then(|field| field.split('.').next());
    let read = field.and_then(|name| far.find(name));
    read.is_some_and(|read| has(derived, &far.name, far.place(read)))
}

/// How a roll-up comes to what it sums up.
enum Way<'c> {
    /// By the associations of a type, of those of one type of records if it is named.
    Associations { number: i64, inverse: bool, only: Option<&'c str> },
    /// By a reference of other records.
    Reference { table: &'c Table, place: usize },
}

impl<'c> Way<'c> {
    /// `None` of a roll-up that reads nothing of other records.
    fn of(catalog: &'c Catalog, rollup: &'c Rollup) -> Option<Self> {
        let Source::Related(Related { association, inverse, entity_type, .. }) = &rollup.source
        else {
            return None;
        };
        if rollup.aggregate == Aggregate::Count {
            return None;
        }
        if let Some((name, reference)) = association.split_once('.') {
            let table = catalog.find(name)?;
            let place = table.model.place(table.model.find(reference)?);
            return Some(Self::Reference { table, place });
        }
        let number = catalog.find_associations(association)?.model.id;
        let (inverse, only) = (*inverse, entity_type.as_deref());
        Some(Self::Associations { number, inverse, only })
    }

    fn leads_to(&self, far: &str) -> bool {
        match self {
            Self::Associations { only, .. } => only.is_none_or(|only| only == far),
            Self::Reference { table, .. } => table.model.name == far,
        }
    }

    /// The records of the type `near` that sum up a record, or did, and while when.
    fn owners(
        &self,
        conn: &Connection,
        near: &TypeModel,
        far: RecordId,
    ) -> Result<Vec<(RecordId, Span)>> {
        match self {
            Self::Associations { number, inverse, .. } => {
                rows::associated(conn, (*number, *inverse), far, near.id)
            }
            Self::Reference { table, place } => referred(conn, table, *place, far),
        }
    }
}

/// The records to which a record refers by an attribute, or did, and while when.
fn referred(
    conn: &Connection,
    table: &Table,
    place: usize,
    id: RecordId,
) -> Result<Vec<(RecordId, Span)>> {
    let mut spans: Vec<(RecordId, Span)> = Vec::new();
    let mut is_open = false;
    journal::told_of_record(conn, id, 0, |change| {
        if !matches!(change.kind, ChangeKind::RecordCreated | ChangeKind::RecordPatched) {
            return Ok(true);
        }
        for (attribute, cells) in read_body(&table.model, &change.body)? {
            if table.model.place(attribute) != place {
                continue;
            }
            if let Some((_, span)) = spans.last_mut().filter(|_| is_open) {
                span.until = change.transaction;
            }
            let other = cells.first().and_then(Cell::to_id);
            is_open = other.is_some();
            spans.extend(other.map(|other| (other, Span::since(change.seq))));
        }
        Ok(true)
    })?;
    // Since when it refers to whom it does now, erased rows may have told.
    let row = record_rows::get(conn, table, id)?;
    let now = row.and_then(|row| row.cells[table.model.attributes[place].first].to_id());
    let told = spans.last().filter(|_| is_open).map(|(other, _)| *other);
    spans.extend(now.filter(|now| told != Some(*now)).map(|now| (now, Span::WHOLE)));
    Ok(spans)
}

/// While when records could hold something of a person, and by which attributes that read it first.
type Readers = BTreeMap<RecordRef, (BTreeSet<Span>, BTreeSet<usize>)>;

/// The records with attributes that are, or were, calculated from a person.
fn readers(
    conn: &Connection,
    catalog: &Catalog,
    person: &RecordRef,
    derived: &Derived,
) -> Result<Readers> {
    let mut readers = Readers::new();
    let mut waiting = vec![(person.clone(), Span::WHOLE)];
    while let Some((far, while_when)) = waiting.pop() {
        let far_model = &catalog.table(&far.entity_type)?.model;
        for (name, places) in derived {
            let near = &catalog.table(name)?.model;
            for &place in places {
                let Some(rollup) = near.attributes[place].rollup() else { continue };
                let Some(way) = Way::of(catalog, rollup) else { continue };
                let is_read = far.id == person.id || reads(rollup, far_model, derived);
                if !is_read || !way.leads_to(&far.entity_type) {
                    continue;
                }
                for (owner, span) in way.owners(conn, near, far.id)? {
                    if owner == person.id {
                        continue;
                    }
                    let (owner, span) = (RecordRef::new(name, owner), span.within(while_when));
                    let (spans, direct) = readers.entry(owner.clone()).or_default();
                    direct.insert(place);
                    if spans.insert(span) {
                        waiting.push((owner, span));
                    }
                }
            }
        }
    }
    Ok(readers)
}

/// The columns and the names of attributes, each as a list in JSON.
fn names(model: &TypeModel, places: &BTreeSet<usize>) -> (String, String) {
    let json = |names: Vec<String>| serde_json::to_string(&names).expect("names are always JSON");
    let attributes = || places.iter().map(|place| &model.attributes[*place]);
    (
        json(attributes().flat_map(AttributeModel::column_names).collect()),
        json(attributes().map(|attribute| attribute.name().to_owned()).collect()),
    )
}
