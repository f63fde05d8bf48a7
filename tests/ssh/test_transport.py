"""
L{bastion.ssh.transport}: a message out of its phase ends the connection, whatever
it is; bad input is one failure and one goodbye.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from bastion.algorithms import TO_CLIENTS
from bastion.ssh.negotiation import Offer
from bastion.ssh.packets import MAX_PACKET, MAX_PACKET_BEFORE_LOGIN, payloadOf
from bastion.ssh.phases import FROM_CLIENT, FROM_HOST, Phase
from bastion.testing.speakers import Recorder
from bastion.wire import DISCONNECT_PROTOCOL_ERROR, string, uint32

VERSION = b"SSH-2.0-test\r\n"

#: And of those that nobody has, some.
NUMBERS = [*range(128), 128, 191, 192, 193, 255]

PHASES: dict[Phase, Callable[[Any], Any]] = {
    Phase.SERVICE: lambda leg: leg.beforeService(),
    Phase.LOGIN: lambda leg: leg.inLogin(),
    Phase.CONNECTION: lambda leg: leg.inSession(),
}


def allowed(leg: Any) -> dict[Phase, frozenset[int]]:
    """
    What its peer may send.
    """
    return FROM_CLIENT if leg.facesClient else FROM_HOST


def goodbye(text: str) -> tuple[str, int, bytes]:
    """
    What a peer learns that has broken the rules.
    """
    return ("disconnected", DISCONNECT_PROTOCOL_ERROR, text.encode())


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.value)
def test_messageOutOfItsPhaseEndsTheConnection(newLeg: Callable[[], Any], phase: Phase) -> None:
    for number in NUMBERS:
        leg = PHASES[phase](newLeg())
        if number in allowed(leg)[phase]:
            continue
        leg.hears(number, b"canary")

        problem = f"message {number} during {phase.value}"
        assert leg.failures == [problem]
        assert leg.peer.witness.events[-2:] == [goodbye(problem), "lost"]
        assert list(leg.service.heard) == []
        leg.over()


def test_messageOutOfTheKeyExchangeEndsTheConnection(
    newLeg: Callable[[], Any], packet: Callable[..., bytes]
) -> None:
    for number in NUMBERS:
        leg = newLeg()
        if number in allowed(leg)[Phase.KEY_EXCHANGE]:
            continue
        peer = leg.raw(VERSION, packet(number, b"canary"))

        problem = f"message {number} during key exchange"
        assert leg.failures == [problem]
        assert problem.encode() in peer.heard
        assert peer.gone
        leg.over()


@pytest.mark.parametrize("phase", [Phase.LOGIN, Phase.CONNECTION], ids=lambda phase: phase.value)
def test_messagesOfAServiceReachIt(newLeg: Callable[[], Any], phase: Phase) -> None:
    for number in NUMBERS[50:]:
        leg = PHASES[phase](newLeg())
        if number not in allowed(leg)[phase]:
            continue
        leg.service.heard.clear()
        leg.hears(number, b"payload")

        assert list(leg.service.heard) == [(number, b"payload")]
        assert leg.failures == []


class Passing(Recorder):
    """
    A service that passes some messages on.
    """

    passes = frozenset({93, 94, 95})

    def __init__(self) -> None:
        super().__init__(b"ssh-connection")
        self.passed: list[bytes] = []

    def passOn(self, plain: memoryview) -> None:
        """
        Write down what was opened.
        """
        self.passed.append(bytes(plain))


def test_serviceIsGivenWhatItPassesOnAsItWasOpened(leg: Any) -> None:
    leg.inSession()
    service = Passing()
    leg.ours.setService(service)
    for number in range(92, 97):
        leg.hears(number, b"payload")

    assert [number for number, _ in service.heard] == [92, 96]
    assert [plain[1] for plain in service.passed] == [93, 94, 95]
    for plain in service.passed:
        assert payloadOf(memoryview(plain)) == b"payload"
        assert len(plain) == 2 + len(b"payload") + plain[0]


@pytest.mark.parametrize("who", ["peer", "we"])
def test_nothingIsPassedOnOnceAPeerHasAskedForNewKeys(leg: Any, who: str) -> None:
    leg.inSession()
    service = Passing()
    leg.ours.setService(service)
    leg.hears(94, b"before")
    (leg.peer.transport if who == "peer" else leg.ours).sendKexInit()
    if who == "we":
        leg.hears(94, b"under way")
        leg.peer.transport.sendKexInit()
    leg.hears(94, b"behind")

    assert len(service.passed) == (1 if who == "peer" else 2)
    assert len(leg.failures) == 1
    leg.over()


@pytest.mark.parametrize("end", ["disconnect", "finish"])
def test_nothingIsPassedOnBehindOurGoodbye(leg: Any, end: str) -> None:
    leg.inSession()
    service = Passing()
    leg.ours.setService(service)
    leg.ours.sendKexInit()
    getattr(leg.ours, end)(11, b"bye")
    leg.hears(94, b"behind")

    assert service.passed == []
    assert leg.failures == []


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.value)
@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("payload", [b"", b"\0", string(b"x" * 100), b"\xff" * 30])
def test_smallTalkIsPassedOver(leg: Any, phase: Phase, number: int, payload: bytes) -> None:
    PHASES[phase](leg).hears(number, payload)

    assert leg.failures == []
    assert list(leg.service.heard) == []


@pytest.mark.parametrize("phase", [Phase.SERVICE, Phase.LOGIN], ids=lambda phase: phase.value)
def test_keysAreNotExchangedAnewBeforeTheLoginIsDone(
    newLeg: Callable[[], Any], phase: Phase
) -> None:
    """
    Nobody has a use for it there, and a stranger could let us compute.
    """
    for number in (20, 21, *range(30, 50)):
        leg = PHASES[phase](newLeg())
        leg.hears(number, b"")

        assert leg.failures == [f"message {number} during {phase.value}"]
        leg.over()


# Bad input


def test_emptyPacketIsMalformed(leg: Any) -> None:
    leg.raw(VERSION, struct.pack(">LB", 12, 11) + bytes(11))

    assert leg.failures == ["a packet whose padding leaves no message"]
    leg.over()


@pytest.mark.parametrize("padding", [0, 3, 4, 255])
def test_paddingThatIsWrongIsNoException(leg: Any, padding: int) -> None:
    leg.raw(VERSION, struct.pack(">LB", 12, padding) + bytes(11))

    assert len(leg.failures) == 1
    leg.over()


@pytest.mark.parametrize("length", [0, 1, 5, 35001, 262145, 2**20, 2**20 + 1, 2**31 - 1, 2**32 - 1])
def test_lengthThatIsWrongEndsTheConnectionAtOnce(leg: Any, length: int) -> None:
    leg.raw(VERSION, struct.pack(">L", length) + bytes(12))

    assert len(leg.failures) == 1
    leg.over()


def test_nothingIsKeptOfATooLongPacket(leg: Any) -> None:
    leg.raw(VERSION, struct.pack(">L", 40_000) + bytes(20_000))

    assert leg.failures == ["a packet of 40000 bytes"]
    leg.over()


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.value)
@pytest.mark.parametrize("more", [-300, 300])
def test_packetHasItsLimitBeforeAndAfterTheLogin(leg: Any, phase: Phase, more: int) -> None:
    limit = MAX_PACKET if phase is Phase.CONNECTION else MAX_PACKET_BEFORE_LOGIN
    PHASES[phase](leg).hears(2, bytes(limit + more))

    assert bool(leg.failures) == (more > 0)


@pytest.mark.parametrize("bit", [0, 7])
def test_flippedBitEndsTheConnection(newLeg: Callable[[], Any], bit: int) -> None:
    """
    Whatever byte of an encrypted packet it is in: we end it, as soon as as many bytes have
    come as the length field says now, and the peer need not.
    """
    leg = newLeg().inSession()
    leg.peer.session.say(94, b"payload")
    size = leg.peer.transport.transport.waiting
    for place in range(size):
        leg = newLeg().inSession()
        leg.peer.session.say(94, b"payload")
        leg.peer.transport.transport._outgoing[place] ^= 1 << bit
        for _ in range(MAX_PACKET // 30_000 + 1):
            leg.network.settle()
            leg.peer.session.say(94, bytes(30_000))
        leg.network.settle()

        assert list(leg.service.heard) == []
        assert len(leg.failures) == 1
        assert leg.peer.witness.events[-2:] == [goodbye(leg.failures[0]), "lost"]
        leg.over()


TRUNCATED = {
    "DISCONNECT": (1, uint32(11) + string(b"bye"), Phase.CONNECTION),
    "SERVICE_REQUEST": (5, string(b"ssh-userauth"), Phase.SERVICE),
    "SERVICE_ACCEPT": (6, string(b"ssh-userauth"), Phase.SERVICE),
    "EXT_INFO": (7, uint32(1) + string(b"server-sig-algs") + string(b"x,y"), Phase.SERVICE),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_truncatedMessagesAreOneFailureAndOneGoodbye(newLeg: Callable[[], Any], name: str) -> None:
    number, whole, phase = TRUNCATED[name]
    for size in range(len(whole)):
        leg = PHASES[phase](newLeg())
        if number not in allowed(leg)[phase] or (name == "EXT_INFO" and 7 < size):
            continue
        leg.hears(number, whole[:size])

        assert len(leg.failures) == 1
        assert leg.peer.witness.events[-2] == goodbye(leg.failures[0])
        leg.over()


@pytest.mark.parametrize("count", [2, 2**16, 2**32 - 1])
def test_moreExtensionsThanThereAreIsMalformed(leg: Any, count: int) -> None:
    leg.beforeService().hears(7, uint32(count) + string(b"name") + string(b"value"))

    assert len(leg.failures) == 1
    leg.over()


@pytest.mark.parametrize("cut", [1, 7, 15, 16, 17, 100, 200])
def test_truncatedKexinitIsOneFailure(
    newLeg: Callable[[], Any], packet: Callable[..., bytes], cut: int
) -> None:
    whole = Offer.of(TO_CLIENTS).payload(bytes(16))
    leg = newLeg()
    leg.raw(VERSION, packet(20, whole[:-cut]))

    assert len(leg.failures) == 1
    leg.over()


def test_everyMessageInPiecesOfOneByte(leg: Any) -> None:
    """
    A whole key exchange, byte by byte.
    """
    leg.connected()
    for _ in range(20):
        for tcp in (leg.ours.transport, leg.peer.transport.transport):
            data, receiver = bytes(tcp._outgoing), tcp.other.protocol
            tcp._outgoing.clear()
            for place in range(len(data)):
                receiver.dataReceived(data[place : place + 1])

    assert leg.failures == []
    assert leg.ours.phase is Phase.LOGIN
