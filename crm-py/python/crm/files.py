"""Stored bytes: each content once, read back in pieces."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm import wire
from crm._native import Engine
from crm.errors import InvalidArgumentError
from crm.values import FileRef

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PIECE = 1024 * 1024
"""How many bytes are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePiece:
    """A piece of stored bytes."""

    content: bytes
    """The bytes; empty at and after the end."""
    size: int
    """The number of all bytes."""


class Files:
    """Stored bytes: `Crm.files`.

    >>> import crm
    >>> with crm.open() as db:
    ...     note = db.files.add(b"hello", name="note.txt", media_type="text/plain")
    ...     with db.files.open(note) as stored:
    ...         stored.seek(1), stored.read(3)
    (1, b'ell')
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        content: ReadableBuffer,
        *,
        name: str,
        media_type: str = "application/octet-stream",
    ) -> FileRef:
        """Store bytes, at most 64 MiB, and return what an attribute of kind `file` takes.

        The same bytes are stored once, under whatever names.
        """
        request = {"name": name, "media_type": media_type, "content": _bytes_of(content)}
        return wire.read(FileRef, self._engine.call("files.add", request))

    def read(self, file: FileRef | str) -> bytes:
        """Return all bytes of a file, given by its reference or hash."""
        with self.open(file) as stored:
            return stored.read()

    def read_piece(self, file: FileRef | str, offset: int = 0, length: int = PIECE) -> FilePiece:
        """Return up to `length` bytes from `offset` on; at most 4 MiB."""
        hash = file.hash if isinstance(file, FileRef) else file
        request = {"hash": hash, "offset": offset, "length": length}
        piece = self._engine.call("files.read", request)
        return FilePiece(content=base64.b64decode(piece["content"]), size=piece["size"])

    def open(self, file: FileRef | str) -> io.BufferedReader:
        """Open a file to read, as `open(path, "rb")` does; memory stays at one piece."""
        return io.BufferedReader(_StoredFile(self, file), PIECE)


def _bytes_of(content: ReadableBuffer) -> bytes:
    try:
        return bytes(memoryview(content))
    except TypeError:
        hint = "hand in bytes; encode a text"
        raise InvalidArgumentError("not bytes", field="content", hint=hint) from None


class _StoredFile(io.RawIOBase):
    def __init__(self, files: Files, file: FileRef | str) -> None:
        super().__init__()
        self._files = files
        self._file = file
        self._size = files.read_piece(file, 0, 1).size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        start = starts.get(whence)
        if start is None or start + offset < 0:
            raise ValueError("not a position in the file")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if len(view) == 0:
            return 0
        length = min(len(view), PIECE)
        content = self._files.read_piece(self._file, self._position, length).content
        view[: len(content)] = content
        self._position += len(content)
        return len(content)
