//! A real sales pipeline replayed as a lifecycle: the figures are those that counting its table by hand
//! gives.

use std::{fs, path::Path};

use crm_core::{
    ApplyChanges, Attribute, CreateRecord, Crm, DefineActivityKind, DefineLifecycle, DefineType,
    FindStuck, GetAcceptance, GetFlywheel, GetFunnel, Kind, NewActivity, RecordActivities,
    RecordChange, RecordId, RecordRef, RunSql, Stage, StageKind, StageTrigger, Timestamp, values,
};

use super::verify;

const DAY: i64 = 86_400_000_000;

fn at(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().unwrap()
}

/// The deals whose beginning is known, each moved by what happened with it.
fn replayed(table: &str) -> Crm {
    let crm = Crm::in_memory().unwrap();
    let code = Attribute::new("code", Kind::Text).unique();
    crm.types().define(DefineType::new("opportunity", [code])).unwrap();
    for kind in ["engaged", "won", "lost"] {
        crm.activity_kinds().define(DefineActivityKind::new(kind, [])).unwrap();
    }
    let stages = [
        Stage::new("prospecting"),
        Stage::new("engaging"),
        Stage::new("won").kind(StageKind::Won),
        Stage::new("lost").kind(StageKind::Lost),
    ];
    let reason = Some("not said".to_owned());
    let triggers = vec![
        StageTrigger::activity("engaging", "engaged"),
        StageTrigger::activity("won", "won"),
        StageTrigger { reason, ..StageTrigger::activity("lost", "lost") },
    ];
    let pipeline = DefineLifecycle::new("pipeline", "opportunity", stages);
    crm.lifecycles().define(DefineLifecycle { triggers, ..pipeline }).unwrap();

    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| !row[5].is_empty()).collect();
    let create = |row: &Vec<&str>| {
        let values = values! { "code" => row[0] };
        RecordChange::Create(CreateRecord { entity_type: "opportunity".into(), values })
    };
    let changes = rows.iter().map(create).collect();
    let applied = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
    let ids: Vec<RecordId> = applied.outcomes.iter().map(|one| one.id.unwrap()).collect();
    let mut activities = Vec::new();
    for (row, id) in rows.iter().zip(ids) {
        let subject = RecordRef::new("opportunity", id);
        activities.push(NewActivity::of("engaged", subject.clone(), at(row[5])));
        if !row[6].is_empty() {
            activities.push(NewActivity::of(row[4].to_lowercase(), subject, at(row[6])));
        }
    }
    let recorded = RecordActivities { activities, all_or_nothing: true };
    assert_eq!(crm.activities().record_many(recorded).unwrap().failed, 0);
    crm
}

#[test]
fn a_pipeline_gives_the_figures_that_its_table_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/data/crm_sales_opportunities/sales_pipeline.csv");
    let Ok(table) = fs::read_to_string(path) else {
        eprintln!("not run: data absent");
        return;
    };
    let crm = replayed(&table);
    let lifecycles = crm.lifecycles();
    let quantiles = vec![0.25, 0.75, 0.9];
    let request = GetFunnel { quantiles, ..GetFunnel::new("pipeline") };
    let funnel = lifecycles.funnel(&request).unwrap();
    let [prospecting, engaging, won] = &funnel.stages[..] else { panic!() };
    assert_eq!(
        (funnel.entered, prospecting.implied, prospecting.median_micros),
        (8300, 8300, None)
    );
    assert_eq!(
        (engaging.reached, engaging.went_on, engaging.lost, engaging.waiting),
        (8300, 4238, 2473, 1589)
    );
    assert_eq!((won.reached, won.share), (4238, Some(4238.0 / 8300.0)));
    assert_eq!(engaging.drop_off, Some(2473.0 / 8300.0));
    assert_eq!(engaging.median_micros, Some(57 * DAY));
    assert_eq!(engaging.quantile_micros, [9 * DAY, 88 * DAY, 106 * DAY]);
    let cohort = GetFunnel { until: Some(at("2017-01-01")), ..GetFunnel::new("pipeline") };
    let cohort = lifecycles.funnel(&cohort).unwrap();
    let engaging = &cohort.stages[1];
    assert_eq!(
        (cohort.entered, engaging.went_on, engaging.lost, engaging.waiting),
        (358, 250, 55, 53)
    );

    let now = Some(at("2018-01-01"));
    let stuck = FindStuck { at: now, limit: 10_000, ..FindStuck::new("pipeline", "180d") };
    let stuck = lifecycles.stuck(&stuck).unwrap().records;
    assert_eq!((stuck.len(), stuck[0].micros), (733, 424 * DAY));
    let first = crm.records("opportunity").get(stuck[0].id).unwrap();
    assert_eq!(first.get("code").as_str(), Some("HAXMC4IX"));
    let acceptance = GetAcceptance { at: now, ..GetAcceptance::new("pipeline", "engaging", "30d") };
    let acceptance = lifecycles.acceptance(&acceptance).unwrap();
    assert_eq!(
        (acceptance.in_time, acceptance.late, acceptance.waiting, acceptance.overdue),
        (3163, 3548, 17, 1572)
    );
    assert_eq!(acceptance.median_micros, Some(45 * DAY));

    let flywheel = lifecycles.flywheel(&GetFlywheel::new("pipeline")).unwrap();
    assert_eq!((flywheel.customers, flywheel.by_existing), (4238, 0));
    let engaging = &flywheel.friction[1];
    assert_eq!((engaging.left, engaging.lost), (6711, 2473));
    assert_eq!(engaging.median_micros, Some(45 * DAY));

    // The mean cycle of what was won: 51.78 days.
    let sql = "SELECT sum(v.exited_at - v.entered_at) FROM crm_stage_visit v JOIN crm_stage s \
         ON s.lifecycle = v.lifecycle AND s.record_id = v.record_id \
         WHERE v.stage = 'engaging' AND s.stage = 'won'";
    let cycle = crm.sql(&RunSql::new(sql)).unwrap().rows[0].0[0].as_i64().unwrap();
    assert_eq!(cycle / DAY, 219_452);
    verify(&crm);
}
