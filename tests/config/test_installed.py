"""
Tests of L{bastion.config.installed}, with plugin files as anyone would drop them in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from twisted.plugin import IPlugin
from zope.interface import Interface
from zope.interface.verify import verifyObject

import twisted.plugins
from bastion.config.extension import Extension
from bastion.config.installed import installed
from bastion.config.problems import ConfigurationError
from bastion.interfaces import IExtension, IStrategy

HEADER = """
from zope.interface import Interface
from bastion.config.extension import Extension

class IRole(Interface):
    "A role of this test's own."

class IOther(Interface):
    "Another one."
"""

Offer = Callable[[str], Any]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """
    Put a file among the plugins, and import it.
    """

    def put(source: str) -> Any:
        name = f"offered_{tmp_path.name}".replace("-", "_").replace("[", "_").replace("]", "_")
        (tmp_path / f"{name}.py").write_text(HEADER + source)
        monkeypatch.setattr(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(tmp_path)])
        # Set first, so that it is gone after the test.
        monkeypatch.setitem(sys.modules, f"twisted.plugins.{name}", None)
        del sys.modules[f"twisted.plugins.{name}"]
        return import_module(f"twisted.plugins.{name}")

    return put


def test_extensionsOfARoleAreFoundInTheOrderOfTheirNames(offer: Offer) -> None:
    module = offer(
        'b = Extension("beta", "B.", IRole, "no.such.Thing")\n'
        'a = Extension("alpha", "A.", IRole, "no.such.Thing")\n'
        'c = Extension("other", "C.", IOther, "no.such.Thing")\n'
    )
    assert list(installed(module.IRole)) == ["alpha", "beta"]
    assert installed(module.IRole)["beta"].description == "B."
    assert list(installed(module.IOther)) == ["other"]


def test_sameNameInTwoRolesIsNoMistake(offer: Offer) -> None:
    module = offer(
        'a = Extension("x", "A.", IRole, "no.such.Thing")\n'
        'b = Extension("x", "B.", IOther, "no.such.Thing")\n'
    )
    assert installed(module.IRole)["x"].description == "A."
    assert installed(module.IOther)["x"].description == "B."


def test_sameNameTwiceInARoleIsRefused(offer: Offer) -> None:
    module = offer(
        'a = Extension("x", "Ours.", IRole, "no.such.Thing")\n'
        'b = Extension("x", "Theirs.", IRole, "no.such.Thing")\n'
    )
    with pytest.raises(ConfigurationError) as refused:
        installed(module.IRole)
    assert str(refused.value) in (
        'twisted.plugins: two extensions for IRole are named "x" '
        f"({first} and {second}); uninstall one of them"
        for first, second in [('"Ours."', '"Theirs."'), ('"Theirs."', '"Ours."')]
    )


def test_nothingIsInstalledForAnUnknownRole() -> None:
    class INobody(Interface):
        """
        A role that nobody plays.
        """

    assert installed(INobody) == {}


def test_roundRobinComesWithTheBastion() -> None:
    extension = installed(IStrategy)["round-robin"]
    assert isinstance(extension, Extension)
    assert verifyObject(IExtension, extension)
    assert verifyObject(IPlugin, extension)
