//! A backup taken into use again, without those who were erased since.
//!
//! The backup is copied, brought to the present schema, and erased in by the code that erases;
//! under the name of the new file there is nothing before all of that is done.

use std::{path::Path, sync::Arc};

use super::{
    Crm,
    privacy::{
        Applied, erased_page,
        suppression::{Lifted, follow, lifted},
    },
    progress::Reports,
};
use crate::{
    Error, ErrorKind, Flow, ListErasures, Progress, RestoreTo, Restored, Result,
    ops::Watch,
    store::{Depth, Restoring, Store, chain, journal, privacy as rows},
};

/// Persons who are erased between two questions whether to go on.
const PAGE: u32 = 100;

impl Crm {
    /// Makes a new file of a backup of this one, in which everybody is erased whom this file knows
    /// to be: as [`Privacy::erasures`](crate::Privacy::erasures) and
    /// [`Privacy::apply_erasures`](crate::Privacy::apply_erasures) do it, in one go and to the last
    /// person. A contact point that came back since, by
    /// [`Privacy::lift_suppression`](crate::Privacy::lift_suppression), is not suppressed in the new
    /// file either. A backup by an older engine is brought to the present schema in the new file.
    /// Neither this file nor the backup is changed. Progress counts pages, and the persons after
    /// them.
    ///
    /// ```
    /// use crm_core::{BackupTo, Crm, EraseSubject, Flow, RecordRef, RestoreTo, values};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    /// let crm = Crm::open(at("acme.crm"))?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?.id;
    /// crm.backup_to(&BackupTo { path: at("monday.crm") }, &mut |_| Flow::Continue)?;
    /// crm.privacy().erase(&EraseSubject::new(RecordRef::new("contact", ann)))?;
    ///
    /// let restore = RestoreTo { from: at("monday.crm"), to: at("restored.crm") };
    /// let restored = crm.restore_to(&restore, &mut |_| Flow::Continue)?;
    /// assert_eq!((restored.listed, restored.erased), (1, 1));
    /// assert_eq!(Crm::open(at("restored.crm"))?.contacts().count()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the field `from`: `NotOurFile`, `TooNew` or `Corrupt` if the backup is none that this
    /// engine can read, `InUse` if an engine has it open, `WrongKey` if it has another key than
    /// this file (with the field `key` `InvalidArgument` if it has none), `InvalidArgument` if it
    /// is no copy of this file, `LimitExceeded` as for [`Privacy::erase`](crate::Privacy::erase).
    /// With the field `to`: `InvalidArgument` if something is there. `Io` or `Full` if the new file
    /// cannot be written; `Interrupted` if `watch` cancelled it. Whatever fails, there is no new
    /// file.
    pub fn restore_to(&self, request: &RestoreTo, watch: &mut Watch<'_>) -> Result<Restored> {
        let store = &self.shared.store;
        let origin = store.read(journal::origin)?;
        let known = store.read(rows::count_erased)?;
        let mark = store.mark();
        let mut reports = Reports::new(&self.shared.observers, watch);
        let mut pages = 0;
        let paths = (Path::new(&request.from), Path::new(&request.to));
        let ids = Arc::clone(&self.shared.ids);
        let restoring = store.restore(
            paths,
            &|| ids.next_salt(),
            |backup| match journal::origin(backup)? == origin {
                true => Ok(()),
                false => Err(no_copy()),
            },
            &mut |done, total| {
                pages = total;
                let progress = Progress { done, total: Some(total + known) };
                reports.step(progress, known == 0 && done == total) == Flow::Continue
            },
        )?;
        let Restoring { store: copy, draft, version } = restoring;
        // Declared after the draft, so that on every way out the file is closed before it is
        // removed.
        let copy = self.over(copy, |_| (self.shared.clock.clone(), ids)).map_err(of_backup)?;
        let is_earlier = is_earlier(store, &copy.shared.store)?;
        let mut applied = Applied::default();
        let (mut listed, mut after) = (0, 0);
        loop {
            // What came back is let in at the end.
            let request = ListErasures { after, limit: PAGE };
            let list = store.read(|conn| erased_page(conn, &request, &Lifted::new()))?;
            listed += list.erased.len() as u64;
            // Only a copy by other means has no key of its own yet.
            let key = store.read(rows::key)?;
            copy.privacy().replay(&list, key, &mut applied).map_err(of_backup)?;
            store.check_interrupted(mark)?;
            let is_last = list.next.is_none();
            let (done, total) = (pages + listed, pages + listed.max(known));
            let progress = Progress { done, total: Some(total) };
            if known > 0 && reports.step(progress, is_last) == Flow::Cancel {
                return Err(Error::new(ErrorKind::Interrupted, "restoring was cancelled"));
            }
            match list.next {
                Some(next) => after = next,
                None => break,
            }
        }
        if is_earlier {
            let lifted = store.read(lifted)?;
            let is_suppressed = |hash: &_| store.read(|conn| rows::is_suppressed(conn, hash));
            copy.privacy().lift_of(lifted.keys(), is_suppressed)?;
        }
        let settled = copy.write(|writing| {
            follow(writing)?;
            applied.settle(writing)
        });
        settled.map_err(of_backup)?;
        if !copy.shared.store.integrity(Depth::Quick, 1).map_err(of_backup)?.is_empty() {
            let message = "the backup does not pass its checks";
            return Err(of_backup(Error::new(ErrorKind::Corrupt, message)));
        }
        copy.close()?;
        draft.sync()?;
        draft.publish(paths.1).map_err(|error| match error.field() {
            Some("path") => error.with_field("to"),
            _ => error,
        })?;
        let Applied { erased, absent, known, foreign_hashes, blockers } = applied;
        let schema_version = version;
        Ok(Restored { schema_version, listed, erased, absent, known, foreign_hashes, blockers })
    }
}

/// Whether a copy is a state that the file once had, with the same key or none yet: the chain of the file
/// leads through its head. Then what was let back in since is what the file let back in.
fn is_earlier(store: &Store, copy: &Store) -> Result<bool> {
    let seq = copy.read(journal::last_seq)?;
    let keys = (copy.read(rows::key)?, store.read(rows::key)?);
    if keys.0.is_some() && keys.0 != keys.1 {
        return Ok(false);
    }
    let place = copy.read(|conn| chain::place(conn, seq))?;
    Ok(seq == 0 || (place.is_some() && store.read(|conn| chain::place(conn, seq))? == place))
}

/// Says of an error in the copy that it is the backup's.
fn of_backup(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Corrupt => error.with_field("from").with_hint("restore an earlier backup"),
        ErrorKind::LimitExceeded => error.with_field("from"),
        _ => error,
    }
}

/// The refusal of somebody else's file, whose ids and keyed hashes mean nothing here.
fn no_copy() -> Error {
    Error::new(ErrorKind::InvalidArgument, "it is no copy of this file")
        .with_field("from")
        .with_hint("restore it with a handle on the file of which it is a backup")
}
