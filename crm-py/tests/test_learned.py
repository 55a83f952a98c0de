"""Learned scores: what they learn is what others learn from the same numbers."""

from __future__ import annotations

import json

import crm
import pytest


def leads(db: crm.Crm) -> None:
    """Sixty leads of whole numbers that follow from their place, 26 of them won."""
    numbers = [crm.Attribute(name=name, kind=crm.Kind.INTEGER) for name in "abc"]
    db.types.define("lead", [*numbers, crm.Attribute(name="won", kind=crm.Kind.CHECKBOX)])
    for place in range(60):
        a, b, c = place * 7 % 23, place * 11 % 31, place * 5 % 17
        won = a * 3 - b * 2 + (place * 13 % 19) * 2 > 22
        db.records("lead").create(a=a, b=b, c=c, won=won)


@pytest.mark.parametrize(
    ("l2", "expected"),
    [
        # scikit-learn 1.9.1, LogisticRegression(C=1 / l2, tol=1e-12, max_iter=10000) on the same
        # columns in standard deviations from their mean: the three weights, then the intercept.
        (1.0, [1.9970712, -1.7064394, -0.1582531, -0.5381109]),
        (10.0, [0.7798165, -0.6336188, -0.0860304, -0.3241364]),
    ],
)
def test_the_weights_are_those_of_scikit_learn(l2: float, expected: list[float]) -> None:
    with crm.open() as db:
        leads(db)
        score = db.learned_scores.train(
            "won",
            "lead",
            "won = true",
            fields=["a", "b", "c"],
            l2=l2,
            calibrated=False,
            min_records=5,
            holdout_percent=0,
            leak_auc=1.0,
        )
    model = json.loads(score.model)
    weights = [term["weights"]["number"]["weight"] for term in model["terms"]]
    assert [*weights, model["intercept"]] == pytest.approx(expected, abs=2e-6)
