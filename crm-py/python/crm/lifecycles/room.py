"""The lifecycles of a file: defining them, moving records, and asking where they stand."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from crm import conditions, wire
from crm._native import Engine
from crm.conditions import Condition
from crm.given import RecordId, id_of, items_of, mapping_of, names_of, plain_of, span_of
from crm.lifecycles.definition import (
    DefinedLifecycle,
    DrawingFormat,
    Lifecycle,
    LifecyclePreset,
    RelatedStage,
    Stage,
    StageLack,
    StageRemap,
    StageTrigger,
    read_lifecycle,
    write_stage,
    write_trigger,
)
from crm.lifecycles.figures import Acceptance, Flywheel, Funnel, StageTimes, StuckPage
from crm.lifecycles.standing import LifecycleHistory, MovedStage, StageExplanation
from crm.named import Named
from crm.values import encode


class Lifecycles(Named[Lifecycle]):
    """Stages, and where records stand: `Crm.lifecycles`.

    Records stay where they stand in an archived lifecycle, and are no longer moved; what happened
    meanwhile is not made up for when it is restored.

    >>> import crm
    >>> with crm.open() as db:
    ...     way = db.lifecycles.define_preset("deal")
    ...     deal = db.deals.create(name="Ten chairs")
    ...     moved = db.lifecycles.move("deal", deal.id, "proposal")
    ...     [visit.stage for visit in db.lifecycles.history("deal", deal.id).visits]
    ['prospecting', 'qualification', 'proposal']
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "lifecycles", "lifecycle", read_lifecycle)

    def define(
        self,
        name: str,
        type: str,
        stages: Iterable[Stage | str],
        *,
        label: str = "",
        description: str = "",
        initial: str | None = None,
        triggers: Iterable[StageTrigger] = (),
        map: Mapping[str, str] = {},
        dry_run: bool = False,
    ) -> DefinedLifecycle:
        """Define a lifecycle of an entity type, or change one: what is stated is all of it.

        Stages may be given as plain names. `map` says for stages that are gone, and on which records
        stand or stood, which stage takes their place; `dry_run` only says what it would do.
        """
        renamed = mapping_of(map, "map", "{old stage: new stage}")
        listed = items_of(stages, "stages", "hand in a list of names, or of crm.Stage(…)")
        moving = items_of(triggers, "triggers", "hand in a list of crm.StageTrigger(…)")
        request = {
            "name": name,
            "type": type,
            "label": label,
            "description": description,
            "stages": [write_stage(stage, nth) for nth, stage in enumerate(listed)],
            "initial": initial,
            "triggers": [write_trigger(trigger, nth) for nth, trigger in enumerate(moving)],
            "map": [{"stage": stage, "becomes": becomes} for stage, becomes in renamed.items()],
            "dry_run": dry_run,
        }
        plain = self._engine.call("lifecycles.define", request)
        return DefinedLifecycle(
            lifecycle=read_lifecycle(plain["lifecycle"]),
            is_saved=plain["is_saved"],
            remapped=tuple(wire.read(StageRemap, one) for one in plain["remapped"]),
            lacking=tuple(wire.read(StageLack, one) for one in plain["lacking"]),
        )

    def get(self, name: str, *, version: int | None = None) -> Lifecycle:
        """Return the definition of this name, or an older version; an error says if there is none."""
        request = {"lifecycle": name, "version": version}
        return read_lifecycle(self._engine.call("lifecycles.get", request))

    def define_preset(self, preset: LifecyclePreset | str) -> Lifecycle:
        """Define one of the ready-made lifecycles."""
        return self._change("define_preset", {"preset": str(preset)})

    def move(
        self,
        lifecycle: str,
        id: RecordId,
        to: str,
        *,
        reason: str | None = None,
        at: datetime.datetime | None = None,
        activity_id: UUID | str | None = None,
    ) -> MovedStage:
        """Move a record to a later stage, or to one that is lost or beside the way.

        `RefusedError` if the stage lies before the present one, or its guard is not met. A stage that
        is lost takes a reason. `at` is when it happened, now by default.
        """
        request = {
            "lifecycle": lifecycle,
            "id": id_of(id),
            "to": to,
            "reason": reason,
            "at": encode(at, "at"),
            "activity_id": activity_id if activity_id is None else str(activity_id),
        }
        return wire.read(MovedStage, self._engine.call("lifecycles.move", request))

    def reset(
        self,
        lifecycle: str,
        id: RecordId,
        to: str,
        reason: str,
        *,
        at: datetime.datetime | None = None,
    ) -> MovedStage:
        """Put a record back to an earlier stage of the same cycle, for a reason."""
        request = {"lifecycle": lifecycle, "id": id_of(id), "to": to, "reason": reason, "at": encode(at, "at")}
        return wire.read(MovedStage, self._engine.call("lifecycles.reset", request))

    def history(
        self, lifecycle: str, id: RecordId, *, after: int = 0, limit: int = 100
    ) -> LifecycleHistory:
        """Return where a record stands, how it came there, and which automatic moves were not made."""
        request = {"lifecycle": lifecycle, "id": id_of(id), "after": after, "limit": limit}
        return wire.read(LifecycleHistory, self._engine.call("lifecycles.history", request))

    def times(
        self, lifecycle: str, id: RecordId, *, at: datetime.datetime | None = None
    ) -> StageTimes:
        """Return how long a record stood on each stage up to a moment: now, last, and altogether."""
        request = {"lifecycle": lifecycle, "id": id_of(id), "at": encode(at, "at")}
        return wire.read(StageTimes, self._engine.call("lifecycles.times", request))

    def funnel(
        self,
        lifecycle: str,
        *,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        where: Condition | None = None,
        quantiles: Iterable[float] = (),
    ) -> Funnel:
        """Count how many of those who began in a time reached each stage, and how long they took.

        With `where` only records count for which the condition is true now.
        """
        request = {
            "lifecycle": lifecycle,
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "where": where if where is None else conditions.write(where, "where"),
            "quantiles": items_of(quantiles, "quantiles", "hand in a list of numbers from 0 to 1"),
        }
        return wire.read(Funnel, self._engine.call("lifecycles.funnel", request))

    def flywheel(
        self,
        lifecycle: str,
        *,
        stage: str | None = None,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        referral: Iterable[RelatedStage] = (),
        repeat: Iterable[RelatedStage] = (),
    ) -> Flywheel:
        """Tell what part of the new customers came by existing ones, and where the way rubs.

        `stage` makes a customer, the first that is won by default. `referral` are ways to whoever brought a
        record, `repeat` to whoever bought; they count if these had come to their stage before.
        """
        request = {
            "lifecycle": lifecycle,
            "stage": stage,
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "referral": _ways(referral, "referral"),
            "repeat": _ways(repeat, "repeat"),
        }
        return wire.read(Flywheel, self._engine.call("lifecycles.flywheel", request))

    def stuck(
        self,
        lifecycle: str,
        longer_than: str | datetime.timedelta,
        *,
        stages: Iterable[str] = (),
        at: datetime.datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> StuckPage:
        """Return records that stand on a stage for longer than a span, longest first.

        The span is a `timedelta` of whole seconds, or a text such as `14d`. All open stages count
        unless `stages` says which. Hand in the page's `next` as `after` for the next page, with the
        same `at`.
        """
        request = {
            "lifecycle": lifecycle,
            "stages": names_of(stages, "stages"),
            "longer_than": span_of(longer_than, "longer_than"),
            "at": encode(at, "at"),
            "after": after,
            "limit": limit,
        }
        return wire.read(StuckPage, self._engine.call("lifecycles.stuck", request))

    def acceptance(
        self,
        lifecycle: str,
        stage: str,
        within: str | datetime.timedelta,
        *,
        to: str | None = None,
        from_: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        at: datetime.datetime | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Acceptance:
        """Tell whether those who came to a stage left it within a span, and who did not.

        The span is a `timedelta` of whole seconds, or a text such as `1h`.
        With `to`, only who came to that stage, or to one after it, was taken on.
        """
        request = {
            "lifecycle": lifecycle,
            "stage": stage,
            "within": span_of(within, "within"),
            "to": to,
            "from": encode(from_, "from"),
            "until": encode(until, "until"),
            "at": encode(at, "at"),
            "after": after,
            "limit": limit,
        }
        return wire.read(Acceptance, self._engine.call("lifecycles.acceptance", request))

    def explain(self, lifecycle: str, id: RecordId) -> StageExplanation:
        """Say why a record stands where it does, and what would move it."""
        request = {"lifecycle": lifecycle, "id": id_of(id)}
        return wire.read(StageExplanation, self._engine.call("lifecycles.explain", request))

    def draw(
        self, lifecycle: str, format: DrawingFormat | str = DrawingFormat.MERMAID
    ) -> str:
        """Return a drawing of a lifecycle as text, for Mermaid or Graphviz."""
        request = {"lifecycle": lifecycle, "format": str(format)}
        text: str = self._engine.call("lifecycles.draw", request)["text"]
        return text


def _ways(ways: Iterable[RelatedStage], field: str) -> list[dict[str, Any]]:
    given = items_of(ways, field, "hand in a list of crm.RelatedStage(…)")
    return [plain_of(way, RelatedStage, f"{field}[{place}]") for place, way in enumerate(given)]
