"""
Tests of L{benchmarks.findings}.
"""

from __future__ import annotations

from collections.abc import Sized

import pytest
from attrs import frozen

from bastion.interfaces import HostAddress
from benchmarks.findings import LOGINS_AFTER, Findings

A, B, C = HOSTS = [HostAddress(name) for name in "abc"]


@frozen
class Filled:
    """
    A host.
    """

    sessions: Sized
    weight: float = 1.0
    rate: float = 0.0


def test_imbalanceIsTheFullestHostByAll() -> None:
    findings = Findings()
    findings.sampled([Filled(range(3)), Filled(range(1)), Filled(range(2))])
    findings.sampled([Filled(range(4), 2.0), Filled(range(2))])
    findings.sampled([Filled(range(4), 4.0), Filled(range(2), 1.0)])
    assert list(findings.imbalance) == pytest.approx([1.5, 1.0, 5 / 3])


def test_whatIsMovedIsComparedTheSameWay() -> None:
    findings = Findings()
    findings.sampled([Filled([1], rate=3e6), Filled([1], rate=1e6)])
    assert list(findings.moving) == [1.5]


def test_nothingIsNoImbalance() -> None:
    findings = Findings()
    findings.sampled([Filled([]), Filled([])])
    findings.sampled([])
    assert list(findings.imbalance) == list(findings.moving) == []


def test_accountsThatComeToAnotherHostAreCounted() -> None:
    findings = Findings()
    for account, host in [(b"a", A), (b"b", A), (b"a", A), (b"a", B), (b"a", B), (b"b", C)]:
        findings.login(account, host, 3)
    assert (findings.moved, findings.returning) == (2, 4)


def test_rushIsHowManyTimesItsShareAHostGets() -> None:
    findings = Findings()
    findings.login(b"a", B, 2)
    findings.cameBack(B, 0.25)
    for number in range(2 * LOGINS_AFTER):
        assert not findings.rush
        findings.login(b"a", (B, A)[number % 2], 2)
    assert list(findings.rush) == [2.0]


def test_twoThatComeBackAtOnceAreBothCounted() -> None:
    findings = Findings()
    for host in (A, B):
        findings.cameBack(host, 0.5)
    for _ in range(4 * LOGINS_AFTER):
        findings.login(b"a", A, 2)
    assert list(findings.rush) == [2.0, 0.0]


def test_hostThatGoesAgainIsNotCounted() -> None:
    findings = Findings()
    findings.cameBack(A, 0.5)
    findings.went(A)
    for _ in range(4 * LOGINS_AFTER):
        findings.login(b"a", A, 2)
    assert list(findings.rush) == []
