"""
Attack A8: identification strings that never end, and text before them
(CVE-2022-21716, CVE-2026-48108).
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.peer import Peer
from attacking.stages import Stage

from bastion.ssh.keyexchange import HANDSHAKE_TIME

#: What may be kept of one that has not identified itself, in bytes.
KEPT = 8192
#: The objects of Python beside the bytes.
SLACK = 1024

FLOODS = {
    "a long string": b"SSH-2.0-" + b"x" * 255,
    "4 KiB": b"SSH-2.0-" + b"x" * 4096,
    "70 kB": b"SSH-2.0-" + b"x" * 70_000,
    "70 kB with an end": b"SSH-2.0-" + b"x" * 70_000 + b"\r\n",
    "2000 lines": b"welcome!!\r\n" * 2000 + b"SSH-2.0-x\r\n",
    "a long line": b"x" * 70_000,
    "empty lines": b"\n" * 70_000,
    "nothing but zeros": bytes(70_000),
}


def writes(site: Any, peer: Peer, data: bytes) -> bool:
    """
    Send bytes, past whoever is on the way and waits for an identification string.

    @return: whether the connection has ended by that.
    """
    site.tcp(peer).write(data)
    site.settle()
    return peer.gone


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("size", [100, 1460, 100_000])
def test_flood(site: Any, leg: str, flood: bytes, size: int) -> None:
    """
    In pieces of so many bytes.
    """
    peer = site.attacker(leg, Stage.CONNECTED)
    before = site.kept
    for start in range(0, len(flood), size):
        if writes(site, peer, flood[start : start + size]):
            break
        assert site.kept - before < KEPT + SLACK
    assert peer.gone


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.2p1 slow and slower", b"\n" * 30])
def test_oneByteASecond(site: Any, leg: str, text: bytes) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)
    seconds = 0
    while not peer.gone and seconds < len(text):
        writes(site, peer, text[seconds : seconds + 1])
        site.clock.advance(1)
        site.settle()
        seconds += 1

    assert peer.gone
    assert seconds <= HANDSHAKE_TIME <= 10


def test_nothingAtAll(site: Any, leg: str) -> None:
    peer = site.attacker(leg, Stage.CONNECTED)
    site.clock.advance(HANDSHAKE_TIME)
    site.settle()
    site.clock.advance(5)
    site.settle()

    assert peer.gone
