"""A learned score beside scikit-learn's logistic regression of the same records and the same penalty.

Run it with the package ``crm`` and ``requirements.txt`` installed::

    python crm-core/benches/peers/learned.py [ROWS]

Every number that a record has is a column in standard deviations from its mean, for both sides; the
penalty is on the weights and not on the intercept. The script fails where a weight differs by more
than a hundred-thousandth. Ours reads the records of the file and looks for leaks before it fits;
scikit-learn gets its columns in memory before the clock starts. Times are in milliseconds.
"""

import json
import math
import random
import sys
import time

import crm
import numpy as np
from sklearn.linear_model import LogisticRegression

FEATURES = [f"x{number}" for number in range(20)]
PENALTY = 1.0
CLOSE = 1e-5


def rows(count: int) -> tuple[list[list[int]], list[bool]]:
    """Whole numbers, of which each second one tells something of the outcome."""
    chance = random.Random(1)
    numbers, outcomes = [], []
    for _ in range(count):
        row = [chance.randrange(1000) for _ in FEATURES]
        leaning = sum((value - 500) / 1000 for value in row[::2])
        numbers.append(row)
        outcomes.append(chance.random() < 1 / (1 + math.exp(0.5 - leaning)))
    return numbers, outcomes


def ours(numbers: list[list[int]], outcomes: list[bool]) -> tuple[list[float], float]:
    """Weights in the order of the features, the intercept last; and the time that it took."""
    with crm.open() as db:
        attributes = [crm.Attribute(name=name, kind=crm.Kind.INTEGER) for name in FEATURES]
        won = crm.Attribute(name="won", kind=crm.Kind.CHECKBOX)
        db.types.define("lead", [*attributes, won])
        changes = [
            crm.CreateRecord(
                type="lead", values={**dict(zip(FEATURES, row, strict=True)), "won": outcome}
            )
            for row, outcome in zip(numbers, outcomes, strict=True)
        ]
        for first in range(0, len(changes), 10_000):
            db.apply(changes[first : first + 10_000])
        start = time.perf_counter()
        score = db.learned_scores.train(
            "won", "lead", "won = true", fields=FEATURES, l2=PENALTY, calibrated=False, holdout_percent=0
        )
        took = time.perf_counter() - start
    model = json.loads(score.model)
    terms = {term["source"]["field"]: term["weights"]["number"] for term in model["terms"]}
    return [*(terms[name]["weight"] for name in FEATURES), model["intercept"]], took


def theirs(numbers: list[list[int]], outcomes: list[bool]) -> tuple[list[float], float]:
    columns, wanted = np.array(numbers, dtype=float), np.array(outcomes)
    start = time.perf_counter()
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    model = LogisticRegression(C=1 / PENALTY, tol=1e-10, max_iter=1000).fit(columns, wanted)
    took = time.perf_counter() - start
    return [*model.coef_[0], model.intercept_[0]], took


def main() -> None:
    numbers, outcomes = rows(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    (weights, took), (others, took_theirs) = ours(numbers, outcomes), theirs(numbers, outcomes)
    difference = max(abs(one - other) for one, other in zip(weights, others, strict=True))
    print(f"{len(numbers)} records, {len(FEATURES)} features, penalty {PENALTY}")
    print(f"largest difference of a weight: {difference:.1e}")
    print(f"crm, read and fitted: {took * 1000:.0f} ms; scikit-learn: {took_theirs * 1000:.0f} ms")
    if difference > CLOSE:
        sys.exit("the weights differ")


if __name__ == "__main__":
    main()
