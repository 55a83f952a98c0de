//! Associations: adding, changing, archiving, and following them from record to record.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Catalog, Crm, View, Writing, check_limit, check_range, cursor,
    records::{check_target, to_record},
    rollups::Standing,
};
use crate::{
    AddAssociation, Archived, Association, AssociationDirection, AssociationPage, AssociationWalk,
    ChangeKind, Date, Error, ErrorKind, FindRelated, PatchAssociation, RecordId, RecordRef,
    Related, Result, Timestamp, Value, WalkAssociations, WalkNode,
    association::{
        AssociationModel, FIXED, IS_PRIMARY, Sibling, StoredAssociation, UNWRITTEN, check_count,
        cycle, duplicate,
    },
    cell::Cell,
    journal, limits,
    record::Draft,
    store::{
        Connection,
        associations::{self as rows, Around, AssociationTable, End, Place},
        records,
        table::Table,
    },
};

/// Associations between records: see [`Crm::associations`].
#[derive(Debug)]
pub struct Associations<'a> {
    crm: &'a Crm,
}

impl<'a> Associations<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Adds an association between two records and returns it with its id.
    ///
    /// ```
    /// use crm_core::{AddAssociation, AssociationPreset, Crm, FindRelated, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.association_types().define_preset(AssociationPreset::EmployedBy)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?;
    /// let acme = crm.companies().create(values! { "name" => "Acme" })?;
    /// crm.associations().add(AddAssociation {
    ///     role: Some("CFO".into()),
    ///     valid_from: Some("2024-07-01".parse()?),
    ///     ..AddAssociation::new("employed_by", ann.reference(), acme.reference())
    /// })?;
    /// let staff = crm.associations().related(&FindRelated::new(acme.reference()))?;
    /// assert_eq!(staff.related[0].other, ann.reference());
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType` if the type or an entity type is not there; `NotFound` if a record is not,
    /// `Archived` if it or a type is; `InvalidArgument` if the type does not lead there;
    /// `OutOfRange` if `valid_to` lies before `valid_from`; `Duplicate` if the same is said already
    /// for an overlapping time; `LimitExceeded` if a record has as many as the type allows at a
    /// time; `InvalidValue` if it would close a cycle in a hierarchy; and as for
    /// [`Records::create`](crate::Records::create) if the role or a value does not fit.
    pub fn add(&self, request: AddAssociation) -> Result<Association> {
        self.crm.write(|writing| {
            let (table, row) = add(writing, request)?;
            Ok(row.describe(&table.model))
        })
    }

    /// Reads an association.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn get(&self, id: RecordId) -> Result<Association> {
        self.crm.read_explained(|conn, catalog| {
            let (table, row) = load(conn, catalog, id)?;
            Ok(row.describe(&table.model))
        })
    }

    /// Changes role, primary flag, validity or values of an association. Between which records it
    /// leads is for ever.
    ///
    /// # Errors
    ///
    /// As [`Associations::add`], and `NotFound`; `Archived` if the association is; `StaleVersion` if
    /// it has another version than expected, and then nothing is written.
    pub fn patch(&self, request: PatchAssociation) -> Result<Association> {
        self.crm.write(|writing| {
            let (table, row) = patch(writing, request)?;
            Ok(row.describe(&table.model))
        })
    }

    /// Archives an association: it stays readable, and no longer counts. Archiving it again does
    /// nothing.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Archived` if its type is; `StaleVersion` as for [`Associations::patch`].
    pub fn archive(&self, id: RecordId, expected_version: Option<i64>) -> Result<Association> {
        self.set_archived(id, expected_version, true)
    }

    /// Takes an association out of the archive, if what was added meanwhile leaves room for it. It
    /// is no longer primary if another one is at an overlapping time. Doing so again does nothing.
    ///
    /// # Errors
    ///
    /// As [`Associations::archive`], and `InvalidArgument`, `Duplicate`, `LimitExceeded`,
    /// `InvalidValue` as for [`Associations::add`].
    pub fn restore(&self, id: RecordId, expected_version: Option<i64>) -> Result<Association> {
        self.set_archived(id, expected_version, false)
    }

    fn set_archived(
        &self,
        id: RecordId,
        expected_version: Option<i64>,
        archive: bool,
    ) -> Result<Association> {
        self.crm.write(|writing| {
            let (table, row) = set_archived(writing, id, expected_version, archive)?;
            Ok(row.describe(&table.model))
        })
    }

    /// Reads a page of what a record is associated with on a day, in one direction or both.
    ///
    /// Associations with archived records stay, but are left out here unless they are asked for.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` if there is no such record; `InvalidArgument` if the limit is not 1
    /// to 10,000, `after` is not the `next` of a page of the same record, or a day is named together
    /// with `at_any_time`.
    pub fn related(&self, request: &FindRelated) -> Result<AssociationPage> {
        check_limit(request.limit)?;
        let on = self.day(request.on, request.at_any_time)?;
        let after = request.after.as_deref().map(|text| After::read(text, request)).transpose()?;
        self.crm.read_explained(|conn, catalog| related(conn, catalog, request, on, after.as_ref()))
    }

    /// Follows associations of one type from a record to the next, breadth first: up or down a
    /// hierarchy, or along any other type. Each record is found once, however many ways lead to it.
    ///
    /// # Errors
    ///
    /// As [`Associations::related`]; `InvalidArgument` if `max_depth` is not 1 to 64.
    pub fn walk(&self, request: &WalkAssociations) -> Result<AssociationWalk> {
        check_limit(request.limit)?;
        check_range("max_depth", request.max_depth.into(), 1, limits::WALK_DEPTH.into())?;
        let on = self.day(request.on, request.at_any_time)?;
        self.crm.read_explained(|conn, catalog| walk(conn, catalog, request, on))
    }

    /// The day that a request is about, as a number; `None` for any.
    fn day(&self, on: Option<Date>, at_any_time: bool) -> Result<Option<i64>> {
        match (on, at_any_time) {
            (Some(_), true) => {
                let message = "names a day, and at_any_time asks for every day";
                Err(Error::new(ErrorKind::InvalidArgument, message).with_field("on"))
            }
            (None, true) => Ok(None),
            (on, false) => {
                let day = on.unwrap_or_else(|| self.crm.now().date_utc());
                Ok(Some(day.days().into()))
            }
        }
    }
}

