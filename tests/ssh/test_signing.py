"""
L{bastion.ssh.signing}: whose signatures count, and what Conch gets of our own keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key

from bastion.ssh.remembered import REMEMBERED
from bastion.ssh.signing import HostKey, isSigned, publicKey
from bastion.wire import string


def ecdsaKey() -> ec.EllipticCurvePrivateKey:
    """
    A new key.
    """
    return ec.generate_private_key(ec.SECP256R1())


def rsaKey() -> rsa.RSAPrivateKey:
    """
    A new key.
    """
    return rsa.generate_private_key(65537, 2048)


eachKind = pytest.mark.parametrize("make", [ed25519.Ed25519PrivateKey.generate, ecdsaKey, rsaKey])


@eachKind
def test_onlyTheOwnersSignatureOfTheSameIsOne(make: Callable[[], Any]) -> None:
    key, other = Key(make()), Key(make())
    (algorithm, *_) = key.supportedSignatureAlgorithms()
    blob, signature = key.public().blob(), key.sign(b"said", algorithm)
    for _ in range(2):
        assert isSigned(b"said", blob, signature)
        assert not isSigned(b"saib", blob, signature)
        assert not isSigned(b"said", other.public().blob(), signature)
        assert not isSigned(b"said", blob, other.sign(b"said", algorithm))
        assert not isSigned(b"said", blob, signature[:-1])
        assert not isSigned(b"said", blob[:-1], signature)
        assert not isSigned(b"said", blob, b"")


@eachKind
def test_publicHalfIsThatOfTheKey(make: Callable[[], Any]) -> None:
    plain = Key(make())
    key = HostKey.fromString(plain.toString("OPENSSH"))
    half = key.public()
    assert (key, half) == (plain, plain.public())
    assert (key.isPublic(), half.isPublic()) == (False, True)
    assert key.blob() == half.blob() == plain.public().blob()
    assert key.type() == half.type() == plain.type()
    assert publicKey(half.blob()) is half


@eachKind
def test_whatItsOwnerSignsIsSigned(make: Callable[[], Any]) -> None:
    key = HostKey.fromString(Key(make()).toString("OPENSSH"))
    for algorithm in key.supportedSignatureAlgorithms():
        assert isSigned(b"said", key.blob(), key.sign(b"said", algorithm))


@pytest.mark.parametrize("blob", [b"", b"ssh-ed25519", b"\0\0\0\x0bssh-ed25519" + bytes(4)])
def test_whatIsNoKeySignsNothing(blob: bytes) -> None:
    for _ in range(2):
        assert not isSigned(b"said", blob, b"signature")


def test_someKeysAreMadeOnlyOnce() -> None:
    blobs = [string(b"ssh-ed25519") + string(bytes([number]) * 32) for number in range(40)]
    first = publicKey(blobs[0])
    assert publicKey(blobs[0]) is first
    for blob in blobs[1 : REMEMBERED + 1]:
        publicKey(blob)
    assert publicKey(blobs[0]) is not first
    assert publicKey(blobs[0]) == first
