//! Retention rules, and what is due for review by them. Nothing is archived or erased here.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Privacy, plan};
use crate::{
    ChangeKind, DueForReview, Error, ErrorKind, ListDueForReview, RecordId, RecordRef, Result,
    Retention, ReviewPage, Timestamp,
    condition::{Direction, Moment},
    engine::{
        Catalog, check_limit, conditions,
        cursor::{self, Listing},
    },
    limits,
    privacy::retention::check_retention,
    store::{
        Connection, condition as sql, consents,
        retention::{self as rows, Due, Wanted},
    },
};

/// How far a span later and the span earlier again is from where it began at most, in microseconds: as many
/// months differ by three days, and as many years by two, of those that leap.
const SLACK: i64 = 8 * 86_400_000_000;

/// Where a page of what is due ended.
#[derive(Serialize, Deserialize)]
struct Place {
    at: Timestamp,
    rule: Option<String>,
    of_type: Option<String>,
    /// The last record: since when it is due, its id and its rule.
    last: (Timestamp, RecordId, String),
}

impl Privacy<'_> {
    /// Defines a rule for how long records are kept, or changes one: the request is its whole new
    /// definition. Saying the same again changes nothing. It has nothing done by itself: see
    /// [`Privacy::due_for_review`].
    ///
    /// ```
    /// use crm_core::{Crm, Retention, RetentionStart};
    ///
    /// let crm = Crm::in_memory()?;
    /// let leads = Retention::new("leads", "contact", "P3Y", RetentionStart::LastActivity)
    ///     .when("country = \"DE\"".parse()?)
    ///     .because("nobody remembers us after three years");
    /// crm.privacy().define_retention(leads)?;
    /// assert_eq!(crm.privacy().retentions()?[0].period, "P3Y");
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if the name is none; `InvalidValue` if the period is no span; `OutOfRange` if it
    /// is nothing, or more than 200 years; `UnknownType`; `Archived` if the type is; `NotFound` for a
    /// purpose that is not there; `Required` if the last use is of no purpose; as
    /// [`Crm::check_condition`](crate::Crm::check_condition) with the path in `where`; `LimitExceeded`
    /// past 200 rules, 256 KiB of JSON or 16 KiB of reason.
    pub fn define_retention(&self, mut rule: Retention) -> Result<Retention> {
        check_retention(&mut rule)?;
        self.crm.write(|writing| {
            let table = writing.table(&rule.entity_type)?;
            table.model.check_live().map_err(|error| error.with_field("type"))?;
            if let Some(purpose) = &rule.purpose {
                writing.catalog.book().purpose(purpose)?;
            }
            check_condition(&writing.catalog, &rule)?;
            let mut rules = writing.catalog.retentions().clone();
            if rules.insert(rule.name.clone(), rule.clone()).as_ref() == Some(&rule) {
                return Ok(rule);
            }
            check_room(rules.len())?;
            let json = to_json(&rule)?;
            let stamp = writing.stamp();
            writing.log(stamp, ChangeKind::RetentionDefined, None, None, &json)?;
            rows::put(writing.tx, &rule.name, table.model.id, &json, writing.last_seq())?;
            writing.set_retentions(rules);
            Ok(rule)
        })
    }

    /// All retention rules, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn retentions(&self) -> Result<Vec<Retention>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().retentions().values().cloned().collect())
    }

    /// Removes a retention rule, and answers what it was. The journal still has it.
    ///
    /// # Errors
    ///
    /// `NotFound` with field `retention`, with the nearest name as a hint.
    pub fn remove_retention(&self, name: &str) -> Result<Retention> {
        self.crm.write(|writing| {
            let rule = writing.catalog.retention(name)?.clone();
            let mut rules = writing.catalog.retentions().clone();
            rules.remove(name);
            rows::remove(writing.tx, name)?;
            let stamp = writing.stamp();
            let body = format!("{{\"name\":\"{name}\"}}");
            writing.log(stamp, ChangeKind::RetentionRemoved, None, None, &body)?;
            writing.set_retentions(rules);
            Ok(rule)
        })
    }

    /// Reads a page of the records that were kept for as long as a rule says, those first that are due for
    /// longest. It changes nothing: whether a record is archived, erased or kept is the host's to say.
    ///
    /// Records are judged as they are now, archived ones too; `at` says when a span is to be over, be
    /// it in the future, and is the moment of the conditions. A page takes one pass over the records of
    /// each type that has a rule, with a look into an index for each record where activities or the ledger
    /// of consent are asked; memory does not grow with the records.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such rule; `UnknownType`; `InvalidArgument` if the limit is not 1 to
    /// 10,000, or the cursor is none, or one of another rule, type or moment.
    pub fn due_for_review(&self, request: &ListDueForReview) -> Result<ReviewPage> {
        check_limit(request.limit)?;
        let place = read_place(request)?;
        let at = place.as_ref().map(|place| place.at).or(request.at);
        let at = at.unwrap_or_else(|| self.crm.now());
        let most = request.limit as usize;
        self.crm.read_explained(|conn, catalog| {
            let mut found: Vec<(Due, &Retention)> = Vec::new();
            for rule in rules_of(catalog, request)? {
                let after = place.as_ref().map(|place| place.after(rule));
                let due = due(conn, catalog, rule, at, (after, None), request.limit + 1)?;
                found.extend(due.into_iter().map(|due| (due, rule)));
                found.sort_by(|(one, rule), (other, by)| {
                    (one.at, one.id, &rule.name).cmp(&(other.at, other.id, &by.name))
                });
                found.truncate(most + 1);
            }
            let has_more = found.len() > most;
            found.truncate(most);
            let last = found.last().filter(|_| has_more);
            let next = last.map(|(due, rule)| write_place(request, at, due, rule));
            let due = found.iter().map(|(due, rule)| describe(conn, catalog, due, rule, at));
            Ok(ReviewPage { at, due: due.collect::<Result<_>>()?, next })
        })
    }
}

