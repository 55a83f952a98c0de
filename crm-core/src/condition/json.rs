//! Conditions in JSON: an object is told by its key, and every key is known or refused.
//!
//! What is read first becomes a tree of bounded depth, whatever format it comes from; so neither
//! deep JSON nor deep Python dictionaries can exhaust the stack. Errors name the path within the
//! condition, such as `all[2].op`, and never repeat a value.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess},
    ser::SerializeMap,
};
use serde_json::{Map, Value as Json};

use super::{
    ChangedCondition, Comparison, Condition, ConsentCondition, Count, End, EventCondition,
    FieldCondition, Figure, Measure, Operand, Operator, RelatedCondition, ScoreCondition, Span,
    StageCondition, StageOperator, Takes, When, size, text,
};
use crate::{Error, ErrorKind, Result, Timestamp, Value, limits, normal::name::nearest, refusal};

/// A list of conditions is an object and an array; values have up to three levels more.
const DEPTH: usize = 2 * limits::CONDITION_DEPTH + 3;

// ---- writing

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::All(parts) => map.serialize_entry("all", parts)?,
            Self::Any(parts) => map.serialize_entry("any", parts)?,
            Self::Not(part) => map.serialize_entry("not", part)?,
            Self::Field(field) => write_field(&mut map, field)?,
            Self::Event(event) => write_event(&mut map, event)?,
            Self::Related(related) => write_related(&mut map, related)?,
            Self::Changed(changed) => {
                map.serialize_entry("changed", &changed.changed)?;
                entry(&mut map, "from", changed.from.as_ref())?;
                entry(&mut map, "to", changed.to.as_ref())?;
                entry(&mut map, "within", changed.within.as_ref())?;
            }
            Self::Segment(segment) => map.serialize_entry("segment", segment)?,
            Self::Stage(StageCondition { op, value, lifecycle }) => {
                let (op, lifecycle) = (op.name(), lifecycle.as_deref());
                map.serialize_entry("stage", &Stands { op, value, lifecycle })?;
            }
            Self::Score(ScoreCondition { name, op, value }) => {
                let name = name.as_deref();
                map.serialize_entry("score", &Compared { name, op: op.name(), value })?;
            }
            Self::Consent(ConsentCondition { channel, purpose }) => {
                map.serialize_entry("consent", &Allowed { channel, purpose })?;
            }
            Self::Unread(unread) => map.serialize_entry("unread", unread.text())?,
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Stands<'a> {
    op: &'static str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<&'a str>,
}

#[derive(Serialize)]
struct Compared<'a, V> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    op: &'static str,
    value: V,
}

#[derive(Serialize)]
struct Measured<'a> {
    property: &'a str,
    op: &'static str,
    value: &'a Value,
}

#[derive(Serialize)]
struct Allowed<'a> {
    channel: &'a str,
    purpose: &'a str,
}

fn entry<M: SerializeMap, V: Serialize>(
    map: &mut M,
    key: &'static str,
    value: Option<V>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

fn write_field<M: SerializeMap>(map: &mut M, field: &FieldCondition) -> Result<(), M::Error> {
    map.serialize_entry("field", &field.field)?;
    map.serialize_entry("op", field.op.name())?;
    match &field.value {
        Operand::Nothing => {}
        Operand::One(value) => map.serialize_entry("value", value)?,
        Operand::Many(values) => map.serialize_entry("value", values)?,
        Operand::Span(span) => map.serialize_entry("value", span)?,
    }
    entry(map, "missing", field.missing.then_some(true))
}

fn write_event<M: SerializeMap>(map: &mut M, event: &EventCondition) -> Result<(), M::Error> {
    map.serialize_entry("event", &event.event)?;
    entry(map, "within", event.within.as_ref())?;
    entry(map, "from", event.from)?;
    entry(map, "until", event.until)?;
    entry(map, "where", event.filter.as_deref())?;
    match &event.measure {
        Measure::Count(count) => write_count(map, *count),
        Measure::Figure { figure, property, op, value } => {
            map.serialize_entry(figure.name(), &Measured { property, op: op.name(), value })
        }
        Measure::Moment { end, when } => {
            let (op, value): (_, &dyn fmt::Display) = match when {
                When::Before(moment) => ("before", moment),
                When::After(moment) => ("after", moment),
                When::WithinLast(span) => ("within_last", span),
                When::OlderThan(span) => ("older_than", span),
            };
            let value = value.to_string();
            map.serialize_entry(end.name(), &Compared { name: None, op, value })
        }
    }
}

fn write_related<M: SerializeMap>(map: &mut M, related: &RelatedCondition) -> Result<(), M::Error> {
    map.serialize_entry("related", &related.related)?;
    entry(map, "inverse", related.inverse.then_some(true))?;
    entry(map, "type", related.entity_type.as_ref())?;
    entry(map, "role", related.role.as_ref())?;
    entry(map, "where", related.filter.as_deref())?;
    write_count(map, related.count)
}

fn write_count<M: SerializeMap>(map: &mut M, count: Count) -> Result<(), M::Error> {
    let Count { op, value } = count;
    let given = (count != Count::SOME).then_some(Compared { name: None, op: op.name(), value });
    entry(map, "count", given)
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The JSON as text.
#[cfg(any(feature = "uniffi", test))]
pub(super) fn to_text(condition: &Condition) -> String {
    serde_json::to_string(condition).expect("every condition is JSON")
}

// ---- reading

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = match Bounded(DEPTH).deserialize(deserializer)? {
            Json::String(text) => text.parse(),
            json => from_json(json),
        };
        read.map_err(|error: Error| refusal::into_serde(&error))
    }
}

