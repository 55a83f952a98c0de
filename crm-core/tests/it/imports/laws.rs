//! What holds for any table over any records: an import does what its plan said, row by row, and
//! taking it back leaves the values as they were.

use std::collections::BTreeMap;

use crm_core::{
    Archived, BadCells, Change, ChangeKind, ColumnMapping, ColumnRule, Crm, Flow, ImportMode,
    ListChanges, ListPlanRows, ListRecords, PlanImport, PlannedRow, RecordId, RowDecision,
    SourceFormat, Value, Values, values,
};
use proptest::prelude::*;

use super::{apply, map, people, plan, revert};
use crate::support::assert_sound;

/// Cells that collide, fit, and do not fit.
const CELLS: [(&str, &[&str]); 8] = [
    ("code", &["", "a", "b", "c", "d"]),
    ("mail", &["", "a@x.org", "a@X.ORG", "b@x.org", "c@x.org", "no"]),
    ("name", &["", "Ann", "Ben", "Cid"]),
    ("born", &["", "", "2000-01-01", "1.1.2000"]),
    ("n", &["", "1", "2", "x"]),
    ("tags", &["", "a", "b;c", "q"]),
    ("notes", &["", "one", "two"]),
    ("boss", &["", "", "a", "b", "c", "z"]),
];

type Picks = [u8; CELLS.len()];

fn pick(picks: &Picks, place: usize) -> &'static str {
    let pool = CELLS[place].1;
    pool[usize::from(picks[place]) % pool.len()]
}

#[derive(Debug, Clone)]
struct World {
    stored: Vec<(Picks, bool)>,
    table: Vec<Picks>,
    mode: ImportMode,
    key: Vec<&'static str>,
    bad_cells: BadCells,
    rules: Picks,
}

fn world() -> impl Strategy<Value = World> {
    let mode =
        prop::sample::select(vec![ImportMode::Create, ImportMode::Update, ImportMode::Upsert]);
    let key = prop::sample::select(vec![
        vec!["code"],
        vec!["mail"],
        vec!["name", "n"],
        vec!["mail", "code"],
    ]);
    let bad_cells = prop::sample::select(vec![BadCells::RejectRow, BadCells::LeaveEmpty]);
    let stored = prop::collection::vec((any::<Picks>(), any::<bool>()), 0..8);
    let table = prop::collection::vec(any::<Picks>(), 0..12);
    (stored, table, mode, key, bad_cells, any::<Picks>()).prop_map(
        |(stored, table, mode, key, bad_cells, rules)| World {
            stored,
            table,
            mode,
            key,
            bad_cells,
            rules,
        },
    )
}

impl World {
    fn crm(&self) -> Crm {
        let crm = people();
        let person = crm.records("person");
        for (place, (picks, is_archived)) in self.stored.iter().enumerate() {
            let mut values = Values::new();
            for (place, (name, _)) in CELLS.iter().enumerate().take(7) {
                let cell = pick(picks, place);
                let value = match *name {
                    "n" => cell.parse::<i64>().map_or(Value::Null, Value::from),
                    "tags" => Value::from(
                        cell.split(';').filter(|tag| !tag.is_empty()).collect::<Vec<_>>(),
                    ),
                    _ => Value::from(cell),
                };
                values.insert(*name, value);
            }
            // What does not fit is not stored; the rest of the draws makes up for it.
            let Ok(record) = person.create(values) else { continue };
            if *is_archived && place % 3 == 0 {
                person.archive(record.id, None).unwrap();
            }
        }
        crm
    }

    fn request(&self, format: SourceFormat) -> PlanImport {
        let rule = |place: usize| {
            let name = CELLS[place].0;
            let is_fixed = self.mode == ImportMode::Create || self.key.contains(&name);
            match (self.rules[place] % 5, name) {
                _ if is_fixed => None,
                (1, _) => Some(ColumnRule::Keep),
                (2, _) => Some(ColumnRule::UpdateOnly),
                (3, "tags" | "notes") => Some(ColumnRule::Append),
                _ => None,
            }
        };
        let columns = CELLS.iter().enumerate().map(|(place, (name, _))| ColumnMapping {
            rule: rule(place),
            lookup: (*name == "boss").then(|| "code".to_owned()),
            ..map(name)
        });
        let text = match format {
            SourceFormat::Csv => self.csv(),
            SourceFormat::JsonLines => self.json_lines(),
            #[cfg(feature = "arrow")]
            SourceFormat::Arrow => self.arrow(),
            #[cfg(not(feature = "arrow"))]
            SourceFormat::Arrow => unreachable!("it was not built in"),
        };
        let mut request = PlanImport::from_text("person", text, columns.collect::<Vec<_>>());
        request.source.format = format;
        request.mode = self.mode;
        if self.mode != ImportMode::Create {
            request.key = self.key.iter().map(|name| (*name).to_owned()).collect();
        }
        request.bad_cells = self.bad_cells;
        request
    }

