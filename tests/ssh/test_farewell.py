"""
L{bastion.ssh.farewell}: the end of a connection, between two transports in
memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.ssh.keys import Key

from bastion.ssh.farewell import DRAINING_TIME, PARTING_TIME
from bastion.testing.network import MemoryTransport, Network
from bastion.testing.speakers import Speaker, speakingClient, speakingHost
from bastion.wire import DISCONNECT_BY_APPLICATION

KEY = Key(ed25519.Ed25519PrivateKey.generate())
BYE = ("disconnected", DISCONNECT_BY_APPLICATION, b"bye")


class Pair:
    """
    A client and a host that are ready for a login.
    """

    def __init__(self) -> None:
        self.network = Network()
        self.client: Speaker = speakingClient(self.network.clock, KEY)
        self.host: Speaker = speakingHost(self.network.clock, KEY)
        self.tcp: MemoryTransport
        self.tcp, _ = self.network.link(self.client.transport, self.host.transport)
        self.network.settle()
        for speaker in (self.client, self.host):
            speaker.witness.events.clear()

    def startSession(self) -> None:
        """
        The login is done.
        """
        for speaker in (self.client, self.host):
            speaker.startSession()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """
    Leaves no delayed call behind.
    """
    made = Pair()
    yield made
    made.network.settle()
    assert made.network.clock.getDelayedCalls() == []


def test_lastWordsArriveAndTheConnectionIsClosed(pair: Pair) -> None:
    pair.host.transport.disconnect(DISCONNECT_BY_APPLICATION, b"bye")
    pair.network.settle()
    assert pair.client.witness.events == [BYE, "lost"]
    assert pair.host.witness.events == ["lost"]


def test_reasonZeroSaysNothing(pair: Pair) -> None:
    pair.host.transport.disconnect(0, b"not said")
    pair.network.settle()
    assert pair.client.witness.events == ["lost"]


def test_onlyTheFirstWordsAreSaid(pair: Pair) -> None:
    pair.host.transport.disconnect(DISCONNECT_BY_APPLICATION, b"bye")
    pair.host.transport.disconnect(DISCONNECT_BY_APPLICATION, b"and again")
    pair.network.settle()
    assert pair.client.witness.events == [BYE, "lost"]


def test_nothingIsSentBehindThem(pair: Pair) -> None:
    pair.host.transport.disconnect(DISCONNECT_BY_APPLICATION, b"bye")
    sealed = pair.host.transport.outgoing.packets
    pair.host.login.say(51, b"too late")
    assert pair.host.transport.outgoing.packets == sealed
    pair.network.settle()
    assert list(pair.client.login.heard) == []


@pytest.mark.parametrize("limit", [PARTING_TIME, DRAINING_TIME])
def test_whoDoesNotListenIsCutOffInTime(pair: Pair, limit: float) -> None:
    pair.tcp.pauseProducing()
    pair.host.transport.disconnect(DISCONNECT_BY_APPLICATION, b"bye", limit)
    pair.network.clock.advance(limit - 0.1)
    pair.network.settle()
    assert pair.host.witness.events == []
    pair.network.clock.advance(0.2)
    assert pair.host.witness.events == ["lost"]
    pair.tcp.resumeProducing()


def test_finishDoesNotOvertakeWhatAKeyExchangeHoldsBack(pair: Pair) -> None:
    pair.startSession()
    pair.host.transport.sendKexInit()
    pair.host.session.say(94, b"first")
    pair.host.transport.finish(DISCONNECT_BY_APPLICATION, b"bye")
    assert list(pair.client.session.heard) == []
    pair.network.settle()
    assert list(pair.client.session.heard) == [(94, b"first")]
    assert pair.client.witness.events == [BYE, "lost"]


def test_disconnectDoesNotWaitForAKeyExchange(pair: Pair) -> None:
    pair.startSession()
    pair.host.transport.sendKexInit()
    pair.host.session.say(94, b"never")
    pair.host.transport.disconnect(DISCONNECT_BY_APPLICATION, b"bye")
    pair.network.settle()
    assert list(pair.client.session.heard) == []
    assert pair.client.witness.events == [BYE, "lost"]


def test_keyExchangeThatNeverEndsDoesNotHoldTheEndUp(pair: Pair) -> None:
    pair.startSession()
    pair.tcp.pauseProducing()
    pair.host.transport.sendKexInit()
    pair.host.transport.finish(DISCONNECT_BY_APPLICATION, b"bye")
    pair.network.clock.advance(PARTING_TIME + 0.1)
    assert pair.host.witness.events == ["lost"]
    pair.tcp.resumeProducing()


def test_goodbyeOfThePeerIsAnsweredByClosing(pair: Pair) -> None:
    pair.client.transport.disconnect(DISCONNECT_BY_APPLICATION, b"bye")
    pair.network.settle()
    assert pair.host.witness.events == [BYE, "lost"]
    assert pair.client.witness.events == ["lost"]
