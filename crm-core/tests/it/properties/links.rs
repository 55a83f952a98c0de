//! Random work on associations, and the laws that hold among those that are left.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{
    AddAssociation, Association, AssociationType, Attribute, ChoiceOption, Crm, Date,
    DefineAssociationType, Error, Kind, PatchAssociation, RecordId, RecordRef, RunSql, Value,
    Values,
};
use proptest::prelude::*;

const TYPES: &[&str] = &["near", "under"];
const ROLES: &[&str] = &["x", "y"];
/// The days that are drawn, after 1970-01-01.
const DAYS: i32 = 6;

/// A change of associations or their types; numbers pick among what is there when it is made.
#[derive(Debug, Clone)]
pub(super) enum Link {
    Define(u8, [Option<u32>; 2], bool, bool),
    Add(u8, [u8; 2], Drawn),
    Patch(u8, Drawn, Option<i64>),
    Archive(u8),
    Restore(u8),
    ArchiveType(u8),
    RestoreType(u8),
}

/// What an association is to say.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    role: Option<u8>,
    is_primary: bool,
    days: [Option<i32>; 2],
    weight: Option<i64>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let day = || prop::option::of(0..DAYS);
    let weight = prop::option::weighted(0.3, 0_i64..3);
    let role = prop::option::of(any::<u8>());
    (role, any::<bool>(), [day(), day()], weight)
        .prop_map(|(role, is_primary, days, weight)| Drawn { role, is_primary, days, weight })
}

pub(super) fn link() -> impl Strategy<Value = Link> {
    let most = || prop::option::of(1_u32..3);
    let version = prop::option::weighted(0.2, 1_i64..3);
    prop_oneof![
        1 => (any::<u8>(), [most(), most()], any::<bool>(), any::<bool>())
            .prop_map(|(name, most, up, more)| Link::Define(name, most, up, more)),
        8 => (any::<u8>(), any::<[u8; 2]>(), drawn())
            .prop_map(|(name, ends, drawn)| Link::Add(name, ends, drawn)),
        4 => (any::<u8>(), drawn(), version).prop_map(|(n, drawn, v)| Link::Patch(n, drawn, v)),
        3 => any::<u8>().prop_map(Link::Archive),
        3 => any::<u8>().prop_map(Link::Restore),
        1 => any::<u8>().prop_map(Link::ArchiveType),
        2 => any::<u8>().prop_map(Link::RestoreType),
    ]
}

