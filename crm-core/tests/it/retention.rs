//! Retention rules, and what is due for review by them.

use crm_core::{
    AccessData, ActivityPreset, Attribute, ConsentKind, Crm, DefineType, DueForReview,
    EraseSubject, Error, ErrorKind, Flow, GetRegister, Kind, ListDueForReview, ListErasures,
    NewActivity, NewConsent, OpenOptions, PublishNotice, Purpose, RecordId, RecordRef, Replay,
    Retention, RetentionStart, Timestamp, values,
};

use crate::support::{Folder, Seeded, assert_sound, journal_length, relaxed, repetitions};

const DAY: i64 = 86_400_000_000;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A file in memory whose clock goes on by some hours with each reading.
fn hourly(hours: i64) -> Crm {
    let start = time("2020-01-01T00:00:00Z");
    let step_micros = DAY / 24 * hours;
    Crm::open_with(
        ":memory:",
        OpenOptions { replay: Some(Replay { start, step_micros }), ..relaxed() },
    )
    .unwrap()
}

/// A purpose with a text that people are shown.
fn purpose(crm: &Crm, purpose: Purpose) {
    let text = PublishNotice::new("news", "en", "Once a week.");
    crm.consents().publish_notice(text).unwrap();
    crm.consents().define_purpose(purpose.notice("news")).unwrap();
}

fn ann(crm: &Crm) -> RecordRef {
    RecordRef::new("contact", crm.contacts().create(values! { "given_name" => "Ann" }).unwrap().id)
}

fn met(crm: &Crm, id: RecordId, at: &str) {
    let activity = NewActivity::of("meeting", RecordRef::new("contact", id), time(at));
    crm.activities().record(activity).unwrap();
}

fn define(crm: &Crm, rule: Retention) -> Result<Retention, Error> {
    crm.privacy().define_retention(rule)
}

fn contacts(name: &str, period: &str, from: RetentionStart) -> Retention {
    Retention::new(name, "contact", period, from)
}

/// All that is due at a moment, by one long page.
fn due(crm: &Crm, at: Timestamp) -> Vec<DueForReview> {
    let request = ListDueForReview { limit: 10_000, ..ListDueForReview::at(at) };
    let page = crm.privacy().due_for_review(&request).unwrap();
    assert_eq!((page.at, page.next), (at, None));
    page.due
}

/// The same by pages of so many.
fn paged(crm: &Crm, at: Timestamp, limit: u32) -> Vec<DueForReview> {
    let mut request = ListDueForReview { limit, ..ListDueForReview::at(at) };
    let mut all = Vec::new();
    loop {
        let page = crm.privacy().due_for_review(&request).unwrap();
        assert!(page.due.len() <= limit as usize);
        all.extend(page.due);
        match page.next {
            // The cursor keeps the moment.
            Some(next) => request = ListDueForReview { at: None, after: Some(next), ..request },
            None => return all,
        }
    }
}

/// Since when a record is due by the only rule, which it is not a microsecond before.
#[track_caller]
fn due_since(crm: &Crm, id: RecordId) -> (Timestamp, Timestamp) {
    let of = |at| due(crm, at).into_iter().find(|due| due.subject.id == id);
    let found = of(Timestamp::MAX).expect("it is due sooner or later");
    let (from, since) = (found.counted_from, found.due_since);
    assert_eq!(of(since).as_ref().map(|due| due.due_since), Some(since));
    assert_eq!(of(Timestamp::from_micros(since.micros() - 1).unwrap()), None);
    (from, since)
}

