//! The SQL of a condition, and the facts that evaluating one in memory needs.
//!
//! A leaf is a plain comparison, so that SQLite can use an index for it; what is unknown to SQL
//! (NULL) is false, and `IS NOT TRUE` makes it so under a negation. Values are bound, never written
//! into the text, and lists of conditions become flat trees, because SQLite bounds the depth of an
//! expression. The meaning is that of `condition::evaluate`.

mod consent;

use std::{collections::HashSet, fmt::Write as _};

use rusqlite::{Connection, params_from_iter};

use super::table::{Table, quote};
use crate::{
    Comparison, Count, End, Figure, Kind, RecordId, Result, Timestamp,
    cell::Cell,
    condition::{
        ChangedTest, Checked, Column, Compare, Direction, EventTest, FieldTest, HoldMode,
        MeasureTest, Moment, Named, Node, RelatedTest, ScoreTest, SegmentTest, StageTest, Test,
        TextMatch, Way, WhenTest,
    },
};

/// A boolean expression over the table of an entity type, with its parameters in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expression {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Cell>,
}

/// The expression that is true for the rows of which the condition is.
pub(crate) fn compile(checked: &Checked, moment: &Moment) -> Expression {
    let mut writer = Writer::new(moment);
    writer.node(&checked.root, &Scope::of_row(quote(&checked.entity_type)));
    Expression { sql: writer.sql, parameters: writer.parameters }
}

/// How SQLite goes about finding those rows, a line for each step.
pub(crate) fn plan(conn: &Connection, table: &Table, wanted: &Expression) -> Result<Vec<String>> {
    let sql = format!("EXPLAIN QUERY PLAN {}", select(table, wanted));
    let mut statement = conn.prepare(&sql)?;
    let lines = statement.query_map(params_from_iter(&wanted.parameters), |row| row.get(3))?;
    Ok(lines.collect::<rusqlite::Result<_>>()?)
}

/// The statement that finds the ids of the records in use for which the expression is true.
pub(crate) fn select(table: &Table, wanted: &Expression) -> String {
    let Table { name, .. } = table;
    format!("SELECT id FROM {name} WHERE archived_at IS NULL AND {}", wanted.sql)
}

/// The ids of the records in use for which the expression is true.
pub(crate) fn ids(
    conn: &Connection,
    table: &Table,
    wanted: &Expression,
) -> Result<HashSet<RecordId>> {
    let mut statement = conn.prepare_cached(&select(table, wanted))?;
    let rows = statement.query_map(params_from_iter(&wanted.parameters), |row| row.get(0))?;
    Ok(rows.map(|row| row.map(RecordId::from_bytes)).collect::<rusqlite::Result<_>>()?)
}

/// About how many rows there are: counted where there are few, or else in a sample that is spread
/// evenly over the table; and whether they were counted.
pub(crate) fn estimate(
    conn: &Connection,
    table: &Table,
    wanted: &Expression,
) -> Result<(u64, bool)> {
    let Table { name, .. } = table;
    let last: i64 =
        conn.query_row(&format!("SELECT coalesce(max(rowid), 0) FROM {name}"), [], |row| {
            row.get(0)
        })?;
    let step = (last / SAMPLE).max(1);
    let sql = format!(
        "WITH RECURSIVE places (place) AS (SELECT 1 UNION ALL SELECT place + {step} FROM places \
         WHERE place + {step} <= {last}) SELECT count(*) FROM places \
         CROSS JOIN {name} ON {name}.rowid = place WHERE archived_at IS NULL AND {}",
        wanted.sql
    );
    let mut statement = conn.prepare(&sql)?;
    let found: u64 = statement.query_row(params_from_iter(&wanted.parameters), |row| row.get(0))?;
    Ok((found * step.unsigned_abs(), step == 1))
}

/// Rows that an estimate looks at.
const SAMPLE: i64 = 1_000;

