//! The SQL of roll-ups: what they sum up, and whose they are.
//!
//! One statement reads everything that a roll-up of a record sums up, by the index of the activities
//! of a subject or of the associations of a record. Its text is made once per definition. It maps and
//! decides nothing: which values count, and what they come to, is the formula room's.

use rusqlite::{Connection, OptionalExtension as _, Rows, Statement, ToSql};

use super::table::quote;
use crate::{
    RecordId, Result, Value,
    cell::Cell,
    condition::Column,
    formula::{Aggregate, Of, Plan, Tally},
    schema::AttributeModel,
};

/// A roll-up with its SQL.
#[derive(Debug)]
pub(crate) struct RollupTable {
    pub(crate) plan: Plan,
    /// What it sums up of a record; for each entity type one statement.
    select: Vec<String>,
    /// The records that sum up another one.
    owners: String,
    /// Another association that makes a record sum up another one.
    other_way: String,
}

impl RollupTable {
    pub(crate) fn new(plan: Plan) -> Self {
        match &plan.of {
            Of::Activities { kind, has_properties } => {
                let mut from = "crm_activity a".to_owned();
                if let (Some(kind), true) = (kind, has_properties) {
                    let table = quote(&format!("crm_activity_{}", kind.name));
                    from.push_str(&format!(" LEFT JOIN {table} p ON p.seq = a.seq"));
                }
                let mut rest = "a.subject = ?1 AND a.superseded_by IS NULL".to_owned();
                if let Some(kind) = kind {
                    rest.push_str(&format!(" AND a.kind = {}", kind.id));
                }
                let alias = |column: &Column| if column.is_property { "p" } else { "a" };
                let mut sql = format!("SELECT {} FROM {from} WHERE {rest}", list(&plan, alias));
                // The index is in the order of time, so that one row of it is enough.
                let is_time = plan.columns().iter().any(|c| c.name == "at" && !c.is_property);
                match (plan.aggregate, is_time) {
                    (Aggregate::Latest, _) | (Aggregate::Max, true) => {
                        sql.push_str(" ORDER BY a.at DESC, a.seq DESC LIMIT 1");
                    }
                    (Aggregate::Min, true) => sql.push_str(" ORDER BY a.at, a.seq LIMIT 1"),
                    _ => {}
                }
                let (owners, other_way) = (String::new(), String::new());
                Self { select: vec![sql], owners, other_way, plan }
            }
            Of::Related { association, inverse, types, role, open } => {
                let (near, far) = if *inverse { ("to", "from") } else { ("from", "to") };
                // The role is bound in every statement, so that each has as many parameters.
                let role = if role.is_some() { "s.role = ?2" } else { "?2 IS NULL" };
                let open = if *open { " AND s.valid_to IS NULL" } else { "" };
                let id = association.id;
                let counts = format!("s.type = {id} AND s.archived_at IS NULL AND {role}{open}");
                let select = types.iter().map(|far_type| {
                    let table = quote(&far_type.name);
                    let columns = list(&plan, |_| "r");
                    let number = far_type.id;
                    if plan.aggregate == Aggregate::Latest {
                        return format!(
                            "SELECT {columns} FROM crm_association s JOIN {table} r \
                             ON r.id = s.{far}_id WHERE s.{near}_id = ?1 AND {counts} \
                             AND s.{far}_type = {number} AND r.archived_at IS NULL \
                             ORDER BY s.seq DESC LIMIT 1"
                        );
                    }
                    // Each record once, however many associations lead there.
                    format!(
                        "SELECT {columns} FROM {table} r WHERE r.archived_at IS NULL AND r.id IN \
                         (SELECT s.{far}_id FROM crm_association s WHERE s.{near}_id = ?1 \
                         AND {counts} AND s.{far}_type = {number})"
                    )
                });
                Self {
                    select: select.collect(),
                    owners: format!(
                        "SELECT DISTINCT s.{near}_id FROM crm_association s \
                         WHERE s.{far}_id = ?1 AND {counts} AND s.{near}_type = {}",
                        plan.entity_type.id
                    ),
                    other_way: format!(
                        "SELECT 1 FROM crm_association s WHERE s.{near}_id = ?1 AND {counts} \
                         AND s.{far}_id = ?3 AND s.id <> ?4 LIMIT 1"
                    ),
                    plan,
                }
            }
        }
    }

