"""The package knows every operation, and every field that the engine answers with."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from pathlib import Path
from typing import Any

import crm
import pytest
from crm import _native

RECORD_CHANGES = {
    "records.archive": crm.ArchiveRecord,
    "records.create": crm.CreateRecord,
    "records.patch": crm.PatchRecord,
    "records.restore": crm.RestoreRecord,
    "records.upsert": crm.UpsertRecord,
}


class Recorder:
    """Stands between the package and the engine, and keeps what goes over the border."""

    def __init__(self, engine: _native.Engine) -> None:
        self.engine = engine
        self.answers: dict[str, Any] = {}

    def call(self, operation: str, request: Any, progress: Any = None) -> Any:
        self.answers[operation] = answer = self.engine.call(operation, request, progress)
        return answer


@pytest.fixture
def db(replayed: crm.Crm) -> crm.Crm:
    """A file whose clock is set, because that is an operation too."""
    return replayed


@pytest.fixture
def recorder(db: crm.Crm, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(db._engine)
    monkeypatch.setattr(db, "_engine", recorder)
    return recorder


def fields(cls: Any) -> set[str]:
    names = {field.name for field in dataclasses.fields(cls) if not field.name.startswith("_")}
    return {name.removesuffix("_") for name in names}


def assert_same(answer: Any, cls: type[Any]) -> None:
    assert set(answer) == fields(cls), cls.__name__


def test_every_operation_is_called_by_a_method(
    db: crm.Crm, recorder: Recorder, tmp_path: Path
) -> None:
    """Call every method once, and compare each answer with its dataclass."""
    db.types.define("book", [crm.Attribute("title", "text"), crm.Attribute("cover", "file")])
    db.types.define_preset("household")
    db.types.define_attribute("book", crm.Attribute("genre", "choice", options=["novel"]))
    db.types.archive_attribute("book", "genre")
    db.types.restore_attribute("book", "genre")
    db.types.archive("book")
    db.types.restore("book")
    db.types.list()
    file = db.files.add(b"x", name="x", media_type="image/png")
    db.files.read(file)
    books = db.records("book")
    book = books.create(title="Emma", cover=file)
    db.types.get("book")
    books.patch(book.id, title="Persuasion")
    books.archive(book.id)
    books.restore(book.id)
    books.get(book.id)
    db.contacts.upsert("email", email="ann@example.org")
    db.contacts.get_by(email="ann@example.org")
    db.contacts.get_many(["ann@example.org"], "email")
    books.list()
    books.count()
    db.companies.create(name=" Acme")
    db.companies.audit()
    db.segments.define("shelf", "book", kind="static")
    db.segments.define("titled", "book", "title is set")
    db.segments.add_members("shelf", [book.id], reason="by hand")
    db.segments.members_page("shelf")
    db.segments.explain("shelf", book.id)
    db.segments.sizes("shelf")
    db.segments.overlap("shelf", "titled")
    db.segments.estimate("book", "title is set")
    db.segments.refresh("titled")
    db.segments.remove_members("shelf", [book.id])
    db.segments.archive("shelf")
    db.segments.restore("shelf")
    db.segments.get("titled")
    db.segments.list()
    db.timers.next()
    db.timers.simulate(datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC))
    db.timers.tick()
    books.history_page(book.id)
    db.apply([crm.CreateRecord(type="contact", values={"email": "bad"})])
    db.changes_page()
    db.cloud_events_page()
    db.journal.verify(db.journal.head())
    db.journal.prove([db.journal.head().seq])
    db.feed("queue").acknowledge(1)
    db.consumers()
    db.feed("queue").remove()
    columns = {"name": "name", "employees": "employees"}
    db.csv.import_("company", text="name,employees\nAcme,many\n", columns=columns)
    db.csv.export("company")
    db.csv.propose("company", text="name,colour\n")
    db.types.define("shop", [crm.Attribute("street", "text", index=True)])
    db.association_types.define("runs", "company", "shop")
    db.activity_kinds.define_preset("purchase")
    db.lifecycles.define("firm", "company", [crm.Stage("known")])
    runs = crm.AssociationColumns("runs", "shop", "shop", by="street", create_missing=True)
    bought = crm.ActivityColumns("purchase", {"day": "at", "sum": "amount", "cur": "amount.currency"})
    plan = db.imports.plan_csv(
        "company",
        text="name,employees,shop,day,sum,cur\nGlobex,many,,,,\nInitech,1,Main St,2025-01-31T12:00:00Z,5,EUR\n",
        mapping=columns,
        associations=[runs],
        activities=[bought],
        stages={"firm": "known"},
    )
    assert [row.decision for row in plan.rows()] == ["error", "create"]
    result = db.imports.apply(plan)
    db.imports.resume(result.id, plan)
    db.imports.get(result.id)
    db.imports.list()
    db.companies.patch(db.companies.list({"name": "Initech"}).records[0].id, employees=2)
    db.imports.revert(result.id)
    db.vcard.import_("contact", text="BEGIN:VCARD\nN:A\nX-B:1\nEND:VCARD\n")
    db.vcard.export("contact")
    db.activity_kinds.define("chat", [crm.Attribute("topic", "text")])
    db.activity_kinds.define_preset("call")
    db.activity_kinds.archive("call")
    db.activity_kinds.restore("call")
    db.activity_kinds.get("chat")
    db.activity_kinds.list()
    at = datetime.datetime(2025, 1, 31, tzinfo=datetime.UTC)
    link = crm.ActivityLink(type="book", id=book.id)
    chat = crm.NewActivity(kind="chat", at=at, visitor="v", links=[link])
    recorded = db.activities.record(chat)
    db.activities.record_many([crm.NewActivity(kind="chat", at=at, visitor="v")])
    db.activities.identify("v", book)
    db.activities.get(recorded.activity.id)
    db.activities.list(subject=book)
    share = crm.Attribute("share", "decimal")
    db.association_types.define(
        "edits", "contact", "book", roles=["chief", "guest"], attributes=[share]
    )
    db.association_types.define_preset("employed_by")
    db.association_types.archive("edits")
    db.association_types.restore("edits")
    db.association_types.get("edits")
    db.association_types.list()
    ann = db.contacts.get_by(email="ann@example.org")
    edits = db.associations.add("edits", ann, book, role="chief", share="0.5")
    db.associations.patch(edits.id, role="guest")
    db.associations.archive(edits.id)
    db.associations.restore(edits.id)
    db.associations.get(edits.id)
    list(db.associations.related(book, with_records=True))
    db.associations.walk("edits", book)
    db.timeline_page("book", book.id, items=["association"])
    (latest, *_) = recorder.answers["timeline.list"]["entries"]
    assert_same(latest["item"]["association"], crm.AssociationEntry)
    since = recorder.engine.call("changes.list", {"after": latest["seq"] - 1})
    assert_same(since["changes"][0]["association"], crm.AssociationChange)
    db.timeline_page("book", book.id)
    db.activities.release("v")
    db.types.define_attribute("book", crm.Attribute("title", "text", searched=True))
    memo = crm.Attribute("topic", "text", searched=True)
    db.activity_kinds.define("chat", [memo])
    persuasion = {"topic": "Persuasion"}
    db.activities.record(crm.NewActivity(kind="chat", at=at, subject=book, properties=persuasion))
    db.search("persuasion")
    db.conditions.check("book", "title is set")
    db.conditions.evaluate("book", book.id, "title is set")
    db.conditions.explain("book", "title is set", id=book.id)
    for n in range(40):
        industry = "steel" if n % 2 else "paper"
        phone = "+4930901820" if n % 4 else None
        db.companies.create(name=f"C{n}", industry=industry, employees=n, phone=phone)
    tiers = [crm.ScoreTier("A", 0.5)]
    db.learned_scores.train(
        "phone", "company", "phone is set", fields=["industry"], min_records=5, tiers=tiers,
        leak_auc=0.99,
    )
    db.learned_scores.find_leaks("company", "phone is set", fields=["industry"], min_records=5)
    db.learned_scores.archive("phone")
    db.learned_scores.restore("phone")
    db.learned_scores.get("phone")
    db.learned_scores.list()
    top = db.learned_scores.rank("phone").top[0]
    db.learned_scores.explain("phone", top.id)
    half = crm.ScoreCandidate(where="employees > 10")
    tested = db.companies.get(top.id).created_at
    db.companies.patch(top.id, industry="steel")
    other = crm.ScoreCandidate(attribute="employees")
    db.learned_scores.backtest("company", "phone is set", half, tested, other=other, tiers=tiers)
    books.get(book.id)
    db.query.select("book", ["title"])
    db.query.group("book", ["title"])
    db.query.pivot("book", ["title"], ["cover.name"], crm.GroupMeasure(count=True))
    stages = [
        crm.Stage("new", leave_within=("5min",)),
        crm.Stage("read", guard="title is set"),
        crm.Stage("lost", kind="lost"),
    ]
    triggers = [crm.StageTrigger("read", activity="chat", where="title is set")]
    db.lifecycles.define("way", "book", stages, triggers=triggers)
    fewer = [stages[0], stages[2]]
    db.lifecycles.define("way", "book", fewer, map={"read": "new"}, dry_run=True)
    db.lifecycles.define_preset("contact")
    db.lifecycles.archive("contact")
    db.lifecycles.restore("contact")
    db.lifecycles.get("way")
    db.lifecycles.list()
    db.lifecycles.move("way", book.id, "read", at=at)
    db.lifecycles.reset("way", book.id, "new", "by mistake", at=at)
    db.lifecycles.explain("way", book.id)
    db.lifecycles.times("way", book.id)
    db.lifecycles.flywheel("way", stage="read")
    db.lifecycles.funnel("way")
    db.lifecycles.stuck("way", "1d")
    db.lifecycles.acceptance("way", "new", "1h")
    db.lifecycles.draw("way")
    db.lifecycles.move("way", book.id, "lost", reason="x")
    db.activities.record(crm.NewActivity(kind="chat", at=at, subject=book))
    db.lifecycles.history("way", book.id)
    db.timeline_page("book", book.id, items=["stage"])
    (latest, *_) = recorder.answers["timeline.list"]["entries"]
    assert_same(latest["item"]["stage"], crm.StageEntry)
    given = crm.OnAttribute("title")
    told: list[crm.RuleAction] = [crm.EmitEvent("named", ("title",)), crm.MoveToStage("way", "new")]
    db.rules.define("named", "book", given, told)
    db.rules.archive("named")
    db.rules.restore("named")
    db.rules.get("named")
    db.rules.list()
    db.records("book").create(title="Named")
    db.rules.runs("named")
    more = crm.DefineRule("more", "book", given, tuple(told), where="title is set")
    db.rules.simulate(more, [book.id])
    rules = [
        crm.ScoreRule("titled", 5, where="title is set"),
        crm.ScoreRule("novel", field="title", values={"Emma": 1}),
    ]
    chats = [crm.ScoreRule("chat", 10, activity="chat")]
    groups = [
        crm.ScoreGroup("fit", rules),
        crm.ScoreGroup("talk", chats, fade=crm.ScoreFade("half_life", "P3650D")),
    ]
    levels = [crm.ScoreLevel("warm", 1)]
    axes = [crm.ScoreAxis("fit", levels)]
    db.scores.define("lead", "book", groups, thresholds=levels, grade=axes)
    db.scores.publish("lead")
    db.scores.rescore("lead")
    db.scores.add_points("lead", book.id, 5, group="fit", reason="a favourite")
    db.scores.read("lead", book.id)
    db.scores.explain("lead", book.id)
    db.scores.ranking("lead")
    db.scores.history("lead", book.id)
    db.scores.get("lead")
    db.scores.list()
    db.scores.clone("lead", "other")
    db.scores.retire("lead")
    kinds = ("form", "form_error", "email_clicked", "email_bounced", "web_visit", "page_view")
    for preset in (*kinds, "site_search"):
        db.activity_kinds.define_preset(preset)
    db.scores.define_preset("points_and_grade")
    ann_ref = crm.RecordRef(type="contact", id=ann.id)
    consents = db.consents
    consents.publish_notice("news", "en", "Once a week.")
    consents.notice("news")
    consents.define_channel(crm.Channel(name="fax", medium="other"))
    consents.define_party(crm.Party(name="acme", role="controller"))
    quiet = crm.QuietHours(from_="03:00", until="03:01")
    caps = (crm.ContactCap(most=9, within="P1D"),)
    rule = crm.ChannelRule(regime="opt_in", caps=caps, quiet=quiet, retention="P5Y")
    pressure = crm.ContactPressure(limit=90, half_life_days=7)
    consents.define_policy(crm.ConsentPolicy(name="own", rules=(rule,), pressure=pressure))
    consents.define_purpose(
        crm.Purpose(
            name="news",
            channels=("email",),
            notice="news",
            policy="own",
            controller="acme",
            processing=crm.Processing(personal_data=(crm.DataCategory(name="pd:EmailAddress"),)),
        )
    )
    proof = crm.ConsentEvidence(reference="r")
    consents.grant(ann, "email", "news", evidence=proof)
    use = consents.may_contact(ann, "email", "news")
    consents.record_use(
        crm.UseConsent(subject=ann, channel="email", purpose="news", token=use.token)
    )
    question = crm.MayContact(subject=ann, channel="email", purpose="news")
    again = crm.NewConsent(kind="granted", subject=ann, channel="email", purpose="news")
    consents.record_many([again])
    page = consents.decide_many("contact", "email", "news", with_tokens=True)
    consents.record_uses(
        [
            crm.UseConsent(
                subject=crm.RecordRef(type="contact", id=one.id),
                channel="email",
                purpose="news",
                token=one.token or "",
            )
            for one in page.decisions
        ]
    )
    consents.check_proof(consents.prove(question).document)
    consents.receipt(ann)
    twin = db.contacts.create(given_name="A.")
    consents.link(ann, twin)
    consents.linked(ann)
    consents.unlink(ann, twin)
    db.privacy.define_retention(
        crm.Retention(name="kept", type="contact", period="P1D", counts_from="created")
    )
    list(db.privacy.due_for_review(at=datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)))
    db.privacy.retentions()
    db.privacy.access(ann)
    db.privacy.register()
    db.privacy.remove_retention("kept")
    waiting = consents.request(
        crm.RequestConsent(
            subject=ann_ref, channel="email", contact_point="ann@example.org", purpose="news"
        )
    )
    consents.confirm(waiting.token)
    consents.sweep()
    leave = crm.NewUnsubscribeLink(subject=ann, channel="email", url="https://example.org")
    consents.unsubscribe(consents.unsubscribe_link(leave).token)
    consents.withdraw(ann)
    assert not consents.may_contact(ann, "email", "news")
    consents.decide_many("contact", "email", "news", with_tokens=True)
    consents.preferences(ann)
    consents.set_preferences(
        crm.SetPreferences(
            subject=ann,
            frequency=crm.ContactFrequency(most=1, within="P7D"),
            choices=(crm.PreferenceChoice(purpose="news", channel="email", is_chosen=False),),
        )
    )
    consents.history(ann)
    consents.definitions()
    reporter = crm.Attribute("reporter", "reference", target="contact", required=True)
    db.types.define("ticket", [reporter])
    eve = db.contacts.create(given_name="Eve", email="eve@example.org")
    db.records("ticket").create(reporter=eve.id)
    facts = crm.BasisFacts(sale="order 1", similar_goods="books", told_at_collection=True)
    consents.record(
        crm.NewConsent(
            kind="based",
            subject=crm.RecordRef(type="contact", id=eve.id),
            channel="email",
            contact_point="eve@example.org",
            purpose="news",
            basis="existing_customer",
            facts=facts,
        )
    )
    db.segments.define("eve", "contact", 'email = "eve@example.org"')
    db.privacy.plan_erasure(eve)
    db.privacy.erase(db.contacts.create(given_name="Zoe", email="zoe@example.org"))
    db.privacy.apply_erasures(list(db.privacy.erasures()))
    called = crm.Purpose(name="called", channels=("phone",), notice="news", policy="eu_strict")
    consents.define_purpose(called)
    kim = db.contacts.create(given_name="Kim")
    consents.grant(kim, "phone", "called")
    db.privacy.erase(kim)
    assert [one.subject.id for one in db.privacy.proofs()] == [kim.id]
    assert db.privacy.lift_suppression("zoe@example.org")
    db.views.save("titles", crm.SelectRows("book", ["title"]))
    db.views.archive("titles")
    db.views.restore("titles")
    db.views.get("titles")
    db.views.list()
    db.views.run("titles")
    db.sql("select 1")
    db.stats()
    db.info()
    db.set_clock(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC))
    db.verify()
    db.compact()
    db.backup(tmp_path / "copy.crm")
    db.restore(tmp_path / "copy.crm", tmp_path / "restored.crm")

    answers = recorder.answers
    assert sorted(answers) == sorted(name for name, _, _ in _native.operations())
    for name, _, response in _native.operations():
        match response:
            case "Record":
                assert_same(answers[name], crm.Record)
            case "Activity":
                assert_same(answers[name], crm.Activity)
            case "Association":
                assert_same(answers[name], crm.Association)
            case "AssociationType":
                assert_same(answers[name], crm.AssociationType)
            case "ActivityKind":
                assert_same(answers[name], crm.ActivityKind)
            case "LearnedScore":
                assert_same(answers[name], crm.LearnedScore)
                assert_same(answers[name]["quality"], crm.ScoreQuality)
                assert_same(answers[name]["quality"]["tiers"][0], crm.TierResult)
            case "Lifecycle":
                assert_same(answers[name], crm.Lifecycle)
            case "ScoreModel":
                assert_same(answers[name], crm.ScoreModel)
            case "MovedStage":
                assert_same(answers[name], crm.MovedStage)
                assert_same(answers[name]["standing"], crm.Standing)
            case "Rule":
                assert_same(answers[name], crm.Rule)
            case "SavedView":
                assert_same(answers[name], crm.SavedView)
            case "Visitor":
                assert_same(answers[name], crm.Visitor)
            case "EntityType":
                assert_same(answers[name], crm.EntityType)
                for attribute in answers[name]["attributes"]:
                    # A definition mentions formula, search and purpose only if it has them.
                    unsaid = {"formula": None, "searched": False, "purpose": None}
                    assert_same({**unsaid, **attribute}, crm.Attribute)
    assert_same(answers["types.list"][0], crm.EntityType)
    assert_same(answers["types.get"]["attributes"][2]["options"][0], crm.ChoiceOption)
    assert_same(answers["rules.define"], crm.DefinedRule)
    assert_same(answers["rules.runs"], crm.RuleRunPage)
    (run,) = answers["rules.runs"]["runs"]
    assert_same(run, crm.RuleRun)
    assert_same(run["event"], crm.RuleEvent)
    assert_same(run["actions"][0], crm.ActionResult)
    assert_same(answers["rules.simulate"], crm.RuleSimulation)
    assert_same(answers["rules.simulate"]["records"][0], crm.SimulatedRun)
    assert_same(answers["learned_scores.find_leaks"], crm.LeakReport)
    assert_same(answers["learned_scores.find_leaks"]["features"][0], crm.FeatureCheck)
    assert_same(answers["learned_scores.explain"], crm.LearnedExplanation)
    assert_same(answers["learned_scores.explain"]["contributions"][0], crm.LearnedContribution)
    assert_same(answers["learned_scores.rank"], crm.LearnedRanking)
    assert_same(answers["learned_scores.rank"]["top"][0], crm.LearnedPrediction)
    assert_same(answers["learned_scores.backtest"], crm.ScoreBacktest)
    assert_same(answers["lifecycles.define"], crm.DefinedLifecycle)
    group = answers["scores.get"]["groups"][1]
    assert_same(group, crm.ScoreGroup)
    assert_same(group["fade"], crm.ScoreFade)
    assert_same(group["rules"][0], crm.ScoreRule)
    assert_same(answers["scores.get"]["thresholds"][0], crm.ScoreLevel)
    assert_same(answers["scores.get"]["grade"][0], crm.ScoreAxis)
    assert_same(answers["scores.read"], crm.ScoreAnswer)
    assert_same(answers["scores.read"]["record"], crm.RecordScore)
    assert_same(answers["scores.read"]["record"]["groups"][0], crm.GroupScore)
    assert_same(answers["scores.explain"], crm.ScoreExplanation)
    contributions = answers["scores.explain"]["contributions"]
    assert_same(contributions[0], crm.ScoreContribution)
    assert_same(next(one["added"] for one in contributions if one["added"]), crm.AddedPoints)
    assert_same(answers["scores.add_points"], crm.ScoreAnswer)
    assert_same(answers["scores.ranking"], crm.ScoreRanking)
    assert_same(answers["scores.history"], crm.ScoreHistory)
    assert_same(answers["scores.history"]["crossings"][0], crm.ScoreCrossing)
    assert_same(answers["scores.rescore"], crm.RescoreReport)
    assert_same(answers["lifecycles.get"]["stages"][0], crm.Stage)
    assert_same(answers["lifecycles.get"]["triggers"][0], crm.StageTrigger)
    assert_same(answers["lifecycles.history"], crm.LifecycleHistory)
    assert_same(answers["lifecycles.history"]["visits"][0], crm.StageVisit)
    assert_same(answers["lifecycles.history"]["suppressed"][0], crm.SuppressedMove)
    assert_same(answers["lifecycles.history"]["overdue"][0], crm.OverdueStage)
    assert_same(answers["lifecycles.flywheel"], crm.Flywheel)
    assert_same(answers["lifecycles.flywheel"]["friction"][0], crm.StageFriction)
    assert_same(answers["lifecycles.flywheel"]["win_back"], crm.WinBack)
    assert_same(answers["lifecycles.times"], crm.StageTimes)
    assert_same(answers["lifecycles.times"]["stages"][0], crm.StageTime)
    assert_same(answers["lifecycles.funnel"], crm.Funnel)
    assert_same(answers["lifecycles.funnel"]["stages"][0], crm.FunnelStage)
    assert_same(answers["lifecycles.stuck"], crm.StuckPage)
    assert_same(answers["lifecycles.stuck"]["records"][0], crm.StuckRecord)
    assert_same(answers["lifecycles.acceptance"], crm.Acceptance)
    assert_same(answers["lifecycles.acceptance"]["breaches"][0], crm.AcceptanceBreach)
    assert_same(answers["lifecycles.explain"], crm.StageExplanation)
    assert_same(answers["lifecycles.explain"]["next"][0], crm.NextStage)
    assert_same(answers["lifecycles.explain"]["next"][0]["triggers"][0], crm.TriggerAnswer)
    for name in ("consents.record", "consents.record_use", "consents.confirm"):
        # Of the text of the first step, and of what a contact was, is told only what there is.
        untold = {"request_notice": None, "activity": None, "told_of_objection": False}
        assert_same({**untold, **answers[name]}, crm.ConsentEvent)
    assert_same(answers["consents.history"], crm.ConsentHistory)
    assert_same(answers["consents.history"]["events"][0]["evidence"], crm.ConsentEvidence)
    assert_same(answers["consents.prove"], crm.ConsentProof)
    assert_same(answers["consents.check_proof"], crm.CheckedProof)
    assert_same(answers["consents.receipt"], crm.ConsentReceipt)
    assert_same(answers["consents.receipt"]["consents"][0], crm.ReceiptedConsent)
    for name in ("consents.link", "consents.linked", "consents.unlink"):
        assert_same(answers[name], crm.LinkedPeople)
    assert_same(answers["consents.link"]["links"][0], crm.PersonLink)
    assert_same(answers["privacy.access"], crm.AccessReport)
    assert_same(answers["privacy.access"]["tables"][0], crm.AccessTable)
    assert_same(answers["privacy.register"], crm.ProcessingRegister)
    assert_same(answers["privacy.register"]["entries"][0], crm.RegisterEntry)
    assert_same(answers["privacy.register"]["retentions"][0], crm.Retention)
    for name in ("privacy.define_retention", "privacy.remove_retention"):
        assert_same(answers[name], crm.Retention)
    assert_same(answers["privacy.retentions"][0], crm.Retention)
    assert_same(answers["privacy.due_for_review"], crm.ReviewPage)
    assert_same(answers["privacy.due_for_review"]["due"][0], crm.DueForReview)
    assert_same(answers["consents.request"], crm.ConsentRequest)
    assert_same(answers["consents.sweep"], crm.SweptConsents)
    # By when it is to be renewed is told only where a policy says so.
    assert_same({"renew_by": None, **answers["consents.decide"]}, crm.ConsentDecision)
    assert_same(answers["consents.decide"]["reasons"][0], crm.DecisionReason)
    assert_same(answers["consents.decide_many"], crm.ManyDecisions)
    # To which address is told only where the permission names one.
    decided = {"contact_point": None, **answers["consents.decide_many"]["decisions"][0]}
    assert_same(decided, crm.RecordDecision)
    for name in ("consents.record_many", "consents.record_uses"):
        assert_same(answers[name], crm.ConsentReport)
        assert_same(answers[name]["outcomes"][0], crm.ConsentOutcome)
    assert_same(answers["consents.unsubscribe_link"], crm.UnsubscribeLink)
    assert_same(answers["consents.unsubscribe_link"]["headers"][0], crm.MailHeader)
    assert_same(answers["consents.unsubscribe"], crm.Unsubscribed)
    for name in ("consents.preferences", "consents.set_preferences"):
        assert_same(answers[name], crm.Preferences)
    chosen = answers["consents.preferences"]["purposes"][0]
    assert_same(chosen, crm.PurposePreference)
    assert_same(chosen["channels"][0], crm.ChannelPreference)
    assert_same(answers["consents.set_preferences"]["frequency"], crm.ContactFrequency)
    definitions = answers["consents.definitions"]
    assert_same(definitions, crm.ConsentDefinitions)
    assert_same(definitions["channels"][0], crm.Channel)
    assert_same(definitions["parties"][0], crm.Party)
    assert_same(definitions["purposes"][0], crm.Purpose)
    assert_same(definitions["purposes"][0]["processing"], crm.Processing)
    assert_same(definitions["purposes"][0]["processing"]["personal_data"][0], crm.DataCategory)
    assert_same(definitions["notices"][0], crm.NoticeSummary)
    assert_same(answers["notices.get"], crm.Notice)
    own = answers["policies.define"]
    assert_same(own, crm.ConsentPolicy)
    assert_same(own["pressure"], crm.ContactPressure)
    assert_same({"valid_for": None, **own["rules"][0]}, crm.ChannelRule)
    assert_same(own["rules"][0]["quiet"], crm.QuietHours)
    assert_same(own["rules"][0]["caps"][0], crm.ContactCap)
    plan = answers["privacy.plan_erasure"]
    assert_same(plan, crm.ErasurePlan)
    assert_same(plan["tables"][0], crm.ErasedTable)
    assert_same(plan["mentions"][0], crm.ErasureMention)
    assert_same(plan["definitions"][0], crm.ErasureDefinition)
    assert_same(plan["proofs"][0], crm.KeptProof)
    assert_same(plan["proofs"][0]["facts"], crm.KeptFacts)
    assert_same(plan["blockers"][0], crm.ErasureBlocker)
    assert_same(answers["privacy.erase"], crm.Erasure)
    assert_same(answers["privacy.erase"]["erased"], crm.ErasedSubject)
    assert_same(answers["privacy.erasures"], crm.ErasureList)
    assert_same(answers["privacy.proofs"], crm.ProofPage)
    assert_same(answers["privacy.proofs"]["proofs"][0], crm.ErasedProof)
    assert_same(answers["privacy.apply_erasures"], crm.AppliedErasures)
    assert_same(answers["privacy.lift_suppression"], crm.LiftedSuppression)
    assert_same(answers["database.restore"], crm.Restored)
    assert_same(answers["database.set_clock"], crm.ClockReading)
    assert_same(answers["files.add"], crm.FileRef)
    assert_same(answers["files.read"], crm.FilePiece)
    assert_same(answers["records.get"]["values"]["cover"], crm.FileRef)
    assert_same(answers["records.audit"], crm.AuditReport)
    assert_same(answers["records.audit"]["attributes"][0], crm.AttributeAudit)
    assert_same(answers["records.audit"]["findings"][0], crm.AuditFinding)
    assert_same(answers["segments.define"], crm.SegmentReport)
    assert_same(answers["segments.get"], crm.Segment)
    assert_same(answers["segments.members"], crm.SegmentMembers)
    assert_same(answers["segments.members"]["members"][0], crm.SegmentMember)
    assert_same(answers["segments.explain"], crm.MemberExplanation)
    assert_same(answers["segments.explain"]["changes"][0], crm.MemberChange)
    assert_same(answers["segments.sizes"], crm.SegmentSizes)
    assert_same(answers["segments.sizes"]["sizes"][0], crm.SegmentSize)
    assert_same(answers["segments.overlap"], crm.SegmentOverlap)
    assert_same(answers["segments.estimate"], crm.SegmentEstimate)
    assert_same(answers["timers.next"], crm.NextTimer)
    assert_same(answers["timers.simulate"], crm.Simulation)
    assert_same(answers["timers.tick"], crm.Tick)
    assert_same(answers["records.list"], crm.Page)
    assert_same(answers["records.upsert"], crm.Upserted)
    assert_same(answers["records.history"], crm.HistoryPage)
    assert_same(answers["records.history"]["entries"][0], crm.HistoryEntry)
    assert_same(answers["records.apply"], crm.ApplyReport)
    assert_same(answers["records.apply"]["outcomes"][0], crm.ChangeOutcome)
    assert_same(answers["records.apply"]["outcomes"][0]["problem"], crm.Problem)
    assert_same(answers["journal.head"], crm.JournalHead)
    assert_same(answers["journal.verify"], crm.JournalReport)
    assert_same(answers["journal.prove"], crm.JournalProof)
    assert_same(answers["journal.prove"]["links"][0], crm.ProofLink)
    assert_same(answers["journal.prove"]["links"][0]["content"], crm.ProofContent)
    assert_same(answers["changes.list"], crm.ChangePage)
    assert_same(answers["changes.cloud_events"], crm.CloudEventPage)
    assert_same(answers["consumers.acknowledge"], crm.Consumer)
    assert_same(answers["consumers.list"][0], crm.Consumer)
    # What is no activity or association leaves the field out.
    assert_same({*answers["changes.list"]["changes"][0], "activity", "association"}, crm.Change)
    assert_same(answers["association_types.list"][0], crm.AssociationType)
    assert_same(answers["associations.related"], crm.AssociationPage)
    assert_same(answers["associations.related"]["related"][0], crm.Related)
    assert_same(answers["associations.walk"], crm.AssociationWalk)
    assert_same(answers["associations.walk"]["nodes"][0], crm.WalkNode)
    assert_same(answers["activities.record"], crm.RecordedActivity)
    assert_same(answers["activities.get"]["links"][0], crm.ActivityLink)
    assert_same(answers["activities.record_many"], crm.ActivityReport)
    assert_same(answers["activities.record_many"]["outcomes"][0], crm.ActivityOutcome)
    assert_same(answers["activities.list"], crm.ActivityPage)
    assert_same(answers["activities.identify"]["record"], crm.RecordRef)
    assert_same(answers["timeline.list"], crm.TimelinePage)
    assert_same(answers["timeline.list"]["entries"][0], crm.TimelineEntry)
    assert_same(answers["search.find"], crm.SearchPage)
    hits = answers["search.find"]["hits"]
    assert_same(hits[0], crm.SearchHit)
    assert_same(hits[0]["snippet"], crm.Snippet)
    assert_same(hits[0]["snippet"]["parts"][0], crm.SnippetPart)
    assert_same(next(hit["activity"] for hit in hits if hit["activity"]), crm.FoundActivity)
    assert_same(answers["conditions.check"], crm.CheckedCondition)
    assert_same(answers["conditions.evaluate"], crm.ConditionAnswer)
    assert_same(answers["conditions.evaluate"]["leaves"][0], crm.LeafReason)
    assert_same(answers["conditions.explain"], crm.ConditionPlan)
    assert_same(answers["query.select"], crm.RowsPage)
    assert_same(answers["query.select"]["columns"][0], crm.ResultColumn)
    assert_same(answers["query.group"], crm.RowsPage)
    asked = fields(crm.SelectRows) - {"select"} | {"columns", "after"}
    assert set(answers["views.get"]["query"]["select"]) == asked
    assert_same(answers["views.run"]["rows"], crm.RowsPage)
    assert_same(answers["query.pivot"], crm.PivotTable)
    assert_same(answers["query.pivot"]["measure"], crm.ResultColumn)
    assert_same(answers["query.pivot"]["total"], crm.PivotCell)
    assert_same(answers["csv.import"], crm.ImportReport)
    assert_same(answers["csv.import"]["problems"][0], crm.CellProblem)
    assert_same(answers["csv.import"]["problem_counts"][0], crm.ProblemCount)
    assert_same(answers["csv.export"], crm.ExportReport)
    assert_same(answers["csv.propose"], crm.MappingProposal)
    assert_same(answers["csv.propose"]["columns"][0], crm.ColumnMapping)
    assert_same(answers["csv.propose"]["additions"][0], crm.MappingAddition)
    counts = {"create", "update", "unchanged", "conflict", "error", "rows"}
    counts |= {"associations", "activities", "others"}
    assert fields(crm.PlanCounts) == counts
    handed_back = {"request", "fingerprint", "seq"}
    shown = fields(crm.ImportPlan) - {"type", "counts"}
    assert set(answers["imports.plan"]) == handed_back | counts | shown
    assert_same(answers["imports.plan_rows"], crm.PlannedRows)
    assert_same(answers["imports.plan_rows"]["rows"][1], crm.PlannedRow)
    assert_same(answers["imports.plan_rows"]["rows"][1]["associations"][0], crm.PlannedAssociation)
    assert_same(answers["imports.plan_rows"]["rows"][1]["activities"][0], crm.PlannedActivity)
    assert_same(answers["imports.plan_rows"]["rows"][1]["stages"][0], crm.PlannedStage)
    assert_same(answers["imports.plan_rows"]["rows"][1]["changes"][0], crm.PlannedChange)
    assert_same(answers["imports.get"], crm.Import)
    assert_same(answers["imports.list"], crm.ImportPage)
    for operation in ("imports.apply", "imports.resume"):
        assert_same(answers[operation], crm.ImportRun)
    report = answers["imports.revert"]
    assert_same(report, crm.RevertReport)
    assert_same(report["left"][0], crm.LeftChange)
    assert_same(answers["vcard.import"], crm.ImportReport)
    assert_same(answers["vcard.export"], crm.ExportReport)
    assert_same(answers["database.sql"], crm.Table)
    assert_same(answers["database.stats"], crm.DatabaseStats)
    assert_same(answers["database.stats"]["types"][0], crm.TypeCount)
    assert_same(answers["database.info"], crm.EngineInfo)
    assert_same(answers["database.verify"], crm.VerifyReport)


def engine_fields(engine: _native.Engine, operation: str, request: dict[str, Any]) -> set[str]:
    """Return the fields of a request, as the engine lists them when it meets an unknown one."""
    with pytest.raises(crm.InvalidArgumentError) as caught:
        engine.call(operation, {**request, "no_such_field": 1})
    return set(caught.value.message.split("`")[1::2])


@pytest.mark.parametrize("operation", RECORD_CHANGES)
def test_changes_of_a_batch_have_the_fields_of_their_requests(
    db: crm.Crm, operation: str
) -> None:
    assert engine_fields(db._engine, operation, {}) == fields(RECORD_CHANGES[operation])


def test_parts_and_options_have_the_fields_of_the_engine(db: crm.Crm) -> None:
    engine = db._engine
    for name, cls in (("dialect", crm.CsvDialect),):
        with pytest.raises(crm.InvalidArgumentError) as caught:
            engine.call("csv.propose", {"type": "contact", name: {"no_such_field": 1}})
        assert set(caught.value.message.split("`")[1::2]) == fields(cls)
    mapping = {"property": "x", "attribute": "x", "no_such_field": 1}
    with pytest.raises(crm.InvalidArgumentError) as caught:
        engine.call("vcard.export", {"type": "contact", "mapping": [mapping]})
    assert set(caught.value.message.split("`")[1::2]) == fields(crm.CardMapping)


@pytest.mark.parametrize(
    ("operation", "field", "cls"),
    [
        ("query.select", "columns", crm.SelectColumn),
        ("query.select", "order", crm.FieldOrder),
        ("query.group", "by", crm.GroupKey),
        ("query.group", "measures", crm.GroupMeasure),
        ("query.group", "order", crm.ResultOrder),
    ],
)
def test_parts_of_a_query_have_the_fields_of_the_engine(
    db: crm.Crm, operation: str, field: str, cls: type[Any]
) -> None:
    renamed = {"from_": "from", "name": "as"}
    with pytest.raises(crm.InvalidArgumentError) as caught:
        db._engine.call(operation, {"type": "contact", field: [{"no_such_field": 1}]})
    names = {renamed.get(name, name) for name in fields(cls)}
    assert set(caught.value.message.split("`")[1::2]) == names


def test_enumerations_have_the_names_of_the_engine(db: crm.Crm) -> None:
    def names(operation: str, request: dict[str, Any]) -> set[str]:
        with pytest.raises(crm.InvalidArgumentError) as caught:
            db._engine.call(operation, request)
        return set(caught.value.message.split("`")[1::2])

    attribute = {"name": "x", "kind": "text"}
    table = {"type": "contact", "columns": []}
    assert names("types.define_preset", {"preset": "?"}) == set(crm.Preset)
    assert names(
        "attributes.define", {"type": "contact", "attribute": {**attribute, "kind": "?"}}
    ) == set(crm.Kind)
    assert names(
        "attributes.define", {"type": "contact", "attribute": {**attribute, "sensitivity": "?"}}
    ) == set(crm.Sensitivity)
    assert names("activity_kinds.define_preset", {"preset": "?"}) == set(crm.ActivityPreset)
    assert names("association_types.define_preset", {"preset": "?"}) == set(crm.AssociationPreset)
    related = {"record": {"type": "x", "id": str(uuid.UUID(int=0))}}
    assert names("associations.related", {**related, "direction": "?"}) == set(
        crm.AssociationDirection
    )
    assert names("timeline.list", {"type": "x", "id": str(uuid.UUID(int=0)), "items": ["?"]}) == set(crm.TimelineKind)
    assert names("search.find", {"text": "x", "items": ["?"]}) == set(crm.SearchItem)
    assert names("records.count", {"type": "contact", "archived": "?"}) == set(crm.Archived)
    by = [{"field": "created_at", "bucket": "?"}]
    assert names("query.group", {"type": "contact", "by": by}) == set(crm.Bucket)
    assert names("csv.import", {**table, "mode": "?"}) == set(crm.ImportMode)
    assert names("csv.import", {**table, "bad_cells": "?"}) == set(crm.BadCells)
    assert names("csv.export", {"type": "contact", "profile": "?"}) == set(crm.CsvProfile)
    column = {"column": "x", "attribute": "x", "rule": "?"}
    assert names("csv.import", {**table, "columns": [column]}) == set(crm.ColumnRule)
    plan = db.imports.plan_csv("company", text="name\n", mapping={"name": "name"})._plain
    assert names("imports.plan_rows", {"plan": plan, "decisions": ["?"]}) == set(crm.RowDecision)
    assert names("vcard.export", {"type": "contact", "version": "?"}) == set(crm.CardVersion)


def test_a_newer_engine_may_say_more() -> None:
    from crm import wire
    from crm.records import ChangeOutcome

    plain = {"outcome": "merged", "id": None, "version": 3, "problem": None, "because": "newer"}
    outcome = wire.read(ChangeOutcome, plain)
    assert (outcome.outcome, outcome.version) == ("merged", 3)
    assert type(outcome.outcome) is str
    assert wire.read(ChangeOutcome, {**plain, "outcome": "created"}).outcome is crm.Outcome.CREATED
