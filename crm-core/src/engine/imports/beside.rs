//! What a row says beside its record: associations, activities and stages, decided upon and written.
//!
//! They are judged once it is known what becomes of the record, and a row that is left out says
//! nothing. The invariant: what was decided is written in the transaction of its record, or nothing of
//! the row is.

use super::{
    super::{
        Catalog, Writing, activities, associations,
        lifecycles::{Start, Starts},
        records,
    },
    activities::{ActivityBlock, NewActivity},
    foreseen::Foreseen,
    judge::{Decision, RowWork},
    links::{LinkBlock, NewOther, RowLink},
};
use crate::{
    BadCells, ColumnMapping, Error, ErrorKind, ImportMode, Kind, PlannedActivity,
    PlannedAssociation, PlannedStage, RecordId, Result, RowDecision, StartStage, Value,
    association::PlannedLinks,
    cell::Cell,
    exchange::{Fault, Field, ImportRules, Mapping, RowCell, RowSource, find_column},
    limits,
    record::{Draft, Given, concerns_one_row},
    schema::{AttributeModel, TypeModel},
    store::table::Table,
};

/// The columns beside those of the record, ready for work.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) links: Vec<LinkBlock>,
    pub(super) activities: Vec<ActivityBlock>,
    pub(super) starts: Vec<Starts>,
}

impl Blocks {
    /// # Errors
    ///
    /// As [`LinkBlock::new`], [`ActivityBlock::new`] and [`Starts::of`]; `LimitExceeded`;
    /// `InvalidArgument` for stages where no record is created.
    pub(super) fn new(
        catalog: &Catalog,
        own: &Table,
        rules: ImportRules<'_>,
        source: &dyn RowSource,
    ) -> Result<Self> {
        let ImportRules { associations, activities, .. } = rules;
        if associations.len() + activities.len() > limits::IMPORT_BLOCKS {
            let message = format!(
                "at most {} kinds of associations and of activities",
                limits::IMPORT_BLOCKS
            );
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("associations"));
        }
        // Number 0 is that of the record's own columns.
        let links = (1..).zip(associations);
        let links =
            links.map(|(number, block)| LinkBlock::new(catalog, own, source, block, number));
        let happened = (1 + associations.len()..).zip(activities);
        let happened =
            happened.map(|(number, block)| ActivityBlock::new(catalog, source, block, number));
        check_creates(rules.mode, rules.stages)?;
        let starts = Starts::of(catalog, &own.model.name, rules.stages, |name| {
            let column = find_column(source.header(), name)?;
            let mapping = ColumnMapping::new(name, "");
            source.check_column(column, Kind::Text, 0, &mapping).map(|()| column)
        });
        Ok(Self {
            links: links.collect::<Result<_>>()?,
            activities: happened.collect::<Result<_>>()?,
            starts: starts?,
        })
    }

    /// Whether the definitions are still those that they were made for.
    pub(super) fn are_current(&self, catalog: &Catalog) -> bool {
        self.links.iter().all(|block| block.is_current(catalog))
            && self.activities.iter().all(|block| block.is_current(catalog))
            && self.starts.iter().all(|starts| starts.is_current(catalog))
    }

    /// The places of the columns that go somewhere.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        let links = self.links.iter().flat_map(LinkBlock::columns);
        let happened = self.activities.iter().flat_map(|block| &block.fields);
        let starts = self.starts.iter().filter_map(|starts| starts.column);
        links.chain(happened.flat_map(Field::columns)).chain(starts)
    }
}

/// Refuses stages for records that are there already.
///
/// # Errors
///
/// `InvalidArgument`.
pub(in crate::engine) fn check_creates(mode: ImportMode, stages: &[StartStage]) -> Result<()> {
    match mode {
        ImportMode::Update if !stages.is_empty() => {
            let message = "only records that are created begin on a stage";
            Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("stages")
                .with_hint("leave it out, or set the mode to upsert"))
        }
        _ => Ok(()),
    }
}

/// What is to be done beside the record of a row.
#[derive(Default)]
pub(in crate::engine) struct Beside {
    pub(super) others: Vec<NewOther>,
    pub(super) links: Vec<RowLink>,
    pub(super) activities: Vec<NewActivity>,
    /// Where the record begins, if it is created.
    pub(super) starts: Vec<Start>,
    /// The links, as the rules see them.
    pub(super) planned: PlannedLinks,
}

/// How much was done, or would be, beside the records of rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) associations: u64,
    pub(super) activities: u64,
    pub(super) others: u64,
}

impl Beside {
    pub(super) fn extent(&self) -> Extent {
        Extent {
            associations: self.links.len() as u64,
            activities: self.activities.len() as u64,
            others: self.others.len() as u64,
        }
    }

