//! A rule made ready to run: its condition judged against the schema, its names looked up.
//!
//! A program is made whenever the definitions change, and never fails after that: what it names was
//! there when it was made, and definitions that would break it are refused. It also knows what the
//! rule reads and writes, from which `cycle` tells what sets off what.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    AddPoints, ChangeMembership, CreateTask, EmitEvent, MoveToStage, OnActivity, OnAttribute,
    OnDate, OnOverdue, OnScore, OnStage, RuleAction, RuleModel, RuleTrigger, SetAttribute,
};
use crate::{
    ChangedCondition, Condition, Error, ErrorKind, FieldCondition, Kind, Preset, Result,
    SegmentKind, Span, Value,
    cell::Cell,
    condition::{self, Checked, Direction, Node, Parts, Schema},
    formula::{self, Formula},
    lifecycle::{LifecycleModel, within},
    normal::name::nearest,
    schema::TypeModel,
    scoring::{NewPoints, StoredModel},
    segment::SegmentModel,
};

/// The programs of all rules in use.
#[derive(Debug, Default)]
pub(crate) struct RulePrograms {
    /// By name, which is the order in which they run.
    pub(crate) all: Vec<RuleProgram>,
    of_type: HashMap<String, Vec<usize>>,
}

/// A rule in use, ready to run.
#[derive(Debug)]
pub(crate) struct RuleProgram {
    pub(crate) model: Arc<RuleModel>,
    /// Why its changes are made.
    pub(crate) cause: String,
    pub(crate) on: RuleOn,
    pub(crate) condition: Option<Checked>,
    pub(crate) actions: Vec<Act>,
    /// What its condition asks of the record.
    pub(super) reads: BTreeSet<Fact>,
    /// The same, and from what that is calculated.
    pub(super) rests_on: BTreeSet<Fact>,
    /// What each action changes.
    pub(super) writes: Vec<Vec<Write>>,
}

/// What sets a rule off.
#[derive(Debug)]
pub(crate) enum RuleOn {
    Activity {
        /// The kind; every kind if it is left out.
        kind: Option<i64>,
        filter: Option<Box<Node>>,
    },
    Stage {
        lifecycle: i64,
        /// Any if it is left out.
        stage: Option<usize>,
        is_left: bool,
    },
    Attribute {
        place: usize,
        /// The first columns before, as far as they matter.
        from: Option<Vec<Cell>>,
        /// The first columns after, likewise.
        to: Option<Vec<Cell>>,
    },
    Date {
        place: usize,
        span: Parts,
        direction: Direction,
    },
    Score {
        model: i64,
        /// Any if it is left out.
        threshold: Option<String>,
        is_down: bool,
    },
    Segment {
        segment: i64,
        is_left: bool,
    },
    Overdue {
        lifecycle: i64,
        /// Any if it is left out.
        stage: Option<usize>,
        /// Each of its times if it is left out.
        within: Option<String>,
    },
}

/// What a rule does.
#[derive(Debug)]
pub(crate) enum Act {
    Set { place: usize, value: Value, formula: Option<Formula> },
    Move { lifecycle: i64, to: usize, reason: Option<String> },
    Task(Box<Task>),
    Emit { event: String, places: Vec<usize> },
    Member { segment: Arc<SegmentModel>, is_member: bool, reason: Option<String> },
    Points(NewPoints),
}

/// A task to be added.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) assignee: Option<String>,
    pub(crate) due_in: Option<Parts>,
    /// The type of associations, and whether they lead from the task to the record.
    pub(crate) association: Option<(String, bool)>,
}

/// Something about a record that a condition asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// An attribute of records of this type.
    Attribute(String, String),
    /// Where it stands in a lifecycle.
    Stage(i64),
    /// Whether it is a member of a segment.
    Segment(i64),
    /// What it scores by a model.
    Score(i64),
    /// Which other records there are around it.
    Related,
}

/// Something that an action changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    Attribute {
        entity_type: String,
        place: usize,
        name: String,
        /// Its first column, and how many it has.
        first: usize,
        width: usize,
        /// The cells that it then has, if that is known.
        cells: Option<Vec<Cell>>,
    },
    Stage {
        lifecycle: i64,
        to: usize,
        name: String,
    },
    Member {
        segment: i64,
        is_member: bool,
    },
    Points {
        model: i64,
        is_down: bool,
    },
}

