//! The inventory of tables, held against a file that has one of each sort.

use crate::{
    ActivityPreset, AssociationPreset, Attribute, Crm, DefineAssociationType, Kind, Preset,
    privacy::inventory::{Access, Erasure, INVENTORY, Name, Way, of_table},
    store::{
        privacy::{belongs, count, tables},
        table::quote,
    },
};

/// A file with a table of each sort.
fn filled() -> Crm {
    let crm = Crm::in_memory().unwrap();
    for preset in Preset::ALL {
        crm.types().define_preset(*preset).unwrap();
    }
    for preset in ActivityPreset::ALL {
        crm.activity_kinds().define_preset(*preset).unwrap();
    }
    for preset in AssociationPreset::ALL {
        crm.association_types().define_preset(*preset).unwrap();
    }
    let attributes = vec![Attribute::new("share", Kind::Decimal)];
    let owns = DefineAssociationType::new("owns", ["contact"], ["company"]);
    crm.association_types().define(DefineAssociationType { attributes, ..owns }).unwrap();
    crm
}

#[test]
fn every_table_of_a_file_is_in_the_inventory() {
    filled()
        .shared
        .store
        .read(|conn| {
            let names = tables(conn)?;
            for name in &names {
                assert!(of_table(name).is_some(), "{name} is missing from the inventory");
                count(conn, name, &[7; 16])?;
            }
            for entry in INVENTORY {
                let is_there = match entry.name {
                    Name::Exactly(name) => names.iter().any(|other| other == name),
                    sort => names.iter().any(|name| of_table(name).unwrap().name == sort),
                };
                assert!(is_there, "{:?} is in no file", entry.name);
            }
            Ok(())
        })
        .unwrap();
}

/// A column of 16 bytes holds the id of a row or of a record; of these each is named.
#[test]
fn every_column_that_may_hold_a_record_is_named() {
    filled()
        .shared
        .store
        .read(|conn| {
            for name in tables(conn)? {
                let entry = of_table(&name).unwrap();
                if !matches!(entry.name, Name::Exactly(_)) {
                    continue;
                }
                let mut statement = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
                let columns = statement.query_map([&name], |row| row.get::<_, String>(0))?;
                for column in columns.collect::<rusqlite::Result<Vec<_>>>()? {
                    let holds_record = ["record_id", "subject_id", "subject", "related"]
                        .contains(&column.as_str())
                        || column.ends_with("_id")
                            && !["type_id", "attribute_id", "event_id"].contains(&&*column);
                    let is_named = entry.mentions.contains(&&*column)
                        || entry.ways.contains(&Way::Record(match &*column {
                            "record_id" => "record_id",
                            "subject_id" => "subject_id",
                            "subject" => "subject",
                            "from_id" => "from_id",
                            "to_id" => "to_id",
                            "a_id" => "a_id",
                            "b_id" => "b_id",
                            _ => "",
                        }));
                    assert!(!holds_record || is_named, "{name}.{column} is not named");
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_is_kept_or_hidden_has_a_reason() {
    for entry in INVENTORY {
        let belongs_to_nobody = entry.ways.is_empty();
        match entry.erasure {
            Erasure::Deleted => assert!(!belongs_to_nobody, "{:?}", entry.name),
            Erasure::Redacted(reason) | Erasure::Kept(reason) => assert!(!reason.is_empty()),
        }
        if let Access::Nothing(reason) = entry.access {
            assert!(!reason.is_empty(), "{:?}", entry.name);
        }
    }
}

/// With a million people in the file, no question about one of them may read a whole table.
#[test]
fn the_rows_of_a_person_are_found_by_an_index() {
    filled()
        .shared
        .store
        .read(|conn| {
            for name in tables(conn)? {
                let Some(belongs) = belongs(&name) else { continue };
                let sql = format!(
                    "EXPLAIN QUERY PLAN SELECT count(*) FROM {} WHERE {belongs}",
                    quote(&name)
                );
                let mut statement = conn.prepare(&sql)?;
                let steps = statement.query_map([[7_u8; 16]], |row| row.get::<_, String>(3))?;
                for step in steps.collect::<rusqlite::Result<Vec<_>>>()? {
                    // Definitions are few.
                    let is_small = ["crm_lifecycle", "crm_segment", "crm_score_model", "crm_rule"]
                        .iter()
                        .any(|small| format!("{step} ").starts_with(&format!("SCAN {small} ")));
                    let scans =
                        step.starts_with("SCAN ") && !step.contains("VIRTUAL TABLE") && !is_small;
                    assert!(!scans, "{name}: {step}");
                }
            }
            Ok(())
        })
        .unwrap();
}
