"""The cases that every language runs, through the typed package."""

from __future__ import annotations

from pathlib import Path

import conformance
import pytest
from calls import CALLS, Json
from conformance import Mismatch, Run, compare

CASES = conformance.cases()
_run: list[str] = []


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{file}: {case['name']}") for file, case in CASES]
)
def test_case(case: Json, tmp_path: Path) -> None:
    _run.append(case["name"])
    run = Run(case, tmp_path)
    try:
        for place, step in enumerate(case["steps"], 1):
            try:
                run.step(step)
            except Exception as problem:
                problem.add_note(f"in step {place}")
                raise
    finally:
        run.close()


def test_every_case_was_run(request: pytest.FixtureRequest) -> None:
    chosen = [item for item in request.session.items if item.name.startswith("test_case[")]
    print(f"{len(_run)} conformance cases run, {len(CASES)} found")
    assert CASES
    assert len(_run) == len(chosen)
    if len(chosen) < len(CASES):
        pytest.skip("only some of the cases were asked for")
    assert sorted(_run) == sorted(case["name"] for _, case in CASES)


def test_every_operation_can_be_called() -> None:
    assert sorted(CALLS) == sorted(conformance.operations())


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}, True),
        ({"a": None}, {}, True),
        ({"a": "$any"}, {}, False),
        ({"a": [{}]}, {"a": [{}, {}]}, False),
        ({"values": {"a": 1}}, {"values": {"a": 1, "b": 2}}, False),
        ({"values": {"a": None}}, {"values": {}}, False),
        ({"a": 0.0}, {"a": -0.0}, False),
        ({"a": 2**63 - 1}, {"a": 2**63 - 2}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 0}, {"a": None}, False),
    ],
)
def test_matching(expected: Json, actual: Json, fits: bool) -> None:
    try:
        compare(expected, actual)
    except Mismatch:
        assert not fits
    else:
        assert fits
