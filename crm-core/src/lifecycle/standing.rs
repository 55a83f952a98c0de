//! The machine: what a move does to where a record stands, and how the changes of the journal make it.
//!
//! Deciding looks at the definition; folding does not, for a change says all that is new. So the
//! tables can be made from the journal alone, whatever the definition has become since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Lifecycle, StageCause, StageKind, SuppressedBy};
use crate::{Error, ErrorKind, RecordId, RecordRef, Result, Timestamp};

/// Where a record stands, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StandingRow {
    /// The number of the lifecycle.
    pub(crate) lifecycle: i64,
    pub(crate) record: RecordId,
    /// Under which the journal keeps its changes.
    pub(crate) id: RecordId,
    pub(crate) stage: Option<String>,
    pub(crate) reached: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) cycle: u32,
    pub(crate) visits: u32,
    pub(crate) entered_at: Option<Timestamp>,
    /// The change that brought it to the stage.
    pub(crate) seq: i64,
}

/// A stay on a stage, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VisitRow {
    pub(crate) number: u32,
    pub(crate) stage: String,
    pub(crate) cycle: u32,
    pub(crate) entered_at: Timestamp,
    pub(crate) exited_at: Option<Timestamp>,
    pub(crate) cause: StageCause,
    pub(crate) reason: Option<String>,
    pub(crate) activity: Option<RecordId>,
    pub(crate) related: Option<RecordRef>,
    pub(crate) seq: i64,
}

/// How a move comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Manual,
    Automatic,
    Reset,
}

/// What a move does, as far as the order of the stages says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It stands there already.
    Unchanged,
    /// It enters the stage.
    Enter(Entry),
    /// An automatic move that is not made.
    Suppressed(SuppressedBy),
}

/// A stage that is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) to: usize,
    /// The ordered stages that are skipped.
    pub(crate) implied: Vec<usize>,
    pub(crate) cycle: u32,
    /// The furthest stage of the cycle from then on.
    pub(crate) reached: Option<usize>,
    /// The last ordered stage from then on.
    pub(crate) last: Option<usize>,
}

/// Decides what a move to the stage at `to` does.
///
/// # Errors
///
/// `Refused` if a person may not move there; `InvalidArgument` if a reset would go forward; without a
/// field.
pub(crate) fn decide(
    lifecycle: &Lifecycle,
    standing: Option<&StandingRow>,
    to: usize,
    how: How,
) -> Result<Decision> {
    let place = |name: &Option<String>| name.as_deref().and_then(|name| lifecycle.place(name));
    let (current, reached, last) = match standing {
        Some(standing) => (place(&standing.stage), place(&standing.reached), place(&standing.last)),
        None => (None, None, None),
    };
    let cycle = standing.map_or(0, |standing| standing.cycle);
    if current == Some(to) {
        return Ok(Decision::Unchanged);
    }
    let target = &lifecycle.stages[to];
    let kind = current.map(|current| lifecycle.stages[current].kind);
    if how == How::Reset {
        // Where it stands in the order, or stood before it left.
        let from = current.filter(|_| kind.is_some_and(StageKind::is_ordered));
        let is_back = match (from, last) {
            (Some(from), _) => to < from,
            (None, Some(last)) => to <= last,
            (None, None) => false,
        };
        if !target.kind.is_ordered() || !is_back {
            let message = "a reset leads back to an earlier stage";
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_hint("move it with lifecycles.move"));
        }
        return Ok(Decision::Enter(Entry {
            to,
            implied: Vec::new(),
            cycle,
            reached,
            last: Some(to),
        }));
    }
    if how == How::Manual && target.only_automatic {
        return Err(Error::new(ErrorKind::Refused, "only triggers lead to this stage"));
    }
    let is_held = current.is_some_and(|current| {
        let stage = &lifecycle.stages[current];
        !stage.kind.is_ordered() && !stage.automatic_exit
    });
    if how == How::Automatic && is_held {
        return Ok(Decision::Suppressed(SuppressedBy::Exit));
    }
    if !target.kind.is_ordered() {
        let (implied, cycle) = (Vec::new(), cycle.max(1));
        return Ok(Decision::Enter(Entry { to, implied, cycle, reached, last }));
    }
    // A lost record begins anew; one beside the way goes on from where it was.
    let is_new = kind == Some(StageKind::Lost);
    let from = last.filter(|_| !is_new);
    if let Some(from) = from
        && to < from
    {
        return match how {
            How::Automatic => Ok(Decision::Suppressed(SuppressedBy::Earlier)),
            _ => Err(Error::new(ErrorKind::Refused, "the stage lies before the present one")
                .with_hint("only lifecycles.reset leads back, with a reason")),
        };
    }
    let first = from.map_or(0, |from| from + 1);
    let implied = (first..to).filter(|place| lifecycle.stages[*place].kind.is_ordered()).collect();
    let cycle = if is_new || cycle == 0 { cycle + 1 } else { cycle };
    let reached = reached.filter(|_| !is_new).map_or(to, |reached| reached.max(to));
    Ok(Decision::Enter(Entry { to, implied, cycle, reached: Some(reached), last: Some(to) }))
}

