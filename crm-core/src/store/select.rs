//! The SQL of queries: rows of columns, and figures over groups.
//!
//! One statement for each, whatever it asks: related records are joined, one row each, so that no
//! join multiplies the records; what concerns activities is a query within the row. Cells are called
//! by their number, which no column is. Values are bound, never written into the text.

mod beside;

use rusqlite::{Connection, StatementStatus, params_from_iter};

use super::{
    cell::RowRef,
    condition::{Scope, Writer},
    table::quote,
};
use crate::{
    Archived, End, Error, ErrorKind, Kind, RecordId, Result,
    cell::Cell,
    condition::{Moment, Node, Way},
    limits,
    query::{
        Aggregate, CheckedGroup, CheckedSelect, Currency, EventFigure, Figure, Form, Held, Key,
        Measure, Output, Quantity, Selected, SortBy, SortKey, Source, too_large,
    },
};

/// A statement with its parameters in order.
#[derive(Debug, PartialEq)]
pub(crate) struct Statement {
    sql: String,
    parameters: Vec<Cell>,
}

/// Where a page of rows ended: what the last row has to order by, and its id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) keys: Vec<Cell>,
    pub(crate) id: RecordId,
}

/// The rows of a select after a place: id, cells to order by, cells of the columns.
///
/// # Errors
///
/// `LimitExceeded` if the conditions hold too many values.
pub(crate) fn rows(
    query: &CheckedSelect,
    moment: &Moment,
    archived: Archived,
    after: Option<&Place>,
    limit: u32,
) -> Result<Statement> {
    ordered(query, moment, archived, Piece::After(after, limit), false)
}

/// The order of a select after a place: id, cells to order by, the number of the row in its table.
///
/// # Errors
///
/// As [`rows`].
pub(crate) fn order(
    query: &CheckedSelect,
    moment: &Moment,
    archived: Archived,
    after: Option<&Place>,
    limit: u32,
) -> Result<Statement> {
    ordered(query, moment, archived, Piece::After(after, limit), true)
}

/// As [`rows`], of the one row that has a number in its table: the last parameter of the statement.
///
/// # Errors
///
/// As [`rows`].
pub(crate) fn row(query: &CheckedSelect, moment: &Moment, archived: Archived) -> Result<Statement> {
    ordered(query, moment, archived, Piece::Numbered, false)
}

/// Which rows of an order.
enum Piece<'a> {
    /// So many after a place.
    After(Option<&'a Place>, u32),
    /// The one with a number.
    Numbered,
}

fn ordered(
    query: &CheckedSelect,
    moment: &Moment,
    archived: Archived,
    piece: Piece<'_>,
    is_number_only: bool,
) -> Result<Statement> {
    let mut query_of = Query::new(&query.source, moment);
    let is_computed = query.order.iter().any(|key| matches!(key.by, SortBy::Output(_)));
    let id = format!("{}.id", query_of.record.row);
    let mut inner = format!("SELECT {id}");
    let mut order = Vec::new();
    for (place, SortKey { by, descending }) in query.order.iter().enumerate() {
        let name = match by {
            SortBy::Column(column) => {
                let column = query_of.record.column(column);
                inner.push_str(&format!(", {column}"));
                if is_computed {
                    let name = quote(&format!("key{place}"));
                    inner.push_str(&format!(" AS {name}"));
                    name
                } else {
                    column
                }
            }
            SortBy::Output(output) => cell_name(query.place(*output)),
        };
        order.push((name, *descending));
    }
    if is_number_only {
        inner.push_str(&format!(", {}", query_of.number()));
    }
    if is_computed {
        // What is computed has a name only outside.
        let cells = (0..query.width()).map(cell_name);
        let names = order.iter().map(|(name, _)| name.clone());
        let names: Vec<String> = match is_number_only {
            true => names.chain([NUMBER.to_owned()]).collect(),
            false => names.chain(cells).collect(),
        };
        query_of.writer.push(&format!("SELECT id, {} FROM (", names.join(", ")));
    }
    query_of.writer.push(&inner);
    if is_computed || !is_number_only {
        for Output { what, form, .. } in &query.columns {
            query_of.selected(what, *form);
        }
    }
    query_of.from(archived);
    if matches!(piece, Piece::Numbered) {
        query_of.has_number();
    }
    if is_computed {
        // The limit keeps SQLite from working it out again wherever its name stands.
        query_of.writer.push(" LIMIT -1) WHERE 1");
    }
    let Piece::After(after, limit) = piece else { return query_of.finish(&[], None) };
    let id = if is_computed { "id".to_owned() } else { id };
    let is_descending = order.last().is_some_and(|(_, descending)| *descending);
    order.push((id, is_descending));
    if let Some(Place { keys, id }) = after {
        query_of.writer.push(" AND ");
        let id = Cell::Blob(id.as_bytes().to_vec());
        query_of.beyond(&order, &[keys.as_slice(), &[id]].concat());
    }
    let order = order.iter().map(|(column, descending)| sorting(column, *descending));
    query_of.finish(&order.collect::<Vec<_>>(), Some(limit))
}

