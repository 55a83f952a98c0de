//! What a move does to where a record stands, by name, and how the changes of the journal make it.
//!
//! Deciding looks at the definition; folding does not, for a change says all that is new. So the
//! tables can be made from the journal alone, whatever the definition has become since.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Lifecycle, MoveKind, MoveRefusal, StageCause, StageDecision, StageMachine, StagePlace,
    SuppressedBy,
};
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

/// Decides what a move to the stage at `to` does. `was_lost` says of a record that came to no ordered
/// stage whether it was lost: of others the row tells.
///
/// # Errors
///
/// `Refused` if a person may not move there; `InvalidArgument` if a reset would go forward; without a
/// field.
pub(crate) fn decide(
    lifecycle: &Lifecycle,
    standing: Option<&StandingRow>,
    was_lost: bool,
    to: usize,
    by: MoveKind,
) -> Result<Decision> {
    let machine = StageMachine::new(&lifecycle.stages)?;
    let place = |name: &Option<String>| {
        let place = name.as_deref().and_then(|name| lifecycle.place(name));
        place.and_then(|place| u8::try_from(place).ok())
    };
    let at = standing.map_or_else(StagePlace::default, |standing| StagePlace {
        stage: place(&standing.stage),
        reached: place(&standing.reached),
        last: place(&standing.last),
        cycle: standing.cycle,
        is_lost: was_lost || (standing.last.is_none() && standing.reached.is_some()),
    });
    let no_stage = || Error::new(ErrorKind::Internal, "a stage past the last one");
    let nth = u8::try_from(to).ok().filter(|to| *to < machine.stages()).ok_or_else(no_stage)?;
    Ok(match machine.decide(at, nth, by) {
        StageDecision::Unchanged => Decision::Unchanged,
        StageDecision::Suppressed(by) => Decision::Suppressed(by),
        StageDecision::Refused(refusal) => return Err(words(refusal)),
        StageDecision::Enter { place, implied } => Decision::Enter(Entry {
            to,
            implied: (0..to).filter(|place| implied & (1 << place) != 0).collect(),
            cycle: place.cycle,
            reached: place.reached.map(usize::from),
            last: place.last.map(usize::from),
        }),
    })
}

fn words(refusal: MoveRefusal) -> Error {
    match refusal {
        MoveRefusal::Earlier => {
            Error::new(ErrorKind::Refused, "the stage lies before the present one")
                .with_hint("only lifecycles.reset leads back, with a reason")
        }
        MoveRefusal::OnlyAutomatic => {
            Error::new(ErrorKind::Refused, "only triggers lead to this stage")
        }
        MoveRefusal::NotBack => {
            Error::new(ErrorKind::InvalidArgument, "a reset leads back to an earlier stage")
                .with_hint("move it with lifecycles.move")
        }
    }
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
    /// The trigger that led there.
    #[serde(flatten)]
    pub(crate) by: TriggerPlace,
}

/// Which trigger did something: its place in a version of the definition. Both are unknown where none
/// did, and in changes that were made before they were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TriggerPlace {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trigger: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i64>,
}

