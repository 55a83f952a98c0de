//! A score made ready to run: its conditions judged against the schema, its names looked up.
//!
//! A program is made whenever the definitions change, and never fails after that: what it names was
//! there when it was made, definitions that would break it are refused, and no sum of its points
//! leaves the range of whole numbers.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    check::{decay, invalid, micros, to_caps, within},
    decay::{Decay, POINT},
    definition::{ScoreFigure, ScoreGroup, ScoreModel, ScoreRule, StoredModel},
    rank::half_life,
    sheet::{Caps, Figure},
};
use crate::{
    Condition, Count, Error, ErrorKind, EventCondition, FieldCondition, Kind, Measure, Operand,
    Operator, RelatedCondition, Result, Value,
    condition::{
        self, Checked, Column, Detail, FoundField, Hop, Kinds, Named, Node, Place, Reach, Reads,
        RelatedTest, Schema, Way,
    },
    limits,
    normal::{currency::currency, name::nearest},
};

/// The programs of all published models.
#[derive(Debug, Default)]
pub(crate) struct ScorePrograms {
    /// Those that others roll up stand before these.
    pub(crate) all: Vec<ScoreProgram>,
}

/// A version of a model, ready to run.
#[derive(Debug)]
pub(crate) struct ScoreProgram {
    pub(crate) stored: Arc<StoredModel>,
    pub(crate) caps: Caps,
    pub(crate) groups: Vec<GroupProgram>,
    /// The thresholds in thousandths.
    pub(crate) thresholds: Vec<i64>,
    /// The longest half-life.
    pub(crate) half: Option<i64>,
    /// The least and the greatest score that is possible.
    range: (i64, i64),
    /// What its rules look at.
    pub(crate) reach: Reach,
}

#[derive(Debug)]
pub(crate) struct GroupProgram {
    pub(crate) caps: Caps,
    pub(crate) decay: Decay,
    pub(crate) counts: bool,
    pub(crate) rules: Vec<RuleProgram>,
}

#[derive(Debug)]
pub(crate) struct RuleProgram {
    pub(crate) name: String,
    pub(crate) caps: Caps,
    pub(crate) condition: Option<Checked>,
    pub(crate) source: Source,
    /// The field by whose value or size it gives points, by its name: of the activities that it looks
    /// at, if it does, else of the record.
    pub(crate) field: Option<(String, FoundField)>,
    /// The most that it can give.
    most: i64,
}

/// Where the points of a rule come from.
#[derive(Debug)]
pub(crate) enum Source {
    Record(Worth<Checked>),
    Activities {
        /// The kind; every kind if it is left out.
        kind: Option<Named>,
        /// How much of them any rule of the model about this kind looks at, so that they are read once.
        detail: Detail,
        filter: Option<Box<Node>>,
        worth: Worth<Box<Node>>,
        repeat: Repeat,
    },
    Related {
        test: RelatedTest,
        /// The name and number of the model by which they score.
        model: Named,
        figure: Figure,
    },
}

/// How many points something is worth.
#[derive(Debug)]
pub(crate) enum Worth<C> {
    Constant(i64),
    /// Those of the first condition that is true, or others.
    Values(Vec<(C, i64)>, i64),
    Amount {
        column: Column,
        /// For money: only this currency.
        currency: Option<(Column, String)>,
        points: i64,
        /// For so many units of what is stored.
        per: i128,
    },
}

/// Which activities of a kind count.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    pub(crate) distinct: Option<Column>,
    pub(crate) per_day: Option<usize>,
    pub(crate) at_most: Option<usize>,
    /// In microseconds.
    pub(crate) within: Option<i64>,
}

