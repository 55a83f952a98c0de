//! Judges a condition against a schema, and makes it ready to be evaluated.
//!
//! Every name is looked up and every value is brought into the form in which it is stored, so that
//! what remains cannot fail. Errors name the path within the condition, such as `all[2].value`, and
//! the nearest name.

use std::borrow::Cow;

use super::{
    ChangedCondition, Comparison, Condition, ConsentCondition, EventCondition, FieldCondition,
    Figure, Measure, Operator, RelatedCondition, ScoreCondition, Span, StageCondition,
    StageOperator, When,
    checked::{
        ACTIVITY_COLUMNS, ChangedTest, Checked, Column, ConsentTest, EventTest, FieldTest, Frame,
        Leaf, MeasureTest, Named, Node, RECORD_COLUMNS, RelatedTest, ScoreTest, SegmentTest,
        StageTest, Test, Way, WhenTest,
    },
    field::{Field, allows, compare, plain},
    resolve::{self, kind},
    size,
};
use crate::{
    ChoiceOption, Error, ErrorKind, Kind, Result, Value,
    cell::Cell,
    consent::{Book, Rule},
    lifecycle::LifecycleModel,
    normal::{decimal::parse_scaled, name::nearest},
    schema::{AttributeModel, TypeModel},
    scoring::{POINT, StoredModel},
    segment::SegmentModel,
};

/// What a condition needs to know of the schema.
pub(crate) trait Schema {
    /// The entity type of this name.
    fn entity_type(&self, name: &str) -> Option<&TypeModel>;
    /// The names of the entity types in use.
    fn entity_types(&self) -> Vec<&str>;
    /// The kind of activity of this name: its properties, under its own id.
    fn activity_kind(&self, name: &str) -> Option<&TypeModel>;
    /// The names of the kinds of activities.
    fn activity_kinds(&self) -> Vec<&str>;
    /// The association type of this name.
    fn association(&self, name: &str) -> Option<AssociationShape<'_>>;
    /// The names of the association types.
    fn associations(&self) -> Vec<&str>;
    /// The lifecycles in use of an entity type.
    fn lifecycles(&self, entity_type: &str) -> Vec<&LifecycleModel>;
    /// The lifecycle of this name, of whichever type, in use or not.
    fn lifecycle(&self, name: &str) -> Option<&LifecycleModel>;
    /// The published versions of the scores of an entity type.
    fn scores(&self, entity_type: &str) -> Vec<&StoredModel>;
    /// The first version of the score of this name, of whichever type, published or not.
    fn score(&self, name: &str) -> Option<&StoredModel>;
    /// What the ledger of consent is about.
    fn consent_book(&self) -> &Book;
    /// The segments, archived ones included.
    fn segments(&self) -> Vec<&SegmentModel>;
}

/// What a condition needs to know of an association type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AssociationShape<'a> {
    pub(crate) id: i64,
    /// The entity types at which it begins.
    pub(crate) from: &'a [String],
    /// The entity types at which it ends.
    pub(crate) to: &'a [String],
    /// The roles that it allows; any text if there are none.
    pub(crate) roles: &'a [ChoiceOption],
}

/// Judges `condition` for records of `entity_type`.
///
/// # Errors
///
/// `UnknownType`, `UnknownAttribute`, `UnknownOption`, `Archived`, `WrongKind`, `InvalidValue`,
/// `OutOfRange`, `Required`, `InvalidArgument` or `LimitExceeded`, naming the path.
pub(crate) fn check(
    condition: &Condition,
    schema: &dyn Schema,
    entity_type: &str,
) -> Result<Checked> {
    size::check(condition)?;
    let root = Checker::of_records(schema, entity_type)?.node(condition, "")?;
    Ok(Checked { entity_type: entity_type.to_owned(), root })
}

/// What a leaf is about.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    Record(&'a TypeModel),
    /// Of one kind, with its properties, or of any.
    Activity(Option<&'a TypeModel>),
}

pub(super) struct Checker<'a> {
    pub(super) schema: &'a dyn Schema,
    pub(super) scope: Scope<'a>,
    /// How many leaves of the scope need facts beyond the row.
    pub(super) facts: usize,
}