pub(super) type Loaded = (Arc<AssociationTable>, StoredAssociation);

/// The association of an id, whole.
///
/// # Errors
///
/// `NotFound`.
pub(super) fn load(conn: &Connection, catalog: &Catalog, id: RecordId) -> Result<Loaded> {
    let row = rows::get(conn, id)?;
    let mut row =
        row.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such association").with_field("id"))?;
    let table = catalog.associations(&row.association_type)?;
    rows::complete(conn, table, &mut row)?;
    Ok((Arc::clone(table), row))
}

fn load_expecting(writing: &Writing<'_>, id: RecordId, expected: Option<i64>) -> Result<Loaded> {
    let (table, row) = load(writing.tx, &writing.catalog, id)?;
    match expected {
        Some(expected) if expected != row.version => {
            let message = format!("the association has version {}, not {expected}", row.version);
            Err(Error::new(ErrorKind::StaleVersion, message)
                .with_field("expected_version")
                .with_hint("read the association again, then decide"))
        }
        _ => Ok((table, row)),
    }
}

/// Adds an association within a transaction.
pub(super) fn add(writing: &mut Writing<'_>, request: AddAssociation) -> Result<Loaded> {
    let table = writing.associations(&request.association_type)?;
    let model = &table.model;
    model.check_live()?;
    check_end(writing, model, "from", &request.from)?;
    check_end(writing, model, "to", &request.to)?;
    let AddAssociation { from, to, .. } = request;
    let mut values = request.values;
    if let Some(name) = FIXED.into_iter().find(|name| values.iter().any(|(key, _)| key == *name)) {
        let message = "is a field of the request, beside the values";
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(name));
    }
    values.insert("role", request.role.map_or(Value::Null, Value::from));
    values.insert(IS_PRIMARY, request.is_primary);
    values.insert("valid_from", request.valid_from.map_or(Value::Null, Value::from));
    values.insert("valid_to", request.valid_to.map_or(Value::Null, Value::from));
    let draft = Draft::create(&model.whole, values)?;
    let link = NewLink::new(&writing.view(), &table, from, to, draft)?;
    check_link(&writing.view(), &link)?;
    let row = insert(writing, link)?;
    Ok((table, row))
}