    fn role(&self) -> Option<&str> {
        match &self.plan.of {
            Of::Related { role, .. } => role.as_deref(),
            Of::Activities { .. } => None,
        }
    }

    /// Runs one of its statements for a record.
    fn rows<'s>(&self, statement: &'s mut Statement<'_>, id: RecordId) -> Result<Rows<'s>> {
        Ok(match self.plan.of {
            Of::Activities { .. } => statement.query([id.as_bytes()])?,
            Of::Related { .. } => {
                let parameters: [&dyn ToSql; 2] = [id.as_bytes(), &self.role()];
                statement.query(parameters)?
            }
        })
    }
}

/// What a statement reads: the columns that are looked at, or how many there are.
fn list(plan: &Plan, alias: impl Fn(&Column) -> &'static str) -> String {
    if plan.aggregate == Aggregate::Count {
        return "count(*)".to_owned();
    }
    let columns = plan.columns().iter();
    let columns = columns.map(|column| format!("{}.{}", alias(column), quote(&column.name)));
    columns.collect::<Vec<_>>().join(", ")
}

/// What a roll-up gives for a record, from everything that it sums up.
pub(crate) fn read(
    conn: &Connection,
    rollup: &RollupTable,
    attribute: &AttributeModel,
    id: RecordId,
) -> Result<Value> {
    let plan = &rollup.plan;
    let mut tally = Tally::new(plan, attribute);
    let mut cells = vec![Cell::Null; plan.columns().len()];
    for sql in &rollup.select {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = rollup.rows(&mut statement, id)?;
        while let Some(row) = rows.next()? {
            if plan.aggregate == Aggregate::Count {
                tally.count(row.get(0)?);
                continue;
            }
            for (place, cell) in cells.iter_mut().enumerate() {
                *cell = row.get(place)?;
            }
            tally.add(&cells);
        }
    }
    Ok(tally.finish(attribute))
}

/// Shows the records that sum up the record `far` to `visit`, until it says stop.
pub(crate) fn owners(
    conn: &Connection,
    rollup: &RollupTable,
    far: RecordId,
    mut visit: impl FnMut(RecordId) -> bool,
) -> Result<()> {
    let mut statement = conn.prepare_cached(&rollup.owners)?;
    let mut rows = rollup.rows(&mut statement, far)?;
    while let Some(row) = rows.next()? {
        if !visit(RecordId::from_bytes(row.get(0)?)) {
            break;
        }
    }
    Ok(())
}

/// Whether another association than `link` makes the record `near` sum up `far`.
pub(crate) fn has_other_way(
    conn: &Connection,
    rollup: &RollupTable,
    (near, far): (RecordId, RecordId),
    link: RecordId,
) -> Result<bool> {
    let mut statement = conn.prepare_cached(&rollup.other_way)?;
    let parameters: [&dyn ToSql; 4] =
        [near.as_bytes(), &rollup.role(), far.as_bytes(), link.as_bytes()];
    Ok(statement.query_row(parameters, |_| Ok(())).optional()?.is_some())
}

/// How SQLite goes about everything that a roll-up asks of it.
#[cfg(test)]
pub(crate) fn explain(conn: &Connection, rollup: &RollupTable) -> Result<Vec<String>> {
    let asked = rollup.select.iter().chain([&rollup.owners, &rollup.other_way]);
    let mut steps = Vec::new();
    for sql in asked.filter(|sql| !sql.is_empty()) {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            steps.push(row.get(3)?);
        }
    }
    Ok(steps)
}
