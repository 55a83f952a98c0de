//! The whole file again, from nothing but its journal.

use std::collections::BTreeMap;

use crm_core::{
    Activity, ActivityKind, Archived, Association, AssociationChange, AssociationType, Attribute,
    Change, ChangeKind, Crm, Date, DefineActivityKind, DefineAssociationType, EntityType,
    ListChanges, ListRecords, Record, RecordId, RecordRef, RunSql, Timestamp, Value, Values,
};
use serde_json::Value as Json;

use super::links;

/// What a file holds, as far as it can be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contents {
    pub(super) types: Vec<EntityType>,
    /// In the order of their ids.
    pub(super) records: BTreeMap<RecordId, Record>,
    pub(super) association_types: Vec<AssociationType>,
    pub(super) associations: BTreeMap<RecordId, Association>,
    pub(super) files: u64,
    pub(super) kinds: Vec<ActivityKind>,
    pub(super) activities: BTreeMap<RecordId, Activity>,
    /// Whose record each visitor is, by the visitor's key, in the order in which they were met.
    pub(super) visitors: Vec<(String, Option<RecordRef>)>,
    /// How many changes the journal has.
    pub(super) changes: u64,
}

impl Contents {
    /// What the tables say.
    pub(super) fn read(crm: &Crm) -> Self {
        let types = crm.types().list().unwrap();
        let mut records = BTreeMap::new();
        for entity_type in &types {
            let all = ListRecords {
                archived: Archived::Include,
                limit: 10_000,
                ..ListRecords::new(entity_type.name.as_str())
            };
            let page = crm.list_records(&all).unwrap();
            assert_eq!(page.next, None, "the file is larger than expected");
            records.extend(page.records.into_iter().map(|record| (record.id, record)));
        }
        let stats = crm.stats().unwrap();
        Self {
            types,
            records,
            files: stats.files,
            kinds: crm.activity_kinds().list().unwrap(),
            activities: activities(crm),
            visitors: visitors(crm),
            association_types: crm.association_types().list().unwrap(),
            associations: links::all(crm),
            changes: stats.changes,
        }
    }

    /// The same without what was typed, which the changes do not repeat.
    pub(super) fn without_typed(mut self) -> Self {
        for record in self.records.values_mut() {
            record.typed = Values::new();
        }
        self
    }

    /// What the journal says, read by pages of `limit`.
    pub(super) fn rebuild(crm: &Crm, limit: u32) -> Self {
        let mut rebuilt = Rebuilt::default();
        for change in changes(crm, limit) {
            rebuilt.apply(change);
        }
        rebuilt.finish()
    }
}

fn activities(crm: &Crm) -> BTreeMap<RecordId, Activity> {
    let ids = crm.sql(&RunSql::new("SELECT id FROM crm_activity")).unwrap().rows;
    let ids = ids.into_iter().map(|row| row.0[0].as_str().unwrap().parse().unwrap());
    ids.map(|id| (id, crm.activities().get(id).unwrap())).collect()
}

fn visitors(crm: &Crm) -> Vec<(String, Option<RecordRef>)> {
    let sql = "SELECT key, t.name, record_id FROM crm_visitor v \
               LEFT JOIN crm_type t ON t.id = record_type ORDER BY v.id";
    let rows = crm.sql(&RunSql::new(sql)).unwrap().rows.into_iter();
    rows.map(|row| {
        let text = |place: usize| row.0[place].as_str();
        let record = text(1).map(|name| RecordRef::new(name, text(2).unwrap().parse().unwrap()));
        (text(0).unwrap().to_owned(), record)
    })
    .collect()
}

/// Every change of the file.
pub(super) fn changes(crm: &Crm, limit: u32) -> Vec<Change> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page =
            crm.journal().changes(&ListChanges { limit, ..ListChanges::after(after) }).unwrap();
        if page.changes.is_empty() {
            assert_eq!(page.next, after);
            return all;
        }
        after = page.next;
        all.extend(page.changes);
    }
}

#[derive(Default)]
struct Rebuilt {
    types: BTreeMap<String, (EntityType, Vec<(Attribute, bool)>)>,
    records: BTreeMap<RecordId, Record>,
    association_types: BTreeMap<String, AssociationType>,
    associations: BTreeMap<RecordId, Association>,
    files: u64,
    kinds: BTreeMap<String, ActivityKind>,
    activities: BTreeMap<RecordId, Activity>,
    visitors: Vec<(String, Option<RecordRef>)>,
    changes: u64,
}