/// An association that is not written yet.
pub(super) struct NewLink {
    pub(super) table: Arc<AssociationTable>,
    /// With the ends, and the cells of `draft`; what it gets upon writing is missing.
    pub(super) row: StoredAssociation,
    draft: Draft,
}

impl NewLink {
    /// An association between two records that are there, in use, and of types between which it may
    /// lead.
    ///
    /// # Errors
    ///
    /// `NotFound` if a record or file that a value names is not there.
    pub(super) fn new(
        view: &View<'_>,
        table: &Arc<AssociationTable>,
        from: RecordRef,
        to: RecordRef,
        mut draft: Draft,
    ) -> Result<Self> {
        let model = &table.model;
        check_values(view, model, &mut draft)?;
        let row = StoredAssociation {
            seq: 0,
            id: UNWRITTEN,
            association_type: model.name().to_owned(),
            version: 1,
            from,
            to,
            created_at: Timestamp::clamped(0),
            updated_at: Timestamp::clamped(0),
            archived_at: None,
            cells: draft.cells.clone(),
        };
        Ok(Self { table: Arc::clone(table), row, draft })
    }
}

/// Checks what must hold among the associations in use when this one is added.
///
/// # Errors
///
/// `OutOfRange`, `Duplicate`, `LimitExceeded`, `InvalidValue` as for [`Associations::add`].
pub(super) fn check_link(view: &View<'_>, link: &NewLink) -> Result<()> {
    let NewLink { table, row, .. } = link;
    check_rules(view, &table.model, row)?;
    check_acyclic(view, &table.model, row)
}

/// Writes a new association, all of which was checked.
///
/// # Errors
///
/// `LimitExceeded` if the journal cannot hold it; then nothing is written.
pub(super) fn insert(writing: &mut Writing<'_>, link: NewLink) -> Result<StoredAssociation> {
    let NewLink { table, mut row, draft } = link;
    let model = &table.model;
    let number = |end: &RecordRef| Ok::<i64, Error>(writing.table(&end.entity_type)?.model.id);
    let types = (number(&row.from)?, number(&row.to)?);
    row.id = writing.new_id();
    let demoted = find_demoted(&writing.view(), model, &row)?;
    journal::write_created(&model.whole, &draft, &mut writing.body);
    let body = finish_body(writing, &row, true)?;
    demote(writing, &demoted)?;
    let stamp = writing.stamp();
    row.seq = writing.next_seq();
    (row.created_at, row.updated_at) = (stamp.at(), stamp.at());
    rows::insert(writing.tx, &table, &row, types)?;
    writing.log(stamp, ChangeKind::AssociationAdded, None, Some(row.id), &body)?;
    writing.note_association(&table, None, &row)?;
    writing.tell_association(&row)?;
    Ok(row)
}

fn patch(writing: &mut Writing<'_>, request: PatchAssociation) -> Result<Loaded> {
    let PatchAssociation { id, mut changes, expected_version } = request;
    let (table, mut row) = load_expecting(writing, id, expected_version)?;
    let model = &table.model;
    model.check_live()?;
    if row.archived_at.is_some() {
        return Err(Error::new(ErrorKind::Archived, "the association is archived")
            .with_field("id")
            .with_hint("restore it with associations.restore"));
    }
    // Not primary is a value of its own in the file, not a missing one; empty text is no value.
    let is_nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
    if changes.iter().any(|(name, value)| name == IS_PRIMARY && is_nothing(value)) {
        changes.insert(IS_PRIMARY, false);
    }
    let before = Standing::of(&row);
    let mut draft = Draft::patch(&model.whole, std::mem::take(&mut row.cells), changes)?;
    check_values(&writing.view(), model, &mut draft)?;
    row.cells.clone_from(&draft.cells);
    if draft.changed.is_empty() {
        return Ok((table, row));
    }
    check_rules(&writing.view(), model, &row)?;
    let demoted = find_demoted(&writing.view(), model, &row)?;
    journal::write_changes(&model.whole, &draft, &mut writing.body);
    let body = finish_body(writing, &row, false)?;
    demote(writing, &demoted)?;
    save(writing, &table, &mut row, ChangeKind::AssociationChanged, &body)?;
    writing.note_association(&table, Some(&before), &row)?;
    writing.tell_association(&row)?;
    Ok((table, row))
}

