"""
Tests of L{bastion.interfaces}: the values that cross them.
"""

from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError
from zope.interface.exceptions import BrokenMethodImplementation
from zope.interface.verify import verifyClass

from bastion.interfaces import (
    ALLOW,
    ChannelRequest,
    HostAddress,
    ICheckedHost,
    IExtension,
    IHealthCheck,
    ISessionPolicy,
    IStrategy,
    Verdict,
)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (HostAddress("nice1.example.org"), "nice1.example.org"),
        (HostAddress("nice1.example.org", 2222), "nice1.example.org:2222"),
        (HostAddress("192.0.2.7", 22), "192.0.2.7"),
        (HostAddress("2001:db8::1"), "[2001:db8::1]"),
        (HostAddress("2001:db8::1", 2222), "[2001:db8::1]:2222"),
    ],
)
def test_hostAddressIsWrittenAsInTheConfiguration(address: HostAddress, text: str) -> None:
    assert str(address) == text


def test_hostAddressesAreSortedByNameThenPort() -> None:
    one, two, three = HostAddress("a", 22), HostAddress("a", 23), HostAddress("b", 1)
    assert sorted([three, two, one]) == [one, two, three]


def test_equalHostAddressesAreOneKey() -> None:
    assert len({HostAddress("a"), HostAddress("a", 22)}) == 1


def test_valuesCannotBeChanged() -> None:
    with pytest.raises(FrozenInstanceError):
        HostAddress("a").port = 23  # type: ignore[misc]


def test_channelRequestShowsNoData() -> None:
    request = ChannelRequest("channel", b"env", True, b"session", b"a secret")
    assert "secret" not in repr(request)
    assert request.data == b"a secret"


def test_verdictWithoutARefusalAllows() -> None:
    assert Verdict().allowed
    assert ALLOW == Verdict(None)


@pytest.mark.parametrize("reason", ["not today", ""])
def test_verdictWithARefusalDoesNotAllow(reason: str) -> None:
    """
    Not even with an empty one: whoever forgets the words still refuses.
    """
    assert not Verdict(reason).allowed


@pytest.mark.parametrize(
    ("role", "names"),
    [
        (IExtension, {"name", "description", "role", "options", "build"}),
        (IStrategy, {"needsAccount", "rank"}),
        (IHealthCheck, {"check"}),
        (ICheckedHost, {"address", "endpoint", "handshake"}),
        (ISessionPolicy, {"decide"}),
    ],
)
def test_rolesHaveTheMethodsThatExtensionsWereWrittenFor(role: type, names: set[str]) -> None:
    assert set(role) == names  # type: ignore[call-overload]


def test_wrongSignatureIsNoticed() -> None:
    class Wrong:
        """
        A strategy that forgets the request.
        """

        needsAccount = False

        def rank(self, candidates: object) -> object:
            """
            Not what L{IStrategy} says.
            """

    with pytest.raises(BrokenMethodImplementation):
        verifyClass(IStrategy, Wrong, tentative=True)