/// The rows of a select after a row of the table, in the order in which the file holds them: the
/// number of the row, cells of the columns.
///
/// # Errors
///
/// As [`rows`].
#[cfg(feature = "arrow")]
pub(crate) fn stored_rows(
    query: &CheckedSelect,
    moment: &Moment,
    archived: Archived,
    after: i64,
    limit: u32,
) -> Result<Statement> {
    let mut query_of = Query::new(&query.source, moment);
    let number = query_of.numbered(query, archived);
    query_of.writer.push(&format!(" AND {number} > "));
    query_of.writer.bind(Cell::Integer(after));
    query_of.finish(&[number], Some(limit))
}

/// The row of a select that has a number in its table: that number, which is the last parameter of the
/// statement, and the cells of the columns.
///
/// # Errors
///
/// As [`rows`].
#[cfg(feature = "arrow")]
pub(crate) fn numbered_row(
    query: &CheckedSelect,
    moment: &Moment,
    archived: Archived,
) -> Result<Statement> {
    let mut query_of = Query::new(&query.source, moment);
    query_of.numbered(query, archived);
    query_of.has_number();
    query_of.finish(&[], None)
}

/// Shows the rows with these numbers to `visit`, in this order, until it says stop; answers how many
/// were shown.
///
/// # Errors
///
/// As [`visit`].
pub(crate) fn visit_numbers(
    conn: &Connection,
    statement: &Statement,
    numbers: &[i64],
    mut visit: impl FnMut(&RowRef<'_, '_>) -> Result<bool>,
) -> Result<usize> {
    let mut prepared = conn.prepare_cached(&statement.sql)?;
    // What is bound stays so from row to row, for some of it may be large.
    for (place, cell) in statement.parameters.iter().enumerate() {
        prepared.raw_bind_parameter(place + 1, cell)?;
    }
    for (shown, number) in numbers.iter().enumerate() {
        prepared.raw_bind_parameter(statement.parameters.len(), number)?;
        let mut rows = prepared.raw_query();
        if let Some(row) = rows.next().map_err(failure)?
            && !visit(&RowRef::new(row))?
        {
            return Ok(shown + 1);
        }
    }
    Ok(numbers.len())
}

/// The ids of the records that count whose kept score does not hold at the moment, in their order.
///
/// # Errors
///
/// As [`rows`].
pub(crate) fn unscored(
    source: &Source,
    score: usize,
    moment: &Moment,
    archived: Archived,
) -> Result<Statement> {
    let mut query_of = Query::new(source, moment);
    let id = format!("{}.id", query_of.record.row);
    query_of.writer.push(&format!("SELECT {id}"));
    query_of.from(archived);
    query_of.writer.push(" AND NOT EXISTS (SELECT 1");
    let row = query_of.writer.alias('c');
    query_of.kept(score, &row);
    query_of.writer.push(")");
    query_of.finish(&[id], None)
}

