"""
L{bastion.ssh.line}: an identification string first, then messages, however the
bytes arrive.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.task import Clock

from bastion.ssh import line, stream
from bastion.ssh.line import Line
from bastion.ssh.packets import Incoming, Outgoing, payloadOf
from bastion.ssh.terms import WITH_CLIENTS, RekeyLimits
from bastion.testing.network import MemoryTransport
from bastion.wire import DISCONNECT_KEY_EXCHANGE_FAILED, DISCONNECT_PROTOCOL_ERROR, Malformed

VERSION = b"SSH-2.0-peer\r\n"
MESSAGES = [(2, b""), (94, b"data"), (255, b"x" * 300), (1, b"last")]


class Ears(Line):
    """
    A line that writes down what comes of the bytes.

    @ivar heard: messages, the identification, failures, in order.
    @ivar raises: raised for each message, if there is one.
    """

    _preamble = False
    ourVersionString = b"SSH-2.0-ears"

    def __init__(self) -> None:
        super().__init__(Clock(), WITH_CLIENTS)
        self.heard: list[Any] = []
        self.raises: Exception | None = None
        self.rekeyed = 0

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        Write a message down.
        """
        self.heard.append((messageNum, payload))
        if self.raises is not None:
            raise self.raises

    def passOn(self, plain: memoryview) -> None:
        """
        Write down what is passed on.
        """
        self.heard.append(("passed", plain[1], payloadOf(plain)))

    def peerIdentified(self) -> None:
        """
        Write down who it is.
        """
        self.heard.append(self.otherVersionString)

    def rekey(self) -> None:
        """
        Count.
        """
        self.rekeyed += 1

    def fail(self, problem: str, reason: int = Malformed.reason) -> None:
        """
        Write it down, and listen no longer.
        """
        self.heard.append((problem, reason))
        self.closed = True


class Guests(Ears):
    """
    For a peer that may talk before it identifies itself.
    """

    _preamble = True


def connected(ears: Ears) -> MemoryTransport:
    """
    Connect a line to a peer of whom only the bytes are of interest.
    """
    tcp = MemoryTransport(ears, "192.0.2.1")
    ears.makeConnection(tcp)
    return tcp


@pytest.fixture
def ears() -> Ears:
    """
    Connected.
    """
    made = Ears()
    connected(made)
    return made


def packets(*messages: tuple[int, bytes]) -> bytes:
    """
    Messages as they are before the first keys.
    """
    outgoing, data = Outgoing(), b""
    for message in messages:
        plain = outgoing.plain(*message)
        packet = memoryview(bytearray(len(plain) + outgoing.beside + 100))
        outgoing.seal(plain, packet)
        data += bytes(packet[: len(plain) + outgoing.beside])
    return data


# The identification


def test_peerIsGreetedAtOnce() -> None:
    assert bytes(connected(Ears())._outgoing) == b"SSH-2.0-ears\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_peerIsIdentifiedAsSoonAsItsLineIsThere(ears: Ears, size: int) -> None:
    """
    Not when more of its bytes have come, for it may wait for ours.
    """
    for start in range(0, len(VERSION) - 1, size):
        ears.dataReceived(VERSION[start : min(start + size, len(VERSION) - 1)])
        assert not ears.gotVersion
    ears.dataReceived(VERSION[-1:])

    assert ears.gotVersion
    assert ears.heard == [b"SSH-2.0-peer"]


def test_peerMayTalkBefore() -> None:
    ears = Guests()
    connected(ears)
    ears.dataReceived(b"Welcome\r\nto us\r\n" + VERSION + packets((2, b"")))

    assert ears.heard == [b"SSH-2.0-peer", (2, b"")]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\0", b"SSH-1.5-old\n"])
def test_whatIsNotSshFailsAndNothingBehindItIsHeard(ears: Ears, said: bytes) -> None:
    ears.dataReceived(said + VERSION)
    ears.dataReceived(VERSION + packets(*MESSAGES))

    ((problem, reason),) = ears.heard
    assert "SSH" in problem
    assert reason == DISCONNECT_PROTOCOL_ERROR


# Messages