/// The models that others may name, with the least and the greatest that each can give.
type Known<'a> = HashMap<&'a str, (&'a StoredModel, (i64, i64))>;

impl ScorePrograms {
    /// The program of a model.
    pub(crate) fn find(&self, model: &str) -> Option<&ScoreProgram> {
        self.all.iter().find(|program| program.stored.model.name == model)
    }

    /// The program of a model, out of all.
    pub(crate) fn take(self, model: &str) -> Option<ScoreProgram> {
        self.all.into_iter().find(|program| program.stored.model.name == model)
    }

    /// Whether one of them looks at records of this type.
    pub(crate) fn concern(&self, entity_type: &str) -> bool {
        self.all.iter().any(|program| {
            program.stored.model.entity_type == entity_type || program.reach.concerns(entity_type)
        })
    }

    /// Judges published models, those that others roll up first.
    ///
    /// # Errors
    ///
    /// As [`ScoreProgram::new`], with the name of the model.
    pub(crate) fn make(
        models: &[Arc<StoredModel>],
        schema: &dyn Schema,
    ) -> Result<Self, (String, Error)> {
        let mut programs = Self::default();
        let mut left: Vec<&Arc<StoredModel>> = models.iter().collect();
        while !left.is_empty() {
            let ready = left.iter().position(|stored| {
                let needs = needs(&stored.model);
                !needs.iter().any(|need| left.iter().any(|other| other.model.name == *need))
            });
            let Some(ready) = ready else {
                let name = left[0].model.name.clone();
                let message = "scores ask for one another in a circle";
                return Err((name, invalid(message).with_field("groups")));
            };
            let stored = left.remove(ready);
            let made = programs.judge(stored, schema);
            programs.all.push(made.map_err(|error| (stored.model.name.clone(), error))?);
        }
        Ok(programs)
    }

    /// Judges a version of a model beside these.
    ///
    /// # Errors
    ///
    /// As [`ScoreProgram::new`].
    pub(crate) fn judge(
        &self,
        stored: &Arc<StoredModel>,
        schema: &dyn Schema,
    ) -> Result<ScoreProgram> {
        let known = self
            .all
            .iter()
            .map(|program| (program.stored.model.name.as_str(), (&*program.stored, program.range)));
        ScoreProgram::new(Arc::clone(stored), schema, &known.collect())
    }
}

/// The names of the scores that a model rolls up or asks for; its own where it names none.
fn needs(model: &ScoreModel) -> HashSet<&str> {
    let mut needs = HashSet::new();
    for rule in model.groups.iter().flat_map(|group| &group.rules) {
        needs.extend(rule.related.as_ref().map(|related| related.model.as_str()));
        for condition in rule.condition.iter().chain(&rule.filter) {
            asked(condition, &model.name, &mut needs);
        }
    }
    needs
}

fn asked<'a>(condition: &'a Condition, own: &'a str, needs: &mut HashSet<&'a str>) {
    if let Condition::Score(score) = condition {
        let name = score.name.as_deref().unwrap_or(own);
        needs.insert(name.split_once('.').map_or(name, |(name, _)| name));
    }
    condition.nested().for_each(|part| asked(part, own, needs));
}

impl ScoreProgram {
    /// Judges a definition that makes sense by itself.
    ///
    /// # Errors
    ///
    /// As [`condition::check`]; `NotFound` for models that are not there; `InvalidArgument` for caps
    /// and thresholds that cannot be met; `OutOfRange` for points that can grow without bound.
    fn new(stored: Arc<StoredModel>, schema: &dyn Schema, known: &Known<'_>) -> Result<Self> {
        let model = &stored.model;
        let maker = Maker { schema, entity_type: &model.entity_type, known };
        let (mut groups, mut total) = (Vec::new(), (0, 0));
        for (place, group) in model.groups.iter().enumerate() {
            let (made, reach) =
                maker.group(group).map_err(|error| within(&format!("groups[{place}]"), error))?;
            if made.counts {
                total = (total.0 + reach.0, total.1 + reach.1);
            }
            for (nth, axis) in model.grade.iter().enumerate() {
                // The first level needs nothing.
                let levels = axis.levels.iter().enumerate().skip(1);
                let mut levels = levels.filter(|_| axis.group == group.name);
                if let Some((level, _)) = levels.find(|(_, l)| l.at_least * POINT > reach.1) {
                    let path = format!("grade[{nth}].levels[{level}].at_least");
                    return Err(invalid("the group never gives so much").with_field(path));
                }
            }
            groups.push(made);
        }
        let caps = to_caps(model.min, model.max);
        let reach = reach_of(caps, (model.min, model.max), total)?;
        let thresholds: Vec<i64> =
            model.thresholds.iter().map(|threshold| threshold.at_least * POINT).collect();
        if let Some(place) = thresholds.iter().position(|threshold| *threshold > reach.1) {
            let path = format!("thresholds[{place}].at_least");
            return Err(invalid("the score is never so high").with_field(path));
        }
        share_detail(&mut groups);
        let half = half_life(groups.iter().map(|group| group.decay));
        let rules = groups.iter().flat_map(|group| &group.rules);
        let places = rules.flat_map(|rule| rule.places(&stored.model.entity_type)).collect();
        let (range, reach) = (reach, Reach { places });
        Ok(Self { stored, caps, groups, thresholds, half, range, reach })
    }