/// The groups after a place: cells of the keys, cells of the measures. A limit of `None` takes all.
///
/// # Errors
///
/// As [`rows`].
pub(crate) fn groups(
    query: &CheckedGroup,
    moment: &Moment,
    archived: Archived,
    after: Option<&[Cell]>,
    limit: Option<u32>,
) -> Result<Statement> {
    let mut query_of = Query::new(&query.source, moment);
    if after.is_some() {
        query_of.writer.push("SELECT * FROM (");
    }
    query_of.group(query);
    query_of.from(archived);
    finish_group(query_of, query, after, limit)
}

/// The figures of no record at all, in the same cells.
///
/// # Errors
///
/// As [`rows`].
pub(crate) fn figures_of_none(query: &CheckedGroup, moment: &Moment) -> Result<Statement> {
    let mut query_of = Query::new(&query.source, moment);
    query_of.group(query);
    query_of.from(Archived::Include);
    query_of.writer.push(" AND 0");
    finish_group(query_of, query, None, None)
}

fn finish_group(
    mut query_of: Query<'_>,
    query: &CheckedGroup,
    after: Option<&[Cell]>,
    limit: Option<u32>,
) -> Result<Statement> {
    let keys: Vec<String> = (0..query.width_of_keys()).map(cell_name).collect();
    if !keys.is_empty() {
        query_of.writer.push(&format!(" GROUP BY {}", keys.join(", ")));
    }
    let order = query.order.iter().map(|(output, descending)| {
        let (place, form) = query.place(*output);
        let cell = cell_name(place);
        match form {
            // Nothing divided by nothing is NULL.
            Form::Share => {
                let denominator = cell_name(place + 1);
                (format!("(CAST({cell} AS REAL) / {denominator})"), *descending)
            }
            _ => (cell, *descending),
        }
    });
    let order: Vec<(String, bool)> =
        order.chain(keys.into_iter().map(|key| (key, false))).collect();
    if let Some(after) = after {
        query_of.writer.push(") WHERE ");
        query_of.beyond(&order, after);
    }
    let order = order.iter().map(|(column, descending)| sorting(column, *descending));
    query_of.finish(&order.collect::<Vec<_>>(), limit)
}

/// Shows the rows of a statement to `visit`, in their order; answers whether SQLite had to sort
/// anything for it.
///
/// # Errors
///
/// Those of `visit`; `OutOfRange` if a sum is larger than 64 bits hold.
pub(crate) fn visit(
    conn: &Connection,
    statement: &Statement,
    mut visit: impl FnMut(Vec<Cell>) -> Result<()>,
) -> Result<bool> {
    let mut prepared = conn.prepare_cached(&statement.sql)?;
    // A statement that is kept counts over all its runs.
    prepared.reset_status(StatementStatus::Sort);
    let width = prepared.column_count();
    let mut rows = prepared.query(params_from_iter(&statement.parameters)).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        visit((0..width).map(|place| row.get(place)).collect::<rusqlite::Result<_>>()?)?;
    }
    drop(rows);
    Ok(prepared.get_status(StatementStatus::Sort) > 0)
}

/// Shows the rows of a statement to `visit` where they stand, in their order, until it says stop.
///
/// # Errors
///
/// As [`visit`].
pub(crate) fn visit_refs(
    conn: &Connection,
    statement: &Statement,
    mut visit: impl FnMut(&RowRef<'_, '_>) -> Result<bool>,
) -> Result<()> {
    let mut prepared = conn.prepare_cached(&statement.sql)?;
    let mut rows = prepared.query(params_from_iter(&statement.parameters)).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        if !visit(&RowRef::new(row))? {
            break;
        }
    }
    Ok(())
}

/// SQLite's own sum refuses what it cannot hold.
fn failure(failure: rusqlite::Error) -> Error {
    match &failure {
        rusqlite::Error::SqliteFailure(_, Some(message)) if message == "integer overflow" => {
            too_large()
        }
        _ => failure.into(),
    }
}

