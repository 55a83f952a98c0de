//! Many records at once: what is read of all of them together is what each is asked for by itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crm_core::{
    ActivityPreset, Crm, DefineScore, FixedClock, Flow, IdGenerator, IdentifyVisitor, NewActivity,
    OpenOptions, RankScores, ReadScore, RecordActivities, RecordId, RecordRef, ScoreFade,
    ScoreGroup, ScoreRule, Timestamp, values,
};

use super::{DAY, at, happen, publish};

/// Ids in no order: records do not lie in the file as they lie in an index.
#[derive(Debug, Default)]
struct Scattered(AtomicU64);

fn scatter(number: u64) -> u64 {
    let hash = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
}

impl IdGenerator for Scattered {
    fn next_id(&self, _: Timestamp) -> RecordId {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let halves = [scatter(number), number].map(u64::to_be_bytes);
        RecordId::from_bytes(halves.concat().try_into().unwrap())
    }

    fn next_salt(&self) -> [u8; 32] {
        [7; 32]
    }
}

const KINDS: [&str; 4] = ["web_visit", "form", "page_view", "call"];

/// So many activities of a record, of all kinds and times.
fn activities(who: &RecordRef, count: usize) -> Vec<NewActivity> {
    let activity = |nth: usize| {
        let hash = scatter(nth as u64 * 31 + 7);
        // Some are still to come today.
        let hours = (hash % (101 * 24)) as i64 - 100 * 24;
        let micros = at("2026-01-01T00:00:00Z").micros() + hours * DAY / 24;
        let kind = KINDS[(hash >> 8) as usize % 4];
        let mut activity =
            NewActivity::of(kind, who.clone(), Timestamp::from_micros(micros).unwrap());
        activity.channel = Some(["web", "app"][(hash >> 16) as usize % 2].into());
        match kind {
            "form" => activity.properties = values! { "form" => ["demo", "trial"][nth % 2] },
            "page_view" => activity.properties = values! { "url" => "https://example.org/prices" },
            _ => {}
        }
        activity
    };
    (0..count).map(activity).collect()
}

/// Contacts, a third of whom did something, among companies that did much; one contact did more than
/// is read along, some are in the archive, some activities were corrected, and some are of visitors.
fn world() -> (Crm, Arc<FixedClock>, Vec<RecordId>) {
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let ids = Arc::new(Scattered::default());
    let crm = Crm::open_injected(":memory:", OpenOptions::default(), Arc::clone(&clock) as _, ids)
        .unwrap();
    for preset in ActivityPreset::ALL {
        crm.activity_kinds().define(preset.definition()).unwrap();
    }
    let mut contacts = Vec::new();
    for number in 0..240_usize {
        let country = ["DE", "FR", "IT"][number % 3];
        let id = crm.contacts().create(values! { "country" => country }).unwrap().id;
        contacts.push(id);
        let mut made = Vec::new();
        if number % 3 == 0 {
            made.extend(activities(&RecordRef::new("contact", id), 1 + number % 11));
        }
        if number == 60 {
            made.extend(activities(&RecordRef::new("contact", id), 6000));
        }
        if number % 5 == 0 {
            let id = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
            made.extend(activities(&RecordRef::new("company", id), 30));
        }
        let request = RecordActivities { activities: made, all_or_nothing: true };
        let recorded = crm.activities().record_many(request).unwrap();
        assert!(recorded.is_committed);
        if number % 12 == 0 {
            let mut activity = NewActivity::new("call", at("2025-12-30T00:00:00Z"));
            activity.supersedes = recorded.outcomes[0].id;
            crm.activities().record(activity).unwrap();
        }
        if number % 20 == 3 {
            let visitor = format!("visitor:{number}");
            let then = at("2025-12-31T00:00:00Z");
            let visit = NewActivity::of_visitor("web_visit", visitor.clone(), then);
            crm.activities().record(visit).unwrap();
            let who = IdentifyVisitor { visitor, entity_type: "contact".into(), id };
            crm.activities().identify(&who).unwrap();
        }
        if number % 17 == 0 {
            crm.contacts().archive(id, None).unwrap();
            contacts.pop();
        }
    }
    (crm, clock, contacts)
}

