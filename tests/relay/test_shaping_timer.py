"""
L{bastion.relay.shaping}: its timer runs while somebody waits, and nothing is left of those
who are gone.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from twisted.internet.task import Clock

from bastion.relay.ceiling import ADVANCE, QUANTUM, START
from bastion.relay.channels import End
from bastion.relay.shaping import LEAST_WAIT, Shaping, Share

MIB = 2**20
WINDOW = 2 * MIB


def limited(gateway: int, account: int = 0) -> tuple[Clock, Shaping, Share]:
    """
    A connection with ceilings.
    """
    clock = Clock()
    clock.advance(1_795_600_000)
    shaping = Shaping(gateway, clock)
    share = shaping.join(b"johnson", account)
    assert share is not None
    return clock, shaping, share


def test_timerRunsOnlyWhileSomebodyWaits() -> None:
    clock, _, share = limited(MIB)
    assert clock.getDelayedCalls() == []
    flow = share.flow(End.CLIENT, lambda size: None)
    flow.begin(0)
    flow.granted(MIB // 4)
    assert clock.getDelayedCalls() == []
    flow.used(MIB // 4)
    flow.granted(QUANTUM)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(QUANTUM / MIB)
    clock.advance(LEAST_WAIT)
    assert clock.getDelayedCalls() == []


@pytest.mark.parametrize("order", list(permutations(["fast", "slow", "slower"])))
def test_timerGoesOffWhenTheFirstCanHaveItsTurn(order: tuple[str, ...]) -> None:
    clock = Clock()
    shaping = Shaping(0, clock)
    rates = {"fast": MIB, "slow": 2048, "slower": 1024}
    given: list[str] = []
    for name in order:
        share = shaping.join(name.encode(), rates[name])
        assert share is not None
        flow = share.flow(End.HOST, lambda size, name=name: given.append(name))
        flow.begin(START)
        flow.used(START)
        flow.granted(QUANTUM)
    given.clear()
    clock.advance(QUANTUM / MIB - 0.001)
    assert given == []
    clock.advance(LEAST_WAIT + 0.001)
    assert given == ["fast"]
    clock.advance(15)
    assert given == ["fast"]
    clock.advance(1)
    assert given == ["fast", "slow"]
    clock.advance(15)
    assert given == ["fast", "slow"]
    clock.advance(1)
    assert given == ["fast", "slow", "slower"]


def test_failureOfOneStopsNobodyElse() -> None:
    clock, _, share = limited(MIB)
    given: list[int] = []

    def fail(size: int) -> None:
        raise RuntimeError("its transport is in no state for it")

    for give, size in ((given.append, MIB // 4), (fail, QUANTUM), (given.append, QUANTUM)):
        flow = share.flow(End.CLIENT, give)
        flow.begin(0)
        flow.granted(size)
    given.clear()
    with pytest.raises(RuntimeError):
        clock.advance(1)
    assert given == []
    clock.advance(LEAST_WAIT)
    assert given == [QUANTUM]
    assert clock.getDelayedCalls() == []


# The end


def test_closedChannelIsForgotten() -> None:
    _, _, share = limited(MIB)
    for _ in range(1000):
        share.flow(End.CLIENT, lambda size: None).close()
    assert len(share) == 0


def test_flowOfAConnectionThatIsOverIsClosed() -> None:
    clock, _, share = limited(MIB)
    share.leave()
    flow = share.flow(End.CLIENT, lambda size: None)
    flow.begin(WINDOW)
    flow.granted(WINDOW)
    flow.used(ADVANCE)
    assert len(share) == 0
    assert clock.getDelayedCalls() == []


def test_giverMayEndTheConnection() -> None:
    clock, shaping, share = limited(MIB, MIB)
    for _ in range(3):
        flow = share.flow(End.CLIENT, lambda size: share.leave())
        flow.begin(WINDOW)
        flow.used(ADVANCE)
    clock.advance(1)
    assert (len(share), len(shaping)) == (0, 0)
    assert clock.getDelayedCalls() == []
