//! Privacy: what of the file is about a person, and what becomes of it.
//!
//! [`inventory`] knows every table, [`suppression`] what must not come back, [`told`] what the
//! journal says of it, [`retention`] how long what is kept, [`special`] what attributes are
//! processed for. The invariant: no table of the file is missing in the inventory, so that neither
//! access nor erasure can overlook one; and what is remembered of an erasure says nothing about the
//! person to anybody who does not know them.

pub(crate) mod access;
pub(crate) mod inventory;
pub(crate) mod register;
mod request;
pub(crate) mod retention;
pub(crate) mod special;
pub(crate) mod suppression;
pub(crate) mod told;

pub use access::{AccessData, AccessReport, AccessScope, AccessTable};
pub use register::{GetRegister, ProcessingRegister, RegisterEntry};
pub use request::{
    AppliedErasures, ApplyErasures, BlockerReason, EraseSubject, ErasedProof, ErasedSubject,
    ErasedTable, Erasure, ErasureBlocker, ErasureDefinition, ErasureEffect, ErasureList,
    ErasureMention, ErasurePlan, ErasureReason, KeptFacts, KeptProof, LiftSuppression,
    LiftedSuppression, ListErasures, ListProofs, MentionKind, PlanErasure, ProofPage,
};
pub use retention::{
    DueForReview, ListDueForReview, Retention, RetentionName, RetentionStart, ReviewPage,
};
