"""Runs the cases of tests/conformance through the typed package.

The format is described in tests/conformance/README.md.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

import crm
from calls import CALLS, Json, Request, plain

DEFAULT_FOLDER = Path(__file__).parents[2] / "tests" / "conformance"
FOLDER = Path(os.environ.get("CRM_CONFORMANCE_DIR") or DEFAULT_FOLDER)
REPLAY = {"start": "2026-01-01T00:00:00Z", "step_micros": 1000}
STEPS = frozenset({"op", "acting_as", "write", "reopen", "open"})
NAME = re.compile(r"\$([a-z][a-z0-9_]*)")


class Mismatch(Exception):
    """Says where a case did not go as written."""


def load(path: Path) -> Json:
    """Return the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def cases() -> list[tuple[str, Json]]:
    """Return every case, with the file that it stands in."""
    files = sorted(FOLDER.glob("cases/*.json"))
    return [(file.stem, case) for file in files for case in load(file)]


def operations() -> list[str]:
    """Return the names of all operations."""
    return [row["name"] for row in load(FOLDER / "operations.json")]


class Run:
    """A case under way."""

    def __init__(self, case: Json, folder: Path) -> None:
        only(case, {"name", "why", "file", "steps"})
        self.folder = str(folder)
        self.path = str(folder / "case.crm") if case.get("file") else ":memory:"
        self.saved: dict[str, Json] = {}
        self.db: crm.Crm | None = open_file(self.path, {})

    def step(self, step: Json) -> None:
        """Do a step, and judge what came of it."""
        only(step, STEPS | {"in", "out", "error", "save"})
        (what,) = STEPS & step.keys()
        try:
            answer = getattr(self, f"_{what}")(self.expand(step[what]), step)
        except crm.CrmError as error:
            if "error" not in step:
                raise
            self._judge_error(self.expand(step["error"]), error)
            return
        if "error" in step:
            raise Mismatch(f"expected {step['error']['kind']}, but it succeeded")
        if "out" in step:
            compare(self.expand(step["out"]), answer)
        for name, pointer in step.get("save", {}).items():
            self.saved[name] = found_at(answer, pointer)

    def close(self) -> None:
        """End the case."""
        if self.db is not None:
            self.db.close()

    def expand(self, value: Json) -> Json:
        """Replace saved names, the folder and repetitions."""
        if isinstance(value, str):
            name = NAME.fullmatch(value)
            if name is None:
                return value.replace("$dir", self.folder)
            if name[1] in ("any", "dir"):
                return value.replace("$dir", self.folder)
            return self.saved[name[1]]
        if isinstance(value, list):
            return [self.expand(item) for item in value]
        if isinstance(value, dict):
            if "$repeat" in value:
                text, times = value["$repeat"]
                return text * times
            return {key: self.expand(item) for key, item in value.items()}
        return value

    def _op(self, name: str, step: Json) -> Json:
        assert self.db is not None, "there is no handle"
        request = Request(self.expand(step.get("in", {})))
        answer = plain(CALLS[name](self.db, request))
        # What answers nothing is a method without a result here, and an empty object there.
        answer = {} if answer is None else answer
        if request.left:
            raise Mismatch(f"the runner does not hand over {sorted(request.left)}")
        return answer

    def _acting_as(self, who: Json, _: Json) -> None:
        assert self.db is not None, "there is no handle"
        self.db = self.db.acting_as(**who)

    def _reopen(self, options: Json, _: Json) -> None:
        self.close()
        self.db = None
        self.db = open_file(self.path, options)

    def _open(self, what: Json, _: Json) -> None:
        open_file(what["path"], what.get("options", {})).close()

    def _write(self, file: Json, _: Json) -> None:
        Path(file["path"]).write_bytes(base64.b64decode(file["base64"]))

    def _judge_error(self, expected: Json, error: crm.CrmError) -> None:
        only(expected, {"kind", "field", "hint", "says"})
        actual = {"kind": error.kind, "field": error.field, "hint": error.hint}
        says = expected.pop("says", [])
        as_expected = all(actual[part] == value for part, value in expected.items())
        if not as_expected or not all(words in error.message for words in says):
            raise Mismatch(f"expected {expected} {says}, failed with {actual}: {error}")


def only(thing: Mapping[str, Json], known: frozenset[str] | set[str]) -> None:
    """Refuse keys that the format does not have."""
    if not thing.keys() <= known:
        raise Mismatch(f"unknown keys: {sorted(thing.keys() - known)}")


def open_file(path: str, options: Json) -> crm.Crm:
    """Open a file, with a clock and ids that repeat unless the options say otherwise."""
    others = {**options}
    given = others.pop("replay", REPLAY)
    if given is None:
        return crm.open(path, **others)
    start = datetime.datetime.fromisoformat(given["start"])
    replay = crm.Replay(start=start, step_micros=given["step_micros"])
    return crm.open(path, replay=replay, **others)


def found_at(answer: Json, pointer: str) -> Json:
    """Return what a JSON pointer (RFC 6901) points to."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        answer = answer[int(key)] if isinstance(answer, list) else answer[key]
    return answer


def compare(expected: Json, actual: Json, *, exact: bool = False, at: str = "") -> None:
    """Raise `Mismatch` where an answer is not as expected."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        if exact and expected.keys() != actual.keys():
            raise Mismatch(f"{at}: expected {sorted(expected)}, got {sorted(actual)}")
        for key, value in expected.items():
            strict = exact or key in ("values", "typed")
            compare(value, actual.get(key), exact=strict, at=f"{at}/{key}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for place, (one, other) in enumerate(zip(expected, actual, strict=True)):
            compare(one, other, exact=exact, at=f"{at}/{place}")
    elif not (actual is not None if expected == "$any" else is_same(expected, actual)):
        raise Mismatch(f"{at}: expected {expected!r:.200}, got {actual!r:.200}")


def is_same(one: object, other: object) -> bool:
    """Tell whether two scalars are the same; 1 and 1.0 are, 0.0 and -0.0 or True and 1 are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) or isinstance(other, float):
        if not isinstance(one, int | float) or not isinstance(other, int | float):
            return False
        return float(one) == float(other) and math.copysign(1, one) == math.copysign(1, other)
    return one == other
