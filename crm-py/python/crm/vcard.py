"""Address cards in and out: vCard 2.1, 3.0 and 4.0.

What a card says goes to attributes; all else is kept in one attribute of kind `long_text`, so that
an export puts the card together again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm import wire
from crm._native import Engine
from crm.archived import Archived
from crm.exchange import ExportReport, ImportMode, ImportReport, StartStage, write_stages
from crm.given import items_of, path_of, plain_of, source_of
from crm.progress import Report, adapt
from crm.values import Value, encode_values


class CardVersion(StrEnum):
    """A version of vCard."""

    V2 = "2.1"
    V3 = "3.0"
    V4 = "4.0"


@dataclass(frozen=True, slots=True)
class CardMapping:
    """Which attribute a property of cards goes to."""

    property: str
    """The property, such as `email` or `x-department`; or a part of one: `n.family`, `n.given`,
    `n.additional`, `n.prefix`, `n.suffix`, `org.name`, `org.unit`."""
    attribute: str
    """The attribute."""
    label: str | None = None
    """Only a property of this type, such as `work` or `cell`."""


class Vcard:
    """Address cards in and out: `Crm.vcard`.

    >>> import crm
    >>> with crm.open() as db:
    ...     _ = db.types.define_attribute("contact", crm.Attribute("vcard", crm.Kind.LONG_TEXT))
    ...     report = db.vcard.import_(
    ...         "contact",
    ...         text="BEGIN:VCARD\\nVERSION:3.0\\nN:Byron;Ada\\nEMAIL:ada@example.org\\n"
    ...         "X-SHOE-SIZE:38\\nEND:VCARD\\n",
    ...     )
    ...     ada = db.contacts.get_by(email="ada@example.org")
    ...     report.created, ada["family_name"], ada["vcard"]
    (1, 'Byron', 'X-SHOE-SIZE:38')
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def import_(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        text: str | None = None,
        mapping: Mapping[str, str] | Iterable[CardMapping] = (),
        remainder: str | None = None,
        encoding: str | None = None,
        create_missing: bool = False,
        mode: ImportMode | str = ImportMode.CREATE,
        key: str | None = None,
        stages: Mapping[str, str] | Iterable[StartStage] = (),
        all_or_nothing: bool = False,
        progress: Report | None = None,
    ) -> ImportReport:
        """Read cards, of the file at `path` or the given `text`, into records.

        `mapping` says which property goes to which attribute; without one they go to the attributes
        of the presets `contact` and `company`, as far as the type has them. What has no place is kept
        in the attribute `remainder`, by default `vcard` where the type has it, and is reported
        otherwise. `encoding` is for text that is not UTF-8 and does not say its charset.
        `create_missing` creates the record that a reference names, such as a contact's company.
        `stages` says on which stages of their lifecycles new records begin. In the report a row is a card, and a column a property. `progress` counts bytes.
        """
        request = {
            "type": entity_type,
            **source_of(path, text),
            "mapping": _mapping(mapping),
            "remainder": remainder,
            "encoding": encoding,
            "create_missing": create_missing,
            "mode": str(mode),
            "key": key,
            "stages": write_stages(stages),
            "all_or_nothing": all_or_nothing,
        }
        answer = self._engine.call("vcard.import", request, adapt(progress))
        return wire.read(ImportReport, answer)

    def export(
        self,
        entity_type: str,
        path: str | os.PathLike[str] | None = None,
        *,
        version: CardVersion | str = CardVersion.V3,
        mapping: Mapping[str, str] | Iterable[CardMapping] = (),
        remainder: str | None = None,
        filter: Mapping[str, Value] = {},
        archived: Archived | str = Archived.EXCLUDE,
        progress: Report | None = None,
    ) -> ExportReport:
        """Write records as cards to a new file at `path`, or without one return them as text.

        What an import has kept of a card is written again. `progress` counts records.
        """
        request = {
            "type": entity_type,
            "path": None if path is None else path_of(path),
            "version": str(version),
            "mapping": _mapping(mapping),
            "remainder": remainder,
            "filter": encode_values(filter, {}, "filter"),
            "archived": str(archived),
        }
        answer = self._engine.call("vcard.export", request, adapt(progress))
        return wire.read(ExportReport, answer)


def _mapping(mapping: Mapping[str, str] | Iterable[CardMapping]) -> list[object]:
    if isinstance(mapping, Mapping):
        mapping = [CardMapping(name, attribute) for name, attribute in mapping.items()]
    given = items_of(mapping, "mapping", "{property: name}")
    return [plain_of(one, CardMapping, f"mapping[{place}]") for place, one in enumerate(given)]