impl<'a> Checker<'a> {
    /// A checker of what is asked about records of an entity type.
    pub(super) fn of_records(schema: &'a dyn Schema, entity_type: &str) -> Result<Self> {
        let model = schema.entity_type(entity_type).ok_or_else(|| {
            let known = schema.entity_types();
            unknown(ErrorKind::UnknownType, "no such entity type", entity_type, &known)
                .with_field("type")
        })?;
        Ok(Self { schema, scope: Scope::Record(model), facts: 0 })
    }

    fn node(&mut self, condition: &Condition, path: &str) -> Result<Node> {
        let test = match condition {
            Condition::All(parts) => return self.nodes(parts, &join(path, "all")).map(Node::All),
            Condition::Any(parts) => return self.nodes(parts, &join(path, "any")).map(Node::Any),
            Condition::Not(part) => {
                return Ok(Node::Not(Box::new(self.node(part, &join(path, "not"))?)));
            }
            Condition::Field(field) => Test::Field(self.field(field, path)?),
            Condition::Event(event) => Test::Event(self.event(event, path)?),
            Condition::Related(related) => Test::Related(self.related(related, path)?),
            Condition::Changed(changed) => Test::Changed(self.changed(changed, path)?),
            Condition::Segment(name) => Test::Segment(self.segment(name, path)?),
            Condition::Stage(stage) => Test::Stage(self.stage(stage, path)?),
            Condition::Score(score) => Test::Score(self.score(score, path)?),
            Condition::Consent(consent) => Test::Consent(self.consent(consent, path)?),
            Condition::Unread(unread) => {
                let read = unread.read().map_err(|error| match error.field() {
                    Some(field) => {
                        let field = join(path, field);
                        error.with_field(field)
                    }
                    None if path.is_empty() => error,
                    None => error.with_field(path),
                })?;
                return self.node(&read, path);
            }
        };
        let (path, text) = (path.to_owned(), condition.to_string());
        Ok(Node::Leaf(Box::new(Leaf { path, text, test })))
    }

    fn nodes(&mut self, parts: &[Condition], path: &str) -> Result<Vec<Node>> {
        let parts = parts.iter().enumerate();
        parts.map(|(place, part)| self.node(part, &format!("{path}[{place}]"))).collect()
    }

    fn next_fact(&mut self) -> usize {
        self.facts += 1;
        self.facts - 1
    }

    /// Judges a condition about something else than this record.
    fn within(
        &self,
        scope: Scope<'a>,
        filter: Option<&Condition>,
        path: &str,
    ) -> Result<Option<Box<Node>>> {
        let Some(filter) = filter else { return Ok(None) };
        let mut checker = Checker { schema: self.schema, scope, facts: 0 };
        Ok(Some(Box::new(checker.node(filter, &join(path, "where"))?)))
    }