impl Place {
    /// After what a page of a rule goes on, and whether that itself is meant: the same record may be due by
    /// a rule with a later name.
    fn after(&self, rule: &Retention) -> (Timestamp, RecordId, bool) {
        let (at, id, by) = &self.last;
        (*at, *id, rule.name > *by)
    }
}

fn read_place(request: &ListDueForReview) -> Result<Option<Place>> {
    let place: Option<Place> = cursor::read_place(Listing::Review, request.after.as_deref())?;
    let is_same = |place: &Place| {
        place.rule == request.retention
            && place.of_type == request.entity_type
            && request.at.is_none_or(|at| at == place.at)
    };
    match place {
        Some(place) if !is_same(&place) => {
            Err(cursor::invalid("the cursor belongs to another rule, type or moment"))
        }
        place => Ok(place),
    }
}

fn write_place(request: &ListDueForReview, at: Timestamp, due: &Due, rule: &Retention) -> String {
    let place = Place {
        at,
        rule: request.retention.clone(),
        of_type: request.entity_type.clone(),
        last: (due.at, due.id, rule.name.clone()),
    };
    cursor::write_place(Listing::Review, place)
}

/// The rules that are asked for.
fn rules_of<'c>(catalog: &'c Catalog, request: &ListDueForReview) -> Result<Vec<&'c Retention>> {
    if let Some(name) = &request.retention {
        catalog.retention(name)?;
    }
    if let Some(name) = &request.entity_type {
        catalog.table(name)?;
    }
    let is_wanted = |wanted: &Option<String>, name: &String| {
        wanted.as_ref().is_none_or(|wanted| wanted == name)
    };
    let rules = catalog.retentions().values();
    Ok(rules
        .filter(|rule| is_wanted(&request.retention, &rule.name))
        .filter(|rule| is_wanted(&request.entity_type, &rule.entity_type))
        .collect())
}

/// What is due by a rule: after a place, and of one record only if one is named.
fn due(
    conn: &Connection,
    catalog: &Catalog,
    rule: &Retention,
    at: Timestamp,
    (after, only): (Option<(Timestamp, RecordId, bool)>, Option<RecordId>),
    limit: u32,
) -> Result<Vec<Due>> {
    let (parts, moment) = (rule.parts()?, Moment::new(at, "UTC")?);
    let began = |end: Timestamp, slack: i64| {
        let from = moment.at(end).shifted(parts, Direction::Last);
        Timestamp::clamped(from.micros().saturating_add(slack))
    };
    let first = after.map_or(Timestamp::MIN, |(from, ..)| began(from, -SLACK));
    let last = match only {
        Some(_) => Timestamp::MAX,
        None => began(at, SLACK),
    };
    let condition = check_condition(catalog, rule)?;
    let wanted = Wanted {
        table: catalog.table(&rule.entity_type)?,
        counts_from: rule.counts_from,
        purpose: rule.purpose.as_deref(),
        condition: condition.map(|checked| sql::compile(&checked, &moment)),
        period: &rule.period,
        at: if only.is_some() { Timestamp::MAX } else { at },
        between: (first, last),
        after,
        only,
        limit,
    };
    rows::due(conn, &wanted)
}

