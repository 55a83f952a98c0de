//! Queries: rows of columns, figures over groups, two-way tables.

use super::{Catalog, Crm, ahead::Asked, check_limit, check_range, cursor, pivot, scores};
use crate::{
    Error, ErrorKind, GroupRecords, PivotRecords, PivotTable, Result, RowsPage, SelectRows, Value,
    ViewQuery,
    cell::{Cell, CellRef, CellRow},
    limits,
    query::{
        CheckedGroup, CheckedPivot, CheckedSelect, Form, Output, SortBy, check_group, check_pivot,
        check_select,
    },
    store::{
        Connection, learned as learned_scores,
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
        let moment = self.moment(request.at, request.zone.as_deref())?;
        let after = request.after.as_deref().map(|text| cursor::read(&request.order, text));
        let after = after.transpose()?;
        let catalog = self.catalog();
        self.shared.store.read_state(|conn, mark| {
            super::explained(conn, &catalog, |conn, catalog| {
                let mut query = ready_select(conn, catalog, request)?;
                let (archived, limit) = (request.archived, request.limit);
                let moment = &moment;
                let mut asked = Asked { catalog, query: &mut query, moment, archived, limit };
                let page = self.shared.ahead.page(conn, mark, &mut asked, after.as_ref())?;
                let next = page.next.map(|last| cursor::write(&request.order, last));
                let columns = query.columns.iter().flat_map(Output::columns).collect();
                Ok(RowsPage { columns, rows: page.rows, next })
            })
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
        let moment = self.moment(request.at, request.zone.as_deref())?;
        self.read_explained(|conn, catalog| {
            let mut query = ready_group(conn, catalog, request)?;
            scores::compute_all(conn, catalog, &mut query.source, (&moment, request.archived))?;
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
        self.read_explained(|conn, catalog| {
            let mut query = ready_pivot(conn, catalog, request)?;
            let CheckedPivot { cells, rows, columns, total } = &mut query;
            let asked = (&moment, request.archived);
            // They have every score that a side has, of the same records.
            scores::compute_all(conn, catalog, &mut cells.source, asked)?;
            for group in [rows, columns, total] {
                group.source.share_scores(&cells.source);
            }
            pivot::read(conn, &query, request.archived, &moment)
        })
    }

    /// Judges a query that is saved.
    pub(super) fn judge(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        query: &ViewQuery,
    ) -> Result<()> {
        let (at, zone) = match query {
            ViewQuery::Select(request) => {
                ready_select(conn, catalog, request)?;
                (request.at, &request.zone)
            }
            ViewQuery::Group(request) => {
                ready_group(conn, catalog, request)?;
                (request.at, &request.zone)
            }
            ViewQuery::Pivot(request) => {
                ready_pivot(conn, catalog, request)?;
                (request.at, &request.zone)
            }
        };
        self.moment(at, zone.as_deref()).map(drop)
    }
}

fn ready_select(
    conn: &Connection,
    catalog: &Catalog,
    request: &SelectRows,
) -> Result<CheckedSelect> {
    check_limit(request.limit)?;
    catalog.table(&request.entity_type)?;
    check_select(request, catalog).map_err(|error| {
        let scores = request.columns.iter().map(|column| &column.score);
        learned(conn, scores, error)
    })
}

fn ready_group(
    conn: &Connection,
    catalog: &Catalog,
    request: &GroupRecords,
) -> Result<CheckedGroup> {
    check_range("limit", request.limit.into(), 1, limits::GROUPS.into())?;
    catalog.table(&request.entity_type)?;
    check_group(request, catalog).map_err(|error| {
        let scores = request.measures.iter().map(|measure| &measure.score);
        learned(conn, request.by.iter().map(|key| &key.score).chain(scores), error)
    })
}

fn ready_pivot(
    conn: &Connection,
    catalog: &Catalog,
    request: &PivotRecords,
) -> Result<CheckedPivot> {
    catalog.table(&request.entity_type)?;
    check_pivot(request, catalog).map_err(|error| {
        let keys = request.rows.iter().chain(&request.columns).map(|key| &key.score);
        learned(conn, keys.chain([&request.measure.score]), error)
    })
}

/// Says of a name that no score has if one that is learned does.
fn learned<'r>(
    conn: &Connection,
    scores: impl Iterator<Item = &'r Option<String>>,
    error: Error,
) -> Error {
    let is_of_score = error.field().is_some_and(|field| field.ends_with(".score"));
    if error.kind() != ErrorKind::NotFound || !is_of_score {
        return error;
    }
    let is_learned = |name: &String| matches!(learned_scores::find(conn, name, None), Ok(Some(_)));
    match scores.flatten().any(is_learned) {
        true => error.with_hint("a learned score is no column: rank with learned_scores.rank"),
        false => error,
    }
}

/// The values of a row that a statement gives with its place, and that place.
pub(super) fn read_row(
    conn: &Connection,
    asked: &Asked<'_>,
    mut cells: Vec<Cell>,
) -> Result<(Vec<Value>, Place)> {
    let query: &CheckedSelect = asked.query;
    let mut of_columns = cells.split_off(1 + query.order.len());
    let mut cells = cells.into_iter();
    let id = cells.next().and_then(|cell| cell.to_id()).ok_or_else(not_an_id)?;
    let mut keys: Vec<Cell> = cells.collect();
    scores::complete(conn, asked.catalog, (query, asked.moment), id, &mut of_columns)?;
    for (key, of) in keys.iter_mut().zip(&query.order) {
        // The row of a known number comes without a score that is not kept.
        if let SortBy::Output(output) = of.by
            && *key == Cell::Null
        {
            key.clone_from(&of_columns[query.place(output)]);
        }
    }
    let mut row = Vec::with_capacity(query.columns.len());
    read(query.columns.iter().map(|output| output.form), &mut of_columns, &mut row)?;
    Ok((row, Place { keys, id }))
}

/// The number of a row in its table.
pub(super) fn number_of(row: &impl CellRow, place: usize) -> Result<i64> {
    match row.cell(place)? {
        CellRef::Integer(number) => Ok(number),
        _ => Err(Error::new(ErrorKind::Corrupt, "a row of the table has no number")),
    }
}

pub(super) fn not_an_id() -> Error {
    Error::new(ErrorKind::Corrupt, "an id does not have 16 bytes")
}

/// Reads the values of outputs off cells.
pub(super) fn read(
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
pub(super) fn each_group(
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
    .map(drop)
}