    /// The place of a group.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        self.stored.model.groups.iter().position(|group| group.name == name)
    }

    /// Refuses thresholds that are never reached because points are gone before so many are there.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, with the path to the first.
    pub(crate) fn check_lasting(&self) -> Result<()> {
        let groups = self.groups.iter().filter(|group| group.counts);
        let most = groups.map(GroupProgram::most_at_once).fold(0, i64::saturating_add);
        let most = self.caps.clamp(most);
        match self.thresholds.iter().position(|threshold| *threshold > most) {
            None => Ok(()),
            Some(place) => {
                let message = format!(
                    "the score is never so high: points are gone before more than {} are there",
                    most / POINT
                );
                let path = format!("thresholds[{place}].at_least");
                Err(invalid(&message).with_field(path))
            }
        }
    }

    /// What thresholds and grades make of points: the highest threshold that is reached.
    pub(crate) fn threshold(&self, score: i64) -> Option<&str> {
        let reached = self.thresholds.partition_point(|threshold| *threshold <= score);
        let reached = self.stored.model.thresholds.get(reached.checked_sub(1)?);
        reached.map(|threshold| threshold.name.as_str())
    }

    /// The grade for points of a group each.
    pub(crate) fn grade(&self, points: impl Fn(usize) -> i64) -> Option<String> {
        let axes = self.stored.model.grade.iter().filter_map(|axis| {
            let points = points(self.group(&axis.group)?);
            let reached = axis.levels.partition_point(|level| level.at_least * POINT <= points);
            axis.levels.get(reached.saturating_sub(1)).map(|level| level.name.as_str())
        });
        let grade: String = axes.collect();
        (!grade.is_empty()).then_some(grade)
    }
}

impl GroupProgram {
    /// No less than what it gives at any one moment.
    fn most_at_once(&self) -> i64 {
        let lasts = match self.decay {
            Decay::None | Decay::HalfLife(_) => None,
            Decay::Linear { .. } | Decay::Expiry(_) => self.decay.gone(POINT),
        };
        let of_rules = self.rules.iter().map(|rule| rule.most_at_once(lasts));
        self.caps.clamp(of_rules.fold(0, i64::saturating_add))
    }
}

impl Worth<Box<Node>> {
    /// The most that one activity gives, if that is known.
    fn most(&self) -> Option<i64> {
        match self {
            Self::Constant(points) => Some(*points),
            Self::Values(choices, others) => {
                choices.iter().map(|(_, points)| *points).chain([*others]).max()
            }
            Self::Amount { .. } => None,
        }
    }

    /// How much of each activity it looks at.
    fn detail(&self) -> Detail {
        let looked_at = match self {
            Self::Constant(_) => None,
            Self::Values(choices, _) => choices.iter().map(|(choice, _)| choice.detail()).max(),
            Self::Amount { column, currency, .. } => {
                let currency = currency.iter().map(|(column, _)| column.detail());
                currency.chain([column.detail()]).max()
            }
        };
        looked_at.unwrap_or(Detail::Time)
    }
}

/// Gives every rule about activities the detail of all that are about the same kind.
fn share_detail(groups: &mut [GroupProgram]) {
    let mut most: HashMap<Option<i64>, Detail> = HashMap::new();
    for rule in groups.iter().flat_map(|group| &group.rules) {
        if let Source::Activities { kind, detail, .. } = &rule.source {
            let known = most.entry(kind.as_ref().map(|kind| kind.id)).or_insert(*detail);
            *known = (*known).max(*detail);
        }
    }
    for rule in groups.iter_mut().flat_map(|group| &mut group.rules) {
        if let Source::Activities { kind, detail, .. } = &mut rule.source {
            *detail = most[&kind.as_ref().map(|kind| kind.id)];
        }
    }
}

