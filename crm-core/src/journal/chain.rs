//! The chain of hashes through the journal: each row commits to its own content and to every row
//! before it.
//!
//! Whoever changes, removes or moves a row leaves a hash that no longer fits, and whoever rewrites all
//! that follow ends at another head than the one that was exported. What may be personal is not hashed
//! by itself but with a salt of its own (a *commitment*): when salt and text are erased, what is left
//! says nothing about them, and the chain still holds. The invariant: every encoding is unambiguous,
//! because each part has a fixed length or is preceded by it. Numbers are big-endian.

use sha2::{Digest as _, Sha256};

/// What SHA-256 gives.
pub(crate) type Hash = [u8; 32];

/// What stands in the place of the hash before the first row.
pub(crate) const START: Hash = [0; 32];

// Names of what is hashed, so that a hash of one kind is never taken for one of another. None is the
// beginning of another.
const LINK: &[u8] = b"crm.journal.link.v1";
const CONTENT: &[u8] = b"crm.journal.content.v1";
const ACTOR: &[u8] = b"crm.journal.actor.v1";

/// The length that stands for no text at all.
const NONE: [u8; 4] = [0xFF; 4];

/// What of a row is hashed openly, for it says nothing about anybody: places, times, kinds and random
/// ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) seq: i64,
    pub(crate) device: &'a [u8],
    pub(crate) device_seq: i64,
    pub(crate) hlc: i64,
    pub(crate) transaction: i64,
    /// The commitment to the name of who made the change.
    pub(crate) actor: &'a [u8],
    pub(crate) kind: &'a [u8],
    pub(crate) entity_type: Option<&'a [u8]>,
    pub(crate) record_id: Option<&'a [u8]>,
}

impl Header<'_> {
    /// The hash of a row: `H(name ‖ hash of the row before ‖ length ‖ header ‖ commitment)`.
    pub(crate) fn link(&self, before: &[u8], commitment: &[u8]) -> Hash {
        let texts = [
            Some(self.device),
            Some(self.actor),
            Some(self.kind),
            self.entity_type,
            self.record_id,
        ];
        let length =
            4 * 8 + texts.iter().map(|text| 4 + text.map_or(0, <[u8]>::len)).sum::<usize>();
        let mut digest = Sha256::new();
        digest.update(LINK);
        digest.update(before);
        digest.update(length_of(length));
        for number in [self.seq, self.device_seq, self.hlc, self.transaction] {
            digest.update(number.to_be_bytes());
        }
        for text in texts {
            update(&mut digest, text);
        }
        digest.update(commitment);
        digest.finalize().into()
    }
}

/// A row of the journal as a link of the chain, as it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'a> {
    pub(crate) header: Header<'a>,
    pub(crate) cause: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    /// `None` in a row whose cause and body were erased.
    pub(crate) salt: Option<&'a [u8]>,
    /// Of a row that was erased; the others give theirs by salt, cause and body.
    pub(crate) commitment: Option<&'a [u8]>,
    pub(crate) hash: Option<&'a [u8]>,
}

/// The commitment to what of a row may be about somebody: its cause and its body.
pub(crate) fn commit(salt: &[u8], cause: Option<&[u8]>, body: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update(CONTENT);
    update(&mut digest, Some(salt));
    update(&mut digest, cause);
    update(&mut digest, Some(body));
    digest.finalize().into()
}

/// The commitment to the name of an actor.
pub(crate) fn commit_actor(salt: &[u8], name: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update(ACTOR);
    update(&mut digest, Some(salt));
    update(&mut digest, Some(name));
    digest.finalize().into()
}

fn update(digest: &mut Sha256, text: Option<&[u8]>) {
    match text {
        Some(text) => {
            digest.update(length_of(text.len()));
            digest.update(text);
        }
        None => digest.update(NONE),
    }
}

/// No cell of SQLite has more bytes than a number of 31 bits counts.
fn length_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}