/// What every change about a standing says of whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageBody<T> {
    pub(crate) lifecycle: String,
    #[serde(rename = "type")]
    pub(crate) entity_type: String,
    pub(crate) id: RecordId,
    #[serde(flatten)]
    pub(crate) change: T,
}

/// The body of a change that brings a record to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryBody {
    pub(crate) to: String,
    pub(crate) at: Timestamp,
    pub(crate) cause: StageCause,
    pub(crate) cycle: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) implied: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reached: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) activity: Option<RecordId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<RecordRef>,
}

/// The body of a change that says of an automatic move that it was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SuppressedBody {
    pub(crate) to: String,
    pub(crate) at: Timestamp,
    pub(crate) by: SuppressedBy,
    pub(crate) cause: StageCause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) activity: Option<RecordId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<RecordRef>,
}

/// The record whose change a body is.
///
/// # Errors
///
/// `Corrupt` if it is not a body of this module.
pub(crate) fn stage_owner(json: &str) -> Result<RecordRef> {
    let body: StageBody<BTreeMap<String, serde_json::Value>> = StageBody::read(json)?;
    Ok(RecordRef::new(body.entity_type, body.id))
}

impl SuppressedBody {
    /// Whether it is the same move, suppressed for the same reason.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (&self.to, self.by, self.cause) == (&other.to, other.by, other.cause)
    }
}

/// The body of a change that gives stages other names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RemapBody {
    pub(crate) map: BTreeMap<String, String>,
}

impl<T: Serialize + for<'a> Deserialize<'a>> StageBody<T> {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a body is always JSON")
    }

    /// # Errors
    ///
    /// `Corrupt` if the text is not what [`Self::to_json`] writes.
    pub(crate) fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a row of the journal cannot be read"))
    }
}

impl StandingRow {
    /// A record that has not entered any stage.
    pub(crate) fn new(lifecycle: i64, record: RecordId, id: RecordId) -> Self {
        Self {
            lifecycle,
            record,
            id,
            stage: None,
            reached: None,
            last: None,
            cycle: 0,
            visits: 0,
            entered_at: None,
            seq: 0,
        }
    }

    /// Brings it to a stage; answers the stays that begin. The one before ends at the same time.
    pub(crate) fn enter(&mut self, entry: &EntryBody, seq: i64) -> Vec<VisitRow> {
        let mut visits = Vec::with_capacity(entry.implied.len() + 1);
        for stage in entry.implied.iter().chain([&entry.to]) {
            self.visits += 1;
            visits.push(VisitRow {
                number: self.visits,
                stage: stage.clone(),
                cycle: entry.cycle,
                entered_at: entry.at,
                exited_at: Some(entry.at),
                cause: StageCause::Implied,
                reason: None,
                activity: None,
                related: None,
                seq,
            });
        }
        if let Some(own) = visits.last_mut() {
            own.exited_at = None;
            own.cause = entry.cause;
            own.reason.clone_from(&entry.reason);
            own.activity = entry.activity;
            own.related.clone_from(&entry.record);
        }
        self.stage = Some(entry.to.clone());
        self.reached.clone_from(&entry.reached);
        self.last.clone_from(&entry.last);
        self.cycle = entry.cycle;
        self.entered_at = Some(entry.at);
        self.seq = seq;
        visits
    }

