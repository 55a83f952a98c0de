"""Learned scores: the probability that something will come of a record, learned from others."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.conditions import Condition
from crm.errors import InvalidArgumentError
from crm.given import RecordId, id_of, instance_of, items_of, mapping_of, names_of
from crm.progress import Report, adapt
from crm.values import encode


class LearnedAlgorithm(StrEnum):
    """How a score is learned."""

    LOGISTIC = "logistic"
    """Logistic regression with a penalty on large weights."""
    NAIVE_BAYES = "naive_bayes"
    """Naive Bayes: what share of the won and of the lost records has each value."""


class LeakReason(StrEnum):
    """A sign that a feature knows the outcome."""

    TELLS_OUTCOME = "tells_outcome"
    """It alone tells the outcomes apart."""
    FILLED_TELLS_OUTCOME = "filled_tells_outcome"
    """Whether it has a value tells the outcomes apart."""
    FILLED_AFTER_OUTCOME = "filled_after_outcome"
    """Nine of ten records that had the outcome got their value after it, says the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierResult:
    """The records of a tier, and how many of them had the outcome."""

    tier: str
    """What it is called."""
    from_: float
    """The least score in it."""
    records: int
    """The records in it."""
    positives: int
    """Those with the outcome."""
    rate: float | None
    """Their share; None if no record is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftDecile:
    """A tenth of the records, by descending score."""

    decile: int
    """Which, from 1: that of the highest scores."""
    records: int
    """The records in it."""
    positives: float
    """Those with the outcome. Records of equal score on both sides of a border share theirs, so
    that it may be no whole number."""
    rate: float
    """Their share."""
    lift: float
    """How many times the share of all records."""
    gain: float
    """The share of all positives that are in this decile or one before."""
    from_score: float
    """The lowest score in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """What probabilities foresaw, and what came."""

    from_: float
    """The least probability in it."""
    to: float
    """The least probability above it."""
    records: int
    """The records in it."""
    predicted: float
    """The mean of their probabilities."""
    rate: float
    """The share of them that had the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreQuality:
    """How good scores are: what they said of records beside what came."""

    records: int
    """The records."""
    positives: int
    """Those with the outcome."""
    auc: float | None
    """The probability that a record with the outcome has a higher score than one without: the area
    under the ROC curve. 0.5 is chance. None if one of the outcomes does not occur."""
    auc_low: float | None
    """The lower end of its interval of 95 %, by DeLong."""
    auc_high: float | None
    """The upper end."""
    brier: float | None
    """The mean square of what the probabilities were wrong by. None for scores that are none."""
    log_loss: float | None
    """The mean of −ln of the probability of what came. None for scores that are no probabilities."""
    deciles: tuple[LiftDecile, ...]
    """Ten tenths of the records; none of fewer than ten records, or without a positive."""
    calibration: tuple[CalibrationBin, ...]
    """The tenths of the probability in which there are records."""
    tiers: tuple[TierResult, ...]
    """The tiers that were asked for, the highest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreComparison:
    """The difference of two scores of the same records: the first less the second."""

    difference: float
    """The difference of the areas under the curve."""
    low: float
    """The lower end of its interval of 95 %."""
    high: float
    """The upper end."""
    p_value: float
    """How likely chance alone makes a difference as large, by DeLong's test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCheck:
    """What a feature alone tells of the outcome."""

    feature: str
    """Its name."""
    auc: float
    """The area under the curve of the feature alone, 0.5 to 1."""
    filled_auc: float
    """That of whether it has a value, 0.5 to 1."""
    filled_with: float
    """The share of the records with the outcome that have a value, 0 to 1."""
    filled_without: float
    """The share of those without it."""
    filled_after: float | None
    """The share of records with outcome and value that got the value after the outcome. None if the
    journal tells it of fewer than ten."""
    reasons: tuple[LeakReason | str, ...]
    """Why it is taken for a leak; empty if it is not."""
    is_suspect: bool
    """Whether a person should look at it though it is taken for none: it has a value much more often
    with one outcome than with the other (by 0.2 or more, and 3.3 standard errors), and the journal
    does not say that nine of ten got it before the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """Which features know the outcome."""

    records: int
    """The records that were looked at."""
    positives: int
    """Those with the outcome."""
    features: tuple[FeatureCheck, ...]
    """Every feature: leaks first, then by what each alone tells."""
    leaks: tuple[str, ...]
    """The names of the leaks."""
    suspects: tuple[str, ...]
    """The names of the features that are suspect. They are learned from: honest ones may be among
    them."""
    auc_with_leaks: float | None
    """The area under the curve with all features, of records that were kept out."""
    auc_without_leaks: float | None
    """The same without the leaks."""
    auc_without_suspects: float | None
    """The same without the leaks and what is suspect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedScore:
    """A learned score: one version of it."""

    name: str
    """Its name."""
    version: int
    """The version, from 1; each training adds one."""
    type: str
    """The entity type whose records it scores."""
    algorithm: LearnedAlgorithm | str
    """How it was learned."""
    trained_at: datetime.datetime
    """When."""
    known_until: datetime.datetime
    """The moment up to which it knows outcomes."""
    records: int
    """The records that it was learned from."""
    model: str
    """The model: a JSON document with an intercept and the weights of each feature."""
    quality: ScoreQuality | None
    """How good it is on records that were kept out of the training; None if none were."""
    archived_at: datetime.datetime | None
    """When the score was archived, all versions together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedContribution:
    """What one feature adds to the log-odds of a record."""

    feature: str
    """The feature."""
    log_odds: float
    """What it adds; a multiple of 2⁻³⁰."""
    is_missing: bool
    """Whether the record has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedExplanation:
    """Why a record has its learned score."""

    name: str
    """The score."""
    version: int
    """Its version."""
    id: UUID
    """The record."""
    probability: float
    """The probability of the outcome, 0 to 1: 1/(1 + e^−z) of the log-odds z."""
    log_odds: float
    """The intercept and all contributions added up: exactly, in any order."""
    intercept: float
    """What a record begins with."""
    contributions: tuple[LearnedContribution, ...]
    """What each feature adds, the largest first, whichever its sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPrediction:
    """A record with its learned score."""

    id: UUID
    """The record."""
    probability: float
    """The probability of the outcome, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedRanking:
    """The records of a type with the highest learned scores."""

    records: int
    """The records that were scored."""
    top: tuple[LearnedPrediction, ...]
    """The highest, the highest first; those of equal score by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBacktest:
    """What scores said at a moment, beside what came until a later one."""

    as_of: datetime.datetime
    """The moment as of which records were scored."""
    until: datetime.datetime
    """The moment up to which outcomes count."""
    left_out: int
    """The records in use at the first moment that had the outcome already; they are left out."""
    quality: ScoreQuality
    """How good the score was."""
    other: ScoreQuality | None
    """How good the other was, if one was named."""
    comparison: ScoreComparison | None
    """Whether the first is better than the other."""


