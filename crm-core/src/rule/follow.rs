//! What follows from the actions of a rule by way of other definitions, whatever else a record has.
//!
//! A live segment has a record as its member, or not, as soon as what was written alone decides its
//! condition. A task that is made is counted by a roll-up. A trigger whose condition is surely true
//! leads a record out of the stage on which the rule found it, as far as the order of stages lets it. All
//! else hangs on the data, which may well end a round, and does not follow here.

use crate::{
    cell::Cell,
    condition::{Known, Node, RECORD_COLUMNS, decide},
    formula::{Aggregate, Of, Plan},
    lifecycle::{On, Program, Programs, Trigger},
    schema::TypeModel,
    segment::SegmentPrograms,
};

use super::program::{Act, RuleOn, RuleProgram, Write};

/// The definitions beside the rules.
pub(crate) struct Around<'a> {
    pub(crate) segments: Option<&'a SegmentPrograms>,
    pub(crate) lifecycles: Option<&'a Programs>,
    /// Each with the name of its attribute.
    pub(crate) rollups: Vec<(&'a str, &'a Plan)>,
    /// The type of tasks.
    pub(crate) tasks: Option<&'a TypeModel>,
}

impl Around<'_> {
    fn lifecycle(&self, id: i64) -> Option<&Program> {
        self.lifecycles.iter().flat_map(|programs| &programs.all).find(|of| of.model.id == id)
    }

    /// Whether a trigger leads to a stage.
    pub(super) fn has_trigger(&self, lifecycle: i64, stage: usize) -> bool {
        let found = self.lifecycle(lifecycle);
        found.is_some_and(|of| of.triggers.iter().any(|trigger| trigger.to == stage))
    }

    /// Whether automatic moves lead from each of two stages to the other. In order they only go forward,
    /// so that a round of moves has a stage beside it, from and to which they lead.
    pub(super) fn lead_back(&self, lifecycle: i64, one: usize, other: usize) -> bool {
        self.lifecycle(lifecycle).is_some_and(|of| {
            let lifecycle = &of.model.lifecycle;
            lifecycle.leads(one, other) && lifecycle.leads(other, one)
        })
    }
}

/// What is otherwise once an action is done.
#[derive(Clone, PartialEq)]
pub(super) struct Effect {
    pub(super) write: Write,
    /// What lies between, such as `segment "german"`; `None` if the action writes it itself.
    pub(super) by: Option<String>,
    /// Whether it is otherwise each time that the action is done: what is told of a new task, and what
    /// counts tasks.
    pub(super) repeats: bool,
    /// The moves without which it is not surely so; none if it is so without any.
    pub(super) moves: Vec<Write>,
}

/// What each action of a rule brings about: what it writes, and what follows from that and from what the
/// actions before it have written, as soon as it does.
pub(super) fn effects(program: &RuleProgram, around: &Around<'_>) -> Vec<Vec<Effect>> {
    let written = |count: usize| {
        let acts = program.actions.iter().zip(&program.writes).take(count);
        acts.filter(|(act, _)| !matches!(act, Act::Task(_))).flat_map(|(_, writes)| writes)
    };
    let mut before = Vec::new();
    let mut all = Vec::new();
    for (nth, (act, writes)) in program.actions.iter().zip(&program.writes).enumerate() {
        let repeats = matches!(act, Act::Task(_));
        let direct =
            |write: &Write| Effect { write: write.clone(), by: None, repeats, moves: Vec::new() };
        let mut effects: Vec<Effect> = writes.iter().map(direct).collect();
        if let Act::Task(task) = act {
            effects.extend(task.association.iter().flat_map(|(name, leads_from_task)| {
                counted(program, name, *leads_from_task, writes, around)
            }));
            effects.extend(around.tasks.into_iter().flat_map(|tasks| {
                let mut after = After::new(&tasks.name, writes.iter(), writes.iter());
                joined(&tasks.name, &mut after, true, around)
            }));
        } else {
            let of_type = &program.model.rule.entity_type;
            let mut after = After::new(of_type, written(nth + 1), written(usize::MAX));
            let mut now = joined(of_type, &mut after, false, around);
            now.extend(led_on(program, &after, around));
            effects.extend(now.iter().filter(|effect| !before.contains(*effect)).cloned());
            before = now;
        }
        all.push(effects);
    }
    all
}

