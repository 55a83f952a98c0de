"""What can go wrong: one exception for each kind of error of the engine.

Every exception is a `CrmError`, and where Python has a natural class for it also one of those:
`NotFoundError` is a `LookupError`, `OutOfRangeError` a `ValueError`. No message holds personal data.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, final


class ErrorKind(StrEnum):
    """The frozen names of the kinds. A newer engine may know more; those stay plain text."""

    INVALID_ARGUMENT = "invalid_argument"
    UNKNOWN_OPERATION = "unknown_operation"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    UNKNOWN_OPTION = "unknown_option"
    WRONG_KIND = "wrong_kind"
    INVALID_VALUE = "invalid_value"
    OUT_OF_RANGE = "out_of_range"
    REQUIRED = "required"
    DUPLICATE = "duplicate"
    NOT_FOUND = "not_found"
    STALE_VERSION = "stale_version"
    ARCHIVED = "archived"
    DEFINITION_CONFLICT = "definition_conflict"
    LIMIT_EXCEEDED = "limit_exceeded"
    INVALID_SQL = "invalid_sql"
    NOT_AUTHORIZED = "not_authorized"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"
    CLOSED = "closed"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed_out"
    REENTRANT = "reentrant"
    INVALID_HANDLE = "invalid_handle"
    FORKED = "forked"
    BUSY = "busy"
    IN_USE = "in_use"
    FULL = "full"
    IO = "io"
    CORRUPT = "corrupt"
    NOT_OUR_FILE = "not_our_file"
    TOO_NEW = "too_new"
    READ_ONLY = "read_only"
    FENCED = "fenced"
    WRONG_KEY = "wrong_key"
    INTERNAL = "internal"


class CrmError(Exception):
    """Any error of the engine. Catch a subclass to react to one kind of it.

    >>> import crm
    >>> with crm.open() as db:
    ...     try:
    ...         db.contacts.create(emial="ann@example.org")
    ...     except crm.CrmError as error:
    ...         print(error.kind, error.field, error.hint, sep=" | ")
    unknown_attribute | emial | did you mean "email"?
    """

    kind: str = ""
    """The name of the kind, such as `not_found`; one of `ErrorKind` unless the engine is newer."""
    code: int = 0
    """The number of the kind, the same in every language."""
    message: str
    """One line of text, without field and hint."""
    field: str | None
    """The attribute, column or field of the request that the error is about."""
    hint: str | None
    """What to do about it."""

    def __init__(
        self, message: str = "", *, field: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        text = self.message if self.field is None else f"{self.field}: {self.message}"
        return text if self.hint is None else f"{text} ({self.hint})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.kind, self.code, self.message, self.field, self.hint)

    _by_kind: ClassVar[dict[str, type[CrmError]]] = {}

    def __init_subclass__(cls, *, kind: ErrorKind | None = None, code: int = 0) -> None:
        super().__init_subclass__()
        # A subclass of the host's own stands for the kind that it inherits.
        if kind is not None:
            cls.kind = kind
            cls.code = code
            CrmError._by_kind[kind] = cls


class InvalidArgumentError(CrmError, ValueError, kind=ErrorKind.INVALID_ARGUMENT, code=1):
    """The request is malformed: a missing or unknown field, a wrong shape, a bad cursor."""


class UnknownOperationError(CrmError, LookupError, kind=ErrorKind.UNKNOWN_OPERATION, code=2):
    """There is no operation of that name: the package and the engine differ in version."""


class UnknownTypeError(CrmError, LookupError, kind=ErrorKind.UNKNOWN_TYPE, code=3):
    """There is no entity type of that name."""


class UnknownAttributeError(CrmError, LookupError, kind=ErrorKind.UNKNOWN_ATTRIBUTE, code=4):
    """The entity type has no attribute of that name."""


class UnknownOptionError(CrmError, ValueError, kind=ErrorKind.UNKNOWN_OPTION, code=5):
    """The choice has no option of that value."""


class WrongKindError(CrmError, TypeError, kind=ErrorKind.WRONG_KIND, code=6):
    """The value is of another kind than the attribute: text for a number, say."""


class InvalidValueError(CrmError, ValueError, kind=ErrorKind.INVALID_VALUE, code=7):
    """The value is malformed for its kind: not an e-mail, not a date, not matching the pattern."""


class OutOfRangeError(CrmError, ValueError, kind=ErrorKind.OUT_OF_RANGE, code=8):
    """The value is well-formed but outside the attribute's minimum, maximum or length."""


class RequiredError(CrmError, ValueError, kind=ErrorKind.REQUIRED, code=9):
    """A required attribute has no value."""


class DuplicateError(CrmError, ValueError, kind=ErrorKind.DUPLICATE, code=10):
    """Another record already holds this value of a unique attribute."""


