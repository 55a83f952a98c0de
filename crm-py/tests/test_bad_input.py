"""Wrong input: refused by name, whatever it is, with what to do about it."""

from __future__ import annotations

import datetime
import inspect
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import crm
import pytest

NAIVE = datetime.datetime(2026, 1, 31, 12)
NO: Any = "no"
FIVE: Any = 5
NONE: Any = None
TEXT: Any = "abc"
LOOP: Any = []
LOOP.append(LOOP)


def refusals(
    cases: dict[str, Callable[[], object]], error: type[crm.CrmError] = crm.InvalidArgumentError
) -> None:
    """Assert of each call that it is refused, with the name of this field and a hint."""
    for field, call in cases.items():
        with pytest.raises(error) as raised:
            call()
        assert raised.value.field == field
        assert raised.value.hint is not None, field


def news(db: crm.Crm) -> crm.Record:
    """Define a purpose, and add a contact."""
    db.consents.publish_notice("news", "en", "Once a week.")
    db.consents.define_purpose(
        crm.Purpose(name="news", channels=("email",), notice="news", policy="eu_general")
    )
    return db.contacts.create(given_name="Ann", email="ann@example.org")


def test_only_true_and_false_are_truth_values(db: crm.Crm) -> None:
    ann = news(db)
    choice = crm.PreferenceChoice(purpose="news", channel="email", is_chosen=NO)
    chosen = crm.SetPreferences(subject=ann, choices=(choice,))
    given = crm.NewConsent(
        kind="granted", subject=ann, channel="email", purpose="news", by_guardian=NO
    )
    required = crm.Attribute("shoe_size", crm.Kind.INTEGER, required=NO)
    for field, call in (
        ("choices[0].is_chosen", lambda: db.consents.set_preferences(chosen)),
        ("by_guardian", lambda: db.consents.record(given)),
        ("attribute.required", lambda: db.types.define_attribute("contact", required)),
        ("dry_run", lambda: db.lifecycles.define("way", "contact", ["a", "b"], dry_run=NO)),
        ("all_or_nothing", lambda: db.apply([], all_or_nothing=NO)),
        ("all_or_nothing", lambda: db.apply([], all_or_nothing=FIVE)),
        ("prefix", lambda: db.search("ann", prefix=NO)),
    ):
        with pytest.raises(crm.InvalidArgumentError, match="expected true or false") as raised:
            call()
        assert raised.value.field == field
    assert not db.consents.may_contact(ann, "email", "news")
    assert db.consents.history(ann).events == ()


def test_a_truth_value_is_no_number_and_a_text_is_none_either(db: crm.Crm) -> None:
    db.companies.create(name="Acme")
    for limit in (True, "5", 5.0, 2**70, b"5", [5]):
        wrong: Any = limit
        with pytest.raises(crm.InvalidArgumentError, match="expected a whole number") as raised:
            db.companies.list(limit=wrong)
        assert raised.value.field == "limit"
    likely = crm.Stage("b", probability=True)
    with pytest.raises(crm.InvalidArgumentError, match="expected a number") as raised:
        db.lifecycles.define("way", "contact", ["a", likely])
    assert raised.value.field == "stages[1].probability"


def test_numbers_of_other_libraries_are_numbers(db: crm.Crm) -> None:
    numpy = pytest.importorskip("numpy")
    db.companies.create_many([{"name": "A"}, {"name": "B"}])
    assert len(db.companies.list(limit=numpy.int32(1))) == 1
    db.lifecycles.define("way", "contact", ["a", crm.Stage("b", probability=numpy.float32(0.5))])
    likely = db.lifecycles.define("way", "contact", ["a", crm.Stage("b", probability=1)])
    assert likely.lifecycle.stages[1].probability == 1.0
    flag = numpy.bool_(True)
    # It is no value of an attribute either.
    with pytest.raises(crm.WrongKindError):
        db.contacts.create(given_name=flag)
    with pytest.raises(crm.InvalidArgumentError):
        db.apply([], all_or_nothing=flag)


