//! The tour: a real sales pipeline, from four CSV files into one CRM file and back out as figures.
//!
//! `cargo run --example tour`. The same tour stands beside this one in C, Python, Kotlin and
//! Swift, and all of them print the same text (`examples/expected.txt`). Progress goes to the
//! standard error stream.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    error::Error,
    io::Write as _,
    path::{Path, PathBuf},
};

use crm_core::{
    AccessData, ActivityPreset, Attribute, BadCells, CheckProof, ColumnMapping, ConfirmConsent,
    CountRecords, Crm, DefineActivityKind, DefineLifecycle, DefineRule, DefineScore, DefineSegment,
    DefineType, Direction, DrawLifecycle, DrawingFormat, EraseSubject, ExplainCondition,
    ExplainMember, FindStuck, Flow, GetFunnel, GetSegmentSizes, GetStageTimes, GroupKey,
    GroupMeasure, ImportCsv, ImportMode, ImportReport, Kind, ListPlanRows, ListTimeline,
    MayContact, NewActivity, NewConsent, OpenOptions, PivotCell, PivotRecords, PlanImport,
    Progress, ProveDecision, PublishNotice, Purpose, RankScores, ReadScore, RecordActivities,
    RecordRef, Replay, RequestConsent, RuleAction, RuleTrigger, RunSql, ScoreFade, ScoreGroup,
    ScoreLevel, ScoreRule, SelectColumn, SelectRows, SimulateRule, SimulateTimers, Stage,
    StageKind, StageTrigger, TimelineItem, TimelineKind, Value, ValuePoints, Values, VerifyJournal,
    values,
};

fn main() -> Result<(), Box<dyn Error>> {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/crm_sales_opportunities");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tour.crm");

    // A clock that steps and ids that count, so that every run prints the same. A host leaves this out.
    let replay = Replay { start: "2026-01-01T00:00:00Z".parse()?, step_micros: 1000 };
    let options = OpenOptions { replay: Some(replay), ..OpenOptions::default() };
    let crm = Crm::open_with(&path, options.clone())?;

    define(&crm)?;
    import(&crm.acting_as("import:pipeline", Some("first load"))?, &data)?;
    figures(&crm)?;
    change(&crm)?;
    happen(&crm)?;
    explain(&crm)?;
    pivot(&crm)?;
    plan(&crm)?;
    stages(&crm)?;
    promise(&crm)?;
    permission(&crm)?;

    crm.close()?;
    let crm = Crm::open_with(&path, options)?;
    println!("closed and opened again");
    println!("opportunities {}", crm.records("opportunity").count()?);
    history(&crm)?;
    let report = crm.verify(&mut |_| Flow::Continue)?;
    println!(
        "verified {} records: {}",
        report.records,
        if report.is_ok { "ok" } else { "damaged" }
    );
    crm.close()?;
    Ok(())
}

/// The four entity types of the pipeline.
fn define(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let types = crm.types();
    types.define(DefineType::new(
        "product",
        [
            Attribute::new("name", Kind::Text).required().unique(),
            Attribute::new("series", Kind::Text),
            Attribute::new("price", Kind::Money).currency("USD"),
        ],
    ))?;
    types.define(DefineType::new(
        "agent",
        [
            Attribute::new("name", Kind::Text).required().unique().personal(),
            Attribute::new("manager", Kind::Text).personal(),
            Attribute::new("region", Kind::Choice).options(["Central", "East", "West"]),
        ],
    ))?;
    types.define(DefineType::new(
        "account",
        [
            Attribute::new("name", Kind::Text).required().unique(),
            Attribute::new("sector", Kind::Choice).options([
                "employment",
                "entertainment",
                "finance",
                "marketing",
                "medical",
                "retail",
                "services",
                "software",
                "technology",
                "telecommunications",
            ]),
            Attribute::new("founded", Kind::Integer),
            Attribute::new("revenue_millions", Kind::Decimal),
            Attribute::new("employees", Kind::Integer),
            Attribute::new("office", Kind::Text),
            Attribute::new("parent", Kind::Reference).target("account"),
        ],
    ))?;
    types.define(DefineType::new(
        "opportunity",
        [
            Attribute::new("code", Kind::Text).required().unique(),
            Attribute::new("agent", Kind::Reference).target("agent"),
            Attribute::new("product", Kind::Reference).target("product"),
            Attribute::new("account", Kind::Reference).target("account").indexed(),
            Attribute::new("stage", Kind::Choice)
                .options(["Prospecting", "Engaging", "Won", "Lost"])
                .indexed(),
            Attribute::new("engaged_on", Kind::Date),
            Attribute::new("closed_on", Kind::Date),
            Attribute::new("value", Kind::Money).currency("USD"),
        ],
    ))?;
    println!("defined product, agent, account, opportunity");
    Ok(())
}

