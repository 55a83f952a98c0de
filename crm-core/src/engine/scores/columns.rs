//! What records score, as a column of a query: computed where what is kept does not hold.
//!
//! A page that is not ordered by a score, or whose rows are known, computes those of its own rows. What
//! needs the score of every record, such as an order that is worked out or a figure over groups, has
//! all of them computed before; in columns, where there are many and the rules ask for no more.

use super::{
    batch::{Ask, Batch, holds_now},
    facts::{compute, row_of},
};
use crate::{
    Archived, RecordId, Result,
    cell::Cell,
    condition::Moment,
    engine::Catalog,
    query::{CheckedSelect, Computed, Held, Selected, SortBy, Source},
    scoring::{ColumnProgram, ScoreProgram, ScorePrograms, Sheet},
    store::{Connection, scores::Pages, select as sql},
};

/// Records from which on it is worth reading the columns of all of them.
const MANY: usize = 1000;
/// Records that are looked at in one go where columns are enough.
const COLUMNS_AT_ONCE: u32 = 4096;

/// Computes the scores by which a select is ordered.
///
/// # Errors
///
/// As [`Scores::read`](super::Scores::read).
pub(in crate::engine) fn compute_order(
    conn: &Connection,
    catalog: &Catalog,
    query: &mut CheckedSelect,
    (moment, archived): (&Moment, Archived),
) -> Result<()> {
    let CheckedSelect { source, columns, order } = query;
    let ordered = order.iter().filter_map(|key| match key.by {
        SortBy::Output(output) => match &columns[output].what {
            Selected::Held(Held::Score(column)) => Some(column.score),
            _ => None,
        },
        SortBy::Column(_) => None,
    });
    ordered.into_iter().try_for_each(|score| {
        compute_score(conn, catalog, (&mut *source, score), (moment, archived))
    })
}

/// Computes every score that a query reads.
///
/// # Errors
///
/// As [`compute_order`].
pub(in crate::engine) fn compute_all(
    conn: &Connection,
    catalog: &Catalog,
    source: &mut Source,
    asked: (&Moment, Archived),
) -> Result<()> {
    let scores = 0..source.scores.len();
    scores.into_iter().try_for_each(|score| compute_score(conn, catalog, (source, score), asked))
}

fn compute_score(
    conn: &Connection,
    catalog: &Catalog,
    (source, score): (&mut Source, usize),
    (moment, archived): (&Moment, Archived),
) -> Result<()> {
    if source.scores[score].computed.is_some() {
        return Ok(());
    }
    let mut ids = Vec::new();
    let statement = sql::unscored(source, score, moment, archived)?;
    sql::visit(conn, &statement, |cells| {
        ids.extend(cells.first().and_then(Cell::to_id));
        Ok(())
    })?;
    let (programs, program) = catalog.score_program(&source.scores[score].name)?;
    let at = moment.now().micros();
    let groups = program.stored.model.groups.len();
    let points = |sheet: &Sheet| -> Vec<i64> {
        let of_groups = (0..groups).map(|group| sheet.points(Some(group), at));
        std::iter::once(sheet.score(at)).chain(of_groups).collect()
    };
    // Scores know no time zone.
    let moment = Moment::new(moment.now(), "UTC")?;
    let mut found: Vec<(RecordId, Vec<i64>)> = Vec::with_capacity(ids.len());
    if ids.len() >= MANY
        && let Some(by_columns) = ColumnProgram::new(program)
    {
        let mut batch = Batch::new(catalog, program, &by_columns);
        let mut pages = Pages::Sorted(RecordId::from_bytes([0; 16]));
        let mut has_more = true;
        while has_more {
            has_more = batch.read(conn, catalog, (&mut pages, COLUMNS_AT_ONCE), &moment)?;
            for place in 0..batch.sorted.len() {
                let id = batch.sorted[place];
                if ids.binary_search(&id).is_ok() {
                    let asked = (&moment, holds_now as Ask);
                    let computed = batch.computed((conn, catalog), programs, place, asked)?;
                    found.push((id, points(&computed.sheet)));
                }
            }
        }
    }
    // Both are by id; what is archived is in no batch.
    let mut left = Vec::new();
    for id in ids {
        if found.binary_search_by_key(&id, |(id, _)| *id).is_err() {
            let sheet = sheet(conn, catalog, (programs, program), id, &moment)?;
            left.push((id, points(&sheet)));
        }
    }
    found.extend(left);
    found.sort_unstable_by_key(|(id, _)| *id);
    let mut computed = Computed::default();
    found.iter().for_each(|(id, points)| computed.add(*id, points));
    source.scores[score].computed = Some(computed);
    Ok(())
}

fn sheet(
    conn: &Connection,
    catalog: &Catalog,
    programs: (&ScorePrograms, &ScoreProgram),
    id: RecordId,
    moment: &Moment,
) -> Result<Sheet> {
    let row = row_of(conn, catalog, programs.1, id)?;
    Ok(compute(conn, catalog, programs, row, moment)?.sheet)
}

/// Fills in the cells of a row, the record of this id, whose score is neither kept nor computed.
///
/// # Errors
///
/// As [`compute_order`].
pub(in crate::engine) fn complete(
    conn: &Connection,
    catalog: &Catalog,
    (query, moment): (&CheckedSelect, &Moment),
    id: RecordId,
    cells: &mut [Cell],
) -> Result<()> {
    // Several columns may be of one score.
    let mut sheets: Vec<(usize, Sheet)> = Vec::new();
    let mut first = 0;
    for output in &query.columns {
        let own = first..first + output.form.width();
        first = own.end;
        let Selected::Held(Held::Score(column)) = &output.what else { continue };
        if cells[own.start] != Cell::Null {
            continue;
        }
        let known = sheets.iter().position(|(score, _)| *score == column.score);
        let place = match known {
            Some(place) => place,
            None => {
                let programs = catalog.score_program(&query.source.scores[column.score].name)?;
                let moment = Moment::new(moment.now(), "UTC")?;
                let sheet = sheet(conn, catalog, programs, id, &moment)?;
                sheets.push((column.score, sheet));
                sheets.len() - 1
            }
        };
        cells[own].clone_from_slice(&column.part.cells(&sheets[place].1, moment.now().micros()));
    }
    Ok(())
}