/// A record that is due, with what stands against erasing it.
fn describe(
    conn: &Connection,
    catalog: &Catalog,
    due: &Due,
    rule: &Retention,
    at: Timestamp,
) -> Result<DueForReview> {
    let (ledger, _) = consents::ledger(conn, due.id)?;
    let (proofs, _) = plan::proofs(conn, catalog, &ledger, due.id, at)?;
    Ok(DueForReview {
        subject: RecordRef::new(&rule.entity_type, due.id),
        retention: rule.name.clone(),
        counted_from: due.since,
        due_since: due.at,
        is_archived: due.is_archived,
        is_restricted: plan::is_restricted(&ledger, at),
        proof_until: proofs.iter().map(|proof| proof.keep_until).max(),
    })
}

/// The rules by which a record is kept, and when by each it is due: for the person.
pub(super) fn told(
    conn: &Connection,
    catalog: &Catalog,
    subject: &RecordRef,
    at: Timestamp,
) -> Result<Json> {
    let rules = catalog.retentions().values();
    let mut all = Vec::new();
    for rule in rules.filter(|rule| rule.entity_type == subject.entity_type) {
        for due in due(conn, catalog, rule, at, (None, Some(subject.id)), 1)? {
            all.push(json!({"rule": rule, "counted_from": due.since, "due_at": due.at}));
        }
    }
    Ok(Json::Array(all))
}

/// The condition of a rule, judged against the schema.
pub(in crate::engine) fn check_condition(
    catalog: &Catalog,
    rule: &Retention,
) -> Result<Option<crate::condition::Checked>> {
    let condition = rule.condition.as_ref();
    condition
        .map(|condition| conditions::judge(catalog, condition, &rule.entity_type, "where"))
        .transpose()
}

fn check_room(count: usize) -> Result<()> {
    if count <= limits::RETENTIONS {
        return Ok(());
    }
    let message = format!("at most {} retention rules", limits::RETENTIONS);
    Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"))
}

/// The text of a rule, as the file and the journal have it.
fn to_json(rule: &Retention) -> Result<String> {
    let json = serde_json::to_string(rule).expect("a checked rule is always JSON");
    if json.len() > limits::RETENTION_BYTES {
        let message = format!("the rule takes more than {} bytes", limits::RETENTION_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("where"));
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crm, RetentionStart, condition::later_in_utc};

    /// From every few days, with spans of all sorts.
    #[test]
    fn nothing_that_is_due_lies_outside_the_slack() {
        let day = 86_400_000_000;
        for period in ["P1M", "P1M29D", "P6M", "P11M", "P1Y1M", "P4Y", "P97Y1M30D", "P200Y"] {
            let rule = Retention::new("x", "contact", period, RetentionStart::Created);
            let parts = rule.parts().unwrap();
            for step in 0..4_000 {
                let since = Timestamp::from_micros((step - 2_000) * 13 * day + step * 7).unwrap();
                let end = Moment::new(later_in_utc(since, parts), "UTC").unwrap();
                let back = end.shifted(parts, Direction::Last);
                assert!((back.micros() - since.micros()).abs() <= SLACK, "{since} {period}");
            }
        }
    }

    /// No table is built beside the file, and none is read whole for each record.
    #[test]
    fn what_is_due_is_found_in_one_pass() {
        let crm = Crm::in_memory().unwrap();
        let catalog = crm.catalog();
        for from in RetentionStart::ALL {
            let wanted = Wanted {
                table: catalog.table("contact").unwrap(),
                counts_from: *from,
                purpose: Some("news"),
                condition: None,
                period: "P1Y",
                at: Timestamp::MAX,
                between: (Timestamp::MIN, Timestamp::MAX),
                after: Some((Timestamp::UNIX_EPOCH, RecordId::from_bytes([0; 16]), false)),
                only: None,
                limit: 100,
            };
            let steps = crm.shared.store.read(|conn| rows::plan(conn, &wanted)).unwrap();
            let is_one_pass = |step: &String| {
                !step.starts_with("MATERIALIZE")
                    && (!step.starts_with("SCAN ")
                        || step == "SCAN contact"
                        || step.starts_with("SCAN (subquery"))
            };
            assert!(steps.iter().all(is_one_pass), "{steps:?}");
        }
    }
}
