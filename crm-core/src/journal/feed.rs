//! The journal as a feed: changes as CloudEvents, and consumers who acknowledge what they have
//! taken.
//!
//! A host that forwards changes to a webhook, a queue or a warehouse must lose none when it or the
//! receiver fails. So a consumer's place is kept in the file and moves only when the consumer says
//! so: what was read and not acknowledged is read again (at least once). The invariant: the same
//! change always gives the same event with the same id, so that a receiver can tell what it has
//! already. Nothing is sent from here.

use serde::{Deserialize, Serialize};

use super::{Change, ChangeKind};
use crate::{RecordRef, Timestamp, shape::debug};

/// A change as an event of [CloudEvents
/// 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in JSON: what goes as
/// `application/cloudevents+json` to whoever understands that, and a list of them as
/// `application/cloudevents-batch+json`.
///
/// `source` and `id` together name the change for ever: whoever has taken an event with both may
/// leave out another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloudEvent {
    /// The version of CloudEvents: `1.0`.
    pub specversion: String,
    /// Names the change among those of the source: its place among them and its clock, such as
    /// `17-116098330624131072`. After an older copy of the file was restored the places are given
    /// anew, and the clock tells the changes apart.
    pub id: String,
    /// The device that made the change, as `urn:uuid:…`. A file has one device of its own.
    pub source: String,
    /// What happened, such as `crm.record.created`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What the change concerns: a record as `contact/019b76da-…`, of an activity the record with
    /// which it happened, or an entity type by its name. Left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When the change was made.
    pub time: Timestamp,
    /// What `data` is: `application/json`.
    pub datacontenttype: String,
    /// The change.
    pub data: Change,
}

impl From<Change> for CloudEvent {
    fn from(change: Change) -> Self {
        let record = |entity_type: &str, id| format!("{entity_type}/{id}");
        let of_activity = |subject: &RecordRef| record(&subject.entity_type, subject.id);
        let subject = match (&change.entity_type, change.record_id) {
            (Some(entity_type), Some(id)) => Some(record(entity_type, id)),
            (Some(entity_type), None) => Some(entity_type.clone()),
            (None, _) => change.activity.as_ref().and_then(|a| a.subject.as_ref()).map(of_activity),
        };
        Self {
            specversion: "1.0".to_owned(),
            id: format!("{}-{}", change.device_seq, change.hlc),
            source: format!("urn:uuid:{}", change.device),
            event_type: event_type(change.kind),
            subject,
            time: change.at,
            datacontenttype: "application/json".to_owned(),
            data: change,
        }
    }
}

/// `record_created` is `crm.record.created`: the last word says what happened, those before it with
/// what.
fn event_type(kind: ChangeKind) -> String {
    let name = kind.name();
    match name.rsplit_once('_') {
        Some((what, happened)) => format!("crm.{what}.{happened}"),
        None => format!("crm.{name}"),
    }
}

// As JSON in text: Swift and Kotlin hand it on as it is.
#[cfg(feature = "uniffi")]
uniffi::custom_type!(CloudEvent, String, {
    lower: |event| serde_json::to_string(&event).expect("an event is always JSON"),
    try_lift: |text| Ok(serde_json::from_str(&text)?),
});

/// A page of changes as events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloudEventPage {
    /// The events, by the `seq` of their changes.
    pub events: Vec<CloudEvent>,
    /// What to hand in as `after` for the next page, and what to acknowledge when all of this one
    /// is delivered: the `seq` of the last change, or where the page began when there are none yet.
    pub next: i64,
}

/// Says up to where a consumer has taken the changes: the request of `consumers.acknowledge`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcknowledgeChanges {
    /// The name of the consumer, 1 to 255 bytes; one that is new is added.
    pub consumer: String,
    /// The `seq` of the last change that it has taken, with all before it; 0 if it has taken none.
    pub seq: i64,
}

debug! { AcknowledgeChanges shows(seq) hides(consumer) }

/// Names a consumer: the request of `consumers.remove`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsumerName {
    /// The name of the consumer.
    pub consumer: String,
}

debug! { ConsumerName shows() hides(consumer) }

/// A consumer of the changes, and how far it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Consumer {
    /// The name.
    pub name: String,
    /// The `seq` of the last change that it has taken, with all before it; 0 if it has taken none.
    pub acknowledged: i64,
    /// How many changes there are after that one.
    pub lag: u64,
    /// When it last acknowledged, in the host's time.
    pub acknowledged_at: Timestamp,
}

debug! { Consumer shows(acknowledged, lag, acknowledged_at) hides(name) }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_event_is_what_happened_with_what() {
        for (kind, name) in [
            (ChangeKind::RecordCreated, "crm.record.created"),
            (ChangeKind::ActivityKindRestored, "crm.activity_kind.restored"),
            (ChangeKind::VisitorIdentified, "crm.visitor.identified"),
        ] {
            assert_eq!(event_type(kind), name);
        }
    }
}
