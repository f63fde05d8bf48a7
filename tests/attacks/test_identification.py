"""
Attack A8: identification strings that never end, that are too long or too slow, or that
come behind too much else (CVE-2022-21716, CVE-2026-48108).
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client
from attacking.stages import Stage

from bastion.ssh.identification import MAX_LINE, MAX_PREAMBLE
from bastion.ssh.keyexchange import HANDSHAKE_TIME

#: What may be kept of somebody who has not identified himself, in bytes.
KEPT = 8192
#: An object of Python's has some bytes beside its contents.
OBJECT = 200

FROM_CLIENTS = {
    "too long": b"SSH-2.0-" + b"A" * MAX_LINE,
    "much too long": b"SSH-2.0-" + b"A" * 4096,
    "far too long": b"SSH-2.0-" + b"A" * 70_000,
    "long, with its end": b"SSH-2.0-" + b"A" * 4096 + b"\r\n",
    "far too long, with its end": b"SSH-2.0-" + b"A" * 70_000 + b"\r\n",
    "no SSH": b"A" * 70_000,
    "lines before it": b"hello\r\n" * 2000 + b"SSH-2.0-late\r\n",
    "a line before it": b"hello\r\nSSH-2.0-late\r\n",
    "empty lines": b"\n" * 70_000,
    "HTTP": b"GET / HTTP/1.1\r\nHost: bastion\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SSH 1": b"SSH-1.5-old\r\n",
    "no name": b"SSH-2.0-\r\n",
    "nothing but zeros": bytes(70_000),
    "a packet": b"\x00\x00\x00\x0c\x06\x14" + bytes(10),
}
FROM_HOSTS = {
    "too long": b"SSH-2.0-" + b"A" * MAX_LINE,
    "much too long": b"SSH-2.0-" + b"A" * 4096,
    "far too long": b"SSH-2.0-" + b"A" * 70_000,
    "far too long, with its end": b"SSH-2.0-" + b"A" * 70_000 + b"\r\n",
    "a line that does not end": b"A" * 70_000,
    "many lines": b"hello\r\n" * 2000 + b"SSH-2.0-late\r\n",
    "many empty lines": b"\r\n" * 35_000,
    "nothing but line ends": b"\n" * 70_000,
    "a long text before it": b"A" * MAX_PREAMBLE + b"\r\nSSH-2.0-late\r\n",
    "SSH 1": b"SSH-1.5-old\r\n",
    "no name": b"SSH-2.0-\r\n",
    "nothing but zeros": bytes(70_000),
}
BAD = [("client", name) for name in FROM_CLIENTS] + [("host", name) for name in FROM_HOSTS]


@pytest.mark.parametrize("size", [1, 100, 1460, 100_000])
@pytest.mark.parametrize(("leg", "name"), BAD)
def test_whatIsNoIdentificationEndsTheConnection(site: Any, leg: str, name: str, size: int) -> None:
    """
    In pieces of so many bytes: as soon as it is clear, and kept for little until then.
    """
    said = (FROM_CLIENTS if leg == "client" else FROM_HOSTS)[name]
    peer = site.attacker(leg, Stage.CONNECTED)
    before = site.kept
    for start in range(0, len(said), size):
        if site.writes(peer, said[start : start + size]):
            break
        if size > 1 or start % 100 == 0:
            assert site.kept - before < KEPT + MAX_LINE + OBJECT

    assert peer.gone
    assert start <= KEPT + MAX_LINE


def test_silentPeerIsClosedInTime(site: Any, leg: str) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)
    site.network.advance(HANDSHAKE_TIME - 1)
    assert peer.gone is (leg == "host"), "a host has less time"
    site.network.advance(2)

    assert peer.gone


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.2p1 slow and slower", b"\n" * 30])
def test_oneByteASecondKeepsNobodyWaitingForLonger(site: Any, leg: str, text: bytes) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)
    seconds = 0
    while not peer.gone and seconds < len(text):
        site.writes(peer, text[seconds : seconds + 1])
        site.clock.advance(1)
        site.settle()
        seconds += 1

    assert peer.gone
    assert seconds <= HANDSHAKE_TIME <= 10


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_longestIdentificationIsTaken(site: Any, leg: str, end: bytes) -> None:
    line = b"SSH-2.0-".ljust(MAX_LINE - len(end), b"A")
    peer = site.attacker(leg, Stage.CONNECTED, version=line)
    peer.write(peer.version + end)
    peer.stage = Stage.IDENTIFIED
    peer.goes(Stage.SESSION)
    site.settle()

    assert peer.stage is Stage.SESSION


def test_hostMaySaySomethingFirst(site: Any) -> None:
    """
    RFC 4253 section 4.2; up to the limit.
    """
    host = site.attacker("host", Stage.CONNECTED)
    site.writes(host, (b"A" * 78 + b"\r\n") * (MAX_PREAMBLE // 80 - 1))
    host.goes(Stage.SESSION)
    site.settle()

    assert host.stage is Stage.SESSION


def test_manyWhoSayHalfOfItAreKeptForLittle(siteOf: Any) -> None:
    site = siteOf(admission={"per_source_startups": 1000})
    line = b"SSH-2.0-".ljust(MAX_LINE - 2, b"A")
    peers = [site.connects(Client(until=Stage.CONNECTED)) for _ in range(90)]
    before = site.kept
    for peer in peers:
        site.writes(peer, line)

    assert site.kept - before < 90 * (MAX_LINE + OBJECT)
    site.network.advance(HANDSHAKE_TIME + 1)
    assert all(peer.gone for peer in peers)