/// How the rows that a leaf is about are called.
pub(super) struct Scope {
    pub(super) row: String,
    /// The table of an activity's properties.
    pub(super) properties: Option<String>,
}

impl Scope {
    pub(super) const fn of_row(row: String) -> Self {
        Self { row, properties: None }
    }

    pub(super) fn column(&self, column: &Column) -> String {
        let row = match &self.properties {
            Some(properties) if column.is_property => properties,
            _ => &self.row,
        };
        format!("{row}.{}", quote(&column.name))
    }
}

/// SQL under way. Parameters are bound in the order in which they are written.
pub(super) struct Writer<'m> {
    pub(super) sql: String,
    pub(super) parameters: Vec<Cell>,
    pub(super) moment: &'m Moment,
    aliases: u32,
}

impl<'m> Writer<'m> {
    pub(super) const fn new(moment: &'m Moment) -> Self {
        Self { sql: String::new(), parameters: Vec::new(), moment, aliases: 0 }
    }

    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    pub(super) fn bind(&mut self, cell: impl Into<Cell>) {
        self.sql.push('?');
        self.parameters.push(cell.into());
    }

    fn list(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.push("(");
        for (place, cell) in cells.into_iter().enumerate() {
            self.push(if place > 0 { ", " } else { "" });
            self.bind(cell);
        }
        self.push(")");
    }

    pub(super) fn alias(&mut self, letter: char) -> String {
        self.aliases += 1;
        format!("{letter}{}", self.aliases)
    }

    pub(super) fn node(&mut self, node: &Node, scope: &Scope) {
        match node {
            Node::All(parts) => self.list_of(parts, " AND ", "1", scope),
            Node::Any(parts) => self.list_of(parts, " OR ", "0", scope),
            Node::Not(part) => {
                self.push("(");
                self.node(part, scope);
                self.push(" IS NOT TRUE)");
            }
            Node::Leaf(leaf) => {
                self.push("(");
                match &leaf.test {
                    Test::Field(test) => self.field(test, scope),
                    Test::Event(test) => self.event(test, scope),
                    Test::Related(test) => self.related(test, scope),
                    Test::Changed(test) => self.changed(test, scope),
                    Test::Stage(test) => self.stage(test, scope),
                    Test::Score(test) => self.score(test, scope),
                    Test::Consent(test) => self.consent(&test.rule, scope),
                    Test::Segment(test) => self.segment(test, scope),
                }
                self.push(")");
            }
        }
    }

    fn list_of(&mut self, parts: &[Node], word: &str, none: &str, scope: &Scope) {
        match joined(parts) {
            None => self.push(none),
            Some((_, tree)) => self.tree(&tree, word, scope),
        }
    }

    fn tree(&mut self, tree: &Joined<'_>, word: &str, scope: &Scope) {
        match tree {
            Joined::One(node) => self.node(node, scope),
            Joined::Two(left, right) => {
                self.push("(");
                self.tree(left, word, scope);
                self.push(word);
                self.tree(right, word, scope);
                self.push(")");
            }
        }
    }

    // ---- fields

    fn field(&mut self, test: &FieldTest, scope: &Scope) {
        let present: Vec<String> = test.present.iter().map(|c| scope.column(c)).collect();
        if let Compare::Set { negated } = test.compare {
            let (is, word) = if negated { ("IS NULL", " AND ") } else { ("IS NOT NULL", " OR ") };
            let terms: Vec<String> =
                present.iter().map(|column| format!("{column} {is}")).collect();
            return self.push(&terms.join(word));
        }
        if test.missing {
            // Only addresses have several columns to look at, and they compare by part.
            self.push(&format!("{} IS NULL OR ", present[0]));
        }
        let column = scope.column(&test.column);
        let Some((currency, code)) = &test.currency else {
            return self.compare(test, &column);
        };
        let differs = matches!(
            test.compare,
            Compare::Value(Comparison::Neq, _) | Compare::List { negated: true, .. }
        );
        self.push("(");
        self.compare(test, &column);
        let (word, sign) = if differs { (" OR ", "<>") } else { (" AND ", "=") };
        self.push(&format!("{word}{} {sign} ", scope.column(currency)));
        self.bind(text(code));
        self.push(")");
    }

