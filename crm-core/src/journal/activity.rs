//! The body of a journal row about an activity: all of it, as JSON.
//!
//! The row names neither type nor record, because a record's history is about the record only. So
//! the body alone has to give the rows of the activity, of its properties and of its links back to
//! the byte. The id stands last: what stands before it is the content, and two activities have the
//! same content exactly if these texts are equal.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::body::{damaged, push_comma, read_cells, write_columns, write_text};
use crate::{
    RecordId, RecordRef, Result, Timestamp,
    activity::{ActivityLink, Content, Direction},
    cell::Cell,
    schema::TypeModel,
};

/// Bytes of what [`finish_activity`] writes.
const END: usize = r#","id":""}"#.len() + 36;

/// Writes the content of an activity into `body`, which is unfinished then.
pub(crate) fn write_activity(model: &TypeModel, content: &Content, body: &mut String) {
    body.clear();
    // Names match [a-z0-9_]: nothing to escape.
    body.push_str("{\"kind\":\"");
    body.push_str(&model.name);
    push(body, format_args!("\",\"at\":{}", content.at.micros()));
    if let Some(subject) = &content.subject {
        body.push_str(",\"subject\":");
        write_record(&subject.entity_type, subject.id, body);
        body.push('}');
    }
    let texts = [
        ("visitor", content.visitor.as_deref()),
        ("channel", content.channel.as_deref()),
        ("direction", content.direction.map(Direction::name)),
        ("key", content.key.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            push(body, format_args!(",\"{name}\":"));
            write_text(text, body);
        }
    }
    if let Some((amount, currency)) = &content.amount {
        push(body, format_args!(",\"amount\":{amount},\"currency\":\"{currency}\""));
    }
    if let Some(id) = content.supersedes {
        push(body, format_args!(",\"supersedes\":\"{id}\""));
    }
    if content.cells.iter().any(|cell| *cell != Cell::Null) {
        body.push_str(",\"properties\":");
        let properties = model.attributes.iter().map(|a| (a, &content.cells[a.span()]));
        write_columns(properties, body, |cell| *cell != Cell::Null);
    }
    if !content.links.is_empty() {
        body.push_str(",\"links\":[");
        for link in &content.links {
            push_comma(body, '[');
            write_record(&link.entity_type, link.id, body);
            if !link.role.is_empty() {
                body.push_str(",\"role\":");
                write_text(&link.role, body);
            }
            body.push('}');
        }
        body.push(']');
    }
}

/// Writes an object of type and id, without its end.
fn write_record(entity_type: &str, id: RecordId, body: &mut String) {
    push(body, format_args!("{{\"type\":\"{entity_type}\",\"id\":\"{id}\""));
}

fn push(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("writing to a String cannot fail");
}

/// Writes the id behind the content.
pub(crate) fn finish_activity(id: RecordId, body: &mut String) {
    push(body, format_args!(",\"id\":\"{id}\"}}"));
}

/// Whether the whole body `stored` has the content that [`write_activity`] wrote into `content`.
pub(crate) fn is_same_activity(stored: &str, content: &str) -> bool {
    stored.len() == content.len() + END && stored.starts_with(content)
}

/// A body that was read: the kind tells what the properties are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivityBody {
    pub(crate) kind: String,
    pub(crate) id: RecordId,
    at: i64,
    subject: Option<RecordRef>,
    visitor: Option<String>,
    channel: Option<String>,
    direction: Option<Direction>,
    key: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    supersedes: Option<RecordId>,
    #[serde(default)]
    properties: Map<String, Json>,
    #[serde(default)]
    links: Vec<ActivityLink>,
}

impl ActivityBody {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it is not what this module writes.
    pub(crate) fn read(body: &str) -> Result<Self> {
        serde_json::from_str(body).map_err(|_| damaged())
    }