impl TriggerPlace {
    /// That of the body of a change; unknown where it says none, and where it cannot be read.
    pub(crate) fn read(json: Option<&str>) -> Self {
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
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
    /// The trigger that would have led there.
    #[serde(flatten)]
    pub(crate) from: TriggerPlace,
    /// The attributes that the stage needs and that had no value, if that is why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) missing: Vec<String>,
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

/// The body of a change that says of a stay that it lasted too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OverdueBody {
    pub(crate) stage: String,
    pub(crate) entered_at: Timestamp,
    pub(crate) within: String,
    /// When that time was over.
    pub(crate) at: Timestamp,
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
    use crate::{DefineLifecycle, LifecyclePreset, Stage, StageKind};

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

    /// A record that is led through stages, as text: `cycle:stage(reached)`; and whether it ever was
    /// lost.
    struct Walk(Lifecycle, StandingRow, bool);

    impl Walk {
        fn go(&mut self, to: &str, how: MoveKind) -> Result<Decision> {
            let Self(lifecycle, row, was_lost) = self;
            let standing = Some(&*row).filter(|row| row.stage.is_some());
            let place = lifecycle.place(to).unwrap();
            let is_asked = *was_lost && row.reached.is_none();
            let decision = decide(lifecycle, standing, is_asked, place, how)?;
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
                    by: TriggerPlace::default(),
                };
                row.enter(&body, 1);
                *was_lost |= lifecycle.stages[place].kind == StageKind::Lost;
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
        Walk(lifecycle(LifecyclePreset::Contact.definition()), StandingRow::new(1, id, id), false)
    }

    fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn automation_goes_forward_only_and_a_reset_keeps_the_high_water_mark() {
        let mut walk = walk();
        let Decision::Enter(entry) = walk.go("mql", MoveKind::Automatic).unwrap() else { panic!() };
        assert_eq!(entry.implied, [0, 1], "what was skipped is stamped");
        assert_eq!(walk.go("mql", MoveKind::Automatic).unwrap(), Decision::Unchanged);
        let earlier = Decision::Suppressed(SuppressedBy::Earlier);
        assert_eq!(walk.go("lead", MoveKind::Automatic).unwrap(), earlier);
        assert_eq!(kind(walk.go("lead", MoveKind::Manual)), ErrorKind::Refused);
        assert_eq!(kind(walk.go("sql", MoveKind::Reset)), ErrorKind::InvalidArgument);
        assert_eq!(kind(walk.go("other", MoveKind::Reset)), ErrorKind::InvalidArgument);
        walk.go("opportunity", MoveKind::Manual).unwrap();
        walk.go("lead", MoveKind::Reset).unwrap();
        assert_eq!(walk.state(), "1:lead(opportunity)");
        walk.go("mql", MoveKind::Automatic).unwrap();
        assert_eq!(walk.state(), "1:mql(opportunity)");
    }

    #[test]
    fn a_win_back_begins_a_cycle_and_what_lies_beside_the_way_does_not() {
        let mut walk = walk();
        walk.go("customer", MoveKind::Manual).unwrap();
        walk.go("churned", MoveKind::Automatic).unwrap();
        assert_eq!(walk.state(), "1:churned(customer)");
        let Decision::Enter(entry) = walk.go("lead", MoveKind::Automatic).unwrap() else {
            panic!()
        };
        assert_eq!((entry.cycle, entry.implied.as_slice()), (2, [0].as_slice()));
        assert_eq!(walk.state(), "2:lead(lead)");
        walk.go("other", MoveKind::Manual).unwrap();
        let held = Decision::Suppressed(SuppressedBy::Exit);
        assert_eq!(walk.go("mql", MoveKind::Automatic).unwrap(), held);
        assert_eq!(kind(walk.go("subscriber", MoveKind::Manual)), ErrorKind::Refused);
        walk.go("mql", MoveKind::Manual).unwrap();
        assert_eq!(walk.state(), "2:mql(mql)");
        // A mistake is taken back within the cycle.
        walk.go("disqualified", MoveKind::Manual).unwrap();
        assert_eq!(kind(walk.go("sql", MoveKind::Reset)), ErrorKind::InvalidArgument);
        walk.go("mql", MoveKind::Reset).unwrap();
        assert_eq!(walk.state(), "2:mql(mql)");
        walk.go("disqualified", MoveKind::Manual).unwrap();
        assert_eq!(walk.go("customer", MoveKind::Automatic).unwrap(), held);
        walk.go("lead", MoveKind::Manual).unwrap();
        assert_eq!(walk.state(), "3:lead(lead)");
        // That it was lost is not forgotten beside the way.
        walk.go("customer", MoveKind::Manual).unwrap();
        walk.go("churned", MoveKind::Manual).unwrap();
        walk.go("other", MoveKind::Manual).unwrap();
        assert_eq!(walk.state(), "3:other(customer)");
        walk.go("customer", MoveKind::Reset).unwrap();
        assert_eq!(walk.state(), "3:customer(customer)");
        walk.go("churned", MoveKind::Manual).unwrap();
        walk.go("other", MoveKind::Manual).unwrap();
        walk.go("churned", MoveKind::Manual).unwrap();
        walk.go("other", MoveKind::Manual).unwrap();
        walk.go("mql", MoveKind::Manual).unwrap();
        assert_eq!(walk.state(), "4:mql(mql)");
    }

    #[test]
    fn a_first_entry_may_be_beside_the_way() {
        let mut walk = walk();
        assert_eq!(kind(walk.go("lead", MoveKind::Reset)), ErrorKind::InvalidArgument);
        walk.go("other", MoveKind::Automatic).unwrap();
        assert_eq!(walk.state(), "1:other()");
        walk.go("lead", MoveKind::Manual).unwrap();
        assert_eq!(walk.state(), "1:lead(lead)");
    }

    #[test]
    fn who_was_lost_before_any_stage_begins_a_new_cycle_wherever_it_stood_since() {
        for beside in [&[][..], &["other"], &["other", "churned", "dormant", "other"]] {
            for first in [&[][..], &["other"]] {
                let mut walk = walk();
                for stage in first.iter().chain(&["disqualified"]).chain(beside) {
                    walk.go(stage, MoveKind::Manual).unwrap();
                    assert_eq!(walk.state(), format!("1:{stage}()"));
                }
                walk.go("lead", MoveKind::Manual).unwrap();
                assert_eq!(walk.state(), "2:lead(lead)");
            }
        }
    }

    #[test]
    fn people_do_not_lead_where_only_triggers_do() {
        let only = Stage { only_automatic: true, ..Stage::new("b") };
        let definition = DefineLifecycle::new("l", "contact", [Stage::new("a"), only]);
        let mut walk = Walk(lifecycle(definition), walk().1, false);
        assert_eq!(kind(walk.go("b", MoveKind::Manual)), ErrorKind::Refused);
        walk.go("b", MoveKind::Automatic).unwrap();
        walk.go("a", MoveKind::Reset).unwrap();
        assert_eq!(walk.state(), "1:a(b)");
    }
}
