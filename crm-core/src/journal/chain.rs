//! The chain of hashes through the journal: each row commits to its own content and to every row
//! before it.
//!
//! Whoever changes, removes or moves a row leaves a hash that no longer fits, and whoever rewrites all
//! that follow ends at another head than the one that was exported. What may be personal is not hashed
//! by itself but with a salt of its own (a *commitment*): when salt and text are erased, what is left
//! says nothing about them, and the chain still holds. The invariant: every encoding is unambiguous,
//! because each part has a fixed length or is preceded by it. Numbers are big-endian.

use sha2::{Digest as _, Sha256};

/// How the hashes of a proof are computed.
pub(crate) const METHOD: &str = "crm.journal.v1";

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
    /// Number, name and salt of who made the change.
    pub(crate) who: (i64, &'a [u8], Option<&'a [u8]>),
}

/// The body of a row that was erased: everybody who reads bodies can read it.
pub(crate) const ERASED_BODY: &str = "{}";

impl Link<'_> {
    /// The commitment to cause and body, and whether these were erased; `None` if the row is neither
    /// whole nor erased, but something between.
    pub(crate) fn commitment(&self) -> Option<(Hash, bool)> {
        match (self.salt, self.commitment) {
            (Some(salt), None) if salt.len() == size_of::<Hash>() => {
                Some((commit(salt, self.cause, self.body), false))
            }
            (None, Some(kept)) if (self.cause, self.body) == (None, ERASED_BODY.as_bytes()) => {
                Some((kept.try_into().ok()?, true))
            }
            _ => None,
        }
    }

    /// Whether the name of who made the change is the one to which the row commits. One that was
    /// erased has the name `erased:` and its number.
    fn has_its_actor(&self) -> bool {
        let (number, name, salt) = self.who;
        match salt {
            Some(salt) => commit_actor(salt, name) == self.header.actor,
            None => name == erased_name(number).as_bytes(),
        }
    }
}

/// What stands in the place of the name of an actor that was erased.
fn erased_name(number: i64) -> String {
    format!("erased:{number}")
}

/// Whether a name is that of an actor whose name was erased.
pub(crate) fn is_erased_name(name: &str) -> bool {
    let number = name.strip_prefix("erased:").and_then(|number| number.parse::<i64>().ok());
    number.is_some_and(|number| name == erased_name(number))
}

/// Follows the chain, row by row.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Place and hash of the last row.
    pub(crate) last: (i64, Hash),
    pub(crate) whole: u64,
    pub(crate) erased: u64,
    pub(crate) broken: u64,
    pub(crate) broken_at: Option<i64>,
    /// The last actor whose name was looked at, and whether it was right: most rows have the same as
    /// the one before.
    actor: Option<(i64, Hash, bool)>,
}

impl Walk {
    /// A walk that begins after a row of this place and hash.
    pub(crate) const fn after(seq: i64, hash: Hash) -> Self {
        Self { last: (seq, hash), whole: 0, erased: 0, broken: 0, broken_at: None, actor: None }
    }

    /// Goes on to the next row. After one that does not fit, the next has to fit to the hash that
    /// stands there, so that only those are counted which were tampered with.
    pub(crate) fn step(&mut self, link: &Link<'_>) {
        let (last, before) = self.last;
        let hash = link.hash.and_then(|hash| <Hash>::try_from(hash).ok());
        let is_next = link.header.seq == last + 1;
        let fits = match link.commitment() {
            Some((commitment, is_erased)) if is_next && self.has_its_actor(link) => {
                (hash == Some(link.header.link(&before, &commitment))).then_some(is_erased)
            }
            _ => None,
        };
        match fits {
            Some(false) => self.whole += 1,
            Some(true) => self.erased += 1,
            None => {
                self.broken += 1;
                self.broken_at.get_or_insert(link.header.seq);
            }
        }
        self.last = (link.header.seq, hash.unwrap_or(START));
    }

    fn has_its_actor(&mut self, link: &Link<'_>) -> bool {
        let Ok(commitment) = <Hash>::try_from(link.header.actor) else { return false };
        match self.actor {
            Some((number, known, is_right)) if (number, known) == (link.who.0, commitment) => {
                is_right
            }
            _ => {
                let is_right = link.has_its_actor();
                self.actor = Some((link.who.0, commitment, is_right));
                is_right
            }
        }
    }
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

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}

/// The hash that these digits mean; `None` if they mean none.
pub(crate) fn from_hex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?;
    bytes.try_into().ok().filter(|_| rest.is_empty())
}
