//! The proof that the tables of activities are what the journal says.

use std::collections::BTreeMap;

use super::{
    Catalog, Crm,
    database::{FINDINGS, is_finding},
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
    verify_search,
};
use crate::{
    ChangeKind, Error, ErrorKind, RecordRef, Result, VerifyReport,
    journal::{ActivityBody, read_visitor},
    store::{
        Connection,
        activities::{self as rows, StoredActivity},
        journal, privacy,
        search::Owner,
    },
};

impl Crm {
    /// Compares every activity, its links and its visitor with the journal; `step` hears of each
    /// page.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_activities(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages("activities", report, step, |conn, catalog, after, report| {
            if after.is_none() {
                verify_whole(conn, catalog, report)?;
            }
            verify_page(conn, catalog, after, report)
        })
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, catalog: &Catalog, report: &mut VerifyReport) -> Result<()> {
    let recorded = journal::count(conn, ChangeKind::ActivityRecorded)?;
    let stored = rows::count(conn)?;
    if !recorded.contains(&stored) {
        let recorded = recorded.end();
        report.problems.push(format!(
            "activities: the table has {stored} activities, the journal recorded {recorded}"
        ));
    }
    let strays = rows::count_stray_links(conn)?;
    if strays > 0 {
        report.problems.push(format!("activities: {strays} links have another time"));
    }
    for kind in catalog.kinds() {
        let strays = rows::count_stray_properties(conn, kind)?;
        if strays > 0 {
            let name = &kind.model.name;
            report.problems.push(format!("{name}: {strays} properties belong to no such activity"));
        }
    }
    verify_visitors(conn, report)
}

/// Compares whose record each visitor is with the last that the journal says.
fn verify_visitors(conn: &Connection, report: &mut VerifyReport) -> Result<()> {
    let mut said: BTreeMap<String, RecordRef> = BTreeMap::new();
    journal::of_visitors(conn, |body| {
        let (visitor, record) = read_visitor(body)?;
        match record {
            Some(record) => said.insert(visitor, record),
            None => said.remove(&visitor),
        };
        Ok(())
    })?;
    rows::visitors(conn, |number, key, record| {
        if said.remove(key) != record {
            report.problems.push(format!("visitor {number}: the table differs from the journal"));
        }
        Ok(report.problems.len() < FINDINGS)
    })?;
    if !said.is_empty() && report.problems.len() < FINDINGS {
        let message = format!("{} visitors of the journal are missing", said.len());
        report.problems.push(message);
    }
    Ok(())
}

/// Compares a page of activities with the journal.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    after: Option<i64>,
    report: &mut VerifyReport,
) -> Result<Compared<i64>> {
    // Places begin at 1.
    let places = rows::places_after(conn, after.unwrap_or(0), VERIFIED_AT_ONCE)?;
    let mut stored = rows::get_many(conn, &places)?;
    let unknown = |_| Error::new(ErrorKind::Corrupt, "an activity is of an unknown kind");
    let kind = |name: &str| catalog.kind(name).map(|kind| &**kind).map_err(unknown);
    rows::complete(conn, &mut stored, kind)?;
    let mut stored = stored.into_iter().peekable();
    for &seq in &places {
        report.activities += 1;
        let row = stored.next_if(|row| row.seq == seq);
        let has_other_words =
            row.as_ref().map_or(Ok(false), |row| other_words(conn, catalog, row))?;
        let finding = match row.map(|row| differs(conn, catalog, &row)) {
            Some(Ok(false)) if !has_other_words => continue,
            Some(Ok(false)) => "the index of words differs from the table".to_owned(),
            // Without kind or row of the journal it cannot even be read.
            Some(Ok(true)) | None => "the table differs from the journal".to_owned(),
            Some(Err(error)) if is_finding(error.kind()) => error.message().to_owned(),
            Some(Err(error)) => return Err(error),
        };
        note(report, format!("activity of change {seq}: {finding}"));
    }
    Ok(Compared::new(places.len(), places.last().copied()))
}

/// Whether the index holds other words than those of an activity, which has none when it no longer
/// counts.
fn other_words(conn: &Connection, catalog: &Catalog, stored: &StoredActivity) -> Result<bool> {
    let model = &catalog.kind(&stored.kind)?.model;
    let counts = stored.recorded.superseded_by.is_none();
    let expected = counts.then_some((&stored.content.cells[..], false));
    verify_search::differs(conn, Owner::Kind(model.id), model, stored.seq, expected)
}

