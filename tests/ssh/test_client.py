"""
L{bastion.ssh.client}: the end of a connection that faces a host.  No byte of a
credential leaves before the host has proved the known key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key

from bastion.algorithms import HOST_KEYS
from bastion.interfaces import HostUnavailable
from bastion.ssh.client import ClientTransport
from bastion.ssh.identification import TO_CLIENTS
from bastion.ssh.phases import Phase
from bastion.testing.speakers import KeyHolder, Recorder, TrustedKeys, Witness
from bastion.wire import (
    DISCONNECT_HOST_KEY_NOT_VERIFIABLE,
    MSG_SERVICE_ACCEPT,
    string,
    uint32,
)

OTHER = Key(ed25519.Ed25519PrivateKey.generate())
RSA = Key(rsa.generate_private_key(65537, 2048))
P256 = Key(ec.generate_private_key(ec.SECP256R1()))
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


def hostWith(leg: Any, *keys: Key) -> Any:
    """
    Connect to a host with certain keys.
    """
    leg.connected(keys[0])
    leg.peer.transport.factory = KeyHolder(*keys)
    leg.peer.transport.supportedPublicKeys = [
        name for key in keys for name in key.supportedSignatureAlgorithms()
    ]
    leg.network.settle()
    return leg


def heardNothing(leg: Any) -> None:
    """
    See that the key exchange was not gone on with, and no service asked for.
    """
    assert leg.ours.sessionID is None
    assert leg.peer.transport.service is None
    assert not leg.peer.login.heard
    assert "secured" not in leg.witness.events
    assert "secured" not in leg.peer.witness.events


# The host's key


def test_unknownKeyEndsTheConnectionAndTheOwnerIsTold(towardHost: Any) -> None:
    leg = hostWith(towardHost, OTHER)

    assert leg.failures == ["an unexpected key"]
    goodbye = ("disconnected", DISCONNECT_HOST_KEY_NOT_VERIFIABLE, b"unexpected host key")
    assert leg.peer.witness.events == [goodbye, "lost"]
    heardNothing(leg)
    leg.over()


@pytest.mark.parametrize("key", [RSA, P256], ids=["rsa", "ecdsa"])
def test_keyOfAnotherTypeIsLearntAndRefused(towardHost: Any, key: Key) -> None:
    leg = hostWith(towardHost, key)

    assert leg.failures == ["an unexpected key"]
    heardNothing(leg)


@pytest.mark.parametrize("key", [RSA, P256], ids=["rsa", "ecdsa"])
def test_knownKeyOfEachTypeIsAccepted(key: Key, towardHost: Any) -> None:
    leg, trusted = towardHost, TrustedKeys({key.public().blob()})
    leg.ours = ClientTransport(leg.witness, leg.clock, trusted, leg.service)
    hostWith(leg, OTHER, key)

    assert leg.failures == []
    assert leg.ours.phase is Phase.LOGIN
    assert leg.ours.keyAlg in (b"rsa-sha2-512", b"ecdsa-sha2-nistp256")


@pytest.mark.parametrize("error", [HostUnavailable("revoked"), HostUnavailable("")])
def test_reasonOfARefusalIsToldToTheOwnerOnly(
    towardHost: Any, monkeypatch: pytest.MonkeyPatch, error: HostUnavailable
) -> None:
    def verify(self: TrustedKeys, blob: bytes) -> None:
        raise error

    monkeypatch.setattr(TrustedKeys, "verify", verify)
    towardHost.inLogin()

    assert towardHost.failures == [str(error)]
    assert towardHost.peer.witness.events[0][2] == b"unexpected host key"


@pytest.mark.parametrize("error", [MemoryError, RuntimeError, KeyError])
def test_verificationThatFailsRefuses(
    towardHost: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """
    CVE-2025-26465: an error is no permission.
    """

    def verify(self: TrustedKeys, blob: bytes) -> None:
        raise error

    monkeypatch.setattr(TrustedKeys, "verify", verify)
    towardHost.inLogin()

    assert len(towardHost.failures) == 1
    heardNothing(towardHost)
    towardHost.over()


def test_keyIsVerifiedAnewWithEachKeyExchange(towardHost: Any) -> None:
    towardHost.inLogin()
    towardHost.peer.transport.factory = KeyHolder(OTHER)
    towardHost.peer.transport.sendKexInit()
    towardHost.network.settle()

    assert towardHost.failures == ["an unexpected key"]
    towardHost.over()


# The proof


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
    key, _, signature = fields(payload)
    return string(key) + string(bytes(31) + b"\t") + string(signature)


@pytest.mark.parametrize("change", [withAnotherSignature, withAnotherPublicKey])
def test_signatureThatDoesNotFitEndsTheConnection(
    towardHost: Any, change: Callable[[bytes], bytes]
) -> None:
    leg = rewritten(towardHost, change)

    assert leg.failures == ["bad signature"]
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

    leg = rewritten(towardHost, change)

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


# The service


@pytest.mark.parametrize(
    "payload", [b"", string(b"ssh-connection"), string(b"ssh-userauth")[:-1], uint32(2**32 - 1)]
)
def test_otherServiceThanAskedForIsRefused(towardHost: Any, payload: bytes) -> None:
    towardHost.beforeService().hears(MSG_SERVICE_ACCEPT, payload)

    assert len(towardHost.failures) == 1
    assert towardHost.ours.service is None
    towardHost.over()


def test_hostMayTalkBeforeItIdentifiesItself(towardHost: Any) -> None:
    towardHost.raw(b"Welcome\r\n" * 50 + b"SSH-2.0-x\r\n")

    assert towardHost.failures == []
    assert towardHost.ours.gotVersion


def test_knownKindsOfKeysAreOfferedFirst() -> None:
    def offered(*keys: Key) -> list[bytes]:
        trusted = TrustedKeys({key.public().blob() for key in keys})
        service = Recorder(b"ssh-userauth")
        nobody: Any = None
        return ClientTransport(Witness(), nobody, trusted, service).supportedPublicKeys

    assert offered() == list(HOST_KEYS)
    assert offered(RSA)[:2] == [b"rsa-sha2-512", b"rsa-sha2-256"]
    assert offered(P256, RSA)[0] == b"ecdsa-sha2-nistp256"
    assert set(offered(P256)) == set(HOST_KEYS)
    assert b"ssh-rsa" not in offered(RSA)


@pytest.mark.parametrize(
    ("client", "kin"), [(b"SSH-2.0-OpenSSH_9.2", True), (b"SSH-2.0-PuTTY", False), (b"", False)]
)
def test_hostIsToldTheKinOfTheClient(towardHost: Any, client: bytes, kin: bool) -> None:
    nobody: Any = None
    transport = ClientTransport(
        towardHost.witness, nobody, TrustedKeys(set()), towardHost.service, client
    )

    assert (transport.ourVersionString == TO_CLIENTS) == kin
