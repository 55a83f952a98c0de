//! The key of an encrypted file.
//!
//! It lies in one place on the heap, so that moving it leaves no copies behind, and is wiped from
//! there when it is dropped; so is the text in which SQLCipher is told it. The invariant: nothing
//! shows a key.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{Error, ErrorKind, Result};

const KEY_BYTES: usize = 32;

/// The key of an encrypted file: 256 bits of chance, not a password.
///
/// A password has far less chance in it than its length suggests, and to slow down those who guess
/// would cost half a second for each connection. Make a key of random bytes once, and keep it where
/// the system keeps secrets: Keychain, Keystore, DPAPI, a key ring.
///
/// It is wiped from memory when it is dropped.
///
/// ```
/// use crm_core::{ErrorKind, Key};
///
/// let key = Key::new([7; 32]);
/// assert_eq!(format!("{key:?}"), "Key");
/// let error = Key::try_from(b"a password".as_slice()).unwrap_err();
/// assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("key")));
/// ```
pub struct Key(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl Key {
    /// The key of these bytes. The caller wipes its own copy of them.
    #[must_use]
    pub fn new(mut bytes: [u8; KEY_BYTES]) -> Self {
        let key = Self::copied(&bytes);
        bytes.zeroize();
        key
    }

    /// The key that `fill` writes to where it stays, so that there are no copies of it to wipe.
    ///
    /// ```
    /// use crm_core::{Error, Key};
    ///
    /// let key = Key::fill(|place: &mut [u8; 32]| {
    ///     place.copy_from_slice(&[7; 32]); // as from a key store
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `fill`.
    pub fn fill(fill: impl FnOnce(&mut [u8; KEY_BYTES]) -> Result<()>) -> Result<Self> {
        let mut place = Box::new(Zeroizing::new([0; KEY_BYTES]));
        fill(&mut place)?;
        Ok(Self(place))
    }

    /// The error of a host that cannot tell a key now: `InvalidArgument`, with the field `key`.
    #[must_use]
    pub fn unavailable() -> Error {
        Error::new(ErrorKind::InvalidArgument, "the host told no key")
            .with_field("key")
            .with_hint("see why the function that tells the key failed")
    }

    /// Written where it stays: a box that is made of bytes may have had them somewhere else before.
    fn copied(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut place = Box::new(Zeroizing::new([0; KEY_BYTES]));
        place.copy_from_slice(bytes);
        Self(place)
    }

    /// The statement that tells SQLCipher the key.
    pub(crate) fn pragma(&self) -> Zeroizing<String> {
        self.spelled("PRAGMA key = \"", "\"")
    }

    /// The key as a value that SQLCipher takes.
    pub(crate) fn literal(&self) -> Zeroizing<String> {
        self.spelled("", "")
    }

    /// The key as SQLCipher takes one that is not to be derived from a password: `x'…'`, between
    /// `before` and `after`.
    fn spelled(&self, before: &str, after: &str) -> Zeroizing<String> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // As long as it will be: growing would leave a copy behind.
        let length = before.len() + 2 + 2 * KEY_BYTES + 1 + after.len();
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(before);
        text.push_str("x'");
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(DIGITS[usize::from(digit)]));
            }
        }
        text.push('\'');
        text.push_str(after);
        debug_assert_eq!(text.len(), length);
        text
    }
}

impl TryFrom<&[u8]> for Key {
    type Error = Error;

    /// # Errors
    ///
    /// `InvalidArgument`, with the field `key`, unless there are 32 bytes.
    fn try_from(bytes: &[u8]) -> Result<Self> {
        match <&[u8; KEY_BYTES]>::try_from(bytes) {
            Ok(bytes) => Ok(Self::copied(bytes)),
            Err(_) => {
                let message = format!("a key has {KEY_BYTES} bytes, this has {}", bytes.len());
                Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_field("key")
                    .with_hint("take random bytes, not a password"))
            }
        }
    }
}

impl TryFrom<Vec<u8>> for Key {
    type Error = Error;

    /// The bytes are wiped, whatever comes of it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, with the field `key`, unless there are 32 bytes.
    fn try_from(bytes: Vec<u8>) -> Result<Self> {
        Self::try_from(Zeroizing::new(bytes).as_slice())
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self::copied(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