impl RuleProgram {
    /// No less than what it gives at any one moment, where the points for an activity last so long.
    fn most_at_once(&self, lasts: Option<i64>) -> i64 {
        /// Microseconds of a day.
        const DAY: i64 = 86_400_000_000;
        let Source::Activities { worth, repeat, .. } = &self.source else { return self.most };
        match (worth.most(), repeat.per_day, lasts) {
            (Some(each), Some(per_day), Some(span)) => {
                // A span begins within one day and ends within another.
                let days = (span - 1) / DAY + 2;
                let of_days = each.max(0).saturating_mul(per_day as i64).saturating_mul(days);
                self.most.min(self.caps.clamp(of_days))
            }
            _ => self.most,
        }
    }

    /// What the rule looks at, from a record of this type.
    fn places(&self, entity_type: &str) -> Vec<Place> {
        let mut places = Vec::new();
        let mut add = |checked: &Checked| places.extend(Reach::of(checked).places);
        self.condition.iter().for_each(&mut add);
        let mut reads = Reads::default();
        match &self.source {
            Source::Record(Worth::Constant(_)) => {}
            Source::Record(Worth::Values(choices, _)) => {
                choices.iter().for_each(|(choice, _)| add(choice));
            }
            Source::Record(Worth::Amount { column, currency, .. }) => {
                reads.columns.insert(column.place);
                reads.columns.extend(currency.iter().map(|(column, _)| column.place));
            }
            Source::Activities { kind, .. } => {
                reads.activities = match kind {
                    Some(kind) => Kinds::Of([kind.id].into()),
                    None => Kinds::Any,
                };
            }
            Source::Related { test, model, .. } => {
                if let Way::Reference(column) = &test.way {
                    reads.columns.insert(column.place);
                }
                let scores = Reads { scores: [model.id].into(), ..Reads::default() };
                let far = test.types.iter().map(|named| {
                    let (near, far) = (entity_type.to_owned(), named.name.clone());
                    let hop = Hop { near, far: far.clone(), way: test.way.clone() };
                    Place { entity_type: far, hops: vec![hop], reads: scores.clone() }
                });
                places.extend(far);
            }
        }
        places.push(Place { entity_type: entity_type.to_owned(), hops: Vec::new(), reads });
        places
    }
}

/// What lies between caps of what can be reached.
///
/// # Errors
///
/// `InvalidArgument` if a cap that is given holds always; `OutOfRange` if what is reached without one
/// is too much.
fn reach_of(
    caps: Caps,
    (min, max): (Option<i64>, Option<i64>),
    reach: (i64, i64),
) -> Result<(i64, i64)> {
    if min.is_some() && caps.min > reach.1 {
        let message = "the cap cannot be met: so much is never reached";
        return Err(invalid(message).with_field("min"));
    }
    if max.is_some() && caps.max < reach.0 {
        let message = "the cap cannot be met: so little is never left";
        return Err(invalid(message).with_field("max"));
    }
    for (field, is_given, is_too_much) in
        [("min", min.is_some(), reach.0 < caps.min), ("max", max.is_some(), reach.1 > caps.max)]
    {
        if !is_given && is_too_much {
            let message = format!("it can exceed {} points", limits::SCORE_POINTS);
            return Err(Error::new(ErrorKind::OutOfRange, message)
                .with_field(field)
                .with_hint("give fewer points, or a cap"));
        }
    }
    Ok((caps.clamp(reach.0), caps.clamp(reach.1)))
}

struct Maker<'a> {
    schema: &'a dyn Schema,
    entity_type: &'a str,
    known: &'a Known<'a>,
}