def pieces(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """
    The ways to cut something in two; and into its bytes.
    """
    yield from ((data[:at], data[at:]) for at in range(1, len(data)))
    yield tuple(data[at : at + 1] for at in range(len(data)))


def test_messagesAreHeardHoweverTheyArrive() -> None:
    data = VERSION + packets(*MESSAGES)
    for cut in pieces(data):
        ears = Ears()
        connected(ears)
        for piece in cut:
            ears.dataReceived(piece)
        assert ears.heard == [b"SSH-2.0-peer", *MESSAGES]


def test_whatIsPassedOnIsNotDispatched(ears: Ears) -> None:
    ears.service = ears
    ears.passes = frozenset({94, 255})
    ears.dataReceived(VERSION + packets(*MESSAGES))

    assert ears.heard[1:] == [
        (2, b""),
        ("passed", 94, b"data"),
        ("passed", 255, b"x" * 300),
        (1, b"last"),
    ]


def test_nothingIsHeardOnceItIsClosed(ears: Ears) -> None:
    ears.dataReceived(VERSION + packets(MESSAGES[0]))
    ears.closed = True
    ears.dataReceived(packets(*MESSAGES[1:]))

    assert ears.heard == [b"SSH-2.0-peer", MESSAGES[0]]


class Refusal(Malformed):
    """
    With a reason of its own.
    """

    reason = DISCONNECT_KEY_EXCHANGE_FAILED


@pytest.mark.parametrize("problem", [Malformed("bad"), Refusal("worse")])
def test_whatIsMalformedFailsWithItsReason(ears: Ears, problem: Malformed) -> None:
    ears.raises = problem
    ears.dataReceived(VERSION + packets(*MESSAGES))
    ears.dataReceived(packets(*MESSAGES))

    assert ears.heard[1:] == [MESSAGES[0], (str(problem), problem.reason)]


def test_otherErrorsAreOurOwn(ears: Ears) -> None:
    """
    The reactor closes the connection then, and says it to the log.
    """
    ears.raises = RuntimeError("ours")
    with pytest.raises(RuntimeError, match="ours"):
        ears.dataReceived(VERSION + packets(*MESSAGES))


def test_messagesAreSentInTheirOrder() -> None:
    ears = Ears()
    tcp = connected(ears)
    tcp._outgoing.clear()
    for message in MESSAGES:
        ears.send(ears.outgoing.plain(*message))

    data, incoming, at = memoryview(bytes(tcp._outgoing)), Incoming(), 0
    for message in MESSAGES:
        plain = incoming.next(data, at)
        assert plain is not None and (plain[1], payloadOf(plain)) == message
        at += incoming.size
    assert at == len(data)


class Echo(Ears):
    """
    A line that answers each message with it.
    """

    def dispatchMessage(self, messageNum: int, payload: bytes) -> None:
        """
        Send it back.
        """
        super().dispatchMessage(messageNum, payload)
        self.send(self.outgoing.plain(messageNum, payload))


def test_answersToOneReadLeaveTogetherBeforeAnythingElseIsDone() -> None:
    echo, sent = Echo(), list[tuple[int, int]]()
    connected(echo)
    echo.speakOn(evolve(echo.terms, rekey=RekeyLimits(packets=3)))
    echo.dataReceived(VERSION)
    echo.outgoing.packets = -len(MESSAGES)
    transmit = echo.stream.transmit

    def transmitting(view: memoryview) -> None:
        sent.append((len(view), echo.rekeyed))
        transmit(view)

    echo.stream.transmit = transmitting  # type: ignore[method-assign]
    data = packets(*MESSAGES)
    echo.dataReceived(data)
    assert sent == [(len(data), 0)]
    assert echo.rekeyed == 1


def test_answersWaitForTheTurnThatTheReadIsPartOf() -> None:
    echo = Echo()
    tcp = connected(echo)
    echo.dataReceived(VERSION)
    tcp._outgoing.clear()
    data = packets(*MESSAGES)
    with stream.outbox:
        echo.dataReceived(data)
        assert not tcp._outgoing
    assert len(tcp._outgoing) == len(data)


# Limits


@pytest.mark.parametrize("limits", [RekeyLimits(bytes=99), RekeyLimits(packets=3)])
@pytest.mark.parametrize("sent", [True, False])
def test_keysThatHaveServedForEnoughAreToBeChanged(
    ears: Ears, limits: RekeyLimits, sent: bool
) -> None:
    ears.speakOn(evolve(ears.terms, rekey=limits))
    ears.dataReceived(VERSION)
    for _ in range(4):
        assert ears.rekeyed == 0
        if sent:
            ears.send(ears.outgoing.plain(2, bytes(17)))
        else:
            ears.dataReceived(packets((2, bytes(17))))
    assert ears.rekeyed == 1


@pytest.mark.parametrize("tuned", [True, False])
def test_readsAreAcknowledgedWhereThatCanBeDone(
    monkeypatch: pytest.MonkeyPatch, tuned: bool
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(line.tcp, "tune", lambda transport: tuned)
    monkeypatch.setattr(stream, "acknowledgeAtOnce", asked.append)
    monkeypatch.setattr(MemoryTransport, "getHandle", lambda transport: transport, raising=False)
    ears = Ears()
    tcp = connected(ears)
    assert ears.stream.acknowledged == (sys.maxsize if tuned else 0)

    ears.acknowledge(2)
    for _ in range(5):
        ears.dataReceived(b"SSH")

    assert asked == ([tcp, tcp] if tuned else [])
