//! Lifecycles: the ordered stages of a relationship, and where each record stands on them.
//!
//! A definition (`definition`, `preset`) is judged when it is saved (`check`, `cycle`) and made
//! into a program (`program`), whose conditions are ready to be evaluated. `machine` decides what a
//! move does; `standing` says it by name and folds the changes of the journal. `funnel`, `words`
//! and `draw` tell of it. The invariants: a record stands on one stage of a lifecycle at a time;
//! within a cycle it goes forward only, unless a person resets it and says why; and an automatic
//! move that is not made is recorded, never silent.

mod answers;
mod asked;
mod check;
mod cycle;
mod definition;
mod draw;
mod flywheel;
mod funnel;
mod machine;
mod preset;
mod program;
mod reachable;
mod reads;
mod requests;
mod standing;
mod words;

pub use answers::{
    LifecycleHistory, MovedStage, OverdueStage, StageCause, StageEntry, StageVisit, Standing,
    SuppressedBy, SuppressedMove,
};
pub(crate) use check::{check_definition, check_reason, fixed_span, within};
pub(crate) use cycle::{LedOn, check_cycles, led_on};
pub use definition::{
    DefineLifecycle, DefinedLifecycle, Lifecycle, RelatedStage, Stage, StageKind, StageLack,
    StageMapping, StageRemap, StageTrigger,
};
pub(crate) use definition::{LifecycleModel, lifecycle_json, read_lifecycle};
pub(crate) use draw::{draw, trigger_text};
pub(crate) use flywheel::{Arrival, FlywheelFold};
pub use flywheel::{Flywheel, GetFlywheel, StageFriction, WinBack};
pub(crate) use funnel::{FunnelFold, micros, part, stage_times};
pub use machine::{MoveKind, MoveRefusal, StageDecision, StageMachine, StagePlace};
pub use preset::{DefineLifecyclePreset, LifecyclePreset};
pub(crate) use program::{Needs, On, Program, Programs, Trigger, related_stage};
pub(crate) use reachable::check_reachable;
pub use reads::{
    Acceptance, AcceptanceBreach, DrawLifecycle, Drawing, DrawingFormat, ExplainStage, FindStuck,
    Funnel, FunnelStage, GetAcceptance, GetFunnel, GetStageTimes, NextStage, StageExplanation,
    StageTime, StageTimes, StuckPage, StuckRecord, TriggerAnswer,
};
pub use requests::{GetLifecycle, GetLifecycleHistory, LifecycleName, MoveStage, ResetStage};
pub(crate) use standing::{
    Decision, Entry, EntryBody, OverdueBody, RemapBody, StageBody, StandingRow, SuppressedBody,
    TriggerPlace, VisitRow, decide, stage_owner,
};
pub(crate) use words::{By, Told, trigger_name, words};
