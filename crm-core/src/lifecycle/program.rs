//! A lifecycle made ready to run: its conditions judged against the schema, its names looked up.
//!
//! A program is made whenever the definitions change, and never fails after that: what it names was
//! there when it was made, and definitions that would break it are refused.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::{
    Lifecycle, LifecycleModel,
    check::{fixed_span, invalid, within},
};
use crate::{
    Condition, Count, Error, ErrorKind, RelatedCondition, RelatedStage, Result, Span,
    condition::{
        self, Checked, Named, Node, Parts, Reach, RelatedTest, Schema, Way, depends_on_time,
    },
    normal::name::nearest,
};

/// The programs of all lifecycles in use.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    pub(crate) all: Vec<Program>,
    /// The entity types whose records concern one of them.
    types: HashSet<String>,
}

/// A lifecycle in use, ready to run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) model: Arc<LifecycleModel>,
    /// The guard of each stage.
    pub(crate) guards: Vec<Option<Checked>>,
    /// The places of the attributes that each stage needs.
    pub(crate) required: Vec<Vec<usize>>,
    /// The times in which a record is to leave each stage: in microseconds, and as defined.
    pub(crate) targets: Vec<Vec<(i64, String)>>,
    /// In the order in which they are asked: by the stage that they lead to, those beside the way last.
    pub(crate) triggers: Vec<Trigger>,
}

#[derive(Debug)]
pub(crate) struct Trigger {
    /// Its place in the definition.
    pub(crate) place: usize,
    pub(crate) to: usize,
    pub(crate) on: On,
    pub(crate) condition: Option<Checked>,
    /// At which other records the condition and the guard of the stage look, if the trigger looks at a
    /// state.
    pub(crate) reach: Option<Reach>,
    /// The numbers of the lifecycles at whose stages it looks, if it looks at a state.
    pub(crate) reads: BTreeSet<i64>,
    /// Whether time alone may make the condition, or the guard of the stage, true, or begin the
    /// association by which a record is related.
    pub(crate) is_timed: bool,
    /// What it asks for beyond the row of the record; with the guard, if it looks at a state.
    pub(crate) needs: Needs,
    pub(crate) reason: Option<String>,
}

impl Trigger {
    /// The span without activities that sets it off.
    pub(crate) fn inactivity(&self) -> Option<Parts> {
        match self.on {
            On::Inactivity(span) => Some(span),
            _ => None,
        }
    }

    /// The association by which it looks at related records, and whether from its other end.
    pub(crate) fn association(&self) -> Option<(&Named, bool)> {
        match &self.on {
            On::Related { test, .. } => match &test.way {
                Way::Association { association, inverse, .. } => Some((association, *inverse)),
                Way::Reference(_) | Way::Referring(_) => None,
            },
            _ => None,
        }
    }

    /// Whether it looks at a state of the record, and not at something that happens.
    pub(crate) const fn is_state(&self) -> bool {
        matches!(self.on, On::Condition | On::Inactivity(_))
    }
}

/// What sets a trigger off.
#[derive(Debug)]
pub(crate) enum On {
    Condition,
    /// Nothing happened for a span.
    Inactivity(Parts),
    Activity {
        /// The kind; every kind if it is left out.
        kind: Option<i64>,
        filter: Option<Box<Node>>,
    },
    Related {
        test: RelatedTest,
        lifecycle: String,
        /// The stages by which the other one counts as having reached it.
        stages: Vec<String>,
        only_primary: bool,
    },
}

/// What a condition asks for beyond the row of the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) activities: bool,
    pub(crate) related: bool,
    pub(crate) stages: bool,
    pub(crate) scores: bool,
    pub(crate) segments: bool,
}

impl Needs {
    fn of(condition: &Condition) -> Self {
        let mut needs = Self::default();
        needs.add(condition);
        needs
    }

    fn add(&mut self, condition: &Condition) {
        match condition {
            Condition::Event(_) => self.activities = true,
            Condition::Related(_) => self.related = true,
            Condition::Stage(_) => self.stages = true,
            Condition::Score(_) => self.scores = true,
            Condition::Segment(_) => self.segments = true,
            _ => {}
        }
        for part in condition.nested() {
            self.add(part);
        }
    }
}

