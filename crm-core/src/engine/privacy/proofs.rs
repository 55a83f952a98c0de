//! Proofs of consent that outlived their person, for whoever must show that there was one.

use super::{Privacy, table_of};
use crate::{
    ErasedProof, Error, ErrorKind, ListProofs, ProofPage, RecordRef, Result,
    consent::contact_point,
    engine::{
        check_limit,
        cursor::{self, Listing},
    },
    privacy::suppression::{hash, to_hex},
    store::privacy::{self as rows, Wanted},
};

impl Privacy<'_> {
    /// Reads a page of the proofs of consent that are kept of persons who were erased, because a
    /// policy says so: what was agreed to, with which text, when, how and until when it is kept,
    /// but neither by whom nor through what. Those come first that go first. Who asks about an
    /// address of their own finds what was given with it, as long as they name it.
    ///
    /// ```
    /// use crm_core::{Crm, ListProofs};
    ///
    /// let crm = Crm::in_memory()?;
    /// let at = Some("2026-01-01T00:00:00Z".parse()?);
    /// let kept = crm.privacy().proofs(&ListProofs { at, ..ListProofs::default() })?;
    /// assert!(kept.proofs.is_empty());
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`; `InvalidValue` if the contact point is none; `InvalidArgument` if the limit
    /// is not 1 to 10,000, or the cursor is none.
    pub fn proofs(&self, request: &ListProofs) -> Result<ProofPage> {
        check_limit(request.limit)?;
        let after = cursor::read_place(Listing::Proofs, request.after.as_deref())?;
        let point = request.contact_point.as_deref();
        let point = point.map(|text| contact_point(text, None)).transpose()?;
        self.crm.read_explained(|conn, catalog| {
            if let Some(subject) = &request.subject {
                table_of(|name| catalog.table(name), subject)?;
            }
            let contact_hash = match (&point, rows::key(conn)?) {
                (Some(point), Some(key)) => Some(to_hex(&hash(&key, point))),
                (Some(_), None) => return Ok(ProofPage { proofs: Vec::new(), next: None }),
                (None, _) => None,
            };
            let record = request.subject.as_ref().map(|subject| subject.id);
            let wanted = Wanted { beyond: request.at, record, contact_hash };
            let mut found = rows::proofs(conn, &wanted, after.as_ref(), request.limit + 1)?;
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let last = found.last().filter(|_| has_more);
            let next = last.map(|last| cursor::write_place(Listing::Proofs, last.place));
            let proofs = found.into_iter().map(|found| {
                let damaged = |_| Error::new(ErrorKind::Corrupt, "a kept proof cannot be read");
                Ok(ErasedProof {
                    subject: RecordRef::new(found.entity_type, found.place.1),
                    erased_at: found.erased_at,
                    proof: serde_json::from_str(&found.json).map_err(damaged)?,
                })
            });
            Ok(ProofPage { proofs: proofs.collect::<Result<_>>()?, next })
        })
    }
}
