//! Activities that columns make with the record of a row.
//!
//! An activity has a key that is made of its record and of what the columns say, so that what was
//! imported once is not recorded again. The invariant: the key depends on the row and the record alone,
//! not on when or how often the table is imported.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{
    super::{Catalog, activities, activity_kinds, records::check_target, writing::check_body},
    beside::{Beside, check_no_rule},
    foreseen::{Foreseen, absorb},
    judge::RowWork,
};
use crate::{
    ActivityColumns, Attribute, ChoiceOption, ColumnMapping, Date, Direction, Error, ErrorKind,
    Kind, Money, PlannedActivity, RecordId, RecordRef, Result, Timestamp, Value,
    activity::{self, Content},
    cell::Cell,
    exchange::{Field, RowSource, make_fields},
    journal, limits,
    record::{Draft, Given},
    schema::{AttributeModel, TypeModel},
    store::activities::{self as rows, KindTable},
};

/// What every activity has, before the properties of its kind.
const FIXED: usize = 5;
pub(super) const AT: usize = 0;
const AMOUNT: usize = 1;
const CHANNEL: usize = 2;
const DIRECTION: usize = 3;
pub(super) const KEY: usize = 4;
/// Where activities are of nobody's row: whose they are.
const VISITOR: usize = FIXED;
#[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only tables of Arrow need it"))]
pub(super) const SUBJECT: usize = FIXED + 1;

/// The columns of one kind of activities, ready for work.
pub(super) struct ActivityBlock {
    /// The first part of its slot.
    number: usize,
    pub(super) kind: Arc<KindTable>,
    /// What every activity has, and then the properties.
    pub(super) whole: TypeModel,
    /// How much every activity has.
    fixed: usize,
    pub(super) fields: Vec<Field>,
    /// The zone in which the days begin, where the time is a day.
    zone: Option<String>,
    channel: Option<String>,
    direction: Option<Direction>,
}

impl ActivityBlock {
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, with the nearest name; `Archived`; `InvalidArgument` if
    /// there is no such column, or no column that says when.
    pub(super) fn new(
        catalog: &Catalog,
        table: &dyn RowSource,
        block: &ActivityColumns,
        number: usize,
    ) -> Result<Self> {
        let made = Self::make(catalog, table, block, number, Vec::new());
        made.map_err(|error| match error.field() {
            Some(field @ ("kind" | "channel" | "columns")) => {
                let field = format!("activities.{field}");
                error.with_field(field)
            }
            _ => error,
        })
    }

    /// The columns of activities that stand by themselves, of visitors or of records of this type.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only tables of Arrow need it"))]
    pub(super) fn of_anybody(
        catalog: &Catalog,
        table: &dyn RowSource,
        block: &ActivityColumns,
        subject_type: Option<&str>,
    ) -> Result<Self> {
        let visitor = Attribute::new("visitor", Kind::Text);
        let subject = subject_type.map(|name| -> Result<Attribute> {
            let of_type = |error: Error| error.with_field("subject_type");
            let table = catalog.table(name).map_err(of_type)?;
            table.model.check_live().map_err(of_type)?;
            Ok(Attribute::new("subject", Kind::Reference).target(name))
        });
        let whose = std::iter::once(visitor).chain(subject.transpose()?);
        let whose = whose.map(|attribute| AttributeModel::new(0, attribute, None));
        Self::make(catalog, table, block, 0, whose.collect::<Result<_>>()?)
    }

