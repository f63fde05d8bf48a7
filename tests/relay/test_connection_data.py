"""
L{bastion.relay.connection}: data, and the room for it, cross from one cipher to
another as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from bastion.ssh.packets import payloadOf
from bastion.testing.speakers import Recorder, Speaker
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
    byte,
    string,
    uint32,
)

#: What a plain has to be a multiple of, and how many bytes of its length count for it
#: (RFC 4253 section 6; OpenSSH's PROTOCOL 1.5 and 1.6).
ALIGNMENTS = {"gcm": (16, 0), "chacha": (8, 0), "etm": (16, 0), "mac": (16, 4)}
PAIRS = pytest.mark.parametrize(("toClient", "toHost"), list(product(ALIGNMENTS, repeat=2)))
#: The longest data that OpenSSH puts into one message.
LONGEST = 256 * 1024
#: What is passed on as it comes.
PASSED = (MSG_CHANNEL_WINDOW_ADJUST, MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA)

Message = tuple[int, bytes]


class Taker(Recorder):
    """
    A session that is given data as it was opened.

    @ivar plains: padded, as they came.
    """

    passes = frozenset(PASSED)

    def __init__(self) -> None:
        super().__init__(b"ssh-connection")
        self.plains: list[bytes] = []

    def passOn(self, plain: memoryview) -> None:
        """
        Write it down.
        """
        self.plains.append(bytes(plain))
        self.packetReceived(plain[1], payloadOf(plain))


def taking(speaker: Speaker) -> Taker:
    """
    Let a speaker write down what it is sent with its padding.
    """
    taker = Taker()
    speaker.session = taker
    speaker.startSession()
    return taker


def fits(plain: bytes, sealing: str) -> bool:
    """
    Whether a plain is padded as a cipher wants it.
    """
    block, aligned = ALIGNMENTS[sealing]
    return not (len(plain) + aligned) % block


def messages(sizes: Any) -> Iterator[Message]:
    """
    Data, extended data and windows that can be told from each other.
    """
    for size in sizes:
        content = string(bytes(each % 251 for each in range(size)))
        yield MSG_CHANNEL_DATA, uint32(size) + content
        yield MSG_CHANNEL_EXTENDED_DATA, uint32(size) + uint32(1) + content
        yield MSG_CHANNEL_WINDOW_ADJUST, uint32(7) + uint32(size)


@PAIRS
def test_dataCrossesUnchangedWhateverTheCiphersAre(
    couple: Callable[..., Any], termsOf: Callable[..., Any], toClient: str, toHost: str
) -> None:
    coupled = couple(termsOf(toClient), termsOf(toHost))
    said = list(messages([*range(70), 1000, 32768]))
    for speaker in (coupled.client, coupled.host):
        for message in said:
            speaker.session.say(*message)

    coupled.network.settle()

    assert list(coupled.host.session.heard) == said
    assert list(coupled.client.session.heard) == said
    size = 2 * (sum(range(70)) + 1000 + 32768)
    assert coupled.relay.client.received == coupled.relay.host.received == size
    assert coupled.ended == []


@PAIRS
@pytest.mark.parametrize("fromClient", [True, False], ids=["client sends", "host sends"])
def test_paddingStaysWhereItFitsAndIsMadeAnewWhereItDoesNot(
    couple: Callable[..., Any],
    termsOf: Callable[..., Any],
    toClient: str,
    toHost: str,
    fromClient: bool,
) -> None:
    """
    A peer may pad with up to 255 bytes, to hide how long its messages are.
    """
    coupled = couple(termsOf(toClient), termsOf(toHost))
    talker, listener = coupled.client, coupled.host
    near, far = toClient, toHost
    if not fromClient:
        talker, listener, near, far = listener, talker, far, near
    taker = taking(listener)
    sent = []
    for padding in range(4, 256):
        payload = uint32(0) + string(b"%d" % padding)
        plain = bytes((padding, MSG_CHANNEL_DATA)) + payload + bytes(padding)
        if fits(plain, near):
            sent.append(plain)
            talker.transport.send(plain)

    coupled.network.settle()

    assert [payload for _, payload in taker.heard] == [payloadOf(memoryview(p)) for p in sent]
    assert len(sent) > 10
    for came, went in zip(taker.plains, sent, strict=True):
        assert fits(came, far)
        assert (came == went) == fits(went, far)


@PAIRS
def test_longestDataCrosses(
    couple: Callable[..., Any], termsOf: Callable[..., Any], toClient: str, toHost: str
) -> None:
    coupled = couple(termsOf(toClient), termsOf(toHost))
    said = list(messages(range(LONGEST - 8, LONGEST + 1, 4)))
    for message in said:
        coupled.client.session.say(*message)

    coupled.network.settle()

    assert list(coupled.host.session.heard) == said


@PAIRS
def test_newKeysInTheMiddleChangeNothing(
    couple: Callable[..., Any], termsOf: Callable[..., Any], toClient: str, toHost: str
) -> None:
    coupled = couple(termsOf(toClient), termsOf(toHost))
    said = list(messages(range(40)))
    for turn, message in enumerate(said):
        if not turn % 10:
            (coupled.toClient, coupled.host.transport, coupled.toHost)[turn % 3].rekey()
        coupled.client.session.say(*message)
        coupled.host.session.say(*message)
        if not turn % 7:
            coupled.network.settle()
    coupled.network.settle()

    assert list(coupled.host.session.heard) == said
    assert list(coupled.client.session.heard) == said
    assert coupled.ended == []


@pytest.mark.parametrize("number", PASSED)
@pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])
def test_dataTooShortForItsFieldsEndsTheConnection(
    coupled: Any, number: int, fromClient: bool
) -> None:
    """
    The padding is not taken for it.
    """
    talker, listener = (coupled.client, coupled.host)[:: 1 if fromClient else -1]
    near = coupled.toClient if fromClient else coupled.toHost
    fields = 3 if number == MSG_CHANNEL_EXTENDED_DATA else 2

    talker.session.say(number, byte(0) * (4 * fields))
    coupled.network.settle()
    assert len(listener.session.heard) == 1

    talker.session.say(number, byte(0) * (4 * fields - 1))
    coupled.network.settle()
    assert coupled.ended[0] == (near, "data without a length")
    assert len(listener.session.heard) == 1