/// Archives an association within a transaction, or takes it out of the archive.
///
/// # Errors
///
/// As [`Associations::archive`] and [`Associations::restore`].
pub(super) fn set_archived(
    writing: &mut Writing<'_>,
    id: RecordId,
    expected_version: Option<i64>,
    archive: bool,
) -> Result<Loaded> {
    let (table, row) = load_expecting(writing, id, expected_version)?;
    table.model.check_live()?;
    set_archived_row(writing, table, row, archive)
}

/// Archives an association, also of a type that is archived: it is about to be erased.
pub(super) fn archive_any(writing: &mut Writing<'_>, id: RecordId) -> Result<()> {
    let (table, row) = load(writing.tx, &writing.catalog, id)?;
    set_archived_row(writing, table, row, true).map(drop)
}

fn set_archived_row(
    writing: &mut Writing<'_>,
    table: Arc<AssociationTable>,
    mut row: StoredAssociation,
    archive: bool,
) -> Result<Loaded> {
    if row.archived_at.is_some() == archive {
        return Ok((table, row));
    }
    let model = &table.model;
    let before = Standing::of(&row);
    let mut draft = Draft::unchanged(row.cells.clone());
    let kind = if archive {
        ChangeKind::AssociationArchived
    } else {
        check_declared(model, "from", &row.from)?;
        check_declared(model, "to", &row.to)?;
        check_rules(&writing.view(), model, &row)?;
        if !find_demoted(&writing.view(), model, &row)?.is_empty() {
            // What became primary meanwhile stays so.
            set_primary(&mut draft, false);
            row.cells.clone_from(&draft.cells);
        }
        check_acyclic(&writing.view(), model, &row)?;
        ChangeKind::AssociationRestored
    };
    journal::write_changes(&model.whole, &draft, &mut writing.body);
    let body = finish_body(writing, &row, false)?;
    row.archived_at = archive.then(|| writing.stamp().at());
    save(writing, &table, &mut row, kind, &body)?;
    writing.note_association(&table, Some(&before), &row)?;
    writing.tell_association(&row)?;
    Ok((table, row))
}

/// Writes a changed row and its change.
fn save(
    writing: &mut Writing<'_>,
    table: &AssociationTable,
    row: &mut StoredAssociation,
    kind: ChangeKind,
    body: &str,
) -> Result<()> {
    let stamp = writing.stamp();
    row.version += 1;
    row.updated_at = stamp.at();
    rows::update(writing.tx, table, row)?;
    writing.log(stamp, kind, None, Some(row.id), body)
}

/// Takes the primary flag from these associations.
fn demote(writing: &mut Writing<'_>, ids: &[RecordId]) -> Result<()> {
    for &id in ids {
        let (table, mut row) = load(writing.tx, &writing.catalog, id)?;
        let mut draft = Draft::unchanged(std::mem::take(&mut row.cells));
        set_primary(&mut draft, false);
        journal::write_changes(&table.model.whole, &draft, &mut writing.body);
        let body = finish_body(writing, &row, false)?;
        row.cells = draft.cells;
        save(writing, &table, &mut row, ChangeKind::AssociationChanged, &body)?;
    }
    Ok(())
}

