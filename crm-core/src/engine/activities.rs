//! Activities: recording, correcting, reading, and saying whose record a visitor is.

use super::{
    Catalog, Crm, Writing, activity_kinds, check_limit,
    cursor::{self, Listing},
    records::check_target,
};
use crate::{
    Activity, ActivityOutcome, ActivityPage, ActivityReport, ChangeKind, Error, ErrorKind,
    IdentifyVisitor, ListActivities, NewActivity, Outcome, Problem, RecordActivities, RecordId,
    RecordRef, RecordedActivity, Result, Visitor,
    activity::{self, Content, check_label},
    journal, limits,
    store::{
        Connection,
        activities::{
            self as rows, Happened, KindTable, NewRow, Numbered, Page, StoredActivity,
            StoredVisitor,
        },
        journal as changes, records,
    },
};

/// Activities: see [`Crm::activities`].
#[derive(Debug)]
pub struct Activities<'a> {
    crm: &'a Crm,
}

impl<'a> Activities<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Records an activity and returns it with its id. Under a key that is there already with the
    /// same content, nothing is written and the activity of then is returned.
    ///
    /// ```
    /// use crm_core::{ActivityPreset, Crm, NewActivity, RecordRef, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.activity_kinds().define_preset(ActivityPreset::Call)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?;
    /// let call = crm.activities().record(NewActivity {
    ///     properties: values! { "minutes" => 12, "outcome" => "reached" },
    ///     ..NewActivity::of("call", RecordRef::new("contact", ann.id), "2026-01-31T12:00:00Z".parse()?)
    /// })?;
    /// assert_eq!(crm.activities().get(call.activity.id)?, call.activity);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType` if there is no such kind or entity type; `InvalidArgument` if there is both a
    /// subject and a visitor or none, or a correction has others than what it corrects; `OutOfRange`
    /// more than one day in the future; `NotFound` if a record, a file or the superseded activity is
    /// not there; `Archived` if the kind, the subject or its type is; `Duplicate` if the key is there
    /// with other content; `StaleVersion` if what it supersedes is superseded already; and for a
    /// property as for an attribute in [`Records::create`](crate::Records::create).
    pub fn record(&self, activity: NewActivity) -> Result<RecordedActivity> {
        self.crm.write(|writing| {
            let (seq, _, outcome) = record(writing, activity)?;
            let activity = load(writing.tx, &writing.catalog, &[seq])?.pop();
            Ok(RecordedActivity { activity: activity.ok_or_else(missing)?, outcome })
        })
    }

    /// Records several activities in one transaction and says for each what became of it: it is whole,
    /// with all that follows from it, or nothing of it is there. Scores and live segments follow at the
    /// end, once for each record, and then the lifecycles and rules that ask for them.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 100,000 activities. One that fails by itself is not an error of the
    /// batch but an outcome; an error of the file undoes the whole batch.
    pub fn record_many(&self, request: RecordActivities) -> Result<ActivityReport> {
        if request.activities.len() > limits::BATCH {
            let message = format!("at most {} activities", limits::BATCH);
            return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("activities"));
        }
        let mut report = ActivityReport { outcomes: Vec::new(), failed: 0, is_committed: true };
        let written = self.crm.write_rows(|writing| {
            (report.outcomes, report.failed) = (Vec::with_capacity(request.activities.len()), 0);
            writing.batch(|writing| {
                for activity in &request.activities {
                    let outcome = writing.row(|writing| record(writing, activity.clone()))?;
                    report.failed += u64::from(outcome.is_err());
                    report.outcomes.push(to_outcome(outcome));
                }
                if request.all_or_nothing && report.failed > 0 {
                    report.is_committed = false;
                    return Err(Error::new(ErrorKind::Interrupted, "an activity failed"));
                }
                Ok(())
            })
        });
        match written {
            Err(_) if !report.is_committed => {}
            written => written?,
        }
        Ok(report)
    }

    /// Reads an activity, whether or not it is superseded.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn get(&self, id: RecordId) -> Result<Activity> {
        self.crm.read_explained(|conn, catalog| {
            let stored = rows::get_by_id(conn, id)?;
            let stored = stored.ok_or_else(|| not_found("id", "no such activity"))?;
            to_activities(conn, catalog, vec![stored])?.pop().ok_or_else(missing)
        })
    }

    /// Reads a page of activities of a record or a visitor, the latest first, or the one of a key.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` unless exactly one of subject, visitor and key is given, if the limit is not
    /// 1 to 10,000, or `after` is not the `next` of such a page; `UnknownType` if there is no such
    /// entity type or kind; `NotFound` if there is no such record. A visitor or key that is not there
    /// has no activities.
    pub fn list(&self, request: &ListActivities) -> Result<ActivityPage> {
        check_limit(request.limit)?;
        let given = [request.subject.is_some(), request.visitor.is_some(), request.key.is_some()];
        if given.into_iter().filter(|is_given| *is_given).count() != 1 {
            let message = "exactly one of subject, visitor and key is needed";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field("subject"));
        }
        let after: Option<[i64; 2]> =
            cursor::read_place(Listing::Activities, request.after.as_deref())?;
        let until = request.until.map_or((i64::MAX, i64::MAX), |until| (until.micros(), i64::MIN));
        self.crm.read_explained(|conn, catalog| {
            let page = Page {
                kinds: numbers(catalog, &request.kinds)?,
                from: request.from.map_or(i64::MIN, |from| from.micros()),
                before: after.map_or(until, |[at, seq]| until.min((at, seq))),
                // One more tells whether there is a next page.
                limit: request.limit + 1,
            };
            let mut places = match request {
                ListActivities { subject: Some(subject), .. } => {
                    let table = catalog.table(&subject.entity_type);
                    let table = table.map_err(|error| error.with_field("subject.type"))?;
                    if !records::exists(conn, table, subject.id.as_bytes())? {
                        return Err(not_found("subject.id", "no such record"));
                    }
                    page.of_subject(conn, subject.id)?
                }
                ListActivities { visitor: Some(visitor), .. } => {
                    match rows::find_visitor(conn, visitor)? {
                        Some(visitor) => page.of_visitor(conn, visitor.number)?,
                        None => Vec::new(),
                    }
                }
                _ => page.of_key(conn, request.key.as_deref().unwrap_or_default())?,
            };
            let has_more = places.len() > request.limit as usize;
            places.truncate(request.limit as usize);
            let last = places.last().filter(|_| has_more);
            let next = last.map(|&(at, seq)| cursor::write_place(Listing::Activities, [at, seq]));
            let places: Vec<i64> = places.into_iter().map(|(_, seq)| seq).collect();
            Ok(ActivityPage { activities: load(conn, catalog, &places)?, next })
        })
    }

    /// Says whose record a visitor is: all of its activities, those of the past and those to come,
    /// are of that record. Saying it again changes nothing.
    ///
    /// # Errors
    ///
    /// `InvalidValue` or `OutOfRange` if the key is none; `UnknownType`, `NotFound`, or `Archived` if
    /// the record or its type is; `Duplicate` if the visitor was identified as another record.
    pub fn identify(&self, request: &IdentifyVisitor) -> Result<Visitor> {
        let IdentifyVisitor { visitor: key, entity_type, id } = request;
        check_key(key)?;
        self.crm.write(|writing| {
            let record = RecordRef::new(entity_type.as_str(), *id);
            let known = rows::find_visitor(writing.tx, key)?;
            let number = number_of(writing, &record).map_err(|error| match error.field() {
                Some("subject.type") => error.with_field("type"),
                _ => error.with_field("id"),
            })?;
            if let Some(other) = known.and_then(|known| known.record) {
                if other.1 != *id {
                    let message = format!("the visitor was identified as record {}", other.1);
                    return Err(Error::new(ErrorKind::Duplicate, message)
                        .with_field("visitor")
                        .with_hint("release the visitor first, with activities.release"));
                }
            } else {
                let visitor = match known {
                    Some(known) => known.number,
                    None => rows::add_visitor(writing.tx, key)?,
                };
                rows::set_record(writing.tx, visitor, Some((number, *id)))?;
                writing.note_visitor((number, *id));
                let stamp = writing.stamp();
                journal::write_identified(key, &record, &mut writing.body);
                writing.log_body(stamp, ChangeKind::VisitorIdentified, None, None)?;
                let subject = (number, *id);
                writing.tell_activities(subject, |writing| rows::happened(writing.tx, visitor))?;
            }
            to_visitor(writing, key, Some(record))
        })
    }

    /// Takes back whose record a visitor is: its activities are nobody's again. Taking it back again
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such visitor.
    pub fn release(&self, visitor: &str) -> Result<Visitor> {
        self.crm.write(|writing| {
            let known = rows::find_visitor(writing.tx, visitor)?;
            let known = known.ok_or_else(|| not_found("visitor", "no such visitor"))?;
            if let Some(record) = known.record {
                rows::set_record(writing.tx, known.number, None)?;
                writing.note_visitor(record);
                let stamp = writing.stamp();
                journal::write_released(visitor, &mut writing.body);
                writing.log_body(stamp, ChangeKind::VisitorReleased, None, None)?;
                writing.tell_activities(record, |_| Ok(Vec::new()))?;
            }
            to_visitor(writing, visitor, None)
        })
    }
}