impl Maker<'_> {
    fn group(&self, group: &ScoreGroup) -> Result<(GroupProgram, (i64, i64))> {
        let (mut rules, mut sum) = (Vec::new(), (0, 0));
        for (place, rule) in group.rules.iter().enumerate() {
            let (made, reach) =
                self.rule(rule).map_err(|error| within(&format!("rules[{place}]"), error))?;
            sum = (sum.0 + reach.0, sum.1 + reach.1);
            rules.push(made);
        }
        let decay = decay(group.fade.as_ref())?;
        let caps = to_caps(group.min, group.max);
        if decay != Decay::None {
            // What fades comes to nothing in the end.
            sum = (sum.0.min(0), sum.1.max(0));
        }
        let reach = reach_of(caps, (group.min, group.max), sum)?;
        Ok((GroupProgram { caps, decay, counts: !group.is_beside, rules }, reach))
    }

    fn rule(&self, rule: &ScoreRule) -> Result<(RuleProgram, (i64, i64))> {
        let check = |condition| {
            let checked = condition::check(condition, self.schema, self.entity_type)?;
            match checked.root.asks_for_consent() {
                true => Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "a score that is kept live does not ask for consent",
                )
                .with_hint("ask consents.decide when somebody is to be contacted")),
                false => Ok(checked),
            }
        };
        let condition = rule.condition.as_ref().map(check).transpose();
        let condition = condition.map_err(|error| within("where", error))?;
        let (source, mut reach) = match (&rule.related, &rule.activity) {
            (Some(_), _) => self.related(rule)?,
            (None, Some(kind)) => self.activities(rule, kind)?,
            (None, None) => self.record(rule)?,
        };
        let always = matches!(source, Source::Record(Worth::Constant(_) | Worth::Values(..)));
        if condition.is_some() || !always {
            reach = (reach.0.min(0), reach.1.max(0));
        }
        let caps = to_caps(rule.min, rule.max);
        let reach =
            reach_of(caps, (rule.min, rule.max), reach).map_err(|error| match error.kind() {
                ErrorKind::OutOfRange => error.with_field("points"),
                _ => error,
            })?;
        let find = |name: &String| -> Result<(String, FoundField)> {
            let found = match &source {
                Source::Activities { kind, .. } => {
                    let kind = kind.as_ref().map(|kind| kind.name.as_str());
                    condition::property(self.schema, kind, name)
                }
                _ => condition::field(self.schema, self.entity_type, name),
            };
            Ok((name.clone(), found.map_err(|error| error.with_field("field"))?))
        };
        let field = rule.field.as_ref().map(find).transpose()?;
        let name = rule.name.clone();
        let most = reach.1;
        Ok((RuleProgram { name, caps, condition, source, field, most }, reach))
    }

    fn record(&self, rule: &ScoreRule) -> Result<(Source, (i64, i64))> {
        let is = |field: &str, value: &Value| {
            condition::check(&equals(field, value), self.schema, self.entity_type)
        };
        let find = |field: &str| condition::field(self.schema, self.entity_type, field);
        let (worth, reach) = worth(rule, is, find)?;
        Ok((Source::Record(worth), reach))
    }

    fn activities(&self, rule: &ScoreRule, kind: &str) -> Result<(Source, (i64, i64))> {
        let judge = |filter: Option<Condition>| {
            let event = EventCondition {
                event: kind.to_owned(),
                within: None,
                from: None,
                until: None,
                filter: filter.map(Box::new),
                measure: Measure::Count(Count::SOME),
            };
            condition::event(self.schema, self.entity_type, &event)
        };
        let test = judge(rule.filter.clone()).map_err(|error| match error.field() {
            Some("event") => error.with_field("activity"),
            Some(place) => {
                let place = place.replacen("where", "filter", 1);
                error.with_field(place)
            }
            None => error,
        })?;
        let named = test.kind.as_ref().map(|kind| kind.name.as_str());
        let find = |name: &str| condition::property(self.schema, named, name);
        let is = |field: &str, value: &Value| {
            let test = judge(Some(equals(field, value))).map_err(|error| {
                let place = error.field().map(|place| place.replacen("where.", "", 1));
                error.with_field(place.unwrap_or_default())
            })?;
            test.filter.ok_or_else(|| invalid("no value to compare with"))
        };
        let (worth, each) = worth(rule, is, find)?;
        let distinct = rule.distinct.as_deref().map(find).transpose();
        let distinct = distinct.map_err(|error| error.with_field("distinct"))?;
        let distinct = distinct.and_then(|found| found.columns.into_iter().next());
        let within = rule.within.as_deref().map(micros).transpose()?;
        let repeat = Repeat {
            distinct,
            per_day: rule.per_day.map(|most| most as usize),
            at_most: rule.at_most.map(|most| most as usize),
            within,
        };
        // No more than a record can have that is evaluated at all.
        let most = match (rule.at_most, within) {
            (Some(most), None) => i64::from(most).min(limits::SCORED_ACTIVITIES as i64),
            _ => limits::SCORED_ACTIVITIES as i64,
        };
        // The caps of the rule bound amounts, whose size nobody knows.
        let most = if matches!(worth, Worth::Amount { .. }) { 1 } else { most };
        let reach = (each.0.saturating_mul(most), each.1.saturating_mul(most));
        let looked_at = test.filter.iter().map(|filter| filter.detail());
        let looked_at = looked_at.chain(repeat.distinct.iter().map(Column::detail));
        let detail = looked_at.chain([worth.detail()]).max().unwrap_or(Detail::Time);
        let (kind, filter) = (test.kind, test.filter);
        Ok((Source::Activities { kind, detail, filter, worth, repeat }, reach))
    }

    fn related(&self, rule: &ScoreRule) -> Result<(Source, (i64, i64))> {
        let Some(related) = &rule.related else { return Err(invalid("nothing is related")) };
        let Some((stored, reach)) = self.known.get(related.model.as_str()) else {
            let error = Error::new(ErrorKind::NotFound, "no such score is published")
                .with_field("related.model");
            return Err(match nearest(&related.model, self.known.keys().copied()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("publish it first, with scores.publish"),
            });
        };
        let asked = RelatedCondition {
            related: related.related.clone(),
            inverse: related.inverse,
            entity_type: Some(stored.model.entity_type.clone()),
            role: None,
            filter: None,
            count: Count::SOME,
        };
        let test = condition::related(self.schema, self.entity_type, &asked)
            .map_err(|error| within("related", error))?;
        let (figure, most) = match related.figure {
            ScoreFigure::Sum => (Figure::Sum, limits::SCORED_RELATED as i64),
            ScoreFigure::Max => (Figure::Max, 1),
            ScoreFigure::Min => (Figure::Min, 1),
            ScoreFigure::Average => (Figure::Average, 1),
        };
        let reach = (reach.0.saturating_mul(most), reach.1.saturating_mul(most));
        let model = Named { id: stored.id, name: stored.model.name.clone() };
        Ok((Source::Related { test, model, figure }, reach))
    }
}

