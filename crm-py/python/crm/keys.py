"""Keys of encrypted files.

The module must be built with the feature `sqlcipher` (`maturin build --features sqlcipher`); the wheels
are built without it, and refuse a key.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

from crm import _native
from crm.errors import InvalidArgumentError
from crm.given import path_of
from crm.progress import Report, adapt

KeySource: TypeAlias = Callable[[], bytes | bytearray]
"""Returns the key of a file: 32 random bytes, such as `secrets.token_bytes(32)` once made, and not a
password. It is asked for each connection to the file, on any thread, and must not use the file. Keep the
key where the system keeps secrets. What it raises comes out of the call that asked it.

It is let go when the file is closed, or collected with the database where nothing else refers to either,
also if it refers to the database itself, such as a method of an object that has it.
"""


def rekey(
    path: str | os.PathLike[str],
    *,
    key: KeySource | None,
    new_key: KeySource | None,
    progress: Report | None = None,
) -> None:
    """Give the closed file at `path` another key: from `key`, or from none, to `new_key`, or to none.

    The content is written to a new file beside it, which then takes its place, with its owner and
    permissions, so that there must be room for it twice. When the process ends in between, the file is
    there under the old key or under the new one, and at most an unfinished file is left beside it whose
    name ends in `.partial-` and two numbers: a plain one if there was to be no key. Remove it, or call
    this again, which does. Copies that were made before keep their key, and a disk may keep the blocks
    of the old file until it writes there again. Keep the old key until a backup was made under the
    new one: not every system can say that the new file's name is on the disk, and a power cut may
    then bring back the old file.

    `progress` is told of the pages that are written; at the end the new file is read through, and the
    count stands still. If it cancels, `InterruptError` is raised. Whatever is raised, the file is what
    it was: `WrongKeyError` if `key` does not open it, `InUseError` while it is open here.

        crm.rekey("acme.crm", key=None, new_key=lambda: keyring_bytes("acme"))
        db = crm.open("acme.crm", key=lambda: keyring_bytes("acme"))
    """
    _native.rekey(
        path_of(path), source_of(key), source_of(new_key, "new_key"), adapt(progress)
    )


def source_of(key: KeySource | None, field: str = "key") -> KeySource | None:
    """Return what tells a key, or `None`."""
    if key is None or callable(key):
        return key
    raise InvalidArgumentError(
        "a key is told by a function", field=field, hint="hand in a function that returns 32 bytes"
    )
