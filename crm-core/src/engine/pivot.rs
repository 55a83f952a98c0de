//! Two-way tables: one scan gives the cells, and where figures add up, the totals too.
//!
//! Counts, shares, exact sums, the least and the greatest of a whole follow from those of its parts;
//! means, quantiles, different values and sums of real numbers do not, so for these the records are
//! asked again. The invariant: a total is the figure over all its records.

use std::cmp::Ordering;

use super::queries::{each_group, read as read_values};
use crate::{
    Archived, Error, ErrorKind, PivotCell, PivotTable, Result, Value,
    cell::Cell,
    condition::{Moment, order},
    limits,
    query::{CheckedGroup, CheckedPivot, Form, Measure, Output},
    store::{
        Connection,
        select::{self as sql, Statement},
    },
};

/// Cells of a figure, before they are values.
type Figure = Vec<Cell>;

/// The different keys of both sides in their order, and each cell that has records: the places of its
/// keys, and its figure.
struct Scan {
    rows: Vec<Vec<Cell>>,
    columns: Vec<Vec<Cell>>,
    cells: Vec<(usize, usize, Figure)>,
}

/// The figures of both sides, and of all.
struct Totals {
    rows: Vec<Figure>,
    columns: Vec<Figure>,
    all: Figure,
}

/// Reads a pivot.
///
/// # Errors
///
/// `LimitExceeded`; `OutOfRange` if a sum does not fit 64 bits.
pub(super) fn read(
    conn: &Connection,
    query: &CheckedPivot,
    archived: Archived,
    moment: &Moment,
) -> Result<PivotTable> {
    let output = measure(&query.total)?;
    let scan = scan(conn, query, archived, moment)?;
    let none = only(conn, &query.total, &sql::figures_of_none(&query.total, moment)?)?;
    let totals = match output.what.adds_up() {
        true => add_up(&output.what, &scan, &none)?,
        false => ask(conn, query, archived, moment)?,
    };
    let to_cell = |figure: &Figure| to_cell(output.form, figure);
    let to_cells = |figures: &[Figure]| figures.iter().map(to_cell).collect::<Result<Vec<_>>>();
    let mut cells = vec![vec![to_cell(&none)?; scan.columns.len()]; scan.rows.len()];
    for (row, column, figure) in &scan.cells {
        cells[*row][*column] = to_cell(figure)?;
    }
    let measure = output.columns().into_iter().next();
    Ok(PivotTable {
        rows: query.rows.keys.iter().flat_map(Output::columns).collect(),
        columns: query.columns.keys.iter().flat_map(Output::columns).collect(),
        measure: measure.expect("every figure has a column"),
        row_labels: labels(&query.rows, scan.rows)?,
        column_labels: labels(&query.columns, scan.columns)?,
        cells,
        row_totals: to_cells(&totals.rows)?,
        column_totals: to_cells(&totals.columns)?,
        total: to_cell(&totals.all)?,
    })
}

fn scan(
    conn: &Connection,
    query: &CheckedPivot,
    archived: Archived,
    moment: &Moment,
) -> Result<Scan> {
    let (width, width_of_rows) = (query.cells.width_of_keys(), query.rows.width_of_keys());
    let most = u32::try_from(limits::PIVOT_CELLS).unwrap_or(u32::MAX);
    let statement = sql::groups(&query.cells, moment, archived, None, Some(most + 1))?;
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    each_group(conn, &query.cells, &statement, |mut cells, _, _| {
        let figure = cells.split_off(width);
        let column = cells.split_off(width_of_rows);
        // Groups come in the order of the rows.
        if rows.last() != Some(&cells) {
            rows.push(cells);
        }
        found.push((rows.len() - 1, column, figure));
        Ok(())
    })?;
    let mut columns: Vec<Vec<Cell>> = found.iter().map(|(_, column, _)| column.clone()).collect();
    columns.sort_by(|one, other| compare(one, other));
    columns.dedup();
    for (field, count) in [("rows", rows.len()), ("columns", columns.len())] {
        if count > limits::GROUPS as usize {
            return Err(too_many(limits::GROUPS as usize, field, field));
        }
    }
    if rows.len().saturating_mul(columns.len()) > limits::PIVOT_CELLS {
        return Err(too_many(limits::PIVOT_CELLS, "cells", "columns"));
    }
    let placed = found.into_iter().map(|(row, column, figure)| {
        let place = columns.binary_search_by(|known| compare(known, &column));
        place.map(|place| (row, place, figure)).map_err(|_| missing())
    });
    Ok(Scan { cells: placed.collect::<Result<Vec<_>>>()?, rows, columns })
}