impl Rebuilt {
    fn apply(&mut self, change: Change) {
        self.changes += 1;
        match change.kind {
            ChangeKind::FileAdded => self.files += 1,
            ChangeKind::ActivityRecorded => self.record(change.activity.unwrap()),
            ChangeKind::VisitorIdentified | ChangeKind::VisitorReleased => {
                let body: Json = serde_json::from_str(&change.definition.unwrap()).unwrap();
                let record = (change.kind == ChangeKind::VisitorIdentified).then(|| {
                    let id = body["id"].as_str().unwrap().parse().unwrap();
                    RecordRef::new(body["type"].as_str().unwrap(), id)
                });
                *self.visitor(body["visitor"].as_str().unwrap()) = record;
            }
            ChangeKind::ActivityKindDefined
            | ChangeKind::ActivityKindArchived
            | ChangeKind::ActivityKindRestored => self.apply_to_kind(&change),
            ChangeKind::AssociationTypeDefined
            | ChangeKind::AssociationTypeArchived
            | ChangeKind::AssociationTypeRestored => self.apply_to_association_type(&change),
            ChangeKind::AssociationAdded
            | ChangeKind::AssociationChanged
            | ChangeKind::AssociationArchived
            | ChangeKind::AssociationRestored => {
                self.apply_to_association(change.association.unwrap(), change.kind, change.at);
            }
            _ => match change.record_id {
                Some(id) => self.apply_to_record(id, change),
                None => self.apply_to_type(&change),
            },
        }
    }

    fn record(&mut self, activity: Activity) {
        if let Some(visitor) = &activity.visitor {
            self.visitor(visitor);
        }
        if let Some(old) = activity.supersedes {
            self.activities.get_mut(&old).unwrap().superseded_by = Some(activity.id);
        }
        self.activities.insert(activity.id, activity);
    }

    fn visitor(&mut self, key: &str) -> &mut Option<RecordRef> {
        let place = self.visitors.iter().position(|(known, _)| known == key);
        let place = place.unwrap_or_else(|| {
            self.visitors.push((key.to_owned(), None));
            self.visitors.len() - 1
        });
        &mut self.visitors[place].1
    }

    fn apply_to_kind(&mut self, change: &Change) {
        let json = change.definition.as_deref().unwrap();
        if change.kind == ChangeKind::ActivityKindDefined {
            let definition: DefineActivityKind = serde_json::from_str(json).unwrap();
            let DefineActivityKind { name, label, description, properties } = definition;
            let kind = ActivityKind { name, label, description, properties, archived_at: None };
            self.kinds.insert(kind.name.clone(), kind);
        } else {
            let body: Json = serde_json::from_str(json).unwrap();
            let kind = self.kinds.get_mut(body["name"].as_str().unwrap()).unwrap();
            let is_archived = change.kind == ChangeKind::ActivityKindArchived;
            kind.archived_at = is_archived.then_some(change.at);
        }
    }

    fn apply_to_record(&mut self, id: RecordId, change: Change) {
        let record = self.records.entry(id).or_insert_with(|| {
            assert_eq!(change.kind, ChangeKind::RecordCreated, "the first change creates");
            Record {
                entity_type: change.entity_type.unwrap(),
                id,
                version: 0,
                created_at: change.at,
                updated_at: change.at,
                archived_at: None,
                values: Values::new(),
                typed: Values::new(),
            }
        });
        record.version += 1;
        record.updated_at = change.at;
        match change.kind {
            ChangeKind::RecordArchived => record.archived_at = Some(change.at),
            ChangeKind::RecordRestored => record.archived_at = None,
            _ => {}
        }
        set(&mut record.values, change.values);
    }

    fn apply_to_association(&mut self, change: AssociationChange, kind: ChangeKind, at: Timestamp) {
        let id = change.id;
        let link = self.associations.entry(id).or_insert_with(|| {
            assert_eq!(kind, ChangeKind::AssociationAdded, "the first change adds");
            Association {
                association_type: change.association_type,
                id,
                version: 0,
                created_at: at,
                updated_at: at,
                archived_at: None,
                from: change.from.unwrap(),
                to: change.to.unwrap(),
                role: None,
                is_primary: false,
                valid_from: None,
                valid_to: None,
                values: Values::new(),
            }
        });
        link.version += 1;
        link.updated_at = at;
        match kind {
            ChangeKind::AssociationArchived => link.archived_at = Some(at),
            ChangeKind::AssociationRestored => link.archived_at = None,
            _ => {}
        }
        let day = |value: &Value| value.as_str().map(|day| day.parse::<Date>().unwrap());
        for (name, value) in change.values {
            match name.as_str() {
                "role" => link.role = value.as_str().map(str::to_owned),
                "is_primary" => link.is_primary = value == Value::Bool(true),
                "valid_from" => link.valid_from = day(&value),
                "valid_to" => link.valid_to = day(&value),
                _ => set(&mut link.values, Values::from([(name.as_str(), value)])),
            }
        }
    }

