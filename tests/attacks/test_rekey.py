"""
Attack A34: keys that change at the worst moments: all the time and on both sides at
once, while the other side does not read, and between the messages that open a channel
(sshpiper #3, golang #18439: a transfer that stops for ever).
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client, opening
from attacking.stages import Stage

from bastion.ssh.keyexchange import REKEY_TIME
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_GLOBAL_REQUEST,
    MSG_NEWKEYS,
    Reader,
    byte,
    string,
    uint32,
)

PIECES = (61, 1460, 1 << 30)
WHERE = string(b"") + uint32(8080)


class Taking(Client):
    """
    A client that takes every channel, and whose host may open some.
    """

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Client}.
        """
        super().hears(number, payload)
        if number == MSG_CHANNEL_OPEN:
            reader = Reader(payload)
            reader.string()
            self.confirms(reader.uint32())


def session(site: Any) -> tuple[Any, Any]:
    """
    The two ends of a session with one channel; both keep the rules, and the host gives
    back what it is sent.
    """
    client = site.connects(Taking())
    client.opens()
    client.says(MSG_GLOBAL_REQUEST, string(b"tcpip-forward") + byte(0) + WHERE)
    site.settle()
    client.heard.clear()
    site.host.heard.clear()
    return client, site.host


def wants(peer: Any) -> None:
    """
    Ask for new keys, unless some are being agreed on.
    """
    if peer.exchange is None:
        peer.asksForKeys()


def works(site: Any, client: Any, host: Any) -> None:
    """
    See that all keys are agreed on, and that data go both ways.
    """
    assert (site.confused(client), site.confused(host)) == ("", "")
    assert not client.gone
    assert not host.gone
    assert client.exchange is host.exchange is None
    before = len(client.answers)
    client.writes(b"there and back")
    site.settle()
    assert client.answers[before:] == b"there and back"


# All the time


@pytest.mark.parametrize("pieces", PIECES)
@pytest.mark.parametrize("asking", ["nobody", "the client", "the host", "both"])
def test_everybodyWantsNewKeysAllTheTime(siteOf: Any, pieces: int, asking: str) -> None:
    """
    The bastion after each 4 KiB, and the two ends at their own moments, or at the same.
    """
    site = siteOf(rekey_bytes=4096)
    client, host = session(site)
    said = b""
    for number in range(200):
        data = uint32(number) * 250
        client.writes(data)
        said += data
        if number % 3 == 0 and asking in ("the client", "both"):
            wants(client)
        if number % 3 == 0 and asking in ("the host", "both"):
            wants(host)
        site.steps(number % 9 * (1 + len(data) // pieces) * 2, pieces)
    site.settle()

    assert client.answers == said
    for end in (client, host):
        assert end.numbers().count(MSG_NEWKEYS) > 20
    works(site, client, host)


def test_keysWithoutAnEndCostNoMemory(site: Any, leg: str) -> None:
    client, host = session(site)
    peer, other = (client, host) if leg == "client" else (host, client)
    before = site.kept
    for _ in range(300):
        peer.asksForKeys()
        site.settle()
        assert site.kept - before < 1000

    assert peer.numbers().count(MSG_NEWKEYS) == 300
    assert other.numbers() == []
    works(site, client, host)


# While the other side does not read


@pytest.mark.parametrize("who", ["the end that talks", "the end that does not read", "the bastion"])
def test_keysAreAskedForWhileTheOtherSideDoesNotRead(siteOf: Any, leg: str, who: str) -> None:
    """
    Then everything arrives, though it waits for as long as a key exchange may take.
    """
    site = siteOf(rekey_time=300.0, keepalive=0.0)
    client, host = session(site)
    talking, other = (client, host) if leg == "client" else (host, client)
    site.tcp(other).pauseProducing()
    piece = uint32(0) + string(bytes(range(250)) * 120)
    count = 0
    while site.tcp(talking).other.reading:
        site.sends(talking, MSG_CHANNEL_DATA, piece)
        count += 1
    if who == "the end that talks":
        talking.asksForKeys()
    elif who == "the end that does not read":
        other.asksForKeys()
    else:
        site.clock.advance(300)
    site.settle()
    for _ in range(20):
        talking.says(MSG_CHANNEL_DATA, piece)
    site.settle()
    site.clock.advance(REKEY_TIME - 1)
    site.settle()
    assert not talking.gone
    assert not other.gone

    site.tcp(other).resumeProducing()
    site.settle()

    data = [payload for number, payload in other.heard if number == MSG_CHANNEL_DATA]
    assert data == [piece] * (count + 20)
    asked = {"the end that talks": talking, "the end that does not read": other}
    for end in [asked[who]] if who in asked else [talking, other]:
        assert MSG_NEWKEYS in end.numbers()
    works(site, client, host)


def test_keyExchangeThatHasBegunIsEndedThoughTheOtherSideDoesNotRead(site: Any, leg: str) -> None:
    """
    The wish for keys comes right behind what fills the other side's socket.
    """
    client, host = session(site)
    talking, other = (client, host) if leg == "client" else (host, client)
    site.tcp(other).pauseProducing()
    piece = uint32(0) + string(bytes(30_000))
    for _ in range(6):
        talking.says(MSG_CHANNEL_DATA, piece)
    talking.asksForKeys()
    site.settle()
    assert talking.exchange is None
    assert talking.numbers().count(MSG_NEWKEYS) == 1
    assert other.numbers() == []

    site.tcp(other).resumeProducing()
    site.settle()

    assert other.numbers().count(MSG_CHANNEL_DATA) == 6
    works(site, client, host)


# Between the messages that open a channel


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_channelsAreOpenedWhileKeysAreAgreedOn(site: Any, leg: str, steps: int, both: bool) -> None:
    """
    However far what was said before has come.
    """
    client, host = session(site)
    opener, other = (client, host) if leg == "client" else (host, client)
    type, data = (b"session", b"")
    if leg == "host":
        type, data = b"forwarded-tcpip", WHERE + string(b"192.0.2.9") + uint32(4242)
    for number in range(1, 9):
        opener.says(MSG_CHANNEL_OPEN, opening(number, type=type, data=data))
        if number == 4:
            wants(opener)
            site.steps(steps)
            if both:
                wants(other)
    site.settle()

    opened = [
        payload for number, payload in opener.heard if number == MSG_CHANNEL_OPEN_CONFIRMATION
    ]
    assert [Reader(payload).uint32() for payload in opened] == [*range(1, 9)]
    assert len(site.named("channel.opened")) == 9
    works(site, client, host)


def test_channelThatIsOpenedWithinAKeyExchangeWaitsForItsEnd(site: Any, leg: str) -> None:
    """
    Whoever is agreeing on keys is told nothing else.
    """
    client, host = session(site)
    opener, other = (client, host) if leg == "client" else (host, client)
    type, data = (b"session", b"")
    if leg == "host":
        type, data = b"forwarded-tcpip", WHERE + string(b"192.0.2.9") + uint32(4242)
    opener.says(MSG_CHANNEL_OPEN, opening(1, type=type, data=data))
    opener.asksForKeys()
    opener.until = Stage.CONNECTED
    site.settle()
    assert other.numbers() == [MSG_CHANNEL_OPEN]
    assert MSG_CHANNEL_OPEN_CONFIRMATION not in opener.numbers()
    assert site.confused(opener) == ""

    opener.goes(Stage.SESSION)
    site.settle()

    assert opener.numbers()[-1] == MSG_CHANNEL_OPEN_CONFIRMATION
    works(site, client, host)
