//! Encrypted files: keys that the host tells.
//!
//! Both calls are there in every build, so that what Swift and Kotlin are compiled against is the same;
//! one without the feature `sqlcipher` refuses them.

use std::sync::Arc;

use crm_core::{CrmError, OpenOptions};

use crate::{CallbackError, Crm, ProgressListener, cipher, guard::guard};

/// Tells the key of a file.
#[uniffi::export(foreign)]
pub trait KeySource: Send + Sync {
    /// 32 random bytes, and not a password. It is asked for each connection to the file, of which there
    /// are some, on any thread that uses the handle; it must not call the handle, and is let go when the
    /// file is closed. Keep the key where the system keeps secrets.
    ///
    /// # Errors
    ///
    /// Whatever the host fails with; what needed the key then fails with `InvalidArgument`, naming `key`.
    fn key(&self) -> Result<Vec<u8>, CallbackError>;
}

/// Opens the encrypted file at `path` as `options` say, and makes it if it is not there. Copies of it, by
/// a backup or before it is brought up to date, have the same key.
///
/// It is no constructor: UniFFI forgets the name that the object has in Kotlin in one that has a name.
///
/// # Errors
///
/// As for a plain file; `WrongKey` if the key does not open it (it is left as it is); `InvalidArgument`,
/// naming `key`, if there is none or it has not 32 bytes, if the file is not encrypted, or if this build
/// encrypts no files.
#[uniffi::export]
pub fn open_encrypted(
    path: String,
    options: OpenOptions,
    key: Arc<dyn KeySource>,
) -> Result<Arc<Crm>, CrmError> {
    guard(|| Ok(Arc::new(Crm { engine: cipher::open(path, options, key)? })))
}

/// Gives the closed file at `path` another key: from the one that `key` tells, or from none, to the one
/// that `new_key` tells, or to none.
///
/// The content is written to a new file beside it, which then takes its place, with its owner and
/// permissions, so that there must be room for it twice. When the process ends in between, the file is there
/// under the old key or under the new one, and at most an unfinished file is left beside it whose name ends
/// in `.partial-` and two numbers: a plain one if there was to be no key. Remove it, or call this again,
/// which does. Copies that were made before keep their key, and a disk may keep the blocks of the old file
/// until it writes there again. Keep the old key until a backup was made under the new one: not
/// every system can say that the new file's name is on the disk, and a power cut may then bring
/// back the old file. `listener` is told of the pages that are written; at the end the new file is
/// read through, and the count stands still.
///
/// # Errors
///
/// `WrongKey` if `key` does not open the file; `InvalidArgument`, naming `key` or `new_key`, if one tells
/// none, if there is neither, if `key` is given and the file is not encrypted, or if this build encrypts
/// no files; `InUse` while the file is open, `Busy` while another program has it open; `Io` if there is
/// none; `Full` or `Io` if the new one cannot be written, or not be given to the owner of the old;
/// `Interrupted` if `listener` cancelled it. The file then is what it was.
#[uniffi::export(default(listener = None))]
pub fn rekey(
    path: String,
    key: Option<Arc<dyn KeySource>>,
    new_key: Option<Arc<dyn KeySource>>,
    listener: Option<Arc<dyn ProgressListener>>,
) -> Result<(), CrmError> {
    guard(|| cipher::rekey(&path, key, new_key, listener))
}
