//! Scores and live segments that ask for each other in a circle.
//!
//! What a record scores may hang on a segment, and who is in a segment on a score. Both are kept live,
//! so a circle of them would have no answer that stays: whoever comes into the segment scores so that
//! he has to leave it. The invariant: no such circle is saved. A snapshot and a static segment end one,
//! for their members do not follow from what they ask; so does a lifecycle, whose records go forward
//! only and stay where they are when a guard no longer holds.

use std::collections::{HashMap, HashSet};

use crate::{
    Condition, Error, ErrorKind, SegmentKind,
    condition::Reach,
    scoring::{ScoreProgram, StoredModel},
    segment::{SegmentModel, SegmentProgram},
};

/// A score or a live segment, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Asker<'a> {
    Score(&'a str),
    Segment(&'a str),
}

impl std::fmt::Display for Asker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Score(name) => write!(f, "score {name:?}"),
            Self::Segment(name) => write!(f, "segment {name:?}"),
        }
    }
}

/// A published score or a segment, by the place of its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follower {
    Score(usize),
    Segment(usize),
}

/// All of them in an order in which what is asked for comes before what asks, so that one pass sees
/// each write's effect on all.
pub(crate) fn followers(scores: &[ScoreProgram], segments: &[SegmentProgram]) -> Vec<Follower> {
    fn visit(
        follower: Follower,
        of: &(&[ScoreProgram], &[SegmentProgram]),
        seen: &mut Vec<Follower>,
        order: &mut Vec<Follower>,
    ) {
        if seen.contains(&follower) {
            return;
        }
        seen.push(follower);
        let reach: Option<&Reach> = match follower {
            Follower::Score(place) => Some(&of.0[place].reach),
            Follower::Segment(place) => of.1[place].reach.as_ref(),
        };
        for place in reach.into_iter().flat_map(|reach| &reach.places) {
            let is_asked = |program: &ScoreProgram| place.reads.scores.contains(&program.stored.id);
            let scores = of.0.iter().enumerate().filter(|(_, program)| is_asked(program));
            scores.for_each(|(at, _)| visit(Follower::Score(at), of, seen, order));
            let is_asked =
                |program: &SegmentProgram| place.reads.segments.contains(&program.model.id);
            let segments = of.1.iter().enumerate().filter(|(_, program)| is_asked(program));
            segments.for_each(|(at, _)| visit(Follower::Segment(at), of, seen, order));
        }
        order.push(follower);
    }
    let all = (0..scores.len()).map(Follower::Score);
    let (mut seen, mut order) = (Vec::new(), Vec::new());
    for follower in all.chain((0..segments.len()).map(Follower::Segment)) {
        visit(follower, &(scores, segments), &mut seen, &mut order);
    }
    order
}

/// For each what it asks for, with the path to the question.
type Asks<'a> = HashMap<Asker<'a>, Vec<(Asker<'a>, String)>>;

/// Refuses circles among published scores and live segments in use; of the one that it finds, `first`
/// is blamed if it is part of it.
///
/// # Errors
///
/// `InvalidArgument` with who asks, and the path to its question as the field, such as
/// `groups[0].rules[1].where.all[0].segment`.
pub(crate) fn check_circles<'a>(
    scores: &'a [&'a StoredModel],
    segments: &'a [&'a SegmentModel],
    first: Option<Asker<'a>>,
) -> Result<(), (Asker<'a>, Error)> {
    let asks = asks(scores, segments);
    let mut all: Vec<Asker<'a>> = asks.keys().copied().collect();
    // Always the same one is found, and the one that was changed before others.
    all.sort_by_key(|asker| (Some(*asker) != first, *asker));
    let mut done = HashSet::new();
    for start in all {
        let mut way = Vec::new();
        if let Some(round) = walk(start, &asks, &mut way, &mut done) {
            return Err(refuse(&asks, &round, first));
        }
    }
    Ok(())
}