impl Programs {
    pub(crate) fn add(&mut self, program: Program) {
        self.types.insert(program.model.lifecycle.entity_type.clone());
        for trigger in &program.triggers {
            if let On::Related { test, .. } = &trigger.on {
                self.types.extend(test.types.iter().map(|named| named.name.clone()));
            }
            let places = trigger.reach.iter().flat_map(|reach| &reach.places);
            self.types.extend(places.map(|place| place.entity_type.clone()));
        }
        self.all.push(program);
    }

    /// Whether a record of this type, what happens with it or its associations may move one.
    pub(crate) fn concern(&self, entity_type: &str) -> bool {
        self.types.contains(entity_type)
    }

    /// The places of the programs of an entity type.
    pub(crate) fn of_type<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is_of_type = move |program: &Program| program.model.lifecycle.entity_type == name;
        let all = self.all.iter().enumerate();
        all.filter(move |(_, program)| is_of_type(program)).map(|(place, _)| place)
    }
}

impl Program {
    /// Judges a lifecycle; `find` gives another one by its name.
    ///
    /// # Errors
    ///
    /// As [`condition::check`], and `UnknownAttribute`, `UnknownType`, `UnknownOption`, `NotFound`
    /// or `Archived`; the field is the path, such as `stages[2].guard.all[0].field`.
    pub(crate) fn new<'a>(
        model: Arc<LifecycleModel>,
        schema: &dyn Schema,
        find: &dyn Fn(&str) -> Option<&'a Lifecycle>,
        names: &[&str],
    ) -> Result<Self> {
        let lifecycle = &model.lifecycle;
        let name = &lifecycle.entity_type;
        let entity_type = schema.entity_type(name).ok_or_else(|| {
            let error =
                Error::new(ErrorKind::UnknownType, "no such entity type").with_field("type");
            match nearest(name, schema.entity_types().into_iter()) {
                Some(near) => error.with_hint(format!("did you mean {near:?}?")),
                None => error.with_hint("define it with types.define"),
            }
        })?;
        let (mut guards, mut required, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = Vec::new();
        for (place, stage) in lifecycle.stages.iter().enumerate() {
            let path = format!("stages[{place}]");
            let guard = stage.guard.as_ref();
            let guard = guard.map(|guard| condition::check(guard, schema, name)).transpose();
            guards.push(guard.map_err(|error| within(&format!("{path}.guard"), error))?);
            let mut own = Vec::new();
            for (nth, attribute) in stage.required.iter().enumerate() {
                let found = entity_type.attribute(attribute);
                let found =
                    found.map_err(|error| error.with_field(format!("{path}.required[{nth}]")))?;
                own.push(entity_type.place(found));
            }
            if stage.kind.is_ordered() {
                before.extend(own);
                own = before.clone();
            }
            required.push(own);
            let own = stage.leave_within.iter();
            targets.push(
                own.map(|text| Ok((fixed_span(text)?, text.clone()))).collect::<Result<_>>()?,
            );
        }
        let mut triggers = Vec::new();
        for place in 0..lifecycle.triggers.len() {
            let made = make(lifecycle, place, schema, find, names);
            triggers.push(made.map_err(|error| within(&format!("triggers[{place}]"), error))?);
        }
        for trigger in triggers.iter_mut().filter(|trigger: &&mut Trigger| trigger.is_state()) {
            let guard = guards[trigger.to].as_ref();
            let asked = || trigger.condition.iter().chain(guard);
            let is_timed = asked().any(|condition| depends_on_time(&condition.root))
                || matches!(trigger.on, On::Inactivity(_));
            // A move that the guard held back is made as soon as the guard lets it pass.
            let places: Vec<_> = asked().flat_map(|asked| Reach::of(asked).places).collect();
            trigger.reads = places.iter().flat_map(|place| place.reads.stages.clone()).collect();
            let is_around = places.iter().any(|place| !place.hops.is_empty());
            trigger.is_timed = is_timed;
            trigger.reach = is_around.then_some(Reach { places });
            if let Some(guard) = &lifecycle.stages[trigger.to].guard {
                trigger.needs.add(guard);
            }
        }
        for trigger in &mut triggers {
            // An association may begin on a day to come.
            trigger.is_timed |= trigger.association().is_some();
        }
        triggers.sort_by_key(|trigger: &Trigger| {
            (!lifecycle.stages[trigger.to].kind.is_ordered(), trigger.to)
        });
        Ok(Self { model, guards, required, targets, triggers })
    }

    /// Whether the passing of time alone may do something about a record.
    pub(crate) fn is_timed(&self) -> bool {
        self.targets.iter().any(|targets| !targets.is_empty())
            || self.triggers.iter().any(|trigger| trigger.is_timed)
    }
}

