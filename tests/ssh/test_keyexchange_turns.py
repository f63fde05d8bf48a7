"""
L{bastion.ssh.keyexchange}: each message in its turn, and what is sent meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.ssh.keyexchange import Turn
from bastion.ssh.phases import ALWAYS, KEX_METHOD
from bastion.wire import MSG_KEXINIT, MSG_NEWKEYS, string, uint32

VERSION = b"SSH-2.0-test\r\n"
DATA = 94
USERAUTH_REQUEST = 50
NUMBERS = [2, 3, 4, MSG_KEXINIT, MSG_NEWKEYS, *KEX_METHOD, USERAUTH_REQUEST, 80, 90, DATA, 127]
#: Behind these messages of the peer's is the next turn.
BEFORE: dict[Turn, frozenset[int]] = {
    Turn.ASKED: frozenset({MSG_KEXINIT}),
    Turn.AGREED: KEX_METHOD,
    Turn.KEYED: frozenset({MSG_NEWKEYS}),
}

EACH = [
    (turn, number)
    for turn in BEFORE
    for number in NUMBERS
    if (turn, number) not in ((Turn.ASKED, MSG_KEXINIT), (Turn.KEYED, MSG_NEWKEYS))
]


def starts(leg: Any, who: str) -> None:
    """
    Start a key exchange.
    """
    if who in ("peer", "both"):
        leg.peer.transport.sendKexInit()
    if who in ("we", "both"):
        leg.ours.sendKexInit()


def methodMessage(leg: Any) -> int:
    """
    What the peer's part of the method is.
    """
    return 30 if leg.facesClient else 31


def problem(leg: Any, turn: Turn, number: int) -> str:
    """
    What is wrong with a message in a turn of a later key exchange (RFC 4253
    section 7.1).
    """
    if number == USERAUTH_REQUEST and not leg.facesClient:
        return f"message {number} during connection"
    if number in ALWAYS or (turn is Turn.ASKED and number not in {*KEX_METHOD, MSG_NEWKEYS}):
        return ""
    if turn is Turn.AGREED and number == methodMessage(leg):
        return "a field ends"
    return f"message {number} outside of its key exchange"


# Each message, in each turn


@pytest.mark.parametrize(("turn", "number"), EACH)
def test_messageHasItsTurnInALaterKeyExchange(leg: Any, turn: Turn, number: int) -> None:
    payload = uint32(2**32 - 1)
    leg.inSession().hearsBefore(BEFORE[turn], number, payload)
    leg.ours.sendKexInit()
    leg.network.settle()

    wrong = problem(leg, turn, number)
    assert len(leg.failures) == bool(wrong)
    if wrong:
        assert wrong in leg.failures[0]
        assert list(leg.service.heard) == []
        leg.over()
    else:
        assert leg.ours.turn is Turn.NONE
        assert list(leg.service.heard) == ([(number, payload)] if number >= 50 else [])


@pytest.mark.parametrize("number", [MSG_NEWKEYS, *KEX_METHOD])
def test_messageOfNoKeyExchangeEndsTheConnection(leg: Any, number: int) -> None:
    leg.inSession().hears(number)

    assert leg.failures == [f"message {number} outside of its key exchange"]
    leg.over()


@pytest.mark.parametrize("number", [MSG_NEWKEYS, *KEX_METHOD])
def test_messageBeforeTheFirstKeyExchangeEndsTheConnection(
    leg: Any, packet: Callable[..., bytes], number: int
) -> None:
    leg.raw(VERSION, packet(number, string(bytes(32))))

    assert leg.failures == [f"message {number} outside of its key exchange"]
    leg.over()


@pytest.mark.parametrize("turn", [Turn.ASKED, Turn.AGREED, Turn.KEYED])
@pytest.mark.parametrize("number", [5, 6, 7, 50, 80, DATA])
def test_messageOfALaterPhaseEndsTheFirstKeyExchange(leg: Any, turn: Turn, number: int) -> None:
    leg.hearsBefore(BEFORE[turn], number).connected().network.settle()

    assert leg.failures == [f"message {number} during key exchange"]
    assert "secured" not in leg.witness.events
    leg.over()


@pytest.mark.parametrize("first", [True, False])
def test_secondKexinitEndsTheConnection(leg: Any, first: bool) -> None:
    if not first:
        leg.inSession()
    kexinit: list[bytes] = []
    transport = leg.met().peer.transport
    leg.peer.witness.keyExchanging = lambda _: kexinit.append(transport.ourKexInitPayload[1:])
    start = transport.startMethod

    def startMethod() -> None:
        transport.send(transport.outgoing.plain(MSG_KEXINIT, kexinit[0]))
        start()

    transport.startMethod = startMethod
    if first:
        leg.connected()
    else:
        leg.ours.sendKexInit()
    leg.network.settle()

    assert leg.failures == ["message 20 outside of its key exchange"]
    leg.over()


@pytest.mark.parametrize("first", [True, False])
def test_newKeysWithAPayloadEndTheConnection(leg: Any, first: bool) -> None:
    if not first:
        leg.inSession()
    transport = leg.met().peer.transport
    send = transport.sendPacket
    transport.sendPacket = lambda number, payload: send(
        number, b"x" if number == MSG_NEWKEYS else payload
    )
    if first:
        leg.connected()
    else:
        leg.ours.sendKexInit()
    leg.network.settle()

    assert leg.failures == ["NEWKEYS has no fields"]
    assert ("secured" in leg.witness.events) is not first
    leg.over()


def test_onlyTheNewKeysCountBehindNewKeys(leg: Any) -> None:
    leg.inSession()
    old = leg.peer.transport.outgoing._cipher
    leg.ours.sendKexInit()
    leg.network.settle()
    leg.peer.transport.outgoing._cipher = old
    leg.hears(DATA, b"with the old keys")

    assert leg.failures == ["a packet failed its integrity check"]
    assert list(leg.service.heard) == []


def test_newKeysCountForEachDirectionFromItsOwnNewKeysOn(leg: Any) -> None:
    leg.inSession()
    ours, peers = leg.ours.outgoing._cipher, leg.ours.incoming._cipher
    leg.peer.transport.sendKexInit()
    leg.hearsUntil(lambda: leg.ours.turn is Turn.KEYED)

    assert leg.ours.outgoing._cipher is not ours
    assert leg.ours.incoming._cipher is peers
    leg.network.settle()
    assert leg.ours.incoming._cipher is not peers


# What is under way meanwhile


@pytest.mark.parametrize("who", ["peer", "we", "both"])
def test_whatIsSentMeanwhileArrivesBehindIt(leg: Any, who: str) -> None:
    leg.inSession()
    messages = [(DATA, uint32(number)) for number in range(10)]
    starts(leg, who)
    for number, payload in messages:
        leg.service.say(number, payload)
        leg.peer.session.say(number, payload)
    leg.network.settle()

    assert list(leg.service.heard) == messages
    assert list(leg.peer.session.heard) == messages
    assert leg.failures == []


def test_whatThePeerHadSentBeforeItKnewIsHeard(leg: Any) -> None:
    """
    It is under way when our KEXINIT is, and with the old keys.
    """
    leg.inSession()
    for number in range(3):
        leg.peer.session.say(DATA, uint32(number))
    leg.ours.sendKexInit()
    leg.network.settle()

    assert list(leg.service.heard) == [(DATA, uint32(number)) for number in range(3)]


@pytest.mark.parametrize("number", [80, DATA, 100, 127])
def test_peerSaysNothingElseOnceItHasAsked(leg: Any, number: int) -> None:
    """
    RFC 4253 section 7.1.  Such a peer is never stopped, so it could fill the
    memory of the bastion.
    """
    leg.inSession()
    leg.peer.transport.sendKexInit()
    leg.hears(number, b"payload")

    assert list(leg.service.heard) == []
    assert leg.failures == [f"message {number} outside of its key exchange"]
    leg.over()