impl FromStr for Condition {
    type Err = Error;

    /// Reads the text form, or JSON if it begins with `{`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the path within the JSON or the place in the text, or
    /// `LimitExceeded`.
    fn from_str(condition: &str) -> Result<Self> {
        if !condition.trim_start().starts_with('{') {
            return text::parse(condition);
        }
        let mut json = serde_json::Deserializer::from_str(condition);
        let read = Bounded(DEPTH).deserialize(&mut json).and_then(|read| json.end().map(|()| read));
        from_json(read.map_err(|error| {
            refusal::from_serde(&error.to_string()).unwrap_or_else(|| {
                let (line, column) = (error.line(), error.column());
                invalid(format!("not well-formed JSON at line {line}, column {column}"))
            })
        })?)
    }
}

/// JSON of at most so many levels.
struct Bounded(usize);

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Bounded {
    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        self.0.checked_sub(1).ok_or_else(|| refusal::into_serde(&size::too_deep()))
    }
}

impl<'de> de::Visitor<'de> for Bounded {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition: an object or text")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Json, E> {
        serde_json::Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| E::custom("expected a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Bounded(deeper))? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut parts = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Bounded(deeper))?;
            if parts.insert(key, value).is_some() {
                return Err(de::Error::custom("expected each key once"));
            }
        }
        Ok(Json::Object(parts))
    }
}

/// The condition that a tree is.
fn from_json(json: Json) -> Result<Condition> {
    let condition = read(json, "")?;
    size::check(&condition)?;
    Ok(condition)
}

/// The keys by which conditions are told, and for each those that may stand beside it.
const FORMS: &[(&str, &[&str])] = &[
    ("all", &[]),
    ("any", &[]),
    ("not", &[]),
    ("field", &["op", "value", "missing"]),
    ("event", &["within", "from", "until", "where", "count", "sum", "min", "max", "first", "last"]),
    ("related", &["inverse", "type", "role", "where", "count"]),
    ("changed", &["from", "to", "within"]),
    ("segment", &[]),
    ("stage", &[]),
    ("score", &[]),
    ("consent", &[]),
];