    fn record(&self, what: &str, path: &str) -> Result<&'a TypeModel> {
        match self.scope {
            Scope::Record(model) => Ok(model),
            Scope::Activity(_) => {
                let message = format!("an activity has no {what}");
                Err(invalid(message).with_field(join(path, what)))
            }
        }
    }

    // ---- fields

    fn field(&self, condition: &FieldCondition, path: &str) -> Result<FieldTest> {
        let field = self.find(&condition.field).map_err(at(&join(path, "field")))?;
        let op = condition.op;
        if !allows(field.kind, op) {
            let allowed = Operator::ALL.iter().filter(|op| allows(field.kind, **op));
            let allowed: Vec<_> = allowed.map(|op| op.name()).collect();
            let message = format!("{} does not apply to kind {}", op.name(), field.kind.name());
            return Err(invalid(message)
                .with_field(join(path, "op"))
                .with_hint(format!("one of {}", allowed.join(", "))));
        }
        if condition.missing && matches!(op, Operator::IsSet | Operator::IsMissing) {
            let message = format!("{} says itself what a missing value means", op.name());
            return Err(invalid(message).with_field(join(path, "missing")));
        }
        let value_path = join(path, "value");
        let mut currency = None;
        let compare = compare(&field, op, &condition.value, &mut currency, &value_path)?;
        let currency = field.currency.clone().zip(currency);
        let Field { kind, columns, .. } = field;
        // Of money, only the amount tells whether there is a value; of an address, every part does.
        let present = if kind == Kind::Address { columns.clone() } else { columns[..1].to_vec() };
        let column = columns.into_iter().next().expect("every kind has a column");
        let missing = condition.missing;
        Ok(FieldTest { column, present, currency, kind, compare, missing })
    }

    /// Looks a field up: what every row has, an attribute, or a part of one.
    pub(super) fn find(&self, name: &str) -> Result<Field<'a>> {
        let (head, part) = name.split_once('.').map_or((name, None), |(h, p)| (h, Some(p)));
        let (fixed, model): (&[&str], _) = match self.scope {
            Scope::Record(model) => (&RECORD_COLUMNS, Some(model)),
            Scope::Activity(model) => (&ACTIVITY_COLUMNS, model),
        };
        let is_property = matches!(self.scope, Scope::Activity(_));
        let fixed_kind = match (is_property, head) {
            (false, "id") => Some(Kind::Reference),
            (false, "version") => Some(Kind::Integer),
            (false, "created_at" | "updated_at") | (true, "at") => Some(Kind::Timestamp),
            (true, "channel") => Some(Kind::Text),
            (true, "direction") => Some(Kind::Choice),
            (true, "amount") => Some(Kind::Money),
            _ => None,
        };
        let field = if let Some(kind) = fixed_kind {
            let first = fixed.iter().position(|column| *column == head).expect("it is listed");
            let width = if kind == Kind::Money { 2 } else { 1 };
            let columns = (first..first + width).map(|place| Column {
                place,
                name: fixed[place].into(),
                is_property: false,
            });
            Field::new(kind, Cow::Owned(plain(head, kind)?), columns.collect())
        } else {
            let Some(attribute) = model.and_then(|model| model.find(head)) else {
                return Err(self.no_such_field(head, model));
            };
            if attribute.archived_at.is_some() {
                return Err(Error::new(ErrorKind::Archived, "the attribute is archived")
                    .with_hint("restore it with attributes.restore, or leave it out"));
            }
            let first = fixed.len() + attribute.first;
            let columns = attribute.column_names().enumerate();
            let columns =
                columns.map(|(nth, name)| Column { place: first + nth, name, is_property });
            let mut field =
                Field::new(attribute.definition.kind, Cow::Borrowed(attribute), columns.collect());
            field.indexed = (attribute.definition.index && !is_property).then_some(attribute.id);
            field
        };
        match part {
            None => Ok(field),
            Some(part) => field.part(head, part),
        }
    }

    fn no_such_field(&self, name: &str, model: Option<&TypeModel>) -> Error {
        let (what, fixed): (_, &[&str]) = match self.scope {
            Scope::Record(model) => (format!("entity type {:?}", model.name), &RECORD_COLUMNS),
            // The last is a part of the amount.
            Scope::Activity(Some(model)) => {
                (format!("activity kind {:?}", model.name), &ACTIVITY_COLUMNS[..4])
            }
            Scope::Activity(None) => ("an activity of any kind".into(), &ACTIVITY_COLUMNS[..4]),
        };
        let attributes = model.into_iter().flat_map(TypeModel::live).map(AttributeModel::name);
        let names: Vec<&str> = attributes.chain(fixed.iter().copied()).collect();
        let message = format!("{what} has no such attribute");
        unknown(ErrorKind::UnknownAttribute, &message, name, &names)
    }

    // ---- activities

    pub(super) fn event(&mut self, event: &EventCondition, path: &str) -> Result<EventTest> {
        self.record("event", path)?;
        let model = match event.event.as_str() {
            "any" => None,
            name => Some(kind(self.schema, name).map_err(at(&join(path, "event")))?),
        };
        let scope = Scope::Activity(model);
        let frame = match (&event.within, event.from, event.until) {
            (None, from, until) => Frame::Between(from, until),
            (Some(span), None, None) => {
                Frame::Within(span.parts().map_err(at(&join(path, "within")))?)
            }
            _ => {
                let message = "either a span that ends now, or from and until";
                return Err(invalid(message).with_field(join(path, "within")));
            }
        };
        let filter = self.within(scope, event.filter.as_deref(), path)?;
        let measure = match &event.measure {
            Measure::Count(count) => MeasureTest::Count(*count),
            Measure::Figure { figure, property, op, value } => {
                let path = join(path, figure.name());
                let checker = Checker { schema: self.schema, scope, facts: 0 };
                checker.figure(*figure, property, *op, value, &path)?
            }
            Measure::Moment { end, when } => {
                let path = join(&join(path, end.name()), "value");
                let when = match when {
                    When::Before(moment) => WhenTest::Before(*moment),
                    When::After(moment) => WhenTest::After(*moment),
                    When::WithinLast(span) => {
                        WhenTest::WithinLast(span.parts().map_err(at(&path))?)
                    }
                    When::OlderThan(span) => WhenTest::OlderThan(span.parts().map_err(at(&path))?),
                };
                MeasureTest::Moment { end: *end, when }
            }
        };
        let kind = model.map(|model| Named { id: model.id, name: model.name.clone() });
        let has_properties = model.is_some_and(|model| !model.attributes.is_empty());
        Ok(EventTest { fact: self.next_fact(), kind, has_properties, frame, filter, measure })
    }

    fn figure(
        &self,
        figure: Figure,
        property: &str,
        op: Comparison,
        value: &Value,
        path: &str,
    ) -> Result<MeasureTest> {
        let field = self.find(property).map_err(at(&join(path, "property")))?;
        let fits = match field.kind {
            Kind::Integer | Kind::Decimal | Kind::Real | Kind::Rating | Kind::Money => true,
            Kind::Date | Kind::Timestamp => figure != Figure::Sum,
            _ => false,
        };
        if !fits {
            let message = format!("{} does not apply to kind {}", figure.name(), field.kind.name());
            return Err(invalid(message).with_field(join(path, "property")));
        }
        let mut currency = None;
        let value = field.operand(value, &mut currency).map_err(at(&join(path, "value")))?;
        let currency = field.currency.clone().zip(currency);
        let Field { kind, columns, .. } = field;
        let column = columns.into_iter().next().expect("every kind has a column");
        Ok(MeasureTest::Figure { figure, column, kind, currency, op, value })
    }

    // ---- related records

    pub(super) fn related(
        &mut self,
        related: &RelatedCondition,
        path: &str,
    ) -> Result<RelatedTest> {
        let model = self.record("related", path)?;
        let named = join(path, "related");
        let (way, mut types) = match self.schema.association(&related.related) {
            Some(shape) => self.association(related, shape, model, &named)?,
            None => self.reference(related, model, &named)?,
        };
        if let Some(entity_type) = &related.entity_type {
            if !types.contains(entity_type) {
                let names: Vec<&str> = types.iter().map(String::as_str).collect();
                let message = "no related record is of this entity type";
                return Err(unknown(ErrorKind::UnknownType, message, entity_type, &names)
                    .with_field(join(path, "type")));
            }
            types = vec![entity_type.clone()];
        }
        let models = types.iter().map(|name| {
            self.schema.entity_type(name).ok_or_else(|| {
                Error::new(ErrorKind::UnknownType, "no such entity type")
                    .with_field(join(path, "type"))
            })
        });
        let models = models.collect::<Result<Vec<_>>>()?;
        let filter = match (&related.filter, models.as_slice()) {
            (None, _) => None,
            (Some(filter), [only]) => self.within(Scope::Record(only), Some(filter), path)?,
            _ => {
                let message = "related records can be of several entity types";
                return Err(invalid(message)
                    .with_field(join(path, "type"))
                    .with_hint(format!("name one of {}", types.join(", "))));
            }
        };
        let types = models.iter().map(|model| Named { id: model.id, name: model.name.clone() });
        let (fact, types) = (self.next_fact(), types.collect());
        Ok(RelatedTest { fact, way, types, filter, count: related.count })
    }

    fn association(
        &self,
        related: &RelatedCondition,
        shape: AssociationShape<'_>,
        model: &TypeModel,
        path: &str,
    ) -> Result<(Way, Vec<String>)> {
        let (near, far) = match related.inverse {
            false => (shape.from, shape.to),
            true => (shape.to, shape.from),
        };
        if !near.contains(&model.name) {
            let message = format!(
                "an association of this type does not {} at {:?}",
                match related.inverse {
                    false => "begin",
                    true => "end",
                },
                model.name
            );
            let error = invalid(message).with_field(path);
            return Err(match far.contains(&model.name) {
                true => error.with_hint("look from the other side with inverse"),
                false => error,
            });
        }
        let association = Named { id: shape.id, name: related.related.clone() };
        let (inverse, role) = (related.inverse, related.role.clone());
        Ok((Way::Association { association, inverse, role }, far.to_vec()))
    }

    fn reference(
        &self,
        related: &RelatedCondition,
        model: &'a TypeModel,
        path: &str,
    ) -> Result<(Way, Vec<String>)> {
        if related.role.is_some() {
            let message = "only associations have roles";
            return Err(invalid(message).with_field(path));
        }
        if !related.inverse {
            return match model.find(&related.related).filter(|a| a.archived_at.is_none()) {
                Some(attribute) if attribute.definition.kind == Kind::Reference => {
                    let target = attribute.definition.target.clone().unwrap_or_default();
                    let place = RECORD_COLUMNS.len() + attribute.first;
                    Ok((Way::Reference(reference_column(attribute, place)), vec![target]))
                }
                _ => Err(self.no_such_relation(related, model).with_field(path)),
            };
        }
        let (entity_type, name) = related.related.split_once('.').unwrap_or_default();
        let other = self.schema.entity_type(entity_type);
        let attribute = other.and_then(|other| other.find(name));
        match attribute.filter(|attribute| attribute.archived_at.is_none()) {
            Some(attribute) if attribute.definition.target.as_deref() == Some(&model.name) => {
                let place = RECORD_COLUMNS.len() + attribute.first;
                let way = Way::Referring(reference_column(attribute, place));
                Ok((way, vec![entity_type.to_owned()]))
            }
            _ => Err(self.no_such_relation(related, model).with_field(path)),
        }
    }

    fn no_such_relation(&self, related: &RelatedCondition, model: &TypeModel) -> Error {
        let mut names: Vec<Cow<'_, str>> =
            self.schema.associations().into_iter().map(Cow::Borrowed).collect();
        let is_reference = |a: &&AttributeModel| a.definition.kind == Kind::Reference;
        if related.inverse {
            for entity_type in self.schema.entity_types() {
                let others = self.schema.entity_type(entity_type).into_iter();
                let others = others.flat_map(TypeModel::live).filter(is_reference);
                let others = others.filter(|a| a.definition.target.as_deref() == Some(&model.name));
                names.extend(others.map(|a| Cow::Owned(format!("{entity_type}.{}", a.name()))));
            }
        } else {
            let references = model.live().filter(is_reference);
            names.extend(references.map(|attribute| Cow::Borrowed(attribute.name())));
        }
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let message = "no such association type, and no such reference";
        unknown(ErrorKind::UnknownType, message, &related.related, &names)
    }

    // ---- the past

    fn changed(&mut self, changed: &ChangedCondition, path: &str) -> Result<ChangedTest> {
        let model = self.record("changed", path)?;
        let attribute = model.attribute(&changed.changed).map_err(at(&join(path, "changed")))?;
        let kind = attribute.definition.kind;
        let cells = |value: &Option<Value>, key| -> Result<Option<Vec<Cell>>> {
            let Some(value) = value else { return Ok(None) };
            let error = at(&join(path, key));
            let cells = attribute.encode_operand(value.clone()).map_err(error)?;
            let is_missing = cells.iter().all(|cell| *cell == Cell::Null);
            if !is_missing && matches!(kind, Kind::Real | Kind::Address | Kind::File) {
                let message = format!("a change of kind {} has no value to name", kind.name());
                return Err(invalid(message)
                    .with_field(join(path, key))
                    .with_hint("leave it out, or write null for no value"));
            }
            // What was typed says nothing about equality.
            let width = match kind {
                Kind::Address => cells.len(),
                Kind::Money => 2,
                _ => 1,
            };
            Ok(Some(cells.into_iter().take(width).collect()))
        };
        let (from, to) = (cells(&changed.from, "from")?, cells(&changed.to, "to")?);
        let within = changed.within.as_ref().map(Span::parts).transpose();
        let within = within.map_err(at(&join(path, "within")))?;
        let columns = attribute.column_names().collect();
        let (fact, attribute) = (self.next_fact(), attribute.name().to_owned());
        Ok(ChangedTest { fact, attribute, columns, from, to, within })
    }
}

