//! Segments: definitions, members by hand and by themselves, and what is told of them.

use std::sync::Arc;

use crm_core::{
    ActivityPreset, AddAssociation, AssociationPreset, Attribute, Bucket, ChangeKind,
    ChangeMembers, Clock, CountRecords, CountedIds, Crm, DefineSegment, ErrorKind, EstimateSegment,
    ExplainMember, FixedClock, Flow, GetSegmentSizes, Kind, LifecyclePreset, ListChanges,
    ListMembers, MemberCause, MoveStage, NewActivity, OpenOptions, OverlapSegments, RecordId,
    RecordRef, Replay, TickTimers, Timestamp, Value, values,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open() -> Crm {
    let replay = Some(Replay { start: at("2026-01-01T00:00:00Z"), step_micros: 1_000 });
    Crm::open_with(":memory:", OpenOptions { replay, ..OpenOptions::default() }).unwrap()
}

fn live(crm: &Crm, name: &str, text: &str) {
    let segment = DefineSegment::live(name, "contact", text.parse().unwrap());
    crm.segments().define(segment).unwrap();
}

fn contact(crm: &Crm, name: &str) -> RecordId {
    crm.contacts().create(values! { "given_name" => name }).unwrap().id
}

fn members(crm: &Crm, segment: &str) -> Vec<RecordId> {
    let page = crm.segments().members(&ListMembers::new(segment)).unwrap();
    page.members.into_iter().map(|member| member.id).collect()
}

/// When a record came and went, the latest first, as `+cause` and `-cause`.
fn way(crm: &Crm, segment: &str, id: RecordId) -> Vec<(bool, MemberCause)> {
    let told = crm.segments().explain(&ExplainMember::new(segment, id)).unwrap();
    told.changes.into_iter().map(|change| (change.is_member, change.cause)).collect()
}

fn verify(crm: &Crm) {
    assert_eq!(crm.verify(&mut |_| Flow::Continue).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_live_segment_follows_every_write() {
    let crm = open();
    crm.activity_kinds().define_preset(ActivityPreset::Form).unwrap();
    crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
    let ann = contact(&crm, "Ann");
    live(&crm, "reachable", "email is set");
    live(&crm, "eager", "count(form) >= 1");
    live(&crm, "staff", "related(employed_by: employees >= 10)");
    assert!(members(&crm, "reachable").is_empty());

    crm.contacts().patch(ann, values! { "email" => "ann@example.org" }).unwrap();
    assert_eq!(members(&crm, "reachable"), [ann]);
    crm.contacts().patch(ann, values! { "email" => Value::Null }).unwrap();
    assert!(members(&crm, "reachable").is_empty());
    let record = MemberCause::Record;
    assert_eq!(way(&crm, "reachable", ann), [(false, record), (true, record)]);

    let form = NewActivity::of("form", RecordRef::new("contact", ann), at("2025-05-01T00:00:00Z"));
    let form = NewActivity { properties: values! { "form" => "news" }, ..form };
    let form = crm.activities().record(form).unwrap().activity.id;
    let told = crm.segments().explain(&ExplainMember::new("eager", ann)).unwrap();
    assert_eq!((told.is_member, told.changes[0].activity_id), (true, Some(form)));
    assert!(told.answer.unwrap().leaves[0].is_true);

    let firm = crm.companies().create(values! { "name" => "Acme" }).unwrap().id;
    let ends = (RecordRef::new("contact", ann), RecordRef::new("company", firm));
    crm.associations().add(AddAssociation::new("employed_by", ends.0, ends.1)).unwrap();
    assert!(members(&crm, "staff").is_empty());
    crm.companies().patch(firm, values! { "employees" => 12 }).unwrap();
    let told = crm.segments().explain(&ExplainMember::new("staff", ann)).unwrap();
    assert_eq!(told.changes[0].record, Some(RecordRef::new("company", firm)));
    crm.companies().archive(firm, None).unwrap();
    assert!(members(&crm, "staff").is_empty());

    crm.contacts().archive(ann, None).unwrap();
    assert!(members(&crm, "eager").is_empty());
    crm.contacts().restore(ann, None).unwrap();
    let causes = [MemberCause::Restored, MemberCause::Archived, MemberCause::Activity];
    let told: Vec<MemberCause> = way(&crm, "eager", ann).into_iter().map(|(_, c)| c).collect();
    assert_eq!(told, causes);
    verify(&crm);
}

#[test]
fn segments_ask_for_each_other_and_no_member_comes_for_a_moment_only() {
    let crm = open();
    live(&crm, "vip", "family_name = \"V\"");
    live(&crm, "plain", "email is set and not in segment \"vip\"");
    let values = values! { "given_name" => "A", "family_name" => "V", "email" => "a@example.org" };
    let ann = crm.contacts().create(values).unwrap().id;
    assert_eq!((members(&crm, "vip"), members(&crm, "plain")), (vec![ann], vec![]));
    assert!(way(&crm, "plain", ann).is_empty(), "it did not come and go in between");
    crm.contacts().patch(ann, values! { "family_name" => "W" }).unwrap();
    assert_eq!(way(&crm, "plain", ann).len(), 1);
    let count = CountRecords {
        condition: Some("in segment \"plain\"".parse().unwrap()),
        ..CountRecords::new("contact")
    };
    assert_eq!(crm.count_records(&count).unwrap(), 1);
    verify(&crm);
}

#[test]
fn stages_and_time_move_members_too() {
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let ids = Arc::new(CountedIds::after(0));
    let crm = Crm::open_injected(":memory:", OpenOptions::default(), clock.clone(), ids).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Form).unwrap();
    crm.lifecycles().define_preset(LifecyclePreset::Contact).unwrap();
    let ann = contact(&crm, "Ann");
    live(&crm, "ripe", "stage(at_least \"mql\")");
    live(&crm, "active", "count(form within 30d) >= 1");
    crm.lifecycles().move_to(MoveStage::new("contact", ann, "sql")).unwrap();
    assert_eq!(way(&crm, "ripe", ann), [(true, MemberCause::Stage)]);

    let form = NewActivity::of("form", RecordRef::new("contact", ann), at("2025-12-02T00:00:30Z"));
    let form = NewActivity { properties: values! { "form" => "news" }, ..form };
    crm.activities().record(form).unwrap();
    assert_eq!(members(&crm, "active"), [ann]);
    let told = crm.segments().explain(&ExplainMember::new("active", ann)).unwrap();
    let due = told.due_at.unwrap();
    assert!(due > at("2026-01-01T00:00:30Z"), "{due}");
    assert_eq!(crm.timers().next().unwrap().due_at, Some(due));
    clock.advance(59 * 86_400_000_000);
    crm.timers().tick(&TickTimers::default(), &mut |_| Flow::Continue).unwrap();
    assert!(members(&crm, "active").is_empty());
    let told = crm.segments().explain(&ExplainMember::new("active", ann)).unwrap();
    assert_eq!((told.changes[0].cause, told.changes[0].at), (MemberCause::Time, due));
    verify(&crm);
}

#[test]
fn a_static_segment_takes_members_by_hand_and_a_snapshot_stays() {
    let crm = open();
    let (ann, bob) = (contact(&crm, "Ann"), contact(&crm, "Bob"));
    crm.segments().define(DefineSegment::by_hand("guests", "contact")).unwrap();
    let add = ChangeMembers::new("guests", [ann, bob, ann]).because("party");
    let report = crm.segments().add_members(&add).unwrap();
    assert_eq!((report.entered, report.members), (2, 2));
    crm.contacts().archive(bob, None).unwrap();
    assert_eq!(members(&crm, "guests"), [ann]);
    crm.contacts().restore(bob, None).unwrap();
    assert_eq!(members(&crm, "guests"), [ann, bob]);
    let report = crm.segments().remove_members(&ChangeMembers::new("guests", [ann])).unwrap();
    assert_eq!((report.left, report.members), (1, 1));
    crm.contacts().archive(ann, None).unwrap();
    crm.contacts().restore(ann, None).unwrap();
    assert_eq!(members(&crm, "guests"), [bob], "who was removed does not come back");
    let error =
        crm.segments().add_members(&ChangeMembers::new("guests", [RecordId::from_bytes([9; 16])]));
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("ids[0]")));

    let all = DefineSegment::snapshot("all", "contact", "given_name is set".parse().unwrap());
    assert_eq!(crm.segments().define(all).unwrap().members, 2);
    let cid = contact(&crm, "Cid");
    assert_eq!(members(&crm, "all").len(), 2);
    let report = crm.segments().refresh("all", &mut |_| Flow::Continue).unwrap();
    assert_eq!((report.entered, report.members), (1, 3));
    assert_eq!(way(&crm, "all", cid), [(true, MemberCause::Refreshed)]);
    let overlap = OverlapSegments { segment: "all".into(), other: "guests".into() };
    let overlap = crm.segments().overlap(&overlap).unwrap();
    assert_eq!((overlap.size, overlap.other_size, overlap.both), (3, 1, 1));
    let refused = crm.segments().refresh("guests", &mut |_| Flow::Continue).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    verify(&crm);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_place_of_the_fault() {
    let crm = open();
    crm.segments().define(DefineSegment::by_hand("firms", "company")).unwrap();
    live(&crm, "a", "email is set");
    live(&crm, "b", "email is set and in segment \"a\"");
    let define = |name: &str, text: &str| {
        let segment = DefineSegment::live(name, "contact", text.parse().unwrap());
        let error = crm.segments().define(segment).unwrap_err();
        (error.kind(), error.field().unwrap().to_owned(), error.message().to_owned())
    };
    let (kind, field, message) = define("a", "email is set or not in segment \"b\"");
    assert_eq!((kind, field.as_str()), (ErrorKind::InvalidArgument, "where.any[1].not.segment"));
    assert!(message.ends_with("a → b → a"), "{message}");
    let (kind, field, _) = define("c", "in segment \"c\"");
    assert_eq!((kind, field.as_str()), (ErrorKind::InvalidArgument, "where.segment"));
    let (kind, field, _) = define("c", "email is set and emial is set");
    assert_eq!((kind, field.as_str()), (ErrorKind::UnknownAttribute, "where.all[1].field"));
    let (kind, field, _) = define("c", "in segment \"d\"");
    assert_eq!((kind, field.as_str()), (ErrorKind::NotFound, "where.segment"));
    let (kind, field, _) = define("c", "in segment \"firms\"");
    assert_eq!((kind, field.as_str()), (ErrorKind::InvalidArgument, "where.segment"));
    let archived = crm.segments().archive("a").unwrap_err();
    assert_eq!(archived.kind(), ErrorKind::DefinitionConflict);
    let gone = crm.types().archive_attribute("contact", "email").unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::DefinitionConflict);
    let bare = DefineSegment {
        condition: None,
        ..DefineSegment::live("d", "contact", "email is set".parse().unwrap())
    };
    assert_eq!(crm.segments().define(bare).unwrap_err().field(), Some("where"));
    let zone = DefineSegment::by_hand("d", "contact").in_zone("Mars/Base");
    assert_eq!(crm.segments().define(zone).unwrap_err().field(), Some("zone"));
    assert_eq!(crm.segments().list().unwrap().len(), 3);
}