    /// The associations, as the row of a plan shows them.
    pub(super) fn planned_associations(&self) -> Vec<PlannedAssociation> {
        self.links.iter().map(RowLink::planned).collect()
    }

    /// The activities, as the row of a plan shows them.
    pub(super) fn planned_activities(&self) -> Vec<PlannedActivity> {
        self.activities.iter().map(NewActivity::planned).collect()
    }

    /// The stages, as the row of a plan shows them.
    pub(super) fn planned_stages(&self) -> Vec<PlannedStage> {
        let names = self.starts.iter().map(Start::names);
        let planned = |(lifecycle, stage): (&str, &str)| PlannedStage {
            lifecycle: lifecycle.to_owned(),
            stage: stage.to_owned(),
        };
        names.map(planned).collect()
    }

    /// Keeps in mind what later rows have to know of it.
    ///
    /// # Errors
    ///
    /// `LimitExceeded`.
    pub(super) fn foresee(&self, foreseen: &mut Foreseen) -> Result<()> {
        for other in &self.others {
            foreseen.make(other.table.model.id, other.place, &other.key, other.id)?;
        }
        for link in &self.links {
            link.foresee(&mut foreseen.links)?;
        }
        for key in self.activities.iter().filter_map(|activity| activity.content.key.as_deref()) {
            foreseen.note_activity(key)?;
        }
        foreseen.check_room()
    }
}

/// Writes what was decided upon a row.
///
/// # Errors
///
/// Those that concern more than a row.
pub(in crate::engine) fn carry_out(
    writing: &mut Writing<'_>,
    schema: &Table,
    decision: Decision,
    beside: Beside,
) -> Result<RowDecision> {
    let done = decision.name();
    let own = match decision {
        Decision::Create(draft) => {
            let id = writing.new_id();
            // What names a record is created before what it names.
            let made = make_others(writing, beside.others)?;
            insert(writing, schema, id, draft, beside.starts)?;
            return add(writing, schema, id, &made, beside.links, beside.activities).map(|()| done);
        }
        Decision::Update(row, draft) => {
            let id = row.id;
            records::update(writing, schema, row, draft)?;
            id
        }
        Decision::Unchanged(id) => id,
        Decision::Reject { .. } => return Ok(done),
    };
    let made = make_others(writing, beside.others)?;
    add(writing, schema, own, &made, beside.links, beside.activities)?;
    Ok(done)
}

/// Writes a new record, all of which was checked, and has it begin on these stages.
///
/// # Errors
///
/// Those of the file.
pub(in crate::engine) fn insert(
    writing: &mut Writing<'_>,
    table: &Table,
    id: RecordId,
    draft: Draft,
    starts: Vec<Start>,
) -> Result<()> {
    if starts.is_empty() {
        return records::insert(writing, table, id, draft).map(drop);
    }
    // What follows from it finds it where it begins.
    writing.together(|writing| {
        records::insert(writing, table, id, draft)?;
        starts.into_iter().try_for_each(|start| start.enter(writing, id))
    })
}

/// Creates the records at the other end; what stood for each, and its id.
fn make_others(
    writing: &mut Writing<'_>,
    others: Vec<NewOther>,
) -> Result<Vec<(RecordId, RecordId)>> {
    let mut made = Vec::with_capacity(others.len());
    for other in others {
        let id = writing.new_id();
        records::insert(writing, &other.table, id, other.draft)?;
        made.push((other.id, id));
    }
    Ok(made)
}

fn add(
    writing: &mut Writing<'_>,
    schema: &Table,
    own: RecordId,
    made: &[(RecordId, RecordId)],
    links: Vec<RowLink>,
    happened: Vec<NewActivity>,
) -> Result<()> {
    for row_link in links {
        let RowLink { mut link, is_incoming, .. } = row_link;
        let row = &mut link.row;
        let (own_end, other_end) = match is_incoming {
            true => (&mut row.to, &mut row.from),
            false => (&mut row.from, &mut row.to),
        };
        own_end.id = own;
        if let Some((_, id)) = made.iter().find(|(planned, _)| *planned == other_end.id) {
            other_end.id = *id;
        }
        associations::insert(writing, link)?;
    }
    for activity in happened {
        let NewActivity { kind, content, .. } = activity.finish(own);
        let record = (schema.model.id, own);
        activities::insert_of_record(writing, &kind, &content, record)?;
    }
    Ok(())
}

/// Whether an error says that a row fits by itself, but not with other rows or records.
pub(super) fn is_conflict(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Duplicate | ErrorKind::Archived | ErrorKind::StaleVersion)
}