#[test]
fn time_counts_from_what_the_rule_says() {
    let crm = hourly(7);
    crm.activity_kinds().define_preset(ActivityPreset::Meeting).unwrap();
    purpose(&crm, Purpose::new("news", ["post"]));
    let ann = ann(&crm);
    let rule = |from| contacts("kept", "P1Y", from).purpose("news");

    let grant = NewConsent::grant(ann.clone(), "post", "news").at(time("2016-02-29T08:00:00Z"));
    crm.consents().record(grant).unwrap();
    define(&crm, rule(RetentionStart::LastUse)).unwrap();
    let (from, since) = due_since(&crm, ann.id);
    assert_eq!((from, since), (time("2016-02-29T08:00:00Z"), time("2017-02-28T08:00:00Z")));
    // What reaches every purpose reaches this one.
    let withdrawal = NewConsent::withdraw(ann.clone()).at(time("2018-01-31T00:00:00Z"));
    crm.consents().record(withdrawal).unwrap();
    assert_eq!(due_since(&crm, ann.id).1, time("2019-01-31T00:00:00Z"));

    define(&crm, rule(RetentionStart::LastActivity)).unwrap();
    let created = crm.contacts().get(ann.id).unwrap().created_at;
    assert_eq!(due_since(&crm, ann.id).0, created);
    met(&crm, ann.id, "2019-05-05T10:00:00Z");
    met(&crm, ann.id, "2019-03-03T10:00:00Z");
    assert_eq!(due_since(&crm, ann.id).0, time("2019-05-05T10:00:00Z"));

    let changed = crm.contacts().patch(ann.id, values! { "given_name" => "Anna" }).unwrap();
    assert!(changed.updated_at > created);
    define(&crm, rule(RetentionStart::Changed)).unwrap();
    assert_eq!(due_since(&crm, ann.id).0, changed.updated_at);
    define(&crm, rule(RetentionStart::Created)).unwrap();
    assert_eq!(due_since(&crm, ann.id).0, created);
    assert_sound(&crm);
}

#[test]
fn a_rule_is_about_its_type_its_purpose_and_its_condition() {
    let crm = hourly(1);
    for name in ["news", "polls"] {
        purpose(&crm, Purpose::new(name, ["post"]));
    }
    let (ann, eve) = (ann(&crm), ann(&crm));
    crm.companies().create(values! { "name" => "Acme" }).unwrap();
    crm.consents().record(NewConsent::grant(ann.clone(), "post", "news")).unwrap();
    crm.contacts().patch(eve.id, values! { "country" => "DE" }).unwrap();
    let found = |rule: Retention| {
        define(&crm, rule).unwrap();
        let mut ids: Vec<RecordId> =
            due(&crm, Timestamp::MAX).into_iter().map(|due| due.subject.id).collect();
        ids.sort();
        ids
    };
    let rule = contacts("kept", "P1D", RetentionStart::Created);
    assert_eq!(found(rule.clone()), [ann.id, eve.id]);
    assert_eq!(found(rule.clone().purpose("news")), [ann.id]);
    assert_eq!(found(rule.clone().purpose("polls")), []);
    assert_eq!(found(rule.clone().when("country = \"DE\"".parse().unwrap())), [eve.id]);
    let not_allowed = "not consent(\"post\", \"news\")".parse().unwrap();
    assert_eq!(found(rule.clone().when(not_allowed)), [eve.id]);
    // A condition is asked as of the moment, and so may itself have to do with time.
    let old = "not created_at within last 30d".parse().unwrap();
    let rule = rule.when(old);
    define(&crm, rule).unwrap();
    let created = crm.contacts().get(ann.id).unwrap().created_at;
    let later = |days: i64| Timestamp::from_micros(created.micros() + days * DAY).unwrap();
    assert_eq!(due(&crm, later(20)), []);
    assert_eq!(due(&crm, later(40)).len(), 2);
}

