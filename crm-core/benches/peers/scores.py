"""Scores by twenty rules beside what a data scientist would take instead: polars, duckdb and numpy.

Run it with ``requirements.txt`` installed::

    python crm-core/benches/peers/scores.py [ROWS]

The columns are those of ``crm-core/benches/engine/scores.rs``, made by the same formula and in memory
before the clock starts; "score by 20 rules, in memory" there is our figure. Times are the best of
five, in millions of rows a second.
"""

import datetime
import sys
import time
from collections.abc import Callable

import duckdb
import numpy
import polars

EPOCH = datetime.date(1970, 1, 1)
# The column, the least value that counts, and the points in thousandths.
RULES = [
    ("employees", nth * 100, 1000 * (1 + nth))
    if nth % 2 == 0
    else ("birthday", (datetime.date(1950 + nth * 2, 1, 1) - EPOCH).days, 1000 * (1 + nth))
    for nth in range(20)
]


def scatter(count: int) -> numpy.ndarray:
    hashes = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(0x9E3779B97F4A7C15)
    hashes = (hashes ^ (hashes >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> numpy.uint64(31))


def best(work: Callable[[], numpy.ndarray], expected: int) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        scores = work()
        times.append(time.perf_counter() - start)
        assert int(scores.sum()) == expected
    return len(scores) / min(times) / 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    hashes = scatter(count)
    columns = {
        "employees": (hashes % numpy.uint64(10_000)).astype(numpy.int64),
        "birthday": (hashes % numpy.uint64(20_000)).astype(numpy.int64),
    }

    def by_numpy() -> numpy.ndarray:
        scores = numpy.zeros(count, dtype=numpy.int64)
        for name, least, points in RULES:
            scores += (columns[name] >= least) * points
        return scores

    expected = int(by_numpy().sum())
    frame = polars.DataFrame(columns)
    rules = [(polars.col(name) >= least).cast(polars.Int64) * points for name, least, points in RULES]
    score = polars.sum_horizontal(rules).alias("score")

    def by_polars() -> numpy.ndarray:
        return frame.select(score)["score"].to_numpy()

    connection = duckdb.connect()
    connection.register("frame", frame.to_arrow())
    connection.execute("CREATE TABLE customer AS SELECT * FROM frame")
    cases = (f"CASE WHEN {name} >= {least} THEN {points} ELSE 0 END" for name, least, points in RULES)
    question = f"SELECT CAST({' + '.join(cases)} AS BIGINT) AS score FROM customer"

    def by_duckdb() -> numpy.ndarray:
        return connection.execute(question).fetchnumpy()["score"]

    print(f"scores by 20 rules of {count} rows in memory, millions of rows a second")
    for side, work in [("numpy", by_numpy), ("polars", by_polars), ("duckdb", by_duckdb)]:
        print(f"{side:<24}{best(work, expected):>10.1f}")


if __name__ == "__main__":
    main()
