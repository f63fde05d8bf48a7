"""
Tests of L{bastion.hosts.cluster}: what operators and changed keys make of the hosts,
and what of that survives a restart.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.hosts.cluster import Change, Cluster, HealthRules, HostSettings, NotPossible
from bastion.hosts.states import State
from bastion.interfaces import HostAddress
from bastion.state import AdminState

A, B = HOSTS = (HostAddress("nice1.example.org"), HostAddress("nice2.example.org"))
START = 1000.0
KEY, OTHER_KEY = b"\0\0\0\x0bssh-ed25519 one", b"\0\0\0\x0bssh-ed25519 two"
REFUSED = "nice1.example.org offered SHA256:one; known_hosts has SHA256:old"


def fresh() -> Cluster:
    """
    Two hosts of which nothing is known.
    """
    return Cluster([HostSettings(host) for host in HOSTS], HealthRules(), START)


@pytest.fixture
def cluster() -> Cluster:
    """
    Two hosts of which nothing is known.
    """
    return fresh()


def takesLogins(cluster: Cluster, host: HostAddress = A) -> bool:
    """
    Whether a login may go there, if only as the last resort.
    """
    return any(cluster[host] in group for group in cluster.usable(START + 10))


# Drain, disable, enable


def test_drainedHostGetsNoLoginsUntilItIsEnabled(cluster: Cluster) -> None:
    assert cluster.drain(A, START + 1) == Change(A, State.UP, State.DRAIN, "drained by an operator")
    assert not takesLogins(cluster)
    assert cluster.enable(A, START + 2) == Change(
        A, State.DRAIN, State.SUSPECT, "enabled by an operator"
    )
    assert takesLogins(cluster)


def test_disabledHostGetsNoLoginsUntilItIsEnabled(cluster: Cluster) -> None:
    assert cluster.disable(A, START + 1) == Change(
        A, State.UP, State.DISABLED, "disabled by an operator"
    )
    assert not takesLogins(cluster)
    cluster.enable(A, START + 2)
    assert takesLogins(cluster)


def test_operatorsReasonIsKept(cluster: Cluster) -> None:
    change = cluster.drain(A, START + 1, "new disks")
    assert (change.reason, cluster[A].reason) == ("new disks", "new disks")
    assert cluster.disable(A, START + 2, "broken disks").reason == "broken disks"
    assert cluster.enable(A, START + 3, "disks are in").reason == "disks are in"


def test_drainedHostMayBeDisabledAndTheOtherWayRound(cluster: Cluster) -> None:
    cluster.drain(A, START)
    assert cluster.disable(A, START).new is State.DISABLED
    assert cluster.drain(A, START).new is State.DRAIN


def test_drainedHostStaysDrainedWhateverIsHeardOfIt(cluster: Cluster) -> None:
    cluster.drain(A, START)
    for count in range(10):
        now = START + 10 * count
        assert cluster.checked(A, 0.1, now) is None
        assert cluster.reached(A, 0.1, now) is None
        assert cluster.failed(A, "silent", now) is None
        assert cluster.checkFailed(A, "silent", now) is None
        assert cluster.keyRefused(A, KEY, REFUSED, now) is None
    assert cluster[A].state is State.DRAIN
    assert cluster[A].lastProblem == REFUSED
    assert cluster[A].offeredKey == b""


def test_enabledHostHasToBeCheckedFirst(cluster: Cluster) -> None:
    cluster.checked(A, 0.1, START)
    cluster.checked(A, 0.1, START + 1)
    cluster.disable(A, START + 2)
    cluster.enable(A, START + 3600)
    assert cluster.checked(A, 0.1, START + 3601) is None
    change = cluster.checked(A, 0.1, START + 3602)
    assert change is not None
    assert change.new is State.UP


@pytest.mark.parametrize(
    ("before", "order"),
    [
        ("drain", "drain"),
        ("disable", "disable"),
        (None, "enable"),
        (None, "acceptKey"),
        ("drain", "acceptKey"),
    ],
)
def test_whatIsNotPossibleChangesNothing(cluster: Cluster, before: str | None, order: str) -> None:
    """
    The sentences are tested with L{bastion.hosts.orders}.
    """
    if before:
        getattr(cluster, before)(A, START + 1)
    state, since = cluster[A].state, cluster[A].since
    with pytest.raises(NotPossible, match=r"^nice1\.example\.org is "):
        getattr(cluster, order)(A, START + 2)
    assert (cluster[A].state, cluster[A].since) == (state, since)


# Keys


@pytest.fixture
def quarantined(cluster: Cluster) -> Cluster:
    """
    The first host has offered another key.
    """
    cluster.keyRefused(A, KEY, REFUSED, START + 1)
    return cluster


def test_hostThatOffersAnotherKeyIsQuarantinedAtOnce(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    assert cluster.keyRefused(A, KEY, REFUSED, START + 1) == Change(
        A, State.SUSPECT, State.QUARANTINED, REFUSED
    )
    host = cluster[A]
    assert (host.offeredKey, host.reason, host.lastProblem) == (KEY, REFUSED, REFUSED)
    assert host.lastChecked == START + 1
    assert not takesLogins(cluster)


def test_sameKeyAgainIsNoNews(quarantined: Cluster) -> None:
    assert quarantined.keyRefused(A, KEY, REFUSED, START + 10) is None
    assert quarantined[A].since == START + 1
    assert quarantined[A].lastChecked == START + 10


def test_yetAnotherKeyIsNews(quarantined: Cluster) -> None:
    """
    An operator must not accept a key that nobody has shown to him.
    """
    change = quarantined.keyRefused(A, OTHER_KEY, "SHA256:two", START + 10)
    assert change == Change(A, State.QUARANTINED, State.QUARANTINED, "SHA256:two")
    assert quarantined[A].offeredKey == OTHER_KEY


@pytest.mark.parametrize("order", ["drain", "disable", "enable"])
def test_thereIsNoWayAroundTheKey(quarantined: Cluster, order: str) -> None:
    with pytest.raises(NotPossible, match=r"bastionctl accept-key nice1\.example\.org"):
        getattr(quarantined, order)(A, START + 2)
    assert quarantined[A].state is State.QUARANTINED
    assert quarantined[A].offeredKey == KEY


def test_goodChecksDoNotEndAQuarantine(quarantined: Cluster) -> None:
    for count in range(10):
        assert quarantined.checked(A, None, START + 10 * count) is None
    assert quarantined[A].state is State.QUARANTINED
    assert quarantined[A].offeredKey == KEY, "none of them has looked at the key"


def test_acceptedHostHasToBeCheckedFirst(quarantined: Cluster) -> None:
    assert quarantined.acceptKey(A, START + 20) == Change(
        A,
        State.QUARANTINED,
        State.SUSPECT,
        "the key that it offered was accepted by an operator",
    )
    assert quarantined[A].offeredKey == b""
    assert quarantined.checked(A, 0.1, START + 30) is None
    assert quarantined.checked(A, 0.1, START + 40) is not None


def test_hostThatHasItsOldKeyAgainOffersNothingToAccept(quarantined: Cluster) -> None:
    """
    Whatever stood in its place is gone; its key must not be accepted with the host.
    """
    assert quarantined.checked(A, 0.1, START + 10) is None
    assert quarantined[A].state is State.QUARANTINED
    assert quarantined[A].offeredKey == b""
    change = quarantined.acceptKey(A, START + 20)
    assert change.reason == "it has its known key again, accepted by an operator"


def test_drainedHostWithAnotherKeyIsQuarantinedWhenItIsEnabled(cluster: Cluster) -> None:
    cluster.drain(A, START)
    cluster.keyRefused(A, KEY, REFUSED, START + 1)
    cluster.enable(A, START + 2)
    change = cluster.keyRefused(A, KEY, REFUSED, START + 3)
    assert change == Change(A, State.SUSPECT, State.QUARANTINED, REFUSED)


# What survives a restart


def restarted(cluster: Cluster, now: float = START + 5000) -> Cluster:
    """
    The same hosts in another process, which knows what the store has kept.
    """
    again = Cluster([HostSettings(host) for host in cluster], HealthRules(), now)
    for host in cluster:
        kept = cluster.adminState(host)
        if kept is not None:
            again.restore(host, kept, now)
    return again


def seen(cluster: Cluster) -> Any:
    """
    What an operator sees of the first host.
    """
    host = cluster[A]
    return host.state, host.since, host.reason, host.offeredKey


@pytest.mark.parametrize("order", ["drain", "disable"])
def test_whatOperatorsDoSurvivesARestart(cluster: Cluster, order: str) -> None:
    getattr(cluster, order)(A, START + 1, "new disks")
    again = restarted(restarted(cluster))
    assert seen(again) == seen(cluster)
    assert not takesLogins(again)
    assert takesLogins(again, B)


def test_quarantineSurvivesARestart(quarantined: Cluster) -> None:
    again = restarted(quarantined)
    assert seen(again) == (State.QUARANTINED, START + 1, REFUSED, KEY)
    assert again.keyRefused(A, KEY, REFUSED, START + 5001) is None
    assert again.acceptKey(A, START + 5002).new is State.SUSPECT


def test_storeKeepsWhatHoldsUntilItIsTakenBack(cluster: Cluster) -> None:
    assert cluster.adminState(A) is None
    cluster.failed(A, "silent", START)
    assert cluster.adminState(A) is None
    cluster.drain(A, START + 1, "new disks")
    assert cluster.adminState(A) == AdminState("drain", START + 1, "new disks")
    cluster.enable(A, START + 2)
    assert cluster.adminState(A) is None
    cluster.keyRefused(A, KEY, REFUSED, START + 3)
    assert cluster.adminState(A) == AdminState("quarantined", START + 3, REFUSED, KEY)


def test_restoringTellsWhatHasChanged(cluster: Cluster) -> None:
    """
    Another bastion may have drained the host.
    """
    kept = AdminState("drain", START - 100, "new disks")
    assert takesLogins(cluster)
    assert cluster.restore(A, kept, START) == Change(A, State.UP, State.DRAIN, "new disks")
    assert cluster.restore(A, kept, START + 1) is None
    assert not takesLogins(cluster)


def test_restoredHostComesBackSlowly(cluster: Cluster) -> None:
    cluster.restore(A, AdminState("disabled", START - 100), START)
    cluster.enable(A, START + 1)
    for second in (2, 3):
        cluster.checked(A, 0.1, START + second)
    assert cluster.weight(A, START + 3) == pytest.approx(0.1)