    fn compare(&mut self, test: &FieldTest, column: &str) {
        match &test.compare {
            Compare::Set { .. } => unreachable!("written before"),
            Compare::Value(op, value) => {
                self.push(&format!("{column} {} ", op.sign()));
                self.bind(value.clone());
            }
            Compare::Between(least, most) => self.between(column, least.clone(), most.clone()),
            // SQLite has NULL IN () false, and NOT IN () true.
            Compare::List { cells, negated: true } if cells.is_empty() => {
                self.push(&format!("{column} IS NOT NULL"));
            }
            Compare::List { cells, negated } => {
                self.push(column);
                self.push(if *negated { " NOT IN " } else { " IN " });
                self.list(cells.iter().cloned());
            }
            Compare::Text(how, needle) => {
                let length = needle.chars().count();
                self.push(&match how {
                    TextMatch::Contains => format!("instr(crm_lower({column}), "),
                    TextMatch::StartsWith => format!("substr(crm_lower({column}), 1, {length}) = "),
                    TextMatch::EndsWith => format!("substr(crm_lower({column}), -{length}) = "),
                });
                self.bind(text(needle));
                self.push(if *how == TextMatch::Contains { ") > 0" } else { "" });
            }
            Compare::Matches(pattern) => {
                self.push("crm_matches(");
                self.bind(text(pattern.as_str()));
                self.push(&format!(", {column})"));
            }
            Compare::Holds { mode, options, indexed } => {
                self.holds(column, *mode, options, *indexed);
            }
            Compare::Relative { direction, span } => {
                let (first, last) = match test.kind {
                    Kind::Date => self.moment.days(*span, *direction),
                    _ => self.moment.span(*span, *direction),
                };
                self.between(column, Cell::Integer(first), Cell::Integer(last));
            }
            Compare::Anniversary { direction, span } => {
                let (first, last) = self.moment.days(*span, *direction);
                self.push("crm_has_anniversary(");
                if test.kind == Kind::Date {
                    self.push(column);
                } else {
                    self.push(&format!("crm_day({column}, "));
                    self.bind(text(self.moment.zone()));
                    self.push(")");
                }
                for day in [first, last, self.moment.today()] {
                    self.push(", ");
                    self.bind(Cell::Integer(day));
                }
                self.push(")");
            }
        }
    }

    fn between(&mut self, column: &str, first: Cell, last: Cell) {
        self.push(&format!("{column} BETWEEN "));
        self.bind(first);
        self.push(" AND ");
        self.bind(last);
    }

    /// Whether a list of options, as JSON in a column, holds some.
    fn holds(&mut self, column: &str, mode: HoldMode, options: &[String], indexed: Option<i64>) {
        let options = || options.iter().map(|option| text(option));
        match (mode, indexed) {
            (HoldMode::Any, Some(attribute)) => {
                let (row, _) = column.rsplit_once('.').expect("a column is named with its row");
                self.push(&format!(
                    "{row}.id IN (SELECT record_id FROM crm_choice WHERE attribute_id = "
                ));
                self.bind(Cell::Integer(attribute));
                self.push(" AND option IN ");
                self.list(options());
                self.push(")");
            }
            (HoldMode::Any | HoldMode::None, _) => {
                if mode == HoldMode::None {
                    self.push(&format!("{column} IS NOT NULL AND NOT "));
                }
                self.push(&format!("EXISTS (SELECT 1 FROM json_each({column}) WHERE value IN "));
                self.list(options());
                self.push(")");
            }
            (HoldMode::All, _) => {
                let count = options().len();
                self.push(&format!(
                    "{column} IS NOT NULL AND (SELECT count(*) FROM json_each({column}) WHERE value IN "
                ));
                self.list(options());
                self.push(&format!(") = {count}"));
            }
        }
    }