fn to_outcome(outcome: Result<(i64, RecordId, Outcome)>) -> ActivityOutcome {
    match outcome {
        Ok((_, id, outcome)) => ActivityOutcome { outcome, id: Some(id), problem: None },
        Err(error) => ActivityOutcome {
            outcome: Outcome::Failed,
            id: None,
            problem: Some(Problem::from(&error)),
        },
    }
}

fn to_visitor(writing: &Writing<'_>, key: &str, record: Option<RecordRef>) -> Result<Visitor> {
    let visitor = rows::find_visitor(writing.tx, key)?.ok_or_else(missing)?;
    let activities = rows::count_of_visitor(writing.tx, visitor.number)?;
    Ok(Visitor { visitor: key.to_owned(), record, activities })
}

/// Records an activity within a transaction; answers its place in the journal and its id.
///
/// Nothing is written before everything is known to be right: in a batch the others are kept.
fn record(writing: &mut Writing<'_>, activity: NewActivity) -> Result<(i64, RecordId, Outcome)> {
    let kind = writing.kind(&activity.kind)?;
    activity_kinds::check_live(&kind)?;
    let content = activity::draft(&kind.model, activity, writing.now)?;
    record_content(writing, &kind, content)
}

/// As [`record`], of an activity that is encoded already.
pub(super) fn record_content(
    writing: &mut Writing<'_>,
    kind: &KindTable,
    mut content: Content,
) -> Result<(i64, RecordId, Outcome)> {
    for property in &kind.model.attributes {
        check_target(&writing.view(), property, &mut content.cells[property.span()])?;
    }
    let corrected = match content.supersedes {
        None => None,
        Some(id) => Some(take_over(writing, id, &mut content)?),
    };
    journal::write_activity(&kind.model, &content, &mut writing.body);
    // Asked before anything that may have changed since: what was recorded once can be repeated.
    if let Some((seq, id)) = find_same(writing.tx, &content, &writing.body)? {
        return Ok((seq, id, Outcome::Unchanged));
    }
    if let Some(by) = corrected.as_ref().and_then(|old| old.recorded.superseded_by) {
        return Err(Error::new(ErrorKind::StaleVersion, "the activity is superseded already")
            .with_field("supersedes")
            .with_hint(format!("correct {by} instead")));
    }
    let (subject, visitor) = owner(writing, &content)?;
    let types = link_types(writing, &content)?;
    let (seq, id) = insert(writing, kind, &content, (subject, visitor), &types)?;
    let changes_kind = corrected.as_ref().is_some_and(|old| old.kind != kind.model.name);
    let mut corrects = None;
    if let Some(old) = corrected {
        rows::supersede(writing.tx, old.seq, id)?;
        let (seq, id, at) = (old.seq, old.recorded.id, old.content.at);
        let kind = writing.kind(&old.kind)?.model.id;
        corrects = Some(Box::new(Happened { seq, id, kind, at, corrects: None }));
        note_superseded(writing, old, subject)?;
    }
    if let Some(subject) = subject {
        if changes_kind {
            // Whoever looks at the kind of the old one only has to hear of it too.
            writing.tell_activities(subject, |_| Ok(Vec::new()))?;
        }
        let recorded = Happened { seq, id, kind: kind.model.id, at: content.at, corrects };
        writing.tell_activities(subject, |_| Ok(vec![recorded]))?;
    }
    Ok((seq, id, Outcome::Created))
}