    /// The content, with the properties of the kind `model`.
    ///
    /// # Errors
    ///
    /// `Corrupt` if a property is not of this kind.
    pub(crate) fn content(self, model: &TypeModel) -> Result<Content> {
        let mut cells = vec![Cell::Null; model.columns];
        for (property, read) in read_cells(model, &self.properties)? {
            cells[property.span()].clone_from_slice(&read);
        }
        Ok(Content {
            at: Timestamp::clamped(self.at),
            subject: self.subject,
            visitor: self.visitor,
            channel: self.channel,
            direction: self.direction,
            amount: self.amount.zip(self.currency),
            key: self.key,
            supersedes: self.supersedes,
            links: self.links,
            cells,
        })
    }
}

/// Writes the body of a visitor's identification.
pub(crate) fn write_identified(visitor: &str, record: &RecordRef, body: &mut String) {
    body.clear();
    body.push_str("{\"visitor\":");
    write_text(visitor, body);
    push(body, format_args!(",\"type\":\"{}\",\"id\":\"{}\"}}", record.entity_type, record.id));
}

/// Writes the body of its being taken back.
pub(crate) fn write_released(visitor: &str, body: &mut String) {
    body.clear();
    body.push_str("{\"visitor\":");
    write_text(visitor, body);
    body.push('}');
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VisitorBody {
    visitor: String,
    #[serde(rename = "type")]
    entity_type: Option<String>,
    id: Option<RecordId>,
}

/// The visitor of which a body tells, and whose record it is from then on.
///
/// # Errors
///
/// `Corrupt` if it is not what this module writes.
pub(crate) fn read_visitor(body: &str) -> Result<(String, Option<RecordRef>)> {
    let body: VisitorBody = serde_json::from_str(body).map_err(|_| damaged())?;
    let record = body.entity_type.zip(body.id);
    Ok((body.visitor, record.map(|(name, id)| RecordRef::new(name, id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Kind, schema::AttributeModel};

    fn model() -> TypeModel {
        let property =
            |name: &str, kind| AttributeModel::new(0, Attribute::new(name, kind), None).unwrap();
        let properties = vec![property("topic", Kind::Text), property("cost", Kind::Money)];
        TypeModel::new(1, "call".into(), String::new(), String::new(), None, properties)
    }

    fn content() -> Content {
        let link = |last: u8, role: &str| ActivityLink {
            entity_type: "company".into(),
            id: RecordId::from_bytes([last; 16]),
            role: role.into(),
        };
        Content {
            at: Timestamp::clamped(-1),
            subject: Some(RecordRef::new("contact", RecordId::from_bytes([7; 16]))),
            visitor: None,
            channel: Some("a \"b\"\\".into()),
            direction: Some(Direction::Outbound),
            amount: Some((i64::MIN, "EUR".into())),
            key: Some("k".into()),
            supersedes: Some(RecordId::from_bytes([9; 16])),
            links: vec![link(1, ""), link(1, "payer")],
            cells: vec![Cell::Text("prices".into()), Cell::Integer(5), Cell::Text("JPY".into())],
        }
    }

    #[test]
    fn a_body_gives_the_content_back() {
        let bare = Content {
            subject: None,
            visitor: Some("v".into()),
            channel: None,
            direction: None,
            amount: None,
            key: None,
            supersedes: None,
            links: vec![],
            cells: vec![Cell::Null; 3],
            ..content()
        };
        for content in [content(), bare] {
            let (model, id, mut body) = (model(), RecordId::from_bytes([3; 16]), String::new());
            write_activity(&model, &content, &mut body);
            let unfinished = body.clone();
            finish_activity(id, &mut body);
            assert!(is_same_activity(&body, &unfinished));
            assert!(!is_same_activity(&body, &unfinished[..unfinished.len() - 1]));
            let read = ActivityBody::read(&body).unwrap();
            assert_eq!((read.kind.as_str(), read.id), ("call", id));
            assert_eq!(read.content(&model).unwrap(), content);
        }
    }
}
