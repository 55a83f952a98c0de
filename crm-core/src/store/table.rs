//! The table of an entity type: its columns, and the SQL that reads and writes its rows.
//!
//! SQL text is made once per definition and then constant, so that prepared statements are found
//! again. Names have passed the schema's check and are always quoted.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    Kind, normal,
    schema::{AttributeModel, TypeModel},
};

/// The columns that every table has, before those of the attributes.
const FIXED: &str = "id, version, created_at, updated_at, archived_at";
/// How many they are.
pub(crate) const FIXED_COLUMNS: usize = 5;

/// An entity type with the SQL of its table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) model: TypeModel,
    /// The quoted name.
    pub(crate) name: String,
    /// `SELECT` of all columns, without a condition.
    pub(crate) select: String,
    /// The same, of one id.
    pub(crate) select_by_id: String,
    /// Whether the record of an id is archived.
    pub(crate) select_archived: String,
    /// `INSERT` of a whole row.
    pub(crate) insert: String,
    /// For each attribute the lookup of records by its leading column.
    pub(crate) select_by: Vec<String>,
    /// For each attribute the search for another record with the same value.
    pub(crate) find_other: Vec<String>,
}

impl Table {
    pub(crate) fn new(model: TypeModel) -> Arc<Self> {
        let name = quote(&model.name);
        let mut columns = FIXED.to_owned();
        for column in model.attributes.iter().flat_map(AttributeModel::column_names) {
            columns.push_str(", ");
            columns.push_str(&quote(&column));
        }
        let marks = vec!["?"; FIXED_COLUMNS + model.columns].join(", ");
        let select = format!("SELECT {columns} FROM {name}");
        let leading = |attribute: &AttributeModel| quote(&attribute.leading_column());
        let select_by = model.attributes.iter();
        let select_by = select_by.map(|a| format!("{select} WHERE {} = ?1", leading(a))).collect();
        let find_other = model.attributes.iter();
        let find_other = find_other
            .map(|a| {
                format!("SELECT id FROM {name} WHERE {} = ?1 AND id <> ?2 LIMIT 1", leading(a))
            })
            .collect();
        Arc::new(Self {
            select_by_id: format!("{select} WHERE id = ?1"),
            select_archived: format!("SELECT archived_at IS NOT NULL FROM {name} WHERE id = ?1"),
            insert: format!("INSERT INTO {name} ({columns}) VALUES ({marks})"),
            select_by,
            find_other,
            select,
            name,
            model,
        })
    }

    /// `CREATE TABLE` with the fixed columns and those of the attributes.
    pub(crate) fn create(&self) -> String {
        format!(
            "CREATE TABLE {} (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER{}
) STRICT",
            self.name,
            further_columns(&self.model.attributes)
        )
    }

    /// The name of the index on an attribute. Names of indexes are one space for the whole file, so
    /// the point, which no name has, keeps `a`.`b_c` and `a_b`.`c` apart.
    pub(crate) fn index_name(type_name: &str, attribute: &AttributeModel) -> String {
        quote(&format!("crm_by_{type_name}.{}", attribute.name()))
    }

    /// The view that shows people text: ids as UUIDs, dates and times in ISO 8601, decimals and
    /// money with their point.
    pub(crate) fn create_view(&self) -> String {
        let mut columns = format!(
            "{} AS id, version, {} AS created_at, {} AS updated_at, {} AS archived_at",
            uuid_text("id"),
            instant_text("created_at"),
            instant_text("updated_at"),
            instant_text("archived_at"),
        );
        for attribute in self.model.live() {
            for (place, column) in attribute.column_names().enumerate() {
                let text = if place == 0 { shown(attribute, &column) } else { quote(&column) };
                write!(columns, ", {text} AS {}", quote(&column))
                    .expect("writing to a String cannot fail");
            }
        }
        format!("CREATE VIEW {} AS SELECT {columns} FROM {}", self.view_name(), self.name)
    }

    /// The quoted name of that view.
    pub(crate) fn view_name(&self) -> String {
        quote(&format!("v_{}", self.model.name))
    }
}

/// The columns of attributes as `CREATE TABLE` lists them after others. To list them all at once is what
/// keeps a definition fast: SQLite reads the whole schema again for each column that is added later.
pub(super) fn further_columns(attributes: &[AttributeModel]) -> String {
    let columns = attributes.iter().flat_map(columns);
    columns.fold(String::new(), |list, column| list + ",\n    " + &column)
}

/// `ALTER TABLE … ADD COLUMN` for each column of an attribute.
pub(super) fn add_columns(table: &str, attribute: &AttributeModel) -> impl Iterator<Item = String> {
    let table = quote(table);
    columns(attribute).map(move |column| format!("ALTER TABLE {table} ADD COLUMN {column}"))
}

/// Each column of an attribute with its type.
fn columns(attribute: &AttributeModel) -> impl Iterator<Item = String> {
    let parts = attribute.definition.kind.parts().iter();
    let named = attribute.column_names().zip(parts);
    named.map(|(column, part)| format!("{} {}", quote(&column), part.sql))
}

/// A name as SQL takes it whatever it is.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn shown(attribute: &AttributeModel, column: &str) -> String {
    let quoted = quote(column);
    match attribute.definition.kind {
        Kind::Date => format!("date({quoted} * 86400, 'unixepoch')"),
        Kind::Timestamp => instant_text(&quoted),
        Kind::Reference => uuid_text(&quoted),
        Kind::Decimal => scaled_text(&quoted, attribute.definition.scale.unwrap_or(2)),
        Kind::Money => {
            let currency = quote(&format!("{}_currency", attribute.name()));
            let mut cases = String::new();
            for exponent in [0, 3, 4] {
                let codes = normal::currency::codes_with(exponent)
                    .map(|code| format!("'{code}'"))
                    .collect::<Vec<_>>()
                    .join(", ");
                let text = scaled_text(&quoted, exponent);
                write!(cases, "WHEN {currency} IN ({codes}) THEN {text} ")
                    .expect("writing to a String cannot fail");
            }
            format!("CASE {cases}ELSE {} END", scaled_text(&quoted, 2))
        }
        _ => quoted,
    }
}

fn instant_text(column: &str) -> String {
    // In whole numbers throughout: a double does not hold the microseconds of the year 9999. What
    // `strftime` leaves of the second is appended, because it stops at milliseconds.
    let micros = format!("(({column} % 1000000 + 1000000) % 1000000)");
    format!(
        "strftime('%Y-%m-%dT%H:%M:%S', ({column} - {micros}) / 1000000, 'unixepoch') || printf('.%06dZ', {micros})"
    )
}

fn uuid_text(column: &str) -> String {
    let part = |start: u8, length: u8| format!("substr(hex({column}), {start}, {length})");
    // The hexadecimal form of NULL is an empty text.
    format!(
        "CASE WHEN {column} IS NOT NULL THEN lower({} || '-' || {} || '-' || {} || '-' || {} || '-' || {}) END",
        part(1, 8),
        part(9, 4),
        part(13, 4),
        part(17, 4),
        part(21, 12)
    )
}

fn scaled_text(column: &str, scale: u8) -> String {
    if scale == 0 {
        return format!("CAST({column} AS TEXT)");
    }
    let unit = 10_i64.pow(scale.into());
    format!(
        "CASE WHEN {column} < 0 THEN '-' ELSE '' END || abs({column} / {unit}) || printf('.%0{scale}d', abs({column} % {unit}))"
    )
}