/// As the file orders: nothing is the least, and texts are ordered by their bytes.
fn compare(one: &[Cell], other: &[Cell]) -> Ordering {
    let is_there = |cell: &Cell| *cell != Cell::Null;
    let cells = one.iter().zip(other).map(|(one, other)| {
        order(one, other).unwrap_or_else(|| is_there(one).cmp(&is_there(other)))
    });
    cells.fold(Ordering::Equal, Ordering::then)
}

fn add_up(measure: &Measure, scan: &Scan, none: &Figure) -> Result<Totals> {
    let mut totals = Totals {
        rows: vec![none.clone(); scan.rows.len()],
        columns: vec![none.clone(); scan.columns.len()],
        all: none.clone(),
    };
    for (row, column, figure) in &scan.cells {
        measure.add(&mut totals.rows[*row], figure)?;
        measure.add(&mut totals.columns[*column], figure)?;
        measure.add(&mut totals.all, figure)?;
    }
    Ok(totals)
}

fn ask(
    conn: &Connection,
    query: &CheckedPivot,
    archived: Archived,
    moment: &Moment,
) -> Result<Totals> {
    let side = |group: &CheckedGroup| -> Result<Vec<Figure>> {
        let statement = sql::groups(group, moment, archived, None, None)?;
        let (mut figures, width) = (Vec::new(), group.width_of_keys());
        each_group(conn, group, &statement, |mut cells, _, _| {
            figures.push(cells.split_off(width));
            Ok(())
        })?;
        Ok(figures)
    };
    let all = sql::groups(&query.total, moment, archived, None, None)?;
    Ok(Totals {
        rows: side(&query.rows)?,
        columns: side(&query.columns)?,
        all: only(conn, &query.total, &all)?,
    })
}

/// The one group of a statement without keys.
fn only(conn: &Connection, group: &CheckedGroup, statement: &Statement) -> Result<Figure> {
    let mut found = None;
    each_group(conn, group, statement, |cells, _, _| {
        found = Some(cells);
        Ok(())
    })?;
    found.ok_or_else(missing)
}

fn measure(group: &CheckedGroup) -> Result<&Output<Measure>> {
    group.measures.first().ok_or_else(missing)
}

fn labels(group: &CheckedGroup, keys: Vec<Vec<Cell>>) -> Result<Vec<Vec<Value>>> {
    let labels = keys.into_iter().map(|mut cells| {
        let mut values = Vec::with_capacity(group.keys.len());
        read_values(group.keys.iter().map(|key| key.form), &mut cells, &mut values)?;
        Ok(values)
    });
    labels.collect()
}

fn to_cell(form: Form, figure: &Figure) -> Result<PivotCell> {
    let mut values = Vec::new();
    form.read(&mut figure.clone(), &mut values)?;
    let mut values = values.into_iter();
    let value = values.next().unwrap_or_default();
    let mut number = || values.next().and_then(|value| value.as_i64());
    Ok(PivotCell { value, numerator: number(), denominator: number() })
}

fn missing() -> Error {
    Error::new(ErrorKind::Internal, "a figure of a pivot is missing")
}

fn too_many(most: usize, what: &str, field: &str) -> Error {
    Error::new(ErrorKind::LimitExceeded, format!("more than {most} {what}"))
        .with_field(field)
        .with_hint("narrow the condition, or group by a longer stretch of the calendar")
}