/// Writes a new activity, all of which was checked and whose content stands in the body too; answers
/// its place in the journal and its id.
///
/// # Errors
///
/// `LimitExceeded` if the journal cannot hold it; then nothing is written.
fn insert(
    writing: &mut Writing<'_>,
    kind: &KindTable,
    content: &Content,
    (subject, visitor): (Option<Numbered>, Option<StoredVisitor>),
    link_types: &[i64],
) -> Result<(i64, RecordId)> {
    let id = writing.new_id();
    journal::finish_activity(id, &mut writing.body);
    writing.check_body().map_err(|error| error.with_field("properties"))?;
    let visitor = match (&content.visitor, visitor) {
        (Some(key), None) => Some(rows::add_visitor(writing.tx, key)?),
        (_, visitor) => visitor.map(|visitor| visitor.number),
    };
    let seq = writing.next_seq();
    let stamp = writing.stamp();
    rows::insert(writing.tx, kind, &NewRow { seq, id, subject, visitor }, content)?;
    if let Some(subject) = subject {
        writing.note_activity(kind.model.id, subject, content, true);
    }
    if !content.links.is_empty() {
        rows::insert_links(writing.tx, seq, content, link_types)?;
    }
    writing.log_body(stamp, ChangeKind::ActivityRecorded, None, None)?;
    Ok((seq, id))
}