fn plain(column: &str, attribute: &str) -> ColumnMapping {
    ColumnMapping::new(column, attribute)
}

/// A reference, by the name of the record that is meant.
fn by_name(column: &str, attribute: &str) -> ColumnMapping {
    ColumnMapping { lookup: Some("name".into()), ..ColumnMapping::new(column, attribute) }
}

/// A table of the pipeline; what does not fit is reported and left empty.
fn table<const N: usize>(
    entity_type: &str,
    path: PathBuf,
    columns: [ColumnMapping; N],
) -> ImportCsv {
    let request = ImportCsv::from_path(entity_type, path.to_string_lossy(), columns);
    ImportCsv { bad_cells: BadCells::LeaveEmpty, ..request }
}

/// Imports the four tables.
fn import(crm: &Crm, data: &Path) -> Result<(), Box<dyn Error>> {
    let products =
        [plain("product", "name"), plain("series", "series"), plain("sales_price", "price")];
    run(crm, "products", &table("product", data.join("products.csv"), products))?;
    let agents = [
        plain("sales_agent", "name"),
        plain("manager", "manager"),
        plain("regional_office", "region"),
    ];
    run(crm, "agents", &table("agent", data.join("sales_teams.csv"), agents))?;
    let accounts = [
        plain("account", "name"),
        plain("sector", "sector"),
        plain("year_established", "founded"),
        plain("revenue", "revenue_millions"),
        plain("employees", "employees"),
        plain("office_location", "office"),
    ];
    run(crm, "accounts", &table("account", data.join("accounts.csv"), accounts))?;
    // A second pass, now that every parent is there.
    let parents = [plain("account", "name"), by_name("subsidiary_of", "parent")];
    let parents = table("account", data.join("accounts.csv"), parents);
    let parents = ImportCsv { mode: ImportMode::Update, key: Some("name".into()), ..parents };
    run(crm, "parents", &parents)?;
    let opportunities = [
        plain("opportunity_id", "code"),
        by_name("sales_agent", "agent"),
        by_name("product", "product"),
        by_name("account", "account"),
        plain("deal_stage", "stage"),
        plain("engage_date", "engaged_on"),
        plain("close_date", "closed_on"),
        plain("close_value", "value"),
    ];
    let opportunities = table("opportunity", data.join("sales_pipeline.csv"), opportunities);
    run(crm, "opportunities", &opportunities)?;
    for attribute in ["account", "engaged_on", "closed_on"] {
        let filter = Values::from([(attribute, Value::Null)]);
        let missing = CountRecords { filter, ..CountRecords::new("opportunity") };
        println!("finding: {} opportunities without {attribute}", crm.count_records(&missing)?);
    }
    Ok(())
}

fn run(crm: &Crm, what: &str, request: &ImportCsv) -> Result<(), Box<dyn Error>> {
    let mut show = |progress: Progress| {
        let total = progress.total.unwrap_or(0).max(1);
        eprint!("\r{what}: {} %", progress.done * 100 / total);
        Flow::Continue
    };
    let report: ImportReport = crm.import_csv(request, &mut show)?;
    eprintln!();
    std::io::stderr().flush()?;
    println!(
        "{what}: {} rows, {} created, {} updated, {} unchanged, {} rejected",
        report.rows, report.created, report.updated, report.unchanged, report.rejected
    );
    for finding in &report.problem_counts {
        let column = finding.column.as_deref().unwrap_or("row");
        let hint = finding.hint.as_deref().unwrap_or("no hint");
        println!("finding: {column}, {}, {} times ({hint})", finding.kind, finding.count);
    }
    Ok(())
}

