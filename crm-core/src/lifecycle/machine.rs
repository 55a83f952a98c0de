//! The machine as tables: what each stage is, one bit a stage, and what a move does from there.
//!
//! A decision is a few operations on words of 64 bits, however many stages there are; it looks up no
//! name and allocates nothing, so that a history of millions of moves can be replayed in memory. The
//! invariant: this is the only place that decides; the engine adds names and words to it.

use super::{Stage, StageKind, SuppressedBy};
use crate::{Error, ErrorKind, Result, limits};

/// How a move comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// A person, or the host, makes it.
    Manual,
    /// A trigger makes it.
    Automatic,
    /// A person, or the host, puts the record back.
    Reset,
}

/// Where a record stands; stages by their place in the definition, from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StagePlace {
    /// The stage; `None` while it has not entered any.
    pub stage: Option<u8>,
    /// The furthest ordered stage of this cycle.
    pub reached: Option<u8>,
    /// The ordered stage on which it stood last; none once it was lost and then left for beside the way.
    pub last: Option<u8>,
    /// How often it began.
    pub cycle: u32,
    /// Whether it was lost, and has come to no ordered stage since: what goes on is a new cycle.
    pub is_lost: bool,
}

/// What a move does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageDecision {
    /// It stands there already.
    Unchanged,
    /// It enters the stage.
    Enter {
        /// Where it stands from then on.
        place: StagePlace,
        /// The ordered stages that it skips, one bit a stage.
        implied: u64,
    },
    /// An automatic move that is not made.
    Suppressed(SuppressedBy),
    /// A move by hand that may not be made.
    Refused(MoveRefusal),
}

/// Why a person may not make a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveRefusal {
    /// The stage lies before the present one: only a reset leads back.
    Earlier,
    /// Only triggers lead to the stage.
    OnlyAutomatic,
    /// A reset leads back, and this stage is no earlier one.
    NotBack,
}

/// The moves of a lifecycle as tables: what decides, for a record in memory, what a move does. Guards,
/// required attributes and reasons are asked by the engine.
///
/// ```
/// use crm_core::{LifecyclePreset, MoveKind, StageDecision, StageMachine, StagePlace};
///
/// let stages = LifecyclePreset::Deal.definition().stages;
/// let machine = StageMachine::new(&stages)?;
/// let won = machine.decide(StagePlace::default(), 4, MoveKind::Manual);
/// let StageDecision::Enter { place, implied } = won else { panic!() };
/// assert_eq!((place.cycle, place.stage), (1, Some(4)));
/// assert_eq!(implied, 0b1111, "the four before it are skipped");
/// # Ok::<(), crm_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageMachine {
    count: u8,
    ordered: u64,
    lost: u64,
    /// Out of which only people lead.
    held: u64,
    only_automatic: u64,
}

impl StageMachine {
    /// The machine of these stages, in their order.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 64 stages.
    pub fn new(stages: &[Stage]) -> Result<Self> {
        let count = u8::try_from(stages.len()).ok().filter(|_| stages.len() <= limits::STAGES);
        let count = count.ok_or_else(|| {
            let message = format!("at most {} stages", limits::STAGES);
            Error::new(ErrorKind::LimitExceeded, message).with_field("stages")
        })?;
        let bits = |is: fn(&Stage) -> bool| {
            let all = stages.iter().enumerate();
            all.fold(0, |bits, (place, stage)| bits | (u64::from(is(stage)) << place))
        };
        Ok(Self {
            count,
            ordered: bits(|stage| stage.kind.is_ordered()),
            lost: bits(|stage| stage.kind == StageKind::Lost),
            held: bits(|stage| !stage.kind.is_ordered() && !stage.automatic_exit),
            only_automatic: bits(|stage| stage.only_automatic),
        })
    }

    /// How many stages there are.
    #[must_use]
    pub const fn stages(&self) -> u8 {
        self.count
    }

    /// What a move to the stage at `to` does. A stage past the last one is none that is lost, beside
    /// the way or ordered, and nothing can be said of it.
    #[must_use]
    #[inline]
    pub const fn decide(&self, at: StagePlace, to: u8, by: MoveKind) -> StageDecision {
        debug_assert!(to < self.count, "a stage of this lifecycle");
        let is_at = match at.stage {
            Some(stage) => bit(stage),
            None => 0,
        };
        let target = bit(to);
        if is_at == target {
            return StageDecision::Unchanged;
        }
        if matches!(by, MoveKind::Reset) {
            // Where it stands in the order, or stood before it left.
            let is_back = match if at.last.is_none() { at.reached } else { at.last } {
                Some(last) if is_at & self.ordered == 0 => to <= last,
                Some(_) | None => match at.stage {
                    Some(stage) => is_at & self.ordered != 0 && to < stage,
                    None => false,
                },
            };
            return match is_back && target & self.ordered != 0 {
                true => {
                    let place =
                        StagePlace { stage: Some(to), last: Some(to), is_lost: false, ..at };
                    StageDecision::Enter { place, implied: 0 }
                }
                false => StageDecision::Refused(MoveRefusal::NotBack),
            };
        }
        let is_automatic = matches!(by, MoveKind::Automatic);
        if !is_automatic && target & self.only_automatic != 0 {
            return StageDecision::Refused(MoveRefusal::OnlyAutomatic);
        }
        if is_automatic && is_at & self.held != 0 {
            return StageDecision::Suppressed(SuppressedBy::Exit);
        }
        if target & self.ordered == 0 {
            let cycle = if at.cycle == 0 { 1 } else { at.cycle };
            // That it was lost is not forgotten beside the way: it goes on from no stage.
            let was_lost = is_at & self.lost != 0;
            let last = if was_lost && target & self.lost == 0 { None } else { at.last };
            let is_lost = at.is_lost || was_lost || target & self.lost != 0;
            let place = StagePlace { stage: Some(to), last, cycle, is_lost, ..at };
            return StageDecision::Enter { place, implied: 0 };
        }
        // A lost record begins anew; one beside the way goes on from where it was, if it was not lost.
        let is_new = is_at & self.lost != 0 || at.is_lost;
        let first = match at.last {
            Some(last) if !is_new => {
                if to < last {
                    return match is_automatic {
                        true => StageDecision::Suppressed(SuppressedBy::Earlier),
                        false => StageDecision::Refused(MoveRefusal::Earlier),
                    };
                }
                last + 1
            }
            _ => 0,
        };
        let implied = self.ordered & (target - 1) & from(first);
        let reached = match at.reached {
            Some(reached) if !is_new && reached > to => reached,
            _ => to,
        };
        let cycle = at.cycle + if is_new || at.cycle == 0 { 1 } else { 0 };
        let (stage, reached, last) = (Some(to), Some(reached), Some(to));
        let place = StagePlace { stage, reached, last, cycle, is_lost: false };
        StageDecision::Enter { place, implied }
    }
}

const fn bit(place: u8) -> u64 {
    1 << (place & 63)
}

/// The bits from a place on.
const fn from(place: u8) -> u64 {
    if place > 63 { 0 } else { u64::MAX << place }
}
