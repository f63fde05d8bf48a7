"""
L{bastion.ssh.client}: the host has to prove its key, with the algorithm that was
agreed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from twisted.conch.ssh.keys import Key

from bastion.wire import string, uint32

OTHER = Key(ed25519.Ed25519PrivateKey.generate())
RSA = Key(rsa.generate_private_key(65537, 2048))
REPLY = 31


def rewritten(leg: Any, change: Callable[[bytes], bytes]) -> Any:
    """
    Connect to a host whose KEX_ECDH_REPLY is changed on its way.
    """
    leg.connected()
    send = leg.peer.transport.sendPacket
    leg.peer.transport.sendPacket = lambda number, payload: send(
        number, change(payload) if number == REPLY else payload
    )
    leg.network.settle()
    return leg


def fields(payload: bytes) -> list[bytes]:
    """
    The strings of a payload.
    """
    found = []
    while payload:
        size = int.from_bytes(payload[:4], "big")
        found.append(payload[4 : 4 + size])
        payload = payload[4 + size :]
    return found


def heardNothing(leg: Any) -> None:
    """
    See that the key exchange was not gone on with, and no service asked for.
    """
    assert leg.ours.sessionID is None
    assert leg.peer.transport.service is None
    assert not leg.peer.login.heard
    assert "secured" not in leg.witness.events
    assert "secured" not in leg.peer.witness.events


def withAnotherSignature(payload: bytes) -> bytes:
    """
    Signed by somebody else.
    """
    key, public, _ = fields(payload)
    return string(key) + string(public) + string(OTHER.sign(b"anything"))


def withAnotherPublicKey(payload: bytes) -> bytes:
    """
    Another half of the exchange than was signed.
    """
    key, public, signature = fields(payload)
    return string(key) + string(public[:-32] + bytes(31) + b"\t") + string(signature)


@pytest.mark.parametrize("change", [withAnotherSignature, withAnotherPublicKey])
def test_signatureThatDoesNotFitEndsTheConnection(
    towardHost: Any, change: Callable[[bytes], bytes]
) -> None:
    leg = rewritten(towardHost, change)

    assert leg.failures == ["the host's signature of the key exchange is wrong"]
    heardNothing(leg)
    leg.over()


@pytest.mark.parametrize("algorithm", [b"ssh-rsa", b"rsa-sha2-512", b"", b"ssh-ed25519-x"])
def test_otherSignatureAlgorithmThanAgreedIsRefused(towardHost: Any, algorithm: bytes) -> None:
    def change(payload: bytes) -> bytes:
        key, public, signature = fields(payload)
        return string(key) + string(public) + string(string(algorithm) + string(signature))

    leg = rewritten(towardHost, change)

    assert leg.failures == ["the host key is not of the agreed algorithm"]
    heardNothing(leg)
    leg.over()


def test_otherKeyThanAgreedIsRefused(towardHost: Any) -> None:
    def change(payload: bytes) -> bytes:
        _, public, signature = fields(payload)
        return string(RSA.public().blob()) + string(public) + string(signature)

    leg = rewritten(towardHost, change)

    assert leg.failures == ["the host key is not of the agreed algorithm"]
    heardNothing(leg)


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(32), bytes(33), b"\xff" * 33])
def test_publicKeyThatIsNoneIsOneFailureOfOneLine(towardHost: Any, public: bytes) -> None:
    def change(payload: bytes) -> bytes:
        key, _, signature = fields(payload)
        return string(key) + string(public) + string(signature)

    curve = (b"curve25519-sha256",)
    leg = rewritten(towardHost.offered(lambda offer: evolve(offer, keyExchanges=curve)), change)

    assert len(leg.failures) == 1
    assert "\n" not in leg.failures[0] and "Traceback" not in leg.failures[0]
    heardNothing(leg)
    leg.over()


@pytest.mark.parametrize("size", [0, 3, 4, 10, 54, 55, 60, 90, 94, 100, 150])
def test_truncatedReplyIsOneFailure(towardHost: Any, size: int) -> None:
    leg = rewritten(towardHost, lambda payload: payload[:size])

    assert len(leg.failures) == 1
    heardNothing(leg)
    leg.over()


@pytest.mark.parametrize("number", [30, 32, 33, 34])
def test_messageOfAnotherMethodProvesNothing(towardHost: Any, number: int) -> None:
    """
    33 is where Conch verifies a key for another method.
    """
    leg = towardHost.connected()
    payload = string(leg.peer.transport.factory.publicKeys[b"ssh-ed25519"].blob())
    send = leg.peer.transport.sendPacket
    leg.peer.transport.sendPacket = lambda sent, rest: send(
        *((number, payload + uint32(1) + b"\2" + string(b"x")) if sent == REPLY else (sent, rest))
    )
    leg.network.settle()

    heardNothing(leg)
    leg.network.advance(11)
    leg.over()
