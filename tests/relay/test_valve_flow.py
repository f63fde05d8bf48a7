"""
L{bastion.relay.valve} at work: two speakers, the bastion's transports, and key
exchanges at any moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from bastion.ssh.held import MAX_HELD
from bastion.ssh.terms import RekeyLimits
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_GLOBAL_REQUEST,
    byte,
    string,
    uint32,
)

PIECE = 32768
#: More than the pieces that fit into a transport before its producer is stopped.
MANY = 100
BOTH_ENDS = pytest.mark.parametrize("clients", [True, False], ids=["client", "host"])


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
        queued += transport._held.bytes
    return queued


def ends(coupled: Any, clients: bool) -> tuple[Any, Any, Any, Any]:
    """
    A speaker and our transport that faces it, and the same of the other end.
    """
    legs = [(coupled.client, coupled.toClient), (coupled.host, coupled.toHost)]
    return (*legs[not clients], *legs[clients])


@pytest.mark.parametrize("fromClient", [False, True], ids=["host sends", "client sends"])
def test_slowReaderStopsTheWriterAndTheMemoryIsBounded(coupled: Any, fromClient: bool) -> None:
    writer, source, reader, _ = ends(coupled, fromClient)
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


@BOTH_ENDS
@pytest.mark.parametrize("byPeer", [True, False], ids=["started by it", "started by us"])
def test_keyExchangeOfOneSideStopsTheOther(coupled: Any, clients: bool, byPeer: bool) -> None:
    speaker, near, other, far = ends(coupled, clients)
    (speaker.transport if byPeer else near).rekey()
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


@pytest.mark.parametrize("clientsFirst", [True, False])
def test_keyExchangesOfBothSidesDoNotWaitForEachOther(coupled: Any, clientsFirst: bool) -> None:
    """
    With all that the two ends had under way.
    """
    for number in range(MANY):
        coupled.client.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
        coupled.host.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
    first, second = coupled.toClient, coupled.toHost
    for transport in (first, second) if clientsFirst else (second, first):
        transport.rekey()
    assert first.holdsBack and second.holdsBack
    assert first.transport.reading and second.transport.reading

    coupled.network.settle()

    assert numbers(coupled.host.session.heard) == list(range(MANY))
    assert numbers(coupled.client.session.heard) == list(range(MANY))
    assert not first.exchangingKeys and not second.exchangingKeys
    assert coupled.ended == []


@BOTH_ENDS
def test_whatIsHeldBackKeepsItsOrderWithWhatIsForwarded(coupled: Any, clients: bool) -> None:
    """
    New keys are due in the middle of what is read at once.
    """
    speaker, near, other, _ = ends(coupled, clients)
    near.speakOn(evolve(near.terms, rekey=RekeyLimits(packets=20)))
    said = []
    for number in range(60):
        said.append((MSG_CHANNEL_DATA, data(number)))
        said.append((MSG_CHANNEL_REQUEST, uint32(0) + string(b"%d" % number) + byte(0)))
    for message in said:
        other.session.say(*message)

    other.transport.transport.step()
    assert near.holdsBack
    assert len(near._held) > 80

    coupled.network.settle()
    assert list(speaker.session.heard) == said


@BOTH_ENDS
def test_memoryIsBoundedWhileAnEndDoesNotAnswerOurKexinit(coupled: Any, clients: bool) -> None:
    speaker, near, other, far = ends(coupled, clients)
    speaker.transport.transport.pauseProducing()
    near.rekey()

    for number in range(MANY):
        other.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
        coupled.network.settle()

    assert waiting(coupled) < PIECE
    assert not far.transport.reading

    speaker.transport.transport.resumeProducing()
    coupled.network.settle()
    assert numbers(speaker.session.heard) == list(range(MANY))


@BOTH_ENDS
def test_whoSendsOnInsteadOfAnsweringIsCut(coupled: Any, clients: bool) -> None:
    """
    It is read, for we wait for its KEXINIT, and the other end holds up its own.
    """
    speaker, near, other, far = ends(coupled, not clients)
    for each in (speaker, other):
        each.transport.transport.pauseProducing()
    near.rekey()
    far.rekey()

    most = 0
    for number in range(MAX_HELD // PIECE + 2):
        speaker.session.say(MSG_CHANNEL_DATA, data(number, PIECE))
        speaker.transport.transport.step()
        most = max(most, waiting(coupled))

    assert coupled.ended[0] == (near, "too much was sent during a key exchange")
    assert most < 17 * 1024 * 1024
    assert len(far._held) == 0


class Walk:
    """
    A random order of data, key exchanges, slow readers and moving bytes.
    """

    def __init__(self, coupled: Any, dice: random.Random) -> None:
        self._coupled = coupled
        self._dice = dice
        self._speakers = [coupled.client, coupled.host]
        self._transports = [
            coupled.client.transport,
            coupled.toClient,
            coupled.toHost,
            coupled.host.transport,
        ]
        self.said: list[list[tuple[int, bytes]]] = [[], []]

    def talk(self) -> None:
        """
        One of the two ends says something.
        """
        which = self._dice.randrange(2)
        number = len(self.said[which])
        piece = data(number, self._dice.choice((4, 5, 17, 4000, PIECE)))
        message = self._dice.choice(
            [
                *[(MSG_CHANNEL_DATA, piece)] * 4,
                (MSG_CHANNEL_EXTENDED_DATA, piece[:4] + uint32(1) + piece[4:]),
                (MSG_CHANNEL_WINDOW_ADJUST, uint32(0) + uint32(number)),
                (MSG_CHANNEL_REQUEST, uint32(0) + string(b"%d" % number) + byte(0)),
                (MSG_GLOBAL_REQUEST, string(b"%d" % number) + byte(0)),
            ]
        )
        self.said[which].append(message)
        self._speakers[which].session.say(*message)

    def exchange(self) -> None:
        """
        Somebody starts a key exchange.
        """
        self._dice.choice(self._transports).rekey()

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
def test_whateverTheOrderEverythingArrives(
    couple: Callable[..., Any], termsOf: Callable[..., Any], seed: int
) -> None:
    dice = random.Random(seed)
    sealings = ["gcm", "chacha", "etm", "mac"]
    coupled = couple(termsOf(dice.choice(sealings)), termsOf(dice.choice(sealings)))
    walk = Walk(coupled, dice)

    walk.go()

    assert list(coupled.host.session.heard) == walk.said[0]
    assert list(coupled.client.session.heard) == walk.said[1]
    assert coupled.ended == []
    for transport in (coupled.toClient, coupled.toHost):
        assert transport.transport.reading
        assert not transport.exchangingKeys