/// The figures of the pipeline, by read-only SQL over the table of the entity type.
fn figures(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let number = |sql: &str| -> Result<f64, Box<dyn Error>> {
        let result = crm.sql(&RunSql::new(sql))?;
        Ok(result.rows[0].0[0].as_f64().ok_or("the statement returned no number")?)
    };
    let won = number("SELECT count(*) FROM opportunity WHERE stage = 'Won'")?;
    let lost = number("SELECT count(*) FROM opportunity WHERE stage = 'Lost'")?;
    // Money is stored in cents, dates in days.
    let value = number("SELECT sum(value) / 100 FROM opportunity WHERE stage = 'Won'")?;
    let cycle = number("SELECT avg(closed_on - engaged_on) FROM opportunity WHERE stage = 'Won'")?;
    println!("opportunities {}", crm.records("opportunity").count()?);
    println!("won {won}");
    println!("lost {lost}");
    println!("win rate {:.5}", won / (won + lost));
    println!("won value {value}");
    println!("mean won cycle {cycle:.2} days");
    Ok(())
}

/// Wins a deal that was still open, in the name of a person and with a reason.
fn change(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let crm = crm.acting_as("user:moses", Some("signed on the fair"))?;
    let opportunities = crm.records("opportunity");
    let deal = opportunities.get_by("code", DEAL)?;
    let deal = opportunities.patch_expecting(
        deal.id,
        values! { "stage" => "Won", "closed_on" => "2017-12-31", "value" => "4821" },
        Some(deal.version),
    )?;
    println!("changed {DEAL}: stage {}, version {}", text(deal.get("stage")), deal.version);
    history(&crm)
}

/// An opportunity that is still in the stage Engaging.
const DEAL: &str = "UP409DSB";

fn history(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let deal = crm.records("opportunity").get_by("code", DEAL)?;
    for entry in crm.journal().of_record("opportunity", deal.id)? {
        println!(
            "history: version {}, {}, stage {}, by {}, because {}",
            entry.version,
            entry.kind.name(),
            text(entry.values.get("stage")),
            entry.actor,
            entry.cause.as_deref().unwrap_or("nothing was said"),
        );
    }
    Ok(())
}

/// Two activities with the deal, and everything that happened with it in one order.
fn happen(crm: &Crm) -> Result<(), Box<dyn Error>> {
    for preset in [ActivityPreset::Call, ActivityPreset::Meeting] {
        crm.activity_kinds().define_preset(preset)?;
    }
    let deal = crm.records("opportunity").get_by("code", DEAL)?;
    let subject = RecordRef::new("opportunity", deal.id);
    crm.activities().record(NewActivity {
        direction: Some(Direction::Inbound),
        properties: values! { "minutes" => 20 },
        ..NewActivity::of("call", subject.clone(), "2017-12-28T15:00:00Z".parse()?)
    })?;
    crm.activities().record(NewActivity::of(
        "meeting",
        subject,
        "2017-12-30T09:00:00Z".parse()?,
    ))?;
    for entry in crm.timeline(&ListTimeline::new("opportunity", deal.id))?.entries {
        let what = match &entry.item {
            TimelineItem::Activity(activity) => activity.kind.as_str(),
            TimelineItem::Change(change) => change.kind.name(),
            TimelineItem::Association(association) => association.kind.name(),
            TimelineItem::Stage(stage) => stage.stage.as_str(),
        };
        println!("timeline: {}, {what}", &entry.at.to_string()[..10]);
    }
    Ok(())
}

/// A condition about the deal, whether it is true, and which of its parts are.
fn explain(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let deal = crm.records("opportunity").get_by("code", DEAL)?;
    let condition =
        r#"stage = "Won" and (count(meeting within 7d) >= 1 or count(call within 30d) >= 2)"#;
    let plan = crm.explain_condition(&ExplainCondition {
        entity_type: "opportunity".into(),
        condition: condition.parse()?,
        at: Some("2017-12-31T00:00:00Z".parse()?),
        zone: None,
        id: Some(deal.id),
    })?;
    let answer = plan.answer.ok_or("the plan has no answer")?;
    println!("condition: {}", answer.is_true);
    for leaf in answer.leaves {
        println!("because: {}, {}, {}", leaf.path, leaf.is_true, leaf.reason);
    }
    Ok(())
}

