"""
L{bastion.ssh.signing}: whose signatures count, and what Conch gets of our own keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key

from bastion.ssh.signing import PublicHalf, isSigned


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
    key = Key(make())
    half = PublicHalf.of(key)
    assert half == key.public()
    assert half.isPublic()
    assert half.blob() == key.public().blob()
    assert half.blob() is half.blob()
