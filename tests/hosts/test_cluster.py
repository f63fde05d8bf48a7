"""
Tests of L{bastion.hosts.cluster}: what checks and users' connections make of the hosts.
"""

from __future__ import annotations

import pytest

from bastion.hosts.cluster import Change, Cluster, HealthRules, Host, HostSettings
from bastion.hosts.host import PROBATION
from bastion.hosts.states import State
from bastion.interfaces import HostAddress

A, B, C = HOSTS = tuple(HostAddress(f"nice{number}.example.org") for number in (1, 2, 3))
START = 1000.0
RULES = HealthRules()
NO_HOLD = HealthRules(hold=0.0)


def clusterOf(*hosts: HostAddress, rules: HealthRules = RULES) -> Cluster:
    """
    A cluster that was just made.
    """
    return Cluster([HostSettings(host) for host in hosts], rules, START)


@pytest.fixture
def cluster() -> Cluster:
    """
    Three hosts with the rules that are the default.
    """
    return clusterOf(*HOSTS)


def addresses(groups: list[list[Host]]) -> list[list[HostAddress]]:
    """
    Who is in which group.
    """
    return [[host.settings.address for host in group] for group in groups]


def takenDown(cluster: Cluster, address: HostAddress, now: float) -> None:
    """
    As many checks fail as that takes.
    """
    for _ in range(cluster.rules.fall):
        cluster.checkFailed(address, "refused", now)
        now += cluster.rules.hold


# The hosts


def test_clusterIsAMappingInTheOrderOfTheConfiguration() -> None:
    cluster = clusterOf(C, A, B)
    assert list(cluster) == [C, A, B]
    assert len(cluster) == 3
    assert A in cluster
    assert HostAddress("nice4.example.org") not in cluster
    assert cluster[A].settings == HostSettings(A, 1.0, 0)


def test_unknownHostIsAnError(cluster: Cluster) -> None:
    with pytest.raises(KeyError):
        cluster.checked(HostAddress("nice4.example.org"), None, START)


def test_atFirstAllTakeLoginsWithTheirWholeWeight() -> None:
    cluster = Cluster([HostSettings(A, 4.0), HostSettings(B)], RULES, START)
    assert addresses(cluster.usable(START)) == [[A, B], [], []]
    assert [cluster.weight(each, START) for each in cluster] == [4.0, 1.0]


# Checks


def test_oneCheckThatFailsMakesAHostSuspectAndMoreOfThemDown(cluster: Cluster) -> None:
    assert cluster.checkFailed(A, "refused", START) == Change(
        A, State.UP, State.SUSPECT, "a check failed: refused"
    )
    assert cluster.checkFailed(A, "refused", START + 10) is None
    assert cluster.checkFailed(A, "silent", START + 20) == Change(
        A, State.SUSPECT, State.DOWN, "3 checks in a row failed: silent"
    )
    assert cluster.checkFailed(A, "refused", START + 30) is None
    host = cluster[A]
    assert (host.state, host.since, host.lastChecked) == (State.DOWN, START + 20, START + 30)
    assert host.lastProblem == "refused"


def test_enoughGoodChecksInARowBringAHostBack(cluster: Cluster) -> None:
    takenDown(cluster, A, START)
    assert cluster.checked(A, 0.1, START + 100) is None
    cluster.checkFailed(A, "refused", START + 110)
    assert cluster.checked(A, 0.1, START + 120) is None
    assert cluster.checked(A, 0.1, START + 130) == Change(
        A, State.DOWN, State.UP, "went well 2 times in a row"
    )


@pytest.mark.parametrize(("rise", "fall"), [(1, 1), (2, 3), (5, 2)])
def test_riseAndFallAreCounted(rise: int, fall: int) -> None:
    cluster = clusterOf(A, rules=HealthRules(rise=rise, fall=fall, hold=0.0))
    for _ in range(fall):
        assert cluster[A].state is not State.DOWN
        cluster.checkFailed(A, "refused", START)
    for _ in range(rise):
        assert cluster[A].state is State.DOWN
        cluster.checked(A, None, START)
    assert cluster[A].state is State.UP


def test_goodCheckInBetweenStartsTheCountAnew() -> None:
    cluster = clusterOf(A, rules=NO_HOLD)
    for _ in range(10):
        cluster.checkFailed(A, "refused", START)
        cluster.checkFailed(A, "refused", START)
        cluster.checked(A, None, START)
    assert cluster[A].state is State.SUSPECT


