//! The whole file again, from nothing but its journal.

use std::collections::BTreeMap;

use crm_core::{
    Archived, Association, AssociationChange, AssociationType, Attribute, Change, ChangeKind, Crm,
    Date, DefineAssociationType, EntityType, ListChanges, ListRecords, Record, RecordId, Timestamp,
    Value, Values,
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
            association_types: crm.association_types().list().unwrap(),
            associations: links::all(crm),
            files: stats.files,
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

/// Every change of the file.
pub(super) fn changes(crm: &Crm, limit: u32) -> Vec<Change> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = crm.journal().changes(&ListChanges { after, limit }).unwrap();
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
    changes: u64,
}

impl Rebuilt {
    fn apply(&mut self, change: Change) {
        self.changes += 1;
        if change.kind == ChangeKind::FileAdded {
            self.files += 1;
        } else if let Some(association) = change.association {
            self.apply_to_association(association, change.kind, change.at);
        } else if change.entity_type.is_none() {
            self.apply_to_association_type(&change);
        } else if let Some(id) = change.record_id {
            self.apply_to_record(id, change);
        } else {
            self.apply_to_type(&change);
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
        Contents {
            types: types.collect(),
            records: self.records,
            association_types: self.association_types.into_values().collect(),
            associations: self.associations,
            files: self.files,
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
