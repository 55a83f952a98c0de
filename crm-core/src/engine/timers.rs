//! Ticks: doing what falls due, each timer at its own instant, in transactions of bounded size.

use super::{
    Catalog, Crm, Writing, check_range, lifecycles,
    progress::Reports,
    rules, scores, segments,
    verify::{Compared, Step, note},
};
use crate::{
    Error, ErrorKind, FailedTimer, Flow, NextTimer, Problem, Progress, RecordRef, Result, Tick,
    TickTimers, TimerRoom, Timestamp, VerifyReport,
    ops::Watch,
    record::concerns_one_row,
    store::timers::{self as rows, Room, TimerRow},
};

/// Timers of one transaction.
const AT_ONCE: u64 = 1_000;
/// Timers of one tick.
const MOST: u64 = 1_000_000;
/// Timers that failed of which one tick tells.
const TOLD: usize = 100;
/// After how long a timer that failed is tried again.
const PATIENCE: i64 = 86_400_000_000;

/// Timers: see [`Crm::timers`].
#[derive(Debug)]
pub struct Timers<'a> {
    pub(super) crm: &'a Crm,
}

impl<'a> Timers<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Says when the next timer is due, and up to when the last tick went.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn next(&self) -> Result<NextTimer> {
        self.crm.shared.store.read_snapshot(|conn| {
            Ok(NextTimer { due_at: rows::next(conn)?, ticked_at: rows::ticked_at(conn)? })
        })
    }

    /// Does what has fallen due, in the order in which it did. Cancelled, it says how far it came, and
    /// the next tick goes on there.
    ///
    /// ```
    /// use crm_core::{Crm, Flow, TickTimers};
    ///
    /// let crm = Crm::in_memory()?;
    /// let tick = crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue)?;
    /// assert!(tick.is_complete);
    /// assert_eq!(tick.due_at, None);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `OutOfRange` if `until` lies in the future or before an earlier tick when this one begins; `InvalidArgument` if the
    /// limit is not 1 to 1,000,000.
    pub fn tick(&self, request: &TickTimers, watch: &mut Watch<'_>) -> Result<Tick> {
        check_range("limit", request.limit.into(), 1, MOST)?;
        let now = self.crm.now();
        let until = request.until.unwrap_or(now);
        if until > now {
            return Err(out_of_range("lies in the future"));
        }
        // Another tick may come between the clock and the lock, and between two transactions: what is
        // refused is a moment that was asked for, and only before anything is done.
        let mut until = Until { at: until, is_asked: request.until.is_some() };
        let mark = self.crm.shared.store.mark();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        let mut left = u64::from(request.limit);
        let mut failures = Failures::default();
        loop {
            let most = left.min(AT_ONCE);
            let quick = self.crm.write(|writing| batch(writing, until, most, None));
            let mut tick = match quick {
                // One of them stands in the way of the others: each is tried by itself.
                Err(error) if concerns_one_timer(error.kind()) => {
                    let found = self.crm.write(|writing| {
                        let mut found = Failures::default();
                        let tick = batch(writing, until, most, Some(&mut found))?;
                        Ok((tick, found))
                    });
                    let (tick, found) = found?;
                    failures.add(found);
                    tick
                }
                done => done?,
            };
            until.is_asked = false;
            left -= tick.done;
            tick.done = u64::from(request.limit) - left;
            let is_last = tick.is_complete || left == 0;
            let flow = reports.step(Progress { done: tick.done, total: None }, is_last);
            if is_last || flow == Flow::Cancel {
                (tick.failures, tick.failed) = (failures.count, failures.first);
                return Ok(tick);
            }
            self.crm.shared.store.check_interrupted(mark)?;
        }
    }
}

impl Crm {
    /// Looks that each record will be looked at when the first that waits for it is due; `step` hears
    /// of it.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_timers(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages::<()>("timers", report, step, |conn, _, _, report| {
            let strays = rows::count_strays(conn)?;
            if strays > 0 {
                note(
                    report,
                    format!("timers: {strays} rows are due at another moment than theirs"),
                );
            }
            Ok(Compared::new(0, None))
        })
    }
}

/// Timers that failed in one tick.
#[derive(Default)]
struct Failures {
    count: u64,
    first: Vec<FailedTimer>,
}

impl Failures {
    fn add(&mut self, more: Self) {
        self.count += more.count;
        let space = TOLD.saturating_sub(self.first.len());
        self.first.extend(more.first.into_iter().take(space));
    }
}

/// Whether an error is about the record of one timer, and not about the file or the handle: what is
/// kept of that record cannot be read, or is more than may be looked at.
fn concerns_one_timer(kind: ErrorKind) -> bool {
    concerns_one_row(kind) || kind == ErrorKind::Corrupt
}

/// Up to when a tick goes.
#[derive(Clone, Copy)]
struct Until {
    at: Timestamp,
    /// Whether the host asked for it and nothing is done yet. If not, it is where an earlier tick went
    /// if that is later.
    is_asked: bool,
}