/// The roll-ups that surely count a task that a rule makes.
fn counted<'a>(
    program: &'a RuleProgram,
    association: &'a str,
    leads_from_task: bool,
    writes: &'a [Write],
    around: &'a Around<'a>,
) -> impl Iterator<Item = Effect> + 'a {
    let of_type = &program.model.rule.entity_type;
    let counts = move |(_, plan): &&(&str, &Plan)| {
        let Of::Related { association: of, inverse, types, role: None, .. } = &plan.of else {
            return false;
        };
        let task = around.tasks.filter(|tasks| types.iter().any(|named| named.id == tasks.id));
        let is_so = |filter: &Node| {
            task.is_some_and(|task| decide(filter, &new_record(task, writes)) == Some(true))
        };
        plan.entity_type.name == *of_type
            && plan.aggregate == Aggregate::Count
            && of.name == association
            && *inverse == leads_from_task
            && task.is_some()
            && plan.filter.as_ref().is_none_or(|filter| is_so(&filter.node))
    };
    around.rollups.iter().filter(counts).map(|(name, plan)| {
        let (entity_type, name) = (plan.entity_type.name.clone(), (*name).to_owned());
        let by = Some(format!("roll-up {name:?}"));
        let (place, first, width, cells) = (plan.place, 0, 0, None);
        let write = Write::Attribute { entity_type, place, name, first, width, cells };
        Effect { write, by, repeats: true, moves: Vec::new() }
    })
}

/// A record that was just made with these values.
fn new_record(model: &TypeModel, writes: &[Write]) -> Known {
    let mut known = Known::default();
    add(&mut known, writes.iter(), &model.name);
    for attribute in &model.attributes {
        let is_written = writes.iter().any(|write| {
            matches!(write, Write::Attribute { entity_type, name, .. }
                if *entity_type == model.name && name == attribute.name())
        });
        if !is_written {
            let places = attribute.span().map(|place| RECORD_COLUMNS.len() + place);
            known.cells.extend(places.map(|place| (place, Cell::Null)));
        }
    }
    known
}

/// What is known of a record after an action.
struct After {
    here: Known,
    /// When the rule is done.
    at_end: Known,
    /// Here, if no move was made.
    unmoved: Known,
    /// The moves of the rule.
    moves: Vec<Write>,
}

impl After {
    /// Of a record of this type, after what was written up to here, of all that a rule writes.
    fn new<'w>(
        of_type: &str,
        here: impl Iterator<Item = &'w Write>,
        all: impl Iterator<Item = &'w Write> + Clone,
    ) -> Self {
        let (here, at_end) = (known(here, of_type), known(all.clone(), of_type));
        let unmoved = Known { stages: Vec::new(), ..here.clone() };
        let moves = all.filter(|write| matches!(write, Write::Stage { .. })).cloned().collect();
        Self { here, at_end, unmoved, moves }
    }

    /// What a condition surely is because of what was written, and still when the rule is done.
    fn decide(&self, asked: &Node) -> Option<bool> {
        let is = decide(asked, &self.here).filter(|is| decide(asked, &self.at_end) == Some(*is));
        is.filter(|_| decide(asked, &Known::default()).is_none())
    }

    /// The moves of which one must be made that conditions are so.
    fn moves_for(&self, asked: &[&Node], is: bool) -> Vec<Write> {
        let is_unmoved = asked.iter().all(|asked| decide(asked, &self.unmoved) == Some(is));
        if is_unmoved { Vec::new() } else { self.moves.clone() }
    }

    /// Adds whether it is a member of a segment; `moves` if that hangs on them.
    fn join(&mut self, segment: i64, is: bool, moves: &[Write]) {
        if moves.is_empty() {
            self.unmoved.segments.push((segment, is));
        }
        self.here.segments.push((segment, is));
        self.at_end.segments.push((segment, is));
    }
}

/// The live segments in which a record surely is, or is no more, which is then known of it.
fn joined(of_type: &str, after: &mut After, repeats: bool, around: &Around<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    // Those that others ask for come first.
    for segment in around.segments.iter().flat_map(|segments| &segments.all) {
        let is_live = segment.reach.is_some() && segment.model.segment.entity_type == of_type;
        let Some(asked) = segment.checked.as_ref().filter(|_| is_live) else { continue };
        let Some(is) = after.decide(&asked.root) else { continue };
        let (segment, name) = (segment.model.id, segment.model.name());
        let moves = after.moves_for(&[&asked.root], is);
        after.join(segment, is, &moves);
        let by = Some(format!("segment {name:?}"));
        let write = Write::Member { segment, is_member: is };
        effects.push(Effect { write, by, repeats, moves });
    }
    effects
}

