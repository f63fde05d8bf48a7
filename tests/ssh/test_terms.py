"""
Tests of L{bastion.ssh.terms}.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.algorithms import TO_CLIENTS, TO_HOSTS, withLastResort
from bastion.ssh.terms import WITH_CLIENTS, WITH_HOSTS, Patience, RekeyLimits, Terms


@pytest.mark.parametrize(
    ("program", "lastResort"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2", False),
        (b"SSH-2.0-OpenSSH_6.6", True),
        (b"SSH-2.0-dropbear_2022.83", True),
        (b"", True),
    ],
)
def test_clientThatKnowsBetterIsOfferedNoLastResort(program: bytes, lastResort: bool) -> None:
    expected = withLastResort(TO_CLIENTS) if lastResort else TO_CLIENTS
    assert WITH_CLIENTS.algorithms(program) == expected


@pytest.mark.parametrize("program", [b"", b"SSH-2.0-OpenSSH_9.2", b"SSH-2.0-dropbear_2022.83"])
def test_everyHostIsOfferedTheSame(program: bytes) -> None:
    assert WITH_HOSTS.algorithms(program) == TO_HOSTS


@pytest.mark.parametrize("terms", [WITH_CLIENTS, WITH_HOSTS])
def test_limitsAreThoseOfTheStandardAndOfSafety(terms: Terms) -> None:
    """
    RFC 4253 section 9: a gigabyte or an hour; RFC 4344 section 3.1: at most 2^31
    packets.
    """
    assert terms.rekey == RekeyLimits(bytes=2**30, packets=2**28, seconds=3600.0)
    assert terms.patience == Patience(interval=15.0, tries=3)


@pytest.mark.parametrize("made", [RekeyLimits(), Patience(), WITH_CLIENTS])
def test_termsDoNotChange(made: Any) -> None:
    (name, *_) = made.__attrs_attrs__
    with pytest.raises(AttributeError):
        setattr(made, name.name, 1)


def test_eachLegHasItsTermsUnlessTheSiteSaysOtherwise(leg: Any) -> None:
    assert leg.ours.terms is (WITH_CLIENTS if leg.facesClient else WITH_HOSTS)
