"""
L{bastion.ssh.keyexchange}: which keys come of a key exchange, and what is kept of it.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve

from bastion.ssh import derivation
from bastion.ssh.ciphers import PacketCipher, packetCipher
from bastion.ssh.keyexchange import KeyExchange
from bastion.ssh.negotiation import Offer

CTR, MAC, GCM = b"aes256-ctr", b"hmac-sha2-512-etm@openssh.com", b"aes256-gcm@openssh.com"


def derived(letter: bytes, secret: bytes, hashed: bytes, size: int) -> bytes:
    """
    RFC 4253 section 7.2, in the first key exchange, whose hash is the session's too.
    """
    key = sha256(secret + hashed + letter + hashed).digest()
    while len(key) < size:
        key += sha256(secret + hashed + key).digest()
    return key[:size]


def test_keysAreThoseOfTheStandard(leg: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of each direction its own, and no others.
    """
    made: list[tuple[bytes, ...]] = []
    agreed: list[tuple[bytes, bytes]] = []
    setUp = KeyExchange._keySetup

    def making(cipher: bytes, mac: bytes, iv: bytes, key: bytes, macKey: bytes) -> PacketCipher:
        made.append((cipher, mac, iv, key, macKey))
        return packetCipher(cipher, mac, iv, key, macKey)

    def settingUp(self: KeyExchange, secret: bytes, hashed: bytes) -> None:
        agreed.append((secret, hashed))
        setUp(self, secret, hashed)

    def change(offer: Offer) -> Offer:
        return evolve(offer, ciphersToServer=(CTR,), ciphersToClient=(GCM,), macsToServer=(MAC,))

    monkeypatch.setattr(derivation, "packetCipher", making)
    monkeypatch.setattr(KeyExchange, "_keySetup", settingUp)
    leg.offered(change).inSession()

    ((secret, hashed), theirs) = agreed
    assert theirs == (secret, hashed)
    toServer, toClient = made[:2]
    assert made[2:] == made[:2]
    assert toServer[:2] == (CTR, MAC)
    for key, letter, size in zip(toServer[2:], (b"A", b"C", b"E"), (16, 32, 64), strict=True):
        assert key == derived(letter, secret, hashed, size)
    assert (toClient[:2], toClient[4]) == ((GCM, b""), b"")
    for key, letter, size in zip(toClient[2:4], (b"B", b"D"), (12, 32), strict=True):
        assert key == derived(letter, secret, hashed, size)


def test_nothingOfAKeyExchangeIsKeptForASession(leg: Any) -> None:
    leg.inSession()
    for name in ("_ours", "_agreement", "_incomingNext"):
        assert not hasattr(leg.ours, name)
    assert not {"ourKexInitPayload", "otherKexInitPayload"} & vars(leg.ours).keys()


def test_transportHasNoLargeDictionary(leg: Any) -> None:
    """
    A thousand sessions have two thousand transports.
    """
    leg.inSession()
    assert sys.getsizeof(vars(leg.ours)) < 512
