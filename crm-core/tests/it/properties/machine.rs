//! Random work on a file: what hosts do, in any order, with many mistakes.

use crm_core::{
    ActivityLink, AddFile, ApplyChanges, ArchiveRecord, Attribute, CreateRecord, Crm,
    DefineActivityKind, DefineType, Direction, Error, IdentifyVisitor, Kind, Money, NewActivity,
    PatchRecord, RecordActivities, RecordChange, RecordId, RecordRef, RestoreRecord, Timestamp,
    UpsertRecord, Values,
};
use proptest::prelude::*;

use super::{
    draws::{Draw, attribute, draw},
    links::{self, Link, link},
};

pub(super) const TYPES: &[&str] = &["alpha", "beta"];
const KINDS: &[&str] = &["gamma", "delta"];
const VISITORS: &[&str] = &["v", "w", "é \"'\\"];
const NAMES: &[&str] = &["a", "b", "c", "d"];

/// A change of a record; numbers pick among what is there when it is made.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Create(u8, Vec<Draw>),
    Patch(u8, Vec<Draw>, Option<u8>),
    Upsert(u8, u8, Vec<Draw>),
    Archive(u8),
    Restore(u8),
}

/// Something that happened; numbers pick among what is there when it is recorded.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    kind: u8,
    /// A record; a visitor if it is of nobody's.
    subject: Option<u8>,
    visitor: u8,
    at: i64,
    key: Option<u8>,
    links: Vec<(u8, u8)>,
    supersedes: Option<u8>,
    values: Vec<Draw>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    DefineKind(u8, Vec<Attribute>),
    ArchiveKind(u8),
    RestoreKind(u8),
    Record(Happening),
    RecordMany(Vec<Happening>, bool),
    Identify(u8, u8),
    Release(u8),
    Work(Work),
    Batch(Vec<Work>, bool),
    DefineAttribute(u8, Box<Attribute>),
    DefineType(u8, Vec<Attribute>),
    ArchiveAttribute(u8, u8),
    RestoreAttribute(u8, u8),
    ArchiveType(u8),
    RestoreType(u8),
    AddFile(u8),
    Link(Link),
}

fn any_attribute() -> impl Strategy<Value = Attribute> {
    prop::sample::select(NAMES).prop_flat_map(|name| attribute(name, TYPES))
}

pub(super) fn work() -> impl Strategy<Value = Work> {
    let values = || prop::collection::vec(draw(), 0..4);
    prop_oneof![
        4 => (any::<u8>(), values()).prop_map(|(kind, values)| Work::Create(kind, values)),
        4 => (any::<u8>(), values(), prop::option::weighted(0.2, 0_u8..3))
            .prop_map(|(record, values, version)| Work::Patch(record, values, version)),
        2 => (any::<u8>(), any::<u8>(), values())
            .prop_map(|(kind, key, values)| Work::Upsert(kind, key, values)),
        1 => any::<u8>().prop_map(Work::Archive),
        1 => any::<u8>().prop_map(Work::Restore),
    ]
}

pub(super) fn happening() -> impl Strategy<Value = Happening> {
    let few = |most: u8| prop::option::weighted(0.2, 0..most);
    (
        any::<u8>(),
        prop::option::weighted(0.6, any::<u8>()),
        any::<u8>(),
        // Few times, so that several share one; the last lies too far ahead.
        prop::sample::select(vec![0, 1, 1_000_000, 1_767_225_600_000_000, i64::MAX / 2]),
        few(4),
        prop::collection::vec((any::<u8>(), 0_u8..3), 0..3),
        few(9),
        prop::collection::vec(draw(), 0..4),
    )
        .prop_map(|(kind, subject, visitor, at, key, links, supersedes, values)| Happening {
            kind,
            subject,
            visitor,
            at,
            key,
            links,
            supersedes,
            values,
        })
}

