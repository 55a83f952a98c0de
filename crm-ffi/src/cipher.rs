//! Encrypted files: keys that functions of the host tell.
//!
//! A key is written by the host to where the engine keeps it, and is wiped from there. The invariant:
//! the function that tells the key of a file runs as long as the file is open, and its data are released
//! once, when it is closed.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crm_core::{Crm, Error, ErrorKind, Key, OpenOptions, Result};

use crate::call::{crm_progress_callback, watch};
use crate::engine::keep_first;
use crate::error::{crm_error, crm_status};
use crate::guard::{Out, UserData, call_host, guard, optional_text, text};
use crate::handle::crm_handle;
use crate::observe::crm_drop_callback;

/// How many bytes a key has.
pub const CRM_KEY_BYTES: usize = 32;

/// Writes the key of a file, `CRM_KEY_BYTES` bytes of chance and not a password, to `key_out` and
/// returns 0; any other number says that there is no key now, and what needed it fails.
///
/// The place is the engine's own: it is wiped when the key was used. It must return: no exception and
/// no `longjmp` may leave it, and it must not call this library about the same file.
#[expect(non_camel_case_types, reason = "the name that C sees")]
pub type crm_key_callback =
    Option<unsafe extern "C" fn(key_out: *mut u8, user_data: *mut c_void) -> i32>;

type Tell = unsafe extern "C" fn(*mut u8, *mut c_void) -> i32;

/// A function of the host that tells a key, as long as anybody may call it.
struct Teller {
    tell: Tell,
    user_data: UserData,
    release: crm_drop_callback,
    /// Whether the data are ours to release: not before the file is open.
    is_kept: AtomicBool,
}

impl Teller {
    fn key(&self) -> Result<Key> {
        // SAFETY: who handed it in promised that it may be called with this `user_data` and writes no
        // more than a key.
        told(|place| unsafe { (self.tell)(place, self.user_data.get()) })
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let (Some(release), true) = (self.release, self.is_kept.load(Ordering::Acquire)) {
            // SAFETY: who handed it in promised that it may be called once when it is over.
            call_host(|| unsafe { release(self.user_data.get()) });
        }
    }
}

/// The key that `tell` writes to where it stays.
///
/// # Errors
///
/// `InvalidArgument`, with the field `key`, if it says that there is none.
fn told(tell: impl FnOnce(*mut u8) -> i32) -> Result<Key> {
    Key::fill(|place| match call_host(|| tell(place.as_mut_ptr())) {
        0 => Ok(()),
        _ => Err(Key::unavailable()),
    })
}

/// Opens the encrypted file at `path` as `crm_open` opens a plain one, and makes it if it is not
/// there. Copies of it, by `database.backup` or before it is brought up to date, have the same key.
///
/// `key` is asked for each connection to the file, of which there are some: within this call and, on
/// any thread, within others that use the file. Several threads may be in it at once. It must tell the
/// same key as long as the file is open; the engine keeps none. When the file is closed, `drop`, which
/// may be NULL, is called once with `user_data`. If `crm_open_encrypted` fails, `drop` is not called and
/// `user_data` stays the caller's.
///
/// Errors: as for `crm_open`; `CRM_WRONG_KEY` if the key does not open the file (it is left as it is);
/// `CRM_INVALID_ARGUMENT`, naming `key`, if `key` is NULL or tells none, or if the file is not
/// encrypted. Without a key, by `crm_open`, an encrypted file is `CRM_NOT_OUR_FILE`.
///
/// This function is there if the library was built with the feature `sqlcipher`; define `CRM_SQLCIPHER`
/// before the header to declare it.
///
/// ```c
/// static int32_t tell(uint8_t *key_out, void *user_data) {
///     return read_from_key_store(key_out, CRM_KEY_BYTES, user_data) ? 0 : 1;
/// }
///
/// if (crm_open_encrypted("acme.crm", NULL, tell, store, NULL, &crm, &error) == CRM_WRONG_KEY)
///     fprintf(stderr, "%s\n", crm_error_message(error));
/// ```
///
/// # Safety
///
/// `path` and `options_json` are NULL or end with NUL; `key` is NULL or a function that may be called
/// with `user_data` on any thread, and so may `drop`, until the file is closed and `drop` was called;
/// `handle_out` and `error_out` are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_open_encrypted(
    path: *const c_char,
    options_json: *const c_char,
    key: crm_key_callback,
    user_data: *mut c_void,
    drop: crm_drop_callback,
    handle_out: *mut crm_handle,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let user_data = UserData::new(user_data);
    let open = move || {
        // SAFETY: the promise of the caller.
        let path = unsafe { text(path, "path") }?;
        // SAFETY: the promise of the caller.
        let options = unsafe { optional_text(options_json, "options_json") }?;
        // SAFETY: the promise of the caller.
        let out = unsafe { Out::new(handle_out, "handle_out") }?;
        let tell = key.ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "must not be NULL").with_field("key")
        })?;
        let options = OpenOptions::from_json(options.unwrap_or_default().as_bytes())?;
        let is_kept = AtomicBool::new(false);
        let teller = Arc::new(Teller { tell, user_data, release: drop, is_kept });
        let asked = Arc::clone(&teller);
        let crm = Crm::open_encrypted(path, options, move || asked.key())?;
        out.set(keep_first(crm)?);
        teller.is_kept.store(true, Ordering::Release);
        Ok(())
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, open) }
}