def test_bytes_are_no_text(db: crm.Crm) -> None:
    raw: Any = b"contact"
    with pytest.raises(crm.InvalidArgumentError, match="expected a text") as raised:
        db.records(raw).count()
    assert raised.value.field == "type"


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        ({"durability": "ful"}, "durability", 'did you mean "full"'),
        ({"max_bytes": -1}, "max_bytes", "expected a whole number"),
        ({"max_bytes": True}, "max_bytes", "expected a whole number"),
        ({"read_only": "no"}, "read_only", "expected true or false"),
        ({"actor": 17}, "actor", "expected a text"),
        (
            {"replay": crm.Replay(start=datetime.datetime.now(datetime.UTC), step_micros=-1)},
            "replay.step_micros",
            "must be 0 to",
        ),
    ],
)
def test_an_option_of_a_file_is_named(
    path: Path, options: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(crm.InvalidArgumentError) as raised:
        crm.open(path, **options)
    assert raised.value.field == field
    assert says in str(raised.value)
    assert not path.exists()


def test_parameters_of_sql_are_a_list(db: crm.Crm) -> None:
    named: Any = {"a": 1, "b": 2}
    for wrong in (named, "xy", b"xy", FIVE, NONE):
        refusals({"parameters": lambda wrong=wrong: db.sql("select ?1, ?2", wrong)})  # type: ignore[misc]
    assert next(iter(db.sql("select ?1, ?2", (1, "x")))) == (1, "x")


def test_a_time_limit_is_named_as_in_python(db: crm.Crm) -> None:
    for wrong in (float("nan"), float("inf"), -1, 0, 601, True, "5", None):
        timeout: Any = wrong
        refusals({"timeout": lambda timeout=timeout: db.sql("select 1", timeout=timeout)})  # type: ignore[misc]
    assert len(db.sql("select 1", timeout=1)) == 1


def test_a_handle_and_its_files_refuse_what_they_cannot_use(db: crm.Crm) -> None:
    refusals(
        {
            "actor": lambda: db.acting_as(NONE),
            "cause": lambda: db.acting_as("user:17", FIVE),
            "callback": lambda: db.observe(NONE),
            "replay": lambda: crm.open(replay=FIVE),
            # Five would otherwise be five bytes of zero.
            "content": lambda: db.files.add(FIVE, name="five.txt"),
        }
    )
    with pytest.raises(crm.InvalidValueError) as raised:
        crm.open(replay=crm.Replay(start=NAIVE, step_micros=1))
    assert raised.value.field == "replay.start"


def test_the_ledger_names_the_moment_that_has_no_zone(db: crm.Crm) -> None:
    ann = news(db)
    record, given = db.consents.record, {"subject": ann, "channel": "email", "purpose": "news"}
    asked: Any = given
    chosen = crm.SetPreferences(subject=ann, paused_until=NAIVE)
    refusals(
        {
            "at": lambda: record(crm.NewConsent(kind="granted", at=NAIVE, **asked)),
            "expires_at": lambda: record(crm.NewConsent(kind="granted", expires_at=NAIVE, **asked)),
            "question.at": lambda: db.consents.prove(crm.MayContact(at=NAIVE, **asked)),
            "paused_until": lambda: db.consents.set_preferences(chosen),
        },
        crm.InvalidValueError,
    )
    refusals(
        {"at": lambda: db.consents.decide(crm.MayContact(at=NAIVE, **asked))}, crm.InvalidValueError
    )
    refusals(
        {"at": lambda: db.consents.decide_many("contact", "email", "news", at=NAIVE)},
        crm.InvalidValueError,
    )


def test_the_ledger_is_asked_by_its_own_classes(db: crm.Crm) -> None:
    fields: Any = {"subject": 5, "channel": "email", "purpose": "news"}
    for wrong in (NONE, TEXT, fields):
        refusals(
            {
                "event": lambda: db.consents.record(wrong),
                "question": lambda: db.consents.decide(wrong),
                "use": lambda: db.consents.record_use(wrong),
                "request": lambda: db.consents.request(wrong),
                "link": lambda: db.consents.unsubscribe_link(wrong),
                "preferences": lambda: db.consents.set_preferences(wrong),
                "channel": lambda: db.consents.define_channel(wrong),
                "party": lambda: db.consents.define_party(wrong),
                "policy": lambda: db.consents.define_policy(wrong),
                "purpose": lambda: db.consents.define_purpose(wrong),
                "subject": lambda: db.consents.linked(wrong),
                "a": lambda: db.consents.link(wrong, wrong),
            }
        )
    raw: Any = b"secret"
    refusals({"token": lambda: db.consents.confirm(raw)}, crm.WrongKindError)


def test_privacy_names_what_is_wrong(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann")
    person = crm.RecordRef(type="contact", id=ann.id)
    erased = crm.ErasedSubject(subject=person, erased_at=NAIVE, reason="requested")
    for moment in (
        lambda: db.privacy.access(ann, at=NAIVE),
        lambda: db.privacy.plan_erasure(ann, at=NAIVE),
        lambda: db.privacy.proofs_page(at=NAIVE),
        lambda: db.privacy.due_for_review_page(at=NAIVE),
    ):
        refusals({"at": moment}, crm.InvalidValueError)
    refusals(
        {"erased[0].erased_at": lambda: db.privacy.apply_erasures([erased])}, crm.InvalidValueError
    )
    refusals(
        {
            "erased": lambda: db.privacy.apply_erasures(TEXT),
            "erased[0]": lambda: db.privacy.apply_erasures([NONE]),
            "rule": lambda: db.privacy.define_retention(TEXT),
            "subject": lambda: db.privacy.erase(NONE),
            "path": lambda: db.privacy.access(ann, FIVE),
        }
    )
    refusals({"erased": lambda: db.privacy.apply_erasures(NONE)})


def test_timers_and_views_name_what_is_wrong(db: crm.Crm) -> None:
    refusals({"until": lambda: db.timers.tick(NAIVE)}, crm.InvalidValueError)
    refusals({"until": lambda: db.timers.simulate(NAIVE)}, crm.InvalidValueError)
    for wrong in (NONE, TEXT):
        refusals({"query": lambda: db.views.save("large", wrong)})


def test_lifecycles_name_what_is_wrong(db: crm.Crm) -> None:
    define = db.lifecycles.define
    stage = crm.Stage("b", required=FIVE)
    trigger = crm.StageTrigger("b", related=NO)
    mapping: Any = {"a": "A", "b": "B"}
    refusals(
        {
            "stages[0]": lambda: define("way", "contact", [FIVE]),
            "stages[1].required": lambda: define("way", "contact", ["a", stage]),
            "triggers": lambda: define("way", "contact", ["a", "b"], triggers=TEXT),
            "triggers[0]": lambda: define("way", "contact", ["a", "b"], triggers=[NONE]),
            "triggers[0].related": lambda: define("way", "contact", ["a", "b"], triggers=[trigger]),
            "map": lambda: define("way", "contact", ["a", "b"], map=TEXT),
            "quantiles": lambda: db.lifecycles.funnel("way", quantiles=FIVE),
            "referral[0]": lambda: db.lifecycles.flywheel("way", referral=[NONE]),
            "repeat": lambda: db.lifecycles.flywheel("way", repeat=TEXT),
        }
    )
    # Its letters are no stages, and the names of a mapping not all that it says.
    for wrong in (TEXT, NONE, mapping):
        refusals({"stages": lambda: define("way", "contact", wrong)})
    assert db.lifecycles.list() == []


def test_scores_name_what_is_wrong(db: crm.Crm) -> None:
    def define(*rules: Any, **options: Any) -> crm.ScoreModel:
        return db.scores.define("fit", "contact", [crm.ScoreGroup("fit", rules)], **options)

    for wrong in (NONE, TEXT):
        refusals({"groups": lambda: db.scores.define("fit", "contact", wrong)})
    german = crm.ScoreRule("german", 20, where='country = "DE"')
    refusals(
        {
            "groups[0]": lambda: db.scores.define("fit", "contact", [NONE]),
            "groups[0].rules": lambda: db.scores.define(
                "fit", "contact", [crm.ScoreGroup("fit", TEXT)]
            ),
            "groups[0].rules[0]": lambda: define(NONE),
            "groups[0].rules[1].values": lambda: define(german, crm.ScoreRule("s", values=FIVE)),
            "groups[0].rules[0].values[0]": lambda: define(crm.ScoreRule("s", values=[FIVE])),
            "groups[0].rules[0].related": lambda: define(crm.ScoreRule("s", related=NO)),
            "groups[0].fade": lambda: db.scores.define(
                "fit", "contact", [crm.ScoreGroup("fit", [], fade=NO)]
            ),
            "thresholds": lambda: define(german, thresholds=TEXT),
            "thresholds[0]": lambda: define(german, thresholds=[TEXT]),
            "grade": lambda: define(german, grade=TEXT),
            "grade[0]": lambda: define(german, grade=[TEXT]),
            "grade[0].levels": lambda: define(german, grade=[crm.ScoreAxis("fit", TEXT)]),
        }
    )
    assert db.scores.list() == []


def test_rules_name_what_is_wrong(db: crm.Crm) -> None:
    when = crm.OnAttribute("country", to="DE")
    to_do = crm.SetAttribute("locale", "de")
    soon = crm.OnAttribute("country", to=NAIVE)
    rule = crm.DefineRule("german", "contact", when, (to_do,))

    def define(on: Any = when, actions: Any = (to_do,)) -> crm.DefinedRule:
        return db.rules.define("german", "contact", on, actions)

    for wrong in (TEXT, to_do, NONE):
        refusals({"actions": lambda: define(actions=wrong)})
    refusals(
        {
            "on": lambda: define("created"),
            "actions[0]": lambda: define(actions=[NONE]),
            "actions[0].emit.fields": lambda: define(actions=[crm.EmitEvent("it", FIVE)]),
            "rule": lambda: db.rules.simulate(TEXT, []),
            "rule.on": lambda: db.rules.simulate(
                crm.DefineRule("german", "contact", TEXT, (to_do,)), []
            ),
            "rule.actions": lambda: db.rules.simulate(
                crm.DefineRule("german", "contact", when, NONE), []
            ),
            "records": lambda: db.rules.simulate(rule, TEXT),
            "records[0]": lambda: db.rules.simulate(rule, [NONE]),
        }
    )
    refusals(
        {
            "on.attribute_changed.to": lambda: define(soon),
            "actions[0].set_attribute.value": lambda: define(
                actions=[crm.SetAttribute("locale", NAIVE)]
            ),
        },
        crm.InvalidValueError,
    )


def test_segments_name_what_is_wrong(db: crm.Crm) -> None:
    db.segments.define("vip", "contact", kind="static")
    one: Any = uuid.UUID(int=7)
    now: Any = datetime.datetime.now(datetime.UTC)
    refusals(
        {
            "ids": lambda: db.segments.add_members("vip", one),
            "ids[0]": lambda: db.segments.remove_members("vip", [NONE]),
            "at": lambda: db.segments.sizes("vip", now),
        }
    )
    refusals(
        {
            "at[0]": lambda: db.segments.sizes("vip", [NAIVE]),
            "from": lambda: db.segments.sizes("vip", every="day", from_=NAIVE),
            "until": lambda: db.segments.sizes("vip", every="day", until=NAIVE),
        },
        crm.InvalidValueError,
    )


def test_a_record_stands_for_its_id(db: crm.Crm) -> None:
    ann = db.contacts.create(given_name="Ann")
    named = crm.RecordRef(type="contact", id=str(ann.id))
    db.segments.define("vip", "contact", kind="static")
    db.lifecycles.define_preset("contact")
    group = crm.ScoreGroup("fit", [crm.ScoreRule("named", 5, where="given_name is set")])
    db.scores.define("fit", "contact", [group])
    db.scores.publish("fit")
    forms: tuple[Any, ...] = (ann, named, ann.id, str(ann.id))
    for form in forms:
        assert db.segments.add_members("vip", [form]).members == 1
        assert db.segments.explain("vip", form).is_member
        assert db.lifecycles.explain("contact", form).standing.stage is None
        assert db.scores.read("fit", form).record.points == 5.0
        assert db.conditions.evaluate("contact", form, "given_name is set")
        assert db.contacts.get(form) == ann
        assert next(db.timeline("contact", form)).role is None
        assert db.apply([crm.PatchRecord(type="contact", id=form, values={})]).failed == 0
    assert db.lifecycles.move("contact", ann, "lead").is_moved
    raw: Any = b"x"
    for wrong in (NONE, FIVE, raw):
        for call in (
            lambda: db.contacts.get(wrong),
            lambda: db.lifecycles.move("contact", wrong, "lead"),
            lambda: db.segments.explain("vip", wrong),
            lambda: db.scores.read("fit", wrong),
            lambda: db.scores.add_points("fit", wrong, 5),
            lambda: db.conditions.evaluate("contact", wrong, "given_name is set"),
        ):
            refusals({"id": call})
    batch = [crm.ArchiveRecord(type="contact", id=FIVE)]
    refusals({"changes[0].id": lambda: db.apply(batch)})


def test_a_span_may_be_a_timedelta(replayed: crm.Crm) -> None:
    db = replayed
    db.lifecycles.define("way", "contact", ["a", "b"], initial="a")
    ann = db.contacts.create(given_name="Ann")
    for days, found in ((3, [ann.id]), (5, [])):
        span = datetime.timedelta(days=days)
        at = ann.created_at + datetime.timedelta(days=4)
        page = db.lifecycles.stuck("way", span, at=at)
        assert [one.id for one in page.records] == found
        assert page == db.lifecycles.stuck("way", f"{days * 24}h", at=at)
    hour = datetime.timedelta(hours=1)
    assert db.lifecycles.acceptance("way", "a", hour) == db.lifecycles.acceptance("way", "a", "1h")
    part = datetime.timedelta(seconds=1.5)
    refusals({"longer_than": lambda: db.lifecycles.stuck("way", part)})
    back = datetime.timedelta(seconds=-1)
    refusals({"longer_than": lambda: db.lifecycles.stuck("way", back)}, crm.InvalidValueError)


def method_calls(db: crm.Crm, wrong: object) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return each argument of each method of the file, and the call with `wrong` in its place."""
    usual: dict[str, Any] = {
        "type": "contact",
        "where": "given_name is set",
        "condition": "given_name is set",
        "stages": ["a"],
        "groups": [],
        "actions": [],
        "on": crm.OnAttribute("country"),
    }
    usual["subject"] = usual["record"] = usual["id"] = db.contacts.create(given_name="Ann")
    names = [name for name, part in vars(crm.Crm).items() if isinstance(part, property)]
    rooms = {"crm": db} | {name: getattr(db, name) for name in names}
    for room, handle in rooms.items():
        for name, method in inspect.getmembers(handle, inspect.ismethod):
            every = inspect.signature(method).parameters.values()
            parameters = [one for one in every if one.kind is not one.VAR_KEYWORD]
            if name.startswith("_") or name in ("close", "compact"):
                continue
            for wanted in parameters:
                if wanted.default is wrong:
                    continue
                given: list[Any] = []
                options: dict[str, Any] = {}
                for one in parameters:
                    is_optional = one.default is not one.empty or one.kind is one.VAR_POSITIONAL
                    if one is not wanted and is_optional:
                        continue
                    value = wrong if one is wanted else usual.get(one.name, "abc")
                    if one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL):
                        given.append(value)
                    else:
                        options[one.name] = value
                yield f"{room}.{name}: {wanted.name}", partial(method, *given, **options)


@pytest.mark.parametrize(
    "wrong",
    [None, True, 5, -1, 2**70, float("nan"), "", "abc", b"abc", [], [None], [5], [[]], ("a", 1), {},
     {"a": 5}, {5: "a"}, {"a"}, object(), NAIVE, [NAIVE], print, range(3),
     LOOP],
    ids=lambda wrong: type(wrong).__name__,
)  # fmt: skip
def test_whatever_is_handed_in_is_refused_as_an_error_of_the_package(
    db: crm.Crm, wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some of it is the name of a file.
    monkeypatch.chdir(tmp_path)
    for what, call in method_calls(db, wrong):
        try:
            answer = call()
            if isinstance(answer, Iterator):
                next(answer, None)
        except crm.CrmError as error:
            # What is wrong with SQL is told by its place in the text.
            is_told = error.field is not None or error.hint is not None
            assert is_told or error.kind == "invalid_sql", f"{what}: {error!r}"
        except Exception as error:
            raise AssertionError(f"{what}: {error!r}") from error