    fn make(
        catalog: &Catalog,
        table: &dyn RowSource,
        block: &ActivityColumns,
        number: usize,
        whose: Vec<AttributeModel>,
    ) -> Result<Self> {
        let within = |error: Error| error.with_field("kind");
        let kind = catalog.kind(&block.kind).map_err(within)?;
        activity_kinds::check_live(kind).map_err(within)?;
        if let Some(channel) = &block.channel {
            activity::check_label("channel", channel)?;
        }
        let fixed_count = FIXED + whose.len();
        let mut columns = block.columns.clone();
        let zone = columns.iter_mut().find_map(take_zone_of_days);
        let mut whole = TypeModel::new(
            kind.model.id,
            kind.model.name.clone(),
            String::new(),
            String::new(),
            None,
            Vec::new(),
        );
        let properties = kind.model.attributes.clone();
        for attribute in fixed(zone.is_some())?.into_iter().chain(whose).chain(properties) {
            whole = whole.with_attribute(attribute);
        }
        let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
        let rule = |_: &AttributeModel, mapping: &ColumnMapping| check_no_rule(mapping);
        let fields = make_fields(&whole, table, &columns, find_type, rule)?;
        if !fields.iter().any(|field| field.place == AT) {
            let message = "no column says when the activity was";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("columns")
                .with_hint("map a column to at"));
        }
        Ok(Self {
            number,
            kind: Arc::clone(kind),
            whole,
            fixed: fixed_count,
            fields,
            zone,
            channel: block.channel.clone(),
            direction: block.direction,
        })
    }

    pub(super) fn is_current(&self, catalog: &Catalog) -> bool {
        let kind = catalog.find_kind(&self.kind.model.name);
        kind.is_some_and(|kind| Arc::ptr_eq(kind, &self.kind))
    }

    /// Whether an attribute at this place says whose the activity is.
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only tables of Arrow need it"))]
    pub(super) fn is_whose(&self, place: usize) -> bool {
        (FIXED..self.fixed).contains(&place)
    }

    /// The column of what has this name.
    fn find_column(&self, name: &str) -> Option<usize> {
        let is_meant = |field: &&Field| self.whole.attributes[field.place].name() == name;
        self.fields.iter().find(is_meant).map(Field::column)
    }

    /// The column of what has this name; that of the time, if none goes there.
    fn column_of(&self, name: &str) -> usize {
        let time = || self.find_column("at");
        self.find_column(name).or_else(time).unwrap_or_default()
    }

    /// An activity of a record or of a visitor, as the columns say it, encoded.
    ///
    /// # Errors
    ///
    /// As [`activity::draft`].
    pub(super) fn draft(
        &self,
        mut given: Given,
        at: Timestamp,
        now: Timestamp,
        subject: Option<RecordRef>,
    ) -> Result<Content> {
        let (whole, model) = (&self.whole, &self.kind.model);
        let mut taken = |place: usize| match given.has(place) {
            true => given.take(whole, place),
            false => Value::Null,
        };
        let text = |value: Value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        let amount = match taken(AMOUNT) {
            Value::Money(money) => Some(money),
            _ => None,
        };
        let channel = text(taken(CHANNEL)).or_else(|| self.channel.clone());
        let direction = text(taken(DIRECTION)).and_then(|name| Direction::from_name(&name));
        let key = text(taken(KEY));
        let visitor = if self.fixed > VISITOR { text(taken(VISITOR)) } else { None };
        let activity = crate::NewActivity {
            channel,
            direction: direction.or(self.direction),
            amount,
            key,
            subject,
            visitor,
            ..crate::NewActivity::new(&model.name, at)
        };
        activity::draft_with(activity, now, || {
            let mut properties = Given::new(model);
            for place in (0..model.attributes.len()).filter(|place| given.has(self.fixed + place)) {
                properties.set_cells(model, place, given.cells(whole, self.fixed + place))?;
            }
            Ok(Draft::complete(model, properties)?.cells)
        })
    }
}

/// The zone of a column whose format has a day only; such a column is read as a day.
fn take_zone_of_days(mapping: &mut ColumnMapping) -> Option<String> {
    let (Some(format), Some(zone)) = (&mapping.format, &mapping.time_zone) else { return None };
    let is_day = mapping.attribute == "at"
        && Timestamp::check_format(format, Some(zone)).is_err()
        && Date::check_format(format).is_ok()
        && Date::from_days(0).and_then(|day| Timestamp::start_of(day, zone)).is_ok();
    if is_day { mapping.time_zone.take() } else { None }
}

fn fixed(is_day: bool) -> Result<[AttributeModel; FIXED]> {
    let make = |attribute: Attribute| AttributeModel::new(0, attribute, None);
    let directions = [Direction::Inbound, Direction::Outbound];
    let directions = directions.map(|direction| ChoiceOption::new(direction.name()));
    Ok([
        make(Attribute::new("at", if is_day { Kind::Date } else { Kind::Timestamp }))?,
        make(Attribute::new("amount", Kind::Money))?,
        make(Attribute::new("channel", Kind::Text))?,
        make(Attribute {
            options: directions.into(),
            ..Attribute::new("direction", Kind::Choice)
        })?,
        make(Attribute::new("key", Kind::Text))?,
    ])
}

/// An activity of a row's record.
pub(super) struct NewActivity {
    pub(super) kind: Arc<KindTable>,
    /// Its key is the one that a column says; one that is made is missing.
    pub(super) content: Content,
    /// A hash of what the columns say.
    digest: [u8; 32],
}

impl NewActivity {
    /// It as the row of a plan shows it.
    pub(super) fn planned(&self) -> PlannedActivity {
        let Content { at, amount, cells, .. } = &self.content;
        let money = |(amount, currency): &(i64, String)| Money::from_minor_units(*amount, currency);
        PlannedActivity {
            kind: self.kind.model.name.clone(),
            at: *at,
            properties: self.kind.model.decode(cells.clone()).0,
            amount: amount.as_ref().and_then(|amount| money(amount).ok()),
        }
    }

    /// It with its record, and with a key.
    pub(super) fn finish(mut self, record: RecordId) -> Self {
        if let Some(subject) = &mut self.content.subject {
            subject.id = record;
        }
        let digest = self.digest;
        self.content.key.get_or_insert_with(|| made_key(record, &digest));
        self
    }
}

/// The key of an activity with a record of which columns say what has this digest.
fn made_key(record: RecordId, digest: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update(record.as_bytes());
    hash.update(digest);
    let hash = hash.finalize();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("import:{hash}")
}