/// Does at most so many timers of those due at `until` or before. With `failures` each is tried by
/// itself, and one that fails stands there and waits for another day.
fn batch(
    writing: &mut Writing<'_>,
    until: Until,
    most: u64,
    mut failures: Option<&mut Failures>,
) -> Result<Tick> {
    let before = rows::ticked_at(writing.tx)?;
    let until = match before {
        Some(before) if until.at < before && until.is_asked => {
            return Err(out_of_range("lies before an earlier tick"));
        }
        Some(before) => until.at.max(before),
        None => until.at,
    };
    let clock = writing.now;
    // Before the first tick nothing is too old to be done at its own instant.
    let (mut done, mut at, mut is_complete) = (0, before.unwrap_or(Timestamp::MIN), false);
    while done < most {
        let Some(timer) = rows::first_due(writing.tx, until)? else {
            (at, is_complete) = (until, true);
            break;
        };
        // One that was set while it was due already: time does not go back for it.
        at = timer.due_at.max(at);
        writing.now = at;
        match &mut failures {
            None => fall_due(writing, &timer)?,
            Some(failures) => {
                let again_at = Timestamp::clamped(until.micros().saturating_add(PATIENCE));
                if let Err(error) = try_alone(writing, &timer)? {
                    rows::set(writing.tx, (timer.room, timer.owner, timer.record), Some(again_at))?;
                    failures.count += 1;
                    if failures.first.len() < TOLD {
                        failures.first.push(told(&writing.catalog, &timer, again_at, &error));
                    }
                }
            }
        }
        done += 1;
    }
    writing.now = clock;
    rows::set_ticked_at(writing.tx, at)?;
    let due_at = rows::next(writing.tx)?;
    Ok(Tick { at, done, is_complete, due_at, failures: 0, failed: Vec::new() })
}

/// Does what is due with one timer, or nothing of it.
fn try_alone(writing: &mut Writing<'_>, timer: &TimerRow) -> Result<Result<()>> {
    writing.attempt_if(concerns_one_timer, |writing| fall_due(writing, timer))
}

/// What is told of a timer that failed.
fn told(catalog: &Catalog, timer: &TimerRow, again_at: Timestamp, error: &Error) -> FailedTimer {
    let owner = timer.owner;
    let (room, named) = match timer.room {
        Room::Lifecycle => {
            let found = catalog.lifecycles().find(|model| model.id == owner);
            let named = found.map(|model| (model.name(), &model.lifecycle.entity_type));
            (TimerRoom::Lifecycle, named)
        }
        Room::Segment => {
            let found = catalog.segments().find(|model| model.id == owner);
            (TimerRoom::Segment, found.map(|model| (model.name(), &model.segment.entity_type)))
        }
        Room::Score => {
            let found = catalog.scores().find(|stored| stored.id == owner);
            let named = found.map(|stored| (&*stored.model.name, &stored.model.entity_type));
            (TimerRoom::Score, named)
        }
        Room::Rule => {
            let found = catalog.rules().find(|model| model.id == owner);
            (TimerRoom::Rule, found.map(|model| (model.name(), &model.rule.entity_type)))
        }
    };
    let (name, entity_type) = named.map_or(("", ""), |(name, of)| (name, of.as_str()));
    FailedTimer {
        room,
        name: name.to_owned(),
        record: RecordRef::new(entity_type, timer.record),
        due_at: timer.due_at,
        again_at,
        problem: Problem::from(error),
    }
}

/// The room of a timer looks at its record again, with all that follows; it sets the timer anew if it
/// waits for more.
fn fall_due(writing: &mut Writing<'_>, timer: &TimerRow) -> Result<()> {
    let TimerRow { room, owner, record, .. } = *timer;
    rows::take(writing.tx, timer)?;
    match room {
        Room::Lifecycle => lifecycles::on_due(writing, owner, record),
        Room::Segment => segments::on_due(writing, owner, record),
        Room::Score => scores::on_due(writing, owner, record),
        Room::Rule => rules::on_due(writing, owner, record),
    }?;
    writing.settle()
}