@dataclass(frozen=True, slots=True)
class ScoreTier:
    """A part of the scale of a score."""

    tier: str
    """What it is called, such as `A`."""
    from_: float
    """The least score in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedOutcome:
    """What a score foretells: that a condition will be true, or a stage reached."""

    where: Condition | None = None
    """A condition."""
    lifecycle: str | None = None
    """A lifecycle, together with `stage`."""
    stage: str | None = None
    """The stage to be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCandidate:
    """What is back-tested: a learned score, a score of rules, an attribute that is a number, or a condition."""

    learned: str | None = None
    """A learned score, which must not know anything from after the moment."""
    version: int | None = None
    """The version of a learned score, the latest if it is left out; or of a score of rules, the
    published one if it is left out, else the latest."""
    attribute: str | None = None
    """An attribute that is a number; a record without a value has the lowest score."""
    where: Condition | None = None
    """A condition: true is a higher score than false."""
    model: str | None = None
    """A score of rules, in points. Its definition is that of the version, whenever it was saved."""


class LearnedScores:
    """Learned scores: `Crm.learned_scores`.

    >>> import crm
    >>> with crm.open() as db:
    ...     for n in range(200):
    ...         phone = "+4930901820" if n % 4 == 1 else None
    ...         _ = db.companies.create(name=f"C{n}", employees=500 if n % 2 else 5, phone=phone)
    ...     score = db.learned_scores.train("phone", "company", "phone is set", fields=["employees"])
    ...     score.version, score.quality.auc > 0.6
    (1, True)
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def train(
        self,
        name: str,
        type: str,
        outcome: LearnedOutcome | Condition,
        *,
        algorithm: LearnedAlgorithm | str = LearnedAlgorithm.LOGISTIC,
        fields: Iterable[str] = (),
        conditions: Mapping[str, Condition] | None = None,
        activities: Iterable[str | tuple[str, str | None]] = (),
        exclude: Iterable[str] = (),
        allow_leaks: Iterable[str] = (),
        where: Condition | None = None,
        as_of: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        l2: float = 1.0,
        balanced: bool = False,
        calibrated: bool = True,
        min_records: int = 20,
        holdout_percent: int = 30,
        leak_auc: float = 0.9,
        tiers: Iterable[ScoreTier] = (),
        progress: Report | None = None,
    ) -> LearnedScore:
        """Learn a score from the records of a type and save it as a new version.

        With neither fields, conditions nor activities, it learns from every attribute in use but
        those that the outcome asks about, and from the activities of 90 days. An activity is a kind,
        or a kind with a span such as `("call", "P30D")`. With `as_of`, features are what was
        recorded by then, and outcomes come until `until`. `l2` is 1/C of scikit-learn.
        A feature that seems to know the outcome is refused (`RefusedError`), unless it is
        allowed by name; `find_leaks` tells why. `progress` counts records read.
        """
        request = _recipe(
            name, type, outcome, algorithm=algorithm, fields=fields, conditions=conditions,
            activities=activities, exclude=exclude, allow_leaks=allow_leaks, where=where,
            as_of=as_of, until=until, l2=l2, balanced=balanced, calibrated=calibrated,
            min_records=min_records, holdout_percent=holdout_percent, leak_auc=leak_auc,
            tiers=tiers,
        )
        answer = self._engine.call("learned_scores.train", request, adapt(progress))
        return wire.read(LearnedScore, answer)

    def find_leaks(
        self,
        type: str,
        outcome: LearnedOutcome | Condition,
        *,
        name: str = "leaks",
        algorithm: LearnedAlgorithm | str = LearnedAlgorithm.LOGISTIC,
        fields: Iterable[str] = (),
        conditions: Mapping[str, Condition] | None = None,
        activities: Iterable[str | tuple[str, str | None]] = (),
        exclude: Iterable[str] = (),
        where: Condition | None = None,
        as_of: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        min_records: int = 20,
        holdout_percent: int = 30,
        leak_auc: float = 0.9,
        progress: Report | None = None,
    ) -> LeakReport:
        """Say what each feature alone tells of the outcome, and which were filled in after it.

        Nothing is saved. The arguments are those of `train`.
        """
        request = _recipe(
            name, type, outcome, algorithm=algorithm, fields=fields, conditions=conditions,
            activities=activities, exclude=exclude, where=where, as_of=as_of, until=until,
            min_records=min_records, holdout_percent=holdout_percent, leak_auc=leak_auc,
        )
        answer = self._engine.call("learned_scores.find_leaks", request, adapt(progress))
        return wire.read(LeakReport, answer)

    def get(self, name: str, version: int | None = None) -> LearnedScore:
        """Return a version of a learned score, the latest without one."""
        request = {"name": name, "version": version}
        return wire.read(LearnedScore, self._engine.call("learned_scores.get", request))

    def list(self) -> builtins.list[LearnedScore]:
        """Return the latest version of every learned score, archived ones included, by name."""
        found = self._engine.call("learned_scores.list", {})
        return [wire.read(LearnedScore, plain) for plain in found]

    def archive(self, name: str) -> LearnedScore:
        """Archive a learned score with all versions: nothing is scored with it any more."""
        return wire.read(LearnedScore, self._engine.call("learned_scores.archive", {"name": name}))

    def restore(self, name: str) -> LearnedScore:
        """Take a learned score out of the archive."""
        return wire.read(LearnedScore, self._engine.call("learned_scores.restore", {"name": name}))

    def explain(
        self, name: str, id: RecordId, *, version: int | None = None
    ) -> LearnedExplanation:
        """Say why a record has its score; intercept and contributions add up exactly."""
        request = {"name": name, "id": id_of(id), "version": version}
        return wire.read(LearnedExplanation, self._engine.call("learned_scores.explain", request))

    def rank(
        self,
        name: str,
        *,
        version: int | None = None,
        where: Condition | None = None,
        limit: int = 100,
        progress: Report | None = None,
    ) -> LearnedRanking:
        """Score all records of the score's type, and return those with the highest probability."""
        request = {"name": name, "version": version, "where": _condition(where), "limit": limit}
        answer = self._engine.call("learned_scores.rank", request, adapt(progress))
        return wire.read(LearnedRanking, answer)

    def backtest(
        self,
        type: str,
        outcome: LearnedOutcome | Condition,
        score: ScoreCandidate,
        as_of: datetime.datetime,
        *,
        other: ScoreCandidate | None = None,
        until: datetime.datetime | None = None,
        where: Condition | None = None,
        tiers: Iterable[ScoreTier] = (),
        progress: Report | None = None,
    ) -> ScoreBacktest:
        """Hold what a score said at `as_of` beside what came until `until`, for one score or two."""
        request = {
            "type": type,
            "outcome": _outcome(outcome),
            "score": _candidate(score, "score"),
            "other": other and _candidate(other, "other"),
            "as_of": encode(as_of, "as_of"),
            "until": encode(until, "until"),
            "where": _condition(where),
            "tiers": _tiers(tiers),
        }
        answer = self._engine.call("learned_scores.backtest", request, adapt(progress))
        return wire.read(ScoreBacktest, answer)