    fn csv(&self) -> String {
        let line = |cells: Vec<&str>| cells.join(",") + "\n";
        let header = line(CELLS.iter().map(|(name, _)| *name).collect());
        let rows = self.table.iter();
        let rows =
            rows.map(|picks| line((0..CELLS.len()).map(|place| pick(picks, place)).collect()));
        std::iter::once(header).chain(rows).collect()
    }

    fn json_lines(&self) -> String {
        let rows = self.table.iter().map(|picks| {
            let cells = (0..CELLS.len()).map(|place| (CELLS[place].0, pick(picks, place)));
            serde_json::to_string(&cells.collect::<BTreeMap<_, _>>()).unwrap() + "\n"
        });
        rows.collect()
    }
}

#[cfg(feature = "arrow")]
impl World {
    fn arrow(&self) -> String {
        use std::sync::Arc;

        use arrow_array::{ArrayRef, RecordBatch, StringArray};
        use base64::{Engine as _, engine::general_purpose::STANDARD};

        let is_blank = |picks: &&Picks| (0..CELLS.len()).all(|place| pick(picks, place).is_empty());
        let rows: Vec<_> = self.table.iter().filter(|picks| !is_blank(picks)).collect();
        let columns = (0..CELLS.len()).map(|place| {
            let cells = rows.iter().map(|picks| Some(pick(picks, place)));
            (CELLS[place].0, Arc::new(cells.collect::<StringArray>()) as ArrayRef, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer =
            arrow_ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        // Two batches, which are nothing to rows.
        let middle = batch.num_rows() / 2;
        writer.write(&batch.slice(0, middle)).unwrap();
        writer.write(&batch.slice(middle, batch.num_rows() - middle)).unwrap();
        writer.finish().unwrap();
        STANDARD.encode(bytes)
    }
}

/// All rows of a plan, by pages of three.
fn all_rows(crm: &Crm, plan: &crm_core::ImportPlan) -> Vec<PlannedRow> {
    let mut page = ListPlanRows { limit: 3, ..ListPlanRows::new(plan.clone()) };
    let mut rows = Vec::new();
    loop {
        let found = crm.imports().plan_rows(&page, &mut |_| Flow::Continue).unwrap();
        rows.extend(found.rows);
        match found.next {
            Some(next) => page.after = next,
            None => return rows,
        }
    }
}

fn contents(crm: &Crm) -> BTreeMap<RecordId, (Values, Values, bool)> {
    let all =
        ListRecords { limit: 1_000, archived: Archived::Include, ..ListRecords::new("person") };
    let records = crm.list_records(&all).unwrap().records.into_iter();
    records.map(|r| (r.id, (r.values, r.typed, r.archived_at.is_some()))).collect()
}

/// What the import wrote is what the rows of the plan say, in their order.
fn assert_as_planned(rows: &[PlannedRow], changes: &[Change]) {
    let written =
        rows.iter().filter(|row| matches!(row.decision, RowDecision::Create | RowDecision::Update));
    let mut made: BTreeMap<u64, RecordId> = BTreeMap::new();
    let mut changes = changes.iter();
    for row in written {
        let change = changes.next().expect("a change for each row that writes");
        let id = change.record_id.unwrap();
        match row.decision {
            RowDecision::Create => {
                assert_eq!((change.kind, row.id), (ChangeKind::RecordCreated, None))
            }
            _ => assert_eq!((change.kind, row.id), (ChangeKind::RecordPatched, Some(id))),
        }
        made.insert(row.row, id);
        let mut planned = Values::new();
        for change in &row.changes {
            let value = match change.new_row {
                Some(number) => Value::from(made[&number]),
                None => change.new.clone(),
            };
            planned.insert(change.attribute.as_str(), value);
        }
        assert_eq!(change.values, planned, "row {}", row.row);
    }
    assert!(changes.next().is_none(), "no change that was not planned");
}

/// Whether a row that creates a record takes a unique value which another row takes from one. The
/// created record keeps it in the archive, so that it cannot be given back.
fn is_passed_on(rows: &[PlannedRow]) -> bool {
    let changes =
        || rows.iter().flat_map(|row| row.changes.iter().map(move |change| (row, change)));
    let given_up: Vec<_> = changes()
        .filter(|(_, change)| ["code", "mail"].contains(&change.attribute.as_str()))
        .map(|(_, change)| (&change.attribute, &change.old))
        .collect();
    changes()
        .filter(|(row, _)| row.decision == RowDecision::Create)
        .any(|(_, change)| given_up.contains(&(&change.attribute, &change.new)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_import_does_what_its_plan_said_and_can_be_taken_back(world in world()) {
        let crm = world.crm();
        let before = contents(&crm);
        let request = world.request(SourceFormat::Csv);
        let made = plan(&crm, &request).unwrap();
        let rows = all_rows(&crm, &made);
        prop_assert_eq!(rows.len() as u64, made.rows);
        prop_assert_eq!(&contents(&crm), &before);
        for row in &rows {
            for change in &row.changes {
                let stored = row.id.map_or(&Value::Null, |id| before[&id].0.get(&change.attribute));
                // An earlier row may have changed no other record than its own.
                prop_assert_eq!(&change.old, stored);
            }
        }

        let run = apply(&crm, &made).unwrap();
        let import = &run.import;
        prop_assert_eq!(
            (import.created, import.updated, import.unchanged, import.conflicts, import.errors),
            (made.create, made.update, made.unchanged, made.conflict, made.error)
        );
        let told = |problems: &[crm_core::CellProblem]| {
            let told = problems.iter().map(|p| (p.row, p.column.clone(), p.kind.clone(), p.rejects_row));
            told.collect::<Vec<_>>()
        };
        prop_assert_eq!(told(&run.problems), told(&made.problems));
        let changes = crm.journal().changes(&ListChanges { limit: 1_000, ..ListChanges::after(made.seq) }).unwrap();
        assert_as_planned(&rows, &changes.changes);

        let again = plan(&crm, &request).unwrap();
        if world.mode == ImportMode::Update && made.problems.is_empty() {
            // Everything is said; what is added twice is there once. A cell that did not fit may fit
            // now: the code that it looks up may be one that its own row has set.
            prop_assert_eq!((again.create, again.update), (0, 0));
        }

        let report = revert(&crm, &run);
        if is_passed_on(&rows) {
            prop_assert_eq!(report.archived, made.create);
            prop_assert!(report.left.iter().all(|left| left.kind == "duplicate"));
            assert_sound(&crm);
            return Ok(());
        }
        prop_assert_eq!((report.archived, report.restored, report.left_count), (made.create, made.update, 0));
        let after = contents(&crm);
        for (id, state) in &after {
            match before.get(id) {
                Some(earlier) => prop_assert_eq!(state, earlier),
                None => prop_assert!(state.2, "what was created is archived"),
            }
        }
        assert_sound(&crm);
    }

    #[test]
    fn the_same_texts_mean_the_same_in_every_format(world in world()) {
        let crm = world.crm();
        let csv = plan(&crm, &world.request(SourceFormat::Csv)).unwrap();
        let json = plan(&crm, &world.request(SourceFormat::JsonLines)).unwrap();
        prop_assert_eq!(all_rows(&crm, &csv), all_rows(&crm, &json));
        #[cfg(feature = "arrow")]
        {
            let arrow = plan(&crm, &world.request(SourceFormat::Arrow)).unwrap();
            prop_assert_eq!(all_rows(&crm, &csv), all_rows(&crm, &arrow));
        }
    }
}

#[test]
fn values_are_what_the_plan_says_even_where_rows_pass_them_on() {
    // a@x.org goes from Ann to nobody, and then to Ben.
    let crm = people();
    let person = crm.records("person");
    person.create(values! { "code" => "a", "name" => "Ann", "mail" => "a@x.org" }).unwrap();
    person.create(values! { "code" => "b", "name" => "Ben" }).unwrap();
    let text = "code,mail\na,new@x.org\nb,a@x.org\nc,a@x.org\n";
    let request = super::upsert(text, &["code"], vec![map("code"), map("mail")]);
    let request = PlanImport { mode: ImportMode::Update, ..request };
    let made = plan(&crm, &request).unwrap();
    assert_eq!((made.update, made.conflict, made.error), (2, 0, 1));
    let run = apply(&crm, &made).unwrap();
    assert_eq!(run.import.updated, 2);
    // Only from the last change to the first is each value free when it goes back.
    let report = revert(&crm, &run);
    assert_eq!((report.left_count, report.restored), (0, 2));
}