/// What SQLite calls the number of a row. No attribute is called so, because the name of one begins with
/// a letter.
const NUMBER: &str = "_rowid_";

fn cell_name(number: usize) -> String {
    quote(&number.to_string())
}

fn sorting(column: &str, descending: bool) -> String {
    format!("{column}{}", if descending { " DESC" } else { "" })
}

struct Query<'q> {
    writer: Writer<'q>,
    source: &'q Source,
    /// The quoted name of the table.
    record: Scope,
    /// The joined records.
    related: Vec<Scope>,
    cells: usize,
}

impl<'q> Query<'q> {
    fn new(source: &'q Source, moment: &'q Moment) -> Self {
        let mut writer = Writer::new(moment);
        let related = source.relations.iter().map(|_| Scope::of_row(writer.alias('r')));
        let related = related.collect();
        let record = Scope::of_row(quote(&source.entity_type));
        Self { writer, source, record, related, cells: 0 }
    }

    /// The number of the record's row in its table.
    fn number(&self) -> String {
        format!("{}.{NUMBER}", self.record.row)
    }

    /// Only the row with a number, which is bound later.
    fn has_number(&mut self) {
        let number = self.number();
        self.writer.push(&format!(" AND {number} = "));
        self.writer.bind(Cell::Null);
    }

    /// Begins a statement of the number of a row and the cells of its columns.
    #[cfg(feature = "arrow")]
    fn numbered(&mut self, query: &CheckedSelect, archived: Archived) -> String {
        let number = self.number();
        self.writer.push(&format!("SELECT {number}"));
        for Output { what, form, .. } in &query.columns {
            self.selected(what, *form);
        }
        self.from(archived);
        number
    }

    // ---- cells

    fn selected(&mut self, selected: &Selected, form: Form) {
        match selected {
            Selected::Held(held) => {
                for cell in 0..form.width() {
                    self.writer.push(", ");
                    self.held(held, cell);
                    self.cell();
                }
            }
            Selected::Event { activities, figure, .. } => {
                // A query gives one cell, so a value of several takes several.
                for cell in 0..form.width() {
                    let inner = self.writer.activity_scope();
                    self.writer.push(", (SELECT ");
                    let currency = match figure {
                        EventFigure::Count => {
                            self.writer.push("count(*)");
                            None
                        }
                        EventFigure::Ends(_, columns) => {
                            self.writer.push(&inner.column(&columns[cell]));
                            None
                        }
                        EventFigure::Of(figure, quantity) if cell == 0 => {
                            let column = inner.column(&quantity.column);
                            self.writer.push(&match function(*figure, quantity.kind) {
                                (name, None) => format!("{name}({column})"),
                                (name, Some(none)) => {
                                    format!("coalesce({name}({column}), {none})")
                                }
                            });
                            match &quantity.currency {
                                Some(Currency::Only(only)) => Some(only),
                                _ => None,
                            }
                        }
                        EventFigure::Of(_, quantity) => {
                            self.currency(quantity, &inner);
                            self.writer.push(")");
                            self.cell();
                            continue;
                        }
                    };
                    self.writer.activities_as(activities, &inner, currency, &self.record);
                    if let EventFigure::Ends(end, _) = figure {
                        let row = &inner.row;
                        let direction = if *end == End::Last { " DESC" } else { "" };
                        self.writer.push(&format!(
                            " ORDER BY {row}.at{direction}, {row}.seq{direction} LIMIT 1"
                        ));
                    }
                    self.writer.push(")");
                    self.cell();
                }
            }
        }
    }

    fn group(&mut self, query: &CheckedGroup) {
        self.writer.push("SELECT ");
        for output in &query.keys {
            self.key(&output.what, output.form);
        }
        for output in &query.measures {
            self.measure(&output.what);
        }
    }

    /// Ends an expression.
    fn cell(&mut self) {
        self.writer.push(&format!(" AS {}", cell_name(self.cells)));
        self.cells += 1;
    }

    /// Begins another.
    fn next(&mut self) {
        self.writer.push(if self.cells > 0 { ", " } else { "" });
    }

