//! Rows of `crm_type` and `crm_attribute`, and the tables, columns and indexes that they stand for.

use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use super::table::{self, Table, quote};
use crate::{
    Error, ErrorKind, Kind, Result, Timestamp,
    schema::{AttributeModel, TypeModel},
};

/// What `crm_type.definition` holds.
#[derive(Debug, Serialize, Deserialize)]
struct TypeDefinition {
    label: String,
    description: String,
}

fn damaged(_: serde_json::Error) -> Error {
    Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read")
}

/// The JSON of a type's label and description.
pub(crate) fn type_json(label: &str, description: &str) -> String {
    let definition = TypeDefinition { label: label.into(), description: description.into() };
    serde_json::to_string(&definition).expect("two texts are always JSON")
}

/// The JSON of an attribute's definition.
pub(crate) fn attribute_json(attribute: &AttributeModel) -> String {
    serde_json::to_string(&attribute.definition).expect("a checked definition is always JSON")
}

/// All types with their attributes.
pub(crate) fn load(conn: &Connection) -> Result<Vec<TypeModel>> {
    let mut statement =
        conn.prepare("SELECT id, name, definition, archived_at FROM crm_type ORDER BY name")?;
    let rows = statement.query_and_then([], |row| {
        let definition: TypeDefinition =
            serde_json::from_str(&row.get::<_, String>(2)?).map_err(damaged)?;
        let id = row.get(0)?;
        let archived_at = row.get::<_, Option<i64>>(3)?.map(Timestamp::clamped);
        let attributes = load_attributes(conn, id)?;
        let TypeDefinition { label, description } = definition;
        Ok(TypeModel::new(id, row.get(1)?, label, description, archived_at, attributes))
    })?;
    rows.collect()
}

fn load_attributes(conn: &Connection, type_id: i64) -> Result<Vec<AttributeModel>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, definition, archived_at FROM crm_attribute WHERE type_id = ?1 ORDER BY position",
    )?;
    let rows = statement.query_and_then([type_id], |row| {
        let definition = serde_json::from_str(&row.get::<_, String>(1)?).map_err(damaged)?;
        let archived_at = row.get::<_, Option<i64>>(2)?.map(Timestamp::clamped);
        AttributeModel::stored(row.get(0)?, definition, archived_at)
    })?;
    rows.collect()
}

/// Adds a type; its table is made by [`create_table`].
pub(crate) fn insert_type(tx: &Transaction<'_>, name: &str, definition: &str) -> Result<i64> {
    tx.execute("INSERT INTO crm_type (name, definition) VALUES (?1, ?2)", (name, definition))?;
    Ok(tx.last_insert_rowid())
}

/// Makes the table of a type, with the indexes of its attributes.
pub(crate) fn create_table(tx: &Transaction<'_>, table: &Table) -> Result<()> {
    tx.execute_batch(&table.create())?;
    let indexed = table.model.attributes.iter().filter(|attribute| attribute.is_indexed());
    indexed.into_iter().try_for_each(|attribute| set_index(tx, table, attribute, true))
}

/// Changes a type's label and description.
pub(crate) fn update_type(tx: &Transaction<'_>, id: i64, definition: &str) -> Result<()> {
    tx.execute("UPDATE crm_type SET definition = ?2 WHERE id = ?1", (id, definition))?;
    Ok(())
}

/// Archives a type, or takes it out of the archive.
pub(crate) fn archive_type(tx: &Transaction<'_>, id: i64, at: Option<Timestamp>) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_type SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}

/// Adds an attribute; returns its number. Its columns are made by [`add_columns`].
pub(crate) fn insert_attribute(
    tx: &Transaction<'_>,
    model: &TypeModel,
    attribute: &AttributeModel,
) -> Result<i64> {
    let position = i64::try_from(model.attributes.len()).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO crm_attribute (type_id, name, position, definition) VALUES (?1, ?2, ?3, ?4)",
        (model.id, attribute.name(), position, attribute_json(attribute)),
    )?;
    Ok(tx.last_insert_rowid())
}

/// Adds the columns of an attribute to a table that is there.
pub(crate) fn add_columns(
    tx: &Transaction<'_>,
    model: &TypeModel,
    attribute: &AttributeModel,
) -> Result<()> {
    let mut statements = table::add_columns(&model.name, attribute);
    statements.try_for_each(|statement| Ok(tx.execute_batch(&statement)?))
}

/// Changes an attribute's definition.
pub(crate) fn update_attribute(tx: &Transaction<'_>, attribute: &AttributeModel) -> Result<()> {
    tx.execute(
        "UPDATE crm_attribute SET definition = ?2 WHERE id = ?1",
        (attribute.id, attribute_json(attribute)),
    )?;
    Ok(())
}

/// Archives an attribute, or takes it out of the archive.
pub(crate) fn archive_attribute(
    tx: &Transaction<'_>,
    id: i64,
    at: Option<Timestamp>,
) -> Result<()> {
    let at = at.map(Timestamp::micros);
    tx.execute("UPDATE crm_attribute SET archived_at = ?2 WHERE id = ?1", (id, at))?;
    Ok(())
}

/// Makes or drops the index of an attribute: on its leading column, or for `choices` the side table.
pub(crate) fn set_index(
    tx: &Transaction<'_>,
    table: &Table,
    attribute: &AttributeModel,
    is_wanted: bool,
) -> Result<()> {
    if attribute.definition.kind == Kind::Choices {
        tx.execute("DELETE FROM crm_choice WHERE attribute_id = ?1", [attribute.id])?;
        if is_wanted {
            let sql = format!(
                "INSERT INTO crm_choice (attribute_id, option, record_id) \
                 SELECT ?1, j.value, t.id FROM {} t, json_each(t.{}) j",
                table.name,
                quote(attribute.name())
            );
            tx.execute(&sql, [attribute.id])?;
        }
        return Ok(());
    }
    let index = Table::index_name(&table.model.name, attribute);
    let sql = if is_wanted {
        // The id at the end lets a page go on from a place among equals.
        let column = quote(&attribute.leading_column());
        format!("CREATE INDEX {index} ON {} ({column}, id)", table.name)
    } else {
        format!("DROP INDEX {index}")
    };
    tx.execute_batch(&sql)?;
    Ok(())
}

/// Makes the view of a type anew.
pub(crate) fn replace_view(tx: &Transaction<'_>, table: &Table) -> Result<()> {
    tx.execute_batch(&format!("DROP VIEW IF EXISTS {}", table.view_name()))?;
    tx.execute_batch(&table.create_view())?;
    Ok(())
}
