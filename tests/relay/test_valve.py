"""
L{bastion.relay.valve}: who sends faster than the other end reads is stopped, and
nobody waits for ever.
"""

from __future__ import annotations

import select
from typing import Any

import pytest
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from bastion.relay import valve as module
from bastion.relay.valve import LOOK_EVERY, Valve
from bastion.ssh.keyexchange import Turn


class Tcp:
    """
    A TCP transport that can be stopped.
    """

    def __init__(self) -> None:
        self.reading = True
        self.producer: Any = None
        self.aborted = False

    def pauseProducing(self) -> None:
        """
        Read no more.
        """
        assert self.reading
        self.reading = False

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        assert not self.reading
        self.reading = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Know who is to be stopped.
        """
        assert streaming and self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        """
        Forget who is to be stopped.
        """
        self.producer = None

    def abortConnection(self) -> None:
        """
        Cut the connection.
        """
        self.aborted = True


class Leg:
    """
    As much of an SSH transport as a valve looks at.
    """

    def __init__(self) -> None:
        self.transport = Tcp()
        self.turn = Turn.NONE
        self.excused = False

    @property
    def exchangingKeys(self) -> bool:
        """
        Whether the peer owes us a part of a key exchange.
        """
        return self.turn is not Turn.NONE

    @property
    def agreeingOnKeys(self) -> bool:
        """
        Whether the peer sends nothing else.
        """
        return self.turn in (Turn.AGREED, Turn.KEYED)

    @property
    def holdsBack(self) -> bool:
        """
        Whether what is sent waits.
        """
        return self.turn in (Turn.ASKED, Turn.AGREED)

    def excuseKeyExchange(self) -> None:
        """
        It has time.
        """
        self.excused = True

    def expectKeyExchange(self) -> None:
        """
        Its time runs.
        """
        self.excused = False


class Plumbing:
    """
    One valve between two legs.

    @ivar peer: what the kernel knows of the source's peer.
    """

    def __init__(self, lastLooks: int | None = None) -> None:
        self.clock = Clock()
        self.peer = 0
        self.source: Any = Leg()
        self.sink: Any = Leg()
        self.valve = Valve(self.source, self.sink, self.clock, lastLooks)

    @property
    def flows(self) -> bool:
        """
        Whether the source is read.
        """
        return bool(self.source.transport.reading)

    def looks(self, times: int) -> None:
        """
        Let the valve look after its peer.
        """
        for _ in range(times):
            self.clock.advance(LOOK_EVERY)


@pytest.fixture
def plumbing(monkeypatch: pytest.MonkeyPatch) -> Plumbing:
    """
    A valve that waits for its peer for ever.
    """
    return plumbed(None, monkeypatch)


def plumbed(lastLooks: int | None, monkeypatch: pytest.MonkeyPatch) -> Plumbing:
    """
    A valve that can look at its peer.
    """
    made = Plumbing(lastLooks)

    def peerState(transport: object) -> int:
        assert transport is made.source.transport
        return made.peer

    monkeypatch.setattr(module, "peerState", peerState)
    return made


def test_valveIsTheProducerOfItsSink(plumbing: Plumbing) -> None:
    verifyObject(IPushProducer, plumbing.valve)
    assert plumbing.sink.transport.producer is plumbing.valve
    assert plumbing.source.transport.producer is None


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("sinks", Turn)
@pytest.mark.parametrize("sources", Turn)
def test_whenTheSourceIsReadAsATable(
    plumbing: Plumbing, full: bool, sinks: Turn, sources: Turn
) -> None:
    plumbing.source.turn = sources
    plumbing.sink.turn = sinks
    if full:
        plumbing.valve.pauseProducing()

    plumbing.valve.settle()

    stopped = {
        # What is passed on would be kept by us.
        Turn.NONE: full or sinks in (Turn.ASKED, Turn.AGREED),
        # It may go on for as long as it likes before it answers; but two that are
        # asked must not wait for each other.
        Turn.ASKED: full,
        Turn.AGREED: False,
        Turn.KEYED: False,
    }
    assert plumbing.flows == (not stopped[sources])
    assert plumbing.valve.isOpen() == plumbing.flows
    assert plumbing.source.excused == stopped[sources]


def test_whoIsStoppedHasTimeToAnswerUs(plumbing: Plumbing) -> None:
    plumbing.valve.pauseProducing()
    plumbing.source.excused = False
    plumbing.source.turn = Turn.ASKED
    plumbing.valve.settle()
    assert plumbing.source.excused and not plumbing.flows

    plumbing.valve.resumeProducing()
    assert not plumbing.source.excused and plumbing.flows


def test_valveOpensWhenTheSinkHasTakenEverything(plumbing: Plumbing) -> None:
    plumbing.valve.pauseProducing()
    plumbing.valve.pauseProducing()
    assert not plumbing.flows

    plumbing.valve.resumeProducing()

    assert plumbing.flows
    assert plumbing.clock.getDelayedCalls() == []


def test_valveStaysShutUntilBothReasonsAreOver(plumbing: Plumbing) -> None:
    plumbing.valve.pauseProducing()
    plumbing.sink.turn = Turn.ASKED
    plumbing.valve.settle()

    plumbing.valve.resumeProducing()
    assert not plumbing.flows

    plumbing.sink.turn = Turn.KEYED
    plumbing.valve.settle()
    assert plumbing.flows


def test_sourceThatIsThereIsWaitedForForEver(plumbing: Plumbing) -> None:
    plumbing.valve.pauseProducing()

    plumbing.looks(100)

    assert not plumbing.source.transport.aborted
    assert len(plumbing.clock.getDelayedCalls()) == 1


@pytest.mark.parametrize("state", [select.POLLERR, select.POLLHUP, select.POLLNVAL])
@pytest.mark.parametrize("lastLooks", [None, 5])
def test_sourceWhosePeerHasVanishedIsEnded(
    monkeypatch: pytest.MonkeyPatch, lastLooks: int | None, state: int
) -> None:
    plumbing = plumbed(lastLooks, monkeypatch)
    plumbing.valve.pauseProducing()
    plumbing.looks(3)

    plumbing.peer = state | select.POLLRDHUP
    plumbing.looks(1)

    assert plumbing.source.transport.aborted
    assert plumbing.clock.getDelayedCalls() == []


def test_clientThatHasLeftGetsSomeLooks(monkeypatch: pytest.MonkeyPatch) -> None:
    plumbing = plumbed(5, monkeypatch)
    plumbing.valve.pauseProducing()
    plumbing.looks(10)
    plumbing.peer = select.POLLRDHUP

    plumbing.looks(4)
    assert not plumbing.source.transport.aborted

    plumbing.looks(1)
    assert plumbing.source.transport.aborted


def test_hostThatHasLeftIsReadToItsEnd(plumbing: Plumbing) -> None:
    plumbing.valve.pauseProducing()
    plumbing.peer = select.POLLRDHUP

    plumbing.looks(1000)

    assert not plumbing.source.transport.aborted


def test_looksStartAnewEachTimeTheValveShuts(monkeypatch: pytest.MonkeyPatch) -> None:
    plumbing = plumbed(5, monkeypatch)
    plumbing.peer = select.POLLRDHUP
    for _ in range(5):
        plumbing.valve.pauseProducing()
        plumbing.looks(4)
        plumbing.valve.resumeProducing()

    assert not plumbing.source.transport.aborted


@pytest.mark.parametrize("shut", [False, True])
def test_removedValveLooksNoMore(plumbing: Plumbing, shut: bool) -> None:
    if shut:
        plumbing.valve.pauseProducing()

    plumbing.valve.remove()

    assert plumbing.clock.getDelayedCalls() == []
    assert plumbing.sink.transport.producer is None


def test_removedValveDoesNotShutAnyMore(plumbing: Plumbing) -> None:
    """
    A transport whose last key exchange ends tells its owner when the other one
    is gone already.
    """
    plumbing.valve.remove()

    plumbing.sink.turn = Turn.ASKED
    plumbing.valve.settle()

    assert plumbing.clock.getDelayedCalls() == []


def test_endOfTheSinkIsForItsOwner(plumbing: Plumbing) -> None:
    plumbing.valve.stopProducing()

    assert plumbing.flows
    assert not plumbing.source.transport.aborted