impl RowWork<'_> {
    /// What a row says beside the record `own`, which may be planned only.
    ///
    /// # Errors
    ///
    /// Those that concern more than a row.
    pub(super) fn beside(&mut self, own: RecordId) -> Result<Beside> {
        let blocks = self.blocks;
        let mut beside = Beside::default();
        for block in &blocks.links {
            self.links(block, own, &mut beside)?;
        }
        for block in &blocks.activities {
            self.activity(block, own, &mut beside)?;
        }
        Ok(beside)
    }

    /// Where a record of these cells begins, if it is created.
    ///
    /// # Errors
    ///
    /// Those that concern more than a row.
    pub(super) fn starts(&mut self, cells: &[Cell], beside: &mut Beside) -> Result<()> {
        let blocks = self.blocks;
        for starts in &blocks.starts {
            let said = match starts.column.map(|column| read_start(starts, column, self.row)) {
                Some(Err(fault)) => {
                    self.blame(fault)?;
                    None
                }
                Some(Ok(said)) => said,
                None => None,
            };
            let Some(start) = said.or_else(|| starts.usual()) else { continue };
            let is_missing = |attribute: &AttributeModel| {
                cells[attribute.span()].iter().all(|cell| *cell == Cell::Null)
            };
            match start.check(self.view.catalog, self.schema, is_missing) {
                Err(error) if concerns_one_row(error.kind()) => {
                    let name = error.field().unwrap_or_default();
                    let column = self.mapping.column_of(&self.schema.model, name);
                    self.faults.push((column, error));
                    self.rejection = Some(false);
                }
                checked => {
                    checked?;
                    beside.starts.push(start);
                }
            }
        }
        Ok(())
    }

    /// Reports what is wrong with something beside the record, which is left out, or the row with it.
    ///
    /// # Errors
    ///
    /// The error itself, if it concerns more than a row.
    pub(super) fn blame(&mut self, fault: Fault) -> Result<()> {
        let (column, error) = fault;
        if !concerns_one_row(error.kind()) {
            return Err(error);
        }
        if self.rules.bad_cells == BadCells::RejectRow {
            let is_conflict = self.rejection.unwrap_or(true) && is_conflict(error.kind());
            self.rejection = Some(is_conflict);
        }
        self.faults.push((column, error));
        Ok(())
    }

    /// Reads the values that belong together; those that do not fit are left out and reported.
    ///
    /// # Errors
    ///
    /// As [`Self::blame`].
    pub(super) fn read_fields(
        &mut self,
        number: usize,
        model: &TypeModel,
        fields: &[Field],
    ) -> Result<Given> {
        let mut given = Given::new(model);
        for field in fields {
            if let Err(fault) = self.read_field(number, model, field, &mut given) {
                self.blame(fault)?;
            }
        }
        Ok(given)
    }

    /// Reports cells that say nothing without what is missing, unless they go to the record as well.
    ///
    /// # Errors
    ///
    /// As [`Self::blame`].
    pub(super) fn blame_unsaid(
        &mut self,
        fields: &[Field],
        message: &str,
        hint: &str,
    ) -> Result<()> {
        let columns = fields.iter().flat_map(Field::columns);
        for column in columns {
            if !self.row.is_blank(column) && !is_read(self.mapping, column) {
                let error = Error::new(ErrorKind::Required, message).with_hint(hint);
                self.blame((Some(column), error))?;
            }
        }
        Ok(())
    }
}

/// The stage that a row says in a column.
fn read_start(
    starts: &Starts,
    column: usize,
    row: &dyn RowSource,
) -> std::result::Result<Option<Start>, Fault> {
    let read = row.cell(column, Kind::Text).and_then(|cell| match cell {
        RowCell::Text(text) => starts.read(text),
        RowCell::Value(Value::Text(text)) => starts.read(&text),
        RowCell::Value(Value::Null) => Ok(None),
        RowCell::Value(_) | RowCell::Local(_) => {
            Err(Error::new(ErrorKind::InvalidValue, "names no stage")
                .with_hint("write the name of a stage"))
        }
    });
    read.map_err(|error| (Some(column), error))
}

/// Whether a column goes to the record.
fn is_read(mapping: &Mapping, column: usize) -> bool {
    mapping.columns().any(|read| read == column)
}

/// Refuses a rule for columns of which nothing is ever changed.
///
/// # Errors
///
/// `InvalidArgument`.
pub(super) fn check_no_rule(mapping: &ColumnMapping) -> Result<crate::ColumnRule> {
    match mapping.rule {
        None => Ok(crate::ColumnRule::Overwrite),
        Some(_) => {
            let message = "a rule is for what the record has; this is only added";
            Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field(&mapping.column)
                .with_hint("leave the rule out"))
        }
    }
}
