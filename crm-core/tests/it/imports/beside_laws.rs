//! What holds for any columns that make associations and activities: applying does what the plan said,
//! also where rules reach from row to row, and taking it back leaves the links as they were.

use std::collections::BTreeMap;

use crm_core::{
    ActivityColumns, AddAssociation, Archived, AssociationColumns, Attribute, BadCells,
    CellProblem, ColumnMapping, Crm, DefineActivityKind, DefineAssociationType, DefineType,
    FindRelated, ImportMode, Kind, LeftItem, ListRecords, PlanImport, RecordId, RecordRef, Values,
};
use proptest::prelude::*;

use super::{apply, map, plan, revert, rows};
use crate::support::{assert_sound, replay};

/// Cells that name records which are there, are not, are archived or are there twice.
const CELLS: [(&str, &[&str]); 5] = [
    ("code", &["a", "b", "c", "d", "e", "f"]),
    ("firm", &["", "Acme", "Acme", "Twin", "Gone", "New", "New;Other", "Acme;Acme", "Acme;Hooli"]),
    ("boss", &["", "", "a", "b", "c", "d", "z"]),
    ("role", &["", "", "CFO", "CEO"]),
    ("seen", &["", "2025-01-31T12:00:00Z", "2025-02-01T12:00:00Z", "yesterday"]),
];

type Picks = [u8; CELLS.len()];

fn pick(picks: &Picks, place: usize) -> &'static str {
    let pool = CELLS[place].1;
    pool[usize::from(picks[place]) % pool.len()]
}

#[derive(Debug, Clone)]
struct World {
    /// People that are there, and the place of the firm that each works for.
    stored: Vec<(u8, u8, bool)>,
    table: Vec<Picks>,
    is_upsert: bool,
    is_lenient: bool,
    create_missing: bool,
    is_primary: bool,
    /// Of the types of associations: how many may lead to, and leave, a record.
    limits: (u8, u8),
}

fn world() -> impl Strategy<Value = World> {
    let stored = prop::collection::vec((0..6_u8, 0..4_u8, any::<bool>()), 0..5);
    let table = prop::collection::vec(any::<Picks>(), 0..9);
    (stored, table, any::<[bool; 4]>(), (0..4_u8, 0..4_u8)).prop_map(
        |(stored, table, [is_upsert, is_lenient, create_missing, is_primary], limits)| World {
            stored,
            table,
            is_upsert,
            is_lenient,
            create_missing,
            is_primary,
            limits,
        },
    )
}

impl World {
    fn crm(&self) -> Crm {
        let crm = Crm::open_with(":memory:", replay()).unwrap();
        let code = Attribute::new("code", Kind::Text).unique();
        crm.types().define(DefineType::new("person", [code])).unwrap();
        let title = Attribute::new("title", Kind::Text).indexed();
        crm.types().define(DefineType::new("firm", [title])).unwrap();
        let most = |limit: u8| (limit > 0).then_some(u32::from(limit));
        let works = DefineAssociationType {
            max_incoming: most(self.limits.0),
            max_outgoing: most(self.limits.1),
            ..DefineAssociationType::new("works_for", ["person"], ["firm"])
        };
        crm.association_types().define(works).unwrap();
        let above = DefineAssociationType {
            is_hierarchy: true,
            ..DefineAssociationType::new("reports_to", ["person"], ["person"])
        };
        crm.association_types().define(above).unwrap();
        crm.activity_kinds().define(DefineActivityKind::new("seen", [])).unwrap();
        let firm = |title: &str| {
            let values = [("title", title)].into_iter().collect::<Values>();
            crm.records("firm").create(values).unwrap().reference()
        };
        let firms = ["Acme", "Twin", "Twin", "Gone"].map(firm);
        for (code, employer, is_primary) in &self.stored {
            let values = [("code", CELLS[0].1[usize::from(*code)])].into_iter().collect::<Values>();
            let Ok(person) = crm.records("person").create(values) else { continue };
            let link = AddAssociation {
                is_primary: *is_primary,
                ..AddAssociation::new(
                    "works_for",
                    person.reference(),
                    firms[usize::from(*employer)].clone(),
                )
            };
            // One too many is left out; the rest of the draws makes up for it.
            let _ = crm.associations().add(link);
        }
        crm.records("firm").archive(firms[3].id, None).unwrap();
        crm
    }

