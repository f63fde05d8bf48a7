"""
L{bastion.ssh.keyexchange}: what is to be sent while our new keys are not in use
waits for them, in its order and not without a bound.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.ssh.held import MAX_HELD
from bastion.ssh.keyexchange import Turn
from bastion.ssh.packets import Outgoing
from bastion.wire import MSG_KEXINIT, MSG_NEWKEYS, Malformed, string, uint32

DATA = 94
LETTERS = [(DATA, bytes((letter,))) for letter in b"abcdef"]
HOLDING = [Turn.ASKED, Turn.AGREED]
#: With what goes, whatever the turn is.
ALWAYS = [2, 3, 4]


def at(leg: Any, turn: Turn) -> Any:
    """
    In a turn of a later key exchange.
    """
    leg.inSession()
    leg.ours.sendKexInit()
    return leg.hearsUntil(lambda: leg.ours.turn is turn)


def sent(leg: Any) -> list[int]:
    """
    The numbers of what will be sent.
    """
    numbers: list[int] = []
    send = leg.ours.send

    def sending(plain: bytes) -> None:
        numbers.append(plain[1])
        send(plain)

    leg.ours.send = sending
    return numbers


@pytest.mark.parametrize("turn", HOLDING)
def test_nothingLeavesBeforeOurNewKeys(leg: Any, turn: Turn) -> None:
    at(leg, turn)
    numbers = sent(leg)
    for number, payload in LETTERS:
        leg.service.say(number, payload)
    assert numbers == []

    leg.network.settle()
    assert list(leg.peer.session.heard) == LETTERS
    assert numbers[-len(LETTERS) - 1 :] == [MSG_NEWKEYS] + [DATA] * len(LETTERS)


@pytest.mark.parametrize("turn", HOLDING)
def test_whatWaitedLeavesBeforeThePeersNewKeys(leg: Any, turn: Turn) -> None:
    """
    Behind our NEWKEYS the new keys are ours to use (RFC 4253 section 7.3).
    """
    at(leg, turn)
    for number, payload in LETTERS:
        leg.service.say(number, payload)
    numbers = sent(leg)
    leg.hearsUntil(lambda: leg.ours.turn is Turn.KEYED)

    assert numbers[-len(LETTERS) - 1 :] == [MSG_NEWKEYS] + [DATA] * len(LETTERS)
    assert leg.ours.exchangingKeys and not leg.ours.holdsBack


def test_nothingWaitsForThePeersNewKeys(leg: Any) -> None:
    at(leg, Turn.KEYED)
    numbers = sent(leg)
    leg.service.say(DATA, b"at once")
    assert numbers == [DATA]

    leg.network.settle()
    assert list(leg.peer.session.heard) == [(DATA, b"at once")]


def test_orderIsThatOfTheirSending(leg: Any) -> None:
    """
    Before, during and behind.
    """
    leg.inSession()
    leg.service.say(*LETTERS[0])
    leg.ours.sendKexInit()
    for turn, letter in zip(Turn, LETTERS[1:], strict=False):
        if turn is not Turn.NONE:
            leg.hearsUntil(lambda turn=turn: leg.ours.turn is turn)
        leg.service.say(*letter)
    leg.network.settle()
    leg.service.say(*LETTERS[5])
    leg.network.settle()

    assert list(leg.peer.session.heard) == LETTERS


@pytest.mark.parametrize("turn", [Turn.NONE, *HOLDING, Turn.KEYED])
@pytest.mark.parametrize("size", [0, 1, 7, 100])
@pytest.mark.parametrize("alike", [True, False])
def test_messageOfTheOtherLegWaitsToo(leg: Any, turn: Turn, size: int, alike: bool) -> None:
    """
    Its plain is in a place where the next one will be; and it may be padded for a
    cipher with other blocks.
    """
    (leg.inSession() if turn is Turn.NONE else at(leg, turn)).service.say(*LETTERS[0])
    payload = uint32(7) + string(b"x" * size)
    outgoing = leg.ours.outgoing if alike else Outgoing()
    plain = bytearray(outgoing.plain(DATA, payload))
    leg.ours.forward(memoryview(plain))
    plain[:] = bytes(len(plain))
    leg.network.settle()

    assert list(leg.peer.session.heard) == [LETTERS[0], (DATA, payload)]


@pytest.mark.parametrize("turn", HOLDING)
@pytest.mark.parametrize("number", ALWAYS)
def test_smallTalkDoesNotWait(leg: Any, turn: Turn, number: int) -> None:
    at(leg, turn)
    numbers = sent(leg)
    leg.ours.sendPacket(number, string(b"small talk"))
    assert numbers == [number]

    leg.network.settle()
    assert leg.peer.witness.events == ["secured"]


# Goodbyes


@pytest.mark.parametrize("turn", [*HOLDING, Turn.KEYED])
def test_peerUnderstandsAGoodbyeWithinAKeyExchange(leg: Any, turn: Turn) -> None:
    at(leg, turn).service.say(DATA, b"never" if turn in HOLDING else b"before")
    leg.ours.disconnect(11, b"bye")
    leg.network.settle()

    assert leg.peer.witness.events[-2:] == [("disconnected", 11, b"bye"), "lost"]
    assert list(leg.peer.session.heard) == ([] if turn in HOLDING else [(DATA, b"before")])
    leg.over()


@pytest.mark.parametrize("turn", [Turn.AGREED, Turn.KEYED])
def test_peerUnderstandsAGoodbyeWithinTheFirst(leg: Any, turn: Turn) -> None:
    leg.connected().hearsUntil(lambda: leg.ours.turn is turn)
    leg.ours.disconnect(11, b"bye")
    leg.network.settle()

    assert leg.peer.witness.events[-2:] == [("disconnected", 11, b"bye"), "lost"]
    leg.over()


@pytest.mark.parametrize("turn", HOLDING)
def test_endThatWaitsGoesOutBehindWhatWaits(leg: Any, turn: Turn) -> None:
    at(leg, turn)
    for number, payload in LETTERS:
        leg.service.say(number, payload)
    leg.ours.finish(11, b"bye")
    leg.hearsUntil(lambda: leg.ours.closed)
    leg.network.settle()

    assert list(leg.peer.session.heard) == LETTERS
    assert leg.peer.witness.events[-2:] == [("disconnected", 11, b"bye"), "lost"]
    leg.over()


# The bound

PIECE = 1024 * 1024


@pytest.mark.parametrize("turn", HOLDING)
def test_asMuchAsMayWaitArrives(leg: Any, turn: Turn) -> None:
    at(leg, turn)
    leg.service.say(DATA, b"x" * 1000)
    for _ in range((MAX_HELD - 1000) // 4096):
        leg.service.say(DATA, bytes(4096))
    leg.network.settle()

    assert leg.failures == []
    assert sum(len(payload) for _, payload in leg.peer.session.heard) > MAX_HELD - 5000


@pytest.mark.parametrize("turn", HOLDING)
def test_moreThanMayWaitIsAnError(leg: Any, turn: Turn) -> None:
    """
    Raised to whoever brought it: a peer of the other leg that sends on and on.
    """
    at(leg, turn)
    for _ in range(MAX_HELD // PIECE):
        leg.service.say(DATA, bytes(PIECE))

    with pytest.raises(Malformed, match="too much was sent during a key exchange"):
        leg.service.say(DATA, b"x")
    assert len(leg.ours._held) == 0


def test_boundIsForEachKeyExchange(leg: Any) -> None:
    leg.inSession()
    for _ in range(4):
        leg.ours.sendKexInit()
        for _ in range(MAX_HELD // 3 // 32768):
            leg.service.say(DATA, bytes(32768))
        leg.network.settle()

    assert leg.failures == []
    assert len(leg.peer.session.heard) * 32768 > MAX_HELD


def test_keyExchangeItselfNeverWaits(leg: Any) -> None:
    leg.inSession()
    numbers = sent(leg)
    leg.ours.sendKexInit()
    leg.network.settle()

    assert numbers[0] == MSG_KEXINIT
    assert numbers[-1] == MSG_NEWKEYS
    assert leg.ours.turn is Turn.NONE