    /// Gives stages other names.
    pub(crate) fn remap(&mut self, map: &BTreeMap<String, String>) {
        for name in [&mut self.stage, &mut self.reached, &mut self.last].into_iter().flatten() {
            if let Some(becomes) = map.get(name.as_str()) {
                name.clone_from(becomes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DefineLifecycle, LifecyclePreset, Stage};

    fn lifecycle(definition: DefineLifecycle) -> Lifecycle {
        let DefineLifecycle { name, entity_type, stages, .. } = definition;
        let (label, description) = (String::new(), String::new());
        Lifecycle {
            name,
            entity_type,
            label,
            description,
            version: 1,
            stages,
            initial: None,
            triggers: Vec::new(),
            archived_at: None,
        }
    }

    /// A record that is led through stages, as text: `cycle:stage(reached)`.
    struct Walk(Lifecycle, StandingRow);

    impl Walk {
        fn go(&mut self, to: &str, how: How) -> Result<Decision> {
            let Self(lifecycle, row) = self;
            let standing = Some(&*row).filter(|row| row.stage.is_some());
            let decision = decide(lifecycle, standing, lifecycle.place(to).unwrap(), how)?;
            if let Decision::Enter(entry) = &decision {
                let name = |place: usize| lifecycle.stages[place].name.clone();
                let body = EntryBody {
                    to: name(entry.to),
                    at: Timestamp::UNIX_EPOCH,
                    cause: StageCause::Manual,
                    cycle: entry.cycle,
                    implied: entry.implied.iter().copied().map(name).collect(),
                    reached: entry.reached.map(name),
                    last: entry.last.map(name),
                    reason: None,
                    activity: None,
                    record: None,
                };
                row.enter(&body, 1);
            }
            Ok(decision)
        }

        fn state(&self) -> String {
            let part = |name: &Option<String>| name.clone().unwrap_or_default();
            let row = &self.1;
            format!("{}:{}({})", row.cycle, part(&row.stage), part(&row.reached))
        }
    }

    fn walk() -> Walk {
        let id = RecordId::from_bytes([1; 16]);
        Walk(lifecycle(LifecyclePreset::Contact.definition()), StandingRow::new(1, id, id))
    }

    fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn automation_goes_forward_only_and_a_reset_keeps_the_high_water_mark() {
        let mut walk = walk();
        let Decision::Enter(entry) = walk.go("mql", How::Automatic).unwrap() else { panic!() };
        assert_eq!(entry.implied, [0, 1], "what was skipped is stamped");
        assert_eq!(walk.go("mql", How::Automatic).unwrap(), Decision::Unchanged);
        let earlier = Decision::Suppressed(SuppressedBy::Earlier);
        assert_eq!(walk.go("lead", How::Automatic).unwrap(), earlier);
        assert_eq!(kind(walk.go("lead", How::Manual)), ErrorKind::Refused);
        assert_eq!(kind(walk.go("sql", How::Reset)), ErrorKind::InvalidArgument);
        assert_eq!(kind(walk.go("other", How::Reset)), ErrorKind::InvalidArgument);
        walk.go("opportunity", How::Manual).unwrap();
        walk.go("lead", How::Reset).unwrap();
        assert_eq!(walk.state(), "1:lead(opportunity)");
        walk.go("mql", How::Automatic).unwrap();
        assert_eq!(walk.state(), "1:mql(opportunity)");
    }

    #[test]
    fn a_win_back_begins_a_cycle_and_what_lies_beside_the_way_does_not() {
        let mut walk = walk();
        walk.go("customer", How::Manual).unwrap();
        walk.go("churned", How::Automatic).unwrap();
        assert_eq!(walk.state(), "1:churned(customer)");
        let Decision::Enter(entry) = walk.go("lead", How::Automatic).unwrap() else { panic!() };
        assert_eq!((entry.cycle, entry.implied.as_slice()), (2, [0].as_slice()));
        assert_eq!(walk.state(), "2:lead(lead)");
        walk.go("other", How::Manual).unwrap();
        let held = Decision::Suppressed(SuppressedBy::Exit);
        assert_eq!(walk.go("mql", How::Automatic).unwrap(), held);
        assert_eq!(kind(walk.go("subscriber", How::Manual)), ErrorKind::Refused);
        walk.go("mql", How::Manual).unwrap();
        assert_eq!(walk.state(), "2:mql(mql)");
        // A mistake is taken back within the cycle.
        walk.go("disqualified", How::Manual).unwrap();
        assert_eq!(kind(walk.go("sql", How::Reset)), ErrorKind::InvalidArgument);
        walk.go("mql", How::Reset).unwrap();
        assert_eq!(walk.state(), "2:mql(mql)");
        walk.go("disqualified", How::Manual).unwrap();
        assert_eq!(walk.go("customer", How::Automatic).unwrap(), held);
        walk.go("lead", How::Manual).unwrap();
        assert_eq!(walk.state(), "3:lead(lead)");
    }

    #[test]
    fn a_first_entry_may_be_beside_the_way() {
        let mut walk = walk();
        assert_eq!(kind(walk.go("lead", How::Reset)), ErrorKind::InvalidArgument);
        walk.go("other", How::Automatic).unwrap();
        assert_eq!(walk.state(), "1:other()");
        walk.go("lead", How::Manual).unwrap();
        assert_eq!(walk.state(), "1:lead(lead)");
    }

    #[test]
    fn people_do_not_lead_where_only_triggers_do() {
        let only = Stage { only_automatic: true, ..Stage::new("b") };
        let definition = DefineLifecycle::new("l", "contact", [Stage::new("a"), only]);
        let mut walk = Walk(lifecycle(definition), walk().1);
        assert_eq!(kind(walk.go("b", How::Manual)), ErrorKind::Refused);
        walk.go("b", How::Automatic).unwrap();
        walk.go("a", How::Reset).unwrap();
        assert_eq!(walk.state(), "1:a(b)");
    }
}
