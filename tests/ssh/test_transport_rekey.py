"""
L{bastion.ssh.transport}: new keys are agreed on by our wish, when the old ones have
served for as much or as long as they may.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from bastion.ssh.keyexchange import Turn
from bastion.ssh.phases import Phase
from bastion.ssh.terms import RekeyLimits
from bastion.testing.speakers import Recorder
from bastion.wire import MSG_KEXINIT, uint32

DATA = 94
PIECE = bytes(1000)
#: Each limit, and how many pieces of data reach it, but do not pass it.
LIMITS = {
    "bytes": (RekeyLimits(bytes=5500), 4),
    "packets": (RekeyLimits(packets=6), 4),
}
reached = pytest.mark.parametrize(("limits", "pieces"), LIMITS.values(), ids=LIMITS)
direction = pytest.mark.parametrize("we", [True, False], ids=["sent", "received"])


def limited(leg: Any, limits: RekeyLimits) -> Any:
    """
    With keys that serve for little.
    """
    leg.ours.speakOn(evolve(leg.ours.terms, rekey=limits))
    return leg


def kexinits(leg: Any) -> list[int]:
    """
    The key exchanges of the session that we will start or join.
    """
    found: list[int] = []
    send = leg.ours.sendKexInit

    def sendKexInit() -> None:
        found.append(MSG_KEXINIT)
        send()

    leg.ours.sendKexInit = sendKexInit
    return found


def says(leg: Any, we: bool) -> None:
    """
    Let a piece of data cross, one way.
    """
    (leg.service if we else leg.peer.session).say(DATA, PIECE)
    leg.network.settle()


# By volume


@reached
@direction
def test_keysChangeWhenTheyHaveServedForEnough(
    leg: Any, limits: RekeyLimits, pieces: int, we: bool
) -> None:
    limited(leg, limits).inSession()
    keys = leg.ours.outgoing._cipher
    found = kexinits(leg)
    for _ in range(pieces):
        says(leg, we)
    assert found == []

    for _ in range(2):
        says(leg, we)
    assert found == [MSG_KEXINIT]
    assert leg.ours.turn is Turn.NONE
    assert leg.ours.outgoing._cipher is not keys
    assert leg.failures == []


@reached
@direction
def test_theyChangeAgainAndAgain(leg: Any, limits: RekeyLimits, pieces: int, we: bool) -> None:
    limited(leg, limits).inSession()
    found = kexinits(leg)
    for _ in range(10 * pieces):
        says(leg, we)

    assert len(found) in range(6, 11)
    heard = leg.peer.session.heard if we else leg.service.heard
    assert len(heard) == 10 * pieces


@direction
def test_muchThatCrossesAtOnceIsOneKeyExchange(leg: Any, we: bool) -> None:
    limited(leg, RekeyLimits(bytes=2000)).inSession()
    found = kexinits(leg)
    speaker = leg.service if we else leg.peer.session
    for number in range(50):
        speaker.say(DATA, uint32(number) + PIECE)
    leg.network.settle()

    heard = leg.peer.session.heard if we else leg.service.heard
    assert [payload[:4] for _, payload in heard] == [uint32(number) for number in range(50)]
    assert len(found) == 1


@pytest.mark.parametrize("limits", [RekeyLimits(bytes=3000), RekeyLimits(packets=5)])
def test_bothSidesMayHaveTheSameLimits(leg: Any, limits: RekeyLimits) -> None:
    """
    Both then start at the same time.
    """
    limited(leg, limits).met().peer.transport.speakOn(leg.ours.terms)
    leg.inSession()
    for number in range(100):
        leg.service.say(DATA, uint32(number) + PIECE)
        leg.peer.session.say(DATA, uint32(number) + PIECE)
        if number % 3 == 0:
            leg.network.settle()
    leg.network.settle()

    expected = [(DATA, uint32(number) + PIECE) for number in range(100)]
    assert list(leg.service.heard) == list(leg.peer.session.heard) == expected
    assert leg.failures == []


def test_keyExchangeOfThePeersCountsToo(leg: Any) -> None:
    limited(leg, RekeyLimits(bytes=5500)).inSession()
    found = kexinits(leg)
    for _ in range(4):
        for _ in range(3):
            says(leg, True)
            says(leg, False)
        leg.peer.transport.sendKexInit()
        leg.network.settle()

    assert len(found) == 4


# In time


def test_keysChangeInTime(leg: Any) -> None:
    limited(leg, RekeyLimits(seconds=60.0)).inSession()
    found = kexinits(leg)
    for minute in range(1, 4):
        leg.network.advance(59)
        assert len(found) == minute - 1
        leg.network.advance(1.5)
        assert len(found) == minute
        assert leg.ours.turn is Turn.NONE


def test_timeBeginsAnewWithAKeyExchangeOfThePeers(leg: Any) -> None:
    limited(leg, RekeyLimits(seconds=60.0)).inSession()
    leg.network.advance(50)
    leg.peer.transport.sendKexInit()
    leg.network.settle()
    found = kexinits(leg)
    leg.network.advance(59)
    assert found == []
    leg.network.advance(1.5)
    assert found == [MSG_KEXINIT]


def test_timeThatIsOverWithinAKeyExchangeStartsNone(leg: Any) -> None:
    limited(leg, RekeyLimits(seconds=60.0)).inSession()
    leg.network.advance(59)
    leg.peer.transport.transport.pauseProducing()
    leg.ours.sendKexInit()
    found = kexinits(leg)
    leg.network.advance(2)
    leg.peer.transport.transport.resumeProducing()
    leg.network.settle()

    assert found == []
    assert leg.ours.turn is Turn.NONE
    assert leg.failures == []


# Not before the login, and not behind the end


@pytest.mark.parametrize(
    "limits", [RekeyLimits(bytes=0), RekeyLimits(packets=0), RekeyLimits(seconds=0.5)]
)
def test_keysDoNotChangeBeforeTheLoginIsDone(leg: Any, limits: RekeyLimits) -> None:
    """
    Nor does anything fail that was to be done before.
    """
    found = kexinits(limited(leg, limits))
    leg.inLogin()
    for number in range(5):
        leg.service.say(51 if leg.facesClient else 50, uint32(number))
        leg.network.advance(1)
    assert found == [MSG_KEXINIT]
    assert leg.ours.phase is Phase.LOGIN
    assert leg.clock.getDelayedCalls() == []

    leg.service = Recorder(b"ssh-connection")
    leg.ours.setService(leg.service)
    leg.peer.startSession()
    says(leg, True)
    leg.network.advance(1)
    assert len(found) > 1
    assert leg.failures == []


def test_nothingIsLeftOfTheTimeBehindTheEnd(leg: Any) -> None:
    leg.inSession()
    assert len(leg.clock.getDelayedCalls()) == 1

    leg.peer.transport.transport.loseConnection()
    leg.network.settle()

    leg.over()


def test_keysDoNotChangeBehindOurGoodbye(leg: Any) -> None:
    found = kexinits(limited(leg, RekeyLimits(seconds=0.5)).inSession())
    found.clear()
    leg.peer.transport.transport.pauseProducing()
    leg.ours.disconnect(11, b"bye")
    leg.service.say(DATA, PIECE)
    leg.ours.rekey()
    leg.clock.advance(1)

    assert found == []


def test_wishWithinAKeyExchangeIsNone(leg: Any) -> None:
    leg.inSession()
    found = kexinits(leg)
    leg.ours.rekey()
    leg.ours.rekey()
    leg.network.settle()

    assert found == [MSG_KEXINIT]
    assert leg.ours.turn is Turn.NONE
