//! Rows that are activities: of a record that a column names, or of a visitor.

use super::{
    super::{
        super::{Catalog, Writing, activities},
        activities::{AT, ActivityBlock, KEY, SUBJECT, moment},
    },
    Maker, missing, unsaid,
};
use crate::{
    ActivityColumns, ColumnMapping, Error, ErrorKind, IngestActivities, Outcome, RecordRef, Result,
    Value,
    exchange::{Field, RowSource},
    record::Given,
    schema::TypeModel,
};

/// Makes activities of rows.
pub(in crate::engine) struct ActivityMaker<'r> {
    request: &'r IngestActivities,
    columns: ActivityColumns,
    block: ActivityBlock,
}

impl<'r> ActivityMaker<'r> {
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived`; `InvalidArgument` if no column says when or
    /// whose; as [`RowSource::check_column`].
    pub(in crate::engine) fn new(
        catalog: &Catalog,
        request: &'r IngestActivities,
        table: &dyn RowSource,
        columns: Vec<ColumnMapping>,
    ) -> Result<Self> {
        let columns = ActivityColumns {
            channel: request.channel.clone(),
            direction: request.direction,
            ..ActivityColumns::new(&request.kind, columns)
        };
        let block = make(catalog, request, table, &columns)?;
        Ok(Self { request, columns, block })
    }
}

impl Maker for ActivityMaker<'_> {
    fn is_current(&self, catalog: &Catalog) -> bool {
        self.block.is_current(catalog)
    }

    fn renew(&mut self, catalog: &Catalog, table: &dyn RowSource) -> Result<()> {
        self.block = make(catalog, self.request, table, &self.columns)?;
        Ok(())
    }

    fn whole(&self) -> &TypeModel {
        &self.block.whole
    }

    fn fields(&self) -> &[Field] {
        &self.block.fields
    }

    fn is_vital(&self, place: usize) -> bool {
        [AT, KEY].contains(&place) || self.block.is_whose(place)
    }

    fn write(&self, writing: &mut Writing<'_>, mut given: Given) -> Result<Outcome> {
        let block = &self.block;
        let Some(at) = moment(block, &given)? else {
            return Err(missing("at", "the row does not say when it was", "write the time"));
        };
        let subject = match &self.request.subject_type {
            Some(name) if given.has(SUBJECT) => match given.take(&block.whole, SUBJECT) {
                Value::Text(id) => Some(RecordRef::new(name, id.parse()?)),
                _ => None,
            },
            _ => None,
        };
        let content = block.draft(given, at, writing.now, subject)?;
        activities::record_content(writing, &block.kind, content).map(|(.., outcome)| outcome)
    }
}

fn make(
    catalog: &Catalog,
    request: &IngestActivities,
    table: &dyn RowSource,
    columns: &ActivityColumns,
) -> Result<ActivityBlock> {
    let is_subject = |mapping: &&ColumnMapping| mapping.attribute == "subject";
    if request.subject_type.is_none()
        && let Some(mapping) = columns.columns.iter().find(is_subject)
    {
        let message = "nobody says of which type the records are that this column names";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field("subject_type")
            .with_hint(format!("name the entity type of the records in {:?}", mapping.column)));
    }
    let block =
        ActivityBlock::of_anybody(catalog, table, columns, request.subject_type.as_deref())?;
    if !block.fields.iter().any(|field| block.is_whose(field.place)) {
        let message = "no column says whose the activities are";
        return Err(unsaid(message, "map a column to subject or to visitor"));
    }
    Ok(block)
}