/// The win rate by product and agent.
fn pivot(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let table = crm.pivot_records(&PivotRecords {
        condition: Some(r#"stage in ("Won", "Lost")"#.parse()?),
        ..PivotRecords::new(
            "opportunity",
            [GroupKey::related("product", "name")],
            [GroupKey::related("agent", "name")],
            GroupMeasure::share(r#"stage = "Won""#.parse()?),
        )
    })?;
    println!("pivot: {} products by {} agents", table.row_labels.len(), table.column_labels.len());
    for (place, label) in table.row_labels.iter().enumerate() {
        let (first, total) = (&table.cells[place][0], &table.row_totals[place]);
        let product = label[0].as_str().unwrap_or("unknown");
        let agent = text(&table.column_labels[0][0]);
        println!("pivot: {product}: {}, of {agent} {}", share(total), share(first));
    }
    println!("pivot: all {}", share(&table.total));
    Ok(())
}

fn share(cell: &PivotCell) -> String {
    let rate = cell.value.as_f64().map_or("nothing".into(), |rate| format!("{rate:.4}"));
    format!("{rate} ({}/{})", cell.numerator.unwrap_or(0), cell.denominator.unwrap_or(0))
}

/// An import that is looked at before it is made, and taken back afterwards.
fn plan(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let table = "account,sector\nAcme Corporation,technology\nInitrode,finance\n";
    let columns = [plain("account", "name"), plain("sector", "sector")];
    let request = PlanImport {
        mode: ImportMode::Upsert,
        key: vec!["name".into()],
        ..PlanImport::from_text("account", table, columns)
    };
    let mut watch = |_| Flow::Continue;
    let plan = crm.imports().plan(&request, &mut watch)?;
    println!("plan: {} create, {} update, {} error", plan.create, plan.update, plan.error);
    for row in crm.imports().plan_rows(&ListPlanRows::new(plan.clone()), &mut watch)?.rows {
        for change in row.changes {
            let old = change.old.as_str().unwrap_or("nothing");
            println!(
                "planned: row {}, {} from {old} to {}",
                row.row,
                change.attribute,
                text(&change.new)
            );
        }
    }
    let run = crm.imports().apply(&plan, &mut watch)?;
    println!("applied: {} created, {} updated", run.import.created, run.import.updated);
    println!("accounts {}", crm.records("account").count()?);
    let report = crm.imports().revert(run.import.id, &mut watch)?;
    println!(
        "reverted: {} archived, {} restored, {} left",
        report.archived, report.restored, report.left_count
    );
    println!("accounts {}", crm.records("account").count()?);
    Ok(())
}

/// The pipeline replayed as a lifecycle: what happened with each deal moves it, at the time at which it
/// happened.
fn stages(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let lost = StageTrigger {
        reason: Some("not said".into()),
        ..StageTrigger::activity("lost", "deal_lost")
    };
    let mut pipeline = DefineLifecycle::new(
        "pipeline",
        "opportunity",
        [
            Stage::new("prospecting"),
            Stage::new("engaging"),
            Stage::new("won").kind(StageKind::Won),
            Stage::new("lost").kind(StageKind::Lost),
        ],
    );
    pipeline.triggers = vec![
        StageTrigger::activity("engaging", "deal_engaged"),
        StageTrigger::activity("won", "deal_won"),
        lost,
    ];
    for kind in ["deal_engaged", "deal_won", "deal_lost"] {
        crm.activity_kinds().define(DefineActivityKind::new(kind, []))?;
    }
    crm.lifecycles().define(pipeline)?;
    let recorded = crm
        .activities()
        .record_many(RecordActivities { activities: replayed(crm)?, all_or_nothing: true })?;
    println!("replayed {} activities", recorded.outcomes.len());

    let now = Some("2018-01-31T00:00:00Z".parse()?);
    for stage in crm.lifecycles().funnel(&GetFunnel::new("pipeline"))?.stages {
        println!(
            "funnel: {}: {} reached, {} went on ({}), {} lost ({}), median {} days",
            stage.stage,
            stage.reached,
            stage.went_on,
            part(stage.conversion),
            stage.lost,
            part(stage.drop_off),
            days(stage.median_micros),
        );
    }
    let deal = crm.records("opportunity").get_by("code", DEAL)?;
    let times = GetStageTimes { at: now, ..GetStageTimes::new("pipeline", deal.id) };
    for time in crm.lifecycles().times(&times)?.stages {
        println!(
            "time: {}: {} days now, {} days before",
            time.stage,
            days(time.current_micros),
            days(time.latest_micros)
        );
    }
    let stuck = FindStuck { at: now, limit: 3, ..FindStuck::new("pipeline", "400d") };
    for deal in crm.lifecycles().stuck(&stuck)?.records {
        let code = crm.records("opportunity").get(deal.id)?;
        let (code, days) = (text(code.get("code")).to_owned(), days(Some(deal.micros)));
        println!("stuck: {code}, {} for {days} days", deal.stage);
    }
    let moves = ListTimeline {
        items: vec![TimelineKind::Stage],
        ..ListTimeline::new("opportunity", deal.id)
    };
    for entry in crm.timeline(&moves)?.entries {
        let TimelineItem::Stage(stage) = entry.item else { continue };
        let skipped = stage.implied.len();
        println!("moved: {}, {}, {skipped} skipped", &entry.at.to_string()[..10], stage.stage);
    }
    let drawing = DrawLifecycle { lifecycle: "pipeline".into(), format: DrawingFormat::Mermaid };
    print!("{}", crm.lifecycles().draw(&drawing)?.text);
    Ok(())
}

/// Accounts scored, the best of them, a rule tried out, and a segment that moves with the score.
fn promise(crm: &Crm) -> Result<(), Box<dyn Error>> {
    define_score(crm)?;
    println!("scored {} accounts", crm.scores().rescore("promise")?.records);
    let at = Some("2026-01-02T00:00:00Z".parse()?);
    let best = RankScores { at, limit: 3, ..RankScores::new("promise") };
    let best = crm.scores().ranking(&best)?.records;
    for account in &best {
        let record = crm.records("account").get(account.id)?;
        println!("ranked: {}, {}", text(record.get("name")), points(account.score));
    }
    let call = DefineRule::new(
        "call_large",
        "account",
        RuleTrigger::scored("promise", "hot"),
        [RuleAction::emit("call", ["name"])],
    );
    let call = call.when("employees >= 15000".parse()?);
    let tried = SimulateRule::new(call, best.iter().map(|account| account.id));
    println!("rule: would run for {} of {}", crm.rules().simulate(&tried)?.would_run, best.len());

    let warm = DefineSegment::live("warm", "account", "score(\"promise\" >= 70)".parse()?);
    println!("segment: {} members", crm.segments().define(warm)?.members);
    let account = crm.records("account").get_by("name", "Zotware")?;
    let met = "2025-12-31T09:00:00Z".parse()?;
    let subject = RecordRef::new("account", account.id);
    crm.activities().record(NewActivity::of("meeting", subject, met))?;
    let asked = ReadScore { at, ..ReadScore::new("promise", account.id) };
    let told = crm.scores().explain(&asked)?;
    println!("score: Zotware {}", points(told.record.score));
    for line in &told.contributions {
        let (group, rule) = (line.group.as_deref(), line.rule.as_deref());
        println!(
            "points: {}, {}: {} of {}",
            group.unwrap_or("all"),
            rule.unwrap_or("all"),
            points(line.after_total),
            points(line.raw)
        );
    }
    let sum = told.contributions.iter().map(|line| line.after_total).sum();
    println!("points: {} in all", points(sum));
    let member = crm.segments().explain(&ExplainMember::new("warm", account.id))?;
    let size = crm.segments().sizes(&GetSegmentSizes::new("warm"))?.sizes[0].size;
    println!("segment: {size} members, Zotware is one: {}", member.is_member);
    let later = SimulateTimers { until: "2026-05-01T00:00:00Z".parse()?, limit: 100 };
    for change in crm.timers().simulate(&later, &mut |_| Flow::Continue)?.changes {
        println!("to come: {}, {}", &change.at.to_string()[..10], change.kind.name());
    }
    Ok(())
}

/// What is promising in an account: its sector and size, what it bought, and talks of late.
fn define_score(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let sectors = [
        ValuePoints::new("software", 20),
        ValuePoints::new("technology", 15),
        ValuePoints::new("finance", 10),
    ];
    let size =
        ScoreRule { per: Some(1000), points: 2, ..ScoreRule::by_value("size", "employees", []) };
    let bought = "related(inverse opportunity.account: stage = \"Won\") >= 45".parse()?;
    let mut score = DefineScore::new(
        "promise",
        "account",
        [
            ScoreGroup::new(
                "fit",
                [ScoreRule::by_value("sector", "sector", sectors), size.max(30)],
            ),
            ScoreGroup::new("deals", [ScoreRule::when("bought", bought, 20)]),
            ScoreGroup::new("talks", [ScoreRule::activity("met", "meeting", 20)])
                .fading(ScoreFade::half_life("P30D"))
                .max(60),
        ],
    );
    score.thresholds = vec![ScoreLevel::new("warm", 70), ScoreLevel::new("hot", 80)];
    crm.scores().define(score)?;
    crm.scores().publish("promise")?;
    Ok(())
}

/// Thousandths of a point.
fn points(thousandths: i64) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// A person is asked, confirms, takes it back, sees what is known, and is erased.
fn permission(crm: &Crm) -> Result<(), Box<dyn Error>> {
    let consents = crm.consents();
    consents.publish_notice(PublishNotice::new("news", "en", "We write once a week."))?;
    consents.define_purpose(Purpose::new("news", ["email"]).notice("news").policy("eu_strict"))?;
    let ann = values! { "given_name" => "Ann", "email" => "ann@example.org" };
    let ann = RecordRef::new("contact", crm.contacts().create(ann)?.id);
    let question = MayContact::new(ann.clone(), "email", "news");
    let say = || -> Result<(), Box<dyn Error>> {
        let decision = consents.decide(&question)?;
        match decision.reasons.first() {
            None => println!("may we: yes"),
            Some(reason) => println!("may we: no, {}", reason.text),
        }
        Ok(())
    };
    say()?;
    let asked = RequestConsent::new(ann.clone(), "email", "ann@example.org", "news");
    let token = consents.request(asked)?.token;
    let event = consents.confirm(ConfirmConsent::new(token))?;
    println!("confirmed: version {} of the text", event.notice_version.unwrap_or_default());
    say()?;
    consents.record(NewConsent::withdraw(ann.clone()).on("email"))?;
    say()?;
    let proof = consents.prove(&ProveDecision { question: question.clone(), head: None })?;
    let checked =
        consents.check_proof(&CheckProof { document: proof.document, head: Some(proof.head) })?;
    let verdict = if checked.is_valid { "valid" } else { "not valid" };
    println!("proof: {} events, {verdict}", checked.events);
    let request = AccessData::new(ann.clone());
    let report = crm.privacy().access(&request, &mut |_| Flow::Continue)?;
    let known = report.tables.iter().map(|table| format!("{} in {}", table.rows, table.name));
    println!("known: {}", known.collect::<Vec<_>>().join(", "));
    crm.privacy().erase(&EraseSubject::new(ann))?;
    let chain = crm.journal().verify(&VerifyJournal::default(), &mut |_| Flow::Continue)?;
    println!("erased: the chain {}", if chain.is_ok { "holds" } else { "is broken" });
    Ok(())
}

/// What happened with each deal of which it is known when it began.
fn replayed(crm: &Crm) -> Result<Vec<NewActivity>, Box<dyn Error>> {
    let columns = ["id", "stage", "engaged_on", "closed_on"].map(SelectColumn::field);
    let deals = crm.select_rows(&SelectRows {
        condition: Some("engaged_on is set".parse()?),
        limit: 10_000,
        ..SelectRows::new("opportunity", columns)
    })?;
    let mut activities = Vec::new();
    for row in deals.rows {
        let [id, stage, engaged, closed] = [0, 1, 2, 3].map(|column| text(&row[column]));
        let subject = RecordRef::new("opportunity", id.parse()?);
        let at = |day: &str| format!("{day}T00:00:00Z").parse();
        activities.push(NewActivity::of("deal_engaged", subject.clone(), at(engaged)?));
        match stage {
            "Won" => activities.push(NewActivity::of("deal_won", subject, at(closed)?)),
            "Lost" => activities.push(NewActivity::of("deal_lost", subject, at(closed)?)),
            _ => {}
        }
    }
    Ok(activities)
}

fn part(part: Option<f64>) -> String {
    part.map_or("nothing".into(), |part| format!("{part:.4}"))
}

/// Microseconds as whole days.
fn days(micros: Option<i64>) -> String {
    micros.map_or("no".into(), |micros| (micros / 86_400_000_000).to_string())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}