/// The depth of the recursion is that of the tree, which is bounded.
fn read(json: Json, path: &str) -> Result<Condition> {
    let mut object = Object::new(json, path)?;
    let form = FORMS.iter().find(|(key, _)| object.parts.contains_key(*key));
    let Some((form, others)) = form else {
        let keys = FORMS.iter().map(|(key, _)| *key);
        let near = object.parts.keys().find_map(|key| nearest(key, keys.clone()));
        let error = at(path, invalid("not a condition: none of its keys says which"));
        return Err(error.with_hint(match near {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of {}", keys.collect::<Vec<_>>().join(", ")),
        }));
    };
    let known: Vec<&str> = std::iter::once(*form).chain(others.iter().copied()).collect();
    object.check_keys(&known)?;
    Ok(match *form {
        "all" => Condition::All(read_list(&mut object, "all")?),
        "any" => Condition::Any(read_list(&mut object, "any")?),
        "not" => Condition::Not(Box::new(object.condition("not")?.expect("it is there"))),
        "field" => Condition::Field(read_field(&mut object)?),
        "event" => Condition::Event(read_event(&mut object)?),
        "related" => Condition::Related(RelatedCondition {
            related: object.text("related")?,
            inverse: object.flag("inverse")?,
            entity_type: object.optional("type", Object::text)?,
            role: object.optional("role", Object::text)?,
            filter: object.condition("where")?.map(Box::new),
            count: object.optional("count", read_count)?.unwrap_or(Count::SOME),
        }),
        "changed" => Condition::Changed(ChangedCondition {
            changed: object.text("changed")?,
            // Null says something here: no value.
            from: object.value_if_given("from")?,
            to: object.value_if_given("to")?,
            within: object.optional("within", Object::span)?,
        }),
        "segment" => Condition::Segment(object.text("segment")?),
        "stage" => {
            let mut stage = object.object("stage", &["op", "value", "lifecycle"])?;
            let op = stage.named("op", StageOperator::ALL, |op| op.name())?;
            let value = stage.text("value")?;
            let lifecycle = stage.optional("lifecycle", Object::text)?;
            Condition::Stage(StageCondition { op, value, lifecycle })
        }
        "score" => {
            let mut score = object.object("score", &["name", "op", "value"])?;
            Condition::Score(ScoreCondition {
                name: score.optional("name", Object::text)?,
                op: score.comparison()?,
                value: score.value("value")?,
            })
        }
        _ => {
            let mut consent = object.object("consent", &["channel", "purpose"])?;
            let (channel, purpose) = (consent.text("channel")?, consent.text("purpose")?);
            Condition::Consent(ConsentCondition { channel, purpose })
        }
    })
}

fn read_list(object: &mut Object<'_>, key: &str) -> Result<Vec<Condition>> {
    let path = object.path_of(key);
    let items = object.list(key)?.into_iter().enumerate();
    items.map(|(place, item)| read(item, &format!("{path}[{place}]"))).collect()
}

fn read_field(object: &mut Object<'_>) -> Result<FieldCondition> {
    let field = object.text("field")?;
    let op = object.named("op", Operator::ALL, |op| op.name())?;
    let value = match op.takes() {
        Takes::Nothing if object.parts.contains_key("value") => {
            let message = format!("{} takes no value", op.name());
            return Err(at(&object.path_of("value"), invalid(message)));
        }
        Takes::Nothing => Operand::Nothing,
        Takes::One => Operand::One(object.value("value")?),
        Takes::Many => {
            let path = object.path_of("value");
            let items = object.list("value")?.into_iter().enumerate();
            let read = items.map(|(place, item)| to_value(item, &format!("{path}[{place}]")));
            Operand::Many(read.collect::<Result<_>>()?)
        }
        Takes::Span => Operand::Span(object.span("value")?),
    };
    Ok(FieldCondition { field, op, value, missing: object.flag("missing")? })
}

fn read_event(object: &mut Object<'_>) -> Result<EventCondition> {
    const MEASURES: [&str; 6] = ["count", "sum", "min", "max", "first", "last"];
    let mut given = MEASURES.into_iter().filter(|key| object.parts.contains_key(*key));
    let (measure, second) = (given.next(), given.next());
    if let Some(second) = second {
        return Err(at(&object.path_of(second), invalid("only one measure of the activities")));
    }
    let measure = match measure {
        None => Measure::Count(Count::SOME),
        Some("count") => Measure::Count(read_count(object, "count")?),
        Some(key) => match Figure::ALL.iter().find(|figure| figure.name() == key) {
            Some(&figure) => {
                let mut measured = object.object(key, &["property", "op", "value"])?;
                Measure::Figure {
                    figure,
                    property: measured.text("property")?,
                    op: measured.comparison()?,
                    value: measured.value("value")?,
                }
            }
            None => {
                let end = if key == "first" { End::First } else { End::Last };
                Measure::Moment { end, when: read_when(object.object(key, &["op", "value"])?)? }
            }
        },
    };
    Ok(EventCondition {
        event: object.text("event")?,
        within: object.optional("within", Object::span)?,
        from: object.optional("from", Object::moment)?,
        until: object.optional("until", Object::moment)?,
        filter: object.condition("where")?.map(Box::new),
        measure,
    })
}

fn read_when(mut object: Object<'_>) -> Result<When> {
    const OPS: &[&str] = &["before", "after", "within_last", "older_than"];
    Ok(match object.named("op", OPS, |op| op)? {
        "before" => When::Before(object.moment("value")?),
        "after" => When::After(object.moment("value")?),
        "within_last" => When::WithinLast(object.span("value")?),
        _ => When::OlderThan(object.span("value")?),
    })
}