impl Write {
    pub(super) fn fact(&self) -> Fact {
        match self {
            Self::Attribute { entity_type, name, .. } => {
                Fact::Attribute(entity_type.clone(), name.clone())
            }
            Self::Stage { lifecycle, .. } => Fact::Stage(*lifecycle),
            Self::Member { segment, .. } => Fact::Segment(*segment),
            Self::Points { model, .. } => Fact::Score(*model),
        }
    }
}

impl RulePrograms {
    pub(crate) fn add(&mut self, program: RuleProgram) {
        let name = program.model.rule.entity_type.clone();
        self.of_type.entry(name).or_default().push(self.all.len());
        self.all.push(program);
    }

    /// The places of the programs of an entity type.
    pub(crate) fn of_type(&self, name: &str) -> &[usize] {
        self.of_type.get(name).map_or(&[], Vec::as_slice)
    }
}

impl RuleProgram {
    /// What its actions change, and what a condition may ask for.
    pub(super) fn facts(&self) -> BTreeSet<Fact> {
        let written = self.writes.iter().flatten().map(Write::fact);
        let is_task = |act: &Act| matches!(act, Act::Task(_));
        let related = self.actions.iter().any(is_task).then_some(Fact::Related);
        written.chain(related).collect()
    }

    /// Judges a rule.
    ///
    /// # Errors
    ///
    /// As [`condition::check`], and `UnknownType`, `UnknownAttribute`, `UnknownOption`, `NotFound`,
    /// `WrongKind`, `InvalidValue`, `InvalidArgument`, `OutOfRange`, `Required` or `Archived`; the
    /// field is the path, such as `actions[1].set_attribute.attribute`.
    pub(crate) fn new(model: Arc<RuleModel>, schema: &dyn Schema) -> Result<Self> {
        let rule = &model.rule;
        let entity_type = entity_type(schema, &rule.entity_type)?;
        let judge = Judge { schema, entity_type };
        let on = judge.trigger(&rule.on);
        let on = on.map_err(|error| within(&format!("on.{}", rule.on.name()), error))?;
        let condition = rule.condition.as_ref();
        let checked = condition.map(|asked| condition::check(asked, schema, &rule.entity_type));
        let mut reads = BTreeSet::new();
        if let Some(condition) = condition {
            judge.reads(condition, &mut reads);
        }
        let (mut actions, mut writes) = (Vec::new(), Vec::new());
        for (place, action) in rule.actions.iter().enumerate() {
            let path = || format!("actions[{place}].{}", action.name());
            let (act, written) = judge.action(action).map_err(|error| within(&path(), error))?;
            actions.push(act);
            writes.push(written);
        }
        Ok(Self {
            cause: model.cause(),
            on,
            condition: checked.transpose().map_err(|error| within("where", error))?,
            actions,
            rests_on: judge.rests_on(&reads),
            reads,
            writes,
            model,
        })
    }
}

fn entity_type<'s>(schema: &'s dyn Schema, name: &str) -> Result<&'s TypeModel> {
    schema.entity_type(name).ok_or_else(|| {
        let error = Error::new(ErrorKind::UnknownType, "no such entity type").with_field("type");
        match nearest(name, schema.entity_types().into_iter()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint("define it with types.define"),
        }
    })
}

/// The schema, and the type of the records that a rule is about.
struct Judge<'s> {
    schema: &'s dyn Schema,
    entity_type: &'s TypeModel,
}

impl<'s> Judge<'s> {
    fn trigger(&self, trigger: &RuleTrigger) -> Result<RuleOn> {
        match trigger {
            RuleTrigger::Activity(OnActivity { kind, filter }) => {
                let name = &self.entity_type.name;
                let (kind, filter) =
                    condition::happening(self.schema, name, kind, filter.as_ref(), "kind")?;
                Ok(RuleOn::Activity { kind, filter })
            }
            RuleTrigger::StageEntered(on) => self.stage(on, false),
            RuleTrigger::StageLeft(on) => self.stage(on, true),
            RuleTrigger::AttributeChanged(on) => self.attribute(on),
            RuleTrigger::DateReached(on) => self.date(on),
            RuleTrigger::ScoreCrossed(on) => self.score(on),
            RuleTrigger::SegmentEntered(on) => self.segment_changes(&on.segment, false),
            RuleTrigger::SegmentLeft(on) => self.segment_changes(&on.segment, true),
            RuleTrigger::StageOverdue(on) => self.overdue(on),
        }
    }

