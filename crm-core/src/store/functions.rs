//! Functions of ours that conditions call in SQL, where SQLite's own mean something else or nothing.
//!
//! They compute from their arguments alone, so that the same condition means the same here and in
//! memory: both call the same code.

use std::sync::Arc;

use regex::Regex;
use rusqlite::{
    Connection,
    functions::{Aggregate, Context, FunctionFlags},
};

use crate::{
    Result, Span, Timestamp,
    cell::Cell,
    condition::{Parts, Total, day_in_zone, has_anniversary, later_in_utc},
    query::{Bucket, look_up, quantile, reached, start},
    schema::check,
    scoring::Sheet,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Makes the functions known to a connection.
///
/// # Errors
///
/// Those of SQLite.
pub(super) fn add(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    // Small letters of every script; SQLite's `lower` knows ASCII only.
    connection.create_scalar_function("crm_lower", 1, flags, |context| {
        Ok(text(context, 0).map(str::to_lowercase))
    })?;
    // Whether the whole of the second argument matches the pattern in the first.
    connection.create_scalar_function("crm_matches", 2, flags, |context| {
        let pattern: Arc<Regex> = context.get_or_create_aux(0, |pattern| {
            check::pattern(pattern.as_str()?).map_err(Failure::from)
        })?;
        Ok(text(context, 1).map(|text| pattern.is_match(text)))
    })?;
    // The day in a zone on which a moment falls.
    connection.create_scalar_function("crm_day", 2, flags, |context| {
        let micros: Option<i64> = context.get(0)?;
        let day = |micros| day_in_zone(micros, text(context, 1).unwrap_or_default());
        let day = micros.map(day).transpose();
        day.map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
    })?;
    // Whether an anniversary of a day lies between two others; the last is today.
    connection.create_scalar_function("crm_has_anniversary", 4, flags, |context| {
        let original: Option<i64> = context.get(0)?;
        let (first, last, today) = (context.get(1)?, context.get(2)?, context.get(3)?);
        Ok(original.map(|original| has_anniversary(original, first, last, today)))
    })?;
    // The first day of the stretch of the calendar in which a day lies.
    connection.create_scalar_function("crm_bucket", 2, flags, |context| {
        let day: Option<i64> = context.get(0)?;
        let name = text(context, 1).unwrap_or_default();
        let bucket = Bucket::ALL.iter().find(|bucket| bucket.name() == name);
        Ok(day.zip(bucket).and_then(|(day, bucket)| start(day, *bucket)))
    })?;
    // The moment a span later, by the calendar in UTC.
    connection.create_scalar_function("crm_later", 2, flags, |context| {
        let span: Arc<Parts> = context.get_or_create_aux(1, |span| {
            span.as_str()?.parse::<Span>().and_then(|span| span.parts()).map_err(Failure::from)
        })?;
        let micros: Option<i64> = context.get(0)?;
        Ok(micros.map(|micros| later_in_utc(Timestamp::clamped(micros), *span).micros()))
    })?;
    // The points at a moment, of a group or of the whole: what is kept of a score, which group, when.
    connection.create_scalar_function("crm_points", 3, flags, |context| {
        let sheet = context.get_raw(0).as_blob()?;
        let sheet =
            Sheet::from_bytes(sheet).map_err(|e| rusqlite::Error::UserFunctionError(e.into()))?;
        let group: Option<i64> = context.get(1)?;
        let group = group.map(|group| usize::try_from(group).unwrap_or(usize::MAX));
        Ok(sheet.points(group, context.get(2)?))
    })?;
    // The points that were computed for a record: of which records, how many groups they have, its id,
    // and which of them.
    connection.create_scalar_function("crm_computed", 4, flags, |context| {
        let computed = context.get_raw(0).as_blob()?;
        let (groups, place): (usize, usize) = (context.get(1)?, context.get(3)?);
        let id = context.get_raw(2).as_blob().ok();
        Ok(id.and_then(|id| look_up(computed, groups, id, place)))
    })?;
    // How many of the levels, ascending in JSON, points reach.
    connection.create_scalar_function("crm_reached", 2, flags, |context| {
        let levels: Arc<Vec<i64>> = context.get_or_create_aux(1, |levels| {
            serde_json::from_str(levels.as_str()?).map_err(Failure::from)
        })?;
        let points: Option<i64> = context.get(0)?;
        Ok(points.map(|points| i64::try_from(reached(&levels, points)).unwrap_or(i64::MAX)))
    })?;
    // The value below which a part of the values lies: what and which part.
    connection.create_aggregate_function("crm_quantile", 2, flags, Quantile)?;
    // A sum that neither overflows nor depends on the order of the rows.
    connection.create_aggregate_function("crm_total", 1, flags, Sum)?;
    Ok(())
}

/// A text argument; `None` for anything else.
fn text<'a>(context: &'a Context<'_>, place: usize) -> Option<&'a str> {
    context.get_raw(place).as_str().ok()
}

struct Sum;

impl Aggregate<Total, Cell> for Sum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Total> {
        Ok(Total::default())
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Total) -> rusqlite::Result<()> {
        total.add(&context.get(0)?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Total>) -> rusqlite::Result<Cell> {
        Ok(total.map_or(Cell::Integer(0), Total::finish))
    }
}

struct Quantile;

impl Aggregate<(Vec<f64>, f64), Option<f64>> for Quantile {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<(Vec<f64>, f64)> {
        Ok((Vec::new(), 0.0))
    }

    fn step(
        &self,
        context: &mut Context<'_>,
        (values, part): &mut (Vec<f64>, f64),
    ) -> rusqlite::Result<()> {
        values.extend(context.get::<Option<f64>>(0)?);
        *part = context.get(1)?;
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        state: Option<(Vec<f64>, f64)>,
    ) -> rusqlite::Result<Option<f64>> {
        Ok(state.and_then(|(mut values, part)| quantile(&mut values, part)))
    }
}
