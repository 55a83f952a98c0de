//! Exports of other programs: recognised, and nothing of them lost. Each cell is placed in an
//! attribute, or reported with its row and column.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crm_core::{
    Address, BadCells, ColumnMapping, Crm, CsvDialect, DefineType, Flow, Kind, ListPlanRows,
    PlanImport, PlannedRow, ProposeMapping, RowDecision, Value,
};

use super::{apply, plan};

/// What became of the cells of a table that hold something.
#[derive(Debug, Default)]
struct Cells {
    placed: usize,
    /// In a row that is kept, reported by column.
    reported: usize,
    /// In a row that is left out, and reported.
    left_out: usize,
}

/// The type that the rows of an export become.
fn entity_type(export: &str) -> &'static str {
    match export.rsplit('_').next() {
        Some("contacts" | "users" | "members" | "leads" | "old") => "contact",
        Some("companies" | "organisations" | "accounts") => "company",
        Some("deals" | "opportunities") => "deal",
        _ => "thing",
    }
}

/// Imports a table with all that is proposed for it, and accounts for each of its cells.
fn import(path: &Path, export: Option<&str>) -> Cells {
    let crm = Crm::in_memory().unwrap();
    let entity_type = export.map_or("thing", entity_type);
    if entity_type == "thing" {
        crm.types().define(DefineType::new("thing", [])).unwrap();
    }
    let shown = path.display();
    let file = path.to_str().unwrap();
    let propose = || {
        let request = ProposeMapping {
            entity_type: entity_type.into(),
            path: Some(file.into()),
            text: None,
            dialect: CsvDialect::default(),
        };
        crm.propose_mapping(&request).unwrap()
    };
    let proposal = propose();
    assert_eq!(proposal.export.as_deref(), export, "{shown}");
    let attributes = proposal.additions.iter().map(|one| one.attribute.clone());
    crm.types().define(DefineType::new(entity_type, attributes)).unwrap();
    let again = propose();
    assert_eq!((again.unmapped.len(), again.additions.len()), (0, 0), "{shown}: proposed twice");
    let added = proposal.additions.into_iter().flat_map(|one| one.columns);
    let columns: Vec<ColumnMapping> = proposal.columns.into_iter().chain(added).collect();
    let request = PlanImport {
        bad_cells: BadCells::LeaveEmpty,
        ..PlanImport::from_path(entity_type, file, columns.clone())
    };
    let made = plan(&crm, &request).unwrap();
    assert_eq!(made.unmapped, [], "{shown}");
    let rows = ListPlanRows { limit: 10_000, ..ListPlanRows::new(made.clone()) };
    let rows = crm.imports().plan_rows(&rows, &mut |_| Flow::Continue).unwrap().rows;
    let cells = account(&crm, entity_type, path, &columns, &rows);
    let run = apply(&crm, &made).unwrap();
    assert_eq!((run.import.created, run.import.rows), (made.create, made.rows), "{shown}");
    cells
}

