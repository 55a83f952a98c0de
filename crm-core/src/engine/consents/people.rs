//! Records that are one person, as the ledger sees it: linked, and unlinked again.
//!
//! No row of theirs is moved. What the file keeps for conditions is written anew for each of them, and
//! by the links alone it is known whose ledgers are read beside each other.

use serde_json::json;

use super::{Consents, check_subject, follow_all, subject};
use crate::{
    ChangeKind, Error, ErrorKind, GetLinkedPeople, LinkPeople, LinkedPeople, RecordId, RecordRef,
    Result, engine::Writing, limits, store::consents as rows,
};

impl Consents<'_> {
    /// Says of two records that they are one person: what restricts one restricts the other, and what
    /// permits one still permits only that one, so that the answer can only become stricter. Links join:
    /// who is linked with one is linked with all that one is linked with. Linking again changes nothing.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`; `InvalidArgument` if both are the same record; `LimitExceeded` past 100
    /// records of one person.
    pub fn link(&self, request: &LinkPeople) -> Result<LinkedPeople> {
        self.crm.write(|writing| {
            let (a, b) = ends(writing, request)?;
            let (people, _) = rows::people(writing.tx, a.1)?;
            let is_linked = rows::person_links(writing.tx, &people)?
                .iter()
                .any(|link| (link.a.id, link.b.id) == (a.1, b.1));
            if !is_linked {
                let (others, _) = rows::people(writing.tx, b.1)?;
                let mut all = people;
                all.extend(others);
                all.sort_unstable();
                all.dedup();
                if all.len() > limits::PEOPLE {
                    let message = format!("at most {} records are one person", limits::PEOPLE);
                    return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("b"));
                }
                put(writing, request, [a, b])?;
                follow_all(writing.tx, &all)?;
            }
            links(writing, a.1)
        })
    }

    /// Takes back that two records are one person: what held for each before holds again.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound` if a record is not there, or the two are not linked with each other.
    pub fn unlink(&self, request: &LinkPeople) -> Result<LinkedPeople> {
        self.crm.write(|writing| {
            let (a, b) = ends(writing, request)?;
            let (people, _) = rows::people(writing.tx, a.1)?;
            if !rows::delete_person_link(writing.tx, [a.1, b.1])? {
                let message = "the two are not linked with each other";
                return Err(Error::new(ErrorKind::NotFound, message).with_field("b"));
            }
            let stamp = writing.stamp();
            writing.log(stamp, ChangeKind::PeopleUnlinked, None, None, &body(request))?;
            follow_all(writing.tx, &people)?;
            links(writing, request.a.id)
        })
    }

    /// The links by which a record is the same person as others.
    ///
    /// # Errors
    ///
    /// `UnknownType`; `NotFound`.
    pub fn linked(&self, request: &GetLinkedPeople) -> Result<LinkedPeople> {
        self.crm.read_explained(|conn, catalog| {
            let table = catalog.table(&request.subject.entity_type);
            let table = table.map_err(|error| error.with_field("subject.type"))?;
            check_subject(conn, table, &request.subject)?;
            let (people, _) = rows::people(conn, request.subject.id)?;
            Ok(LinkedPeople { links: rows::person_links(conn, &people)? })
        })
    }
}

/// An end of a link: the number of its type, and its id.
type End = (i64, RecordId);

/// Links two records, without what follows from it.
fn put(writing: &mut Writing<'_>, request: &LinkPeople, ends: [End; 2]) -> Result<()> {
    let (stamp, seq) = (writing.stamp(), writing.next_seq());
    writing.log(stamp, ChangeKind::PeopleLinked, None, None, &body(request))?;
    rows::insert_person_link(writing.tx, ends, (stamp.at(), seq))
}

/// Links records of one person anew that a record held together which is gone.
///
/// # Errors
///
/// Those of writing.
pub(in crate::engine) fn rejoin(writing: &mut Writing<'_>, people: &[RecordRef]) -> Result<()> {
    let Some((first, rest)) = people.split_first() else { return Ok(()) };
    for other in rest {
        let (joined, _) = rows::people(writing.tx, first.id)?;
        if !joined.contains(&other.id) {
            let request = LinkPeople::new(first.clone(), other.clone());
            let (a, b) = ends(writing, &request)?;
            put(writing, &request, [a, b])?;
        }
    }
    Ok(())
}

/// The two records, the one of the lesser id first.
fn ends(writing: &Writing<'_>, request: &LinkPeople) -> Result<(End, End)> {
    let end = |one: &RecordRef, name: &str| -> Result<End> {
        let table = subject(writing.tx, writing, one).map_err(|error| {
            let field = error.field().unwrap_or_default().replace("subject", name);
            error.with_field(field)
        })?;
        Ok((table.model.id, one.id))
    };
    let (a, b) = (end(&request.a, "a")?, end(&request.b, "b")?);
    match a.1.cmp(&b.1) {
        std::cmp::Ordering::Less => Ok((a, b)),
        std::cmp::Ordering::Greater => Ok((b, a)),
        std::cmp::Ordering::Equal => {
            let message = "a record is no other person than itself";
            Err(Error::new(ErrorKind::InvalidArgument, message).with_field("b"))
        }
    }
}

fn body(request: &LinkPeople) -> String {
    json!({"a": request.a, "b": request.b}).to_string()
}

fn links(writing: &Writing<'_>, one: RecordId) -> Result<LinkedPeople> {
    let (people, _) = rows::people(writing.tx, one)?;
    Ok(LinkedPeople { links: rows::person_links(writing.tx, &people)? })
}