/// Whether the rows of an activity are other than the journal makes them.
fn differs(conn: &Connection, catalog: &Catalog, stored: &StoredActivity) -> Result<bool> {
    let kind = catalog.kind(&stored.kind)?;
    let body = journal::body(conn, stored.seq, ChangeKind::ActivityRecorded)?;
    let Some((body, is_erased)) = body else { return Ok(true) };
    if is_erased {
        return Ok(false);
    }
    let body = ActivityBody::read(&body)?;
    if (&body.kind, body.id) != (&stored.kind, stored.recorded.id) {
        return Ok(true);
    }
    let mut expected = body.content(&kind.model)?;
    if let Some(visitor) = &expected.visitor {
        expected.subject = rows::record_of(conn, visitor)?;
    }
    if stored.content.links.len() < expected.links.len() {
        // Of participants who were erased, the activity itself still names the random id.
        let mut links = Vec::with_capacity(expected.links.len());
        for link in std::mem::take(&mut expected.links) {
            if privacy::erased_at(conn, link.id)?.is_none() {
                links.push(link);
            }
        }
        expected.links = links;
    }
    if stored.content != expected {
        return Ok(true);
    }
    // Each of the two names the other.
    let id = stored.recorded.id;
    if let Some(old) = expected.supersedes {
        let old = rows::get_by_id(conn, old)?;
        if old.is_none_or(|old| old.recorded.superseded_by != Some(id)) {
            return Ok(true);
        }
    }
    let Some(by) = stored.recorded.superseded_by else { return Ok(false) };
    let by = rows::get_by_id(conn, by)?;
    Ok(by.is_none_or(|by| by.content.supersedes != Some(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::verify::assert_found;
    use crate::{
        ActivityLink, ActivityPreset, Attribute, DefineActivityKind, Flow, IdentifyVisitor, Kind,
        NewActivity, RecordId, Timestamp, values,
    };

    /// A file with a purchase that was corrected, a call with a link, and a visitor's call.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
        let notes = Attribute::new("memo", Kind::Text).searched();
        crm.activity_kinds().define(DefineActivityKind::new("call", [notes])).unwrap();
        let name = Attribute::new("given_name", Kind::Text).searched();
        crm.types().define_attribute("contact", name).unwrap();
        crm.activity_kinds().define(DefineActivityKind::new("bare", [])).unwrap();
        let contact =
            |name: &str| crm.contacts().create(values! { "given_name" => name }).unwrap().id;
        let (ann, bob) = (contact("Ann"), contact("Bob"));
        let at = Timestamp::UNIX_EPOCH;
        let of = |id: RecordId| NewActivity::of("bare", RecordRef::new("contact", id), at);
        let old = crm.activities().record(of(ann)).unwrap().activity.id;
        let correction = NewActivity { supersedes: Some(old), ..NewActivity::new("bare", at) };
        crm.activities().record(correction).unwrap();
        let link = ActivityLink { entity_type: "contact".into(), id: bob, role: "host".into() };
        let properties = values! { "minutes" => 5, "memo" => "a long call" };
        let call = NewActivity { kind: "call".into(), links: vec![link], properties, ..of(ann) };
        crm.activities().record(call).unwrap();
        crm.activities().record(NewActivity::of_visitor("call", "v", at)).unwrap();
        let (visitor, entity_type) = ("v".to_owned(), "contact".to_owned());
        crm.activities().identify(&IdentifyVisitor { visitor, entity_type, id: ann }).unwrap();
        crm
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!((report.problems, report.activities), (Vec::new(), 4));
        let tamperings = [
            "UPDATE crm_activity SET at = at + 1 WHERE channel IS NULL AND seq = (SELECT max(seq) FROM crm_activity)",
            "UPDATE crm_activity SET channel = 'web'",
            "UPDATE crm_activity SET superseded_by = NULL",
            "UPDATE crm_activity SET superseded_by = id WHERE visitor IS NOT NULL",
            "UPDATE crm_activity SET supersedes = NULL",
            "UPDATE crm_activity SET kind = (SELECT id FROM crm_activity_kind WHERE name = 'call')",
            "UPDATE crm_activity SET subject = NULL, subject_type = NULL WHERE visitor IS NOT NULL",
            "UPDATE crm_activity SET subject = NULL, subject_type = NULL WHERE visitor IS NOT NULL; \
             UPDATE crm_visitor SET record_id = NULL, record_type = NULL",
            "DELETE FROM crm_activity WHERE visitor IS NOT NULL",
            "DELETE FROM crm_activity_link",
            "UPDATE crm_activity_link SET role = ''",
            "UPDATE crm_activity_link SET at = 1",
            "UPDATE crm_activity_call SET minutes = 6",
            "DELETE FROM crm_activity_call",
            "INSERT INTO crm_activity_call (seq) SELECT min(seq) FROM crm_activity",
            "DELETE FROM crm_search",
            "DELETE FROM crm_searched WHERE kind IS NOT NULL",
            "UPDATE crm_searched SET seq = 1 WHERE kind IS NOT NULL",
            "UPDATE crm_searched SET is_archived = 1 - is_archived WHERE type IS NOT NULL",
            "UPDATE crm_searched SET kind = kind + 1 WHERE kind IS NOT NULL",
            "UPDATE crm_search SET words = 'bob' WHERE words = 'ann '",
            "UPDATE crm_search SET words = 'long'",
            "INSERT INTO crm_search (rowid, words) VALUES (1000, 'x')",
            "INSERT INTO crm_searched (seq, kind, is_archived) \
             SELECT seq, kind, 0 FROM crm_activity WHERE superseded_by IS NOT NULL",
            "INSERT INTO crm_searched (seq, type, is_archived) VALUES (1, 1, 0)",
        ];
        assert_found(filled, &tamperings);
    }
}