    // ---- activities

    fn event(&mut self, test: &EventTest, scope: &Scope) {
        match &test.measure {
            MeasureTest::Count(count) => match is_existence(*count) {
                Some(exists) => {
                    self.push(if exists { "EXISTS (SELECT 1" } else { "NOT EXISTS (SELECT 1" });
                    self.activities(test, None, scope);
                    self.push(")");
                }
                None => {
                    self.push("(SELECT count(*)");
                    self.activities(test, None, scope);
                    self.compared(*count);
                }
            },
            MeasureTest::Figure { figure, column, currency, op, value, .. } => {
                let (open, close) = match figure {
                    Figure::Sum => ("coalesce(crm_total(", "), 0)"),
                    Figure::Min => ("min(", ")"),
                    Figure::Max => ("max(", ")"),
                };
                let inner = self.activity_scope();
                let cell = inner.column(column);
                self.push(&format!("(SELECT {open}{cell}{close}"));
                self.activities_as(test, &inner, currency.as_ref(), scope);
                self.push(&format!(") {} ", op.sign()));
                self.bind(value.clone());
            }
            MeasureTest::Moment { end, when } => {
                let inner = self.activity_scope();
                let function = match end {
                    End::First => "min",
                    End::Last => "max",
                };
                self.push(&format!("(SELECT {function}({}.at)", inner.row));
                self.activities_as(test, &inner, None, scope);
                self.push(")");
                self.when(*when);
            }
        }
    }

    fn when(&mut self, when: WhenTest) {
        let (sign, at) = match when {
            WhenTest::Before(moment) => (" < ", moment.micros()),
            WhenTest::After(moment) => (" > ", moment.micros()),
            WhenTest::OlderThan(span) => {
                (" < ", self.moment.shifted(span, Direction::Last).micros())
            }
            WhenTest::WithinLast(span) => {
                let (first, last) = self.moment.span(span, Direction::Last);
                return self.between("", Cell::Integer(first), Cell::Integer(last));
            }
        };
        self.push(sign);
        self.bind(Cell::Integer(at));
    }

    pub(super) fn activity_scope(&mut self) -> Scope {
        Scope { row: self.alias('a'), properties: Some(self.alias('p')) }
    }

    fn activities(&mut self, test: &EventTest, currency: Option<&(Column, String)>, scope: &Scope) {
        let inner = self.activity_scope();
        self.activities_as(test, &inner, currency, scope);
    }

    /// `FROM` the activities that count, `WHERE` they do.
    pub(super) fn activities_as(
        &mut self,
        test: &EventTest,
        inner: &Scope,
        currency: Option<&(Column, String)>,
        scope: &Scope,
    ) {
        let Scope { row, properties } = inner;
        self.push(&format!(" FROM crm_activity AS {row}"));
        if let (Some(kind), Some(properties)) = (&test.kind, properties)
            && test.has_properties
        {
            // An activity without properties has no row there.
            let table = quote(&format!("crm_activity_{}", kind.name));
            self.push(&format!(
                " LEFT JOIN {table} AS {properties} ON {properties}.seq = {row}.seq"
            ));
        }
        self.push(&format!(
            " WHERE {row}.subject = {}.id AND {row}.superseded_by IS NULL AND ",
            scope.row
        ));
        if let Some(kind) = &test.kind {
            self.push(&format!("{row}.kind = "));
            self.bind(Cell::Integer(kind.id));
            self.push(" AND ");
        }
        let (first, last) = self.moment.frame(test.frame);
        self.between(&format!("{row}.at"), Cell::Integer(first), Cell::Integer(last));
        if let Some((column, code)) = currency {
            self.push(&format!(" AND {} = ", inner.column(column)));
            self.bind(text(code));
        }
        if let Some(filter) = &test.filter {
            self.push(" AND ");
            self.node(filter, inner);
        }
    }

