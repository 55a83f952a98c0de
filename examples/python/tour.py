"""The tour: a real sales pipeline, from four CSV files into one CRM file and back out as figures.

It prints what the tours in the other languages print (examples/expected.txt).
"""

import datetime
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import crm
from crm import Attribute, ColumnMapping, F, ImportMode, Kind, Money, Sensitivity, events

DATA = Path("examples/data/crm_sales_opportunities")
DEAL = "UP409DSB"
"""An opportunity that is still in the stage Engaging."""


def define(db: crm.Crm) -> None:
    """The four entity types of the pipeline."""
    personal = Sensitivity.PERSONAL
    db.types.define(
        "product",
        [
            Attribute("name", Kind.TEXT, required=True, unique=True),
            Attribute("series", Kind.TEXT),
            Attribute("price", Kind.MONEY, currency="USD"),
        ],
    )
    db.types.define(
        "agent",
        [
            Attribute("name", Kind.TEXT, required=True, unique=True, sensitivity=personal),
            Attribute("manager", Kind.TEXT, sensitivity=personal),
            Attribute("region", Kind.CHOICE, options=["Central", "East", "West"]),
        ],
    )
    sectors = ["employment", "entertainment", "finance", "marketing", "medical", "retail"]
    sectors += ["services", "software", "technology", "telecommunications"]
    db.types.define(
        "account",
        [
            Attribute("name", Kind.TEXT, required=True, unique=True),
            Attribute("sector", Kind.CHOICE, options=sectors),
            Attribute("founded", Kind.INTEGER),
            Attribute("revenue_millions", Kind.DECIMAL),
            Attribute("employees", Kind.INTEGER),
            Attribute("office", Kind.TEXT),
            Attribute("parent", Kind.REFERENCE, target="account"),
        ],
    )
    stages = ["Prospecting", "Engaging", "Won", "Lost"]
    db.types.define(
        "opportunity",
        [
            Attribute("code", Kind.TEXT, required=True, unique=True),
            Attribute("agent", Kind.REFERENCE, target="agent"),
            Attribute("product", Kind.REFERENCE, target="product"),
            Attribute("account", Kind.REFERENCE, target="account", index=True),
            Attribute("stage", Kind.CHOICE, options=stages, index=True),
            Attribute("engaged_on", Kind.DATE),
            Attribute("closed_on", Kind.DATE),
            Attribute("value", Kind.MONEY, currency="USD"),
        ],
    )
    print("defined product, agent, account, opportunity")


def load(
    db: crm.Crm,
    what: str,
    entity_type: str,
    file: str,
    columns: dict[str, str],
    *,
    by_name: dict[str, str] = {},
    mode: ImportMode = ImportMode.CREATE,
    key: str | None = None,
) -> None:
    """Imports one table; what does not fit is reported and left empty."""

    def progress(progress: crm.Progress) -> bool:
        percent = progress.done * 100 // max(progress.total or 0, 1)
        print(f"\r{what}: {percent} %", end="", file=sys.stderr)
        return True

    mapping = [ColumnMapping(column, attribute) for column, attribute in columns.items()]
    mapping += [
        ColumnMapping(column, attribute, lookup="name") for column, attribute in by_name.items()
    ]
    report = db.csv.import_(
        entity_type,
        DATA / file,
        columns=mapping,
        mode=mode,
        key=key,
        bad_cells=crm.BadCells.LEAVE_EMPTY,
        progress=progress,
    )
    print(file=sys.stderr)
    print(
        f"{what}: {report.rows} rows, {report.created} created, {report.updated} updated, "
        f"{report.unchanged} unchanged, {report.rejected} rejected"
    )
    for finding in report.problem_counts:
        hint = finding.hint or "no hint"
        print(f"finding: {finding.column or 'row'}, {finding.kind}, {finding.count} times ({hint})")


def import_all(db: crm.Crm) -> None:
    load(
        db,
        "products",
        "product",
        "products.csv",
        {"product": "name", "series": "series", "sales_price": "price"},
    )
    load(
        db,
        "agents",
        "agent",
        "sales_teams.csv",
        {"sales_agent": "name", "manager": "manager", "regional_office": "region"},
    )
    load(
        db,
        "accounts",
        "account",
        "accounts.csv",
        {
            "account": "name",
            "sector": "sector",
            "year_established": "founded",
            "revenue": "revenue_millions",
            "employees": "employees",
            "office_location": "office",
        },
    )
    # A second pass, now that every parent is there.
    load(
        db,
        "parents",
        "account",
        "accounts.csv",
        {"account": "name"},
        by_name={"subsidiary_of": "parent"},
        mode=ImportMode.UPDATE,
        key="name",
    )
    load(
        db,
        "opportunities",
        "opportunity",
        "sales_pipeline.csv",
        {
            "opportunity_id": "code",
            "deal_stage": "stage",
            "engage_date": "engaged_on",
            "close_date": "closed_on",
            "close_value": "value",
        },
        by_name={"sales_agent": "agent", "product": "product", "account": "account"},
    )
    for attribute in ["account", "engaged_on", "closed_on"]:
        missing = db.records("opportunity").count({attribute: None})
        print(f"finding: {missing} opportunities without {attribute}")