/// A step of the room of activities.
pub(super) fn happen() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => happening().prop_map(Step::Record),
        2 => (prop::collection::vec(happening(), 0..5), any::<bool>())
            .prop_map(|(all, whole)| Step::RecordMany(all, whole)),
        2 => (any::<u8>(), prop::collection::vec(any_attribute(), 0..3))
            .prop_map(|(kind, properties)| Step::DefineKind(kind, properties)),
        1 => any::<u8>().prop_map(Step::ArchiveKind),
        2 => any::<u8>().prop_map(Step::RestoreKind),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(visitor, to)| Step::Identify(visitor, to)),
        2 => any::<u8>().prop_map(Step::Release),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => happen(),
        10 => work().prop_map(Step::Work),
        2 => (prop::collection::vec(work(), 0..5), any::<bool>())
            .prop_map(|(works, all)| Step::Batch(works, all)),
        3 => (any::<u8>(), any_attribute())
            .prop_map(|(kind, attribute)| Step::DefineAttribute(kind, Box::new(attribute))),
        1 => (any::<u8>(), prop::collection::vec(any_attribute(), 0..3))
            .prop_map(|(kind, attributes)| Step::DefineType(kind, attributes)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(kind, name)| Step::ArchiveAttribute(kind, name)),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(kind, name)| Step::RestoreAttribute(kind, name)),
        1 => any::<u8>().prop_map(Step::ArchiveType),
        2 => any::<u8>().prop_map(Step::RestoreType),
        1 => any::<u8>().prop_map(Step::AddFile),
        6 => link().prop_map(Step::Link),
    ]
}

/// A schema to begin with, so that most work finds something to do.
pub(super) fn schema() -> impl Strategy<Value = Vec<Attribute>> {
    let all: Vec<_> = NAMES.iter().map(|name| attribute(name, TYPES)).collect();
    all
}

/// A file, and what is known to be in it.
pub(super) struct World {
    pub(super) crm: Crm,
    pub(super) records: Vec<(String, RecordId)>,
    activities: Vec<RecordId>,
    pub(super) hashes: Vec<String>,
    links: Vec<RecordId>,
}

/// Defines a kind, without what has no meaning for one.
fn define_kind(crm: &Crm, name: &str, mut properties: Vec<Attribute>) -> Result<(), Error> {
    for property in &mut properties {
        (property.unique, property.index) = (false, false);
    }
    crm.activity_kinds().define(DefineActivityKind::new(name, properties)).map(drop)
}