    fn segment_changes(&self, name: &str, is_left: bool) -> Result<RuleOn> {
        Ok(RuleOn::Segment { segment: self.segment(name)?.id, is_left })
    }

    fn overdue(&self, on: &OnOverdue) -> Result<RuleOn> {
        let model = self.lifecycle(&on.lifecycle)?;
        let stages = &model.lifecycle.stages;
        let stage = on.stage.as_ref().map(|stage| model.lifecycle.stage(stage, "stage"));
        let stage = stage.transpose()?;
        let never = |message: &str, field: &str| {
            Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field(field)
                .with_hint("give the stage times in leave_within"))
        };
        match (stage, &on.within) {
            (Some(place), None) if stages[place].leave_within.is_empty() => {
                never("a record may stay on the stage for ever", "stage")
            }
            (Some(place), Some(within)) if !stages[place].leave_within.contains(within) => {
                never("is none of the times of the stage", "within")
            }
            (None, _) if stages.iter().all(|stage| stage.leave_within.is_empty()) => {
                never("a record may stay on every stage for ever", "lifecycle")
            }
            _ => Ok(RuleOn::Overdue { lifecycle: model.id, stage, within: on.within.clone() }),
        }
    }

    fn segment(&self, name: &str) -> Result<&'s SegmentModel> {
        let mut all = self.schema.segments();
        all.retain(|model| model.is_in_use() && model.segment.entity_type == self.entity_type.name);
        let found = all.iter().copied().find(|model| model.name() == name);
        found.ok_or_else(|| {
            let message = "the entity type has no such segment in use";
            let error = Error::new(ErrorKind::NotFound, message).with_field("segment");
            match nearest(name, all.iter().map(|model| model.name())) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with segments.define"),
            }
        })
    }

    fn stage(&self, on: &OnStage, is_left: bool) -> Result<RuleOn> {
        let lifecycle = self.lifecycle(&on.lifecycle)?;
        let stage = on.stage.as_ref().map(|stage| lifecycle.lifecycle.stage(stage, "stage"));
        Ok(RuleOn::Stage { lifecycle: lifecycle.id, stage: stage.transpose()?, is_left })
    }

    fn attribute(&self, on: &OnAttribute) -> Result<RuleOn> {
        let attribute = self.entity_type.attribute(&on.attribute);
        let attribute = attribute.map_err(|error| error.with_field("attribute"))?;
        let operand = |value: &Option<Value>, field: &str| {
            let value = value.clone().filter(|value| !value.is_null());
            let cells = value.map(|value| attribute.encode_operand(value)).transpose();
            // What was typed is not part of the value.
            let parts = attribute.definition.kind.parts();
            let told = parts.iter().take_while(|part| part.tells_apart()).count();
            cells
                .map(|cells| cells.map(|cells| cells[..told].to_vec()))
                .map_err(|error| error.with_field(field))
        };
        Ok(RuleOn::Attribute {
            place: self.entity_type.place(attribute),
            from: operand(&on.from, "from")?,
            to: operand(&on.to, "to")?,
        })
    }

    fn date(&self, on: &OnDate) -> Result<RuleOn> {
        let attribute = self.entity_type.attribute(&on.attribute);
        let attribute = attribute.map_err(|error| error.with_field("attribute"))?;
        if !matches!(attribute.definition.kind, Kind::Date | Kind::Timestamp) {
            let kind = attribute.definition.kind.name();
            let message = format!("an attribute of kind {kind} has no date");
            return Err(Error::new(ErrorKind::WrongKind, message)
                .with_field("attribute")
                .with_hint("name one of kind date or timestamp"));
        }
        let (span, direction) = match (&on.before, &on.after) {
            (Some(before), _) => (span("before", before)?, Direction::Last),
            (None, Some(after)) => (span("after", after)?, Direction::Next),
            (None, None) => (Parts::default(), Direction::Next),
        };
        Ok(RuleOn::Date { place: self.entity_type.place(attribute), span, direction })
    }

    fn published(&self, score: &str) -> Result<&'s StoredModel> {
        let all = self.schema.scores(&self.entity_type.name);
        let found = all.iter().copied().find(|stored| stored.model.name == score);
        found.ok_or_else(|| {
            let message = "the entity type has no such score that is published";
            let error = Error::new(ErrorKind::NotFound, message).with_field("score");
            match nearest(score, all.iter().map(|stored| stored.model.name.as_str())) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("publish it with scores.publish"),
            }
        })
    }

    fn score(&self, on: &OnScore) -> Result<RuleOn> {
        let stored = self.published(&on.score)?;
        let names = || stored.model.thresholds.iter().map(|threshold| threshold.name.as_str());
        if let Some(name) = &on.threshold
            && !names().any(|known| known == name)
        {
            let message = format!("the score {:?} has no such threshold", on.score);
            let error = Error::new(ErrorKind::UnknownOption, message).with_field("threshold");
            return Err(match nearest(name, names()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("the definition of the score lists them"),
            });
        }
        let threshold = on.threshold.clone();
        Ok(RuleOn::Score { model: stored.id, threshold, is_down: on.is_down })
    }

    fn lifecycle(&self, name: &str) -> Result<&'s LifecycleModel> {
        let all = self.schema.lifecycles(&self.entity_type.name);
        let found = all.iter().copied().find(|model| model.name() == name);
        found.ok_or_else(|| {
            let message = "the entity type has no such lifecycle in use";
            let error = Error::new(ErrorKind::NotFound, message).with_field("lifecycle");
            match nearest(name, all.iter().map(|model| model.name())) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with lifecycles.define"),
            }
        })
    }

    fn action(&self, action: &RuleAction) -> Result<(Act, Vec<Write>)> {
        match action {
            RuleAction::SetAttribute(action) => self.set(action),
            RuleAction::MoveStage(MoveToStage { lifecycle, to, reason }) => {
                let model = self.lifecycle(lifecycle)?;
                let place = model.lifecycle.stage(to, "to")?;
                model.lifecycle.stages[place].check_reason(reason.as_deref())?;
                let write = Write::Stage { lifecycle: model.id, to: place, name: to.clone() };
                let reason = reason.clone();
                Ok((Act::Move { lifecycle: model.id, to: place, reason }, vec![write]))
            }
            RuleAction::CreateTask(action) => self.task(action),
            RuleAction::Emit(EmitEvent { event, fields }) => {
                let find = |(nth, name): (usize, &String)| {
                    let found = self.entity_type.attribute(name);
                    let found =
                        found.map_err(|error| error.with_field(format!("fields[{nth}]")))?;
                    Ok(self.entity_type.place(found))
                };
                let places = fields.iter().enumerate().map(find).collect::<Result<_>>()?;
                Ok((Act::Emit { event: event.clone(), places }, Vec::new()))
            }
            RuleAction::AddToSegment(action) => self.member(action, true),
            RuleAction::RemoveFromSegment(action) => self.member(action, false),
            RuleAction::AddPoints(action) => self.points(action),
        }
    }

    fn member(&self, action: &ChangeMembership, is_member: bool) -> Result<(Act, Vec<Write>)> {
        let model = self.segment(&action.segment)?;
        model.check_by_hand()?;
        let (segment, reason) = (Arc::new(model.clone()), action.reason.clone());
        let write = Write::Member { segment: model.id, is_member };
        Ok((Act::Member { segment, is_member, reason }, vec![write]))
    }

    fn points(&self, action: &AddPoints) -> Result<(Act, Vec<Write>)> {
        let stored = self.published(&action.score)?;
        let group = stored.model.group_for_points(action.group.as_deref())?;
        let points = NewPoints {
            model: stored.id,
            group: group.to_owned(),
            points: action.points,
            reason: action.reason.clone(),
        };
        let write = Write::Points { model: stored.id, is_down: action.points < 0 };
        Ok((Act::Points(points), vec![write]))
    }

    fn set(&self, action: &SetAttribute) -> Result<(Act, Vec<Write>)> {
        let model = self.entity_type;
        let attribute = model.attribute(&action.attribute);
        let attribute = attribute.map_err(|error| error.with_field("attribute"))?;
        if attribute.is_calculated() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the attribute is calculated")
                .with_field("attribute")
                .with_hint("set one that its formula reads"));
        }
        let formula = action.formula.as_deref().map(|text| {
            let formula = Formula::parse(text)?;
            formula::check_assignment(model, attribute, &formula)?;
            Ok(formula)
        });
        let formula = formula.transpose().map_err(|error: Error| error.with_field("formula"))?;
        let mut value = action.value.clone().unwrap_or_default();
        let mut cells = vec![Cell::Null; attribute.width()];
        if formula.is_none() {
            if value.is_null() && attribute.definition.required {
                let message = "the attribute is required and cannot be cleared";
                return Err(Error::new(ErrorKind::Required, message).with_field("value"));
            }
            let encoded = attribute.encode(value.clone(), &mut cells);
            encoded.map_err(|error| error.with_field("value"))?;
        } else {
            value = Value::Null;
        }
        let place = model.place(attribute);
        let cells = formula.is_none().then_some(cells);
        let written = written(model, &[(place, cells)]);
        Ok((Act::Set { place, value, formula }, written))
    }

    fn task(&self, action: &CreateTask) -> Result<(Act, Vec<Write>)> {
        let name = Preset::Task.name();
        let needed = |message: &str| {
            Error::new(ErrorKind::UnknownType, message)
                .with_hint("define it with types.define_preset, as task")
        };
        let tasks = self.schema.entity_type(name);
        let tasks = tasks.ok_or_else(|| needed("there is no type of tasks"))?;
        tasks.check_live()?;
        let mut given = Vec::new();
        for (attribute, kind, value) in [
            ("title", Kind::Text, Some(&action.title)),
            ("body", Kind::LongText, action.body.as_ref()),
            ("assignee", Kind::Text, action.assignee.as_ref()),
            ("due", Kind::Timestamp, None),
        ] {
            let is_used = value.is_some() || (attribute == "due" && action.due_in.is_some());
            if !is_used {
                continue;
            }
            let field = if attribute == "due" { "due_in" } else { attribute };
            let found = tasks.attribute(attribute).ok();
            let found = found.filter(|a| a.definition.kind == kind && !a.is_calculated());
            let found = found.ok_or_else(|| {
                needed("the type of tasks has no such attribute of its preset").with_field(field)
            })?;
            let mut cells = vec![Cell::Null; found.width()];
            if let Some(text) = value {
                let encoded = found.encode(Value::from(text.as_str()), &mut cells);
                encoded.map_err(|error| error.with_field(field))?;
            }
            given.push((tasks.place(found), value.map(|_| cells)));
        }
        for (place, attribute) in tasks.attributes.iter().enumerate() {
            let is_given = given.iter().any(|(given, _)| *given == place);
            let is_needed = attribute.definition.required && attribute.archived_at.is_none();
            match &attribute.definition.default {
                Some(_) if !is_given => given.push((place, None)),
                None if !is_given && is_needed => {
                    let message = format!("tasks need a value for {:?}", attribute.name());
                    return Err(Error::new(ErrorKind::Required, message)
                        .with_hint("give that attribute a default"));
                }
                _ => {}
            }
        }
        let association = action.association.as_deref().map(|name| self.association(name));
        let association =
            association.transpose().map_err(|error| error.with_field("association"))?;
        let due_in = action.due_in.as_deref().map(|text| span("due_in", text)).transpose()?;
        let task = Task {
            title: action.title.clone(),
            body: action.body.clone(),
            assignee: action.assignee.clone(),
            due_in,
            association,
        };
        Ok((Act::Task(Box::new(task)), written(tasks, &given)))
    }

    /// A type of associations between tasks and records of the type, and whether it leads from the
    /// task.
    fn association(&self, name: &str) -> Result<(String, bool)> {
        let found = self.schema.association(name);
        let found = found.filter(|_| self.schema.associations().contains(&name));
        let shape = found.ok_or_else(|| {
            let error = Error::new(ErrorKind::UnknownType, "no such association type");
            match nearest(name, self.schema.associations().into_iter()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with association_types.define"),
            }
        })?;
        let (task, record) = (Preset::Task.name(), self.entity_type.name.as_str());
        let leads = |from: &str, to: &str| {
            shape.from.iter().any(|name| name == from) && shape.to.iter().any(|name| name == to)
        };
        match (leads(task, record), leads(record, task)) {
            (true, _) => Ok((name.to_owned(), true)),
            (false, true) => Ok((name.to_owned(), false)),
            (false, false) => {
                let message = format!("does not lead between a task and a {record}");
                Err(Error::new(ErrorKind::InvalidArgument, message))
            }
        }
    }

    /// What a condition asks of the record itself.
    fn reads(&self, condition: &Condition, facts: &mut BTreeSet<Fact>) {
        match condition {
            Condition::Field(FieldCondition { field: name, .. })
            | Condition::Changed(ChangedCondition { changed: name, .. }) => {
                let whole = name.split_once('.').map_or(&name[..], |(whole, _)| whole);
                facts.insert(Fact::Attribute(self.entity_type.name.clone(), whole.to_owned()));
                let found = self.entity_type.attribute(whole);
                if found.is_ok_and(|attribute| attribute.rollup().is_some()) {
                    facts.insert(Fact::Related);
                }
            }
            Condition::Stage(_) => {
                let all = self.schema.lifecycles(&self.entity_type.name);
                facts.extend(all.iter().map(|model| Fact::Stage(model.id)));
            }
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.reads(part, facts));
            }
            Condition::Not(part) => self.reads(part, facts),
            Condition::Segment(name) => {
                let all = self.schema.segments();
                let Some(model) = all.iter().find(|model| model.name() == name) else { return };
                let is_live = model.segment.kind == SegmentKind::Live;
                if facts.insert(Fact::Segment(model.id)) && is_live {
                    model.segment.condition.iter().for_each(|asked| self.reads(asked, facts));
                }
            }
            Condition::Score(_) => {
                let all = self.schema.scores(&self.entity_type.name);
                facts.extend(all.iter().map(|stored| Fact::Score(stored.id)));
            }
            Condition::Related(_) => drop(facts.insert(Fact::Related)),
            // No rule writes what they ask for.
            Condition::Event(_) | Condition::Consent(_) | Condition::Unread(_) => {}
        }
    }

    /// What is asked for, and from what that is calculated.
    fn rests_on(&self, asked: &BTreeSet<Fact>) -> BTreeSet<Fact> {
        let mut all = asked.clone();
        let mut open: Vec<&str> = Vec::new();
        for fact in asked {
            if let Fact::Attribute(_, name) = fact {
                open.push(name);
            }
        }
        while let Some(name) = open.pop() {
            let Some(attribute) = self.entity_type.find(name) else { continue };
            if attribute.rollup().is_some() {
                all.insert(Fact::Related);
            }
            let Some(formula) = &attribute.formula else { continue };
            formula.visit_names(&mut |read| {
                let fact = Fact::Attribute(self.entity_type.name.clone(), read.to_owned());
                if all.insert(fact) {
                    open.push(read);
                }
            });
        }
        all
    }
}

/// What follows from these attributes getting values: they, and what is calculated from them.
fn written(model: &TypeModel, given: &[(usize, Option<Vec<Cell>>)]) -> Vec<Write> {
    let write = |place: usize, cells: Option<Vec<Cell>>| {
        let attribute = &model.attributes[place];
        let (entity_type, name) = (model.name.clone(), attribute.name().to_owned());
        let (first, width) = (attribute.first, attribute.width());
        Write::Attribute { entity_type, place, name, first, width, cells }
    };
    let mut places: Vec<usize> = given.iter().map(|(place, _)| *place).collect();
    let mut all: Vec<Write> =
        given.iter().map(|(place, cells)| write(*place, cells.clone())).collect();
    let mut next = 0;
    while let Some(&place) = places.get(next) {
        next += 1;
        for reader in model.readers(model.attributes[place].name()) {
            let reader = model.place(reader);
            if !places.contains(&reader) {
                places.push(reader);
                all.push(write(reader, None));
            }
        }
    }
    all
}

fn span(field: &str, text: &str) -> Result<Parts> {
    let span = text.parse::<Span>().and_then(|span| span.parts());
    span.map_err(|error| error.with_field(field))
}
