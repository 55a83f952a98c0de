//! Dates for which rules wait: a timer for each record of which one is still to come.
//!
//! A timer is set whenever the date is written. A date that is past by then does not come any more, so
//! that a rule which writes its own date goes on with the clock and never stands still.

use super::running::fire;
use crate::{
    Archived, Kind, RecordId, Result, RuleEvent, RuleEventKind, Timestamp,
    cell::Cell,
    condition::Moment,
    engine::Writing,
    rule::{RuleOn, RuleProgram, RulePrograms},
    schema::TypeModel,
    store::{
        records::{self, Position, Selection, StoredRow},
        table::Table,
        timers::{self, Room},
    },
};

/// Records of which timers are set at once.
const SET_AT_ONCE: u32 = 1000;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Sets the timers of a record of which something was written.
pub(super) fn look(
    writing: &mut Writing<'_>,
    programs: &RulePrograms,
    table: &Table,
    id: RecordId,
    changed: Option<&[usize]>,
) -> Result<()> {
    for &place in programs.of_type(&table.model.name) {
        let program = &programs.all[place];
        let RuleOn::Date { place, .. } = program.on else { continue };
        if changed.is_none_or(|changed| changed.contains(&place)) {
            let row = records::get(writing.tx, table, id)?;
            let due = row.map(|row| due(program, &table.model, &row)).transpose()?.flatten();
            let due = due.filter(|due| *due > writing.now);
            writing.set_timer(Room::Rule, program.model.id, id, due)?;
        }
    }
    Ok(())
}

/// When the date of a record comes for which a rule waits.
fn due(program: &RuleProgram, model: &TypeModel, row: &StoredRow) -> Result<Option<Timestamp>> {
    let RuleOn::Date { place, span, direction } = program.on else { return Ok(None) };
    let attribute = &model.attributes[place];
    let Cell::Integer(number) = row.cells[attribute.first] else { return Ok(None) };
    if row.archived_at.is_some() {
        return Ok(None);
    }
    let micros = match attribute.definition.kind {
        Kind::Date => number.saturating_mul(DAY),
        _ => number,
    };
    let date = Moment::new(Timestamp::clamped(micros), "UTC")?;
    Ok(Some(date.shifted(span, direction)))
}

/// Sets the timers of a rule that is new, has another definition or is archived.
pub(super) fn set_all(writing: &mut Writing<'_>, table: &Table, rule: i64) -> Result<()> {
    timers::clear(writing.tx, Room::Rule, rule)?;
    let catalog = std::sync::Arc::clone(&writing.catalog);
    let Some(programs) = catalog.rule_programs()? else { return Ok(()) };
    let found = programs.all.iter().find(|program| program.model.id == rule);
    let Some(program) = found.filter(|program| matches!(program.on, RuleOn::Date { .. })) else {
        return Ok(());
    };
    let mut after = None;
    loop {
        let selection = Selection {
            terms: &[],
            archived: Archived::Exclude,
            order: None,
            after: after.take(),
            limit: SET_AT_ONCE,
        };
        let page = records::list(writing.tx, table, &selection)?;
        let is_last = page.len() < SET_AT_ONCE as usize;
        after = page.last().map(|row| Position { key: Cell::Null, id: row.id });
        for row in page {
            let due = due(program, &table.model, &row)?.filter(|due| *due > writing.now);
            if due.is_some() {
                writing.set_timer(Room::Rule, rule, row.id, due)?;
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// The date of a record has come: `writing.now` is that moment.
pub(in crate::engine) fn on_due(writing: &mut Writing<'_>, rule: i64, id: RecordId) -> Result<()> {
    let catalog = std::sync::Arc::clone(&writing.catalog);
    let Some(programs) = catalog.rule_programs()? else { return Ok(()) };
    let Some(program) = programs.all.iter().find(|program| program.model.id == rule) else {
        return Ok(());
    };
    let RuleOn::Date { place, .. } = program.on else { return Ok(()) };
    let table = catalog.table(&program.model.rule.entity_type)?;
    let attribute = table.model.attributes[place].name().to_owned();
    let event = RuleEvent::new(RuleEventKind::DateReached, None);
    let event = RuleEvent { attribute: Some(attribute), ..event };
    writing.together(|writing| fire(writing, program, id, event))
}
