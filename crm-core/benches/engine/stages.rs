//! Stages: deciding moves in memory, and a move that is committed. By hand somebody would end the
//! last stay, begin the next, write where the record stands, and log it.

use std::{hint::black_box, path::Path, time::Instant};

use crm_core::{
    CreateRecord, Crm, Durability, LifecyclePreset, MoveKind, MoveStage, RecordChange,
    StageDecision, StageMachine, StagePlace, values,
};
use rusqlite::params;

use super::{
    ApplyChanges, BATCH, Budget, Line, ROUNDS, WRITES, open,
    raw::{NOW, Raw, id},
    rows::scatter,
    timed,
};

/// Moves that are decided.
const MOVES: usize = 10_000_000;
/// Their budget: twenty millions a second.
const MILLIS: u64 = 500;

const SCHEMA: &str = "
CREATE TABLE stage (
    lifecycle INTEGER NOT NULL, record_id BLOB NOT NULL, id BLOB NOT NULL, stage TEXT, reached TEXT,
    last TEXT, cycle INTEGER NOT NULL, visits INTEGER NOT NULL, entered_at INTEGER,
    seq INTEGER NOT NULL, PRIMARY KEY (lifecycle, record_id)) STRICT, WITHOUT ROWID;
CREATE INDEX stage_by_stage ON stage (lifecycle, stage, entered_at);
CREATE TABLE visit (
    lifecycle INTEGER NOT NULL, record_id BLOB NOT NULL, number INTEGER NOT NULL,
    stage TEXT NOT NULL, cycle INTEGER NOT NULL, entered_at INTEGER NOT NULL, exited_at INTEGER,
    cause TEXT NOT NULL, reason TEXT, activity BLOB, related_type INTEGER, related BLOB,
    seq INTEGER NOT NULL, PRIMARY KEY (lifecycle, record_id, number)) STRICT, WITHOUT ROWID;
CREATE INDEX visit_by_stage ON visit (lifecycle, stage, entered_at);";

pub(crate) fn run(folder: &Path, count: usize, report: &mut dyn FnMut(Line)) {
    in_memory(report);
    let crm = open(&folder.join("stages.crm"), Durability::Full);
    crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
    let ids = deals(&crm, count / 10);
    let mut raw = Raw::open(&folder.join("stages.db"));
    raw.conn.execute_batch(SCHEMA).unwrap();
    raw_deals(&mut raw, count / 10);
    drop(crm);
    for (durability, name) in [(Durability::Full, "full"), (Durability::Relaxed, "relaxed")] {
        let crm = open(&folder.join("stages.crm"), durability);
        let first = if durability == Durability::Full { 0 } else { WRITES };
        let (ours, ()) = timed(|| {
            for id in &ids[first..first + WRITES] {
                crm.lifecycles().move_to(MoveStage::new("deal", *id, "qualification")).unwrap();
            }
        });
        let raw_time = moves(&mut raw, durability, first);
        let name = format!("move to a stage with commit, {name}");
        let budget = Budget::Ratio(2.0);
        report(Line { name, ours, raw: Some(raw_time), units: WRITES, budget });
    }
}

/// Moves of a contact to stages at random, as fast as they are decided.
fn in_memory(report: &mut dyn FnMut(Line)) {
    let stages = LifecyclePreset::Contact.definition().stages;
    let machine = StageMachine::new(&stages).unwrap();
    let count = u64::from(machine.stages());
    let targets: Vec<u8> =
        (0..4096).map(|number| u8::try_from(scatter(number) % count).unwrap()).collect();
    let round = || {
        let mut place = StagePlace::default();
        for to in targets.iter().cycle().take(MOVES) {
            if let StageDecision::Enter { place: next, .. } =
                machine.decide(place, *to, MoveKind::Automatic)
            {
                place = next;
            }
        }
        black_box(place);
    };
    let ours = (0..ROUNDS).map(|_| timed(round).0).min().unwrap();
    let name = "move in memory, decided by tables".into();
    let budget = Budget::Time(std::time::Duration::from_millis(MILLIS));
    report(Line { name, ours, raw: None, units: MOVES, budget });
}

