"""
Attack A15: a packet that is small until it is inflated.  There is no compression on
either leg, before the login or behind it, and who insists on it is told what is missing.
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.exchange import Lists
from attacking.peer import Peer
from attacking.stages import Stage
from attrs import evolve

from bastion.wire import DISCONNECT_KEY_EXCHANGE_FAILED

ONLY = [(b"zlib",), (b"zlib@openssh.com",), (b"zlib@openssh.com", b"zlib"), ()]


def test_noCompressionIsOffered(site: Any, leg: str) -> None:
    peer = site.attacker(leg, Stage.ASKED)

    assert Lists.parse(peer.exchange.theirs).compressions == (b"none",)


@pytest.mark.parametrize("compressions", ONLY)
def test_peerThatInsistsOnItIsToldWhatIsMissing(
    site: Any, leg: str, compressions: tuple[bytes, ...]
) -> None:
    lists = evolve(Peer.usual(site.attacker(leg, Stage.CONNECTED)), compressions=compressions)
    peer = site.attacker(leg, Stage.SESSION, lists=lists)

    assert peer.gone
    assert peer.stage < Stage.KEYED
    reason, text = peer.goodbye
    assert reason == DISCONNECT_KEY_EXCHANGE_FAILED
    assert text.startswith(b"no compression in common")
    for name in compressions or (b"none",):
        assert name in text


def test_peerThatPrefersItGetsNone(site: Any, leg: str) -> None:
    """
    And nothing that looks like a deflated stream is ever inflated.
    """
    usual = Peer.usual(site.attacker(leg, Stage.CONNECTED))
    lists = evolve(usual, compressions=(b"zlib", b"zlib@openssh.com", b"none"))
    peer = site.attacker(leg, Stage.SESSION, lists=lists)

    assert peer.stage is Stage.SESSION
