"""
L{bastion.ssh.keyexchange}: a key exchange has its time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.ssh.keyexchange import HANDSHAKE_TIME, REKEY_TIME, Turn
from bastion.wire import MSG_IGNORE, MSG_NEWKEYS, string

VERSION = b"SSH-2.0-test\r\n"
DATA = 94

NO_IDENTIFICATION = "no identification string came in time"
NO_KEXINIT = "the key exchange took too long: no KEXINIT came"
NO_METHOD = "the key exchange took too long: no message of the method came"
NO_NEWKEYS = "the key exchange took too long: no NEWKEYS came"


def starts(leg: Any, who: str) -> None:
    """
    Start a key exchange.
    """
    (leg.peer.transport if who == "peer" else leg.ours).sendKexInit()


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (b"", NO_IDENTIFICATION),
        (VERSION[:5], NO_IDENTIFICATION),
        (VERSION, NO_KEXINIT),
        (VERSION + b"\0\0\0", NO_KEXINIT),
    ],
)
def test_handshakeHasItsTimeAndWhatWasMissingIsSaid(leg: Any, said: bytes, missing: str) -> None:
    peer = leg.raw(said)
    leg.network.advance(HANDSHAKE_TIME - 0.2)
    assert leg.witness.events == []

    leg.network.advance(0.3)

    assert leg.failures == [missing]
    assert peer.gone
    leg.over()


def test_handshakeOfAPeerThatTalksAllTheTimeHasItsTimeToo(
    leg: Any, packet: Callable[..., bytes]
) -> None:
    peer = leg.raw(VERSION)
    for _ in range(int(HANDSHAKE_TIME * 10) + 1):
        peer.transport.write(packet(MSG_IGNORE, string(b"ignore me")))
        leg.network.advance(0.1)

    assert leg.failures == [NO_KEXINIT]


def test_handshakeWithoutThePeersNewKeysHasItsTimeToo(leg: Any) -> None:
    leg.connected()
    send = leg.peer.transport.send
    leg.peer.transport.send = lambda plain: None if plain[1] == MSG_NEWKEYS else send(plain)
    leg.hearsUntil(lambda: leg.ours.turn is Turn.KEYED)
    leg.peer.transport.transport._outgoing.clear()
    leg.clock.advance(HANDSHAKE_TIME + 0.1)

    assert leg.failures == [NO_NEWKEYS]


@pytest.mark.parametrize("who", ["peer", "we"])
def test_laterKeyExchangeHasItsTime(leg: Any, who: str) -> None:
    leg.inSession()
    leg.peer.transport.transport.pauseProducing()
    starts(leg, who)
    leg.network.advance(REKEY_TIME - 0.2)
    assert leg.failures == []

    leg.network.advance(0.3)
    assert leg.failures == [NO_KEXINIT if who == "we" else NO_METHOD]
    leg.peer.transport.transport.resumeProducing()
    leg.network.settle()
    leg.over()


def test_whoIsNotReadHasAllTimeToAnswer(leg: Any) -> None:
    leg.inSession()
    leg.peer.transport.transport.pauseProducing()
    starts(leg, "we")
    leg.ours.excuseKeyExchange()
    leg.network.advance(2 * REKEY_TIME)
    assert leg.failures == []

    leg.ours.expectKeyExchange()
    leg.network.advance(REKEY_TIME - 0.2)
    assert leg.failures == []
    leg.network.advance(0.3)
    assert leg.failures == [NO_KEXINIT]
    leg.peer.transport.transport.resumeProducing()
    leg.network.settle()
    leg.over()


def test_whoIsNotReadNowAndThenHasNoMoreTime(leg: Any) -> None:
    """
    Else whoever can have it so would never have to change his keys.
    """
    leg.inSession()
    leg.peer.transport.transport.pauseProducing()
    starts(leg, "we")
    for _ in range(9):
        leg.ours.excuseKeyExchange()
        leg.network.advance(REKEY_TIME)
        leg.ours.expectKeyExchange()
        leg.network.advance(REKEY_TIME / 10)
    assert leg.failures == []

    leg.network.advance(REKEY_TIME / 10 + 0.1)
    assert leg.failures == [NO_KEXINIT]
    leg.peer.transport.transport.resumeProducing()
    leg.network.settle()
    leg.over()


def test_timeOfTheHandshakeIsNobodysToGive(leg: Any) -> None:
    leg.raw(VERSION)
    leg.ours.excuseKeyExchange()
    leg.network.advance(HANDSHAKE_TIME + 0.1)

    assert leg.failures == [NO_KEXINIT]


@pytest.mark.parametrize("rekey", [False, True])
def test_timeIsOverWhenItHasEnded(leg: Any, rekey: bool) -> None:
    leg.inSession()
    if rekey:
        starts(leg, "we")
        leg.network.settle()
    leg.clock.advance(REKEY_TIME + 0.1)

    assert leg.failures == []


def test_timesAreTenSecondsAndTwoMinutes() -> None:
    assert (HANDSHAKE_TIME, REKEY_TIME) == (10.0, 120.0)
