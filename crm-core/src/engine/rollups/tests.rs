//! What roll-ups cost: which indexes answer them, and how many records one write may change.

use super::*;
use crate::{
    ActivityPreset, AssociationPreset, Attribute, Crm, DefineType, Kind, RecordId, formula::Change,
    limits,
};

fn with_rollups() -> Crm {
    let crm = Crm::in_memory().unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Purchase).unwrap();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let contact = [
        Attribute::new("purchases", Kind::Integer).formula("count(purchase)"),
        Attribute::new("all", Kind::Integer).formula("count(any)"),
        Attribute::new("revenue", Kind::Money).currency("EUR").formula("sum(amount of purchase)"),
        Attribute::new("pieces", Kind::Decimal).formula("sum(quantity of purchase)"),
        Attribute::new("last", Kind::Timestamp).formula("max(at of purchase)"),
        Attribute::new("product", Kind::Text).formula("latest(product of purchase)"),
        Attribute::new("employers", Kind::Integer).formula("count(related employed_by open)"),
    ];
    crm.types().define(DefineType::new("contact", contact)).unwrap();
    let company = [
        Attribute::new("staff", Kind::Integer).formula("count(related inverse employed_by)"),
        Attribute::new("revenue", Kind::Money)
            .currency("EUR")
            .formula("sum(revenue of related inverse employed_by role \"buyer\")"),
        Attribute::new("newest", Kind::Text)
            .formula("latest(family_name of related inverse employed_by)"),
        Attribute::new("most", Kind::Integer)
            .formula("max(purchases of related inverse employed_by)"),
        Attribute::new("young", Kind::Integer)
            .formula("count(related inverse employed_by where birthday > \"2000-01-01\")"),
        Attribute::new("customers", Kind::Integer)
            .formula("count(related inverse contact.company where purchases > 0)"),
        Attribute::new("best", Kind::Money)
            .currency("EUR")
            .formula("max(revenue of related inverse contact.company)"),
        Attribute::new("last_customer", Kind::Text)
            .formula("latest(family_name of related inverse contact.company)"),
    ];
    crm.types().define(DefineType::new("company", company)).unwrap();
    crm
}

#[test]
fn every_roll_up_is_read_by_an_index() {
    let crm = with_rollups();
    let catalog = crm.catalog();
    assert_eq!(catalog.rollups().all.len(), 15);
    for kept in &catalog.rollups().all {
        let plan = crm.shared.store.read(|conn| rollups::explain(conn, &kept.table)).unwrap();
        for step in &plan {
            assert!(!step.starts_with("SCAN"), "{}: {plan:#?}", kept.name(&catalog));
        }
        let is_latest = plan.iter().any(|step| step.contains("USE TEMP B-TREE FOR ORDER BY"));
        let name = kept.name(&catalog);
        let sorts = ["company.newest", "company.last_customer"].contains(&&*name);
        assert_eq!(is_latest, sorts, "{}: {plan:#?}", kept.name(&catalog));
    }
}

#[test]
fn roll_ups_lie_upon_each_other_in_levels() {
    let crm = with_rollups();
    let catalog = crm.catalog();
    for kept in &catalog.rollups().all {
        let name = kept.name(&catalog);
        let upon = ["company.revenue", "company.most", "company.customers", "company.best"];
        let level = if upon.contains(&&*name) { 2 } else { 1 };
        assert_eq!(kept.level, level, "{name}");
    }
}

#[test]
fn one_write_changes_so_many_records_and_no_more() {
    let crm = with_rollups();
    let kept = Arc::clone(&crm.catalog().rollups().all[0]);
    let id = |number: usize| {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        RecordId::from_bytes(bytes)
    };
    let mut pending = Pending::default();
    for number in 0..limits::ROLLED_UP_AT_ONCE {
        assert!(pending.note(&kept, id(number), Change::Anew));
    }
    assert!(pending.note(&kept, id(0), Change::Anew), "it is noted already");
    pending.check_room().unwrap();
    assert!(!pending.note(&kept, id(limits::ROLLED_UP_AT_ONCE), Change::Anew));
    let error = pending.check_room().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.hint().unwrap().contains("archive the attributes"), "{error}");
}