/// Gives an association back the primary flag that another one took from it.
///
/// # Errors
///
/// `NotFound`; `Archived` if it or its type is; `Duplicate` if another one is primary.
pub(super) fn promote(writing: &mut Writing<'_>, id: RecordId) -> Result<()> {
    let (table, mut row) = load(writing.tx, &writing.catalog, id)?;
    table.model.check_live()?;
    if row.archived_at.is_some() {
        return Err(Error::new(ErrorKind::Archived, "the association is archived"));
    }
    let mut draft = Draft::unchanged(std::mem::take(&mut row.cells));
    set_primary(&mut draft, true);
    row.cells.clone_from(&draft.cells);
    if !find_demoted(&writing.view(), &table.model, &row)?.is_empty() {
        return Err(Error::new(ErrorKind::Duplicate, "another association is primary"));
    }
    journal::write_changes(&table.model.whole, &draft, &mut writing.body);
    let body = finish_body(writing, &row, false)?;
    save(writing, &table, &mut row, ChangeKind::AssociationChanged, &body)
}

fn set_primary(draft: &mut Draft, is_primary: bool) {
    draft.cells[1] = Cell::Integer(is_primary.into());
    draft.changed = vec![1];
}

/// Completes the body whose columns stand in the buffer, and refuses one that is too large.
fn finish_body(writing: &mut Writing<'_>, row: &StoredAssociation, is_new: bool) -> Result<String> {
    journal::wrap_association(row, is_new, &mut writing.body);
    writing.check_body()?;
    Ok(std::mem::take(&mut writing.body))
}

/// Checks an end of a new association.
pub(super) fn check_end(
    writing: &Writing<'_>,
    model: &AssociationModel,
    field: &str,
    end: &RecordRef,
) -> Result<()> {
    let of_type = format!("{field}.type");
    let table = writing.table(&end.entity_type).map_err(|e| e.with_field(of_type.as_str()))?;
    check_declared(model, field, end)?;
    table.model.check_live().map_err(|error| error.with_field(of_type))?;
    match records::is_archived(writing.tx, &table, end.id.as_bytes())? {
        Some(false) => Ok(()),
        Some(true) => Err(Error::new(ErrorKind::Archived, "the record is archived")
            .with_field(format!("{field}.id"))
            .with_hint("restore it with records.restore")),
        None => Err(no_record(&format!("{field}.id"))),
    }
}

/// Refuses an end of an entity type that the type does not lead from or to.
///
/// # Errors
///
/// `InvalidArgument`.
pub(super) fn check_declared(model: &AssociationModel, field: &str, end: &RecordRef) -> Result<()> {
    let definition = &model.definition;
    let declared = if field == "from" { &definition.from } else { &definition.to };
    if declared.contains(&end.entity_type) {
        return Ok(());
    }
    let message = format!("{:?} does not lead {field} this entity type", definition.name);
    Err(Error::new(ErrorKind::InvalidArgument, message)
        .with_field(format!("{field}.type"))
        .with_hint(format!("it leads {field} {}", declared.join(", "))))
}

fn no_record(field: &str) -> Error {
    Error::new(ErrorKind::NotFound, "no such record").with_field(field)
}

fn check_values(view: &View<'_>, model: &AssociationModel, draft: &mut Draft) -> Result<()> {
    for &place in &draft.changed {
        let attribute = &model.whole.attributes[place];
        check_target(view, attribute, &mut draft.cells[attribute.span()])?;
    }
    Ok(())
}

/// The associations in use of the same type at an end of `row`, without itself.
fn siblings_of(
    view: &View<'_>,
    model: &AssociationModel,
    row: &StoredAssociation,
    end: End,
) -> Result<Vec<Sibling>> {
    let record = if end == End::From { row.from.id } else { row.to.id };
    let mut siblings = view.siblings(model.id, end, record)?;
    siblings.retain(|sibling| sibling.id != row.id);
    Ok(siblings)
}

/// Checks what must hold among the associations in use when `row` is one of them.
fn check_rules(view: &View<'_>, model: &AssociationModel, row: &StoredAssociation) -> Result<()> {
    let definition = &model.definition;
    let period = row.period()?;
    let mut siblings = view.between(model.id, row.from.id, row.to.id)?;
    siblings.retain(|sibling| sibling.id != row.id);
    if let Some(same) = duplicate(&siblings, row.role(), period) {
        let message = format!("association {} says the same at an overlapping time", same.id);
        return Err(Error::new(ErrorKind::Duplicate, message)
            .with_field("to")
            .with_hint("patch that association, or let its validity end before"));
    }
    for (end, most, field) in
        [(End::From, definition.max_outgoing, "from"), (End::To, definition.max_incoming, "to")]
    {
        if most.is_some() {
            check_count(&siblings_of(view, model, row, end)?, period, most, field)?;
        }
    }
    Ok(())
}

