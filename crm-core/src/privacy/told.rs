//! What the journal says of an erasure, and of what is kept since beside the journal.
//!
//! Suppressed contact points and kept proofs stand in tables of their own, so that they can go again.
//! The journal has digests of them, made with the key of the suppressed contact points: whoever has
//! the file can tell that they are what they were, and whoever reads the journal elsewhere learns
//! nothing. What an older version did not say is not compared.

use serde::{Deserialize, Serialize};

use super::suppression::hmac_of;
use crate::{RecordId, Timestamp};

/// The body of `record_erased`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErasedBody {
    /// Why, by its name.
    pub(crate) reason: String,
    /// When it was done first.
    pub(crate) at: Timestamp,
    /// How many contact points are suppressed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suppressed: Option<u64>,
    /// The name of the key by which they are hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The [`digest_of_hashes`] of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hashes: Option<String>,
    /// The proofs of consent that are kept; `None` where only contact points are told anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proofs: Option<Vec<ToldProof>>,
    /// The rows of earlier definitions that were erased because a contact point of the person stood in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) definitions: Vec<ToldDefinition>,
}

/// An earlier definition whose row in the journal was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldDefinition {
    /// Its place in the journal.
    pub(crate) seq: i64,
    /// Of which attribute of the type of that row it was: a type has its attributes in the order of their
    /// first definitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attribute: Option<String>,
}

/// A kept proof, as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldProof {
    /// Until when it is kept at least.
    pub(crate) keep_until: Timestamp,
    /// Its [`digest_of_proof`].
    pub(crate) digest: String,
}

/// The body of `suppression_lifted`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LiftedBody {
    /// Since whose erasure the contact point was suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<RecordId>,
    /// The keyed hash of the contact point, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    /// The [`digest_of_hashes`] of those that stay suppressed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hashes: Option<String>,
}

/// The body of `proofs_swept`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SweptBody {
    /// Until when the proofs were kept at most.
    pub(crate) at: Timestamp,
    /// How many went.
    pub(crate) proofs: u64,
}

/// The digest of the contact points that are suppressed since an erasure, of their hashes in order.
pub(crate) fn digest_of_hashes(key: &[u8; 32], hashes: &[[u8; 32]]) -> String {
    hmac_of(key, &[b"crm.suppression.hashes.v1", hashes.as_flattened()])
}

/// The digest of a kept proof, as its row has it.
pub(crate) fn digest_of_proof(
    key: &[u8; 32],
    record: RecordId,
    event: RecordId,
    keep_until: Timestamp,
    json: &str,
) -> String {
    let until = keep_until.micros().to_be_bytes();
    let parts: [&[u8]; 5] =
        [b"crm.consent.proof.v1", record.as_bytes(), event.as_bytes(), &until, json.as_bytes()];
    hmac_of(key, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let body = r#"{"reason":"requested","at":"2026-01-01T00:00:00Z","suppressed":2}"#;
        let read: ErasedBody = serde_json::from_str(body).unwrap();
        assert_eq!((read.suppressed, read.key.as_deref()), (Some(2), None));
        assert_eq!(read.definitions, []);
        assert_eq!(serde_json::to_string(&read).unwrap(), body);
        let lifted: LiftedBody = serde_json::from_str("{}").unwrap();
        assert_eq!((lifted.record, lifted.hashes), (None, None));
    }

    #[test]
    fn a_digest_is_another_with_another_key_and_for_anything_that_is_changed() {
        let id = |byte| RecordId::from_bytes([byte; 16]);
        let until = Timestamp::clamped(7);
        let one = digest_of_proof(&[1; 32], id(1), id(2), until, "{}");
        for other in [
            digest_of_proof(&[2; 32], id(1), id(2), until, "{}"),
            digest_of_proof(&[1; 32], id(2), id(2), until, "{}"),
            digest_of_proof(&[1; 32], id(1), id(3), until, "{}"),
            digest_of_proof(&[1; 32], id(1), id(2), Timestamp::clamped(8), "{}"),
            digest_of_proof(&[1; 32], id(1), id(2), until, "[]"),
        ] {
            assert_ne!(one, other);
        }
        let all = [[1; 32], [2; 32]];
        assert_ne!(digest_of_hashes(&[1; 32], &all), digest_of_hashes(&[1; 32], &all[..1]));
        assert_ne!(digest_of_hashes(&[1; 32], &all), digest_of_hashes(&[2; 32], &all));
    }
}
