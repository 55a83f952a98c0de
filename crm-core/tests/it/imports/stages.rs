//! Where the records of an import begin: planned, applied, and refused before anything is written.

use crm_core::{
    Attribute, BadCells, Crm, DefineLifecycle, DefineType, ErrorKind, ExplainStage, Flow,
    GetLifecycleHistory, ImportCsv, ImportMode, ImportVcard, Kind, LifecycleHistory,
    LifecyclePreset, ListRecords, PlanImport, PlannedStage, RecordId, RowDecision, SourceFormat,
    Stage, StageCause, StageKind, StageTrigger, StartStage, values,
};

use super::{apply, map, plan, revert, rows};
use crate::support::{assert_sound, journal_length, replay};

/// Contacts of which new ones are subscribers, and a customer has an e-mail address.
fn world() -> Crm {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    let mut contact = LifecyclePreset::Contact.definition();
    contact.initial = Some("subscriber".into());
    contact.stages.iter_mut().find(|stage| stage.name == "customer").unwrap().required =
        vec!["email".into()];
    crm.lifecycles().define(contact).unwrap();
    crm
}

fn history(crm: &Crm, id: RecordId) -> LifecycleHistory {
    crm.lifecycles().history(&GetLifecycleHistory::new("contact", id)).unwrap()
}

fn stages(crm: &Crm, name: &str) -> Vec<(String, StageCause)> {
    let filter = values! { "family_name" => name };
    let request = ListRecords { filter, ..ListRecords::new("contact") };
    let page = crm.list_records(&request).unwrap();
    let visits = history(crm, page.records[0].id).visits.into_iter();
    visits.map(|visit| (visit.stage, visit.cause)).collect()
}

fn request(text: &str, stages: Vec<StartStage>) -> PlanImport {
    let columns = [map("family_name"), map("email")];
    PlanImport { stages, ..PlanImport::from_text("contact", text, columns) }
}

#[test]
fn new_records_begin_where_the_import_says_and_nowhere_else_before() {
    let crm = world();
    let known = crm.contacts().create(values! { "email" => "old@x.org" }).unwrap().id;
    let stages_of = vec![StartStage::new("contact", "mql")];
    let text = "family_name,email\nOld,old@x.org\nNew,new@x.org\n";
    let wanted = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["email".into()],
        ..request(text, stages_of)
    };
    let plan = plan(&crm, &wanted).unwrap();
    let rows = rows(&crm, &plan);
    let begins = PlannedStage { lifecycle: "contact".into(), stage: "mql".into() };
    assert_eq!(rows[0].stages, [], "what is there stays where it is");
    assert_eq!(rows[1].stages, [begins]);
    let run = apply(&crm, &plan).unwrap();
    assert_eq!((run.import.created, run.import.updated), (1, 1));
    assert_eq!(history(&crm, known).standing.stage.as_deref(), Some("subscriber"));
    let implied = |name: &str| (name.to_owned(), StageCause::Implied);
    let way = [implied("subscriber"), implied("lead"), ("mql".into(), StageCause::Import)];
    assert_eq!(stages(&crm, "New"), way);
    let id = crm.contacts().get_by("email", "new@x.org").unwrap().id;
    let LifecycleHistory { suppressed, standing, .. } = history(&crm, id);
    assert_eq!((suppressed.len(), standing.cycle), (0, 1), "nothing else would have had it begin");
    let explained =
        crm.lifecycles().explain(&ExplainStage { lifecycle: "contact".into(), id }).unwrap();
    assert!(explained.text.contains("where its import has it begin"), "{}", explained.text);
    assert_sound(&crm);
    let report = revert(&crm, &run);
    assert_eq!((report.archived, report.left_count), (1, 0));
}

