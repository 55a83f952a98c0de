//! A year of a file by a clock that is set: replayed twice it gives the same bits, told at its end it
//! gives the same state, ticked late it gives what ticking in time gives, and a simulation foretells it.

use std::{cell::Cell, path::Path};

use crm_core::{
    BackupTo, Change, ChangeKind, Crm, DefineActivityKind, DefineLifecycle, DefineScore,
    DefineSegment, ErrorKind, Flow, ListChanges, ListMembers, NewActivity, OpenOptions, ReadScore,
    RecordActivities, RecordId, RecordRef, Replay, ScoreFade, ScoreGroup, ScoreLevel, ScoreRule,
    SimulateTimers, Stage, StageTrigger, TickTimers, Timestamp, values,
};

use crate::support::{Folder, Seeded, assert_sound, relaxed};

const DAY: i64 = 86_400_000_000;
const MEMORY: &str = ":memory:";

/// What somebody scores, and the threshold that is reached.
type Scored = (i64, Option<String>);

struct Year {
    crm: Crm,
    /// To which the clock was set.
    now: Cell<Timestamp>,
    contacts: Vec<RecordId>,
}

impl Year {
    fn begin(path: &Path) -> Self {
        let start = "2025-01-01T00:00:00Z".parse().unwrap();
        let replay = Some(Replay { start, step_micros: 0 });
        let crm = Crm::open_with(path, OpenOptions { replay, ..relaxed() }).unwrap();
        crm.activity_kinds().define(DefineActivityKind::new("visit", [])).unwrap();
        let lifecycle = DefineLifecycle {
            triggers: vec![StageTrigger::when("warm", "in segment \"active\"".parse().unwrap())],
            ..DefineLifecycle::new("way", "contact", [Stage::new("cold"), Stage::new("warm")])
        };
        for (name, condition) in [
            ("active", "count(visit within 30d) >= 2"),
            ("quiet", "count(visit) >= 1 and not in segment \"active\""),
            ("lost", "last(visit) older than 3mo"),
            ("birthdays", "birthday anniversary within next 7d"),
            ("new", "created_at within last 2w"),
        ] {
            let define = DefineSegment::live(name, "contact", condition.parse().unwrap());
            crm.segments().define(define.in_zone("Europe/Berlin")).unwrap();
        }
        crm.lifecycles().define(lifecycle).unwrap();
        let visits = ScoreRule { per_day: Some(1), ..ScoreRule::activity("visits", "visit", 10) };
        let visits = ScoreGroup::new("visits", [visits]).fading(ScoreFade::half_life("P30D"));
        let mut lead = DefineScore::new("lead", "contact", [visits.max(50)]);
        lead.thresholds = vec![ScoreLevel::new("warm", 8)];
        crm.scores().define(lead).unwrap();
        crm.scores().publish("lead").unwrap();
        let contacts = (0..20).map(|number| {
            let birthday = format!("1990-{:02}-{:02}", number % 12 + 1, number + 1);
            crm.contacts().create(values! { "birthday" => birthday.as_str() }).unwrap().id
        });
        let contacts = contacts.collect();
        Self { crm, now: Cell::new(start), contacts }
    }

    /// Lets some days pass.
    fn wait(&self, days: i64) {
        self.now.set(Timestamp::from_micros(self.now.get().micros() + days * DAY).unwrap());
        self.crm.set_clock(self.now.get()).unwrap();
    }

    fn tick(&self) {
        let all = TickTimers { limit: 1_000_000, ..TickTimers::default() };
        assert!(self.crm.timers().tick(&all, &mut |_| Flow::Continue).unwrap().is_complete);
    }

    /// Somebody visits on some days, some visits are told late, and every write finds what was due
    /// done.
    fn pass(&self, days: i64) {
        for visits in self.visits(days) {
            self.wait(1);
            self.tick();
            for visit in visits {
                self.crm.activities().record(visit).unwrap();
            }
        }
    }