#[test]
fn sizes_follow_from_when_members_came_and_went() {
    let crm = open();
    live(&crm, "reachable", "email is set");
    let ann = contact(&crm, "Ann");
    let before = crm.contacts().get(ann).unwrap().updated_at;
    let set = crm.contacts().patch(ann, values! { "email" => "a@example.org" }).unwrap();
    let gone = crm.contacts().patch(ann, values! { "email" => Value::Null }).unwrap();
    let moments = [before, set.updated_at, gone.updated_at];
    let told = crm.segments().sizes(&GetSegmentSizes::at("reachable", moments)).unwrap();
    let told: Vec<_> = told.sizes.iter().map(|s| (s.size, s.entered, s.left)).collect();
    assert_eq!(told, [(0, 0, 0), (1, 1, 0), (0, 0, 1)]);
    let daily = GetSegmentSizes {
        until: Some(at("2025-12-31T12:00:00Z")),
        zone: Some("Europe/Berlin".into()),
        ..GetSegmentSizes::every("reachable", Bucket::Day, at("2025-12-29T23:00:00Z"))
    };
    let days: Vec<String> =
        crm.segments().sizes(&daily).unwrap().sizes.iter().map(|s| s.at.to_string()).collect();
    let first = ["2025-12-29T23:00:00Z", "2025-12-30T23:00:00Z", "2025-12-31T12:00:00Z"];
    assert_eq!(days, first.map(|day| at(day).to_string()));
    let estimate = EstimateSegment::new("contact", "given_name is set".parse().unwrap());
    let estimate = crm.segments().estimate(&estimate).unwrap();
    assert_eq!((estimate.members, estimate.records, estimate.is_exact), (1, 1, true));
}