/// Writes a new activity of a record, all of which was checked, and answers its id.
///
/// # Errors
///
/// `LimitExceeded` if the journal cannot hold it; then nothing is written.
pub(super) fn insert_of_record(
    writing: &mut Writing<'_>,
    kind: &KindTable,
    content: &Content,
    record: Numbered,
) -> Result<RecordId> {
    journal::write_activity(&kind.model, content, &mut writing.body);
    let (seq, id) = insert(writing, kind, content, (Some(record), None), &[])?;
    let recorded = Happened { seq, id, kind: kind.model.id, at: content.at, corrects: None };
    writing.tell_activities(record, |_| Ok(vec![recorded]))?;
    Ok(id)
}

/// Notes that an activity of this subject counts no longer.
fn note_superseded(
    writing: &mut Writing<'_>,
    mut old: StoredActivity,
    subject: Option<Numbered>,
) -> Result<()> {
    let kind = writing.kind(&old.kind)?;
    let Some(subject) = subject.filter(|_| writing.sums_up(kind.model.id, subject)) else {
        return Ok(());
    };
    rows::complete(writing.tx, std::slice::from_mut(&mut old), |_| Ok(&kind))?;
    writing.note_activity(kind.model.id, subject, &old.content, false);
    Ok(())
}

/// The activity that `content` corrects, whose subject or visitor it has.
fn take_over(writing: &Writing<'_>, id: RecordId, content: &mut Content) -> Result<StoredActivity> {
    let old = rows::get_by_id(writing.tx, id)?;
    let old = old.ok_or_else(|| not_found("supersedes", "no such activity"))?;
    // Of a visitor's activity the subject is said by the visitor.
    let visitor = old.content.visitor.clone();
    let subject = old.content.subject.clone().filter(|_| visitor.is_none());
    let is_silent = content.subject.is_none() && content.visitor.is_none();
    if is_silent {
        (content.subject, content.visitor) = (subject, visitor);
    } else if (&content.subject, &content.visitor) != (&subject, &visitor) {
        let field = if content.subject == subject { "visitor" } else { "subject" };
        let message = "a correction is of the same record or visitor as what it corrects";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field(field)
            .with_hint("leave out both subject and visitor"));
    }
    Ok(old)
}

