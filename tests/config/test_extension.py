"""
Tests of L{bastion.config.extension}: a description that imports nothing until it
is chosen.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from bastion.config.extension import Extension
from bastion.hosts.strategies import NoOptions, Ordered
from bastion.interfaces import IExtension, IStrategy

ORDERED = Extension("ordered", "As they are.", IStrategy, "bastion.hosts.strategies.Ordered")

MODULE = """
from attrs import frozen

class Heavy:
    @frozen
    class Options:
        weight: int = 1

    def __init__(self, options):
        self.options = options
"""


@pytest.fixture
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """
    An extension whose module was never imported.
    """
    module = f"heavy_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Extension("heavy", "Takes its time to import.", IStrategy, f"{module}.Heavy")
    sys.modules.pop(module, None)


def test_extensionIsAPluginAndADescription() -> None:
    assert verifyObject(IPlugin, ORDERED)
    assert verifyObject(IExtension, ORDERED)


def test_factoryIsCalledWithTheOptions(heavy: Extension) -> None:
    options = heavy.options(weight=7)
    assert heavy.build(options).options is options


def test_optionsAreTheFactorys() -> None:
    assert ORDERED.options is NoOptions
    assert isinstance(ORDERED.build(NoOptions()), Ordered)


def test_eachBuildIsAnotherObject() -> None:
    """
    Two clusters with the same strategy do not share its memory.
    """
    assert ORDERED.build(NoOptions()) is not ORDERED.build(NoOptions())


def test_nothingIsImportedBeforeItIsChosen(heavy: Extension) -> None:
    module = heavy.factory.partition(".")[0]
    assert (heavy.name, heavy.description, heavy.role) == (
        "heavy",
        "Takes its time to import.",
        IStrategy,
    )
    assert repr(heavy) and hash(heavy) and heavy != ORDERED
    assert module not in sys.modules
    assert heavy.options
    assert module in sys.modules


@pytest.mark.parametrize(
    "factory", ["no.such.Thing", "bastion.hosts.strategies.Missing", "bastion.hosts.missing.X", ""]
)
def test_factoryThatDoesNotExistIsNoticedWhenItIsChosen(factory: str) -> None:
    extension = Extension("broken", "Is not there.", IStrategy, factory)
    with pytest.raises((ImportError, AttributeError, ValueError)):
        assert extension.options
    with pytest.raises((ImportError, AttributeError, ValueError)):
        extension.build(NoOptions())


def test_descriptionCannotBeChanged() -> None:
    with pytest.raises(FrozenInstanceError):
        ORDERED.name = "other"  # type: ignore[misc]