fn pick<T: ?Sized>(names: &[&'static T], number: u8) -> &'static T {
    names[usize::from(number) % names.len()]
}

fn undone() -> Error {
    Error::new(crm_core::ErrorKind::Interrupted, "the batch was undone")
}

impl World {
    pub(super) fn new(crm: Crm, schema: &[Attribute]) -> Self {
        for name in TYPES {
            crm.types().define(DefineType::new(*name, [])).unwrap();
        }
        for name in KINDS {
            for property in schema {
                let _ = define_kind(&crm, name, vec![property.clone()]);
            }
            let _ = define_kind(&crm, name, vec![]);
        }
        links::define_types(&crm, TYPES);
        for name in TYPES {
            // Those that refuse each other are left out.
            for attribute in schema {
                let _ = crm.types().define_attribute(name, attribute.clone());
            }
        }
        let (records, activities) = (Vec::new(), Vec::new());
        Self { crm, records, activities, hashes: Vec::new(), links: Vec::new() }
    }

    /// Does a step. An error is one that a host would see; a batch that was not committed is one.
    pub(super) fn perform(&mut self, step: &Step) -> Result<(), Error> {
        let crm = self.crm.clone();
        match step {
            Step::DefineKind(kind, properties) => {
                define_kind(&crm, pick(KINDS, *kind), properties.clone())
            }
            Step::ArchiveKind(kind) => crm.activity_kinds().archive(pick(KINDS, *kind)).map(drop),
            Step::RestoreKind(kind) => crm.activity_kinds().restore(pick(KINDS, *kind)).map(drop),
            Step::Record(happening) => {
                let recorded = crm.activities().record(self.activity(happening))?;
                self.activities.push(recorded.activity.id);
                Ok(())
            }
            Step::RecordMany(happenings, all_or_nothing) => {
                let activities = happenings.iter().map(|one| self.activity(one)).collect();
                let all_or_nothing = *all_or_nothing;
                let request = RecordActivities { activities, all_or_nothing };
                let report = crm.activities().record_many(request)?;
                if !report.is_committed {
                    return Err(undone());
                }
                self.activities.extend(report.outcomes.iter().filter_map(|outcome| outcome.id));
                Ok(())
            }
            Step::Identify(visitor, record) => {
                let (entity_type, id) = self.record(*record);
                let visitor = pick(VISITORS, *visitor).to_owned();
                crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id }).map(drop)
            }
            Step::Release(visitor) => crm.activities().release(pick(VISITORS, *visitor)).map(drop),
            Step::Work(work) => self.work(work),
            Step::Batch(works, all_or_nothing) => self.batch(works, *all_or_nothing),
            Step::DefineAttribute(kind, attribute) => {
                crm.types().define_attribute(pick(TYPES, *kind), (**attribute).clone()).map(drop)
            }
            Step::DefineType(kind, attributes) => crm
                .types()
                .define(DefineType::new(pick(TYPES, *kind), attributes.clone()))
                .map(drop),
            Step::ArchiveAttribute(kind, name) => {
                crm.types().archive_attribute(pick(TYPES, *kind), pick(NAMES, *name)).map(drop)
            }
            Step::RestoreAttribute(kind, name) => {
                crm.types().restore_attribute(pick(TYPES, *kind), pick(NAMES, *name)).map(drop)
            }
            Step::ArchiveType(kind) => crm.types().archive(pick(TYPES, *kind)).map(drop),
            Step::RestoreType(kind) => crm.types().restore(pick(TYPES, *kind)).map(drop),
            Step::AddFile(content) => {
                let file = AddFile::new("a.txt", "text/plain", [*content % 4]);
                self.hashes.push(crm.files().add(&file)?.hash);
                Ok(())
            }
            Step::Link(link) => links::perform(&crm, &self.records, &mut self.links, link),
        }
    }

    fn work(&mut self, work: &Work) -> Result<(), Error> {
        let crm = self.crm.clone();
        let (entity_type, id) = match self.change(work) {
            RecordChange::Create(r) => {
                (r.entity_type.clone(), crm.records(&r.entity_type).create(r.values)?.id)
            }
            RecordChange::Patch(r) => {
                let records = crm.records(&r.entity_type);
                records.patch_expecting(r.id, r.values, r.expected_version)?;
                return Ok(());
            }
            RecordChange::Upsert(r) => {
                let done = crm.records(&r.entity_type).upsert(&r.key, r.values)?;
                (r.entity_type.clone(), done.record.id)
            }
            RecordChange::Archive(r) => {
                return crm.records(&r.entity_type).archive(r.id, r.expected_version).map(drop);
            }
            RecordChange::Restore(r) => {
                return crm.records(&r.entity_type).restore(r.id, r.expected_version).map(drop);
            }
        };
        self.records.push((entity_type, id));
        Ok(())
    }

    fn batch(&mut self, works: &[Work], all_or_nothing: bool) -> Result<(), Error> {
        let changes: Vec<RecordChange> = works.iter().map(|work| self.change(work)).collect();
        let report = self.crm.apply(ApplyChanges { changes: changes.clone(), all_or_nothing })?;
        if !report.is_committed {
            return Err(undone());
        }
        for (change, outcome) in changes.iter().zip(report.outcomes) {
            if let (RecordChange::Create(CreateRecord { entity_type, .. }), Some(id)) =
                (change, outcome.id)
            {
                self.records.push((entity_type.clone(), id));
            }
        }
        Ok(())
    }

    /// A record that is there, or one that is not.
    pub(super) fn record(&self, number: u8) -> (String, RecordId) {
        match self.records.get(usize::from(number) % (self.records.len() + 1)) {
            Some((entity_type, id)) => (entity_type.clone(), *id),
            None => (TYPES[0].to_owned(), RecordId::from_bytes([7; 16])),
        }
    }

    fn activity(&self, happening: &Happening) -> NewActivity {
        let record = |number: u8| {
            let (entity_type, id) = self.record(number);
            RecordRef { entity_type, id }
        };
        let kind = pick(KINDS, happening.kind);
        let properties = self.crm.activity_kinds().get(kind).unwrap().properties;
        let known = properties.iter().collect::<Vec<_>>();
        let corrected = happening.supersedes.and_then(|number| {
            self.activities.get(usize::from(number) % self.activities.len().max(1)).copied()
        });
        let is_silent = corrected.is_some() && happening.kind.is_multiple_of(2);
        let odd = happening.visitor % 2 == 1;
        NewActivity {
            kind: kind.into(),
            at: Timestamp::from_micros(happening.at).unwrap_or(Timestamp::MAX),
            subject: happening.subject.filter(|_| !is_silent).map(record),
            visitor: (happening.subject.is_none() && !is_silent)
                .then(|| pick(VISITORS, happening.visitor).to_owned()),
            channel: odd.then(|| "e\"ä".to_owned()),
            direction: odd.then_some(Direction::Inbound),
            properties: self.values_of(&known, &happening.values),
            amount: odd.then(|| Money::new("-0.01", "EUR")),
            key: happening.key.map(|key| format!("key {key}")),
            links: happening
                .links
                .iter()
                .map(|(number, role)| {
                    let (entity_type, id) = self.record(*number);
                    let role = ["", "a", "ä\\"][usize::from(*role)].to_owned();
                    ActivityLink { entity_type, id, role }
                })
                .collect(),
            supersedes: corrected,
        }
    }

    fn change(&self, work: &Work) -> RecordChange {
        let record = |number: u8| self.record(number);
        match work {
            Work::Create(kind, draws) => {
                let entity_type = pick(TYPES, *kind).to_owned();
                let values = self.values(&entity_type, draws);
                RecordChange::Create(CreateRecord { entity_type, values })
            }
            Work::Patch(number, draws, version) => {
                let (entity_type, id) = record(*number);
                let values = self.values(&entity_type, draws);
                let expected_version = version.map(i64::from);
                RecordChange::Patch(PatchRecord { entity_type, id, values, expected_version })
            }
            Work::Upsert(kind, key, draws) => {
                let entity_type = pick(TYPES, *kind).to_owned();
                let values = self.values(&entity_type, draws);
                let key = pick(NAMES, *key).to_owned();
                RecordChange::Upsert(UpsertRecord { entity_type, key, values })
            }
            Work::Archive(number) => {
                let (entity_type, id) = record(*number);
                RecordChange::Archive(ArchiveRecord { entity_type, id, expected_version: None })
            }
            Work::Restore(number) => {
                let (entity_type, id) = record(*number);
                RecordChange::Restore(RestoreRecord { entity_type, id, expected_version: None })
            }
        }
    }

    fn values(&self, entity_type: &str, draws: &[Draw]) -> Values {
        let definition = self.crm.types().get(entity_type).unwrap();
        let known = definition.attributes.iter().chain(&definition.archived_attributes);
        self.values_of(&known.collect::<Vec<_>>(), draws)
    }

    fn values_of(&self, known: &[&Attribute], draws: &[Draw]) -> Values {
        let ids: Vec<RecordId> = self.records.iter().map(|(_, id)| *id).collect();
        let value = |draw: &Draw| {
            let name = pick(NAMES, draw.attribute);
            let kind = known.iter().find(|attribute| attribute.name == name);
            let kind = kind.map_or(Kind::Text, |attribute| attribute.kind);
            (name, draw.value(kind, &ids, &self.hashes))
        };
        draws.iter().map(value).collect()
    }
}