def test_goodChecksOfAHostThatIsUpChangeNothing(cluster: Cluster) -> None:
    assert [cluster.checked(A, 0.1, START + second) for second in range(5)] == [None] * 5
    assert cluster[A].lastChecked == START + 4


# Users


def test_oneUsersFailureMakesAHostSuspectAtOnce(cluster: Cluster) -> None:
    assert cluster.failed(A, "silent", START) == Change(
        A, State.UP, State.SUSPECT, "a login did not get through: silent"
    )
    assert cluster[A].lastProblem == "silent"
    assert cluster[A].lastChecked is None


def test_usersFailuresDoNotTakeAHostDown(cluster: Cluster) -> None:
    """
    Strangers can fill a host's MaxStartups.
    """
    for second in range(100):
        cluster.failed(A, "closed the connection", START + second)
    assert cluster[A].state is State.SUSPECT


def test_usersFailureBreaksARowOfGoodChecks(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    cluster.checked(A, None, START + 10)
    cluster.failed(A, "silent", START + 15)
    assert cluster.checked(A, None, START + 20) is None
    assert cluster.checked(A, None, START + 30) is not None


def test_usersHandshakeCountsAsAGoodCheck(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    cluster.checked(A, None, START + 10)
    assert cluster.reached(A, 0.2, START + 11) == Change(
        A, State.SUSPECT, State.UP, "went well 2 times in a row"
    )
    assert cluster[A].latency == 0.2
    assert cluster[A].lastChecked == START + 10


# Damping


def test_whatIsHeldIsDecidedByTheNextEvent(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    for second in (1, 2, 3, 4):
        assert cluster.checked(A, None, START + second) is None
    assert cluster.checked(A, None, START + 5) == Change(
        A, State.SUSPECT, State.UP, "went well 2 times in a row"
    )


def test_failureThatIsHeldIsForgottenWhenTheNextCheckIsGood(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    cluster.checked(A, None, START + 1)
    cluster.checked(A, None, START + 5)
    assert cluster.failed(A, "silent", START + 6) is None
    assert cluster.checked(A, None, START + 10) is None
    assert cluster[A].state is State.UP


def test_hostThatKeepsFailingGoesDownAfterTheWait(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    cluster.checked(A, None, START + 4)
    cluster.checked(A, None, START + 5)
    for second in (6, 7, 8, 9):
        assert cluster.checkFailed(A, "silent", START + second) is None
    change = cluster.checkFailed(A, "silent", START + 10)
    assert change == Change(A, State.UP, State.DOWN, "5 checks in a row failed: silent")


def test_eachHostWaitsForItself(cluster: Cluster) -> None:
    cluster.failed(A, "silent", START)
    assert cluster.failed(B, "silent", START) is not None


# Outliers


def slowed(cluster: Cluster, seconds: float, now: float) -> list[Change | None]:
    """
    A round of checks: the first host takes so long, the others a moment.
    """
    answers = [cluster.checked(each, 0.1, now) for each in (B, C)]
    return [cluster.checked(A, seconds, now), *answers]


def test_hostThatIsFarSlowerThanTheOthersIsSuspect(cluster: Cluster) -> None:
    assert slowed(cluster, 3.0, START) == [None] * 3
    assert slowed(cluster, 3.0, START + 10) == [
        Change(
            A,
            State.UP,
            State.SUSPECT,
            "its handshake takes 3 s, that of the others 0.1 s",
        ),
        None,
        None,
    ]


def test_itStaysSuspectHoweverManyOfItsChecksAreGood(cluster: Cluster) -> None:
    for count in range(20):
        slowed(cluster, 3.0, START + 10 * count)
    assert cluster[A].state is State.SUSPECT
    assert cluster[A].since == START + 10


def test_itComesBackWhenItIsNoLonger(cluster: Cluster) -> None:
    slowed(cluster, 3.0, START)
    slowed(cluster, 3.0, START + 10)
    rounds = [slowed(cluster, 0.1, START + 20 + 10 * count)[0] for count in range(10)]
    changes = [change for change in rounds if change is not None]
    assert [(change.old, change.new) for change in changes] == [(State.SUSPECT, State.UP)]
    assert cluster[A].latency is not None
    assert cluster[A].latency < 1.0
    assert not cluster[A].slow


def test_usersNoticeAnOutlierToo(cluster: Cluster) -> None:
    slowed(cluster, 0.1, START)
    changes = [cluster.reached(A, 9.0, START + second) for second in range(10)]
    assert cluster[A].state is State.SUSPECT
    assert len([each for each in changes if each]) == 1


def test_hostThatAnswersSlowlyAfterItWasDownIsSuspectAndNotUp(cluster: Cluster) -> None:
    slowed(cluster, 0.1, START)
    takenDown(cluster, A, START + 10)
    slowed(cluster, 5.0, START + 100)
    change = slowed(cluster, 5.0, START + 110)[0]
    assert change is not None
    assert (change.old, change.new) == (State.DOWN, State.SUSPECT)


def test_onlyOneOfThreeIsHeldBack(cluster: Cluster) -> None:
    """
    The rest has to carry them all.
    """
    for second in (0, 10, 20):
        for host, seconds in ((A, 3.0), (B, 20.0), (C, 0.1)):
            cluster.checked(host, seconds, START + second)
    suspects = [each for each in HOSTS if cluster[each].state is State.SUSPECT]
    assert len(suspects) == 1


@pytest.mark.parametrize("hosts", [(A,), (A, B)])
def test_inASmallClusterNobodyIsHeldBack(hosts: tuple[HostAddress, ...]) -> None:
    cluster = clusterOf(*hosts)
    for second in range(10):
        for host in hosts:
            cluster.checked(host, 60.0 if host == A else 0.1, START + 10 * second)
    assert cluster[A].state is State.UP


def test_outliersMayBeLetAlone() -> None:
    cluster = clusterOf(*HOSTS, rules=HealthRules(outlier=0.0))
    for count in range(10):
        slowed(cluster, 60.0, START + 10 * count)
    assert cluster[A].state is State.UP


def test_hostThatIsOutOfServiceTakesNobodysPlaceAmongTheSlow(cluster: Cluster) -> None:
    slowed(cluster, 5.0, START)
    slowed(cluster, 5.0, START + 10)
    cluster.drain(A, START + 11)
    slowed(cluster, 5.0, START + 20)
    slowed(cluster, 5.0, START + 30)
    assert not cluster[A].slow


# Who takes logins


def test_hostsAreGroupedByTheirStates() -> None:
    hosts = [HostAddress(f"nice{number}") for number in range(7)]
    cluster = clusterOf(*hosts)
    takenDown(cluster, hosts[0], START)
    cluster.failed(hosts[1], "silent", START + 15)
    cluster.drain(hosts[2], START)
    cluster.disable(hosts[3], START)
    cluster.keyRefused(hosts[4], b"key", "another key", START)
    cluster.failed(hosts[5], "silent", START + 15)
    up, suspect, down = addresses(cluster.usable(START + 15))
    assert (up, suspect, down) == ([hosts[6]], [hosts[1], hosts[5]], [hosts[0]])


def test_groupsFollowEveryChange(cluster: Cluster) -> None:
    """
    They are remembered as long as nothing happens.
    """
    steps = [
        (lambda: cluster.drain(A, START), [[B, C], [], []]),
        (lambda: cluster.enable(A, START), [[B, C], [A], []]),
        (lambda: cluster.checkFailed(B, "silent", START), [[C], [A, B], []]),
        (lambda: [cluster.checked(A, None, START) for _ in range(2)], [[A, C], [B], []]),
        (lambda: [cluster.checkFailed(B, "no", START + 9) for _ in range(2)], [[A, C], [], [B]]),
        (lambda: cluster.keyRefused(C, b"key", "no", START), [[A], [], [B]]),
    ]
    for step, groups in steps:
        assert cluster.usable(START + 9)[0], "looked at, and remembered"
        step()
        assert addresses(cluster.usable(START + 9)) == groups


def test_groupsAreTheCallersOwn(cluster: Cluster) -> None:
    for group in cluster.usable(START):
        group.clear()
    assert addresses(cluster.usable(START)) == [[A, B, C], [], []]


def test_suspectHostThatIsLeftAloneStandsAmongThoseThatAreUp(cluster: Cluster) -> None:
    cluster.failed(B, "silent", START)
    late = START + PROBATION
    assert addresses(cluster.usable(late - 1)) == [[A, C], [B], []]
    assert addresses(cluster.usable(late)) == [[A, B, C], [], []]
    cluster.failed(B, "silent", late)
    assert addresses(cluster.usable(late + 1)) == [[A, C], [B], []]


def test_hostThatComesBackGetsLess(cluster: Cluster) -> None:
    takenDown(cluster, A, START)
    assert cluster.weight(A, START + 50) == 1.0
    for second in (90, 100):
        cluster.checked(A, 0.1, START + second)
    assert cluster.weight(A, START + 100) == pytest.approx(0.1)
    assert cluster.weight(A, START + 130) == pytest.approx(0.55)
    assert cluster.weight(A, START + 160) == 1.0
    assert cluster.weight(B, START + 100) == 1.0
