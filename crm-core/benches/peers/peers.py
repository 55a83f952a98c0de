"""What a Python user would take instead: the same creates, gets and updates in SQLAlchemy and Django.

Run it with the package ``crm`` and ``requirements.txt`` installed::

    python crm-core/benches/peers/peers.py [ROWS]

Each side keeps the same twelve columns and two indexes in an SQLite file with a write-ahead log and
full durability. The peers keep no history: ours writes a row of the journal with every change.
Times are per row or call, in microseconds.
"""

import datetime
import random
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import crm

COLUMNS = [
    "given_name",
    "family_name",
    "email",
    "phone",
    "job_title",
    "birthday",
    "country",
    "locale",
    "employees",
    "revenue",
    "source",
    "newsletter",
]
SINGLE = 200
PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")


def row(number: int) -> dict[str, Any]:
    chance = random.Random(number)
    return {
        "given_name": f"Given{chance.randrange(5000)}",
        "family_name": f"Family{chance.randrange(20000):05}",
        "email": f"{chance.randrange(2**32):x}.{number}@example.org",
        "phone": f"+49301{number:07}",
        "job_title": f"Title {chance.randrange(300)}",
        "birthday": datetime.date(1970, 1, 1) + datetime.timedelta(days=chance.randrange(20000)),
        "country": ["DE", "FR", "US", "AT", "CH"][number % 5],
        "locale": ["de-DE", "fr-FR", "en-US", "de-AT", "de-CH"][number % 5],
        "employees": chance.randrange(10000),
        "revenue": Decimal(chance.randrange(10**8)) / 100,
        "source": ["web", "fair", "referral", "partner"][number % 4],
        "newsletter": number % 3 == 0,
    }


def timed(work: Callable[[], object], units: int) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / units * 1e6


Figures = dict[str, float]


def ours(folder: Path, rows: list[dict[str, Any]]) -> Figures:
    with crm.open(folder / "ours.crm") as db:
        kinds = {
            "email": crm.Attribute(name="email", kind=crm.Kind.EMAIL, unique=True),
            "family_name": crm.Attribute(name="family_name", kind=crm.Kind.TEXT, index=True),
            "phone": crm.Attribute(name="phone", kind=crm.Kind.PHONE),
            "birthday": crm.Attribute(name="birthday", kind=crm.Kind.DATE),
            "country": crm.Attribute(name="country", kind=crm.Kind.COUNTRY),
            "locale": crm.Attribute(name="locale", kind=crm.Kind.LOCALE),
            "employees": crm.Attribute(name="employees", kind=crm.Kind.INTEGER),
            "revenue": crm.Attribute(name="revenue", kind=crm.Kind.DECIMAL),
            "newsletter": crm.Attribute(name="newsletter", kind=crm.Kind.CHECKBOX),
        }
        plain = {name: crm.Attribute(name=name, kind=crm.Kind.TEXT) for name in COLUMNS}
        db.types.define("customer", attributes=list((plain | kinds).values()))
        customers = db.records("customer")
        figures: Figures = {}
        figures["create in one transaction"] = timed(
            lambda: customers.create_many(rows), len(rows)
        )
        emails = [rows[number * 37 % len(rows)]["email"] for number in range(SINGLE)]
        ids = [customers.get_by(email=email).id for email in emails]
        figures["get by key"] = timed(lambda: [customers.get(id) for id in ids], SINGLE)
        figures["get by e-mail"] = timed(
            lambda: [customers.get_by(email=email) for email in emails], SINGLE
        )
        figures["update with commit"] = timed(
            lambda: [customers.patch(id, job_title="new") for id in ids], SINGLE
        )
        return figures


