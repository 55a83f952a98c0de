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
    for body in rows::told_lifts(conn)? {
        let lifted: LiftedBody = serde_json::from_str(&body).map_err(|_| {
            Error::new(ErrorKind::Corrupt, "an erasure in the journal cannot be read")
        })?;
        if let Some(record) = lifted.record {
            let hash = lifted.hash.as_deref().and_then(from_hex);
            all.entry(record).or_default().extend(hash);
        }
    }
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

/// The same after nothing but these contact points, in their normal form, was suppressed.
///
/// # Errors
///
/// Those of writing.
pub(super) fn follow_as<'p>(
    writing: &Writing<'_>,
    points: impl Iterator<Item = &'p str>,
) -> Result<()> {
    follow_all(writing.tx, &rows::newly_suppressed_as(writing.tx, points)?)
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

#[cfg(test)]
mod tests {
    use crate::{
        Crm, RecordId, engine::Writing, privacy::suppression::hash, store::privacy as rows,
    };

    const KEY: [u8; 32] = [1; 32];

    /// Writes a ledger of these contact points, of a record for each.
    fn write(writing: &Writing<'_>, points: &[String]) {
        rows::put_key(writing.tx, &KEY).unwrap();
        for (place, point) in (1_u128..).zip(points) {
            let id = place.to_be_bytes();
            let event = "INSERT INTO crm_consent_event (subject_id, seq, id, type_id, kind, \
                         contact_point, proof, occurred_at, by_guardian) \
                         VALUES (?1, 1, ?1, 1, 'granted', ?2, 0, 0, 0)";
            writing.tx.execute(event, (&id, point)).unwrap();
            let permit = "INSERT INTO crm_consent_permit (subject_id, event_id, channel, purpose, \
                          basis, proof, valid_from, active_at, by_guardian, is_suppressed) \
                          VALUES (?1, ?1, 'email', 'news', 'consent', 0, 0, 0, 0, 0)";
            writing.tx.execute(permit, [&id]).unwrap();
        }
    }

    /// Every text of up to three of these letters after a beginning.
    fn texts(beginning: &str, letters: &[char]) -> Vec<String> {
        let mut all = vec![beginning.to_owned()];
        let mut from = 0;
        for _ in 0..3 {
            let until = all.len();
            for place in from..until {
                let longer = letters.iter().map(|letter| format!("{}{letter}", all[place]));
                let longer: Vec<_> = longer.collect();
                all.extend(longer);
            }
            from = until;
        }
        all
    }

    /// An index finds whom hashing every contact point finds: letters with several small or capital
    /// forms, or longer ones, and domains in both forms.
    #[test]
    fn who_spells_a_contact_point_otherwise_is_found_by_an_index() {
        let mut points = texts("@", &['a', 'A', 'k', '\u{212A}', 'σ', 'ς', 'Σ', 'İ', 'i']);
        for domain in ["bücher.example", "xn--bcher-kva.example", "bucher.example"] {
            let locals = texts("", &['a', 'A', 'ß']);
            points.extend(locals.iter().skip(1).map(|local| format!("{local}@{domain}")));
        }
        let crm = Crm::in_memory().unwrap();
        crm.write(|writing| {
            write(writing, &points);
            let mut found_more = 0;
            for point in points.iter().step_by(23) {
                let hash = hash(&KEY, &crate::consent::present_form(point.as_str()));
                rows::suppress(writing.tx, &hash, RecordId::from_bytes([9; 16])).unwrap();
                let all = rows::newly_suppressed(writing.tx).unwrap();
                let by_index = rows::newly_suppressed_as(writing.tx, [point.as_str()].into_iter());
                assert_eq!(by_index.unwrap(), all, "{point}");
                found_more += usize::from(all.len() > 1);
                rows::lift(writing.tx, &hash).unwrap();
            }
            assert!(found_more > 20, "few are spelled otherwise: {found_more}");
            Ok(())
        })
        .unwrap();
    }
}