#[test]
fn a_column_says_the_stage_by_name_or_label() {
    let crm = world();
    let start = StartStage { stage: Some("lead".into()), ..StartStage::of_column("contact", "at") };
    let text =
        "family_name,email,at\nA,,sql\nB,,Marketing qualified lead\nC,,\nD,,customer\nE,,sqll\n";
    let wanted = request(text, vec![start]);
    let planned = plan(&crm, &wanted).unwrap();
    assert!(planned.unmapped.is_empty(), "the column goes somewhere");
    let found = rows(&crm, &planned);
    let begin = |row: usize| found[row].stages.first().map(|stage| stage.stage.as_str());
    let begins = [Some("sql"), Some("mql"), Some("lead"), None, None];
    assert_eq!([0, 1, 2, 3, 4].map(begin), begins);
    assert_eq!(found[3].decision, RowDecision::Error, "a customer has an address");
    let problem = &found[3].problems[0];
    assert_eq!((problem.kind.as_str(), problem.column.as_deref()), ("required", Some("email")));
    let problem = &found[4].problems[0];
    assert_eq!((problem.kind.as_str(), problem.column.as_deref()), ("unknown_option", Some("at")));
    assert!(problem.hint.as_deref().unwrap().contains("sql"), "{problem:?}");
    let run = apply(&crm, &planned).unwrap();
    assert_eq!((run.import.created, run.import.errors), (3, 2));
    // A cell that is left out says nothing; what the stage needs is asked all the same.
    let lenient = PlanImport { bad_cells: BadCells::LeaveEmpty, ..wanted };
    let found = rows(&crm, &plan(&crm, &lenient).unwrap());
    assert_eq!(found[4].stages[0].stage, "lead");
    assert_eq!(found[3].decision, RowDecision::Error);
    let lines = "{\"family_name\":\"L\",\"at\":\"mql\"}\n{\"family_name\":\"M\",\"at\":null}\n";
    let mut json = request(lines, vec![StartStage::of_column("contact", "at")]);
    json.source.format = SourceFormat::JsonLines;
    let planned = plan(&crm, &json).unwrap();
    apply(&crm, &planned).unwrap();
    assert_eq!(stages(&crm, "L").last().unwrap().0, "mql");
    assert_eq!(stages(&crm, "M"), [("subscriber".into(), StageCause::Initial)]);
    assert_sound(&crm);
}

#[test]
fn tables_and_cards_begin_there_too() {
    let crm = world();
    let churned =
        StartStage { reason: Some("moved away".into()), ..StartStage::new("contact", "churned") };
    let table = ImportCsv {
        stages: vec![churned],
        ..ImportCsv::from_text("contact", "family_name\nGone\n", [map("family_name")])
    };
    crm.import_csv(&table, &mut |_| Flow::Continue).unwrap();
    assert_eq!(stages(&crm, "Gone"), [("churned".into(), StageCause::Import)]);
    let card = |extra: &str| {
        format!("BEGIN:VCARD\nVERSION:3.0\nN:Byron;Ada;;;\nFN:Ada Byron\n{extra}END:VCARD\n")
    };
    let import = |text: &str, stages: Vec<StartStage>| {
        let request = ImportVcard { stages, ..ImportVcard::from_text("contact", text) };
        crm.import_vcard(&request, &mut |_| Flow::Continue)
    };
    let customer = || vec![StartStage::new("contact", "customer")];
    let report = import(&card(""), customer()).unwrap();
    assert_eq!((report.created, report.rejected), (0, 1), "a customer has an address");
    assert_eq!(report.problems[0].kind, "required");
    let report = import(&card("EMAIL:ada@x.org\n"), customer()).unwrap();
    assert_eq!(report.created, 1);
    assert_eq!(stages(&crm, "Byron").last().unwrap(), &("customer".into(), StageCause::Import));
    let column = vec![StartStage::of_column("contact", "note")];
    let error = import(&card(""), column).unwrap_err();
    assert_eq!(
        (error.kind(), error.field()),
        (ErrorKind::InvalidArgument, Some("stages[0].column"))
    );
    assert_sound(&crm);
}