fn deals(crm: &Crm, count: usize) -> Vec<crm_core::RecordId> {
    let mut ids = Vec::with_capacity(count);
    for start in (0..count).step_by(BATCH) {
        let changes = (start..(start + BATCH).min(count)).map(|number| {
            let values = values! { "name" => format!("Deal {number}") };
            RecordChange::Create(CreateRecord { entity_type: "deal".into(), values })
        });
        let changes = changes.collect();
        let applied = crm.apply(ApplyChanges { changes, all_or_nothing: true }).unwrap();
        ids.extend(applied.outcomes.into_iter().map(|outcome| outcome.id.unwrap()));
    }
    ids
}

/// As many that stand on their first stage.
fn raw_deals(raw: &mut Raw, count: usize) {
    let tx = raw.conn.transaction().unwrap();
    for number in 0..count {
        raw.seq += 1;
        let id = id(number);
        tx.prepare_cached(
            "INSERT INTO stage VALUES (1, ?1, ?1, 'prospecting', 'prospecting', 'prospecting', 1, 1, ?2, ?3)",
        )
        .unwrap()
        .execute(params![id, NOW, raw.seq])
        .unwrap();
        tx.prepare_cached(
            "INSERT INTO visit VALUES (1, ?1, 1, 'prospecting', 1, ?2, NULL, 'initial', NULL, NULL, NULL, NULL, ?3)",
        )
        .unwrap()
        .execute(params![id, NOW, raw.seq])
        .unwrap();
    }
    tx.commit().unwrap();
}

fn moves(raw: &mut Raw, durability: Durability, first: usize) -> std::time::Duration {
    let level = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    raw.conn.execute_batch(&format!("PRAGMA synchronous = {level}")).unwrap();
    let start = Instant::now();
    for number in first..first + WRITES {
        let tx = raw.conn.transaction().unwrap();
        raw.seq += 1;
        let (id, seq) = (id(number), raw.seq);
        let visits: i64 = tx
            .prepare_cached("SELECT visits FROM stage WHERE lifecycle = 1 AND record_id = ?1")
            .unwrap()
            .query_row([id], |row| row.get(0))
            .unwrap();
        for (sql, parameters) in [
            (
                "UPDATE visit SET exited_at = ?3 WHERE lifecycle = 1 AND record_id = ?1 AND number = ?2",
                params![id, visits, NOW],
            ),
            (
                "INSERT INTO visit VALUES \
                 (1, ?1, ?2, 'qualification', 1, ?3, NULL, 'manual', NULL, NULL, NULL, NULL, ?4)",
                params![id, visits + 1, NOW, seq],
            ),
            (
                "UPDATE stage SET stage = 'qualification', reached = 'qualification', \
                 last = 'qualification', visits = ?2, entered_at = ?3, seq = ?4 \
                 WHERE lifecycle = 1 AND record_id = ?1",
                params![id, visits + 1, NOW, seq],
            ),
            (
                "INSERT INTO journal VALUES \
                 (?1, 1, ?1, ?1, ?1, 1, NULL, 'stage_moved', NULL, ?2, ?3, NULL, NULL, NULL)",
                params![
                    seq,
                    id,
                    "{\"lifecycle\":\"deal\",\"type\":\"deal\",\"id\":\"00000000-0000-7000-8000-000000000001\",\
                     \"to\":\"qualification\",\"at\":\"2026-01-01T00:00:00Z\",\"cause\":\"manual\",\"cycle\":1,\
                     \"reached\":\"qualification\",\"last\":\"qualification\"}"
                ],
            ),
        ] {
            tx.prepare_cached(sql).unwrap().execute(parameters).unwrap();
        }
        tx.commit().unwrap();
    }
    start.elapsed()
}