fn out_of_range(message: &str) -> Error {
    Error::new(ErrorKind::OutOfRange, message).with_field("until")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::verify::assert_found, *};
    use crate::{
        CountedIds, DefineScore, DefineSegment, FixedClock, ListMembers, OpenOptions, RecordId,
        RelatedScore, ScoreFigure, ScoreGroup, ScoreRule, values,
    };

    const DAY: i64 = 86_400_000_000;

    /// Companies that roll up what their people score, some of which the file no longer holds: their
    /// timers cannot be done. Each company also waits for a live segment.
    fn open(companies: usize, broken: &[usize]) -> (Crm, Arc<FixedClock>, Vec<RecordId>) {
        let clock = Arc::new(FixedClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let ids = Arc::new(CountedIds::default());
        let crm =
            Crm::open_injected(":memory:", OpenOptions::default(), Arc::clone(&clock) as _, ids);
        let crm = crm.unwrap();
        let publish = |model: DefineScore| {
            let name = model.name.clone();
            crm.scores().define(model).unwrap();
            crm.scores().publish(&name).unwrap();
        };
        let named = ScoreRule::when("named", "given_name is set".parse().unwrap(), 5);
        publish(DefineScore::new("lead", "contact", [ScoreGroup::new("fit", [named])]));
        let people = RelatedScore {
            related: "contact.company".into(),
            inverse: true,
            model: "lead".into(),
            figure: ScoreFigure::Sum,
        };
        let old = "not created_at within last 10d".parse();
        let aged = ScoreRule::when("aged", old.unwrap(), 3);
        let people = ScoreRule::related("people", people).max(1000);
        publish(DefineScore::new("account", "company", [ScoreGroup::new("all", [people, aged])]));
        let old = "not created_at within last 10d".parse().unwrap();
        crm.segments().define(DefineSegment::live("old", "company", old)).unwrap();
        let mut made = Vec::new();
        for nth in 0..companies {
            let company = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
            let contact = values! { "given_name" => "Ann", "company" => company };
            let contact = crm.contacts().create(contact).unwrap().id;
            if broken.contains(&nth) {
                crm.write(|writing| {
                    let sql = "UPDATE crm_score SET sheet = x'07' WHERE record_id = ?1";
                    writing.tx.execute(sql, [contact.as_bytes()]).unwrap();
                    Ok(())
                })
                .unwrap();
            }
            made.push(company);
        }
        (crm, clock, made)
    }

    fn tick(crm: &Crm) -> Tick {
        crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap()
    }

    #[test]
    fn a_timer_that_fails_stands_in_nobodys_way_and_is_tried_again_a_day_later() {
        let (crm, clock, companies) = open(3, &[1]);
        clock.advance(11 * DAY);
        let done = tick(&crm);
        assert!(done.is_complete);
        assert_eq!((done.done, done.failures), (6, 1));
        let [failed] = &done.failed[..] else { panic!("{done:?}") };
        assert_eq!((failed.room, &*failed.name), (TimerRoom::Score, "account"));
        assert_eq!(failed.record, RecordRef::new("company", companies[1]));
        assert_eq!(failed.problem.kind, "corrupt");
        assert_eq!(failed.again_at.micros(), crm.now().micros() + DAY);
        assert_eq!(done.due_at, Some(failed.again_at));
        // What others waited for is done, also for the same record.
        let members = crm.segments().members(&ListMembers::new("old")).unwrap().members;
        assert_eq!(members.len(), 3);
        // Not before the day is over, and then once more.
        assert_eq!((tick(&crm).done, tick(&crm).failures), (0, 0));
        clock.advance(DAY);
        let again = tick(&crm);
        assert_eq!((again.done, again.failures, again.is_complete), (1, 1, true));
        // Mended, it goes on.
        crm.write(|writing| {
            writing.tx.execute("DELETE FROM crm_score WHERE sheet = x'07'", []).unwrap();
            Ok(())
        })
        .unwrap();
        clock.advance(DAY);
        let mended = tick(&crm);
        assert_eq!((mended.done, mended.failures, mended.due_at), (1, 0, None));
    }

    #[test]
    fn a_timer_that_would_not_fall_due_when_it_should_is_found() {
        let sound = open(2, &[]).0.verify(&mut |_| Flow::Continue).unwrap();
        assert!(sound.is_ok, "{sound:?}");
        let damages = [
            "UPDATE crm_timer SET due_at = due_at + 1",
            "UPDATE crm_timer SET timers = '{}' WHERE room = 2",
            "UPDATE crm_timer SET timers = substr(timers, 2)",
        ];
        assert_found(|| open(2, &[]).0, &damages);
    }

    #[test]
    fn of_many_failures_a_hundred_are_told_and_all_are_counted_and_passed_by() {
        let broken: Vec<usize> = (0..105).collect();
        let (crm, clock, _) = open(110, &broken);
        clock.advance(11 * DAY);
        let simulated = crm
            .timers()
            .simulate(&crate::SimulateTimers::until(crm.now()), &mut |_| Flow::Continue)
            .unwrap();
        assert_eq!((simulated.done, simulated.failures), (220, 105));
        let mut failures = 0;
        let mut told = 0;
        loop {
            let request = TickTimers { limit: 7, until: None };
            let part = crm.timers().tick(&request, &mut |_| Flow::Continue).unwrap();
            failures += part.failures;
            told += part.failed.len();
            if part.is_complete {
                break;
            }
        }
        assert_eq!((failures, told), (105, 105), "however small the steps are");
        clock.advance(DAY);
        let again = tick(&crm);
        assert_eq!((again.failures, again.failed.len()), (105, 100));
    }
}