#[cfg(feature = "arrow")]
#[test]
fn rows_of_arrow_begin_there_too() {
    use std::sync::Arc;

    use crm_core::{
        IngestTable,
        arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, StringArray},
    };

    let crm = world();
    let column = |cells: [&str; 2]| Arc::new(StringArray::from(cells.to_vec())) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("family_name", column(["A", "B"])),
        ("at", column(["mql", "subscriber"])),
    ]);
    let batch = batch.unwrap();
    let schema = batch.schema();
    let request = IngestTable {
        columns: vec![map("family_name")],
        stages: vec![StartStage::of_column("contact", "at")],
        ..IngestTable::new("contact")
    };
    let stream = RecordBatchIterator::new([Ok(batch)], schema);
    crm.ingest_table(&request, stream, &mut |_| Flow::Continue).unwrap();
    assert_eq!(stages(&crm, "A").last().unwrap(), &("mql".into(), StageCause::Import));
    assert_eq!(stages(&crm, "B"), [("subscriber".into(), StageCause::Import)]);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let crm = world();
    crm.lifecycles().define_preset(LifecyclePreset::Deal).unwrap();
    let only = Stage { only_automatic: true, ..Stage::new("second") };
    let mut other = DefineLifecycle::new("other", "contact", [Stage::new("first"), only]);
    other.triggers = vec![StageTrigger::when("second", "email is set".parse().unwrap())];
    crm.lifecycles().define(other).unwrap();
    crm.lifecycles().define(DefineLifecycle::new("old", "contact", [Stage::new("a")])).unwrap();
    crm.lifecycles().archive("old").unwrap();
    let before = journal_length(&crm);
    let start = StartStage::new;
    let no_stage = StartStage { stage: None, ..start("contact", "lead") };
    let reasonless = StartStage { reason: Some(String::new()), ..start("contact", "lead") };
    let second = "stages[1].lifecycle";
    for (stages, kind, field) in [
        (vec![start("contcat", "lead")], ErrorKind::NotFound, "stages[0].lifecycle"),
        (vec![start("old", "a")], ErrorKind::Archived, "stages[0].lifecycle"),
        (vec![start("deal", "won")], ErrorKind::InvalidArgument, "stages[0].lifecycle"),
        (vec![start("contact", "leed")], ErrorKind::UnknownOption, "stages[0].stage"),
        (vec![start("contact", "churned")], ErrorKind::Required, "stages[0].reason"),
        (vec![reasonless], ErrorKind::InvalidValue, "stages[0].reason"),
        (vec![no_stage], ErrorKind::InvalidArgument, "stages[0].stage"),
        (vec![start("contact", "lead"); 2], ErrorKind::InvalidArgument, second),
        (vec![start("other", "first"), start("oter", "first")], ErrorKind::NotFound, second),
        (vec![start("other", "second")], ErrorKind::Refused, "stages[0].stage"),
        (vec![StartStage::of_column("contact", "at")], ErrorKind::InvalidArgument, "at"),
    ] {
        let wanted = request("family_name,email\nA,\n", stages.clone());
        let error = plan(&crm, &wanted).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{stages:?}");
    }
    let update = PlanImport {
        mode: ImportMode::Update,
        key: vec!["email".into()],
        ..request("family_name,email\nA,a@x.org\n", vec![start("contact", "lead")])
    };
    let error = plan(&crm, &update).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some("stages")));
    assert_eq!(journal_length(&crm), before);
}

#[test]
fn guards_are_not_asked_and_triggers_lead_on_from_there() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    crm.types().define(DefineType::new("shop", [Attribute::new("name", Kind::Text)])).unwrap();
    let guarded = |name: &str, before: &str| Stage {
        guard: Some(format!("stage(eq \"{before}\" in \"way\")").parse().unwrap()),
        ..Stage::new(name)
    };
    let mut way = DefineLifecycle::new(
        "way",
        "shop",
        [Stage::new("a"), guarded("b", "a"), Stage { kind: StageKind::Won, ..guarded("c", "b") }],
    );
    way.initial = Some("a".into());
    way.triggers = vec![StageTrigger::when("c", "name = \"big\"".parse().unwrap())];
    crm.lifecycles().define(way).unwrap();
    let wanted = PlanImport {
        stages: vec![StartStage::new("way", "b")],
        ..PlanImport::from_text("shop", "name\nbig\nsmall\n", [map("name")])
    };
    apply(&crm, &plan(&crm, &wanted).unwrap()).unwrap();
    let at = |stage: &str| {
        let condition = format!("stage(eq \"{stage}\" in \"way\")").parse().unwrap();
        let list = ListRecords { condition: Some(condition), ..ListRecords::new("shop") };
        crm.list_records(&list).unwrap().records.len()
    };
    assert_eq!((at("a"), at("b"), at("c")), (0, 1, 1));
    assert_sound(&crm);
}