class NotFoundError(CrmError, LookupError, kind=ErrorKind.NOT_FOUND, code=11):
    """There is no record or file of that id."""


class StaleVersionError(CrmError, kind=ErrorKind.STALE_VERSION, code=12):
    """The record was changed since it was read: read it again, then decide."""


class ArchivedError(CrmError, kind=ErrorKind.ARCHIVED, code=13):
    """The record, attribute or type is archived: restore it first."""


class DefinitionConflictError(CrmError, ValueError, kind=ErrorKind.DEFINITION_CONFLICT, code=14):
    """The stored data or an earlier definition do not allow this definition."""


class LimitExceededError(CrmError, ValueError, kind=ErrorKind.LIMIT_EXCEEDED, code=15):
    """A limit of the engine is exceeded; the message names it."""


class InvalidSqlError(CrmError, ValueError, kind=ErrorKind.INVALID_SQL, code=16):
    """The read-only SQL is malformed."""


class NotAuthorizedError(CrmError, PermissionError, kind=ErrorKind.NOT_AUTHORIZED, code=17):
    """The read-only SQL tried something that it may not do."""


class RefusedError(CrmError, ValueError, kind=ErrorKind.REFUSED, code=18):
    """A rule that the host defined refuses it: the guard of a stage, or a move that would go back."""


class SuppressedError(CrmError, ValueError, kind=ErrorKind.SUPPRESSED, code=19):
    """The person with this contact point was erased and must not come back by an import."""


class ClosedError(CrmError, ValueError, kind=ErrorKind.CLOSED, code=30):
    """The handle is closed."""


class InterruptError(CrmError, kind=ErrorKind.INTERRUPTED, code=31):
    """The work was cancelled by the caller; nothing of the cancelled step was kept."""


class TimedOutError(CrmError, TimeoutError, kind=ErrorKind.TIMED_OUT, code=32):
    """The work exceeded its time limit."""


class ReentrantError(CrmError, RuntimeError, kind=ErrorKind.REENTRANT, code=33):
    """A callback called back into a write."""


class InvalidHandleError(CrmError, RuntimeError, kind=ErrorKind.INVALID_HANDLE, code=34):
    """The handle was never given out, or was released."""


class ForkedError(CrmError, RuntimeError, kind=ErrorKind.FORKED, code=35):
    """The handle was inherited through a fork; open the file anew in the child."""


class BusyError(CrmError, OSError, kind=ErrorKind.BUSY, code=50):
    """Another connection holds the lock longer than the engine waits; try again."""


class InUseError(CrmError, OSError, kind=ErrorKind.IN_USE, code=51):
    """Another engine, here or in another process, has the file open."""


class FullError(CrmError, OSError, kind=ErrorKind.FULL, code=52):
    """The disk, or the file's own size limit, is full; reads go on."""


class IoError(CrmError, OSError, kind=ErrorKind.IO, code=53):
    """The operating system failed to read or write."""


class CorruptError(CrmError, OSError, kind=ErrorKind.CORRUPT, code=54):
    """The file is damaged. It is left as it is."""


class NotOurFileError(CrmError, ValueError, kind=ErrorKind.NOT_OUR_FILE, code=55):
    """The file is not a CRM file. It is left as it is."""


class TooNewError(CrmError, kind=ErrorKind.TOO_NEW, code=56):
    """The file was written by a newer version of the engine."""


class ReadOnlyError(CrmError, PermissionError, kind=ErrorKind.READ_ONLY, code=57):
    """The file or the handle allows reading only."""


class FencedError(CrmError, OSError, kind=ErrorKind.FENCED, code=58):
    """Somebody else replaced the file's log while it was open: the last write is not acknowledged."""


class WrongKeyError(CrmError, PermissionError, kind=ErrorKind.WRONG_KEY, code=59):
    """The key does not open the encrypted file. It is left as it is."""


class InternalError(CrmError, RuntimeError, kind=ErrorKind.INTERNAL, code=100):
    """A defect of the engine. Please report it."""


@final
class UnsafeSQLiteWarning(UserWarning):
    """The standard library's `sqlite3` opens a file that this process has open as a CRM file.

    Two copies of SQLite in one process take away each other's locks, which may damage a file. Use
    `Crm.sql` to read with SQL, or `Crm.backup` to make a copy that any tool may open.
    """


def from_engine(
    kind: str, code: int, message: str, field: str | None, hint: str | None
) -> CrmError:
    """Return the exception for an error of the engine, a `CrmError` itself if the kind is newer."""
    return _rebuild(CrmError._by_kind.get(kind, CrmError), kind, code, message, field, hint)


def _rebuild(
    cls: type[CrmError],
    kind: str,
    code: int,
    message: str,
    field: str | None,
    hint: str | None,
) -> CrmError:
    error = cls(message, field=field, hint=hint)
    if kind != cls.kind:
        error.kind = kind
        error.code = code
    return error