#[test]
fn it_is_told_what_stands_against_erasing_and_an_erased_person_is_gone() {
    let crm = hourly(1);
    purpose(&crm, Purpose::new("news", ["phone"]));
    let (ann, eve) = (ann(&crm), ann(&crm));
    let used = time("2019-06-01T00:00:00Z");
    crm.consents().record(NewConsent::grant(ann.clone(), "phone", "news").at(used)).unwrap();
    crm.contacts().archive(eve.id, None).unwrap();
    let restricted = NewConsent::new(ConsentKind::Restricted, eve.clone());
    crm.consents().record(restricted).unwrap();
    define(&crm, contacts("kept", "P1M", RetentionStart::Created)).unwrap();
    let at = time("2021-01-01T00:00:00Z");
    let found = due(&crm, at);
    let told =
        |due: &DueForReview| (due.subject.id, due.is_archived, due.is_restricted, due.proof_until);
    let until = Some(time("2024-06-01T00:00:00Z"));
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [(ann.id, false, false, until), (eve.id, true, true, None),]
    );
    // It was only said: nothing is done.
    assert_eq!(crm.privacy().erasures(&ListErasures::after(0)).unwrap().erased, []);
    crm.privacy().erase(&EraseSubject::new(ann)).unwrap();
    assert_eq!(due(&crm, at).iter().map(told).collect::<Vec<_>>(), [(eve.id, true, true, None)]);
    assert_sound(&crm);
}

#[test]
fn rules_are_kept_changed_and_removed_with_the_journal_as_witness() {
    let folder = Folder::new();
    let crm = folder.open();
    let one = contacts("one", "36mo", RetentionStart::Created).because("The law asks for it.");
    let saved = define(&crm, one.clone()).unwrap();
    assert_eq!(saved.period, "P36M");
    let length = journal_length(&crm);
    define(&crm, one).unwrap();
    assert_eq!(journal_length(&crm), length, "the same again is no change");
    define(&crm, contacts("two", "P1Y", RetentionStart::Changed)).unwrap();
    drop(crm);
    let crm = folder.open();
    assert_eq!(crm.privacy().retentions().unwrap()[0], saved);
    assert_eq!(crm.privacy().remove_retention("one").unwrap(), saved);
    let error = crm.privacy().remove_retention("one").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("retention")));
    assert_sound(&crm);
    drop(crm);
    let crm = folder.open();
    let names: Vec<_> = crm.privacy().retentions().unwrap().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["two"]);
    assert_sound(&crm);
}

#[test]
fn what_makes_no_rule_is_refused_by_its_field() {
    let crm = Crm::in_memory().unwrap();
    crm.types().define(DefineType::new("book", [])).unwrap();
    crm.types().archive("book").unwrap();
    let rule = || contacts("kept", "P1Y", RetentionStart::Created);
    let typed = |name: &str| Retention { entity_type: name.into(), ..rule() };
    let spanned = |period: &str| Retention { period: period.into(), ..rule() };
    let unknown = "all_of_it = 1".parse().unwrap();
    for (rule, kind, field) in [
        (Retention { name: "No".into(), ..rule() }, ErrorKind::InvalidArgument, "name"),
        (typed("contacts"), ErrorKind::UnknownType, "type"),
        (typed("book"), ErrorKind::Archived, "type"),
        (rule().purpose("news"), ErrorKind::NotFound, "purpose"),
        (contacts("kept", "P1Y", RetentionStart::LastUse), ErrorKind::Required, "purpose"),
        (spanned("soon"), ErrorKind::InvalidValue, "period"),
        (spanned("-P1D"), ErrorKind::InvalidValue, "period"),
        (spanned("PT0S"), ErrorKind::OutOfRange, "period"),
        (spanned("P201Y"), ErrorKind::OutOfRange, "period"),
        (rule().when(unknown), ErrorKind::UnknownAttribute, "where.field"),
        (rule().because("x".repeat(20_000)), ErrorKind::LimitExceeded, "reason"),
    ] {
        let error = define(&crm, rule).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
    assert_eq!(crm.privacy().retentions().unwrap(), []);
    // Nor may what a rule asks for be taken away.
    define(&crm, rule().when("country = \"DE\"".parse().unwrap())).unwrap();
    let error = crm.types().archive_attribute("contact", "country").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DefinitionConflict);
    assert!(!format!("{:?}", rule().because("Zanzibarine")).contains("Zanzibarine"));
}