    /// Closes a query for a number and compares it.
    fn compared(&mut self, count: Count) {
        self.push(&format!(") {} ", count.op.sign()));
        self.bind(Cell::Integer(count.value.into()));
    }

    // ---- related records

    fn related(&mut self, test: &RelatedTest, scope: &Scope) {
        let exists = is_existence(test.count);
        let (open, between) = match exists {
            Some(true) => ("EXISTS (SELECT 1", " OR "),
            Some(false) => ("NOT EXISTS (SELECT 1", " AND "),
            None => ("(SELECT count(DISTINCT ", " + "),
        };
        self.push("(");
        for (place, entity_type) in test.types.iter().enumerate() {
            self.push(if place > 0 { between } else { "" });
            let row = self.alias('r');
            self.push(open);
            if exists.is_none() {
                self.push(&format!("{row}.id)"));
            }
            let _ = self.related_rows(&test.way, entity_type, &row, scope);
            if let Some(filter) = &test.filter {
                self.push(" AND ");
                self.node(filter, &Scope::of_row(row));
            }
            self.push(")");
        }
        self.push(")");
        if exists.is_none() {
            let Count { op, value } = test.count;
            self.push(&format!(" {} ", op.sign()));
            self.bind(Cell::Integer(value.into()));
        }
    }

    /// `FROM` the related records in use of an entity type, `WHERE` they are; and what the association
    /// is called, where there is one.
    pub(super) fn related_rows(
        &mut self,
        way: &Way,
        entity_type: &Named,
        row: &str,
        scope: &Scope,
    ) -> Option<String> {
        let mut association_row = None;
        let table = quote(&entity_type.name);
        match way {
            Way::Reference(column) => {
                self.push(&format!(
                    " FROM {table} AS {row} WHERE {row}.id = {}",
                    scope.column(column)
                ));
            }
            Way::Referring(column) => {
                let column = quote(&column.name);
                let id = format!("{}.id", scope.row);
                self.push(&format!(" FROM {table} AS {row} WHERE {row}.{column} = {id}"));
            }
            Way::Association { association, inverse, role } => {
                let link = self.alias('s');
                let (near, far) = if *inverse { ("to", "from") } else { ("from", "to") };
                self.push(&format!(
                    " FROM crm_association AS {link} JOIN {table} AS {row} \
                     ON {row}.id = {link}.{far}_id WHERE {link}.{near}_id = {}.id",
                    scope.row
                ));
                self.push(&format!(" AND {link}.archived_at IS NULL AND {link}.type = "));
                self.bind(Cell::Integer(association.id));
                self.push(&format!(" AND {link}.{far}_type = "));
                self.bind(Cell::Integer(entity_type.id));
                // Unlike two ORs, this adds no depth to a nested condition.
                self.push(" AND ");
                self.bind(Cell::Integer(self.moment.today()));
                self.push(&format!(
                    " BETWEEN coalesce({link}.valid_from, -9e9) AND coalesce({link}.valid_to, 9e9)"
                ));
                if let Some(role) = role {
                    self.push(&format!(" AND {link}.role = "));
                    self.bind(text(role));
                }
                association_row = Some(link);
            }
        }
        self.push(&format!(" AND {row}.archived_at IS NULL"));
        association_row
    }

    // ---- stages

    fn stage(&mut self, test: &StageTest, scope: &Scope) {
        self.push(&format!(
            "{}.id IN (SELECT record_id FROM crm_stage WHERE lifecycle = ",
            scope.row
        ));
        self.bind(Cell::Integer(test.lifecycle));
        self.push(" AND stage IN ");
        self.list(test.stages.iter().map(|stage| text(stage)));
        self.push(")");
    }

    // ---- scores