    fn key(&mut self, key: &Key, form: Form) {
        for cell in 0..form.width() {
            self.next();
            match key.bucket {
                None => self.held(&key.of, cell),
                Some(bucket) if key.is_moment => {
                    self.writer.push("crm_bucket(crm_day(");
                    self.held(&key.of, cell);
                    self.writer.push(", ");
                    self.writer.bind(Cell::Text(self.writer.moment.zone().to_owned()));
                    self.writer.push(&format!("), '{}')", bucket.name()));
                }
                Some(bucket) => {
                    self.writer.push("crm_bucket(");
                    self.held(&key.of, cell);
                    self.writer.push(&format!(", '{}')", bucket.name()));
                }
            }
            self.cell();
        }
    }

    fn measure(&mut self, measure: &Measure) {
        let filter = measure.filter.as_ref();
        self.next();
        match &measure.aggregate {
            Aggregate::Count => self.counted(&[filter]),
            Aggregate::Share(share) => {
                self.counted(&[filter, Some(share)]);
                self.cell();
                self.next();
                self.counted(&[filter]);
            }
            Aggregate::Points(figure, column) => {
                let held = Held::Score(column.clone());
                self.figure(*figure, Kind::Decimal, (filter, None), |query| query.held(&held, 0));
            }
            Aggregate::Of(figure, quantity) => {
                let column = self.record.column(&quantity.column);
                let filters = (filter, quantity.currency.as_ref());
                self.figure(*figure, quantity.kind, filters, |query| query.writer.push(&column));
                if quantity.kind == Kind::Money && *figure != Figure::Distinct {
                    self.cell();
                    self.next();
                    let record = Scope::of_row(self.record.row.clone());
                    self.currency(quantity, &record);
                }
            }
        }
        self.cell();
    }

    /// A figure of what `of` writes.
    fn figure(
        &mut self,
        figure: Figure,
        kind: Kind,
        (filter, currency): (Option<&Node>, Option<&Currency>),
        of: impl FnOnce(&mut Self),
    ) {
        let (name, none) = function(figure, kind);
        self.writer.push(if none.is_some() { "coalesce(" } else { "" });
        let distinct = if figure == Figure::Distinct { "DISTINCT " } else { "" };
        self.writer.push(&format!("{name}({distinct}"));
        of(self);
        if let Figure::Quantile(part) = figure {
            self.writer.push(", ");
            self.writer.bind(Cell::Real(part));
        }
        self.writer.push(")");
        self.filtered(&[filter], currency);
        if let Some(none) = none {
            self.writer.push(&format!(", {none})"));
        }
    }

    fn counted(&mut self, filters: &[Option<&Node>]) {
        self.writer.push("count(*)");
        self.filtered(filters, None);
    }

    fn filtered(&mut self, filters: &[Option<&Node>], currency: Option<&Currency>) {
        let mut word = " FILTER (WHERE ";
        if let Some(Currency::Only((column, code))) = currency {
            self.writer.push(&format!("{word}{} = ", self.record.column(column)));
            self.writer.bind(Cell::Text(code.clone()));
            word = " AND ";
        }
        for filter in filters.iter().flatten() {
            self.writer.push(word);
            self.writer.node(filter, &self.record);
            word = " AND ";
        }
        self.writer.push(if word == " AND " { ")" } else { "" });
    }

    /// The currency of a figure.
    fn currency(&mut self, quantity: &Quantity, scope: &Scope) {
        match &quantity.currency {
            Some(Currency::Always(code) | Currency::Only((_, code))) => {
                self.writer.bind(Cell::Text(code.clone()));
            }
            Some(Currency::OfGroup(column)) => self.writer.push(&scope.column(column)),
            None => self.writer.push("NULL"),
        }
    }

    // ---- rows

