"""
L{bastion.relay.keepalive}: a silent end is asked, and given up when it stays silent.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.task import Clock

from bastion.relay.keepalive import Keepalive
from bastion.ssh.terms import WITH_CLIENTS, Patience
from bastion.wire import Malformed


class Peer:
    """
    As much of a transport as its keepalive looks at, and what happens to it.

    @ivar read: whether what it says would be read.
    @ivar happened: when it was asked, and when it was given up.
    @ivar refusal: why it cannot be asked.
    """

    def __init__(self, interval: float = 15.0, tries: int = 3) -> None:
        self.clock = Clock()
        self.read = True
        self.refusal: Malformed | None = None
        self.happened: list[tuple[str, float]] = []
        self.terms = Peer.Terms(Patience(interval, tries))
        self.stream = Peer.Stream()
        transport: Any = self
        self.keepalive = Keepalive(transport, self.ask, lambda: self.read, self.clock)

    class Terms:
        """
        See L{bastion.ssh.terms.Terms}.
        """

        def __init__(self, patience: Patience) -> None:
            self.patience = patience

    class Stream:
        """
        See L{bastion.ssh.stream.Stream}.
        """

        heardAt = 0.0

    def ask(self) -> None:
        """
        It is asked for a sign of life.
        """
        if self.refusal is not None:
            raise self.refusal
        self.happened.append(("asked", self.clock.seconds()))

    def fail(self, problem: str) -> None:
        """
        It is given up.
        """
        self.happened.append((problem, self.clock.seconds()))

    def passes(self, seconds: float, step: float = 1.0) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds / step)):
            self.clock.advance(step)

    def speaks(self) -> None:
        """
        Something of it has arrived.
        """
        self.stream.heardAt = self.clock.seconds()


GIVEN_UP = "it does not answer"


def test_silentPeerIsAskedAndThenGivenUp() -> None:
    peer = Peer()

    peer.passes(1000)

    assert peer.happened == [("asked", 15.0), ("asked", 30.0), (GIVEN_UP, 45.0)]
    assert peer.clock.getDelayedCalls() == []


def test_defaultIsWhatTheSiteNeedsNotSay() -> None:
    patience = WITH_CLIENTS.patience
    assert (patience.interval, patience.tries) == (15.0, 3)


@pytest.mark.parametrize("tries", [1, 2, 7])
@pytest.mark.parametrize("interval", [0.1, 1.0, 3.3, 15.0, 3600.0])
def test_intervalAndTriesAreTheSites(interval: float, tries: int) -> None:
    """
    Though the clock may show 2.9999 intervals.
    """
    peer = Peer(interval, tries)

    peer.passes((tries + 2) * interval, interval / 4)

    happened = [what for what, _ in peer.happened]
    assert happened == ["asked"] * (tries - 1) + [GIVEN_UP]
    due = [turn * interval for turn in range(1, tries + 1)]
    assert [when for _, when in peer.happened] == pytest.approx(due, abs=interval / 3)


def test_withoutAnIntervalNobodyIsAsked() -> None:
    peer = Peer(interval=0)

    assert peer.clock.getDelayedCalls() == []
    peer.passes(10000, 100)
    assert peer.happened == []
    peer.keepalive.stop()


def test_whoSpeaksIsNotAsked() -> None:
    peer = Peer()
    for _ in range(100):
        peer.passes(14)
        peer.speaks()

    assert peer.happened == []


def test_answerGivesTheWholePatienceAgain() -> None:
    peer = Peer()
    peer.passes(44)
    peer.speaks()

    peer.passes(1000)

    assert peer.happened == [
        *(("asked", 15.0), ("asked", 30.0)),
        *(("asked", 59.0), ("asked", 74.0)),
        (GIVEN_UP, 89.0),
    ]


def test_peerThatIsNotReadIsNotBlamed() -> None:
    peer = Peer()
    peer.read = False

    peer.passes(10000)

    assert peer.happened == []


def test_peerThatIsReadAgainHasItsTimeToAnswer() -> None:
    """
    It is asked at once, for it may be silent in truth.
    """
    peer = Peer()
    peer.read = False
    peer.passes(104)
    peer.read = True

    peer.passes(1000)

    assert peer.happened == [("asked", 105.0), ("asked", 120.0), (GIVEN_UP, 135.0)]


def test_pauseInTheMiddleIsNotCounted() -> None:
    peer = Peer()
    peer.passes(31)
    peer.read = False
    peer.passes(300)
    peer.read = True

    peer.passes(14)

    assert peer.happened == [("asked", 15.0), ("asked", 30.0), ("asked", 345.0)]


@pytest.mark.parametrize("after", [0, 16, 31, 44])
@pytest.mark.parametrize("seconds", [20, 60, 10_000])
def test_peerIsNotBlamedForATimeInWhichTheProcessWasStopped(after: int, seconds: int) -> None:
    """
    As a machine is that is moved: what the peer has said meanwhile is read after the look.
    """
    peer = Peer()
    peer.passes(after)
    peer.clock.advance(seconds)
    assert GIVEN_UP not in [what for what, _ in peer.happened]

    back = peer.clock.seconds()
    peer.passes(1000)
    asked = [when for what, when in peer.happened if what == "asked" and when > back]
    assert asked == [back + 15, back + 30]
    assert peer.happened[-1] == (GIVEN_UP, back + 45)


@pytest.mark.parametrize("after", [0, 1, 16, 44])
def test_stoppedKeepaliveLeavesNothing(after: int) -> None:
    peer = Peer()
    peer.passes(after)
    asked = list(peer.happened)

    peer.keepalive.stop()

    assert peer.clock.getDelayedCalls() == []
    peer.passes(100)
    assert peer.happened == asked


def test_stopBehindTheEndDoesNothing() -> None:
    peer = Peer()
    peer.passes(50)

    peer.keepalive.stop()
    peer.keepalive.stop()

    assert peer.happened[-1] == (GIVEN_UP, 45.0)


def test_peerThatCannotBeAskedIsGivenUp() -> None:
    """
    It owes too many replies already.
    """
    peer = Peer()
    peer.refusal = Malformed("too many requests without a reply")

    peer.passes(100)

    assert peer.happened == [("too many requests without a reply", 15.0)]
    assert peer.clock.getDelayedCalls() == []


@pytest.mark.parametrize("seed", range(60))
def test_whateverThePeerDoesItsSilenceIsCounted(seed: int) -> None:
    """
    Against a model: at each multiple of the interval since it was heard.
    """
    dice = random.Random(seed)
    interval, tries = dice.choice((1.0, 15.0, 600.0)), dice.randrange(1, 6)
    peer = Peer(interval, tries)
    expected: list[tuple[str, float]] = []
    for _ in range(50):
        heard, silence = peer.clock.seconds(), dice.randrange(1, 18 * tries)
        for turn in range(1, min(tries, silence // 16) + 1):
            expected.append(("asked" if turn < tries else GIVEN_UP, heard + turn * interval))
        peer.passes(silence * interval / 16, interval / 16)
        if silence >= 16 * tries:
            break
        peer.speaks()

    assert peer.happened == expected
