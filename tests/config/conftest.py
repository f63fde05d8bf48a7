"""
Extensions to choose from, for the tests of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from attrs import field, frozen
from attrs.validators import instance_of
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from bastion.config.readers import Place
from bastion.interfaces import IExtension, IHealthCheck, ISessionPolicy, IStrategy
from bastion.state import IStateStore


@frozen
class NoOptions:
    """
    Nothing to set.
    """


def _positive(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 1:
        raise ValueError(f"{value} is too little; write at least 1")


@frozen
class WeightedOptions:
    """
    One option that must be there, and some that need not.
    """

    weight: int = field(converter=int, validator=_positive)
    most: int = field(default=10, validator=instance_of(int))
    words: tuple[str, ...] = field(default=(), converter=tuple)
    scaled: int = field(
        default=1,
        converter=attrs.Converter(lambda value, taken: value * taken.most, takes_self=True),
    )

    @most.validator
    def _atLeastTheWeight(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value < self.weight:
            raise ValueError(f"the most is {value}\nand the weight {self.weight}; swap them")


@implementer(IExtension)
@frozen
class FakeExtension:
    """
    An extension that builds a record of how it was built.
    """

    name: str
    role: InterfaceClass
    options: type = NoOptions
    description: str = "For a test."

    def build(self, options: Any) -> Any:
        """
        See L{IExtension}.
        """
        return (self.name, options)


@implementer(IExtension)
@frozen
class BrokenExtension:
    """
    An extension whose code cannot be imported.
    """

    name: str
    role: InterfaceClass
    description: str = "For a test."

    @property
    def options(self) -> type:
        """
        See L{IExtension}.
        """
        raise ImportError("No module named 'numpy'")

    def build(self, options: Any) -> Any:
        """
        See L{IExtension}.
        """


EXTENSIONS = (
    FakeExtension("round-robin", IStrategy),
    FakeExtension("least-sessions", IStrategy),
    FakeExtension("ordered", IStrategy),
    FakeExtension("weighted", IStrategy, WeightedOptions),
    FakeExtension("bare", IStrategy, object),
    BrokenExtension("broken", IStrategy),
    FakeExtension("no-forwarding", ISessionPolicy),
    FakeExtension("limited", ISessionPolicy, WeightedOptions),
    FakeExtension("handshake", IHealthCheck),
    FakeExtension("tcp", IHealthCheck),
    FakeExtension("memory", IStateStore),
    FakeExtension("shared", IStateStore, WeightedOptions),
)


@pytest.fixture
def installed() -> Callable[[InterfaceClass], Mapping[str, IExtension]]:
    """
    What a site might have installed.
    """
    return lambda role: {each.name: each for each in EXTENSIONS if each.role is role}


@pytest.fixture
def place(installed: Callable[[InterfaceClass], Mapping[str, IExtension]]) -> Place:
    """
    Somewhere in a file.
    """
    return Place(Path("/etc/bastion"), installed, {"sticky": "[cluster.NAME]"}, ("here",))