#[test]
fn an_archived_segment_rests_and_a_restored_one_knows_what_happened() {
    let crm = open();
    live(&crm, "reachable", "email is set");
    crm.segments().archive("reachable").unwrap();
    let ann = contact(&crm, "Ann");
    crm.contacts().patch(ann, values! { "email" => "a@example.org" }).unwrap();
    assert!(members(&crm, "reachable").is_empty());
    assert_eq!(crm.segments().restore("reachable").unwrap().entered, 1);
    assert_eq!(way(&crm, "reachable", ann), [(true, MemberCause::Defined)]);
    let changes = crm.journal().changes(&ListChanges::after(0)).unwrap().changes;
    let last = changes.last().unwrap();
    assert_eq!((last.kind, last.record_id), (ChangeKind::SegmentEntered, Some(ann)));
    let score = Attribute::new("points", Kind::Integer);
    crm.types().define_attribute("contact", score).unwrap();
    live(&crm, "reachable", "points > 3");
    assert!(members(&crm, "reachable").is_empty());
    verify(&crm);
}

#[test]
fn many_segments_that_look_at_one_record_are_kept_as_few_are() {
    let clock = Arc::new(FixedClock::new(at("2026-01-01T00:00:00Z")));
    let ids = Arc::new(CountedIds::after(0));
    let crm = Crm::open_injected(":memory:", OpenOptions::default(), clock.clone(), ids).unwrap();
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    let (ann, bob) = (contact(&crm, "Ann"), contact(&crm, "Bob"));
    let conditions: Vec<String> = (1..=12)
        .map(|days| format!("count(call within {}d) >= {}", 10 * days, 1 + days % 2))
        .collect();
    for (number, condition) in conditions.iter().enumerate() {
        live(&crm, &format!("s{number}"), condition);
    }
    let call = |id: RecordId| {
        let call = NewActivity::of("call", RecordRef::new("contact", id), clock.now());
        crm.activities().record(call).unwrap();
    };
    let (mut sizes, mut ticked) = (Vec::new(), 0);
    for step in 0..42 {
        clock.advance(5 * 86_400_000_000);
        let tick = TickTimers { limit: 10_000, ..TickTimers::default() };
        ticked += crm.timers().tick(&tick, &mut |_| Flow::Continue).unwrap().done;
        match step {
            0 | 3 | 4 | 15 => call(ann),
            2 => call(bob),
            _ => {}
        }
        let mut all = 0;
        for (number, condition) in conditions.iter().enumerate() {
            let found = members(&crm, &format!("s{number}"));
            let asked = CountRecords {
                condition: Some(condition.parse().unwrap()),
                ..CountRecords::new("contact")
            };
            assert_eq!(crm.count_records(&asked).unwrap(), found.len() as u64, "{condition}");
            all += found.len();
        }
        sizes.push(all);
        verify(&crm);
    }
    assert!(ticked > 15 && sizes.iter().max() > Some(&12), "{ticked} {sizes:?}");
    assert_eq!(sizes.last(), Some(&0), "{sizes:?}");
}