/// What the ranking says of all is what each is read by itself, before everything was scored and
/// after that, at several moments; and scoring everything changes nothing that was live.
fn same(groups: Vec<ScoreGroup>) {
    let (crm, clock, contacts) = world();
    publish(&crm, DefineScore::new("lead", "contact", groups));
    let check = || {
        for days in [-40, 0, 9] {
            let then = Some(
                Timestamp::from_micros(crm_core::Clock::now(&*clock).micros() + days * DAY)
                    .unwrap(),
            );
            let mut expected: Vec<(i64, RecordId)> = contacts
                .iter()
                .map(|id| {
                    let read = ReadScore { at: then, ..ReadScore::new("lead", *id) };
                    let record = crm.scores().explain(&read).unwrap().record;
                    assert_eq!(record, crm.scores().read(&read).unwrap().record);
                    (record.score, *id)
                })
                .collect();
            expected.sort_by_key(|(score, id)| (-score, *id));
            assert!(expected[0].0 > expected.last().unwrap().0, "they differ");
            let request = RankScores { at: then, limit: 1000, ..RankScores::new("lead") };
            let page = crm.scores().ranking(&request).unwrap();
            let ranked: Vec<_> = page.records.iter().map(|r| (r.score, r.id)).collect();
            assert_eq!(ranked, expected, "in {days} days");
        }
    };
    check();
    assert_eq!(crm.scores().rescore("lead").unwrap().changed, contacts.len() as u64);
    check();
    let kept = crm.verify(&mut |_| Flow::Continue).unwrap().problems;
    assert_eq!(kept, Vec::<String>::new());
    // One that did nothing does something, and one that did much does more.
    for id in [contacts[1], contacts[57]] {
        happen(&crm, id, "web_visit", -1);
    }
    assert_eq!(crm.scores().rescore("lead").unwrap().changed, 0);
    check();
}

#[test]
fn rules_about_activities_give_many_what_they_give_each() {
    let fading = ScoreFade::half_life("P30D");
    let visits = ScoreRule::activity("visits", "web_visit", 5).max(60);
    let mut forms = ScoreRule::activity("forms", "form", 20);
    (forms.at_most, forms.within) = (Some(2), Some("P7D".into()));
    let mut demos = ScoreRule::activity("demos", "form", 9);
    demos.filter = Some("form = \"demo\"".parse().unwrap());
    let mut calls = ScoreRule::activity("calls", "call", -3);
    calls.per_day = Some(1);
    // Only of some, by a field.
    calls.condition = Some("country <> \"FR\"".parse().unwrap());
    let mut pages = ScoreRule::activity("pages", "page_view", 2);
    pages.filter = Some("channel = \"web\"".parse().unwrap());
    let mut anything = ScoreRule::activity("anything", "any", 1);
    (anything.per_day, anything.at_most) = (Some(2), Some(7));
    same(vec![
        ScoreGroup::new("fit", [ScoreRule::when("de", "country = \"DE\"".parse().unwrap(), 7)]),
        ScoreGroup::new("engagement", [visits, forms, demos]).fading(fading),
        ScoreGroup::new("more", [calls, pages, anything]),
    ]);
}

#[test]
fn conditions_about_activities_hold_for_many_as_for_each() {
    let when =
        |name: &str, text: &str, points| ScoreRule::when(name, text.parse().unwrap(), points);
    let mut least = ScoreRule::activity("least", "call", 1);
    (least.min, least.max) = (Some(3), Some(8));
    let mut recent = ScoreRule::activity("recent", "web_visit", 4);
    recent.condition = Some("count(form within 60d where form = \"trial\") >= 1".parse().unwrap());
    let by_value = ScoreRule {
        condition: Some("count(call) = 0".parse().unwrap()),
        ..ScoreRule::by_value("value", "country", [crm_core::ValuePoints::new("IT", 11)])
    };
    same(vec![
        ScoreGroup::new(
            "all",
            [
                when("often", "count(web_visit within 30d) >= 2", 10),
                when("idle", "not count(form within 30d) >= 1", 6),
                when("both", "country = \"DE\" and last(page_view) older than 14d", 5),
                when("either", "country = \"IT\" or first(call) older than 90d", 1),
                when("any", "count(any within 20d) >= 2", 2),
                recent,
            ],
        ),
        ScoreGroup::new("others", [least, by_value]).max(15),
    ]);
}
