"""
Tests of L{bastion.hosts.outliers}: who is far slower than the others.
"""

from __future__ import annotations

import pytest

from bastion.hosts.host import Host, HostSettings
from bastion.hosts.outliers import AT_LEAST, slowness
from bastion.hosts.states import State
from bastion.interfaces import HostAddress

FACTOR = 4.0


def hosts(*latencies: float | None) -> list[Host]:
    """
    Hosts that are up, and how long their handshakes take.
    """
    names = (HostSettings(HostAddress(f"nice{count}")) for count in range(len(latencies)))
    return [
        Host(settings, 0.0, latency=latency)
        for settings, latency in zip(names, latencies, strict=True)
    ]


def isSlow(all_: list[Host], factor: float = FACTOR) -> bool:
    """
    Whether the first one is.
    """
    return slowness(all_[0], all_, factor) is not None


@pytest.mark.parametrize(
    ("latencies", "slow"),
    [
        ((8.01, 1.0, 2.0, 9.0), True),
        ((8.0, 1.0, 2.0, 9.0), False),
        # Of two in the middle, the mean.
        ((6.01, 1.0, 1.0, 2.0, 9.0), True),
        ((6.0, 1.0, 1.0, 2.0, 9.0), False),
        # As the operator is told, so many times.
        ((None, 0.1, 0.1), False),
        ((5.0, None, 0.1), True),
    ],
)
def test_slowIsMoreThanSoManyTimesTheMedianOfTheOthers(
    latencies: tuple[float | None, ...], slow: bool
) -> None:
    assert isSlow(hosts(*latencies)) is slow


def test_wordsSayWhatWasCompared() -> None:
    all_ = hosts(6.25, 0.05, 0.05)
    words = "its handshake takes 6.2 s, that of the others 0.05 s"
    assert slowness(all_[0], all_, FACTOR) == words


def test_nobodyIsSlowWhoseUserDoesNotNotice() -> None:
    assert not isSlow(hosts(AT_LEAST, 0.01, 0.01))
    assert isSlow(hosts(AT_LEAST + 0.01, 0.01, 0.01))


def test_zeroIsNever() -> None:
    assert not isSlow(hosts(60.0, 0.01, 0.01), factor=0.0)


@pytest.mark.parametrize("state", [each for each in State if each is not State.UP])
def test_hostsThatAreNotUpAreNoMeasure(state: State) -> None:
    all_ = hosts(8.0, 4.0, 0.1, 0.1)
    for other in all_[2:]:
        other.state = state
    assert not isSlow(all_)


def test_hostAloneIsNeverSlow() -> None:
    assert not isSlow(hosts(60.0))
    assert not isSlow(hosts(60.0, None, None))


def test_oneOfTwoIsMoreThanAThird() -> None:
    assert not isSlow(hosts(60.0, 0.1))


@pytest.mark.parametrize(
    ("size", "already", "slow"),
    [(3, 0, True), (3, 1, False), (5, 1, False), (6, 1, True), (6, 2, False), (400, 132, True)],
)
def test_noMoreThanAThirdAreHeldBack(size: int, already: int, slow: bool) -> None:
    all_ = hosts(60.0, *[0.1] * (size - 1))
    for other in all_[1 : 1 + already]:
        other.slow = True
        other.state = State.SUSPECT
    assert isSlow(all_) is slow


def test_hostThatIsHeldBackAlreadyStaysSo() -> None:
    all_ = hosts(60.0, 0.1, 0.1)
    all_[0].slow = True
    assert isSlow(all_)