fn make<'a>(
    lifecycle: &Lifecycle,
    place: usize,
    schema: &dyn Schema,
    find: &dyn Fn(&str) -> Option<&'a Lifecycle>,
    names: &[&str],
) -> Result<Trigger> {
    let (entity_type, trigger) = (&lifecycle.entity_type, &lifecycle.triggers[place]);
    let to = lifecycle.stage(&trigger.to, "to")?;
    let on = match (&trigger.activity, &trigger.related) {
        (Some(kind), _) => {
            let filter = trigger.filter.as_ref();
            let (kind, filter) =
                condition::happening(schema, entity_type, kind, filter, "activity")?;
            On::Activity { kind, filter }
        }
        (None, Some(related)) => {
            let on = related_stage(schema, entity_type, related, find, names);
            on.map_err(|error| within("related", error))?
        }
        (None, None) => match &trigger.inactive_for {
            Some(span) => On::Inactivity(span.parse::<Span>()?.parts()?),
            None => On::Condition,
        },
    };
    let condition = trigger.condition.as_ref();
    let checked = condition.map(|condition| condition::check(condition, schema, entity_type));
    let checked = checked.transpose().map_err(|error| within("where", error))?;
    let is_state = matches!(on, On::Condition | On::Inactivity(_));
    if is_state && checked.as_ref().is_some_and(|checked| checked.root.asks_for_consent()) {
        // What the ledger says changes without a write to the record, or by time alone.
        let message = "a trigger that waits for a state does not ask for consent";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field("where")
            .with_hint("ask for it in the guard of the stage, or where an activity sets it off"));
    }
    Ok(Trigger {
        place,
        to,
        on,
        reach: None,
        reads: BTreeSet::new(),
        is_timed: false,
        condition: checked,
        needs: condition.map(Needs::of).unwrap_or_default(),
        reason: trigger.reason.clone(),
    })
}

/// Looks up a stage that related records must have reached, seen from this entity type.
///
/// # Errors
///
/// `NotFound`, `UnknownOption`, `UnknownAttribute`, `UnknownType`, `Archived` or `InvalidArgument`;
/// the field is the path within `related`.
pub(crate) fn related_stage<'a>(
    schema: &dyn Schema,
    entity_type: &str,
    related: &RelatedStage,
    find: &dyn Fn(&str) -> Option<&'a Lifecycle>,
    names: &[&str],
) -> Result<On> {
    let other = find(&related.lifecycle).ok_or_else(|| {
        let error = Error::new(ErrorKind::NotFound, "no such lifecycle").with_field("lifecycle");
        match nearest(&related.lifecycle, names.iter().copied()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint("define it with lifecycles.define"),
        }
    })?;
    let place = other.stage(&related.stage, "stage")?;
    let asked = RelatedCondition {
        related: related.related.clone(),
        inverse: related.inverse,
        entity_type: Some(other.entity_type.clone()),
        role: None,
        filter: None,
        count: Count::SOME,
    };
    let test = condition::related(schema, entity_type, &asked)?;
    let is_association = matches!(test.way, Way::Association { .. });
    if related.only_primary && !is_association {
        let message = "only associations are primary or not";
        return Err(invalid(message).with_field("only_primary"));
    }
    let stages = other.reaching(place).map(|place| other.stages[place].name.clone()).collect();
    let (lifecycle, only_primary) = (related.lifecycle.clone(), related.only_primary);
    Ok(On::Related { test, lifecycle, stages, only_primary })
}
