//! Rules: when something happens with a record and a condition holds, do this.
//!
//! A definition (`definition`) is judged when it is saved (`check`) and made into a program (`program`),
//! whose names are looked up and whose conditions are ready. `cycle` finds rules that set each other
//! off for ever, also by way of what follows (`follow`). `runs` is what the journal keeps of each
//! time that a rule ran, or would have run and did not. The invariants: a rule runs at most once in
//! one chain of causes; it never makes the write fail that set it off; and nothing leaves the
//! engine: a host acts on the events that it reads.

mod check;
mod cycle;
mod definition;
mod follow;
mod program;
mod requests;
mod runs;

pub(crate) use check::check_rule;
pub(crate) use cycle::{SetOff, check_rule_cycles, set_off};
pub use definition::{
    AddPoints, ChangeMembership, CreateTask, DefineRule, DefinedRule, EmitEvent, MoveToStage,
    OnActivity, OnAttribute, OnDate, OnOverdue, OnScore, OnSegment, OnStage, Rule, RuleAction,
    RuleTrigger, SetAttribute,
};
pub(crate) use definition::{RuleModel, read_rule, rule_json};
pub(crate) use follow::Around;
pub(crate) use program::{Act, RuleOn, RuleProgram, RulePrograms, Task};
pub use requests::{GetRule, ListRuleRuns, RuleName, RuleSimulation, SimulateRule, SimulatedRun};
pub use runs::{
    ActionOutcome, ActionResult, RuleEvent, RuleEventKind, RuleRun, RuleRunPage, RuleStep,
    SkippedRun,
};
pub(crate) use runs::{EmittedBody, RunBody, body_owner};