fn asks<'a>(scores: &[&'a StoredModel], segments: &[&'a SegmentModel]) -> Asks<'a> {
    let mut asks = Asks::new();
    for stored in scores {
        let model = &stored.model;
        let mut found = Vec::new();
        for (group_at, group) in model.groups.iter().enumerate() {
            for (rule_at, rule) in group.rules.iter().enumerate() {
                let path = format!("groups[{group_at}].rules[{rule_at}]");
                if let Some(related) = &rule.related {
                    found.push((Asker::Score(&related.model), format!("{path}.related.model")));
                }
                if let Some(condition) = &rule.condition {
                    let own = Some(model.name.as_str());
                    add(condition, format!("{path}.where"), own, &mut found);
                }
            }
        }
        asks.insert(Asker::Score(&model.name), found);
    }
    let is_live =
        |model: &&&SegmentModel| model.is_in_use() && model.segment.kind == SegmentKind::Live;
    for model in segments.iter().filter(is_live) {
        let mut found = Vec::new();
        if let Some(condition) = &model.segment.condition {
            let mut of_type = scores
                .iter()
                .filter(|stored| stored.model.entity_type == model.segment.entity_type)
                .map(|stored| stored.model.name.as_str());
            // A question that names no score means the only one.
            let own = of_type.next().filter(|_| of_type.next().is_none());
            add(condition, "where".to_owned(), own, &mut found);
        }
        asks.insert(Asker::Segment(&model.segment.name), found);
    }
    asks
}

/// Adds what a condition asks for; `own` is the score of a question that names none.
fn add<'a>(
    condition: &'a Condition,
    path: String,
    own: Option<&'a str>,
    found: &mut Vec<(Asker<'a>, String)>,
) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            let word = if matches!(condition, Condition::All(_)) { "all" } else { "any" };
            for (place, part) in parts.iter().enumerate() {
                add(part, format!("{path}.{word}[{place}]"), own, found);
            }
        }
        Condition::Not(part) => add(part, format!("{path}.not"), own, found),
        Condition::Related(related) => {
            if let Some(filter) = &related.filter {
                add(filter, format!("{path}.where"), own, found);
            }
        }
        Condition::Segment(name) => found.push((Asker::Segment(name), format!("{path}.segment"))),
        Condition::Score(score) => {
            let name = score.name.as_deref().map(|name| name.split_once('.').map_or(name, |n| n.0));
            let asked = name.or(own).map(|name| (Asker::Score(name), format!("{path}.score")));
            found.extend(asked);
        }
        _ => {}
    }
}

/// Follows what is asked for; answers a round if there is one.
fn walk<'a>(
    asker: Asker<'a>,
    asks: &Asks<'a>,
    way: &mut Vec<Asker<'a>>,
    done: &mut HashSet<Asker<'a>>,
) -> Option<Vec<Asker<'a>>> {
    if let Some(begin) = way.iter().position(|other| *other == asker) {
        return Some(way[begin..].to_vec());
    }
    if !done.insert(asker) {
        return None;
    }
    way.push(asker);
    for (other, _) in asks.get(&asker).into_iter().flatten() {
        if let Some(round) = walk(*other, asks, way, done) {
            return Some(round);
        }
    }
    way.pop();
    None
}

fn refuse<'a>(
    asks: &Asks<'a>,
    round: &[Asker<'a>],
    first: Option<Asker<'a>>,
) -> (Asker<'a>, Error) {
    let begin = round.iter().position(|asker| Some(*asker) == first).unwrap_or(0);
    let round: Vec<Asker<'_>> = round[begin..].iter().chain(&round[..begin]).copied().collect();
    let next = round[1 % round.len()];
    let question = asks[&round[0]].iter().find(|(other, _)| *other == next);
    let path = question.map_or("where", |(_, path)| path.as_str());
    let names: Vec<String> = round.iter().chain(&round[..1]).map(Asker::to_string).collect();
    let message = format!("they ask for each other in a circle: {}", names.join(" → "));
    let error = Error::new(ErrorKind::InvalidArgument, message)
        .with_field(path)
        .with_hint("let a snapshot, which follows only when it is refreshed, end the circle");
    (round[0], error)
}
