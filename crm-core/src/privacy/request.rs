//! What is asked of erasure, and what is answered. No answer holds what somebody stored.

use serde::{Deserialize, Serialize};

use crate::{
    ConsentKind, ConsentMethod, LegalBasis, RecordId, RecordRef, Timestamp, consent::named,
    record::default_page, shape::debug,
};

named! {
    /// Why a person is erased, after Art. 17(1) of the GDPR.
    ErasureReason {
        /// The person asked for it, and nothing speaks against it.
        Requested = "requested",
        /// The data is no longer needed: Art. 17(1)(a).
        NoLongerNeeded = "no_longer_needed",
        /// The person withdrew the consent it rested on: Art. 17(1)(b).
        ConsentWithdrawn = "consent_withdrawn",
        /// The person objected: Art. 17(1)(c).
        Objected = "objected",
        /// It was processed unlawfully: Art. 17(1)(d).
        Unlawful = "unlawful",
        /// A law orders it: Art. 17(1)(e).
        LegalDuty = "legal_duty",
        /// It was collected from a child: Art. 17(1)(f).
        Child = "child",
    }

    /// What becomes of the rows of a table.
    ErasureEffect {
        /// They go.
        Deleted = "deleted",
        /// Their content goes, and the place stays, so that the journal can be verified.
        Redacted = "redacted",
        /// They stay.
        Kept = "kept",
    }

    /// What speaks against an erasure.
    BlockerReason {
        /// A record in use refers to the person by an attribute that must have a value.
        RequiredReference = "required_reference",
        /// The ledger says that processing is restricted: whoever restricted it may need the data, Art.
        /// 18(1)(b) and (c). Lift the restriction first.
        Restricted = "restricted",
    }

    /// How a record that belongs to somebody else names the person.
    MentionKind {
        /// An attribute refers to the person. It is cleared.
        Reference = "reference",
        /// An association leads to or from the person. It goes.
        Association = "association",
        /// An activity of the record has the person as a participant. The link goes, the activity
        /// stays; of the journal goes what the row says that names a role.
        Activity = "activity",
        /// An attribute with an index, or a consent, holds a contact point of the person. It stays, and is
        /// not suppressed.
        ContactPoint = "contact_point",
        /// The record is the same person, as links say. It stays, and what the person restricted
        /// through the one that goes is carried over to it, without what showed it.
        SamePerson = "same_person",
        /// A roll-up of the record, other than a count, reads records of the person's type, and the
        /// person was among those. It is calculated without; what the history of the record says of
        /// it, and of what is calculated from it, goes with all else that the same changes say.
        Rollup = "rollup",
    }
}

/// Says what an erasure would do: the request of `privacy.plan_erasure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanErasure {
    /// The person: a record, archived or not.
    pub subject: RecordRef,
    /// Until when proof of consent is kept depends on the present; now if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
}

impl PlanErasure {
    /// What erasing this record would do now.
    #[must_use]
    pub const fn new(subject: RecordRef) -> Self {
        Self { subject, at: None }
    }
}

/// What an erasure would do: the answer of `privacy.plan_erasure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasurePlan {
    /// The person.
    pub subject: RecordRef,
    /// What becomes of which tables, by name: those with rows of the person, and those that stay for a
    /// reason that is worth knowing.
    pub tables: Vec<ErasedTable>,
    /// What speaks against it; as long as there is any, the erasure is refused.
    pub blockers: Vec<ErasureBlocker>,
    /// Records of others that name the person, up to 1,000.
    pub mentions: Vec<ErasureMention>,
    /// Proof of consent that stays without contact point and evidence, because a policy keeps it:
    /// Art. 17(3)(b) and (e).
    pub proofs: Vec<KeptProof>,
    /// Contact points that are suppressed from then on.
    pub contact_points: u64,
    /// Stored files that nobody else uses and that go.
    pub files: u64,
    /// Definitions that name a contact point of the person, or a text of at least four letters that is
    /// unique to the record: a segment that asks for an e-mail address, say. They stay as they are, and
    /// so does what the journal says of them: change what should not name the person any more.
    pub definitions: Vec<ErasureDefinition>,
}

/// A definition that names the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasureDefinition {
    /// The table, as [the storage format](storage-format.md) has it, such as `crm_segment`.
    pub table: String,
    /// Its name there; an attribute is named with its type: `contact.city`.
    pub name: String,
}

