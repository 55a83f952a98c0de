//! Access and portability: what the file has of a person, as a document.
//!
//! The document is made from the inventory of tables and from nothing beside it, so that what is
//! entered there is shown here. The invariants: all of it is one state of the file, whatever is
//! written meanwhile; rows are read page by page, so that memory does not grow with them; they come
//! in the order of their keys, so that the same file gives the same document; and under the name of
//! a file there is never half a document.

use std::{
    io::{self, Write},
    path::Path,
};

use serde_json::{Map, Value as Json, json};

use super::{Privacy, load, retention, table_of, uses::Uses};
use crate::{
    AccessData, AccessReport, AccessScope, AccessTable, Error, ErrorKind, ExplainLearnedScore,
    Flow, Progress, ReadScore, Result, Timestamp,
    engine::{
        Catalog, export::Out, learned::explain_learned_score, progress::Reports,
        records::to_record, scores::explain_score,
    },
    journal::Hlc,
    ops::Watch,
    privacy::{
        access::{is_portable, shown},
        inventory::{Access, Entry, of_table},
    },
    schema::TypeModel,
    store::{
        Connection, FileDraft,
        access::{self as rows, FileColumn, PersonTable},
        learned, privacy,
        table::Table,
    },
};

/// Rows that are read in one go.
const PAGE: u32 = 1_000;

/// What of the journal proves it, and says nothing about anybody.
const CHAIN: [&str; 3] = ["salt", "commitment", "hash"];