    fn score(&mut self, test: &ScoreTest, scope: &Scope) {
        let row = self.alias('c');
        self.push(&format!("EXISTS (SELECT 1 FROM crm_score AS {row} WHERE {row}.model = "));
        self.bind(Cell::Integer(test.model));
        self.push(&format!(" AND {row}.record_id = {}.id AND {row}.version = ", scope.row));
        self.bind(Cell::Integer(test.version));
        self.push(&format!(" AND crm_points({row}.sheet, "));
        let group = test.group.and_then(|group| i64::try_from(group).ok());
        self.bind(group.map_or(Cell::Null, Cell::Integer));
        self.push(", ");
        self.bind(Cell::Integer(self.moment.now().micros()));
        self.push(&format!(") {} ", test.op.sign()));
        self.bind(Cell::Integer(test.value));
        self.push(")");
    }

    // ---- segments

    fn segment(&mut self, test: &SegmentTest, scope: &Scope) {
        self.push(&format!(
            "{}.id IN (SELECT record_id FROM crm_segment_member WHERE segment = ",
            scope.row
        ));
        self.bind(Cell::Integer(test.segment));
        self.push(")");
    }

    // ---- the past

    fn changed(&mut self, test: &ChangedTest, scope: &Scope) {
        let row = self.alias('j');
        self.push(&format!("EXISTS (SELECT 1 FROM crm_journal AS {row} WHERE "));
        self.mentions(test, &row, &format!("{}.id", scope.row));
        let first = test.within.map(|span| self.moment.shifted(span, Direction::Last));
        let (first, last) = stamps(first, self.moment.now());
        self.push(" AND ");
        self.between(&format!("{row}.hlc"), Cell::Integer(first), Cell::Integer(last));
        for (column, cell) in test.columns.iter().zip(test.to.iter().flatten()) {
            self.push(" AND ");
            self.body_value(&row, column, cell);
        }
        for (column, cell) in test.columns.iter().zip(test.from.iter().flatten()) {
            let earlier = self.alias('j');
            self.push(&format!(" AND (SELECT json_extract({earlier}.body, "));
            self.bind(text(&json_path(column)));
            self.push(&format!(
                ") FROM crm_journal AS {earlier} WHERE {earlier}.seq < {row}.seq AND "
            ));
            self.mentions(test, &earlier, &format!("{row}.record_id"));
            self.push(&format!(" ORDER BY {earlier}.seq DESC LIMIT 1) IS "));
            self.bind(in_body(cell));
        }
        self.push(")");
    }

    /// A row of the journal is of this record and mentions the attribute.
    fn mentions(&mut self, test: &ChangedTest, row: &str, id: &str) {
        self.push(&format!(
            "{row}.record_id = {id} AND {row}.kind IN ('record_created', 'record_patched') AND coalesce("
        ));
        for (place, column) in test.columns.iter().enumerate() {
            self.push(if place > 0 { ", " } else { "" });
            self.push(&format!("json_type({row}.body, "));
            self.bind(text(&json_path(column)));
            self.push(")");
        }
        // The function wants two arguments.
        self.push(", NULL) IS NOT NULL");
    }

    fn body_value(&mut self, row: &str, column: &str, cell: &Cell) {
        self.push(&format!("json_extract({row}.body, "));
        self.bind(text(&json_path(column)));
        self.push(") IS ");
        self.bind(in_body(cell));
    }
}

/// A list of conditions as SQL has it, two by two.
enum Joined<'a> {
    One(&'a Node),
    Two(Box<Self>, Box<Self>),
}

