"""
Attack A13: windows that overflow or are not kept to, and packets of a maximum size that
nobody can keep to (CVE-2025-54804; stock Conch loops for ever over a size of 0).  The
two ends keep each other's windows; the bastion must not loop, grow or raise, lets no
channel through whose packets are too small to work with, and lets neither end believe
that it takes packets that are larger than it does.
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client, opening
from attacking.stages import Stage

from bastion.relay.channels import LEAST_PACKET, MOST_PACKET
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_WINDOW_ADJUST,
    OPEN_RESOURCE_SHORTAGE,
    openFailure,
    string,
    uint32,
)

LARGEST = 2**32 - 1
TOO_SMALL = (0, 1, 2, LEAST_PACKET - 1)
LARGE_ENOUGH = (LEAST_PACKET, MOST_PACKET, 2**31, LARGEST)
PIECE = uint32(0) + string(bytes(32_000))


def ends(site: Any, leg: str, opened: bool = True) -> tuple[Any, Any]:
    """
    A session's end that attacks, and the other one; neither does anything by itself.
    """
    client = site.connects(Client())
    if opened:
        client.opens()
        site.settle()
    host = site.host
    assert client.stage is host.stage is Stage.SESSION
    client.until = host.until = Stage.CONNECTED
    client.heard.clear()
    host.heard.clear()
    return (client, host) if leg == "client" else (host, client)


def grant(site: Any, leg: str, attacker: Any, other: Any) -> tuple[bytes, bytes]:
    """
    What the attacker may open: a host only what the client has asked for.
    """
    if leg == "client":
        return b"session", b""
    where = string(b"") + uint32(8080)
    site.sends(other, 80, string(b"tcpip-forward") + b"\0" + where)
    attacker.heard.clear()
    return b"forwarded-tcpip", where + string(b"192.0.2.9") + uint32(4242)


@pytest.mark.parametrize("size", TOO_SMALL)
def test_channelOfTooSmallPacketsIsRefused(site: Any, leg: str, size: int) -> None:
    attacker, other = ends(site, leg, opened=False)
    type, data = grant(site, leg, attacker, other)
    site.sends(attacker, MSG_CHANNEL_OPEN, opening(7, maxPacket=size, type=type, data=data))

    reason = f"packets of {size} bytes are too small"
    refused = openFailure(7, OPEN_RESOURCE_SHORTAGE, reason)
    assert attacker.heard == [(MSG_CHANNEL_OPEN_FAILURE, refused)]
    assert other.heard == []
    assert site.named("channel.refused")[-1]["reason"] == reason


@pytest.mark.parametrize("size", TOO_SMALL)
def test_channelThatIsAcceptedWithTooSmallPacketsEndsTheSession(
    site: Any, leg: str, size: int
) -> None:
    """
    Whoever accepts is no program that anybody knows; its opener never hears of it.
    """
    attacker, other = ends(site, leg, opened=False)
    type, data = grant(site, "host" if leg == "client" else "client", other, attacker)
    site.sends(other, MSG_CHANNEL_OPEN, opening(0, type=type, data=data))
    attacker.confirms(0, maxPacket=size)
    site.settle()

    assert attacker.gone
    assert other.gone
    assert MSG_CHANNEL_OPEN_CONFIRMATION not in other.numbers()


@pytest.mark.parametrize("size", LARGE_ENOUGH)
def test_otherSizesAreTheTwoEndsOwnUpToWhatWeTake(site: Any, leg: str, size: int) -> None:
    attacker, other = ends(site, leg, opened=False)
    type, data = grant(site, leg, attacker, other)
    wish = {"number": 7, "window": LARGEST, "type": type, "data": data}
    site.sends(attacker, MSG_CHANNEL_OPEN, opening(maxPacket=size, **wish))
    other.confirms(7, maxPacket=size, window=0)
    site.settle()

    told = min(size, MOST_PACKET)
    assert other.heard == [(MSG_CHANNEL_OPEN, opening(maxPacket=told, **wish))]
    confirmation = uint32(7) + uint32(7) + uint32(0) + uint32(told)
    assert attacker.heard == [(MSG_CHANNEL_OPEN_CONFIRMATION, confirmation)]


@pytest.mark.parametrize(
    ("number", "head"),
    [
        (MSG_CHANNEL_DATA, uint32(7)),
        (MSG_CHANNEL_EXTENDED_DATA, uint32(7) + uint32(1)),
    ],
)
def test_whatAnEndIsToldToTakeGetsThrough(site: Any, leg: str, number: int, head: bytes) -> None:
    """
    Both say that they take everything, and send as much as they were told.
    """
    opener, other = ends(site, leg, opened=False)
    type, data = grant(site, leg, opener, other)
    site.sends(opener, MSG_CHANNEL_OPEN, opening(7, LARGEST, LARGEST, type, data))
    other.confirms(7, LARGEST, LARGEST)
    site.settle()
    for end in (opener, other):
        end.heard.clear()
    full = head + string(b"x" * MOST_PACKET)
    for end in (opener, other):
        assert not site.sends(end, number, full)

    assert opener.heard == other.heard == [(number, full)]


@pytest.mark.parametrize("channel", [0, 1, LARGEST])
def test_windowThatOverflowsIsTheOtherEndsToJudge(site: Any, leg: str, channel: int) -> None:
    """
    Of a channel that there is, and of one that there is not.
    """
    attacker, other = ends(site, leg)
    before = site.kept
    more = uint32(channel) + uint32(LARGEST)
    for _ in range(1000):
        site.sends(attacker, MSG_CHANNEL_WINDOW_ADJUST, more)

    assert other.heard == [(MSG_CHANNEL_WINDOW_ADJUST, more)] * 1000
    assert site.kept - before < 1000
    assert not attacker.gone


def test_dataBeyondTheWindowIsTheOtherEndsToJudge(site: Any, leg: str) -> None:
    """
    It is passed on, and nothing is kept of it; the other end says that it is too much.
    """
    attacker, other = ends(site, leg)
    before, most = site.kept, 0
    for _ in range(500):
        site.sends(attacker, MSG_CHANNEL_DATA, PIECE)
        most = max(most, site.kept - before)
    assert len(other.heard) == 500
    assert most < 1000
    goodbye = uint32(2) + string(b"too much") + string(b"")
    site.sends(other, 1, goodbye)

    assert attacker.gone


def test_dataThatNobodyReadsWaitsAtTheEndThatSendsIt(site: Any, leg: str) -> None:
    attacker, other = ends(site, leg)
    site.tcp(other).pauseProducing()
    before, most = site.kept, 0
    for _ in range(500):
        site.sends(attacker, MSG_CHANNEL_DATA, PIECE)
        most = max(most, site.kept - before)

    assert most < 256 * 1024
    assert site.tcp(attacker).waiting > 15_000_000
    site.tcp(other).resumeProducing()
    site.settle()
    assert len(other.heard) == 500


@pytest.mark.parametrize("type", [0, 1, 2, LARGEST])
def test_extendedDataOfAnyTypeIsPassedOnOnce(site: Any, leg: str, type: int) -> None:
    """
    One byte of stderr was what made stock Conch loop.
    """
    attacker, other = ends(site, leg)
    message = uint32(0) + uint32(type) + string(b"x")
    site.sends(attacker, MSG_CHANNEL_EXTENDED_DATA, message)

    assert other.heard == [(MSG_CHANNEL_EXTENDED_DATA, message)]


@pytest.mark.parametrize("size", [0, 1, 5, LARGEST])
def test_dataWhoseLengthIsWrongIsTheOtherEndsToJudge(site: Any, leg: str, size: int) -> None:
    """
    The length that it says is not what it has; both are in one message.
    """
    attacker, other = ends(site, leg)
    message = uint32(0) + uint32(size) + b"four"
    site.sends(attacker, MSG_CHANNEL_DATA, message)

    assert other.heard == [(MSG_CHANNEL_DATA, message)]


@pytest.mark.parametrize(
    ("number", "size"),
    [(MSG_CHANNEL_WINDOW_ADJUST, 7), (MSG_CHANNEL_DATA, 7), (MSG_CHANNEL_EXTENDED_DATA, 11)],
)
def test_dataWithoutALengthEndsTheSession(site: Any, leg: str, number: int, size: int) -> None:
    attacker, other = ends(site, leg)

    assert site.sends(attacker, number, bytes(size))
    assert other.gone


def test_channelThatIsClosedIsTheTwoEndsOwn(site: Any, leg: str) -> None:
    """
    What comes behind the end of a channel is passed on, and kept nowhere.
    """
    attacker, other = ends(site, leg)
    for number in (MSG_CHANNEL_CLOSE, MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA):
        payload = PIECE if number == MSG_CHANNEL_DATA else uint32(0)
        site.sends(attacker, number, payload)

    assert not attacker.gone
    assert other.numbers() == [MSG_CHANNEL_CLOSE, MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA]
