"""
Attack A8: identification strings that are too long, too slow, or come behind too much
else (CVE-2022-21716, CVE-2026-48108).
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
    "no SSH": b"A" * 70_000,
    "lines before it": b"hello\r\n" * 2000,
    "a line before it": b"hello\r\nSSH-2.0-late\r\n",
    "HTTP": b"GET / HTTP/1.1\r\nHost: bastion\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SSH 1": b"SSH-1.5-old\r\n",
    "no name": b"SSH-2.0-\r\n",
    "nothing": b"\0" * 1000,
    "a packet": b"\x00\x00\x00\x0c\x06\x14" + bytes(10),
}
FROM_HOSTS = {
    "too long": b"SSH-2.0-" + b"A" * MAX_LINE,
    "far too long": b"SSH-2.0-" + b"A" * 70_000,
    "a line that does not end": b"A" * 70_000,
    "many lines": b"hello\r\n" * 2000,
    "many empty lines": b"\r\n" * 35_000,
    "a long text before it": b"A" * MAX_PREAMBLE + b"\r\nSSH-2.0-late\r\n",
    "SSH 1": b"SSH-1.5-old\r\n",
    "no name": b"SSH-2.0-\r\n",
}
BAD = [("client", name) for name in FROM_CLIENTS] + [("host", name) for name in FROM_HOSTS]

eachBad = pytest.mark.parametrize(("leg", "name"), BAD)


def bad(leg: str, name: str) -> bytes:
    """
    Something that is no identification string.
    """
    return (FROM_CLIENTS if leg == "client" else FROM_HOSTS)[name]


@eachBad
def test_whatIsNoIdentificationEndsTheConnection(site: Any, leg: str, name: str) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)

    assert site.writes(peer, bad(leg, name))


@eachBad
def test_soItIsByteByByte(site: Any, leg: str, name: str) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)
    before = site.kept
    for at, each in enumerate(bad(leg, name)):
        peer.write(bytes((each,)))
        site.settle()
        if peer.gone:
            break
        if at % 100 == 0:
            assert site.kept - before < KEPT + OBJECT

    assert peer.gone
    assert at <= KEPT + MAX_LINE


def test_silentPeerIsClosedInTime(site: Any, leg: str) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)
    site.network.advance(HANDSHAKE_TIME - 1)
    assert peer.gone is (leg == "host"), "a host has less time"
    site.network.advance(2)

    assert peer.gone


def test_slowPeerIsClosedInTime(site: Any, leg: str) -> None:
    """
    One byte each second keeps nobody waiting for longer.
    """
    peer = site.attacker(leg, Stage.CONNECTED)
    for each in b"SSH-2.0-slow":
        peer.write(bytes((each,)))
        site.network.advance(1)
        if peer.gone:
            break

    assert peer.gone


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