def figures(db: crm.Crm) -> None:
    """The figures of the pipeline, by read-only SQL over the table of the entity type."""

    def number(expression: str, stage: str) -> float:
        table = db.sql(f"SELECT {expression} FROM opportunity WHERE stage = ?1", [stage])
        value = table.rows[0][0]
        assert isinstance(value, (int, float))
        return value

    won, lost = number("count(*)", "Won"), number("count(*)", "Lost")
    # Money is stored in cents, dates in days.
    value = number("sum(value) / 100", "Won")
    cycle = number("avg(closed_on - engaged_on)", "Won")
    print(f"opportunities {db.records('opportunity').count()}")
    print(f"won {won}")
    print(f"lost {lost}")
    print(f"win rate {won / (won + lost):.5f}")
    print(f"won value {value}")
    print(f"mean won cycle {cycle:.2f} days")


def history(db: crm.Crm) -> None:
    opportunities = db.records("opportunity")
    for entry in opportunities.history(opportunities.get_by(code=DEAL).id):
        stage = entry.values.get("stage", "unknown")
        cause = entry.cause or "nothing was said"
        print(
            f"history: version {entry.version}, {entry.kind}, stage {stage}, "
            f"by {entry.actor}, because {cause}"
        )


def change(db: crm.Crm) -> None:
    """Wins a deal that was still open, in the name of a person and with a reason."""
    mine = db.acting_as("user:moses", "signed on the fair")
    deal = mine.records("opportunity").get_by(code=DEAL)
    deal = mine.records("opportunity").patch(
        deal.id,
        expected_version=deal.version,
        stage="Won",
        closed_on=datetime.date(2017, 12, 31),
        value=Money(Decimal(4821), "USD"),
    )
    print(f"changed {DEAL}: stage {deal['stage']}, version {deal.version}")
    history(mine)


def happen(db: crm.Crm) -> None:
    """Two activities with the deal, and everything that happened with it in one order."""
    for preset in ["call", "meeting"]:
        db.activity_kinds.define_preset(preset)
    deal = db.records("opportunity").get_by(code=DEAL)
    called = datetime.datetime(2017, 12, 28, 15, tzinfo=datetime.UTC)
    db.activities.record(
        kind="call", subject=deal, at=called, direction="inbound", properties={"minutes": 20}
    )
    met = datetime.datetime(2017, 12, 30, 9, tzinfo=datetime.UTC)
    db.activities.record(kind="meeting", subject=deal, at=met)
    for entry in db.timeline("opportunity", deal.id):
        if not isinstance(entry.item, crm.StageEntry):
            print(f"timeline: {entry.at:%Y-%m-%d}, {entry.item.kind}")


def explain(db: crm.Crm) -> None:
    """A condition about the deal, whether it is true, and which of its parts are."""
    deal = db.records("opportunity").get_by(code=DEAL)
    met = events("meeting").within(days=7).count() >= 1
    called = events("call").within(days=30).count() >= 2
    plan = db.conditions.explain(
        "opportunity",
        (F("stage") == "Won") & (met | called),
        id=deal.id,
        at=datetime.datetime(2017, 12, 31, tzinfo=datetime.UTC),
    )
    assert plan.answer is not None
    print(f"condition: {str(plan.answer.is_true).lower()}")
    for leaf in plan.answer.leaves:
        print(f"because: {leaf.path}, {str(leaf.is_true).lower()}, {leaf.reason}")


def pivot(db: crm.Crm) -> None:
    """The win rate by product and agent."""
    table = db.query.pivot(
        "opportunity",
        [crm.GroupKey("name", related="product")],
        [crm.GroupKey("name", related="agent")],
        crm.GroupMeasure(share=F("stage") == "Won"),
        where=F("stage").one_of(["Won", "Lost"]),
    )
    print(f"pivot: {len(table.row_labels)} products by {len(table.column_labels)} agents")
    (agent,) = table.column_labels[0]
    for (product,), cells, total in zip(
        table.row_labels, table.cells, table.row_totals, strict=True
    ):
        print(f"pivot: {product or 'unknown'}: {share(total)}, of {agent} {share(cells[0])}")
    print(f"pivot: all {share(table.total)}")