fn pick<T: ?Sized>(names: &[&'static T], number: u8) -> &'static T {
    names[usize::from(number) % names.len()]
}

fn day(days: Option<i32>) -> Option<Date> {
    days.map(|days| Date::from_days(days).unwrap())
}

/// Defines the types of associations, between these entity types.
pub(super) fn define_types(crm: &Crm, between: &[&'static str]) {
    for name in TYPES {
        let ends = || between.iter().copied();
        let definition = DefineAssociationType {
            is_hierarchy: *name == "under",
            ..DefineAssociationType::new(*name, ends(), ends())
        };
        crm.association_types().define(definition).unwrap();
    }
}

/// Does a change among these records; a new association is appended to `links`.
pub(super) fn perform(
    crm: &Crm,
    records: &[(String, RecordId)],
    links: &mut Vec<RecordId>,
    link: &Link,
) -> Result<(), Error> {
    let record = |number: u8| match records.get(usize::from(number) % (records.len() + 1)) {
        Some((entity_type, id)) => RecordRef::new(entity_type.as_str(), *id),
        None => RecordRef::new("alpha", RecordId::from_bytes([7; 16])),
    };
    let known = |number: u8| {
        let known = links.get(usize::from(number) % (links.len() + 1));
        known.copied().unwrap_or(RecordId::from_bytes([7; 16]))
    };
    let (types, associations) = (crm.association_types(), crm.associations());
    match link {
        Link::Define(name, [max_outgoing, max_incoming], is_hierarchy, has_more) => {
            let mut definition = DefineAssociationType {
                max_outgoing: *max_outgoing,
                max_incoming: *max_incoming,
                is_hierarchy: *is_hierarchy,
                ..DefineAssociationType::new(pick(TYPES, *name), [], [])
            };
            if *has_more {
                definition.roles = ROLES.iter().map(|role| ChoiceOption::new(*role)).collect();
                definition.attributes = vec![Attribute::new("weight", Kind::Integer)];
            }
            types.define(definition).map(drop)
        }
        Link::Add(name, [from, to], drawn) => {
            let added = associations.add(AddAssociation {
                role: drawn.role.map(|role| pick(ROLES, role).to_owned()),
                is_primary: drawn.is_primary,
                valid_from: day(drawn.days[0]),
                valid_to: day(drawn.days[1]),
                values: drawn
                    .weight
                    .map(|weight| ("weight", Value::from(weight)))
                    .into_iter()
                    .collect(),
                ..AddAssociation::new(pick(TYPES, *name), record(*from), record(*to))
            })?;
            links.push(added.id);
            Ok(())
        }
        Link::Patch(number, drawn, expected_version) => {
            let mut changes = Values::new();
            changes.insert("is_primary", drawn.is_primary);
            let text = |day: Option<Date>| day.map_or(Value::Null, Value::from);
            changes.insert("valid_from", text(day(drawn.days[0])));
            changes.insert("valid_to", text(day(drawn.days[1])));
            if let Some(role) = drawn.role {
                changes.insert("role", pick(ROLES, role));
            }
            if let Some(weight) = drawn.weight {
                changes.insert("weight", weight);
            }
            let (id, expected_version) = (known(*number), *expected_version);
            associations.patch(PatchAssociation { id, changes, expected_version }).map(drop)
        }
        Link::Archive(number) => associations.archive(known(*number), None).map(drop),
        Link::Restore(number) => associations.restore(known(*number), None).map(drop),
        Link::ArchiveType(name) => types.archive(pick(TYPES, *name)).map(drop),
        Link::RestoreType(name) => types.restore(pick(TYPES, *name)).map(drop),
    }
}

/// Every association of the file, archived ones included.
pub(super) fn all(crm: &Crm) -> BTreeMap<RecordId, Association> {
    let ids = crm.sql(&RunSql::new("SELECT id FROM crm_association")).unwrap().rows;
    let ids = ids.iter().map(|row| row.0[0].as_str().unwrap().parse().unwrap());
    ids.map(|id| (id, crm.associations().get(id).unwrap())).collect()
}

/// What is wrong with the associations of a file; nothing, if the laws hold.
pub(super) fn broken_laws(crm: &Crm) -> Vec<String> {
    let mut broken = Vec::new();
    let all = all(crm);
    for of_type in crm.association_types().list().unwrap() {
        let in_use = all
            .values()
            .filter(|link| link.archived_at.is_none() && link.association_type == of_type.name);
        let in_use: Vec<&Association> = in_use.collect();
        for day in -1..=DAYS {
            check_day(&of_type, &in_use, Date::from_days(day).unwrap(), &mut broken);
        }
        if of_type.is_hierarchy && !is_acyclic(&in_use) {
            broken.push(format!("{} has a cycle", of_type.name));
        }
    }
    broken
}

fn check_day(
    of_type: &AssociationType,
    links: &[&Association],
    day: Date,
    broken: &mut Vec<String>,
) {
    let holds = |link: &&&Association| {
        link.valid_from.is_none_or(|first| first <= day)
            && link.valid_to.is_none_or(|last| day <= last)
    };
    let (mut leaving, mut arriving) = (BTreeMap::new(), BTreeMap::new());
    let (mut primary, mut said) = (BTreeSet::new(), BTreeSet::new());
    for link in links.iter().filter(holds) {
        *leaving.entry(link.from.id).or_insert(0) += 1;
        *arriving.entry(link.to.id).or_insert(0) += 1;
        if link.is_primary && !primary.insert(link.from.id) {
            broken.push(format!("two primary {} on {day}", of_type.name));
        }
        if !said.insert((link.from.id, link.to.id, link.role.clone())) {
            broken.push(format!("{} says the same twice on {day}", of_type.name));
        }
    }
    for (most, counts) in [(of_type.max_outgoing, leaving), (of_type.max_incoming, arriving)] {
        if most.is_some_and(|most| counts.values().any(|count| *count > most)) {
            broken.push(format!("too many {} on {day}", of_type.name));
        }
    }
}

/// Takes away what has nothing above it until nothing is left, or only cycles.
fn is_acyclic(links: &[&Association]) -> bool {
    let mut edges: Vec<(RecordId, RecordId)> =
        links.iter().map(|link| (link.from.id, link.to.id)).collect();
    loop {
        let below: BTreeSet<RecordId> = edges.iter().map(|(from, _)| *from).collect();
        let before = edges.len();
        edges.retain(|(_, to)| below.contains(to));
        if edges.len() == before {
            return edges.is_empty();
        }
    }
}
