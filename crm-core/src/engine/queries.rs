//! Queries: rows of columns, figures over groups, two-way tables.

use super::{Catalog, Crm, check_limit, check_range, cursor};
use crate::{
    Error, ErrorKind, GroupRecords, PivotCell, PivotRecords, PivotTable, Result, RowsPage,
    SelectRows, Value,
    cell::Cell,
    condition::Moment,
    limits,
    query::{CheckedGroup, CheckedSelect, Form, Output, check_group, check_pivot, check_select},
    store::{
        Connection,
        select::{self as sql, Place, Statement},
    },
};

impl Crm {
    /// Reads a page of rows: fields of records, of related ones, and figures over activities.
    ///
    /// ```
    /// use crm_core::{Crm, FieldOrder, SelectColumn, SelectRows, Value, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let acme = crm.companies().create(values! { "name" => "Acme" })?;
    /// crm.contacts().create(values! { "family_name" => "Lee", "company" => acme.id })?;
    /// let columns = [SelectColumn::field("family_name"), SelectColumn::related("company", "name")];
    /// let mut request = SelectRows::new("contact", columns);
    /// request.order = vec![FieldOrder::ascending("family_name")];
    /// let page = crm.select_rows(&request)?;
    /// assert_eq!(page.columns[1].name, "company.name");
    /// assert_eq!(page.rows[0], [Value::from("Lee"), Value::from("Acme")]);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Crm::check_condition`], naming the path within the request; `WrongKind` where a kind does
    /// not do; `Required` for money without a currency; `InvalidArgument` for what does not go
    /// together, a limit that is not 1 to 10,000, or an `after` that is not the `next` of a page in
    /// the same order; `OutOfRange` if a sum does not fit 64 bits; `LimitExceeded`.
    pub fn select_rows(&self, request: &SelectRows) -> Result<RowsPage> {
        check_limit(request.limit)?;
        let moment = self.moment(request.at, request.zone.as_deref())?;
        let after = request.after.as_deref().map(|text| cursor::read(&request.order, text));
        let after = after.transpose()?;
        self.read_explained(|conn, catalog| {
            catalog.table(&request.entity_type)?;
            let query = check_select(request, catalog)?;
            // One more tells whether there is a next page.
            let limit = request.limit + 1;
            let statement = sql::rows(&query, &moment, request.archived, after.as_ref(), limit)?;
            let (mut rows, mut last, mut has_more) = (Vec::new(), None, false);
            sql::visit(conn, &statement, |cells| {
                if rows.len() == request.limit as usize {
                    has_more = true;
                    return Ok(());
                }
                let (row, place) = read_row(&query, cells)?;
                rows.push(row);
                last = Some(place);
                Ok(())
            })?;
            let next = last.filter(|_| has_more).map(|last| cursor::write(&request.order, last));
            let columns = query.columns.iter().flat_map(Output::columns).collect();
            Ok(RowsPage { columns, rows, next })
        })
    }