fn read_count(object: &mut Object<'_>, key: &str) -> Result<Count> {
    let mut count = object.object(key, &["op", "value"])?;
    let op = count.comparison()?;
    let value = count.take("value")?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let wrong = || at(&count.path_of("value"), invalid("expected a whole number of 0 or more"));
    Ok(Count { op, value: number.ok_or_else(wrong)? })
}

fn to_value(json: Json, path: &str) -> Result<Value> {
    serde_json::from_value(json).map_err(|_| {
        at(path, invalid("not a value"))
            .with_hint("null, true or false, a number, text, a list of texts, or an object of the parts of money, an address or a file")
    })
}

/// An object under way, and where it stands.
struct Object<'a> {
    parts: Map<String, Json>,
    path: std::borrow::Cow<'a, str>,
}

impl<'a> Object<'a> {
    fn new(json: Json, path: impl Into<std::borrow::Cow<'a, str>>) -> Result<Self> {
        let path = path.into();
        match json {
            Json::Object(parts) => Ok(Self { parts, path }),
            _ => Err(at(&path, invalid("expected an object"))),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn check_keys(&self, known: &[&str]) -> Result<()> {
        let Some(key) = self.parts.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let error = at(&self.path_of(key), invalid("no such field"));
        Err(match nearest(key, known.iter().copied()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("here may stand {}", known.join(", "))),
        })
    }

    fn take(&mut self, key: &str) -> Result<Json> {
        let json = self.parts.get_mut(key).map(Json::take);
        json.ok_or_else(|| at(&self.path_of(key), invalid("the field is missing")))
    }

    /// What null leaves out, as a typed language hands it over.
    fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.parts.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(_) => read(self, key).map(Some),
        }
    }

    fn text(&mut self, key: &str) -> Result<String> {
        match self.take(key)? {
            Json::String(text) => Ok(text),
            _ => Err(at(&self.path_of(key), invalid("expected text"))),
        }
    }

    fn flag(&mut self, key: &str) -> Result<bool> {
        match self.parts.get(key) {
            None | Some(Json::Null) => Ok(false),
            Some(Json::Bool(flag)) => Ok(*flag),
            Some(_) => Err(at(&self.path_of(key), invalid("expected true or false"))),
        }
    }

    fn list(&mut self, key: &str) -> Result<Vec<Json>> {
        match self.take(key)? {
            Json::Array(items) => Ok(items),
            _ => Err(at(&self.path_of(key), invalid("expected a list"))),
        }
    }

    fn object(&mut self, key: &str, known: &[&str]) -> Result<Object<'static>> {
        let object = Object::new(self.take(key)?, self.path_of(key))?;
        object.check_keys(known)?;
        Ok(object)
    }

    fn condition(&mut self, key: &str) -> Result<Option<Condition>> {
        // Nothing stands for no condition where one may be left out, and not after `not`.
        match self.parts.get(key) {
            None => Ok(None),
            Some(Json::Null) if key != "not" => Ok(None),
            Some(_) => read(self.take(key)?, &self.path_of(key)).map(Some),
        }
    }

    fn value(&mut self, key: &str) -> Result<Value> {
        to_value(self.take(key)?, &self.path_of(key))
    }

    fn value_if_given(&mut self, key: &str) -> Result<Option<Value>> {
        self.parts.contains_key(key).then(|| self.value(key)).transpose()
    }

    fn span(&mut self, key: &str) -> Result<Span> {
        let path = self.path_of(key);
        self.text(key)?.parse::<Span>().map_err(|error| {
            at(&path, invalid(error.message())).with_hint(error.hint().unwrap_or_default())
        })
    }

    fn moment(&mut self, key: &str) -> Result<Timestamp> {
        let path = self.path_of(key);
        self.text(key)?.parse::<Timestamp>().map_err(|error| {
            at(&path, invalid(error.message())).with_hint(error.hint().unwrap_or_default())
        })
    }

    fn comparison(&mut self) -> Result<Comparison> {
        self.named("op", Comparison::ALL, |op| op.name())
    }

    fn named<T: Copy>(
        &mut self,
        key: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T> {
        let given = self.text(key)?;
        if let Some(found) = all.iter().find(|one| name(**one) == given) {
            return Ok(*found);
        }
        let names = all.iter().map(|one| name(*one));
        let error = at(&self.path_of(key), invalid("no such operator"));
        Err(match nearest(&given, names.clone()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("one of {}", names.collect::<Vec<_>>().join(", "))),
        })
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// The error, with its place; the whole condition has none.
fn at(path: &str, error: Error) -> Error {
    if path.is_empty() { error } else { error.with_field(path) }
}