def share(cell: crm.PivotCell) -> str:
    rate = "nothing" if cell.value is None else f"{cell.value:.4f}"
    return f"{rate} ({cell.numerator}/{cell.denominator})"


def plan(db: crm.Crm) -> None:
    """An import that is looked at before it is made, and taken back afterwards."""
    plan = db.imports.plan_csv(
        "account",
        text="account,sector\nAcme Corporation,technology\nInitrode,finance\n",
        mapping={"account": "name", "sector": "sector"},
        key="name",
    )
    counts = plan.counts
    print(f"plan: {counts.create} create, {counts.update} update, {counts.error} error")
    for row in plan.rows():
        for change in row.changes:
            old = change.old or "nothing"
            print(f"planned: row {row.row}, {change.attribute} from {old} to {change.new}")
    run = db.imports.apply(plan)
    print(f"applied: {run.import_.created} created, {run.import_.updated} updated")
    print(f"accounts {db.records('account').count()}")
    report = db.imports.revert(run.id)
    print(
        f"reverted: {report.archived} archived, {report.restored} restored, {report.left_count} left"
    )
    print(f"accounts {db.records('account').count()}")


def stages(db: crm.Crm) -> None:
    """The pipeline replayed as a lifecycle: what happened with each deal moves it, when it happened."""
    for kind in ["deal_engaged", "deal_won", "deal_lost"]:
        db.activity_kinds.define(kind)
    db.lifecycles.define(
        "pipeline",
        "opportunity",
        ["prospecting", "engaging", crm.Stage("won", kind="won"), crm.Stage("lost", kind="lost")],
        triggers=[
            crm.StageTrigger("engaging", activity="deal_engaged"),
            crm.StageTrigger("won", activity="deal_won"),
            crm.StageTrigger("lost", activity="deal_lost", reason="not said"),
        ],
    )
    report = db.activities.record_many(replayed(db), all_or_nothing=True)
    print(f"replayed {len(report.outcomes)} activities")

    now = datetime.datetime(2018, 1, 31, tzinfo=datetime.UTC)
    for step in db.lifecycles.funnel("pipeline"):
        print(
            f"funnel: {step.stage}: {step.reached} reached, {step.went_on} went on "
            f"({part(step.conversion)}), {step.lost} lost ({part(step.drop_off)}), "
            f"median {days(step.median)} days"
        )
    deal = db.records("opportunity").get_by(code=DEAL)
    for time in db.lifecycles.times("pipeline", deal.id, at=now).stages:
        print(f"time: {time.stage}: {days(time.current)} days now, {days(time.latest)} days before")
    for stuck in db.lifecycles.stuck("pipeline", "400d", at=now, limit=3):
        code = db.records("opportunity").get(stuck.id)["code"]
        lasted = datetime.timedelta(microseconds=stuck.micros)
        print(f"stuck: {code}, {stuck.stage} for {days(lasted)} days")
    for entry in db.timeline("opportunity", deal.id, items=["stage"]):
        assert isinstance(entry.item, crm.StageEntry)
        skipped = len(entry.item.implied)
        print(f"moved: {entry.at:%Y-%m-%d}, {entry.item.stage}, {skipped} skipped")
    print(db.lifecycles.draw("pipeline"), end="")


