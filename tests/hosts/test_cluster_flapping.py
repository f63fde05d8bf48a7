"""
Tests of L{bastion.hosts.cluster}: hosts that come and go, as badly as can be thought of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastion.hosts.cluster import Change, Cluster, HealthRules, HostSettings, NotPossible
from bastion.hosts.states import TRANSITIONS, State
from bastion.interfaces import HostAddress

HOSTS = A, *_ = tuple(HostAddress(f"nice{number}.example.org") for number in range(4))
START = 1000.0

Deed = Callable[[Cluster, HostAddress, float], Change | None]


def checked(cluster: Cluster, host: HostAddress, now: float) -> Change | None:
    """
    It goes well.
    """
    return cluster.checked(host, 0.1, now)


def checkFailed(cluster: Cluster, host: HostAddress, now: float) -> Change | None:
    """
    It does not.
    """
    return cluster.checkFailed(host, "refused", now)


def reachedSlowly(cluster: Cluster, host: HostAddress, now: float) -> Change | None:
    """
    It goes well, but takes long.
    """
    return cluster.reached(host, 30.0, now)


def failed(cluster: Cluster, host: HostAddress, now: float) -> Change | None:
    """
    It does not, for a user.
    """
    return cluster.failed(host, "silent", now)


def ordered(name: str) -> Deed:
    """
    An operator tries something.
    """

    def deed(cluster: Cluster, host: HostAddress, now: float) -> Change | None:
        try:
            return getattr(cluster, name)(host, now)
        except NotPossible:
            return None

    return deed


def keyRefused(cluster: Cluster, host: HostAddress, now: float) -> Change | None:
    """
    It offers a key of its own for each second.
    """
    return cluster.keyRefused(host, b"%d" % now, "another key", now)


HEALTH = [checked, checkFailed, reachedSlowly, failed]
ANYTHING = [*HEALTH, keyRefused, *map(ordered, ("drain", "disable", "enable", "acceptKey"))]


def histories(deeds: list[Deed]) -> st.SearchStrategy[list[tuple[float, HostAddress, Deed]]]:
    """
    Any sequence: how many seconds pass, whom it happens to, and what.
    """
    seconds = st.one_of(st.just(0.0), st.just(1.0), st.floats(0.0, 90.0))
    one = st.tuples(seconds, st.sampled_from(HOSTS), st.sampled_from(deeds))
    return st.lists(one, max_size=80)


RULES = st.builds(
    HealthRules,
    rise=st.integers(1, 4),
    fall=st.integers(1, 4),
    slowStart=st.sampled_from([0.0, 60.0]),
    outlier=st.sampled_from([0.0, 2.0, 4.0]),
)


def told(
    history: Iterable[tuple[float, HostAddress, Deed]], rules: HealthRules
) -> list[tuple[float, Deed, Change]]:
    """
    The changes of a history: when, by what, and which.
    """
    cluster, now = Cluster([HostSettings(host) for host in HOSTS], rules, START), START
    changes = []
    for seconds, host, deed in history:
        now += seconds
        before = cluster[host].state
        change = deed(cluster, host, now)
        after = cluster[host].state
        assert (before, after) == ((change.old, change.new) if change else (before, before))
        if change is not None:
            assert change.host == host
            changes.append((now, deed, change))
        _assertSound(cluster, now)
    return changes


def _assertSound(cluster: Cluster, now: float) -> None:
    """
    What is true at any time.
    """
    groups = cluster.usable(now)
    out = {State.DRAIN, State.DISABLED, State.QUARANTINED}
    usable = [host for group in groups for host in group]
    assert len(groups) == 3
    assert len(usable) == len(set(map(id, usable)))
    assert set(map(id, usable)) == {id(host) for host in cluster.values() if host.state not in out}
    assert sum(host.slow for host in cluster.values()) <= len(cluster) // 3
    for address, host in cluster.items():
        assert (cluster.adminState(address) is not None) is (host.state in out)
        assert bool(host.offeredKey) <= (host.state is State.QUARANTINED)
        assert 0.1 * host.settings.weight <= cluster.weight(address, now) <= host.settings.weight


def timesOf(changes: Iterable[tuple[float, Deed, Change]]) -> dict[HostAddress, list[float]]:
    """
    When each host has changed.
    """
    times: dict[HostAddress, list[float]] = {}
    for now, _, change in changes:
        times.setdefault(change.host, []).append(now)
    return times


def assertApart(times: list[float], hold: float) -> None:
    """
    At most one in any so many seconds.
    """
    assert all(after - before >= hold for before, after in pairwise(times))


@given(histories(HEALTH), RULES)
def test_whateverItsHealthDoesAHostChangesAtMostOnceInFiveSeconds(
    history: list[tuple[float, HostAddress, Deed]], rules: HealthRules
) -> None:
    for times in timesOf(told(history, rules)).values():
        assertApart(times, 5.0)


@given(histories(ANYTHING), RULES)
def test_whateverHappensTheTableIsFollowed(
    history: list[tuple[float, HostAddress, Deed]], rules: HealthRules
) -> None:
    changes = told(history, rules)
    for _, _, change in changes:
        assert change.new in TRANSITIONS[change.old].values()
    byHealth = [each for each in changes if each[1] in HEALTH]
    for times in timesOf(byHealth).values():
        assertApart(times, rules.hold)


@given(histories(HEALTH))
def test_hostThatIsWellAgainIsUpAfterItsRiseAndItsHold(
    history: list[tuple[float, HostAddress, Deed]],
) -> None:
    """
    Whatever was before: nothing is stuck.  The average of what was slow needs longer.
    """
    quick = [each for each in history if each[2] is not reachedSlowly]
    recovery = [(6.0, host, checked) for _ in range(2) for host in HOSTS]
    cluster, now = Cluster([HostSettings(host) for host in HOSTS], HealthRules(), START), START
    for seconds, host, deed in [*quick, *recovery]:
        now += seconds
        deed(cluster, host, now)
    assert {host.state for host in cluster.values()} == {State.UP}


@pytest.mark.parametrize(("rise", "fall"), [(1, 1), (2, 3), (1, 3), (3, 1)])
@pytest.mark.parametrize("period", [1, 2, 3, 7])
def test_hostThatFlapsAtOneHertzForAMinute(rise: int, fall: int, period: int) -> None:
    """
    Each second a check and a user's connection; well for some seconds, then not.
    """
    history: list[tuple[float, HostAddress, Deed]] = []
    for second in range(60):
        well = second // period % 2 == 1
        history.append((0.5, A, checked if well else checkFailed))
        history.append((0.5, A, checked if well else failed))
    changes = told(history, HealthRules(rise=rise, fall=fall))
    times = timesOf(changes)[A]
    assertApart(times, 5.0)
    assert 1 <= len(times) <= 12
