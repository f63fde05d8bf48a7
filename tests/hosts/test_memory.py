"""
Tests of L{bastion.hosts.memory}, with a clock that is moved by hand.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from bastion.hosts.memory import Leases
from bastion.interfaces import HostAddress

ONE, TWO = HostAddress("nice1.example.org"), HostAddress("nice2.example.org")
ACCOUNT, OTHER = b"johnson", b"jackson"
STICKY = 60.0


@pytest.fixture
def clock() -> Clock:
    """
    What time it is.
    """
    return Clock()


@pytest.fixture
def leases(clock: Clock) -> Leases:
    """
    Leases of a cluster whose accounts come back for a minute.
    """
    return Leases(clock, STICKY)


def test_leasesOfAHostAreCounted(leases: Leases) -> None:
    first = leases.acquire(ONE, ACCOUNT)
    leases.acquire(ONE, OTHER)
    leases.acquire(TWO, ACCOUNT)
    assert (first.host, first.account) == (ONE, ACCOUNT)
    assert (leases.sessions[ONE], leases.sessions[TWO]) == (2, 1)
    first.release()
    assert (leases.sessions[ONE], leases.sessions[TWO]) == (1, 1)


def test_hostWithoutALeaseHasNoSessions(leases: Leases) -> None:
    assert leases.sessions[ONE] == 0


@pytest.mark.parametrize("confirmed", [False, True])
def test_releasingTwiceGivesOnePlaceBack(leases: Leases, confirmed: bool) -> None:
    lease, other = leases.acquire(ONE, ACCOUNT), leases.acquire(ONE, ACCOUNT)
    if confirmed:
        lease.confirm()
        other.confirm()
    lease.release()
    lease.release()
    assert leases.sessions[ONE] == 1


# Stickiness


def test_accountThatNoHostAcceptedIsNotRemembered(leases: Leases) -> None:
    lease = leases.acquire(ONE, ACCOUNT)
    assert leases.stickyHost(ACCOUNT) is None
    lease.release()
    assert leases.stickyHost(ACCOUNT) is None


def test_acceptedAccountComesBackToItsHost(leases: Leases) -> None:
    leases.acquire(ONE, ACCOUNT).confirm()
    leases.acquire(TWO, OTHER).confirm()
    assert (leases.stickyHost(ACCOUNT), leases.stickyHost(OTHER)) == (ONE, TWO)


def test_accountSticksAsLongAsItIsConnected(leases: Leases, clock: Clock) -> None:
    leases.acquire(ONE, ACCOUNT).confirm()
    clock.advance(10 * STICKY)
    assert leases.stickyHost(ACCOUNT) == ONE


def test_accountIsForgottenSoLongAfterItsLastConnection(leases: Leases, clock: Clock) -> None:
    first, second = leases.acquire(ONE, ACCOUNT), leases.acquire(ONE, ACCOUNT)
    first.confirm()
    second.confirm()
    clock.advance(10 * STICKY)
    first.release()
    clock.advance(10 * STICKY)
    assert leases.stickyHost(ACCOUNT) == ONE
    second.release()
    clock.advance(STICKY - 0.001)
    assert leases.stickyHost(ACCOUNT) == ONE
    clock.advance(0.001)
    assert leases.stickyHost(ACCOUNT) is None


def test_comingBackInTimeStartsTheTimeAnew(leases: Leases, clock: Clock) -> None:
    for _ in range(3):
        lease = leases.acquire(ONE, ACCOUNT)
        lease.confirm()
        lease.release()
        clock.advance(STICKY - 1)
    assert leases.stickyHost(ACCOUNT) == ONE


def test_accountMovesWithItsLatestLogin(leases: Leases, clock: Clock) -> None:
    """
    Its host was down for a while, say.
    """
    before, now = leases.acquire(ONE, ACCOUNT), leases.acquire(TWO, ACCOUNT)
    before.confirm()
    now.confirm()
    assert leases.stickyHost(ACCOUNT) == TWO
    before.release()
    clock.advance(10 * STICKY)
    assert leases.stickyHost(ACCOUNT) == TWO
    now.release()
    clock.advance(STICKY)
    assert leases.stickyHost(ACCOUNT) is None


def test_accountThatMovedAndCameBackSticksAsLongAsItIsConnected(
    leases: Leases, clock: Clock
) -> None:
    first, second, third = (leases.acquire(host, ACCOUNT) for host in (ONE, TWO, ONE))
    for lease in (first, second, third):
        lease.confirm()
    first.release()
    clock.advance(10 * STICKY)
    assert leases.stickyHost(ACCOUNT) == ONE
    third.release()


def test_accountComesBackToWhereItStillIsConnected(leases: Leases) -> None:
    still, latest = leases.acquire(ONE, ACCOUNT), leases.acquire(TWO, ACCOUNT)
    still.confirm()
    latest.confirm()
    latest.release()
    assert leases.stickyHost(ACCOUNT) == ONE
    still.release()
    assert leases.stickyHost(ACCOUNT) == TWO, "the latest, when there is no connection"


def test_failedLoginDoesNotMoveTheAccount(leases: Leases) -> None:
    leases.acquire(ONE, ACCOUNT).confirm()
    leases.acquire(TWO, ACCOUNT).release()
    assert leases.stickyHost(ACCOUNT) == ONE


def test_withoutStickinessNothingIsRemembered(clock: Clock) -> None:
    leases = Leases(clock, 0.0)
    lease = leases.acquire(ONE, ACCOUNT)
    lease.confirm()
    assert leases.stickyHost(ACCOUNT) is None
    lease.release()
    assert leases.stickyHost(ACCOUNT) is None
    assert leases.sessions[ONE] == 0


def test_nothingIsKeptOfAccountsThatAreForgotten(leases: Leases, clock: Clock) -> None:
    """
    From outside it cannot be seen whether a year of logins is still there.
    """
    for number in range(1000):
        lease = leases.acquire(ONE, b"account %d" % number)
        lease.confirm()
        lease.release()
    clock.advance(STICKY)
    leases.stickyHost(ACCOUNT)
    assert not leases._accounts


def test_accountsAreNotShown(leases: Leases) -> None:
    lease = leases.acquire(ONE, ACCOUNT)
    lease.confirm()
    assert "johnson" not in repr(leases)
