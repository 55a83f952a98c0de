"""A two-way table beside what a data scientist would take instead: duckdb, polars and pandas.

Run it with the package ``crm`` and ``requirements.txt`` installed::

    python crm-core/benches/peers/pivot.py [ROWS]

Ours asks the file, where the records lie as rows. The peers get the export of that file: once they
read it with the question, and once they have it in memory, as columns, before the clock starts.
Times are the best of five, in milliseconds.
"""

import csv
import datetime
import random
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import crm

COUNTRIES = ["DE", "FR", "US", "AT", "CH"]
SOURCES = ["web", "fair", "referral", "partner"]
SCHEMA = [
    crm.Attribute(name="email", kind=crm.Kind.EMAIL, unique=True),
    crm.Attribute(name="family_name", kind=crm.Kind.TEXT),
    crm.Attribute(name="birthday", kind=crm.Kind.DATE),
    crm.Attribute(name="country", kind=crm.Kind.TEXT),
    crm.Attribute(name="source", kind=crm.Kind.TEXT),
    crm.Attribute(name="revenue", kind=crm.Kind.DECIMAL),
]

Sums = dict[tuple[str, str], Decimal]


def write_table(path: Path, count: int) -> None:
    chance = random.Random(1)
    first = datetime.date(1970, 1, 1)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([attribute.name for attribute in SCHEMA])
        for number in range(count):
            table.writerow(
                [
                    f"a{number}@example.org",
                    f"Family{chance.randrange(20000):05}",
                    first + datetime.timedelta(days=chance.randrange(20000)),
                    chance.choice(COUNTRIES),
                    chance.choice(SOURCES),
                    f"{chance.randrange(10**8) / 100:.2f}",
                ]
            )


def best(work: Callable[[], Sums], expected: Sums) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - start)
        assert found == expected
    return min(times) * 1e3


def main() -> None:
    import duckdb
    import pandas
    import polars

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        table, export = Path(name) / "table.csv", Path(name) / "export.csv"
        write_table(table, count)
        with crm.open(Path(name) / "pivot.crm", durability="relaxed") as db:
            db.types.define("customer", attributes=SCHEMA)
            columns = {attribute.name: attribute.name for attribute in SCHEMA}
            report = db.csv.import_("customer", table, columns=columns)
            assert report.created == count
            db.csv.export("customer", export)

            def ours() -> Sums:
                pivot = db.query.pivot(
                    "customer",
                    [crm.GroupKey("country")],
                    [crm.GroupKey("source")],
                    crm.GroupMeasure(sum="revenue", name="total"),
                )
                return {(c["country"], c["source"]): c["total"] for c in pivot.to_dicts()}

            expected = ours()
            figures["crm, its file"] = best(ours, expected)

        question = "SELECT country, source, sum(revenue) FROM {} GROUP BY ALL"
        read = f"read_csv('{export}', types = {{'revenue': 'DECIMAL(18, 2)'}})"
        connection = duckdb.connect()

        def by_duckdb(place: str) -> Sums:
            rows = connection.execute(question.format(place)).fetchall()
            return {(country, source): total for country, source, total in rows}

        figures["duckdb, the export"] = best(lambda: by_duckdb(read), expected)
        connection.execute(f"CREATE TABLE customer AS SELECT * FROM {read}")
        figures["duckdb, in memory"] = best(lambda: by_duckdb("customer"), expected)

        def by_polars(frame: "polars.LazyFrame") -> Sums:
            by = ["country", "source"]
            rows = frame.group_by(by).agg(polars.col("revenue").sum()).collect().rows()
            return {(country, source): total for country, source, total in rows}

        lazy = polars.scan_csv(export, schema_overrides={"revenue": polars.Decimal(18, 2)})
        figures["polars, the export"] = best(lambda: by_polars(lazy), expected)
        eager = lazy.collect().lazy()
        figures["polars, in memory"] = best(lambda: by_polars(eager), expected)

        # pandas has no decimals: cents as whole numbers are the fairest that it can do.
        frame = pandas.read_csv(export)
        frame["revenue"] = (frame["revenue"] * 100).round().astype("int64")

        def by_pandas() -> Sums:
            sums = frame.groupby(["country", "source"])["revenue"].sum()
            return {key: Decimal(cents) / 100 for key, cents in sums.to_dict().items()}

        figures["pandas, in memory"] = best(by_pandas, expected)
    print(f"sum of a decimal by two texts over {count} records, milliseconds")
    for side, milliseconds in figures.items():
        print(f"{side:<24}{milliseconds:>10.1f}")


if __name__ == "__main__":
    main()
