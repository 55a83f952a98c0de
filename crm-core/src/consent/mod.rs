//! Consent: what a person allowed, refused and took back, as a ledger of events and never as a flag.
//!
//! `event` is what the ledger holds, `definition` what it is about: channels, parties, purposes,
//! notices and policies, with the ready-made ones in `preset`. `ledger` folds the events of a
//! person, `carried` keeps what restricts when one of their records goes, `rule` is what a purpose
//! asks of them on a channel, and `decide` answers whether we may. `receipt` makes a document of it
//! for the person, `proof` one for whoever doubts a decision.
//!
//! The invariants: the answer depends on the set of events and not on their order; a grant counts only
//! against the withdrawals that it names, so that one that was not known when it was given still wins;
//! and what nobody allowed is denied. Every rule that a country makes is data. None of it is legal
//! advice.

mod answer;
mod book;
mod carried;
mod check;
mod decide;
mod definition;
mod event;
mod ledger;
mod people;
mod preference;
mod preset;
mod processing;
mod proof;
mod receipt;
mod request;
mod rule;
#[cfg(test)]
mod tests;
mod words;

pub use answer::{
    ConsentDecision, ConsentStatus, DecisionReason, DenyReason, ManyDecisions, RecordDecision,
};
pub(crate) use book::{Book, NoticeModel};
pub(crate) use carried::{left_behind, stricter};
pub(crate) use check::{
    check_channel, check_evidence, check_lifted, check_new, check_notice, check_party,
    check_policy, check_purpose, check_text, contact_point, has_one_spelling, is_own_act, language,
    no_notice, present_form,
};
pub(crate) use decide::{Question, decide};
pub use definition::{
    Channel, ChannelRule, ConsentDefinitions, ConsentPolicy, ConsentRegime, ContactCap,
    ContactPressure, Medium, Notice, NoticeSummary, Party, PartyRole, PublishNotice, Purpose,
    QuietHours,
};
pub(crate) use event::named;
pub use event::{
    BasisFacts, ConsentEvent, ConsentEvidence, ConsentKind, ConsentMethod, ContactFrequency,
    LegalBasis, ShownNotice,
};
pub(crate) use ledger::{Entry, Key, Ledger, Permit, Proof};
pub use people::{GetLinkedPeople, LinkPeople, LinkedPeople, PersonLink};
pub use preference::{
    ChannelPreference, GetPreferences, PreferenceChoice, Preferences, PurposePreference,
    SetPreferences,
};
pub use preset::ConsentPreset;
pub use processing::{DataCategory, Processing};
pub use proof::{CheckProof, CheckedProof, ConsentProof, ProveDecision};
pub(crate) use proof::{
    Document as ProofDocument, FORMAT as PROOF_FORMAT, check as check_document,
};
pub use receipt::{ConsentReceipt, GetReceipt, ReceiptFormat, ReceiptedConsent};
pub(crate) use receipt::{ReceiptFacts, Terms, open_files, receipt};
pub use request::{
    ConfirmConsent, ConsentHistory, ConsentOutcome, ConsentReport, ConsentRequest, DecideMany,
    GetConsents, GetNotice, MailHeader, MayContact, NewConsent, NewUnsubscribeLink,
    RecordConsentUses, RecordConsents, RequestConsent, SweepConsents, SweptConsents, Unsubscribe,
    UnsubscribeLink, Unsubscribed, UseConsent,
};
pub(crate) use rule::Rule;
