"""
L{bastion.ssh.transport}: behind the end nothing is heard, and nothing of a packet
is in any log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import LogLevel, formatEvent

from bastion.wire import MSG_DISCONNECT, string, uint32

CANARY = b"canary-secret"


def joined(leg: Any, *messages: tuple[int, bytes]) -> None:
    """
    Let messages arrive in one piece.
    """
    for number, payload in messages:
        leg.peer.transport.sendPacket(number, payload)
    leg.network.settle()


@pytest.mark.parametrize("broken", [79, 51])
def test_nothingIsHeardBehindABrokenRule(leg: Any, broken: int) -> None:
    joined(leg.inSession(), (94, b"before"), (broken, b""), (94, b"behind"), (broken, b""))

    assert list(leg.service.heard) == [(94, b"before")]
    assert len(leg.failures) == 1
    leg.over()


def test_nothingIsHeardBehindAGoodbye(leg: Any) -> None:
    goodbye = (MSG_DISCONNECT, uint32(11) + string(b"bye") + string(b""))
    joined(leg.inSession(), (94, b"before"), goodbye, (94, b"behind"), goodbye)

    assert list(leg.service.heard) == [(94, b"before")]
    assert leg.witness.events == ["secured", ("disconnected", 11, b"bye"), "lost"]
    leg.over()


def test_nothingIsHeardBehindOurOwnGoodbye(leg: Any) -> None:
    leg.inSession()
    leg.ours.disconnect(11, b"bye")
    joined(leg, (94, b"behind"), (79, b""))

    assert list(leg.service.heard) == []
    assert leg.failures == []


def test_nothingIsHeardBehindAnEndThatWaitsForAKeyExchange(leg: Any) -> None:
    leg.inSession()
    leg.ours.sendKexInit()
    leg.ours.finish(11, b"bye")
    for number in (80, 94, 127):
        leg.hears(number, b"behind")

    assert list(leg.service.heard) == []
    assert leg.peer.witness.events[-2:] == [("disconnected", 11, b"bye"), "lost"]
    leg.over()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_finishOvertakesNothingHoweverOftenItIsCalled(leg: Any, times: int) -> None:
    leg.inSession()
    leg.ours.sendKexInit()
    leg.service.say(94, b"last words")
    for reason in (11, 0, 2)[:times]:
        leg.ours.finish(reason, b"bye")
    leg.network.settle()

    assert list(leg.peer.session.heard) == [(94, b"last words")]
    assert leg.peer.witness.events[-2:] == [("disconnected", 11, b"bye"), "lost"]
    leg.over()


def test_serviceLearnsOfTheEndBeforeTheOwner(leg: Any) -> None:
    leg.inLogin()
    told: list[str] = []
    leg.service.serviceStopped = lambda: told.append("service")
    leg.witness.lost = lambda transport: told.append("owner")

    leg.peer.transport.transport.abortConnection()
    leg.network.settle()

    assert told == ["service", "owner"]


def test_serviceThatTakesOverStopsTheOther(leg: Any) -> None:
    leg.inLogin()
    stopped: list[Any] = []
    leg.service.serviceStopped = lambda: stopped.append(leg.service)

    login = leg.service
    leg.ours.setService(leg.peer.session)

    assert stopped == [login]


def canaries(events: list[Any]) -> list[Any]:
    """
    The events that show the canary, in whatever form.
    """
    text = CANARY.decode()
    return [event for event in events if text in repr(event) or text in formatEvent(event)]


def test_canaryInALogIsFound(logged: list[Any]) -> None:
    leaking = [{"log_format": "{x!r}", "x": CANARY, "log_level": LogLevel.debug}]

    assert canaries(leaking) == leaking


@pytest.mark.parametrize(
    "phase", ["beforeService", "inLogin", "inSession"], ids=["service", "login", "session"]
)
def test_nothingOfAPacketIsLogged(newLeg: Callable[[], Any], logged: list[Any], phase: str) -> None:
    """
    Whatever its number, whether it may be sent or not.
    """
    for number in range(1, 128):
        for payload in (CANARY, string(CANARY), uint32(0) + string(CANARY), b"\1" + string(CANARY)):
            leg = getattr(newLeg(), phase)()
            leg.hears(number, payload)
            leg.hears(number, payload)
            # The name of a service that a client asks for is told.
            assert number == 5 or CANARY.decode() not in repr(leg.failures)

    assert canaries(logged) == []


def test_nothingOfAKeyExchangeIsLogged(leg: Any, logged: list[Any]) -> None:
    leg.inSession()
    leg.peer.transport.sendKexInit()
    leg.peer.transport.transport.step()
    for number in (20, 21, *range(30, 50)):
        leg.hears(number, string(CANARY))

    assert canaries(logged) == []


@pytest.mark.parametrize("said", [CANARY + b"\r\n", b"SSH-2.0-" + CANARY + b"\r\n" + CANARY * 9])
def test_nothingOfAnIdentificationIsLogged(leg: Any, logged: list[Any], said: bytes) -> None:
    leg.raw(said)
    leg.network.advance(11)

    assert canaries(logged) == []
    leg.over()


def test_transportShowsNoPayload(leg: Any) -> None:
    leg.inSession().hears(94, CANARY)

    assert CANARY.decode() not in repr(leg.ours)
    assert "connection" in repr(leg.ours)