/// A hash of what the columns of a row say.
fn digest(block: &ActivityBlock, given: &Given, at: Timestamp) -> [u8; 32] {
    let mut hash = Sha256::new();
    let text = |text: &str| Cell::Text(text.to_owned());
    absorb(&mut hash, [&text(&block.kind.model.name), &Cell::Integer(at.micros())]);
    for (place, attribute) in block.whole.attributes.iter().enumerate() {
        if place != AT && place != KEY && given.has(place) {
            absorb(&mut hash, [&text(attribute.name())]);
            absorb(&mut hash, given.cells(&block.whole, place));
        }
    }
    hash.finalize().into()
}

impl RowWork<'_> {
    /// Adds the activity of one kind to what a row says beside the record `own`.
    ///
    /// # Errors
    ///
    /// Those that concern more than a row.
    pub(super) fn activity(
        &mut self,
        block: &ActivityBlock,
        own: RecordId,
        beside: &mut Beside,
    ) -> Result<()> {
        let faults = self.faults.len();
        let given = self.read_fields(block.number, &block.whole, &block.fields)?;
        if !given.has(AT) {
            // Then the time is blank, or reported.
            let is_reported = self.faults[faults..]
                .iter()
                .any(|(column, _)| *column == Some(block.column_of("at")));
            if is_reported {
                return Ok(());
            }
            let message = "the row does not say when the activity was";
            return self.blame_unsaid(&block.fields, message, "write the time, or clear this cell");
        }
        match self.judge_activity(block, given, own, beside) {
            Ok(activity) => {
                beside.activities.extend(activity);
                Ok(())
            }
            Err(error) => {
                let column = block.column_of(error.field().unwrap_or_default());
                self.blame((Some(column), error))
            }
        }
    }

    /// The activity of a row; `None` if it is recorded already.
    fn judge_activity(
        &self,
        block: &ActivityBlock,
        given: Given,
        own: RecordId,
        beside: &Beside,
    ) -> Result<Option<NewActivity>> {
        let model = &block.kind.model;
        let Some(at) = moment(block, &given)? else { return Ok(None) };
        let digest = digest(block, &given, at);
        let subject = Some(RecordRef::new(&self.schema.model.name, own));
        let mut content = block.draft(given, at, self.now, subject)?;
        for property in &model.attributes {
            check_target(&self.view, property, &mut content.cells[property.span()])?;
        }
        if self.is_recorded(model, &content, digest, own, beside)? {
            return Ok(None);
        }
        // As for a record: nearly every activity is seen to fit.
        if content.cells.iter().map(Cell::content_bytes).sum::<usize>() >= limits::CHANGE_BYTES / 8
        {
            let mut body = String::new();
            journal::write_activity(model, &content, &mut body);
            check_body(&body)?;
        }
        Ok(Some(NewActivity { kind: Arc::clone(&block.kind), content, digest }))
    }

    /// Whether an activity is recorded already, or by another column of the row.
    fn is_recorded(
        &self,
        model: &TypeModel,
        content: &Content,
        digest: [u8; 32],
        own: RecordId,
        beside: &Beside,
    ) -> Result<bool> {
        let mut others = beside.activities.iter();
        if others.any(|other| (other.digest, &other.content.key) == (digest, &content.key)) {
            return Ok(true);
        }
        let conn = self.view.conn;
        match &content.key {
            Some(key) => {
                let is_foreseen = self.view.foreseen.is_some_and(|f| f.has_activity(key));
                let mut others = beside.activities.iter();
                if is_foreseen || others.any(|other| other.content.key.as_ref() == Some(key)) {
                    let message = "an earlier row of the table has an activity with this key";
                    return Err(Error::new(ErrorKind::Duplicate, message)
                        .with_field("key")
                        .with_hint("give each activity a key of its own"));
                }
                let mut body = String::new();
                journal::write_activity(model, content, &mut body);
                activities::find_same(conn, content, &body).map(|found| found.is_some())
            }
            // Nobody knows a record that is not there yet.
            None if Foreseen::is_planned(own.as_bytes()) => Ok(false),
            None => Ok(rows::find_key(conn, &made_key(own, &digest))?.is_some()),
        }
    }
}

/// When the activity of a row was; `None` if it does not say so.
pub(super) fn moment(block: &ActivityBlock, given: &Given) -> Result<Option<Timestamp>> {
    match (given.key(&block.whole, AT), &block.zone) {
        (Cell::Integer(days), Some(zone)) => {
            let date = i32::try_from(*days).ok().map(Date::from_days);
            let date =
                date.unwrap_or_else(|| Err(Error::new(ErrorKind::OutOfRange, "no such day")))?;
            Timestamp::start_of(date, zone).map(Some)
        }
        (Cell::Integer(micros), None) => Ok(Some(Timestamp::clamped(*micros))),
        _ => Ok(None),
    }
}