def sqlalchemy(folder: Path, rows: list[dict[str, Any]]) -> Figures:
    from sqlalchemy import Date, Integer, Numeric, create_engine, event, select
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Customer(Base):
        __tablename__ = "customer"
        id: Mapped[int] = mapped_column(primary_key=True)
        given_name: Mapped[str]
        family_name: Mapped[str] = mapped_column(index=True)
        email: Mapped[str] = mapped_column(unique=True)
        phone: Mapped[str]
        job_title: Mapped[str]
        birthday: Mapped[datetime.date] = mapped_column(Date)
        country: Mapped[str]
        locale: Mapped[str]
        employees: Mapped[int] = mapped_column(Integer)
        revenue: Mapped[Decimal] = mapped_column(Numeric(14, 2, asdecimal=True))
        source: Mapped[str]
        newsletter: Mapped[bool]

    engine = create_engine(f"sqlite:///{folder / 'sqlalchemy.db'}")

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        for pragma in PRAGMAS:
            connection.execute(pragma)

    Base.metadata.create_all(engine)
    figures: Figures = {}

    def create() -> None:
        with Session(engine) as session:
            session.add_all(Customer(**values) for values in rows)
            session.commit()

    figures["create in one transaction"] = timed(create, len(rows))
    emails = [rows[number * 37 % len(rows)]["email"] for number in range(SINGLE)]
    with Session(engine) as session:
        find = select(Customer.id).where
        ids = [session.execute(find(Customer.email == email)).scalar_one() for email in emails]

    def fresh(work: Callable[[Session], object]) -> None:
        with Session(engine) as session:
            work(session)

    figures["get by key"] = timed(
        lambda: fresh(lambda session: [session.get(Customer, id) for id in ids]), SINGLE
    )
    figures["get by e-mail"] = timed(
        lambda: fresh(
            lambda session: [
                session.execute(select(Customer).where(Customer.email == email)).scalar_one()
                for email in emails
            ]
        ),
        SINGLE,
    )

    def update() -> None:
        with Session(engine) as session:
            for id in ids:
                customer = session.get(Customer, id)
                assert customer is not None
                customer.job_title = "new"
                session.commit()

    figures["update with commit"] = timed(update, SINGLE)
    return figures


def django(folder: Path, rows: list[dict[str, Any]]) -> Figures:
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=[],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "django.db",
                "OPTIONS": {"init_command": "; ".join(PRAGMAS)},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.db import connection, models

    class Customer(models.Model):
        given_name = models.TextField()
        family_name = models.TextField(db_index=True)
        email = models.TextField(unique=True)
        phone = models.TextField()
        job_title = models.TextField()
        birthday = models.DateField()
        country = models.TextField()
        locale = models.TextField()
        employees = models.IntegerField()
        revenue = models.DecimalField(max_digits=14, decimal_places=2)
        source = models.TextField()
        newsletter = models.BooleanField()

        class Meta:
            app_label = "bench"

    with connection.schema_editor() as editor:
        editor.create_model(Customer)
    figures: Figures = {}
    figures["create in one transaction"] = timed(
        lambda: Customer.objects.bulk_create([Customer(**values) for values in rows]), len(rows)
    )
    emails = [rows[number * 37 % len(rows)]["email"] for number in range(SINGLE)]
    ids = [Customer.objects.get(email=email).pk for email in emails]
    figures["get by key"] = timed(lambda: [Customer.objects.get(pk=id) for id in ids], SINGLE)
    figures["get by e-mail"] = timed(
        lambda: [Customer.objects.get(email=email) for email in emails], SINGLE
    )

    def update() -> None:
        for id in ids:
            customer = Customer.objects.get(pk=id)
            customer.job_title = "new"
            customer.save()

    figures["update with commit"] = timed(update, SINGLE)
    return figures


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rows = [row(number) for number in range(count)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = {
            "crm": ours(folder, rows),
            "SQLAlchemy": sqlalchemy(folder, rows),
            "Django": django(folder, rows),
        }
    print(f"{count} rows; microseconds per row or call")
    print(f"{'work':<28}" + "".join(f"{side:>12}" for side in sides))
    for work in sides["crm"]:
        print(f"{work:<28}" + "".join(f"{figures[work]:>12.1f}" for figures in sides.values()))


if __name__ == "__main__":
    main()
