//! Addresses and numbers that must not come back by themselves, known by a keyed hash only.
//!
//! An unkeyed hash of an address is found again by trying addresses. With a key that is in the file and
//! nowhere else, who has only the hashes learns nothing; who has the file can ask about one address at a
//! time, which is what the list is for. The invariant: an address in any letter case has one hash.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The bytes that SHA-256 takes at a time.
const BLOCK: usize = 64;

/// The keyed hash of a contact point in its normal form.
pub(crate) fn hash(key: &[u8; 32], contact_point: &str) -> [u8; 32] {
    Keyed::new(key).hash(contact_point)
}

/// What tells two keys apart without giving either away: 16 hexadecimal digits.
pub(crate) fn name_of_key(key: &[u8; 32]) -> String {
    to_hex(&hmac(key, b"crm.suppression.key.v1")[..8])
}

/// What these parts are together, as nobody can tell or make without the key: 64 hexadecimal digits.
pub(crate) fn hmac_of(key: &[u8; 32], parts: &[&[u8]]) -> String {
    to_hex(&hmac(key, &parts.concat()))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    Keyed::new(key).hmac(message)
}

/// HMAC of RFC 2104 with SHA-256 by one key, of which the halves that only hang on the key are made once.
pub(crate) struct Keyed {
    inner: Sha256,
    outer: Sha256,
}

impl Keyed {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        match key.get(..=BLOCK) {
            Some(_) => block[..32].copy_from_slice(&Sha256::digest(key)),
            None => block[..key.len()].copy_from_slice(key),
        }
        Self {
            inner: Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)),
            outer: Sha256::new().chain_update(block.map(|byte| byte ^ 0x5C)),
        }
    }

    /// As [`hash`].
    pub(crate) fn hash(&self, contact_point: &str) -> [u8; 32] {
        let is_small = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
        match contact_point.bytes().all(is_small) {
            true => self.hmac(contact_point.as_bytes()),
            false => self.hmac(contact_point.to_lowercase().as_bytes()),
        }
    }

    fn hmac(&self, message: &[u8]) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(message).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}

/// The hash that these 64 hexadecimal digits spell.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases 1, 2 and 6 of RFC 4231: a short key, a shorter one, and one longer than a block.
    #[test]
    fn the_hash_is_that_of_the_standard() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (
                &[0x0B; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xAA; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in cases {
            assert_eq!(to_hex(&hmac(key, message)), expected);
        }
    }

    #[test]
    fn an_address_has_one_hash_in_any_letter_case_and_another_under_another_key() {
        let (key, other) = ([1; 32], [2; 32]);
        assert_eq!(hash(&key, "Ann@example.org"), hash(&key, "ann@example.org"));
        assert_ne!(hash(&key, "ann@example.org"), hash(&other, "ann@example.org"));
        assert_ne!(name_of_key(&key), name_of_key(&other));
    }

    #[test]
    fn hexadecimal_digits_are_read_back_and_nothing_else_is() {
        let hash = hash(&[3; 32], "a@b.example");
        assert_eq!(from_hex(&to_hex(&hash)), Some(hash));
        for wrong in ["", "0", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(from_hex(wrong), None);
        }
    }
}