fn equals(field: &str, value: &Value) -> Condition {
    Condition::Field(FieldCondition {
        field: field.to_owned(),
        op: Operator::Eq,
        value: Operand::One(value.clone()),
        missing: false,
    })
}

/// What a rule is worth, and the least and the most that once can give.
fn worth<C>(
    rule: &ScoreRule,
    is: impl Fn(&str, &Value) -> Result<C>,
    find: impl Fn(&str) -> Result<FoundField>,
) -> Result<(Worth<C>, (i64, i64))> {
    let points = rule.points * POINT;
    let Some(field) = &rule.field else {
        return Ok((Worth::Constant(points), (points, points)));
    };
    let Some(per) = rule.per else {
        let mut choices = Vec::new();
        for (place, choice) in rule.values.iter().enumerate() {
            let made = is(field, &choice.value).map_err(|error| match error.field() {
                Some("value") => error.with_field(format!("values[{place}].value")),
                _ => error.with_field("field"),
            })?;
            choices.push((made, choice.points * POINT));
        }
        let all = || choices.iter().map(|(_, points)| *points).chain([points]);
        let reach = (all().min().unwrap_or(0), all().max().unwrap_or(0));
        return Ok((Worth::Values(choices, points), reach));
    };
    let found = find(field).map_err(|error| error.with_field("field"))?;
    let mut columns = found.columns.into_iter();
    let column = columns.next().ok_or_else(|| invalid("it has no size").with_field("field"))?;
    let (code, scale) = match found.kind {
        Kind::Integer | Kind::Rating | Kind::Real => (None, 0),
        Kind::Decimal => (None, found.scale.unwrap_or(0)),
        Kind::Money => {
            let code = rule.currency.as_ref().or(found.currency.as_ref()).ok_or_else(|| {
                Error::new(ErrorKind::Required, "amounts are in a currency").with_field("currency")
            })?;
            let (code, exponent) = currency(code).map_err(|error| error.with_field("currency"))?;
            (columns.next().map(|column| (column, code.to_owned())), exponent)
        }
        kind => {
            let message = format!("values of kind {} have no size", kind.name());
            return Err(Error::new(ErrorKind::WrongKind, message).with_field("field"));
        }
    };
    if rule.currency.is_some() && code.is_none() {
        return Err(invalid("only money has a currency").with_field("currency"));
    }
    let per = i128::from(per) * 10i128.pow(scale.into());
    let caps = to_caps(rule.min, rule.max);
    let reach = if caps.min <= 0 && caps.max >= 0 { (caps.min, caps.max) } else { (0, 0) };
    Ok((Worth::Amount { column, currency: code, points, per }, reach))
}
