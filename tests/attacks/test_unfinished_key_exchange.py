"""
Attack A4: whoever begins a key exchange and never ends it, and says on and on what the
other side would have to keep until then (CVE-2025-26466, CVE-2025-22869,
CVE-2016-8858).
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client, opening, password
from attacking.process import started, surviving
from attacking.stages import Stage

from bastion.ssh.keyexchange import HANDSHAKE_TIME, REKEY_TIME
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_PING,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_REQUEST,
    byte,
    string,
    uint32,
)

running = pytest.fixture(scope="module")(started)
bastion = pytest.fixture(surviving)

#: The most that may wait for a key exchange, in bytes.
QUEUED = 256 * 1024
#: What a flood consists of.
FLOOD = 300_000
#: By how much the bastion's memory may grow in a flood, in KiB.
GROWN = 5 << 10
REQUESTS = {
    MSG_SERVICE_REQUEST: string(b"ssh-userauth"),
    MSG_USERAUTH_REQUEST: password(),
    MSG_GLOBAL_REQUEST: string(b"no-such-request") + byte(1),
    MSG_CHANNEL_OPEN: opening(),
    MSG_CHANNEL_DATA: uint32(0) + string(bytes(1000)),
    MSG_CHANNEL_REQUEST: uint32(0) + string(b"exec") + byte(1) + string(b"id"),
    MSG_PING: string(bytes(1000)),
}
eachRequest = pytest.mark.parametrize(("number", "payload"), REQUESTS.items())


def flood(site: Any, peer: Any, number: int, payload: bytes, count: int) -> int:
    """
    Say the same again and again.

    @return: the most that the bastion has kept of it, in bytes.
    """
    before, most = site.kept, 0
    for _ in range(count // 500):
        if site.writes(peer, b"".join(peer.packet(number, payload) for _ in range(500))):
            break
        most = max(most, site.kept - before)
    return most


@eachRequest
@pytest.mark.parametrize("stage", [Stage.ASKED, Stage.AGREED])
def test_firstRequestWithinTheFirstKeyExchangeIsTheLast(
    site: Any, leg: str, stage: Stage, number: int, payload: bytes
) -> None:
    peer = site.attacker(leg, stage, strict=False)

    assert flood(site, peer, number, payload, 5000) < QUEUED
    assert peer.gone


def test_smallTalkWithinTheFirstKeyExchangeKeepsItNoLonger(site: Any, leg: str) -> None:
    """
    What RFC 4253 allows between the messages is forgotten, and buys no time.
    """
    peer = site.attacker(leg, Stage.ASKED, strict=False)
    talk = string(bytes(100))
    for _ in range(int(HANDSHAKE_TIME)):
        assert flood(site, peer, MSG_IGNORE, talk, 1000) < 1000
        site.clock.advance(1)
        site.settle()

    assert peer.gone
    reasons = [*site.named("connection.closed"), *site.named("host.refused")]
    expected = "took too long" if leg == "client" else "slower than another"
    assert expected in reasons[0]["reason"]


@eachRequest
def test_peerThatAsksForNewKeysMaySayNothingElse(
    site: Any, leg: str, number: int, payload: bytes
) -> None:
    """
    In the middle of a session, too.
    """
    if leg == "host" and number == MSG_PING:
        payload = b""
    peer = site.attacker(leg, Stage.SESSION)
    peer.until = Stage.CONNECTED
    peer.asksForKeys()

    assert flood(site, peer, number, payload, 5000) < QUEUED
    assert peer.gone
    assert site.client.gone


def test_keyExchangeOfASessionHasItsTime(site: Any, leg: str) -> None:
    peer = site.attacker(leg, Stage.SESSION)
    peer.until = Stage.CONNECTED
    peer.asksForKeys()
    for _ in range(int(REKEY_TIME)):
        site.sends(peer, MSG_IGNORE, string(b""))
        site.clock.advance(1)
        site.settle()

    assert peer.gone
    assert site.client.gone
    assert "took too long" in site.reason


def test_whatTheOtherEndSaysWaitsAtTheOtherEnd(site: Any, leg: str) -> None:
    """
    While one end is asked for new keys and does not answer, the other one is not read.
    """
    peer = site.attacker(leg, Stage.SESSION)
    client, host = site.client, site.host
    client.opens()
    site.settle()
    other = host if peer is client else client
    peer.until = other.until = Stage.CONNECTED
    peer.asksForKeys()
    site.settle()

    assert flood(site, other, MSG_CHANNEL_DATA, uint32(0) + string(bytes(1000)), 5000) < QUEUED
    assert not peer.gone
    assert site.tcp(other).waiting > 1_000_000


def test_whatIsAskedOfUsWhileWeAskForKeysIsNotKeptWithoutBound(siteOf: Any) -> None:
    """
    We have asked the client for new keys, which it passes over; it asks on and on for
    what we answer ourselves.
    """
    site = siteOf(rekey_packets=1000, keepalive=0)
    client = site.connects(Client())
    client.opens()
    site.settle()
    client.until = Stage.CONNECTED
    client.heard.clear()
    while client.last(MSG_KEXINIT) is None:
        flood(site, client, MSG_PING, string(b""), 500)

    assert flood(site, client, MSG_PING, string(bytes(1000)), 30_000) < 4 * QUEUED
    assert client.gone


def test_whoPassesOurKexinitOverFillsNoMemory(siteOf: Any, leg: str) -> None:
    """
    We have asked one end for new keys; it goes on with its data, and the other end does
    not read them.
    """
    site = siteOf(rekey_packets=1000, keepalive=0)
    peer = site.attacker(leg, Stage.SESSION)
    client, host = site.client, site.host
    client.opens()
    site.settle()
    other = host if peer is client else client
    peer.until = Stage.CONNECTED
    peer.heard.clear()
    data = uint32(0) + string(bytes(1000))
    while peer.last(MSG_KEXINIT) is None:
        flood(site, peer, MSG_CHANNEL_DATA, data, 500)
    site.tcp(other).pauseProducing()

    kept = flood(site, peer, MSG_CHANNEL_DATA, data, 30_000)
    site.tcp(other).resumeProducing()
    site.settle()
    assert kept < 4 * QUEUED


# With sockets


@pytest.mark.parametrize("number", [MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, MSG_CHANNEL_DATA])
def test_floodOfRequestsIsCut(bastion: Any, number: int) -> None:
    """
    As fast as they can be sent.
    """
    attacker = bastion.connects("127.0.4.1", Client(until=Stage.ASKED, strict=False))
    assert attacker.goes(Stage.ASKED)
    packets = attacker.peer.packet(number, REQUESTS[number]) * 1000
    sent = 0
    while sent < FLOOD and attacker.sends(packets):
        sent += 1000

    assert attacker.peer.gone
    assert sent < FLOOD
    assert bastion.grown() < GROWN
    bastion.logsIn()


def test_floodOfSmallTalkIsForgotten(bastion: Any) -> None:
    """
    What the rules allow is taken, and nothing is left of it; somebody else logs in.
    """
    attacker = bastion.connects("127.0.4.2", Client(until=Stage.ASKED, strict=False))
    assert attacker.goes(Stage.ASKED)
    packets = attacker.peer.packet(MSG_IGNORE, string(b"")) * 1000
    for at in range(0, FLOOD, 1000):
        if not attacker.sends(packets):
            break
        if at == FLOOD // 2:
            bastion.logsIn()

    bastion.logsIn()
    assert bastion.grown() < GROWN
