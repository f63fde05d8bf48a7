"""
L{bastion.relay.shaping}: those that always have something to send get the same, and who
types does not wait for them.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from bastion.relay.ceiling import turn
from bastion.relay.channels import End
from bastion.relay.shaping import LEAST_WAIT, Shaping, Share

MIB = 2**20


class Greedy:
    """
    Somebody who sends whatever it may, and whose receiver takes it at once.

    @ivar sent: how many bytes so far.
    """

    def __init__(self, share: Share, interactive: bool) -> None:
        self.sent = 0
        self._window = 0
        self._flow = share.flow(End.HOST, self.gets)
        self._flow.interactive = interactive
        self._flow.begin(4 * MIB)

    def gets(self, size: int) -> None:
        """
        Hear of more window.
        """
        self._window += size

    def sends(self) -> None:
        """
        Use it.
        """
        size, self._window = self._window, 0
        self.sent += size
        self._flow.used(size)
        self._flow.granted(size)


@settings(max_examples=100)
@given(
    rate=st.integers(64 * 1024, 50 * MIB),
    bulk=st.integers(2, 12),
    accounts=st.integers(1, 4),
    limited=st.booleans(),
    tick=st.sampled_from([0.001, 0.004, 0.02, 0.05]),
)
def test_thoseThatCopyGetTheSame(
    rate: int, bulk: int, accounts: int, limited: bool, tick: float
) -> None:
    clock = Clock()
    shaping = Shaping(rate, clock)
    # An account's ceiling that is not reached changes nothing.
    names = [b"%d" % (number % accounts) for number in range(bulk)]
    shares = [shaping.join(name, 3 * rate if limited else 0) for name in names]
    greedy = [Greedy(share, False) for share in shares if share is not None]
    begins: list[int] = []
    for step in range(400):
        for each in greedy:
            each.sends()
        clock.advance(tick)
        if step == 200:
            begins = [each.sent for each in greedy]
    sent = [each.sent - begin for each, begin in zip(greedy, begins, strict=True)]
    # One turn more or less at the beginning, and at the end.
    assert max(sent) - min(sent) <= 2 * turn(rate)
    # What is between a tick and the timer's is caught up with, but for the last.
    assert sum(sent) == pytest.approx(rate * 199 * tick, rel=0.05, abs=bulk * 2 * turn(rate))


@settings(max_examples=100)
@given(
    rate=st.integers(64 * 1024, 50 * MIB),
    bulk=st.integers(1, 30),
    size=st.integers(1, 32_768),
)
def test_whoTypesWaitsForNobody(rate: int, bulk: int, size: int) -> None:
    clock = Clock()
    shaping = Shaping(rate, clock)
    share = shaping.join(b"johnson", 0)
    assert share is not None
    greedy = [Greedy(share, False) for _ in range(bulk)]
    for _ in range(200):
        for each in greedy:
            each.sends()
        clock.advance(0.01)
    answers: list[int] = []
    flow = share.flow(End.HOST, answers.append)
    flow.interactive = True
    flow.begin(0)
    flow.granted(size)
    # For its own tokens; whatever the others want.
    until = clock.seconds() + size / rate + 2 * LEAST_WAIT
    while clock.seconds() < until:
        for each in greedy:
            each.sends()
        clock.advance(0.001)
    assert answers == [size]
