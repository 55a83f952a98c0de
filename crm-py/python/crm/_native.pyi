from collections.abc import Callable
from os import PathLike
from typing import Any, final

__all__ = ["Engine", "Observer", "__version__", "error_kinds", "operations", "panic", "rekey"]

__version__: str

@final
class Engine:
    def __new__(
        cls,
        path: str | PathLike[str],
        options: dict[str, Any],
        key: Callable[[], object] | None = None,
    ) -> Engine: ...
    @property
    def actor(self) -> str: ...
    def call(
        self,
        op: str,
        request: Any,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> Any: ...
    def read_table(self, request: Any) -> object: ...
    def ingest_table(
        self,
        request: Any,
        table: Any,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> Any: ...
    def ingest_activities(
        self,
        request: Any,
        table: Any,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> Any: ...
    def ingest_associations(
        self,
        request: Any,
        table: Any,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> Any: ...
    def spool_table(
        self,
        path: str | PathLike[str],
        table: Any,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> int: ...
    def acting_as(self, actor: str, cause: str | None = None) -> Engine: ...
    def observe(self, callback: Callable[[int, int], object]) -> Observer: ...
    def interrupt(self) -> None: ...
    def close(self) -> None: ...

@final
class Observer:
    def close(self) -> None: ...

def error_kinds() -> list[tuple[int, str]]: ...
def operations() -> list[tuple[str, str, str]]: ...
def panic() -> None: ...
def rekey(
    path: str | PathLike[str],
    key: Callable[[], object] | None,
    new_key: Callable[[], object] | None,
    progress: Callable[[int, int | None], object] | None = None,
) -> None: ...