impl Privacy<'_> {
    /// Shows a person what the file has of them: one JSON document with the rows of every table,
    /// where they come from, what they are used for, how long they are kept, who gets them, and
    /// what scores are made of. With `table` it is that table as CSV, each call of the state of its own; with
    /// [`AccessScope::Portable`] only what the person gave or did. All of it shows one state of the
    /// file, while others write; a file in memory is copied for that.
    ///
    /// ```
    /// use crm_core::{AccessData, Crm, Flow, RecordRef, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?.id;
    /// let request = AccessData::new(RecordRef::new("contact", ann));
    /// let report = crm.privacy().access(&request, &mut |_| Flow::Continue)?;
    /// assert!(report.text.is_some_and(|text| text.contains(r#""given_name":"Ann""#)));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` for a record that is not there, or a table without rows of the person;
    /// `InvalidArgument` if the file exists; `LimitExceeded` if the text would have more than 16 MiB;
    /// `Io` or `Full` if it cannot be written; `Interrupted` if `watch` cancelled it. Whatever fails, no
    /// half-written file is left.
    pub fn access(&self, request: &AccessData, watch: &mut Watch<'_>) -> Result<AccessReport> {
        self.crm.shared.store.read_still(|conn| {
            // A definition may have changed since the catalog of the handle was read.
            let catalog = Catalog::load(conn)?;
            self.write_access(State { conn, catalog: &catalog }, request, watch)
        })
    }

    fn write_access(
        &self,
        state: State<'_>,
        request: &AccessData,
        watch: &mut Watch<'_>,
    ) -> Result<AccessReport> {
        let State { conn, catalog } = state;
        let table = table_of(|name| catalog.table(name), &request.subject)?;
        let at = request.at.unwrap_or_else(|| self.crm.now());
        let tables = person_tables(conn, catalog, request)?;
        let target = request.path.as_deref().map(Path::new);
        let draft = target.map(FileDraft::new).transpose()?;
        let mut out = Out::new(draft.as_ref())?;
        let failed = |error: io::Error| Out::failed(&error);
        let told =
            tables.iter().map(|(_, one)| AccessTable { name: one.name.clone(), rows: one.rows });
        let told = told.collect();
        match &request.table {
            None => {
                let head = self.head(state, table, request, at)?.to_string();
                // The tables follow as its last member.
                out.write_all(&head.as_bytes()[..head.len() - 1]).map_err(failed)?;
                out.write_all(b",\"tables\":{").map_err(failed)?;
                self.write_tables(conn, &tables, request, watch, &mut out)?;
                out.write_all(b"}}\n").map_err(failed)?;
            }
            Some(name) => {
                let one = tables.into_iter().filter(|(_, one)| one.name == *name);
                let one: Vec<_> = one.collect();
                if one.is_empty() {
                    let message = "the person has no rows in a table of this name";
                    return Err(Error::new(ErrorKind::NotFound, message).with_field("table"));
                }
                out = self.write_csv(conn, &one, request, watch, out)?;
            }
        }
        let (bytes, text) = out.end(draft, target)?;
        Ok(AccessReport { tables: told, bytes, text })
    }

    /// Writes the rows of all tables as members of a JSON object, a row on each line.
    fn write_tables(
        &self,
        conn: &Connection,
        tables: &[(&'static Entry, PersonTable)],
        request: &AccessData,
        watch: &mut Watch<'_>,
        out: &mut Out,
    ) -> Result<()> {
        let failed = |error: io::Error| Out::failed(&error);
        let mut last: Option<&str> = None;
        self.each_row(conn, tables, request, watch, |entry, table, cells| {
            let is_first = last != Some(table.name.as_str());
            let before = match (is_first, last) {
                (true, None) => format!("\n{}:[\n", json!(table.name)),
                (true, Some(_)) => format!("\n],\n{}:[\n", json!(table.name)),
                (false, _) => ",\n".to_owned(),
            };
            last = Some(&table.name);
            let columns = table.columns.iter().zip(cells);
            let row = columns.map(|(column, cell)| (column.clone(), shown(entry, column, cell)));
            let row = Json::Object(row.collect::<Map<_, _>>());
            write!(out, "{before}{row}").map_err(failed)
        })?;
        match last {
            Some(_) => out.write_all(b"\n]").map_err(failed),
            None => Ok(()),
        }
    }

    /// Writes the rows of one table as CSV, under a header.
    fn write_csv(
        &self,
        conn: &Connection,
        tables: &[(&'static Entry, PersonTable)],
        request: &AccessData,
        watch: &mut Watch<'_>,
        out: Out,
    ) -> Result<Out> {
        let failed = |error: csv::Error| match error.into_kind() {
            csv::ErrorKind::Io(error) => Out::failed(&error),
            _ => Error::new(ErrorKind::Internal, "a table that the engine wrote is none"),
        };
        let mut writer = csv::Writer::from_writer(out);
        for (_, table) in tables {
            writer.write_record(&table.columns).map_err(failed)?;
        }
        self.each_row(conn, tables, request, watch, |entry, table, cells| {
            let columns = table.columns.iter().zip(cells);
            let texts = columns.map(|(column, cell)| match shown(entry, column, cell) {
                Json::Null => String::new(),
                Json::String(text) => text,
                other => other.to_string(),
            });
            writer.write_record(texts.collect::<Vec<_>>()).map_err(failed)
        })?;
        writer.into_inner().map_err(|error| Out::failed(error.error()))
    }

    /// Hands out every row, page by page, and tells how far it is.
    fn each_row<'t>(
        &self,
        conn: &Connection,
        tables: &'t [(&'static Entry, PersonTable)],
        request: &AccessData,
        watch: &mut Watch<'_>,
        mut row: impl FnMut(&'static Entry, &'t PersonTable, Vec<crate::cell::Cell>) -> Result<()>,
    ) -> Result<()> {
        let store = &self.crm.shared.store;
        let (mark, mut done) = (store.mark(), 0);
        let total = tables.iter().map(|(_, table)| table.rows).sum();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        for (entry, table) in tables {
            let mut after = None;
            loop {
                let id = request.subject.id;
                let (page, last) = rows::person_rows(conn, table, id, after.as_ref(), PAGE)?;
                let count = page.len() as u64;
                (after, done) = (last, done + count);
                page.into_iter().try_for_each(|cells| row(entry, table, cells))?;
                let is_last = done >= total;
                let flow = reports.step(Progress { done, total: Some(total) }, is_last);
                store.check_interrupted(mark)?;
                if flow == Flow::Cancel {
                    return Err(Error::new(ErrorKind::Interrupted, "the export was cancelled"));
                }
                if count < u64::from(PAGE) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// All of the document but the tables.
    fn head(
        &self,
        state: State<'_>,
        table: &Table,
        request: &AccessData,
        at: Timestamp,
    ) -> Result<Json> {
        let State { conn, catalog } = state;
        let mut head = Map::new();
        head.insert("format".into(), json!("crm.access.v1"));
        head.insert("at".into(), json!(at));
        head.insert("subject".into(), json!(request.subject));
        head.insert("scope".into(), json!(request.scope));
        let mut record = to_record(&table.model, load(conn, table, &request.subject)?);
        if request.scope == AccessScope::Portable {
            for name in concluded(&table.model) {
                record.values.remove(name);
            }
            head.insert("record".into(), json!(record));
            return Ok(Json::Object(head));
        }
        head.insert("record".into(), json!(record));
        head.insert("origin".into(), origin(conn, request)?);
        let uses = Uses::new(conn, catalog, &request.subject, at)?;
        let recipients = uses.recipients(catalog.book());
        head.insert("purposes".into(), Json::Array(uses.told));
        head.insert("retention".into(), retention::told(conn, catalog, &request.subject, at)?);
        head.insert("recipients".into(), json!(recipients));
        head.insert("scores".into(), self.scores(state, request, at)?);
        Ok(Json::Object(head))
    }

    /// What each score of the person is made of, in the words of its rules.
    fn scores(&self, state: State<'_>, request: &AccessData, at: Timestamp) -> Result<Json> {
        let State { conn, catalog } = state;
        let (of, id) = (&request.subject.entity_type, request.subject.id);
        let mut all = Vec::new();
        let moment = self.crm.moment(Some(at), None)?;
        let models = catalog.scores().map(|stored| &stored.model);
        for model in models.filter(|one| one.entity_type == *of) {
            let asked = ReadScore { model: model.name.clone(), id, at: Some(at), version: None };
            match explain_score(conn, catalog, &asked, &moment) {
                Ok(explanation) => {
                    all.push(json!({"logic": model, "explanation": explanation}));
                }
                // A draft scores nobody.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        for mut model in learned::all(conn)? {
            if model.entity_type == *of && model.archived_at.is_none() {
                let asked = ExplainLearnedScore { name: model.name.clone(), version: None, id };
                let now = self.crm.now();
                let explanation = explain_learned_score(conn, catalog, &asked, now)?;
                // What was learned of everybody; of this person the explanation tells.
                model.model = String::new();
                all.push(json!({"logic": model, "explanation": explanation}));
            }
        }
        Ok(Json::Array(all))
    }
}

/// The state that a document shows, and its schema.
#[derive(Clone, Copy)]
struct State<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
}

/// The names of the attributes that nobody stated.
fn concluded(model: &TypeModel) -> impl Iterator<Item = &str> {
    let places = model.calculated.iter().chain(&model.rollups);
    places.map(|place| model.attributes[*place].definition.name.as_str())
}

/// The columns that name stored bytes by their hash.
fn file_columns(catalog: &Catalog) -> Vec<FileColumn> {
    let mut columns = Vec::new();
    let mut add = |table: &str, model: &TypeModel| {
        let files = model.attributes.iter().filter(|one| one.definition.kind == crate::Kind::File);
        columns.extend(files.map(|one| (table.to_owned(), one.leading_column())));
    };
    catalog.iter().for_each(|table| add(&table.model.name, &table.model));
    catalog.kinds().for_each(|kind| add(&format!("crm_activity_{}", kind.model.name), &kind.model));
    for table in catalog.iter_associations() {
        add(&format!("crm_association_{}", table.model.definition.name), &table.model.attributes);
    }
    columns
}

/// The tables that have rows of the person, by name, with the columns that are shown.
fn person_tables(
    conn: &Connection,
    catalog: &Catalog,
    request: &AccessData,
) -> Result<Vec<(&'static Entry, PersonTable)>> {
    let subject = &request.subject;
    let table = catalog.table(&subject.entity_type)?;
    load(conn, table, subject)?;
    let is_portable_only = request.scope == AccessScope::Portable;
    let files = file_columns(catalog);
    let concluded: Vec<&str> = concluded(&table.model).collect();
    let hidden: Vec<String> = table
        .model
        .attributes
        .iter()
        .filter(|one| is_portable_only && concluded.contains(&one.definition.name.as_str()))
        .flat_map(|one| one.column_names())
        .collect();
    let mut tables = Vec::new();
    for name in privacy::tables(conn)? {
        let Some(entry) = of_table(&name) else { continue };
        if entry.access != Access::Whole || (is_portable_only && !is_portable(entry)) {
            continue;
        }
        let is_shown = |column: &str| match name.as_str() {
            "crm_journal" => !CHAIN.contains(&column),
            of if *of == *subject.entity_type => !hidden.iter().any(|one| one == column),
            _ => true,
        };
        let found = rows::person_table(conn, &name, subject.id, &files, is_shown)?;
        tables.extend(found.map(|found| (entry, found)));
    }
    Ok(tables)
}

/// Who made the record what it is, and by what cause: imports, rules, programs.
fn origin(conn: &Connection, request: &AccessData) -> Result<Json> {
    let origins = rows::origins(conn, request.subject.id)?.into_iter();
    let told = origins.map(|rows::Origin { actor, cause, first: (kind, stamp) }| {
        let first_at = Hlc(stamp).at();
        json!({"actor": actor, "cause": cause, "first_change": kind, "first_at": first_at})
    });
    Ok(told.collect())
}