    fn request(&self) -> PlanImport {
        let line = |cells: Vec<&str>| cells.join(",") + "\n";
        let header = line(CELLS.iter().map(|(name, _)| *name).collect());
        let table = self.table.iter();
        let table =
            table.map(|picks| line((0..CELLS.len()).map(|place| pick(picks, place)).collect()));
        let text: String = std::iter::once(header).chain(table).collect();
        let firm = AssociationColumns {
            separator: Some(";".into()),
            create_missing: self.create_missing,
            is_primary: self.is_primary,
            columns: vec![map("role")],
            ..AssociationColumns::new("works_for", "firm", "firm", "title")
        };
        let boss = AssociationColumns::new("reports_to", "boss", "person", "code");
        PlanImport {
            mode: if self.is_upsert { ImportMode::Upsert } else { ImportMode::Create },
            key: if self.is_upsert { vec!["code".into()] } else { Vec::new() },
            bad_cells: if self.is_lenient { BadCells::LeaveEmpty } else { BadCells::RejectRow },
            associations: vec![firm, boss],
            activities: vec![ActivityColumns::new("seen", [ColumnMapping::new("seen", "at")])],
            ..PlanImport::from_text("person", text, [map("code")])
        }
    }
}

fn records(crm: &Crm, entity_type: &str) -> BTreeMap<RecordId, bool> {
    let all =
        ListRecords { limit: 1_000, archived: Archived::Include, ..ListRecords::new(entity_type) };
    let records = crm.list_records(&all).unwrap().records.into_iter();
    records.map(|record| (record.id, record.archived_at.is_some())).collect()
}

type Link = (RecordId, RecordId, Option<String>, bool);

/// The associations in use, and whether each is primary.
fn links(crm: &Crm) -> BTreeMap<RecordId, Link> {
    let mut links = BTreeMap::new();
    for id in records(crm, "person").into_keys() {
        let request = FindRelated {
            at_any_time: true,
            archived: Archived::Include,
            limit: 1_000,
            ..FindRelated::new(RecordRef::new("person", id))
        };
        for related in crm.associations().related(&request).unwrap().related {
            let link = related.association;
            if link.archived_at.is_none() {
                links.insert(link.id, (link.from.id, link.to.id, link.role, link.is_primary));
            }
        }
    }
    links
}

fn told(problems: &[CellProblem]) -> Vec<(u64, Option<&str>, &str, bool)> {
    let problems = problems.iter();
    problems.map(|p| (p.row, p.column.as_deref(), p.kind.as_str(), p.rejects_row)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn links_and_activities_come_as_planned_once_and_go_again(world in world()) {
        let crm = world.crm();
        let before = (links(&crm), records(&crm, "person"), records(&crm, "firm"));
        let request = world.request();
        let made = plan(&crm, &request).unwrap();
        prop_assert_eq!(&links(&crm), &before.0);
        let planned = rows(&crm, &made);
        let sum = |count: fn(&crm_core::PlannedRow) -> usize| planned.iter().map(count).sum::<usize>() as u64;
        prop_assert_eq!(sum(|row| row.associations.len()), made.associations);
        prop_assert_eq!(sum(|row| row.activities.len()), made.activities);

        let run = apply(&crm, &made).unwrap();
        let import = &run.import;
        prop_assert_eq!(
            (import.created, import.updated, import.unchanged, import.conflicts, import.errors),
            (made.create, made.update, made.unchanged, made.conflict, made.error)
        );
        prop_assert_eq!(
            (import.associations, import.activities, import.others),
            (made.associations, made.activities, made.others)
        );
        prop_assert_eq!(told(&run.problems), told(&made.problems));
        let after = links(&crm);
        prop_assert_eq!((after.len() - before.0.len()) as u64, made.associations);
        prop_assert_eq!(
            (records(&crm, "firm").len() - before.2.len()) as u64,
            made.others
        );
        let mut roles: Vec<_> =
            planned.iter().flat_map(|row| &row.associations).map(|link| link.role.clone()).collect();
        let added = after.iter().filter(|(id, _)| !before.0.contains_key(id));
        let mut written: Vec<_> = added.map(|(_, link)| link.2.clone()).collect();
        roles.sort();
        written.sort();
        prop_assert_eq!(roles, written);
        assert_sound(&crm);

        // What did not fit may fit now: the boss that a row named may be one that a later row made.
        if world.is_upsert && made.problems.is_empty() {
            let again = plan(&crm, &request).unwrap();
            prop_assert_eq!((again.create, again.update), (0, 0));
            prop_assert_eq!((again.associations, again.activities, again.others), (0, 0, 0));
        }

        let report = revert(&crm, &run);
        prop_assert_eq!(report.archived, made.create + made.others);
        prop_assert_eq!((report.associations, report.left_count), (made.associations, made.activities));
        prop_assert!(report.left.iter().all(|left| left.item == LeftItem::Activity));
        prop_assert_eq!(&links(&crm), &before.0);
        for (entity_type, stored) in [("person", &before.1), ("firm", &before.2)] {
            for (id, is_archived) in records(&crm, entity_type) {
                prop_assert_eq!(is_archived, stored.get(&id).copied().unwrap_or(true));
            }
        }
        assert_sound(&crm);
    }
}