def _condition(condition: Condition | None, field: str = "where") -> Any:
    return None if condition is None else conditions.write(condition, field)


def _outcome(outcome: LearnedOutcome | Condition) -> dict[str, Any]:
    if not isinstance(outcome, LearnedOutcome):
        outcome = LearnedOutcome(where=outcome)
    plain = {"lifecycle": outcome.lifecycle, "stage": outcome.stage}
    return {"where": _condition(outcome.where, "outcome.where"), **plain}


def _candidate(candidate: ScoreCandidate, field: str) -> dict[str, Any]:
    candidate = instance_of(candidate, ScoreCandidate, field)
    return {
        "learned": candidate.learned,
        "version": candidate.version,
        "attribute": candidate.attribute,
        "where": _condition(candidate.where),
        "model": candidate.model,
    }


def _tiers(tiers: Iterable[ScoreTier]) -> list[dict[str, Any]]:
    given = items_of(tiers, "tiers", "hand in a list of crm.ScoreTier(…)")
    given = [instance_of(tier, ScoreTier, f"tiers[{place}]") for place, tier in enumerate(given)]
    return [{"tier": tier.tier, "from": tier.from_} for tier in given]


def _activities(activities: Iterable[str | tuple[str, str | None]]) -> list[dict[str, Any]]:
    hint = 'hand in a list of kinds, or of pairs such as ("call", "P30D")'
    plain = []
    for place, activity in enumerate(items_of(activities, "activities", hint)):
        pair = (activity, None) if isinstance(activity, str) else activity
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InvalidArgumentError("not a kind", field=f"activities[{place}]", hint=hint)
        plain.append({"kind": pair[0], "within": pair[1]})
    return plain


def _recipe(
    name: str,
    type: str,
    outcome: LearnedOutcome | Condition,
    *,
    algorithm: LearnedAlgorithm | str,
    fields: Iterable[str],
    conditions: Mapping[str, Condition] | None,
    activities: Iterable[str | tuple[str, str | None]],
    exclude: Iterable[str],
    where: Condition | None,
    as_of: datetime.datetime | None,
    until: datetime.datetime | None,
    tiers: Iterable[ScoreTier] = (),
    **plain: Any,
) -> dict[str, Any]:
    named = mapping_of(conditions or {}, "conditions", "{name: condition}").items()
    allowed = plain.pop("allow_leaks", ())
    return {
        "name": name,
        "type": type,
        "outcome": _outcome(outcome),
        "algorithm": str(algorithm),
        "fields": names_of(fields, "fields"),
        "conditions": [{"name": one, "where": _condition(asked)} for one, asked in named],
        "activities": _activities(activities),
        "exclude": names_of(exclude, "exclude"),
        "allow_leaks": names_of(allowed, "allow_leaks"),
        "where": _condition(where),
        "as_of": encode(as_of, "as_of"),
        "until": encode(until, "until"),
        "tiers": _tiers(tiers),
        **plain,
    }