/// Gives the closed file at `path` another key: from the one that `key` tells, or from none if that is
/// NULL, to the one that `new_key` tells, or to none if that is NULL.
///
/// The content is written to a new file beside it, which then takes its place, with its owner and
/// permissions, so that there must be room for it twice. When the process ends in between, the file is
/// there under the old key or under the new one, and at most an unfinished file is left beside it whose
/// name ends in `.partial-` and two numbers: a plain one if there was to be no key. Remove it, or call
/// this again, which does. Copies that were made before keep their key, and a disk may keep the blocks of
/// the old file until it writes there again. Keep the old key until a backup was made under the new
/// one: not every system can say that the new file's name is on the disk, and a power cut may then
/// bring back the old file.
///
/// Each of the three functions is called on this thread with the data that follow it, the two that tell
/// keys once, and none after the call returned. `progress`, which may be NULL, is told of the pages that
/// are written; at the end the new file is read through, and the count stands still. If it cancels, the
/// call returns `CRM_INTERRUPTED`.
///
/// Errors: `CRM_WRONG_KEY` if `key` does not open the file; `CRM_INVALID_ARGUMENT`, naming `key` or
/// `new_key`, if one tells none, if there is neither, or if `key` is given and the file is not
/// encrypted; `CRM_IN_USE` while a handle has the file open, `CRM_BUSY` while another program has;
/// `CRM_IO` if there is no file; `CRM_FULL` or `CRM_IO` if the new one cannot be written, or not be given
/// to the owner of the old. The file then is what it was.
///
/// This function is there if the library was built with the feature `sqlcipher`; define `CRM_SQLCIPHER`
/// before the header to declare it.
///
/// # Safety
///
/// `path` is NULL or ends with NUL; `key`, `new_key` and `progress` are NULL or functions that may be
/// called with the data that follow them on this thread; `error_out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_rekey(
    path: *const c_char,
    key: crm_key_callback,
    key_data: *mut c_void,
    new_key: crm_key_callback,
    new_key_data: *mut c_void,
    progress: crm_progress_callback,
    progress_data: *mut c_void,
    error_out: *mut *mut crm_error,
) -> crm_status {
    let rekey = || {
        // SAFETY: the promise of the caller.
        let path = unsafe { text(path, "path") }?;
        let ask = |tell: crm_key_callback, data: *mut c_void| {
            // SAFETY: the promise of the caller: it may be called with these data.
            tell.map(|tell| told(|place| unsafe { tell(place, data) })).transpose()
        };
        let from = ask(key, key_data)?;
        let to = ask(new_key, new_key_data).map_err(|error| error.with_field("new_key"))?;
        // SAFETY: the promise of the caller; nothing of it is left when this returns.
        let watch = unsafe { watch(progress, progress_data) };
        Crm::rekey(path, from.as_ref(), to.as_ref(), watch)
    };
    // SAFETY: the promise of the caller.
    unsafe { guard(error_out, rekey) }
}
