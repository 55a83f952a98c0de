//! The SQL of roll-ups: what they sum up, and whose they are.
//!
//! One statement reads everything that a roll-up of a record sums up, by the index of the activities
//! of a subject or of the associations of a record. Its text is made once per definition. It maps and
//! decides nothing: which values count, and what they come to, is the formula room's.

use rusqlite::{Connection, OptionalExtension as _, ToSql, params_from_iter};

use super::{
    condition::{Scope, Writer},
    table::quote,
};
use crate::{
    RecordId, Result, Value,
    cell::Cell,
    condition::{Column, Named},
    formula::{Aggregate, Of, Plan, Tally},
    schema::AttributeModel,
};

/// A roll-up with its SQL.
#[derive(Debug)]
pub(crate) struct RollupTable {
    pub(crate) plan: Plan,
    /// What it sums up of a record; for each entity type one statement.
    select: Vec<Select>,
    /// The records that are associated with another one, which they sum up.
    owners: String,
    /// Another association that makes a record sum up another one.
    other_way: String,
}

/// A statement that reads what a roll-up sums up.
#[derive(Debug)]
struct Select {
    sql: String,
    /// What is bound after the record and the role.
    asked: Vec<Cell>,
}

impl RollupTable {
    pub(crate) fn new(plan: Plan) -> Self {
        match &plan.of {
            Of::Activities { kind, has_properties } => {
                let select = of_activities(&plan, kind.as_ref(), *has_properties);
                let (owners, other_way) = (String::new(), String::new());
                Self { select: vec![select], owners, other_way, plan }
            }
            Of::Referring { far, column, .. } => {
                let select = of_referring(&plan, far, column);
                let (owners, other_way) = (String::new(), String::new());
                Self { select: vec![select], owners, other_way, plan }
            }
            Of::Related { association, inverse, types, role, open } => {
                let (near, far) = if *inverse { ("to", "from") } else { ("from", "to") };
                // The role is bound in every statement, so that each has as many parameters.
                let role = if role.is_some() { "s.role = ?2" } else { "?2 IS NULL" };
                let open = if *open { " AND s.valid_to IS NULL" } else { "" };
                let id = association.id;
                let counts = format!("s.type = {id} AND s.archived_at IS NULL AND {role}{open}");
                let select = types.iter().map(|far_type| {
                    let (filter, asked) = filter(&plan, &Scope::of_row("r".to_owned()));
                    let table = quote(&far_type.name);
                    let columns = list(&plan, |_| "r");
                    let number = far_type.id;
                    if plan.aggregate == Aggregate::Latest {
                        let sql = format!(
                            "SELECT {columns} FROM crm_association s JOIN {table} r \
                             ON r.id = s.{far}_id WHERE s.{near}_id = ?1 AND {counts} \
                             AND s.{far}_type = {number} AND r.archived_at IS NULL{filter} \
                             ORDER BY s.seq DESC LIMIT 1"
                        );
                        return Select { sql, asked };
                    }
                    // Each record once, however many associations lead there.
                    let sql = format!(
                        "SELECT {columns} FROM {table} r WHERE r.archived_at IS NULL AND r.id IN \
                         (SELECT s.{far}_id FROM crm_association s WHERE s.{near}_id = ?1 \
                         AND {counts} AND s.{far}_type = {number}){filter}"
                    );
                    Select { sql, asked }
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
            Of::Activities { .. } | Of::Referring { .. } => None,
        }
    }

    /// What is bound before anything else: the record, and where there are associations the role.
    fn bound(&self, id: RecordId) -> Vec<Cell> {
        let mut bound = vec![Cell::Blob(id.as_bytes().to_vec())];
        if let Of::Related { .. } = &self.plan.of {
            let role = self.role().map(|role| Cell::Text(role.to_owned()));
            bound.push(role.unwrap_or_default());
        }
        bound
    }
}

/// The activities of a record, by the index of its activities.
fn of_activities(plan: &Plan, kind: Option<&Named>, has_properties: bool) -> Select {
    let mut from = "crm_activity a".to_owned();
    if let (Some(kind), true) = (kind, has_properties) {
        let table = quote(&format!("crm_activity_{}", kind.name));
        from.push_str(&format!(" LEFT JOIN {table} p ON p.seq = a.seq"));
    }
    let mut rest = "a.subject = ?1 AND a.superseded_by IS NULL".to_owned();
    if let Some(kind) = kind {
        rest.push_str(&format!(" AND a.kind = {}", kind.id));
    }
    let scope = Scope { row: "a".into(), properties: Some("p".into()) };
    let (filter, asked) = filter(plan, &scope);
    rest.push_str(&filter);
    let alias = |column: &Column| if column.is_property { "p" } else { "a" };
    let mut sql = format!("SELECT {} FROM {from} WHERE {rest}", list(plan, alias));
    // The index is in the order of time, so that one row of it is enough.
    let is_time = plan.columns().iter().any(|c| c.name == "at" && !c.is_property);
    match (plan.aggregate, is_time) {
        (Aggregate::Latest, _) | (Aggregate::Max, true) => {
            sql.push_str(" ORDER BY a.at DESC, a.seq DESC LIMIT 1");
        }
        (Aggregate::Min, true) => sql.push_str(" ORDER BY a.at, a.seq LIMIT 1"),
        _ => {}
    }
    Select { sql, asked }
}

/// The records that refer to a record, by the index of the reference.
fn of_referring(plan: &Plan, far: &Named, column: &Column) -> Select {
    let (filter, asked) = filter(plan, &Scope::of_row("r".to_owned()));
    let (table, column) = (quote(&far.name), quote(&column.name));
    let mut sql = format!(
        "SELECT {} FROM {table} r WHERE r.{column} = ?1 AND r.archived_at IS NULL{filter}",
        list(plan, |_| "r")
    );
    if plan.aggregate == Aggregate::Latest {
        sql.push_str(" ORDER BY r.created_at DESC, r.id DESC LIMIT 1");
    }
    Select { sql, asked }
}

/// What is asked of the things that are summed up, with the values to bind; both empty if nothing is.
fn filter(plan: &Plan, scope: &Scope) -> (String, Vec<Cell>) {
    let Some(filter) = &plan.filter else { return (String::new(), Vec::new()) };
    let mut writer = Writer::new(&filter.moment);
    writer.push(" AND ");
    writer.node(&filter.node, scope);
    (writer.sql, writer.parameters)
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
    for Select { sql, asked } in &rollup.select {
        let mut statement = conn.prepare_cached(sql)?;
        let bound = rollup.bound(id);
        let mut rows = statement.query(params_from_iter(bound.iter().chain(asked)))?;
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

/// Shows the records that sum up the record `far`, with which they are associated, to `visit`,
/// until it says stop.
pub(crate) fn owners(
    conn: &Connection,
    rollup: &RollupTable,
    far: RecordId,
    mut visit: impl FnMut(RecordId) -> bool,
) -> Result<()> {
    let mut statement = conn.prepare_cached(&rollup.owners)?;
    let mut rows = statement.query(params_from_iter(rollup.bound(far)))?;
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
    let read = rollup.select.iter().map(|select| &select.sql);
    let asked = read.chain([&rollup.owners, &rollup.other_way]);
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