    fn apply_to_association_type(&mut self, change: &Change) {
        let body: Json = serde_json::from_str(change.definition.as_deref().unwrap()).unwrap();
        let name = body["name"].as_str().unwrap().to_owned();
        match change.kind {
            ChangeKind::AssociationTypeDefined => {
                let d: DefineAssociationType = serde_json::from_value(body).unwrap();
                let defined = AssociationType {
                    name: d.name,
                    label: d.label,
                    inverse_label: d.inverse_label,
                    description: d.description,
                    from: d.from,
                    to: d.to,
                    max_outgoing: d.max_outgoing,
                    max_incoming: d.max_incoming,
                    roles: d.roles,
                    is_hierarchy: d.is_hierarchy,
                    attributes: d.attributes,
                    archived_at: None,
                };
                self.association_types.insert(name, defined);
            }
            ChangeKind::AssociationTypeArchived => {
                self.association_types.get_mut(&name).unwrap().archived_at = Some(change.at);
            }
            ChangeKind::AssociationTypeRestored => {
                self.association_types.get_mut(&name).unwrap().archived_at = None;
            }
            other => panic!("{} is no change of a type of associations", other.name()),
        }
    }

    fn apply_to_type(&mut self, change: &Change) {
        let name = change.entity_type.clone().unwrap();
        let body: Json = serde_json::from_str(change.definition.as_deref().unwrap()).unwrap();
        let (entity_type, attributes) =
            self.types.entry(name.clone()).or_insert_with(|| (empty_type(name), Vec::new()));
        let mut set_archived = |archived: bool| {
            let found = attributes.iter_mut().find(|(a, _)| a.name == body["name"]);
            found.unwrap().1 = archived;
        };
        match change.kind {
            ChangeKind::TypeDefined => {
                entity_type.label = body["label"].as_str().unwrap().into();
                entity_type.description = body["description"].as_str().unwrap().into();
            }
            ChangeKind::TypeArchived => entity_type.archived_at = Some(change.at),
            ChangeKind::TypeRestored => entity_type.archived_at = None,
            ChangeKind::AttributeArchived => set_archived(true),
            ChangeKind::AttributeRestored => set_archived(false),
            ChangeKind::AttributeDefined => {
                let attribute: Attribute = serde_json::from_value(body).unwrap();
                match attributes.iter_mut().find(|(a, _)| a.name == attribute.name) {
                    Some((known, _)) => *known = attribute,
                    None => attributes.push((attribute, false)),
                }
            }
            other => panic!("{} is no change of a type", other.name()),
        }
    }

    fn finish(self) -> Contents {
        let types = self.types.into_values().map(|(mut entity_type, attributes)| {
            for (attribute, is_archived) in attributes {
                match is_archived {
                    true => entity_type.archived_attributes.push(attribute),
                    false => entity_type.attributes.push(attribute),
                }
            }
            entity_type
        });
        // Whose a visitor's activities are is said by the visitor alone.
        let mut activities = self.activities;
        for activity in activities.values_mut() {
            if let Some(visitor) = &activity.visitor {
                let known = self.visitors.iter().find(|(key, _)| key == visitor);
                activity.subject = known.unwrap().1.clone();
            }
        }
        Contents {
            types: types.collect(),
            records: self.records,
            files: self.files,
            kinds: self.kinds.into_values().collect(),
            activities,
            visitors: self.visitors,
            association_types: self.association_types.into_values().collect(),
            associations: self.associations,
            changes: self.changes,
        }
    }
}

fn empty_type(name: String) -> EntityType {
    EntityType {
        name,
        label: String::new(),
        description: String::new(),
        attributes: Vec::new(),
        archived_attributes: Vec::new(),
        archived_at: None::<Timestamp>,
    }
}

/// Takes new values over; null clears.
pub(super) fn set(values: &mut Values, new: Values) {
    for (name, value) in new {
        if value.is_null() {
            values.remove(&name);
        } else {
            values.insert(name, value);
        }
    }
}