/// The associations that cannot be primary beside `row`.
fn find_demoted(
    view: &View<'_>,
    model: &AssociationModel,
    row: &StoredAssociation,
) -> Result<Vec<RecordId>> {
    if !row.is_primary() {
        return Ok(Vec::new());
    }
    let period = row.period()?;
    let siblings = siblings_of(view, model, row, End::From)?.into_iter();
    let demoted = siblings.filter(|s| s.is_primary && s.period.overlaps(period));
    Ok(demoted.map(|sibling| sibling.id).collect())
}

/// Refuses an association that would close a cycle, at whatever time the others hold.
fn check_acyclic(view: &View<'_>, model: &AssociationModel, row: &StoredAssociation) -> Result<()> {
    if !model.definition.is_hierarchy {
        return Ok(());
    }
    // From the record above on upwards; for each record that through which it was found.
    let mut found: HashMap<RecordId, Option<RecordId>> = HashMap::from([(row.to.id, None)]);
    let mut waiting = VecDeque::from([row.to.id]);
    while let Some(id) = waiting.pop_front() {
        if id == row.from.id {
            let back = std::iter::successors(Some(id), |id| found[id]);
            let mut path: Vec<RecordId> = back.collect();
            path.reverse();
            return Err(cycle(&path));
        }
        for above in view.above(model.id, id)? {
            if found.len() > limits::ANCESTORS {
                let message = format!("more than {} records lie above it", limits::ANCESTORS);
                return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("to"));
            }
            found.entry(above).or_insert_with(|| {
                waiting.push_back(above);
                Some(id)
            });
        }
    }
    Ok(())
}

/// Where a page of a record's associations ended.
#[derive(Debug, Serialize, Deserialize)]
struct After {
    /// The record.
    r: RecordId,
    /// Whether it is their `to` end.
    i: bool,
    /// The type, the other record and the place of adding.
    p: (i64, RecordId, i64),
}

impl After {
    fn read(text: &str, request: &FindRelated) -> Result<Self> {
        let after: Self = cursor::decode(text)?;
        let is_asked = match request.direction {
            AssociationDirection::Both => true,
            AssociationDirection::Incoming => after.i,
            AssociationDirection::Outgoing => !after.i,
        };
        match is_asked && after.r == request.record.id {
            true => Ok(after),
            false => Err(cursor::invalid("the cursor belongs to another list")),
        }
    }

    fn write(record: RecordId, end: End, place: Place) -> String {
        let p = (place.type_id, place.other, place.seq);
        cursor::encode(&Self { r: record, i: end == End::To, p })
    }

    fn place(&self) -> Place {
        let (type_id, other, seq) = self.p;
        Place { type_id, other, seq }
    }
}

/// Which ends of its associations a record is, in the order in which they are read.
fn ends(direction: AssociationDirection) -> &'static [End] {
    match direction {
        AssociationDirection::Outgoing => &[End::From],
        AssociationDirection::Incoming => &[End::To],
        AssociationDirection::Both => &[End::From, End::To],
    }
}

fn check_record(conn: &Connection, catalog: &Catalog, record: &RecordRef) -> Result<()> {
    let table = catalog.table(&record.entity_type).map_err(|e| e.with_field("record.type"))?;
    match records::exists(conn, table, record.id.as_bytes())? {
        true => Ok(()),
        false => Err(no_record("record.id")),
    }
}