#[test]
fn what_is_of_an_archived_type_is_still_kept_and_due() {
    let crm = hourly(1);
    crm.types().define(DefineType::new("book", [Attribute::new("title", Kind::Text)])).unwrap();
    let id = crm.records("book").create(values! { "title" => "Emma" }).unwrap().id;
    let rule = Retention::new("books", "book", "P1D", RetentionStart::Created);
    define(&crm, rule.when("title is set".parse().unwrap())).unwrap();
    crm.types().archive("book").unwrap();
    let found = due(&crm, time("2030-01-01T00:00:00Z"));
    assert_eq!(found.iter().map(|due| due.subject.id).collect::<Vec<_>>(), [id]);
    crm.privacy().erase(&EraseSubject::new(RecordRef::new("book", id))).unwrap();
    assert_eq!(due(&crm, time("2030-01-01T00:00:00Z")), []);
    crm.privacy().remove_retention("books").unwrap();
    assert_sound(&crm);
}

#[test]
fn a_cursor_is_of_one_list() {
    let crm = hourly(1);
    for _ in 0..3 {
        ann(&crm);
    }
    define(&crm, contacts("kept", "P1D", RetentionStart::Created)).unwrap();
    let at = time("2030-01-01T00:00:00Z");
    let first = ListDueForReview { limit: 1, ..ListDueForReview::at(at) };
    let next = crm.privacy().due_for_review(&first).unwrap().next;
    let then = ListDueForReview { after: next, ..first.clone() };
    assert_eq!(crm.privacy().due_for_review(&then).unwrap().due.len(), 1);
    for wrong in [
        ListDueForReview { at: Some(time("2031-01-01T00:00:00Z")), ..then.clone() },
        ListDueForReview { retention: Some("kept".into()), ..then.clone() },
        ListDueForReview { entity_type: Some("contact".into()), ..then.clone() },
        ListDueForReview { after: Some("x".into()), ..then.clone() },
    ] {
        let error = crm.privacy().due_for_review(&wrong).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("after")));
    }
    for (request, kind, field) in [
        (ListDueForReview { limit: 0, ..first.clone() }, ErrorKind::InvalidArgument, "limit"),
        (
            ListDueForReview { retention: Some("keep".into()), ..first.clone() },
            ErrorKind::NotFound,
            "retention",
        ),
        (
            ListDueForReview { entity_type: Some("x".into()), ..first },
            ErrorKind::UnknownType,
            "type",
        ),
    ] {
        let error = crm.privacy().due_for_review(&request).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
    }
}

/// Days at the end of a month that fall together in a shorter one, the later ones earlier in the day.
#[test]
fn the_ends_of_months_come_in_the_order_in_which_they_are_due() {
    let crm = hourly(1);
    crm.activity_kinds().define_preset(ActivityPreset::Meeting).unwrap();
    let times = ["2019-01-28T23:30:00Z", "2019-01-30T23:00:00Z", "2019-01-31T01:00:00Z"];
    for at in times {
        met(&crm, ann(&crm).id, at);
    }
    define(&crm, contacts("kept", "P1M", RetentionStart::LastActivity)).unwrap();
    let ends = |found: Vec<DueForReview>| -> Vec<String> {
        found.iter().map(|due| due.due_since.to_string()).collect()
    };
    let all = ["2019-02-28T01:00:00Z", "2019-02-28T23:00:00Z", "2019-02-28T23:30:00Z"];
    assert_eq!(ends(paged(&crm, time("2019-03-01T00:00:00Z"), 1)), all);
    assert_eq!(ends(paged(&crm, time("2019-02-28T12:00:00Z"), 1)), all[..1]);
    assert_eq!(ends(due(&crm, time("2019-02-28T00:00:00Z"))), all[..0]);
}