fn account(
    crm: &Crm,
    entity_type: &str,
    path: &Path,
    columns: &[ColumnMapping],
    rows: &[PlannedRow],
) -> Cells {
    let attributes = crm.types().get(entity_type).unwrap().attributes;
    let kinds: BTreeMap<_, _> = attributes.iter().map(|one| (&*one.name, one.kind)).collect();
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let text = text.trim_start_matches('\u{feff}');
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = table.headers().unwrap().clone();
    let mut cells = Cells::default();
    let written = table.records().map(Result::unwrap);
    let written = written.filter(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    let mut number = 0;
    for (written, row) in written.zip(rows) {
        number += 1;
        assert_eq!(row.row, number);
        for (column, cell) in header.iter().zip(&written) {
            if cell.trim().is_empty() {
                continue;
            }
            let column = column.trim();
            let is_reported =
                row.problems.iter().any(|problem| problem.column.as_deref() == Some(column));
            let mapping = columns.iter().find(|one| one.column == column).unwrap();
            let target = mapping.attribute.split('.').next().unwrap();
            let change = row.changes.iter().find(|change| change.attribute == target);
            match change {
                _ if row.decision != RowDecision::Create => {
                    assert!(!row.problems.is_empty(), "row {number} is left out without a word");
                    cells.left_out += 1;
                }
                None => {
                    assert!(is_reported, "{}: row {number}, {column} is lost", path.display());
                    cells.reported += 1;
                }
                Some(change) => {
                    let place = format!("{}: row {number}, {column}", path.display());
                    assert!(holds(kinds[target], &mapping.attribute, &change.new, cell), "{place}");
                    cells.placed += 1;
                }
            }
        }
    }
    assert_eq!(rows.len(), usize::try_from(number).unwrap(), "{}", path.display());
    cells
}

/// Whether a value is what a cell says: texts to the letter, others as far as there is one.
fn holds(kind: Kind, target: &str, value: &Value, cell: &str) -> bool {
    match (kind, value) {
        (Kind::Text, value) => value.as_str() == Some(cell.trim()),
        (Kind::LongText, value) => value.as_str() == Some(cell),
        (Kind::Address, Value::Address(address)) => {
            let Address { street, city, region, postal_code, country } = address;
            let part = match target.rsplit('.').next() {
                Some("street") => street,
                Some("city") => city,
                Some("region") => region,
                Some("postal_code") => postal_code,
                _ => country,
            };
            part.as_deref() == Some(cell.trim())
        }
        (_, value) => !value.is_null(),
    }
}

#[test]
fn nothing_of_a_known_export_is_lost() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/exports");
    let mut files = tables(&folder);
    files.sort();
    assert_eq!(files.len(), 18);
    for path in files {
        let cells = import(&path, path.file_stem().unwrap().to_str());
        assert!(cells.placed > 0, "{}", path.display());
    }
}

/// The exports of real accounts that lie beside the repository; they are not part of it.
#[test]
fn nothing_of_a_real_export_is_lost() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/crm_exports");
    if !folder.is_dir() {
        eprintln!("not run: data absent");
        return;
    }
    let known: BTreeMap<_, _> = KNOWN.into_iter().collect();
    let (mut all, mut recognised) = (Cells::default(), 0);
    for path in tables(&folder) {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        let export = known.get(name).copied();
        let cells = import(&path, export);
        recognised += usize::from(export.is_some());
        if export.is_some() {
            eprintln!("{name}: {cells:?}");
        }
        all.placed += cells.placed;
        all.reported += cells.reported;
        all.left_out += cells.left_out;
    }
    eprintln!("all tables: {all:?}");
    assert_eq!(recognised, known.len());
    assert!(all.placed > 20_000 && all.placed > 20 * (all.reported + all.left_out), "{all:?}");
}

const KNOWN: [(&str, &str); 18] = [
    ("hubspot_fivetran_seeds/contact_data.csv", "hubspot_contacts"),
    ("hubspot_fivetran_seeds/company_data.csv", "hubspot_companies"),
    ("hubspot_fivetran_seeds/deal_data.csv", "hubspot_deals"),
    ("hubspot_fivetran_seeds/ticket_data.csv", "hubspot_tickets"),
    ("zendesk_fivetran_seeds/user_data.csv", "zendesk_users"),
    ("zendesk_fivetran_seeds/organization_data.csv", "zendesk_organisations"),
    ("zendesk_fivetran_seeds/ticket_data.csv", "zendesk_tickets"),
    ("mailchimp_fivetran_seeds/member.csv", "mailchimp_members"),
    ("mailchimp_fivetran_seeds/campaign.csv", "mailchimp_campaigns"),
    ("mailchimp_fivetran_seeds/list.csv", "mailchimp_audiences"),
    ("salesforce_npsp/trailhead/Contact.csv", "salesforce_contacts"),
    ("salesforce_npsp/trailhead/Account.csv", "salesforce_accounts"),
    ("salesforce_npsp/trailhead/Opportunity.csv", "salesforce_opportunities"),
    ("salesforce_npsp/trailhead/Lead.csv", "salesforce_leads"),
    ("salesforce_trailhead/lwc-recipes_Accounts-Contacts.csv", "salesforce_accounts_and_contacts"),
    ("headers/google_contacts_csv_header_2024.csv", "google_contacts"),
    ("headers/google_contacts_csv_header_old.csv", "google_contacts_of_old"),
    ("headers/outlook_live_csv_header.csv", "outlook_contacts"),
];

/// The CSV files of a folder and those within it.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tables(&path));
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            found.push(path);
        }
    }
    found
}
