//! What a segment is defined by.

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Error, ErrorKind, Result, Timestamp, condition::Moment, schema::check, shape::debug,
};

/// How a segment comes by its members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SegmentKind {
    /// The records of which the condition is true, at any time.
    #[default]
    Live,
    /// Those of which it was true when the segment was saved, or refreshed.
    Snapshot,
    /// Those that were added by hand.
    Static,
}

/// Defines a segment, or changes one: the request of `segments.define`, its whole new definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineSegment {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// The entity type of its members, for ever.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// How it comes by its members.
    #[serde(default)]
    pub kind: SegmentKind,
    /// What people read; the name, or what it was before, if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it is about, in prose; what it was before if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// Which records are members. A static segment has none, every other one needs it.
    #[serde(default, rename = "where")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub condition: Option<Condition>,
    /// The time zone by whose calendar its days are counted, such as `Europe/Berlin`; UTC if it is
    /// left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub zone: Option<String>,
}

impl DefineSegment {
    /// A live segment of the records of which a condition is true.
    pub fn live(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        condition: Condition,
    ) -> Self {
        let kind = SegmentKind::Live;
        Self { kind, condition: Some(condition), ..Self::by_hand(name, entity_type) }
    }

    /// A segment of the records of which a condition is true now.
    pub fn snapshot(
        name: impl Into<String>,
        entity_type: impl Into<String>,
        condition: Condition,
    ) -> Self {
        Self { kind: SegmentKind::Snapshot, ..Self::live(name, entity_type, condition) }
    }

    /// A static segment, whose members are added by hand.
    pub fn by_hand(name: impl Into<String>, entity_type: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            entity_type: entity_type.into(),
            kind: SegmentKind::Static,
            label: String::new(),
            description: String::new(),
            condition: None,
            zone: None,
        }
    }

    /// The same segment, whose days are those of this time zone.
    #[must_use]
    pub fn in_zone(self, zone: impl Into<String>) -> Self {
        Self { zone: Some(zone.into()), ..self }
    }
}

/// A segment as it is defined.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Segment {
    /// The name.
    pub name: String,
    /// The entity type of its members.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// How it comes by its members.
    pub kind: SegmentKind,
    /// What people read.
    pub label: String,
    /// What it is about, in prose.
    pub description: String,
    /// How often it was changed, from 1.
    pub version: i64,
    /// Which records are members; `None` for a static one.
    #[serde(rename = "where")]
    pub condition: Option<Condition>,
    /// The time zone by whose calendar its days are counted.
    pub zone: String,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

debug! {
    Segment
        shows(name, entity_type, kind, version, condition, zone, archived_at)
        hides(label, description)
}

/// A segment with the number that the file knows it by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SegmentModel {
    pub(crate) id: i64,
    pub(crate) segment: Segment,
}

impl SegmentModel {
    pub(crate) fn name(&self) -> &str {
        &self.segment.name
    }

    pub(crate) const fn is_in_use(&self) -> bool {
        self.segment.archived_at.is_none()
    }

    /// # Errors
    ///
    /// `Archived`.
    pub(crate) fn check_live(&self) -> Result<()> {
        match self.is_in_use() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Archived, "the segment is archived")
                .with_field("segment")
                .with_hint("restore it with segments.restore")),
        }
    }

    /// # Errors
    ///
    /// `InvalidArgument` if its members follow from a condition.
    pub(crate) fn check_by_hand(&self) -> Result<()> {
        if self.segment.kind == SegmentKind::Static {
            return Ok(());
        }
        let message = "the members of the segment follow from its condition";
        Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field("segment")
            .with_hint("only a static segment takes members by hand"))
    }
}

/// Checks a definition by itself, before any schema is looked at.
///
/// # Errors
///
/// `InvalidArgument`, `Required`, `InvalidValue` or `LimitExceeded`, naming the field.
pub(crate) fn check_definition(definition: &DefineSegment) -> Result<()> {
    check::identifier(&definition.name, "segment")?;
    check::texts(&definition.label, &definition.description)?;
    match (definition.kind, &definition.condition) {
        (SegmentKind::Static, Some(_)) => {
            let message = "a static segment has no condition";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("where")
                .with_hint("add its members with segments.add_members, or make it a snapshot"));
        }
        (SegmentKind::Live | SegmentKind::Snapshot, None) => {
            let message = "a condition says which records are members";
            return Err(Error::new(ErrorKind::Required, message).with_field("where"));
        }
        _ => {}
    }
    if let Some(zone) = &definition.zone {
        Moment::new(Timestamp::UNIX_EPOCH, zone)?;
    }
    Ok(())
}

/// What `crm_segment.definition` holds, and the journal's row of a definition.
pub(crate) fn segment_json(segment: &Segment) -> String {
    let plain = Segment { archived_at: None, ..segment.clone() };
    serde_json::to_string(&plain).expect("a checked definition is always JSON")
}

/// The segment of a stored definition.
///
/// # Errors
///
/// `Corrupt` if the text is not what [`segment_json`] writes.
pub(crate) fn read_segment(json: &str, archived_at: Option<Timestamp>) -> Result<Segment> {
    let segment: Segment = serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))?;
    Ok(Segment { archived_at, ..segment })
}