fn related(
    conn: &Connection,
    catalog: &Catalog,
    request: &FindRelated,
    on: Option<i64>,
    after: Option<&After>,
) -> Result<AssociationPage> {
    check_record(conn, catalog, &request.record)?;
    let wanted = request.association_type.as_deref();
    let wanted = wanted.map(|name| catalog.associations(name)).transpose()?;
    let id = request.record.id;
    let mut page = AssociationPage { related: Vec::new(), next: None };
    let mut last = None;
    for &end in ends(request.direction) {
        let after = match after {
            Some(after) if after.i && end == End::From => continue,
            Some(after) if after.i == (end == End::To) => Some(after.place()),
            _ => None,
        };
        let around = Around {
            id,
            end,
            type_id: wanted.map(|table| table.model.id),
            role: request.role.as_deref(),
            on,
            with_archived: request.archived != Archived::Exclude,
            after,
        };
        rows::around(conn, &around, |row, place| {
            let Some(found) = see(conn, catalog, request, end, row)? else { return Ok(true) };
            if page.related.len() == request.limit as usize {
                page.next = last.map(|(end, place)| After::write(id, end, place));
                return Ok(false);
            }
            page.related.push(found);
            last = Some((end, place));
            Ok(true)
        })?;
        if page.next.is_some() {
            break;
        }
    }
    Ok(page)
}

/// An association seen from the record that is this end of it; `None` if the request leaves it out.
fn see(
    conn: &Connection,
    catalog: &Catalog,
    request: &FindRelated,
    end: End,
    mut row: StoredAssociation,
) -> Result<Option<Related>> {
    let (direction, other) = match end {
        End::From => (AssociationDirection::Outgoing, row.to.clone()),
        End::To => (AssociationDirection::Incoming, row.from.clone()),
    };
    let other_table = catalog.table(&other.entity_type)?;
    let is_archived = row.archived_at.is_some() || is_archived(conn, other_table, other.id)?;
    let is_wanted = match request.archived {
        Archived::Exclude => !is_archived,
        Archived::Only => is_archived,
        Archived::Include => true,
    };
    if !is_wanted {
        return Ok(None);
    }
    let record = match request.with_records {
        true => records::get(conn, other_table, other.id)?,
        false => None,
    };
    let table = catalog.associations(&row.association_type)?;
    rows::complete(conn, table, &mut row)?;
    Ok(Some(Related {
        association: row.describe(&table.model),
        direction,
        other,
        record: record.map(|row| to_record(&other_table.model, row)),
    }))
}

fn is_archived(conn: &Connection, table: &Table, id: RecordId) -> Result<bool> {
    Ok(records::is_archived(conn, table, id.as_bytes())?.unwrap_or(false))
}

fn walk(
    conn: &Connection,
    catalog: &Catalog,
    request: &WalkAssociations,
    on: Option<i64>,
) -> Result<AssociationWalk> {
    let table = catalog.associations(&request.association_type)?;
    check_record(conn, catalog, &request.record)?;
    let mut walk = AssociationWalk { nodes: Vec::new(), is_truncated: false };
    let mut found = HashSet::from([request.record.id]);
    let mut waiting = VecDeque::from([(request.record.id, 0)]);
    while let Some((id, depth)) = waiting.pop_front() {
        for &end in ends(request.direction) {
            let (type_id, with_archived) = (Some(table.model.id), false);
            let around = Around { id, end, type_id, role: None, on, with_archived, after: None };
            rows::around(conn, &around, |row, place| {
                if found.contains(&place.other) {
                    return Ok(true);
                }
                let record = if end == End::From { row.to } else { row.from };
                let other_table = catalog.table(&record.entity_type)?;
                if !request.through_archived && is_archived(conn, other_table, record.id)? {
                    return Ok(true);
                }
                let is_full = walk.nodes.len() == request.limit as usize;
                walk.is_truncated |= is_full || depth == request.max_depth;
                if walk.is_truncated {
                    return Ok(false);
                }
                found.insert(record.id);
                waiting.push_back((record.id, depth + 1));
                let (depth, association) = (depth + 1, row.id);
                walk.nodes.push(WalkNode { record, depth, parent: id, association });
                Ok(true)
            })?;
            // Nearest first: whatever is waiting lies at least as far as what was left out.
            if walk.is_truncated {
                return Ok(walk);
            }
        }
    }
    Ok(walk)
}