/// Random records, rules and moments: the pages are the list, and by days the list is what counting gives.
#[test]
fn pages_are_the_list_and_the_list_is_what_counting_gives() {
    for seed in 0..u64::from(repetitions(20)) {
        let mut seeded = Seeded::new(seed);
        let crm = hourly(5);
        crm.activity_kinds().define_preset(ActivityPreset::Meeting).unwrap();
        let mut expected = Vec::new();
        for nth in 0..seeded.below(30) {
            let id = ann(&crm).id;
            let mut latest = None;
            for _ in 0..seeded.below(3) {
                let day = 1 + seeded.below(28);
                let at = format!("2019-{:02}-{day:02}T12:00:00Z", 1 + nth % 12);
                met(&crm, id, &at);
                latest = latest.max(Some(time(&at)));
            }
            if seeded.below(4) == 0 {
                crm.contacts().archive(id, None).unwrap();
            }
            let record = crm.contacts().get(id).unwrap();
            expected.push((id, record.created_at, record.updated_at, latest));
        }
        let spans = [1 + seeded.below(400), 1 + seeded.below(400), 1 + seeded.below(400)];
        let starts =
            [RetentionStart::Created, RetentionStart::Changed, RetentionStart::LastActivity];
        for ((days, from), name) in spans.iter().zip(starts).zip(["a", "b", "c"]) {
            define(&crm, contacts(name, &format!("P{days}D"), from)).unwrap();
        }
        let at =
            time("2020-01-01T00:00:00Z").micros() + i64::try_from(seeded.below(500)).unwrap() * DAY;
        let at = Timestamp::from_micros(at).unwrap();
        let mut wanted = Vec::new();
        for (id, created, updated, latest) in expected {
            let counted = [created, updated, latest.unwrap_or(created)];
            for ((days, from), name) in spans.iter().zip(counted).zip(["a", "b", "c"]) {
                let end = from.micros() + i64::try_from(*days).unwrap() * DAY;
                if end <= at.micros() {
                    wanted.push((end, id, name.to_owned()));
                }
            }
        }
        wanted.sort();
        let whole = due(&crm, at);
        let told =
            |due: &DueForReview| (due.due_since.micros(), due.subject.id, due.retention.clone());
        assert_eq!(whole.iter().map(told).collect::<Vec<_>>(), wanted, "seed {seed}");
        define(&crm, contacts("b", "P1M2D", RetentionStart::LastActivity)).unwrap();
        let whole = due(&crm, at);
        for limit in [1, 2, 7] {
            assert_eq!(paged(&crm, at, limit), whole, "seed {seed}, by {limit}");
        }
    }
}

#[test]
fn the_register_and_the_person_are_told_how_long() {
    let crm = hourly(1);
    purpose(&crm, Purpose::new("news", ["post"]));
    let ann = ann(&crm);
    let at = time("2019-02-28T00:00:00Z");
    crm.consents().record(NewConsent::grant(ann.clone(), "post", "news").at(at)).unwrap();
    define(&crm, contacts("readers", "P3Y", RetentionStart::LastUse).purpose("news")).unwrap();
    let general = define(&crm, contacts("all", "P10Y", RetentionStart::Created)).unwrap();
    define(&crm, Retention::new("firms", "company", "P1Y", RetentionStart::Created)).unwrap();
    let register = crm.privacy().register(&GetRegister::default()).unwrap();
    assert_eq!(register.entries[0].retention_periods, ["contact: P3Y from last_use"]);
    assert!(!register.entries[0].missing.iter().any(|part| part.contains("storage_period")));
    assert!(register.csv.contains("contact: P3Y from last_use"));
    assert_eq!(register.retentions[0], general);
    assert_eq!(register.retentions.len(), 2);
    let request = AccessData::new(ann);
    let report = crm.privacy().access(&request, &mut |_| Flow::Continue).unwrap();
    let told: serde_json::Value = serde_json::from_str(&report.text.unwrap()).unwrap();
    let told = &told["retention"];
    assert_eq!(told.as_array().unwrap().len(), 2);
    assert_eq!(told[1]["rule"]["name"], "readers");
    assert_eq!(told[1]["counted_from"], "2019-02-28T00:00:00Z");
    assert_eq!(told[1]["due_at"], "2022-02-28T00:00:00Z");
}