impl Checker<'_> {
    // ---- scores

    fn score(&mut self, score: &ScoreCondition, path: &str) -> Result<ScoreTest> {
        let model = self.record("score", path)?;
        let path = join(path, "score");
        let named = resolve::score(self.schema, &model.name, score.name.as_deref());
        let (found, group) = named.map_err(at(&join(&path, "name")))?;
        let value = points(&score.value).map_err(at(&join(&path, "value")))?;
        let fact = self.next_fact();
        let (model, version) = (found.id, found.model.version);
        Ok(ScoreTest { fact, model, version, group, op: score.op, value })
    }

    // ---- consent

    fn consent(&mut self, consent: &ConsentCondition, path: &str) -> Result<ConsentTest> {
        self.record("consent", path)?;
        let path = join(path, "consent");
        let rule = Rule::new(self.schema.consent_book(), &consent.purpose, &consent.channel);
        let rule = rule.map_err(|error| {
            let field = error.field().unwrap_or("purpose").to_owned();
            error.with_field(join(&path, &field))
        })?;
        Ok(ConsentTest { fact: self.next_fact(), rule })
    }

    // ---- stages

    fn stage(&mut self, stage: &StageCondition, path: &str) -> Result<StageTest> {
        let model = self.record("stage", path)?;
        let path = join(path, "stage");
        let named = stage.lifecycle.as_deref();
        let found = resolve::lifecycle(self.schema, &model.name, named);
        let found = found.map_err(at(&join(&path, "lifecycle")))?;
        let lifecycle = &found.lifecycle;
        let place = lifecycle.stage(&stage.value, &join(&path, "value"))?;
        let is_ordered = |place: usize| lifecycle.stages[place].kind.is_ordered();
        let compares = matches!(stage.op, StageOperator::AtLeast | StageOperator::AtMost);
        if compares && !is_ordered(place) {
            let message = "the stage has no place in the order";
            return Err(invalid(message)
                .with_field(join(&path, "op"))
                .with_hint("compare with eq"));
        }
        let holds = |other: usize| match stage.op {
            StageOperator::Eq => other == place,
            StageOperator::Neq => other != place,
            StageOperator::AtLeast => is_ordered(other) && other >= place,
            StageOperator::AtMost => is_ordered(other) && other <= place,
        };
        let stages = (0..lifecycle.stages.len()).filter(|other| holds(*other));
        let stages = stages.map(|other| lifecycle.stages[other].name.clone()).collect();
        Ok(StageTest { fact: self.next_fact(), lifecycle: found.id, stages })
    }

    // ---- segments

    fn segment(&mut self, name: &str, path: &str) -> Result<SegmentTest> {
        let model = self.record("segment", path)?;
        let path = join(path, "segment");
        let all = self.schema.segments();
        let found = all.iter().find(|segment| segment.name() == name).ok_or_else(|| {
            // One that is just being defined, and has no number yet, cannot ask for itself.
            let is_known = |segment: &&&SegmentModel| segment.is_in_use() && segment.id != 0;
            let is_own = |segment: &&&SegmentModel| segment.segment.entity_type == model.name;
            let own = all.iter().filter(is_known).filter(is_own);
            let names: Vec<&str> = own.map(|segment| segment.name()).collect();
            unknown(ErrorKind::NotFound, "no such segment", name, &names).with_field(&*path)
        })?;
        if found.segment.entity_type != model.name {
            let message = format!("the segment is one of {:?}", found.segment.entity_type);
            return Err(invalid(message)
                .with_field(path)
                .with_hint(format!("name a segment of {:?}", model.name)));
        }
        found.check_live().map_err(at(&path))?;
        Ok(SegmentTest { fact: self.next_fact(), segment: found.id })
    }
}