/// What becomes of the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasedTable {
    /// The table, as [the storage format](storage-format.md) has it.
    pub table: String,
    /// How many of its rows belong to the person.
    pub rows: u64,
    /// What becomes of them.
    pub effect: ErasureEffect,
    /// What stays, and why.
    pub reason: Option<String>,
}

/// Something that speaks against an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasureBlocker {
    /// What.
    pub reason: BlockerReason,
    /// The record that refers to the person, or the event of the ledger's own person.
    pub record: RecordRef,
    /// The attribute that refers to the person.
    pub attribute: Option<String>,
}

/// A record of somebody else's that names the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasureMention {
    /// How.
    pub kind: MentionKind,
    /// The record.
    pub record: RecordRef,
    /// The attribute, the type of the association, the kind of the activity, or the purpose of the
    /// consent; empty where it is the same person.
    pub by: String,
}

/// A proof of consent that outlives its person, without anything that says who it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeptProof {
    /// The event of the ledger.
    pub event: RecordId,
    /// What it said.
    pub kind: ConsentKind,
    /// The channel.
    pub channel: String,
    /// The purpose.
    pub purpose: String,
    /// The controller.
    pub controller: Option<String>,
    /// The legal basis.
    pub basis: Option<LegalBasis>,
    /// The text that was shown.
    pub notice: Option<String>,
    /// Its version.
    pub notice_version: Option<i64>,
    /// Its language.
    pub language: Option<String>,
    /// The SHA-256 of the text, 64 hexadecimal digits.
    pub notice_sha256: Option<String>,
    /// How it came about.
    pub method: ConsentMethod,
    /// For a double opt-in: when it was requested.
    pub requested_at: Option<Timestamp>,
    /// When the person acted.
    pub occurred_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Until when it permitted: when it was taken back, invalidated or withdrawn, or the end that it had
    /// of its own. `None`: until the person was erased, as far as the ledger says.
    #[serde(default)]
    pub permitted_until: Option<Timestamp>,
    /// Whether a guardian gave it for a minor.
    #[serde(default)]
    pub by_guardian: bool,
    /// Which facts were recorded with a legal basis other than consent; `None` if there were none.
    #[serde(default)]
    pub facts: Option<KeptFacts>,
    /// The keyed hash of the contact point, 64 hexadecimal digits: whoever knows the address can tell
    /// that it is this one. `None` in a plan, and where the event named none.
    pub contact_hash: Option<String>,
    /// Until when it is kept.
    pub keep_until: Timestamp,
}

/// Which facts were recorded with a legal basis, without what they said: that may tell who it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeptFacts {
    /// What identifies the contract, the law, the weighing of interests or the task elsewhere.
    pub reference: bool,
    /// The sale with which the address of an existing customer was obtained.
    pub sale: bool,
    /// The group of own goods that are similar to what was sold.
    pub similar_goods: bool,
    /// Whether the person was told, when the address was collected, that they may object at any time.
    pub told_at_collection: bool,
}

/// Reads the proofs of consent that outlived their person: the request of `privacy.proofs`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListProofs {
    /// Only those that are still kept at this moment; without it all that are there, also those
    /// whose time is over and that `consents.sweep` has not erased yet.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
    /// Only those of this record, which was erased.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub subject: Option<RecordRef>,
    /// Only those that were given with this address or number: of whoever asks about it, and names
    /// it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub contact_point: Option<String>,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
    /// The `next` of the page before.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
}

debug! { ListProofs shows(at, subject, limit) hides(contact_point, after) }

impl Default for ListProofs {
    fn default() -> Self {
        Self { at: None, subject: None, contact_point: None, limit: default_page(), after: None }
    }
}

/// A proof of consent of a person who was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasedProof {
    /// The record that was.
    pub subject: RecordRef,
    /// When it was erased.
    pub erased_at: Timestamp,
    /// The proof, without anything that says who it was.
    pub proof: KeptProof,
}

/// Proofs of consent that outlived their person: the answer of `privacy.proofs`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProofPage {
    /// The proofs: those first that go first, then by record and event.
    pub proofs: Vec<ErasedProof>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<String>,
}

debug! { ProofPage shows(proofs) hides(next) }

