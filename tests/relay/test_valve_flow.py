"""
L{bastion.relay.valve} at work: two speakers, the bastion's transports, and key
exchanges at any moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from bastion.wire import MSG_CHANNEL_DATA, string, uint32

PIECE = 32768
#: More than the pieces that fit into a transport before its producer is stopped.
MANY = 100


def data(number: int, size: int = 4) -> bytes:
    """
    The payload of a piece of data that can be told from the others.
    """
    return uint32(0) + string(number.to_bytes(4, "big").ljust(size, b"."))


def numbers(heard: Any) -> list[int]:
    """
    Which pieces were heard, in order.
    """
    return [int.from_bytes(payload[8:12], "big") for _, payload in heard]


def waiting(coupled: Any) -> int:
    """
    The bytes that the bastion holds for the two ends.
    """
    queued = 0
    for transport in (coupled.toClient, coupled.toHost):
        queued += transport.transport.waiting
        queued += sum(len(payload) for _, payload in transport._blockedByKeyExchange or ())
    return queued


@pytest.mark.parametrize("fromClient", [False, True], ids=["host sends", "client sends"])
def test_slowReaderStopsTheWriterAndTheMemoryIsBounded(coupled: Any, fromClient: bool) -> None:
    writer, reader = coupled.host, coupled.client
    if fromClient:
        writer, reader = reader, writer
    source = coupled.toClient if fromClient else coupled.toHost
    reader.transport.transport.pauseProducing()

    most = 0
    for number in range(MANY):
        writer.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
        coupled.network.settle()
        most = max(most, waiting(coupled))

    assert not source.transport.reading
    assert most < 65536 + 2 * PIECE
    assert writer.transport.transport.waiting > (MANY - 5) * PIECE

    reader.transport.transport.resumeProducing()
    coupled.network.settle()
    assert numbers(reader.session.heard) == list(range(MANY))
    assert source.transport.reading


def test_otherDirectionFlowsWhileOneIsStopped(coupled: Any) -> None:
    coupled.client.transport.transport.pauseProducing()
    for number in range(MANY):
        coupled.host.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
        coupled.network.settle()

    coupled.client.session.say(MSG_CHANNEL_DATA, data(7))
    coupled.network.settle()

    assert numbers(coupled.host.session.heard) == [7]


@pytest.mark.parametrize("clients", [True, False], ids=["client", "host"])
@pytest.mark.parametrize("byPeer", [True, False], ids=["started by it", "started by us"])
def test_keyExchangeOfOneSideStopsTheOther(coupled: Any, clients: bool, byPeer: bool) -> None:
    near, far = coupled.toClient, coupled.toHost
    speaker, other = coupled.client, coupled.host
    if not clients:
        near, far, speaker, other = far, near, other, speaker
    (speaker.transport if byPeer else near).sendKexInit()
    if byPeer:
        speaker.transport.transport.step()
    assert near.exchangingKeys
    assert not far.transport.reading
    assert near.transport.reading

    for number in range(MANY):
        other.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
    other.transport.transport.step()
    assert waiting(coupled) < PIECE

    coupled.network.settle()
    assert numbers(speaker.session.heard) == list(range(MANY))
    assert far.transport.reading
    assert coupled.network.clock.getDelayedCalls() == []


@pytest.mark.parametrize("clientsFirst", [True, False])
def test_keyExchangesOfBothSidesDoNotWaitForEachOther(coupled: Any, clientsFirst: bool) -> None:
    first, second = coupled.toClient, coupled.toHost
    for transport in (first, second) if clientsFirst else (second, first):
        transport.sendKexInit()
    assert coupled.toClient.exchangingKeys and coupled.toHost.exchangingKeys
    assert coupled.toClient.transport.reading and coupled.toHost.transport.reading
    coupled.client.session.say(MSG_CHANNEL_DATA, data(1))
    coupled.host.session.say(MSG_CHANNEL_DATA, data(2))

    coupled.network.settle()

    assert numbers(coupled.host.session.heard) == [1]
    assert numbers(coupled.client.session.heard) == [2]
    assert not coupled.toClient.exchangingKeys and not coupled.toHost.exchangingKeys
    assert coupled.ended == []


class Walk:
    """
    A random order of data, key exchanges, slow readers and moving bytes.
    """

    def __init__(self, coupled: Any, seed: int) -> None:
        self._coupled = coupled
        self._dice = random.Random(seed)
        self._speakers = [coupled.client, coupled.host]
        self._transports = [
            coupled.client.transport,
            coupled.toClient,
            coupled.toHost,
            coupled.host.transport,
        ]
        self.said: list[list[int]] = [[], []]

    def talk(self) -> None:
        """
        One of the two ends says something.
        """
        which = self._dice.randrange(2)
        number = len(self.said[which])
        self.said[which].append(number)
        size = self._dice.choice((4, 4000, PIECE))
        self._speakers[which].session.say(MSG_CHANNEL_DATA, data(number, size))

    def exchange(self) -> None:
        """
        Somebody starts a key exchange.
        """
        transport = self._dice.choice(self._transports)
        if not transport.exchangingKeys:
            transport.sendKexInit()

    def move(self) -> None:
        """
        Somebody's bytes arrive.
        """
        self._dice.choice(self._transports).transport.step()

    def stall(self) -> None:
        """
        One of the two ends stops or starts to read.
        """
        tcp = self._dice.choice(self._speakers).transport.transport
        (tcp.pauseProducing if tcp.reading else tcp.resumeProducing)()

    def go(self) -> None:
        """
        Do it for a while; then let everything come to rest.
        """
        steps = [self.talk, self.exchange, self.stall, self.move]
        for _ in range(150):
            self._dice.choices(steps, (6, 1, 1, 8))[0]()
        for speaker in self._speakers:
            speaker.transport.transport.resumeProducing()
        self._coupled.network.settle()


@pytest.mark.parametrize("seed", range(100))
def test_whateverTheOrderEverythingArrives(couple: Callable[[], Any], seed: int) -> None:
    coupled = couple()
    walk = Walk(coupled, seed)

    walk.go()

    assert numbers(coupled.host.session.heard) == walk.said[0]
    assert numbers(coupled.client.session.heard) == walk.said[1]
    assert coupled.ended == []
    for transport in (coupled.toClient, coupled.toHost):
        assert transport.transport.reading
        assert not transport.exchangingKeys
    assert coupled.network.clock.getDelayedCalls() == []