fn reference_column(attribute: &AttributeModel, place: usize) -> Column {
    Column { place, name: attribute.leading_column(), is_property: false }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The same error, at this place.
pub(super) fn at(path: &str) -> impl Fn(Error) -> Error + use<> {
    let path = path.to_owned();
    move |error| error.with_field(path.clone())
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

pub(super) fn unknown(kind: ErrorKind, message: &str, name: &str, known: &[&str]) -> Error {
    let error = Error::new(kind, message);
    match nearest(name, known.iter().copied()) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None if known.is_empty() => error,
        None => {
            let shown = known.iter().take(12).copied().collect::<Vec<_>>().join(", ");
            error.with_hint(format!("known are {shown}"))
        }
    }
}

/// Points in thousandths.
fn points(value: &Value) -> Result<i64> {
    let thousandths = match value {
        Value::Integer(points) => points.checked_mul(POINT),
        Value::Real(points) => {
            let thousandths = points * POINT as f64;
            let is_whole = (thousandths - thousandths.round()).abs() < 1e-6;
            // Every number of thousandths up to there is exact.
            (is_whole && thousandths.abs() < 9e15).then_some(thousandths.round() as i64)
        }
        Value::Text(text) => Some(parse_scaled(text, 3)?),
        _ => {
            let message = "a score is compared with a number of points";
            return Err(Error::new(ErrorKind::WrongKind, message));
        }
    };
    thousandths.ok_or_else(|| {
        Error::new(ErrorKind::InvalidValue, "points have at most three digits after the point")
    })
}