/// The move that a trigger makes out of the stage on which a rule found the record.
fn led_on<'a>(program: &RuleProgram, after: &After, around: &'a Around<'a>) -> Option<Effect> {
    let RuleOn::Stage { lifecycle, stage: Some(stage), is_left: false } = program.on else {
        return None;
    };
    let is_moved = program
        .writes
        .iter()
        .flatten()
        .any(|write| matches!(write, Write::Stage { lifecycle: of, .. } if *of == lifecycle));
    let found = around.lifecycle(lifecycle).filter(|_| !is_moved)?;
    let stages = &found.model.lifecycle.stages;
    let asked = |trigger: &'a Trigger| -> Vec<&'a Node> {
        let guard = &found.guards[trigger.to];
        trigger.condition.iter().chain(guard).map(|asked| &asked.root).collect()
    };
    let leads = found.triggers.iter().find(|trigger| {
        matches!(trigger.on, On::Condition)
            && found.model.lifecycle.leads(stage, trigger.to)
            && found.required[trigger.to].is_empty()
            && asked(trigger).into_iter().all(|asked| after.decide(asked) == Some(true))
    })?;
    let (to, name) = (leads.to, stages[leads.to].name.clone());
    let by = Some(format!("lifecycle {:?}", found.model.name()));
    let moves = after.moves_for(&asked(leads), true);
    Some(Effect { write: Write::Stage { lifecycle, to, name }, by, repeats: false, moves })
}

/// Whether something happens in each turn of a round again, because something of the `turn` undoes it.
/// What is not known does so if `in_doubt`.
pub(super) fn is_anew<'e>(
    effect: &Effect,
    turn: impl Iterator<Item = &'e Effect> + Clone,
    around: &Around<'_>,
    in_doubt: bool,
) -> bool {
    let mut others = turn.clone().map(|other| &other.write);
    let is_made = |write: &Write| is_made_anew(write, turn.clone(), around);
    if effect.repeats {
        return true;
    }
    if !effect.moves.is_empty() && !effect.moves.iter().any(is_made) {
        return false;
    }
    match &effect.write {
        Write::Attribute { entity_type, place, cells: Some(cells), .. } => others.any(|other| {
            matches!(other, Write::Attribute { entity_type: of, place: at, cells: others, .. }
                    if of == entity_type
                        && at == place
                        && others.as_ref().map_or(in_doubt, |others| others != cells))
        }),
        // What a formula gives may stay what it was.
        Write::Attribute { .. } => in_doubt,
        write @ Write::Stage { .. } => is_made(write),
        Write::Member { segment, is_member } => others.any(|other| {
            matches!(other, Write::Member { segment: of, is_member: is }
                    if of == segment && is != is_member)
        }),
        Write::Points { model, is_down } => {
            in_doubt
                || others.any(|other| {
                    matches!(other, Write::Points { model: of, is_down: is }
                            if of == model && is != is_down)
                })
        }
    }
}

/// Whether a move can be made in each turn again: the turn leads to another stage, and from there back.
fn is_made_anew<'e>(
    write: &Write,
    mut turn: impl Iterator<Item = &'e Effect>,
    around: &Around<'_>,
) -> bool {
    let Write::Stage { lifecycle, to, .. } = write else { return false };
    turn.any(|other| {
        matches!(&other.write, Write::Stage { lifecycle: of, to: other, .. }
            if of == lifecycle && other != to && around.lead_back(*lifecycle, *to, *other))
    })
}

/// What records of an entity type have after all of this was written, as far as that is known.
pub(super) fn known<'w>(writes: impl Iterator<Item = &'w Write>, of_type: &str) -> Known {
    let mut known = Known::default();
    add(&mut known, writes, of_type);
    known
}

/// Adds what is written, of which the last holds.
fn add<'w>(known: &mut Known, writes: impl Iterator<Item = &'w Write>, of_type: &str) {
    for write in writes {
        match write {
            Write::Attribute { entity_type, first, cells, width, .. } if entity_type == of_type => {
                let first = RECORD_COLUMNS.len() + first;
                known.cells.retain(|(place, _)| !(first..first + width).contains(place));
                let cells = cells.iter().flatten().cloned().enumerate();
                known.cells.extend(cells.map(|(nth, cell)| (first + nth, cell)));
            }
            Write::Stage { lifecycle, name, .. } => {
                known.stages.retain(|(of, _)| of != lifecycle);
                known.stages.push((*lifecycle, name.clone()));
            }
            Write::Member { segment, is_member } => {
                known.segments.retain(|(of, _)| of != segment);
                known.segments.push((*segment, *is_member));
            }
            Write::Attribute { .. } | Write::Points { .. } => {}
        }
    }
}
