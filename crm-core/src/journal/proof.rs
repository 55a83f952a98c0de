//! What is asked of the chain of the journal, and what it answers: heads, verifications and proofs.

use serde::{Deserialize, Serialize};

use crate::{RecordId, shape::debug};

/// The end of the journal, in a few bytes to be kept outside the file: whoever has it can tell later
/// that nothing up to there was changed or cut off.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JournalHead {
    /// The `seq` of the last change.
    pub seq: i64,
    /// Its hybrid logical clock.
    pub hlc: i64,
    /// Its hash, with which it commits to itself and all before it: SHA-256, 64 hexadecimal digits.
    pub hash: String,
}

debug! { JournalHead shows(seq, hlc) hides(hash) }

/// Follows the chain of the journal: the request of `journal.verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerifyJournal {
    /// A head that was kept earlier, which has to lie on the chain.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub head: Option<JournalHead>,
}

impl VerifyJournal {
    /// The chain has to lead through `head`.
    #[must_use]
    pub const fn through(head: JournalHead) -> Self {
        Self { head: Some(head) }
    }
}

/// What following the chain of the journal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JournalReport {
    /// Whether the chain holds, and leads through the head that was given.
    pub is_ok: bool,
    /// Changes whose content is what they commit to.
    pub whole: u64,
    /// Changes whose content was erased, and which are still in their place.
    pub erased: u64,
    /// Changes that do not fit: changed, moved, or after one that is missing.
    pub broken: u64,
    /// The `seq` of the first of these.
    pub broken_at: Option<i64>,
    /// Whether the chain leads through the head that was given: if not, something up to there was
    /// rewritten or cut off.
    pub leads_through_head: Option<bool>,
    /// The end of the chain.
    pub head: JournalHead,
}

/// Asks for a proof of changes: the request of `journal.prove`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProveChanges {
    /// The `seq` of each change whose content is to be shown, 1 to 10,000.
    pub seqs: Vec<i64>,
    /// The `seq` of the head up to which the proof leads, at most 10,000 changes after the first of
    /// `seqs`; the end of the journal if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub until: Option<i64>,
}

impl ProveChanges {
    /// A proof of these changes that leads to the end of the journal.
    #[must_use]
    pub fn new(seqs: impl IntoIterator<Item = i64>) -> Self {
        Self { seqs: seqs.into_iter().collect(), until: None }
    }
}

/// That changes stand in the journal as they are shown: whoever knows the head can compute it from
/// this alone, as `docs/storage-format.md` says, and sees nothing of the other changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JournalProof {
    /// How the hashes are computed: `crm.journal.v1`.
    pub method: String,
    /// The hash of the change before the first one; zeros at the beginning of the journal.
    pub before: String,
    /// Every change from the first that is shown up to the head, in order.
    pub links: Vec<ProofLink>,
    /// What the last hash has to be.
    pub head: JournalHead,
}

/// A change as a link of the chain: what of it says nothing about anybody, and a commitment to the
/// rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProofLink {
    /// Its place in the file.
    pub seq: i64,
    /// The device that made it, as a UUID.
    pub device: String,
    /// Its place among the changes of that device.
    pub device_seq: i64,
    /// Its hybrid logical clock.
    pub hlc: i64,
    /// The `seq` of the first change of the same transaction.
    pub transaction: i64,
    /// The commitment to the name of who made it, 64 hexadecimal digits.
    pub actor: String,
    /// What it is.
    pub kind: String,
    /// The entity type that it concerns.
    #[serde(rename = "type")]
    pub entity_type: Option<String>,
    /// The id under which the journal has it.
    pub record_id: Option<RecordId>,
    /// The commitment to its cause and its body, 64 hexadecimal digits.
    pub commitment: String,
    /// What it commits to, of a change that is shown; nothing of one that was erased.
    pub content: Option<ProofContent>,
}

/// What a change commits to, with the salts that belong to it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProofContent {
    /// The salt of cause and body, 64 hexadecimal digits.
    pub salt: String,
    /// Why, as far as the actor said.
    pub cause: Option<String>,
    /// What the journal holds, as JSON, to the byte.
    pub body: String,
    /// Who made it.
    pub actor: String,
    /// The salt of that name, 64 hexadecimal digits; nothing if the name was erased.
    pub actor_salt: Option<String>,
}

debug! { ProofContent shows(actor_salt) hides(salt, cause, body, actor) }
