//! How what is being done came about: the rules that led to it, one after the other.
//!
//! Each event carries its chain, and so does whatever follows from it. That a rule runs once in a
//! chain, and that a chain has a longest, is what ends every round that the check of the definitions
//! cannot see.

use std::{collections::HashSet, sync::Arc};

use crate::{RecordId, RecordRef, RuleStep, SkippedRun, limits, rule::RuleProgram};

/// The rules that led to something; none if a write of the host did.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Chain(Option<Arc<Link>>);

#[derive(Debug)]
struct Link {
    rule: i64,
    step: RuleStep,
    cause: String,
    above: Chain,
    length: usize,
}

/// What rules did because of one write.
#[derive(Debug, Default)]
pub(in crate::engine) struct Tally {
    /// How many ran because of other rules.
    pub(super) runs: usize,
    /// The runs that were skipped and are told already.
    pub(super) skipped: HashSet<(i64, Option<RecordId>, SkippedRun)>,
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
        Self(Some(Arc::new(Link {
            rule: program.model.id,
            step,
            cause: program.cause.clone(),
            above: self.clone(),
            length: self.len() + 1,
        })))
    }

    /// The cause of what is changed now; `None` if no rule led to it.
    pub(in crate::engine) fn cause(&self) -> Option<&str> {
        self.0.as_ref().map(|link| link.cause.as_str())
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
        } else if self.0.is_some() && tally.runs >= limits::RULE_RUNS {
            Some(SkippedRun::TooMany)
        } else {
            None
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.length)
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(self.0.as_deref(), |link| link.above.0.as_deref())
    }
}
