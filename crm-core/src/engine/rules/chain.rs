//! How what is being done came about: the rules that led to it, one after the other.
//!
//! Each event carries its chain, and so does whatever follows from it. That a rule runs once in a
//! chain, and that a chain has a longest, is what ends every round that the check of the definitions
//! cannot see.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{RecordId, RecordRef, RuleStep, SkippedRun, limits, rule::RuleProgram};

/// The first cause of something, and the rules that led from there to it; none if what happened first
/// did.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Chain {
    /// The number of the first cause: see [`Tally::begin`].
    first: u64,
    last: Option<Arc<Link>>,
}

#[derive(Debug)]
struct Link {
    rule: i64,
    step: RuleStep,
    cause: String,
    above: Chain,
    length: usize,
}

/// What rules did because of each first cause: of a write, of a row of a batch, and of each event that
/// scores and segments told without a rule before it. What one of them leads to is bounded by itself, so
/// that many rows at once are not.
#[derive(Debug, Default)]
pub(in crate::engine) struct Tally {
    /// First causes so far.
    begun: u64,
    by_first: HashMap<u64, Led>,
}

/// What one first cause led to.
#[derive(Debug, Default)]
struct Led {
    /// How many ran because of other rules.
    runs: usize,
    /// The runs that were skipped and are told already.
    skipped: HashSet<(i64, Option<RecordId>, SkippedRun)>,
}

impl Tally {
    /// The chain of another first cause, which has led to nothing yet.
    pub(in crate::engine) fn begin(&mut self) -> Chain {
        self.begun += 1;
        Chain { first: self.begun, last: None }
    }

    /// All that followed is done.
    pub(in crate::engine) fn forget(&mut self) {
        self.by_first.clear();
    }

    /// A rule runs at the end of this chain.
    pub(super) fn ran(&mut self, chain: &Chain) {
        if !chain.is_empty() {
            self.by_first.entry(chain.first).or_default().runs += 1;
        }
    }

    /// Notes that a rule did not run at the end of this chain; answers whether that is to be told.
    pub(super) fn note_skipped(
        &mut self,
        chain: &Chain,
        rule: i64,
        record: RecordId,
        why: SkippedRun,
    ) -> bool {
        // Of too many, there may be any number.
        let record = (why != SkippedRun::TooMany).then_some(record);
        self.by_first.entry(chain.first).or_default().skipped.insert((rule, record, why))
    }

    fn runs(&self, chain: &Chain) -> usize {
        self.by_first.get(&chain.first).map_or(0, |led| led.runs)
    }
}

impl Chain {
    /// The chain that goes on with a run of this rule.
    pub(super) fn with(&self, program: &RuleProgram, record: RecordId) -> Self {
        let rule = &program.model.rule;
        let step = RuleStep {
            rule: rule.name.clone(),
            version: rule.version,
            record: RecordRef::new(rule.entity_type.as_str(), record),
        };
        let link = Link {
            rule: program.model.id,
            step,
            cause: program.cause.clone(),
            above: self.clone(),
            length: self.len() + 1,
        };
        Self { first: self.first, last: Some(Arc::new(link)) }
    }

    /// The cause of what is changed now; `None` if no rule led to it.
    pub(in crate::engine) fn cause(&self) -> Option<&str> {
        self.last.as_ref().map(|link| link.cause.as_str())
    }

    /// The rules, the first one first.
    pub(super) fn steps(&self) -> Vec<RuleStep> {
        let mut steps: Vec<RuleStep> = self.links().map(|link| link.step.clone()).collect();
        steps.reverse();
        steps
    }

    /// Why a rule may not run from here, as far as the chain says.
    pub(super) fn refuses(&self, rule: i64, tally: &Tally) -> Option<SkippedRun> {
        if self.links().any(|link| link.rule == rule) {
            Some(SkippedRun::Repeated)
        } else if self.len() >= limits::RULE_CHAIN {
            Some(SkippedRun::TooDeep)
        } else if !self.is_empty() && tally.runs(self) >= limits::RULE_RUNS {
            Some(SkippedRun::TooMany)
        } else {
            None
        }
    }

    /// Whether no rule led here.
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    fn len(&self) -> usize {
        self.last.as_ref().map_or(0, |link| link.length)
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(self.last.as_deref(), |link| link.above.last.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go_on(chain: &Chain, rule: i64) -> Chain {
        let record = RecordRef::new("contact", RecordId::from_bytes([1; 16]));
        let step = RuleStep { rule: format!("r{rule}"), version: 1, record };
        let (cause, above, length) = (String::new(), chain.clone(), chain.len() + 1);
        Chain {
            first: chain.first,
            last: Some(Arc::new(Link { rule, step, cause, above, length })),
        }
    }

    #[test]
    fn what_one_first_cause_leads_to_is_bounded_and_the_next_one_begins_anew() {
        let mut tally = Tally::default();
        let first = tally.begin();
        let (one, other) = (go_on(&first, 1), go_on(&first, 2));
        for nth in 0..limits::RULE_RUNS {
            assert_eq!(one.refuses(3, &tally), None);
            tally.ran(if nth % 2 == 0 { &one } else { &other });
        }
        // What other rules led to has come to its end, whichever these were.
        for chain in [&one, &other] {
            assert_eq!(chain.refuses(3, &tally), Some(SkippedRun::TooMany));
        }
        assert_eq!(first.refuses(3, &tally), None);
        let next = go_on(&tally.begin(), 1);
        assert_eq!(next.refuses(3, &tally), None);
        assert_eq!(next.refuses(1, &tally), Some(SkippedRun::Repeated));
        // That it were too many is told once, anything else of each record.
        let [ann, bob] = [1, 2].map(|byte| RecordId::from_bytes([byte; 16]));
        assert!(tally.note_skipped(&one, 3, ann, SkippedRun::TooMany));
        assert!(!tally.note_skipped(&other, 3, bob, SkippedRun::TooMany));
        assert!(tally.note_skipped(&next, 3, bob, SkippedRun::TooMany));
        assert!(tally.note_skipped(&one, 3, ann, SkippedRun::Repeated));
        assert!(tally.note_skipped(&one, 3, bob, SkippedRun::Repeated));
        assert!(!tally.note_skipped(&one, 3, bob, SkippedRun::Repeated));
    }
}
