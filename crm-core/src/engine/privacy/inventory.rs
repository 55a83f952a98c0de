//! The inventory of tables, held against a file that has one of each sort.

use crate::{
    ActivityPreset, AssociationPreset, Attribute, Crm, DefineAssociationType, Kind, Preset,
    privacy::inventory::{Access, Erasure, INVENTORY, Name, Way, of_table},
    store::{
        defined,
        privacy::{columns, count, scanned, tables},
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
                for column in columns(conn, &name)? {
                    let holds_record = ["record_id", "subject_id", "subject", "related"]
                        .contains(&column.as_str())
                        || column.ends_with("_id")
                            && !["type_id", "attribute_id", "event_id"].contains(&&*column);
                    let is_way = |way: &Way| matches!(way, Way::Record(named) if *named == column);
                    let is_named =
                        entry.mentions.contains(&&*column) || entry.ways.iter().any(is_way);
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
                for table in scanned(conn, &name)? {
                    // Definitions are few.
                    let is_small = ["crm_lifecycle", "crm_segment", "crm_score_model", "crm_rule"];
                    assert!(is_small.contains(&table.as_str()), "{name}: {table} is read whole");
                }
            }
            Ok(())
        })
        .unwrap();
}

/// Nor may the question which definitions named somebody before read the journal.
#[test]
fn what_definitions_said_before_is_found_by_an_index() {
    let steps = filled().shared.store.read(defined::plan).unwrap();
    let journal = steps.iter().filter(|step| step.contains("crm_journal"));
    let by_index = "SEARCH crm_journal USING INDEX crm_journal_by_kind (kind=?)";
    assert_eq!(journal.filter(|step| *step != by_index).count(), 0, "{steps:#?}");
}
