"""
L{bastion.ssh.derivation}: keys as RFC 4253 section 7.2 and Conch derive them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from twisted.conch.ssh.transport import SSHServerTransport

from bastion.ssh.derivation import Secret

SHARED, EXCHANGE, SESSION = b"\0\0\0\x05heart", b"h" * 32, b"s" * 32
METHODS = {b"curve25519-sha256": hashlib.sha256, b"diffie-hellman-group16-sha512": hashlib.sha512}


@pytest.mark.parametrize("letter", [b"A", b"C", b"F"])
@pytest.mark.parametrize("size", [0, 1, 12, 16, 32, 33, 64, 65, 128])
@pytest.mark.parametrize("method", METHODS)
def test_keyIsConchs(method: bytes, size: int, letter: bytes) -> None:
    transport: Any = SSHServerTransport()
    transport.kexAlg, transport.sessionID = method, SESSION
    secret = Secret(METHODS[method], SHARED, EXCHANGE, SESSION)

    key = secret.key(letter, size)

    assert key == transport._getKey(letter, SHARED, EXCHANGE)[:size]
    assert len(key) == size


def test_longKeyIsExtendedByAllOfItself() -> None:
    known = SHARED + EXCHANGE
    first = hashlib.sha256(known + b"E" + SESSION).digest()
    second = hashlib.sha256(known + first).digest()
    third = hashlib.sha256(known + first + second).digest()

    assert Secret(hashlib.sha256, SHARED, EXCHANGE, SESSION).key(b"E", 96) == first + second + third


def test_directionsAndTheirPartsHaveKeysOfTheirOwn() -> None:
    secret = Secret(hashlib.sha256, SHARED, EXCHANGE, SESSION)
    suite = b"aes128-ctr", b"hmac-sha2-256-etm@openssh.com"
    for letters in ((b"A", b"C", b"E"), (b"B", b"D", b"F")):
        sealing, opening = (secret.cipher(*suite, letters) for _ in range(2))
        packet, plain = memoryview(bytearray(100)), memoryview(bytearray(100))
        sealing.seal(0, b"\x0dhey" + bytes(12), packet)
        size = 4 + 16 + sealing.tagSize
        assert opening.open(0, packet[:size], plain)[1:4] == b"hey"
    keys = [secret.key(bytes((letter,)), 16) for letter in b"ABCDEF"]
    assert len(set(keys)) == 6


def test_secretIsNotShown() -> None:
    assert "heart" not in repr(Secret(hashlib.sha256, SHARED, EXCHANGE, SESSION))