    /// What is told on each of the days to come.
    fn visits(&self, days: i64) -> Vec<Vec<NewActivity>> {
        let mut seeded = Seeded::new(days.unsigned_abs());
        let start = self.now.get().micros();
        let of_day = |day: i64| {
            if seeded.below(3) > 0 {
                return Vec::new();
            }
            let id = self.contacts[seeded.below(self.contacts.len())];
            let late = i64::try_from(seeded.below(50)).unwrap();
            let at = Timestamp::from_micros(start + (day - late) * DAY).unwrap();
            vec![NewActivity::of("visit", RecordRef::new("contact", id), at)]
        };
        (1..=days).map(of_day).collect()
    }

    /// Who is in which segment, and what everybody scores to the last bit.
    fn state(&self) -> (Vec<Vec<RecordId>>, Vec<Scored>) {
        let members = |segment: &crm_core::Segment| {
            let list = ListMembers { limit: 1_000, ..ListMembers::new(&segment.name) };
            let members = self.crm.segments().members(&list).unwrap().members;
            members.into_iter().map(|member| member.id).collect()
        };
        let score = |id: &RecordId| {
            let read = self.crm.scores().read(&ReadScore::new("lead", *id)).unwrap().record;
            (read.score, read.threshold)
        };
        let segments = self.crm.segments().list().unwrap();
        (segments.iter().map(members).collect(), self.contacts.iter().map(score).collect())
    }

    fn journal(&self, after: i64) -> Vec<Change> {
        let list = ListChanges { limit: 10_000, ..ListChanges::after(after) };
        self.crm.journal().changes(&list).unwrap().changes
    }
}

#[test]
fn a_year_gives_the_same_bits_twice() {
    let folder = Folder::new();
    let copies: Vec<Vec<u8>> = ["a", "b"]
        .into_iter()
        .map(|name| {
            let year = Year::begin(&folder.at(name));
            year.pass(365);
            let moved =
                year.journal(0).iter().filter(|c| c.kind == ChangeKind::SegmentLeft).count();
            assert!(moved > 50, "{moved}");
            assert_sound(&year.crm);
            let image = folder.at(&format!("{name}.copy"));
            let to = BackupTo { path: image.to_str().unwrap().into() };
            year.crm.backup_to(&to, &mut |_| Flow::Continue).unwrap();
            std::fs::read(image).unwrap()
        })
        .collect();
    assert!(copies[0] == copies[1], "the files differ");
}

#[test]
fn a_year_that_is_told_at_its_end_ends_as_the_one_that_was_lived() {
    let (lived, told) = (Year::begin(MEMORY.as_ref()), Year::begin(MEMORY.as_ref()));
    lived.pass(365);
    let visits: Vec<NewActivity> = told.visits(365).into_iter().flatten().collect();
    told.wait(365);
    let all = RecordActivities { activities: visits, all_or_nothing: true };
    assert_eq!(told.crm.activities().record_many(all).unwrap().failed, 0);
    for year in [&lived, &told] {
        year.tick();
    }
    let (members, scores) = lived.state();
    assert!(members.iter().filter(|members| !members.is_empty()).count() >= 3, "{members:?}");
    assert!(scores.iter().any(|(_, threshold)| threshold.is_some()), "{scores:?}");
    assert_eq!(told.state(), (members, scores));
}

#[test]
fn a_simulation_foretells_what_ticking_does_and_touches_nothing() {
    let year = Year::begin(MEMORY.as_ref());
    year.pass(120);
    let before = year.journal(0);
    let until = Timestamp::from_micros(year.now.get().micros() + 200 * DAY).unwrap();
    let request = SimulateTimers { limit: 10_000, ..SimulateTimers::until(until) };
    let told = year.crm.timers().simulate(&request, &mut |_| Flow::Continue).unwrap();
    assert_eq!(year.journal(0), before, "only a copy was ticked");
    assert!(told.made > 20 && told.changes.len() as u64 == told.made);

    // In small steps, each at another time.
    for _ in 0..200 {
        year.wait(1);
        year.tick();
    }
    let plain = |changes: &[Change]| -> Vec<(ChangeKind, Option<RecordId>, Option<String>)> {
        let plain = |c: &Change| (c.kind, c.record_id, c.definition.clone());
        changes.iter().map(plain).collect()
    };
    let done = year.journal(before.last().unwrap().seq);
    assert_eq!(plain(&done), plain(&told.changes));
    let past = SimulateTimers::until(Timestamp::UNIX_EPOCH);
    let error = year.crm.timers().simulate(&past, &mut |_| Flow::Continue).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("until")));
}