def promise(db: crm.Crm) -> None:
    """Accounts scored, the best of them, a rule tried out, and a segment that moves with the score."""
    sectors = {"software": 20, "technology": 15, "finance": 10}
    db.scores.define(
        "promise",
        "account",
        [
            crm.ScoreGroup(
                "fit",
                [
                    crm.ScoreRule("sector", field="sector", values=sectors),
                    crm.ScoreRule("size", 2, field="employees", per=1000, max=30),
                ],
            ),
            crm.ScoreGroup(
                "deals",
                [
                    crm.ScoreRule(
                        "bought",
                        20,
                        where='related(inverse opportunity.account: stage = "Won") >= 45',
                    )
                ],
            ),
            crm.ScoreGroup(
                "talks",
                [crm.ScoreRule("met", 20, activity="meeting")],
                fade=crm.ScoreFade("half_life", "P30D"),
                max=60,
            ),
        ],
        thresholds=[crm.ScoreLevel("warm", 70), crm.ScoreLevel("hot", 80)],
    )
    db.scores.publish("promise")
    print(f"scored {db.scores.rescore('promise').records} accounts")
    at = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    accounts = db.records("account")
    best = db.scores.ranking("promise", at=at, limit=3).records
    for account in best:
        print(f"ranked: {accounts.get(account.id)['name']}, {points(account.score)}")
    call = crm.DefineRule(
        name="call_large",
        type="account",
        on=crm.OnScore("promise", "hot"),
        where=F("employees") >= 15000,
        actions=(crm.EmitEvent("call", ("name",)),),
    )
    tried = db.rules.simulate(call, [account.id for account in best])
    print(f"rule: would run for {tried.would_run} of {len(best)}")

    warm = db.segments.define("warm", "account", 'score("promise" >= 70)')
    print(f"segment: {warm.members} members")
    id = accounts.get_by(name="Zotware").id
    met = datetime.datetime(2025, 12, 31, 9, tzinfo=datetime.UTC)
    subject = crm.RecordRef(type="account", id=id)
    db.activities.record(kind="meeting", subject=subject, at=met)
    told = db.scores.explain("promise", id, at=at)
    print(f"score: Zotware {points(told.record.score)}")
    for line in told.contributions:
        print(
            f"points: {line.group or 'all'}, {line.rule or 'all'}: "
            f"{points(line.after_total)} of {points(line.raw)}"
        )
    print(f"points: {points(sum(line.after_total for line in told.contributions))} in all")
    is_member = db.segments.explain("warm", id).is_member
    (size,) = db.segments.sizes("warm")
    print(f"segment: {size.size} members, Zotware is one: {str(is_member).lower()}")
    later = db.timers.simulate(datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC))
    for change in later.changes:
        print(f"to come: {change.at:%Y-%m-%d}, {change.kind}")


def points(thousandths: int) -> str:
    """Thousandths of a point."""
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def permission(db: crm.Crm) -> None:
    """A person is asked, confirms, takes it back, sees what is known, and is erased."""
    db.consents.publish_notice("news", "en", "We write once a week.")
    news = crm.Purpose(name="news", channels=("email",), notice="news", policy="eu_strict")
    db.consents.define_purpose(news)
    ann = db.contacts.create(given_name="Ann", email="ann@example.org")

    def say() -> None:
        decision = db.consents.may_contact(ann, "email", "news")
        print("may we: yes" if decision else f"may we: no, {decision.reasons[0].text}")

    say()
    asked = crm.RequestConsent(
        subject=ann, channel="email", contact_point="ann@example.org", purpose="news"
    )
    event = db.consents.confirm(db.consents.request(asked).token)
    print(f"confirmed: version {event.notice_version} of the text")
    say()
    db.consents.withdraw(ann, channel="email")
    say()
    proof = db.consents.prove(crm.MayContact(subject=ann, channel="email", purpose="news"))
    checked = db.consents.check_proof(proof.document, head=proof.head)
    print(f"proof: {checked.events} events, {'valid' if checked else 'not valid'}")
    known = db.privacy.access(ann).tables
    print("known: " + ", ".join(f"{table.rows} in {table.name}" for table in known))
    db.privacy.erase(ann)
    print(f"erased: the chain {'holds' if db.journal.verify().is_ok else 'is broken'}")


def replayed(db: crm.Crm) -> list[crm.NewActivity]:
    """What happened with each deal of which it is known when it began."""
    deals = db.query.select(
        "opportunity",
        ["id", "stage", "engaged_on", "closed_on"],
        where=F("engaged_on").is_set(),
        limit=10_000,
    )
    activities = []

    def happened(kind: str, id: str, day: datetime.date) -> None:
        at = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        subject = crm.RecordRef(type="opportunity", id=id)
        activities.append(crm.NewActivity(kind=kind, at=at, subject=subject))

    for id, stage, engaged, closed in deals:
        happened("deal_engaged", id, engaged)
        if stage in ("Won", "Lost"):
            happened(f"deal_{stage.lower()}", id, closed)
    return activities


def part(part: float | None) -> str:
    return "nothing" if part is None else f"{part:.4f}"


def days(time: datetime.timedelta | None) -> str:
    return "no" if time is None else str(time.days)


def main() -> None:
    # A clock that steps and ids that count, so that every run prints the same. A host leaves this out.
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    replay = crm.Replay(start=start, step_micros=1000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tour.crm"
        with crm.open(path, replay=replay) as db:
            define(db)
            import_all(db.acting_as("import:pipeline", "first load"))
            figures(db)
            change(db)
            happen(db)
            explain(db)
            pivot(db)
            plan(db)
            stages(db)
            promise(db)
            permission(db)
        with crm.open(path, replay=replay) as db:
            print("closed and opened again")
            print(f"opportunities {db.records('opportunity').count()}")
            history(db)
            report = db.verify()
            print(f"verified {report.records} records: {'ok' if report.is_ok else 'damaged'}")


if __name__ == "__main__":
    main()
