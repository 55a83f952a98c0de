//! Erasing one person among many, without rewriting the file: a row of the type, a few activities,
//! associations and consents, their rows of the journal, and the log emptied afterwards.

use std::{path::Path, time::Duration};

use crm_core::{
    AddAssociation, Crm, DefineActivityKind, DefineAssociationType, Durability, EraseSubject,
    ListRecords, NewActivity, NewConsent, RecordRef, Timestamp, values,
};

use super::{Budget, Line, create, open, rows, timed};

/// How many people are erased.
const ERASED: usize = 20;

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    let crm = open(&folder.join("erasure.crm"), Durability::Full);
    crm.types().define(rows::definition()).unwrap();
    create(&crm, count);
    let people = people(&crm);
    // The first erasure makes the key of the suppressed contact points.
    crm.privacy().erase(&EraseSubject::new(people[0].clone())).unwrap();
    let (ours, ()) = timed(|| {
        for person in &people[1..] {
            assert!(
                crm.privacy().erase(&EraseSubject::new(person.clone())).unwrap().is_log_emptied
            );
        }
    });
    // 50 ms each.
    let budget = Budget::Time(Duration::from_millis(50 * ERASED as u64));
    report(Line { name: "erase a person".into(), ours, raw: None, units: ERASED, budget });
}

/// People from all over the table, each with ten activities, two associations and two consents.
fn people(crm: &Crm) -> Vec<RecordRef> {
    crm.activity_kinds().define(DefineActivityKind::new("seen", [])).unwrap();
    let knows = DefineAssociationType::new("knows", ["customer"], ["company"]);
    crm.association_types().define(knows).unwrap();
    let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let page = ListRecords { limit: 10_000, ..ListRecords::new("customer") };
    let records = crm.list_records(&page).unwrap().records;
    let step = records.len() / (ERASED + 1);
    let people = records.iter().step_by(step.max(1)).take(ERASED + 1);
    let people: Vec<_> = people.map(|one| RecordRef::new("customer", one.id)).collect();
    for person in &people {
        for number in 0..10 {
            let at = Timestamp::from_micros(number).unwrap();
            crm.activities().record(NewActivity::of("seen", person.clone(), at)).unwrap();
        }
        for role in ["one", "other"] {
            let company = RecordRef::new("company", acme);
            let link = AddAssociation {
                role: Some(role.into()),
                ..AddAssociation::new("knows", person.clone(), company)
            };
            crm.associations().add(link).unwrap();
            crm.consents().record(NewConsent::withdraw(person.clone())).unwrap();
        }
    }
    people
}
