"""Examples in the documentation are true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import crm
import pytest

MODULES = ["crm", *(f"crm.{module.name}" for module in pkgutil.iter_modules(crm.__path__))]
README = Path(__file__).parent.parent / "README.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(str(README), module_relative=False)
    assert (results.failed, results.attempted > 5) == (0, True)


def test_everything_public_is_documented() -> None:
    for name in crm.__all__:
        thing = getattr(crm, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            # A dataclass without words of ours is documented by its signature.
            assert thing.__doc__ and not thing.__doc__.startswith(f"{name}("), name
        if inspect.isclass(thing):
            for member in vars(thing).values():
                method = getattr(member, "fget", member)
                if inspect.isfunction(method) and not method.__name__.startswith("_"):
                    assert method.__doc__, f"{name}.{method.__name__}"