/// Place and id of the activity that has the same key, if its content is the one that stands in the
/// body too.
pub(super) fn find_same(
    conn: &Connection,
    content: &Content,
    body: &str,
) -> Result<Option<(i64, RecordId)>> {
    let Some(key) = &content.key else { return Ok(None) };
    let Some((seq, id)) = rows::find_key(conn, key)? else { return Ok(None) };
    let (stored, is_erased) =
        changes::body(conn, seq, ChangeKind::ActivityRecorded)?.ok_or_else(missing)?;
    if !is_erased && journal::is_same_activity(&stored, body) {
        return Ok(Some((seq, id)));
    }
    Err(Error::new(ErrorKind::Duplicate, format!("activity {id} has this key and other content"))
        .with_field("key")
        .with_hint("record it under another key, or as a correction of that activity"))
}

/// The subject in numbers, and the visitor if it is known.
fn owner(
    writing: &Writing<'_>,
    content: &Content,
) -> Result<(Option<Numbered>, Option<StoredVisitor>)> {
    if let Some(subject) = &content.subject {
        return Ok((Some((number_of(writing, subject)?, subject.id)), None));
    }
    let key = content.visitor.as_deref().unwrap_or_default();
    let visitor = rows::find_visitor(writing.tx, key)?;
    Ok((visitor.and_then(|visitor| visitor.record), visitor))
}

/// The number of a record's type, having looked that the record is there and in use.
fn number_of(writing: &Writing<'_>, record: &RecordRef) -> Result<i64> {
    let table = writing.catalog.table(&record.entity_type);
    let table = table.map_err(|error| error.with_field("subject.type"))?;
    table.model.check_live().map_err(|error| error.with_field("subject.type"))?;
    match records::is_archived(writing.tx, table, record.id.as_bytes())? {
        Some(false) => Ok(table.model.id),
        Some(true) => Err(Error::new(ErrorKind::Archived, "the record is archived")
            .with_field("subject.id")
            .with_hint("restore it with records.restore")),
        None => Err(not_found("subject.id", "no such record")),
    }
}

/// The number of each link's entity type, having looked that the record is there. It may be
/// archived, as that of a reference may.
fn link_types(writing: &Writing<'_>, content: &Content) -> Result<Vec<i64>> {
    let number = |link: &crate::ActivityLink| {
        let table = writing.catalog.table(&link.entity_type);
        let table = table.map_err(|error| error.with_field("links"))?;
        if records::exists(writing.tx, table, link.id.as_bytes())? {
            return Ok(table.model.id);
        }
        Err(not_found("links", &format!("no {} has the id {}", link.entity_type, link.id)))
    };
    content.links.iter().map(number).collect()
}

/// Numbers of kinds as a JSON array; `None` for every kind.
pub(super) fn numbers(catalog: &Catalog, kinds: &[String]) -> Result<Option<String>> {
    let number = |name: &String| match catalog.kind(name) {
        Ok(kind) => Ok(kind.model.id),
        Err(error) => Err(error.with_field("kinds")),
    };
    let numbers = kinds.iter().map(number).collect::<Result<Vec<_>>>()?;
    let json = || serde_json::to_string(&numbers).expect("a list of numbers is always JSON");
    Ok((!numbers.is_empty()).then(json))
}

/// The activities of these places in the journal, in the same order.
pub(super) fn load(conn: &Connection, catalog: &Catalog, places: &[i64]) -> Result<Vec<Activity>> {
    let stored = rows::get_many(conn, places)?;
    if stored.len() != places.len() {
        return Err(missing());
    }
    to_activities(conn, catalog, stored)
}

fn to_activities(
    conn: &Connection,
    catalog: &Catalog,
    mut stored: Vec<StoredActivity>,
) -> Result<Vec<Activity>> {
    rows::complete(conn, &mut stored, |kind| catalog.kind(kind).map(|kind| &**kind))?;
    let activity = |stored: StoredActivity| {
        let kind = catalog.kind(&stored.kind)?;
        Ok(Activity::new(&kind.model, stored.content, stored.recorded))
    };
    stored.into_iter().map(activity).collect()
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        let message = "a visitor's key is not empty";
        return Err(Error::new(ErrorKind::InvalidValue, message).with_field("visitor"));
    }
    check_label("visitor", key)
}

fn not_found(field: &str, message: &str) -> Error {
    Error::new(ErrorKind::NotFound, message).with_field(field)
}

/// A row that another row names and that is not there.
fn missing() -> Error {
    Error::new(ErrorKind::Corrupt, "a row of an activity is missing")
}
