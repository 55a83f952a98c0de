"""Warns when the standard library's `sqlite3` opens a file that is open here.

Locks of a file belong to the process, and closing it anywhere in the process drops all of them. The
engine withstands that, but what the other SQLite writes is not in the journal and may be lost.
Python announces each `sqlite3.connect` before it opens anything, and that is heard here.
"""

from __future__ import annotations

import os
import sys
import urllib.parse
import warnings
from threading import Lock
from typing import Any
from weakref import WeakSet

from crm.errors import UnsafeSQLiteWarning

_lock = Lock()
_is_listening = False


class Watch:
    """Watches over an open file for as long as a handle keeps it."""

    def __init__(self, path: str) -> None:
        global _is_listening
        self.path = path
        self.identity = _identity(path)
        if self.identity is None:
            return
        with _lock:
            _watches.add(self)
            if not _is_listening:
                # Cannot be taken back, so it is done once, and only in programs that need it.
                sys.addaudithook(_hear)
                _is_listening = True

    def end(self) -> None:
        """Watch no longer."""
        with _lock:
            _watches.discard(self)


_watches: WeakSet[Watch] = WeakSet()


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "sqlite3.connect":
        return
    identity = _identity(arguments[0])
    if identity is None:
        return
    with _lock:
        is_held = any(watch.identity == identity for watch in _watches)
    if is_held:
        warnings.warn(
            "sqlite3 opens a file that this process has open as a CRM file, which is not safe: "
            "use Crm.sql to read, or Crm.backup to make a copy for other tools",
            UnsafeSQLiteWarning,
            stacklevel=2,
        )


def _identity(path: object) -> tuple[int, int] | None:
    """Return device and inode of the file that a path or URI names, if there is one."""
    try:
        name = os.fsdecode(path)  # type: ignore[arg-type]
        if name.startswith("file:"):
            name = urllib.parse.unquote(urllib.parse.urlsplit(name).path)
        status = os.stat(name)
    except (TypeError, ValueError, OSError):
        return None
    return status.st_dev, status.st_ino
