//! Contact points that must not come back by themselves: refused where they are written, until the
//! host says that the person came back.

use std::collections::{BTreeMap, BTreeSet};

use super::Privacy;
use crate::{
    ChangeKind, Error, ErrorKind, LiftSuppression, LiftedSuppression, Medium, RecordId, Result,
    consent::contact_point,
    engine::{Writing, consents::follow_all},
    privacy::{
        suppression::{from_hex, hash, to_hex},
        told::{LiftedBody, digest_of_hashes},
    },
    store::{Connection, privacy as rows},
};

/// The contact points that came back, by the erasure since which they were suppressed.
pub(in crate::engine) type Lifted = BTreeMap<RecordId, BTreeSet<[u8; 32]>>;

impl Privacy<'_> {
    /// Lets a contact point come back, because the person did by themselves: signed up again, or bought
    /// something. The journal records that it was done, by whom and when, and which contact point
    /// as a keyed hash only.
    ///
    /// # Errors
    ///
    /// `InvalidValue` if it is neither an e-mail address nor a telephone number, nor the name of an account
    /// that begins with `@`.
    pub fn lift_suppression(&self, request: &LiftSuppression) -> Result<LiftedSuppression> {
        let text = &request.contact_point;
        let medium = match text.trim_start() {
            // The name of an account.
            text if text.starts_with('@') => None,
            text if text.contains('@') => Some(Medium::Email),
            _ => Some(Medium::Phone),
        };
        let point = contact_point(text, medium)?;
        self.crm.write(|writing| {
            let Some(key) = rows::key(writing.tx)? else {
                return Ok(LiftedSuppression { was_suppressed: false });
            };
            let was_suppressed = lift(writing, &[hash(&key, &point)])?;
            Ok(LiftedSuppression { was_suppressed })
        })
    }

    /// Makes the key of a file that is about to be copied, so that hashes of people who are erased later
    /// mean the same in the copy. What nobody can write to needs none: nobody is erased from it either.
    pub(in crate::engine) fn make_key(&self) -> Result<()> {
        if self.crm.shared.store.read(rows::key)?.is_some() {
            return Ok(());
        }
        match self.crm.write(|writing| key(writing).map(drop)) {
            Err(error) if matches!(error.kind(), ErrorKind::ReadOnly | ErrorKind::Reentrant) => {
                Ok(())
            }
            made => made,
        }
    }
}

/// The erasures of whose contact points one came back, and which that were: those of which the journal
/// tells it.
///
/// # Errors
///
/// Those of reading.
pub(in crate::engine) fn lifted(conn: &Connection) -> Result<Lifted> {
    let mut all = Lifted::new();
    rows::told_erasures(conn, |_, kind, _, _, body| {
        if kind == ChangeKind::SuppressionLifted.name() {
            let lifted: LiftedBody = serde_json::from_str(body).map_err(|_| {
                Error::new(ErrorKind::Corrupt, "an erasure in the journal cannot be read")
            })?;
            if let Some(record) = lifted.record {
                let hash = lifted.hash.as_deref().and_then(from_hex);
                all.entry(record).or_default().extend(hash);
            }
        }
        Ok(())
    })?;
    Ok(all)
}

/// Lets the contact points of these hashes come back; answers whether any was suppressed.
pub(super) fn lift(writing: &mut Writing<'_>, hashes: &[[u8; 32]]) -> Result<bool> {
    let mut was_suppressed = false;
    for hash in hashes {
        let Some(erased) = rows::lift(writing.tx, hash)? else { continue };
        was_suppressed = true;
        // Else the suppression would be missed.
        let left = rows::hashes_of(writing.tx, erased)?;
        let hashes = Some(digest_of_hashes(&key(writing)?, &left));
        let (record, hash) = (Some(erased), Some(to_hex(hash)));
        let body = serde_json::to_string(&LiftedBody { record, hash, hashes });
        let body = body.expect("an id and a digest are always JSON");
        let stamp = writing.stamp();
        writing.log(stamp, ChangeKind::SuppressionLifted, None, None, &body)?;
    }
    if was_suppressed {
        follow_all(writing.tx, &rows::no_longer_suppressed(writing.tx)?)?;
    }
    Ok(was_suppressed)
}

/// Writes anew what permits at a contact point that is suppressed, after one was of which it is not known
/// who else names it.
///
/// # Errors
///
/// Those of writing.
pub(in crate::engine) fn follow(writing: &Writing<'_>) -> Result<()> {
    follow_all(writing.tx, &rows::newly_suppressed(writing.tx)?)
}

/// The key of the file, made when it is needed first.
pub(super) fn key(writing: &Writing<'_>) -> Result<[u8; 32]> {
    if let Some(key) = rows::key(writing.tx)? {
        return Ok(key);
    }
    let key = writing.crm.shared.ids.next_salt();
    rows::put_key(writing.tx, &key)?;
    Ok(key)
}

/// Whether a contact point in its normal form is suppressed.
pub(in crate::engine) fn is_suppressed(conn: &Connection, point: &str) -> Result<bool> {
    if !rows::has_suppressed(conn)? {
        return Ok(false);
    }
    match rows::key(conn)? {
        Some(key) => rows::is_suppressed(conn, &hash(&key, point)),
        None => Ok(false),
    }
}

/// # Errors
///
/// `Suppressed` if the contact point is.
pub(in crate::engine) fn check(conn: &Connection, point: &str, field: &str) -> Result<()> {
    if !is_suppressed(conn, point)? {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Suppressed, "the person with this contact point was erased")
        .with_field(field)
        .with_hint("if the person came back by themselves, say so with privacy.lift_suppression"))
}