    /// `FROM` the records that count, `WHERE` they do.
    fn from(&mut self, archived: Archived) {
        let table = self.record.row.clone();
        self.writer.push(&format!(" FROM {table}"));
        for (test, scope) in self.source.relations.iter().zip(&self.related) {
            let (row, entity_type) = (&scope.row, &test.types[0]);
            let related = quote(&entity_type.name);
            self.writer.push(&format!(" LEFT JOIN {related} AS {row} ON {row}.id = "));
            if let Way::Reference(column) = &test.way {
                let reference = self.record.column(column);
                self.writer.push(&format!("{reference} AND {row}.archived_at IS NULL"));
                continue;
            }
            let one = self.writer.alias('r');
            self.writer.push(&format!("(SELECT {one}.id"));
            let link = self.writer.related_rows(&test.way, entity_type, &one, &self.record);
            self.writer.push(&match link {
                Some(link) => format!(
                    " ORDER BY {link}.is_primary DESC, {link}.valid_from, {link}.seq LIMIT 1)"
                ),
                None => format!(" ORDER BY {one}.id LIMIT 1)"),
            });
        }
        self.writer.push(" WHERE ");
        self.writer.push(&match archived {
            Archived::Exclude => format!("{table}.archived_at IS NULL"),
            Archived::Only => format!("{table}.archived_at IS NOT NULL"),
            Archived::Include => "1".to_owned(),
        });
        if let Some(filter) = &self.source.filter {
            self.writer.push(" AND ");
            self.writer.node(filter, &self.record);
        }
    }

    /// The row comes after the one of these keys in this order; NULL is the least.
    fn beyond(&mut self, order: &[(String, bool)], keys: &[Cell]) {
        // What follows implies it; by it, an index is walked from the place on.
        if let ([(column, false), _, ..], Some(key)) = (order, keys.first())
            && *key != Cell::Null
        {
            self.writer.push(&format!("{column} >= "));
            self.writer.bind(key.clone());
            self.writer.push(" AND ");
        }
        self.writer.push(if order.is_empty() { "(0" } else { "(" });
        for (last, (column, descending)) in order.iter().enumerate() {
            self.writer.push(if last > 0 { " OR (" } else { "(" });
            for ((column, _), key) in order[..last].iter().zip(keys) {
                self.writer.push(&format!("{column} IS "));
                self.writer.bind(key.clone());
                self.writer.push(" AND ");
            }
            match (&keys[last], descending) {
                (Cell::Null, false) => self.writer.push(&format!("{column} IS NOT NULL")),
                (Cell::Null, true) => self.writer.push("0"),
                (key, false) => {
                    self.writer.push(&format!("{column} > "));
                    self.writer.bind(key.clone());
                }
                (key, true) => {
                    self.writer.push(&format!("({column} < "));
                    self.writer.bind(key.clone());
                    self.writer.push(&format!(" OR {column} IS NULL)"));
                }
            }
            self.writer.push(")");
        }
        self.writer.push(")");
    }

    fn finish(mut self, order: &[String], limit: Option<u32>) -> Result<Statement> {
        if !order.is_empty() {
            self.writer.push(&format!(" ORDER BY {}", order.join(", ")));
        }
        if let Some(limit) = limit {
            self.writer.push(" LIMIT ");
            self.writer.bind(Cell::Integer(limit.into()));
        }
        let Writer { sql, parameters, .. } = self.writer;
        if parameters.len() > limits::QUERY_VALUES {
            let message = format!("at most {} values in all conditions", limits::QUERY_VALUES);
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        Ok(Statement { sql, parameters })
    }
}

/// The function, and what it is of none where that is not NULL.
fn function(figure: Figure, kind: Kind) -> (&'static str, Option<&'static str>) {
    match (figure, kind) {
        // Of none it is 0.0; of whole numbers it would not be exact.
        (Figure::Sum, Kind::Real) => ("total", None),
        (Figure::Sum, _) => ("sum", Some("0")),
        (Figure::Min, _) => ("min", None),
        (Figure::Max, _) => ("max", None),
        (Figure::Mean, _) => ("avg", None),
        (Figure::Distinct, _) => ("count", None),
        (Figure::Quantile(_), _) => ("crm_quantile", None),
    }
}
