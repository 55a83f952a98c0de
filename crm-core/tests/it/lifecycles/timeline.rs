//! The stages to which a record came, on its timeline.

use crm_core::{
    ActivityPreset, Crm, DefineLifecycle, ListTimeline, MoveStage, NewActivity, RecordId,
    RecordRef, ResetStage, Stage, StageCause, StageEntry, TimelineEntry, TimelineItem,
    TimelineKind, Timestamp,
};

use super::{contact, history, open};

const DAY: i64 = 86_400_000_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(1_704_067_200_000_000 + day * DAY).unwrap()
}

fn timeline(crm: &Crm, id: RecordId, items: &[TimelineKind], limit: u32) -> Vec<TimelineEntry> {
    let items = items.to_vec();
    let mut request = ListTimeline { items, limit, ..ListTimeline::new("contact", id) };
    let mut entries = Vec::new();
    loop {
        let page = crm.timeline(&request).unwrap();
        assert!(page.entries.len() <= limit as usize);
        entries.extend(page.entries);
        let Some(next) = page.next else { return entries };
        request.after = Some(next);
    }
}

fn stages(entries: &[TimelineEntry]) -> Vec<&StageEntry> {
    let stage = |entry: &'_ TimelineEntry| matches!(entry.item, TimelineItem::Stage(_));
    let entries = entries.iter().filter(|entry| stage(entry));
    entries
        .map(|entry| match &entry.item {
            TimelineItem::Stage(stage) => stage,
            _ => unreachable!(),
        })
        .collect()
}

/// A contact that was moved by hand, by an activity and back, in two lifecycles.
fn moved(crm: &Crm) -> RecordId {
    crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
    let club = DefineLifecycle::new("club", "contact", [Stage::new("guest"), Stage::new("member")]);
    crm.lifecycles().define(club).unwrap();
    let id = contact(crm);
    let on = |lifecycle: &str, to: &str, day: i64| {
        let request = MoveStage { at: Some(at(day)), ..MoveStage::new(lifecycle, id, to) };
        crm.lifecycles().move_to(request.because("asked")).unwrap();
    };
    on("contact", "mql", 1);
    on("club", "guest", 1);
    let call = NewActivity::of("call", RecordRef::new("contact", id), at(2));
    let call = crm.activities().record(call).unwrap().activity.id;
    let sql = MoveStage { at: Some(at(3)), ..MoveStage::new("contact", id, "sql") };
    crm.lifecycles().move_to(MoveStage { activity_id: Some(call), ..sql }).unwrap();
    let back = ResetStage { at: Some(at(4)), ..ResetStage::new("contact", id, "lead", "mistaken") };
    crm.lifecycles().reset(back).unwrap();
    id
}

#[test]
fn a_move_is_one_item_with_what_it_skipped() {
    let crm = open();
    let id = moved(&crm);
    let entries = timeline(&crm, id, &[TimelineKind::Stage], 100);
    let shown: Vec<_> = stages(&entries)
        .into_iter()
        .map(|entry| (entry.lifecycle.as_str(), entry.stage.as_str(), entry.cause))
        .collect();
    assert_eq!(
        shown,
        [
            ("contact", "lead", StageCause::Reset),
            ("contact", "sql", StageCause::Manual),
            ("club", "guest", StageCause::Manual),
            ("contact", "mql", StageCause::Manual),
        ]
    );
    let [lead, sql, _, mql] = stages(&entries)[..] else { panic!() };
    assert_eq!(mql.implied, ["subscriber", "lead"]);
    assert_eq!((mql.reason.as_deref(), mql.cycle, mql.at), (Some("asked"), 1, at(1)));
    assert!(sql.activity_id.is_some() && sql.implied.is_empty());
    assert_eq!((lead.reason.as_deref(), lead.actor.as_str()), (Some("mistaken"), "host"));
    // Place and time are those of the change and of the stay that it began.
    for entry in &entries {
        let TimelineItem::Stage(stage) = &entry.item else { panic!() };
        assert_eq!((entry.seq, entry.at), (stage.seq, stage.at));
    }
    let visit = history(&crm, "contact", id).visits.pop().unwrap();
    assert_eq!((lead.seq, lead.at), (visit.seq, visit.entered_at));
}

#[test]
fn pages_of_any_size_show_the_same() {
    let crm = open();
    let id = moved(&crm);
    let whole = timeline(&crm, id, &[], 100);
    assert_eq!(whole.len(), 6, "created, called, and four moves");
    let mut places: Vec<_> = whole.iter().map(|entry| (entry.at, entry.seq)).collect();
    assert!(places.is_sorted_by(|one, other| one > other), "the latest first");
    places.dedup();
    assert_eq!(places.len(), whole.len());
    for limit in 1..=6 {
        assert_eq!(timeline(&crm, id, &[], limit), whole, "{limit}");
    }
    let some = [TimelineKind::Change, TimelineKind::Stage];
    assert_eq!(timeline(&crm, id, &some, 2).len(), 5);
    assert_eq!(timeline(&crm, id, &[TimelineKind::Activity], 2).len(), 1);
}