/// Joins the flattest neighbours again and again, so that what is nested deep stands near the top
/// and the whole is hardly deeper than it must be; and its height, about as SQLite counts it.
///
/// The order stays: SQLite asks the questions of a row one after the other as they are written, and
/// who writes the one first that most rows fail is right to expect that the others cost nothing.
fn joined(parts: &[Node]) -> Option<(usize, Joined<'_>)> {
    let mut trees: Vec<(usize, Joined<'_>)> =
        parts.iter().map(|part| (height(part), Joined::One(part))).collect();
    while trees.len() > 1 {
        // Lists are short.
        let pairs = trees.windows(2).map(|pair| pair[0].0.max(pair[1].0)).enumerate();
        let Some((place, height)) = pairs.min_by_key(|(_, height)| *height) else { break };
        let (_, right) = trees.remove(place + 1);
        let (_, left) = trees.remove(place);
        trees.insert(place, (height + 1, Joined::Two(Box::new(left), Box::new(right))));
    }
    trees.pop()
}

fn height(node: &Node) -> usize {
    // What a question takes by itself.
    const QUESTION: usize = 6;
    match node {
        Node::All(parts) | Node::Any(parts) => joined(parts).map_or(1, |(height, _)| height),
        Node::Not(part) => height(part) + 1,
        Node::Leaf(leaf) => {
            let filter = match &leaf.test {
                Test::Event(test) => test.filter.as_deref(),
                Test::Related(test) => test.filter.as_deref(),
                Test::Field(_)
                | Test::Changed(_)
                | Test::Stage(_)
                | Test::Score(_)
                | Test::Segment(_)
                | Test::Consent(_) => None,
            };
            QUESTION.max(filter.map_or(0, |filter| height(filter) + 4))
        }
    }
}

/// Whether a count only asks for some, or for none.
fn is_existence(count: Count) -> Option<bool> {
    match (count.op, count.value) {
        (Comparison::Gte, 1) | (Comparison::Gt | Comparison::Neq, 0) => Some(true),
        (Comparison::Eq | Comparison::Lte, 0) | (Comparison::Lt, 1) => Some(false),
        _ => None,
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn json_path(column: &str) -> String {
    format!("$.\"{column}\"")
}

/// A cell as `json_extract` gives it back from the body of a change.
fn in_body(cell: &Cell) -> Cell {
    match cell {
        Cell::Blob(bytes) => {
            let mut hex = String::with_capacity(2 * bytes.len());
            for byte in bytes {
                write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
            }
            Cell::Text(hex)
        }
        other => other.clone(),
    }
}

/// The first and the last stamp of the journal for changes between two moments; the last is the less
/// where there is none.
fn stamps(first: Option<Timestamp>, last: Timestamp) -> (i64, i64) {
    // A stamp has 47 bits of milliseconds since 1970, and stands for the beginning of its own.
    let first = first.map_or(0, |first| -((-first.micros()).div_euclid(1000)));
    let last = last.micros().div_euclid(1000);
    if first >= 1 << 47 {
        return (0, -1);
    }
    let last = if last < (1 << 47) - 1 { ((last + 1) << 16) - 1 } else { i64::MAX };
    (first.max(0) << 16, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_lies_between_two_moments_to_the_millisecond() {
        let between = |first: i64, last: i64, millis: i64| {
            let (first, last) = (Timestamp::clamped(first), Timestamp::clamped(last));
            let (first, last) = stamps(Some(first), last);
            // The first and the last stamp of that millisecond.
            let within = |stamp: i64| (first..=last).contains(&stamp);
            assert_eq!(within(millis << 16), within((millis << 16) + 0xFFFF));
            within(millis << 16)
        };
        // What happened in a millisecond happened at its beginning.
        assert!(between(5_000, 7_000, 5) && between(5_000, 7_000, 7));
        assert!(between(4_001, 7_999, 5) && between(4_001, 7_999, 7));
        assert!(!between(5_001, 6_999, 5) && !between(5_001, 6_999, 7));
        assert!(between(5_001, 6_999, 6));
        assert!(!between(-2_000, -1, 0) && between(-2_000, 0, 0));
        let end = Timestamp::MAX.micros();
        assert!(between(0, end, (1 << 47) - 1) && !between(end, end, (1 << 47) - 1));
        assert_eq!(stamps(None, Timestamp::clamped(0)), (0, 0xFFFF));
    }
}