/// Erases a person: the request of `privacy.erase`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EraseSubject {
    /// The person: a record, archived or not.
    pub subject: RecordRef,
    /// Why.
    #[serde(default = "requested")]
    pub reason: ErasureReason,
    /// Only if the record still has this version: the one that was planned.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub expected_version: Option<i64>,
}

const fn requested() -> ErasureReason {
    ErasureReason::Requested
}

impl EraseSubject {
    /// Erases this record, because the person asked for it.
    #[must_use]
    pub const fn new(subject: RecordRef) -> Self {
        Self { subject, reason: requested(), expected_version: None }
    }
}

/// A person that was erased, as the file remembers it: a random id, and keyed hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasedSubject {
    /// The record that was.
    pub subject: RecordRef,
    /// When.
    pub erased_at: Timestamp,
    /// Why.
    pub reason: ErasureReason,
    /// Keyed hashes of the contact points that are suppressed, 64 hexadecimal digits each.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub hashes: Vec<String>,
    /// Keyed hashes of those that were let back in since and are not suppressed now, 64 hexadecimal
    /// digits each; what was let back in by an older version of the engine is not told.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub lifted: Vec<String>,
}

/// What an erasure did: the answer of `privacy.erase`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Erasure {
    /// Who was erased, for the list that is kept outside the file.
    pub erased: ErasedSubject,
    /// What became of which tables.
    pub tables: Vec<ErasedTable>,
    /// Proof of consent that is kept.
    pub proofs: Vec<KeptProof>,
    /// Whether the log beside the file was emptied, so that no byte of the person is left in it. If
    /// somebody was reading, it is with the next write, with closing, or with opening after a crash.
    pub is_log_emptied: bool,
}

/// Reads who was erased: the request of `privacy.erasures`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListErasures {
    /// Only those after this place: the `next` of a page; 0 begins at the beginning.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: i64,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

impl ListErasures {
    /// The first 100 after a place; 0 begins at the beginning.
    #[must_use]
    pub fn after(after: i64) -> Self {
        Self { after, limit: default_page() }
    }
}

/// Who was erased, in the order in which it was done: the answer of `privacy.erasures`. It holds
/// random ids and keyed hashes, and so may be kept beside backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErasureList {
    /// Which key the hashes were made with, 16 hexadecimal digits; `None` as long as there is none.
    pub key: Option<String>,
    /// The persons.
    pub erased: Vec<ErasedSubject>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<i64>,
}

/// Erases again what an older copy of the file still holds: the request of `privacy.apply_erasures`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyErasures {
    /// The key of the list.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub key: Option<String>,
    /// The persons, up to 10,000.
    pub erased: Vec<ErasedSubject>,
}

impl From<ErasureList> for ApplyErasures {
    fn from(list: ErasureList) -> Self {
        Self { key: list.key, erased: list.erased }
    }
}

/// What became of a list: the answer of `privacy.apply_erasures`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppliedErasures {
    /// Persons that were still there, and are erased now.
    pub erased: u64,
    /// Persons that were not there, nor perhaps their type; the file remembers that they must not come back.
    pub absent: u64,
    /// Persons that had been erased here before.
    pub known: u64,
    /// Keyed hashes that mean nothing here, because they were made with another key.
    pub foreign_hashes: u64,
    /// Whether the log beside the file was emptied.
    pub is_log_emptied: bool,
    /// The required references of others that would have spoken against erasing, and lead to nobody now, be
    /// it by an earlier erasure: of the latest ones first, at most 1,000. Give them another value.
    #[serde(default)]
    pub blockers: Vec<ErasureBlocker>,
}

/// Lets a contact point come back, because the person came back by themselves: the request of
/// `privacy.lift_suppression`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiftSuppression {
    /// The e-mail address or telephone number, in any form that normalises to the one that was stored, or the
    /// name of an account, which begins with `@`.
    pub contact_point: String,
}

debug! { LiftSuppression shows() hides(contact_point) }

impl LiftSuppression {
    /// Lets this contact point come back.
    pub fn new(contact_point: impl Into<String>) -> Self {
        Self { contact_point: contact_point.into() }
    }
}

/// Whether a contact point was suppressed: the answer of `privacy.lift_suppression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiftedSuppression {
    /// Whether it was suppressed until now. Lifting what is not suppressed does nothing.
    pub was_suppressed: bool,
}
