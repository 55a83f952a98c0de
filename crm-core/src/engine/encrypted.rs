//! Files encrypted at rest.

use std::path::Path;

use super::{Crm, observe::Observers, progress::Pace};
use crate::{
    Error, ErrorKind, Flow, Key, OpenOptions, Progress, Result,
    store::{self, Cipher},
};

impl Crm {
    /// Opens the encrypted file at `path` as `options` say, and makes it if it is not there. Copies of
    /// it, by [`Crm::backup_to`] or before it is brought up to date, have the same key.
    ///
    /// `key` is asked for each connection to the file, of which there are some, and from any thread
    /// that uses the handle; the engine keeps no key. It must tell the same one as long as the handle
    /// is open, must not call the handle, and is dropped when the file is closed. A file in memory,
    /// `":memory:"`, hides nothing there, and its copies have the key.
    ///
    /// ```
    /// use crm_core::{Crm, ErrorKind, Key, OpenOptions, values};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("acme.crm");
    /// // A host reads it from where the system keeps secrets.
    /// let secret = || Ok(Key::new([7; 32]));
    /// let crm = Crm::open_encrypted(&path, OpenOptions::default(), secret)?;
    /// crm.companies().create(values! { "name" => "Acme" })?;
    /// crm.close()?;
    ///
    /// let wrong = || Ok(Key::new([8; 32]));
    /// let error = Crm::open_encrypted(&path, OpenOptions::default(), wrong).err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::WrongKey);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Crm::open_with`]; `WrongKey` if the key does not open the file (it is left as it is),
    /// `InvalidArgument` with the field `key` if the file is not encrypted; the error of `key`, if it
    /// has none.
    pub fn open_encrypted(
        path: impl AsRef<Path>,
        options: OpenOptions,
        key: impl Fn() -> Result<Key> + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::open_ciphered(path.as_ref(), &options, Cipher::new(key))
    }

    /// Gives the closed file at `path` another key: from `from`, or from none, to `to`, or to none.
    ///
    /// The content is written to a new file beside it, which then takes its place, with its owner and
    /// permissions, so that there must be room for it twice. When the process ends in between, the file is
    /// there under the old key or under the new one, and at most an unfinished file is left beside it whose
    /// name ends in `.partial-` and two numbers: a plain one if there was to be no key. Remove it, or call
    /// this again, which does. Copies that were made before keep their key, and a disk may keep the blocks
    /// of the old file until it writes there again. Keep the old key until a backup was made under
    /// the new one: not every system can say that the new file's name is on the disk, and a power
    /// cut may then bring back the old file.
    ///
    /// `watch` is told of the pages that are written, on this thread. At the end the new file is read
    /// through, which takes a part of the time, and the count stands still. SQLite itself calls it,
    /// and so it owns what it needs; it need not, and cannot, use the file.
    ///
    /// ```
    /// use crm_core::{Crm, ErrorKind, Flow, Key, OpenOptions};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("acme.crm");
    /// Crm::open(&path)?.close()?;
    /// // A plain file is encrypted, and later gets another key.
    /// let (first, second) = (Key::new([7; 32]), Key::new([8; 32]));
    /// Crm::rekey(&path, None, Some(&first), |_| Flow::Continue)?;
    /// Crm::rekey(&path, Some(&first), Some(&second), |_| Flow::Continue)?;
    /// assert_eq!(Crm::open(&path).err().unwrap().kind(), ErrorKind::NotOurFile);
    /// Crm::open_encrypted(&path, OpenOptions::default(), move || Ok(second.clone()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WrongKey` if `from` does not open the file; `InvalidArgument`, with the field `key`, if `from`
    /// is given and the file is not encrypted, or if neither key is given; `InUse` while a handle has
    /// the file open, `Busy` while another program has; `Io` if there is no file; `Full` or `Io` if
    /// the new one cannot be written, or not be given to the owner of the old; `Interrupted` if `watch`
    /// cancelled it; as [`Crm::open`] else.
    /// The file then is what it was.
    pub fn rekey(
        path: impl AsRef<Path>,
        from: Option<&Key>,
        to: Option<&Key>,
        mut watch: impl FnMut(Progress) -> Flow + Send + 'static,
    ) -> Result<()> {
        if from.is_none() && to.is_none() {
            return Err(Error::new(ErrorKind::InvalidArgument, "there is neither key")
                .with_field("key")
                .with_hint("give the key that the file has, the one that it is to have, or both"));
        }
        let (observers, mut pace) = (Observers::default(), Pace::default());
        let progress = move |done, total| {
            let now = Progress { done, total: Some(total) };
            pace.step(done == total, || observers.call(|| watch(now))) == Flow::Continue
        };
        store::rekey(path.as_ref(), &Cipher::of(from), &Cipher::of(to), progress)
    }
}