    /// Shows every row from `after` on to `visit`, read page by page of the request's limit: so
    /// memory stays small, no lock is held while `visit` runs, and it may call the engine. An error
    /// of its own ends the work and is returned.
    ///
    /// # Errors
    ///
    /// As [`Crm::select_rows`], and those of `visit`.
    pub fn select_each(
        &self,
        request: &SelectRows,
        mut visit: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        // Every page means the same moment.
        let at = Some(request.at.unwrap_or_else(|| self.now()));
        let mut request = SelectRows { at, ..request.clone() };
        loop {
            let page = self.select_rows(&request)?;
            page.rows.into_iter().try_for_each(&mut visit)?;
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Groups records and computes figures over each group.
    ///
    /// ```
    /// use crm_core::{Crm, GroupKey, GroupMeasure, GroupRecords, Value, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// for industry in ["steel", "steel", "paper"] {
    ///     crm.companies().create(values! { "name" => "A", "industry" => industry })?;
    /// }
    /// let (by, count) = ([GroupKey::field("industry")], [GroupMeasure::count()]);
    /// let table = crm.group_records(&GroupRecords::new("company", by, count))?;
    /// assert_eq!(table.rows[1], [Value::from("steel"), Value::Integer(2)]);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Crm::select_rows`].
    pub fn group_records(&self, request: &GroupRecords) -> Result<RowsPage> {
        check_range("limit", request.limit.into(), 1, limits::GROUPS.into())?;
        let moment = self.moment(request.at, request.zone.as_deref())?;
        self.read_explained(|conn, catalog| {
            catalog.table(&request.entity_type)?;
            let query = check_group(request, catalog)?;
            let order = query.names_of_order();
            let after =
                request.after.as_deref().map(|text| cursor::read_group(&order, &query, text));
            let after = after.transpose()?;
            let (archived, limit) = (request.archived, Some(request.limit + 1));
            let statement = sql::groups(&query, &moment, archived, after.as_deref(), limit)?;
            let (mut rows, mut last, mut has_more) = (Vec::new(), None, false);
            each_group(conn, &query, &statement, |cells, mut keys, measures| {
                if rows.len() == request.limit as usize {
                    has_more = true;
                    return Ok(());
                }
                keys.extend(measures);
                rows.push(keys);
                last = Some(query.order_of(&cells));
                Ok(())
            })?;
            let next = last.filter(|_| has_more).map(|last| cursor::write_group(order, last));
            let columns = query.keys.iter().flat_map(Output::columns);
            let columns = columns.chain(query.measures.iter().flat_map(Output::columns)).collect();
            Ok(RowsPage { columns, rows, next })
        })
    }

    /// Shows every group from `after` on to `visit`, read page by page of the request's limit, as
    /// [`Crm::select_each`] does with rows.
    ///
    /// # Errors
    ///
    /// As [`Crm::select_rows`], and those of `visit`.
    pub fn group_each(
        &self,
        request: &GroupRecords,
        mut visit: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        // Every page means the same moment.
        let at = Some(request.at.unwrap_or_else(|| self.now()));
        let mut request = GroupRecords { at, ..request.clone() };
        loop {
            let page = self.group_records(&request)?;
            page.rows.into_iter().try_for_each(&mut visit)?;
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Groups records in two directions.
    ///
    /// ```
    /// use crm_core::{Condition, Crm, GroupKey, GroupMeasure, PivotRecords, Value, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// for (industry, country, employees) in [("paper", "DE", 10), ("paper", "FR", 90), ("steel", "DE", 80)] {
    ///     crm.companies().create(values! {
    ///         "name" => "A", "industry" => industry, "country" => country, "employees" => employees,
    ///     })?;
    /// }
    /// let large = GroupMeasure::share(Condition::field("employees").gte(50));
    /// let (rows, columns) = ([GroupKey::field("industry")], [GroupKey::field("country")]);
    /// let table = crm.pivot_records(&PivotRecords::new("company", rows, columns, large))?;
    /// assert_eq!(table.row_labels, [[Value::from("paper")], [Value::from("steel")]]);
    /// assert_eq!(table.row_totals[0].value, Value::Real(0.5));
    /// assert_eq!((table.total.numerator, table.total.denominator), (Some(2), Some(3)));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Crm::select_rows`]; `LimitExceeded` past 10,000 rows or columns or 100,000 cells.
    pub fn pivot_records(&self, request: &PivotRecords) -> Result<PivotTable> {
        let moment = self.moment(request.at, request.zone.as_deref())?;
        self.read_explained(|conn, catalog| pivot(conn, catalog, request, &moment))
    }
}

fn read_row(query: &CheckedSelect, mut cells: Vec<Cell>) -> Result<(Vec<Value>, Place)> {
    let mut of_columns = cells.split_off(1 + query.order.len());
    let mut row = Vec::with_capacity(query.columns.len());
    read(query.columns.iter().map(|output| output.form), &mut of_columns, &mut row)?;
    let mut cells = cells.into_iter();
    let id = match cells.next() {
        Some(Cell::Blob(bytes)) => <[u8; 16]>::try_from(bytes).ok(),
        _ => None,
    };
    let id = id.ok_or_else(|| Error::new(ErrorKind::Corrupt, "an id does not have 16 bytes"))?;
    Ok((row, Place { keys: cells.collect(), id: crate::RecordId::from_bytes(id) }))
}

/// Reads the values of outputs off cells.
fn read(
    forms: impl Iterator<Item = Form>,
    mut cells: &mut [Cell],
    values: &mut Vec<Value>,
) -> Result<()> {
    for form in forms {
        let (own, others) = cells.split_at_mut(form.width());
        form.read(own, values)?;
        cells = others;
    }
    Ok(())
}

/// Shows each group: its cells, the values of its keys, and those of its measures.
fn each_group(
    conn: &Connection,
    query: &CheckedGroup,
    statement: &Statement,
    mut visit: impl FnMut(Vec<Cell>, Vec<Value>, Vec<Value>) -> Result<()>,
) -> Result<()> {
    let width = query.width_of_keys();
    sql::visit(conn, statement, |cells| {
        let mut of_keys = cells.clone();
        let mut of_measures = of_keys.split_off(width);
        let (mut keys, mut measures) = (Vec::new(), Vec::new());
        let forms = query.keys.iter().map(|output| output.form);
        read(forms, &mut of_keys, &mut keys)?;
        let forms = query.measures.iter().map(|output| output.form);
        read(forms, &mut of_measures, &mut measures)?;
        visit(cells, keys, measures)
    })
}

/// One side of a pivot: for each group the cells of its keys, their values, and the total.
struct Side {
    cells: Vec<Vec<Cell>>,
    labels: Vec<Vec<Value>>,
    totals: Vec<PivotCell>,
}

fn pivot(
    conn: &Connection,
    catalog: &Catalog,
    request: &PivotRecords,
    moment: &Moment,
) -> Result<PivotTable> {
    catalog.table(&request.entity_type)?;
    let query = check_pivot(request, catalog)?;
    let side = |group: &CheckedGroup, field: &str| -> Result<Side> {
        let limit = limits::GROUPS + 1;
        let statement = sql::groups(group, moment, request.archived, None, Some(limit))?;
        let mut side = Side { cells: Vec::new(), labels: Vec::new(), totals: Vec::new() };
        let width = group.width_of_keys();
        each_group(conn, group, &statement, |mut cells, keys, measures| {
            cells.truncate(width);
            side.cells.push(cells);
            side.labels.push(keys);
            side.totals.push(to_cell(measures));
            Ok(())
        })?;
        match side.cells.len() > limits::GROUPS as usize {
            true => Err(too_many(limits::GROUPS as usize, field)),
            false => Ok(side),
        }
    };
    let only = |group: &CheckedGroup, statement: &Statement| -> Result<PivotCell> {
        let mut found = None;
        each_group(conn, group, statement, |_, _, measures| {
            found = Some(to_cell(measures));
            Ok(())
        })?;
        found.ok_or_else(|| Error::new(ErrorKind::Internal, "a figure of all records is missing"))
    };
    let rows = side(&query.rows, "rows")?;
    let columns = side(&query.columns, "columns")?;
    if rows.cells.len().saturating_mul(columns.cells.len()) > limits::PIVOT_CELLS {
        return Err(too_many(limits::PIVOT_CELLS, "columns"));
    }
    let none = only(&query.total, &sql::figures_of_none(&query.total, moment)?)?;
    let mut cells = vec![vec![none; columns.cells.len()]; rows.cells.len()];
    let statement = sql::groups(&query.cells, moment, request.archived, None, None)?;
    // Cells come in the order of the rows, and within each in that of the columns.
    let (mut row, mut column) = (0, 0);
    let (width, width_of_rows) = (query.cells.width_of_keys(), query.rows.width_of_keys());
    each_group(conn, &query.cells, &statement, |mut keys, _, measures| {
        keys.truncate(width);
        let of_column = keys.split_off(width_of_rows);
        while rows.cells.get(row).is_some_and(|cells| *cells != keys) {
            (row, column) = (row + 1, 0);
        }
        while columns.cells.get(column).is_some_and(|cells| *cells != of_column) {
            column += 1;
        }
        match cells.get_mut(row).and_then(|cells| cells.get_mut(column)) {
            Some(cell) => *cell = to_cell(measures),
            None => {
                return Err(Error::new(ErrorKind::Internal, "a cell of a pivot has no place"));
            }
        }
        Ok(())
    })?;
    let total = sql::groups(&query.total, moment, request.archived, None, None)?;
    let measure = query.total.measures.iter().flat_map(Output::columns).next();
    Ok(PivotTable {
        rows: query.rows.keys.iter().flat_map(Output::columns).collect(),
        columns: query.columns.keys.iter().flat_map(Output::columns).collect(),
        measure: measure.expect("a pivot has a measure"),
        row_labels: rows.labels,
        column_labels: columns.labels,
        cells,
        row_totals: rows.totals,
        column_totals: columns.totals,
        total: only(&query.total, &total)?,
    })
}

fn to_cell(measures: Vec<Value>) -> PivotCell {
    let mut measures = measures.into_iter();
    let value = measures.next().unwrap_or_default();
    let mut number = || measures.next().and_then(|value| value.as_i64());
    PivotCell { value, numerator: number(), denominator: number() }
}

fn too_many(most: usize, field: &str) -> Error {
    let what = if field == "columns" && most == limits::PIVOT_CELLS { "cells" } else { field };
    Error::new(ErrorKind::LimitExceeded, format!("more than {most} {what}"))
        .with_field(field)
        .with_hint("narrow the condition, or group by a longer stretch of the calendar")
}
