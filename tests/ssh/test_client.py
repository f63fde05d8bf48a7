"""
L{bastion.ssh.client}: the end of a connection that faces a host.  No byte of a
credential leaves before the host has proved the known key.
"""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key
from twisted.logger import LogEvent

from bastion.algorithms import COMPATIBLE_TO_CLIENTS, HOST_KEYS, TO_HOSTS
from bastion.interfaces import HostUnavailable
from bastion.ssh.client import ClientTransport
from bastion.ssh.identification import TO_CLIENTS
from bastion.ssh.negotiation import Offer
from bastion.ssh.phases import Phase
from bastion.ssh.stream import Stream
from bastion.ssh.terms import Terms
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


def hostWith(leg: Any, *keys: Key) -> Any:
    """
    Connect to a host with certain keys.
    """
    leg.connected(keys[0])
    leg.peer.transport.factory = KeyHolder(*keys)
    leg.peer.transport.speakOn(Terms(lambda identification: COMPATIBLE_TO_CLIENTS))
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


# The beginning


def test_whoWeAreAndWhatWeOfferLeaveTogether(
    towardHost: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    ours = towardHost.ours
    monkeypatch.setattr(
        Stream,
        "transmit",
        lambda stream, view: sent.append(bytes(view)) if stream is ours.stream else None,
    )
    towardHost.connected()

    (said,) = sent
    assert said.startswith(ours.ourVersionString + b"\r\n")
    assert ours.ourKexInitPayload in said


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
    towardHost: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    logged: list[LogEvent],
) -> None:
    """
    CVE-2025-26465: an error is no permission.  It is the operator's to see.
    """

    def verify(self: TrustedKeys, blob: bytes) -> None:
        raise error

    monkeypatch.setattr(TrustedKeys, "verify", verify)
    towardHost.inLogin()
    towardHost.network.settle()

    heardNothing(towardHost)
    assert towardHost.failures == ["the key exchange went wrong"]
    assert [event["log_failure"].type for event in logged] == [error]
    logged.clear()


def test_keyIsVerifiedAnewWithEachKeyExchange(towardHost: Any) -> None:
    towardHost.inSession()
    towardHost.peer.transport.factory = KeyHolder(OTHER)
    towardHost.peer.transport.sendKexInit()
    towardHost.network.settle()

    assert towardHost.failures == ["an unexpected key"]
    towardHost.over()


# The service


@pytest.mark.parametrize(
    "payload", [b"", string(b"ssh-connection"), string(b"ssh-userauth")[:-1], uint32(2**32 - 1)]
)
def test_otherServiceThanAskedForIsRefused(towardHost: Any, payload: bytes) -> None:
    towardHost.beforeService().hears(MSG_SERVICE_ACCEPT, payload)

    assert len(towardHost.failures) == 1
    assert towardHost.ours.service is None
    towardHost.over()


def test_hostIsAskedBeforeItHasSaidAnything(towardHost: Any) -> None:
    """
    What is offered to it does not depend on it: that saves a round trip.
    """
    peer = towardHost.raw()
    towardHost.network.settle()

    greeting, _, packet = peer.heard.partition(b"\r\n")
    assert greeting == towardHost.ours.ourVersionString
    offer = Offer.parse(packet[6 : -packet[4]])
    assert offer.methods == TO_HOSTS.keyExchanges
    assert offer.ciphersToServer == offer.ciphersToClient == TO_HOSTS.ciphers


def test_hostIsToldThatItMayTellMoreDuringTheLogin(towardHost: Any) -> None:
    towardHost.inLogin()

    assert towardHost.peer.transport.peerExtensions == {b"ext-info-in-auth@openssh.com": b"0"}


def test_hostMayTalkBeforeItIdentifiesItself(towardHost: Any) -> None:
    towardHost.raw(b"Welcome\r\n" * 50 + b"SSH-2.0-x\r\n")

    assert towardHost.failures == []
    assert towardHost.ours.gotVersion


def test_knownKindsOfKeysAreOfferedFirst() -> None:
    def offered(*keys: Key) -> tuple[bytes, ...]:
        trusted = TrustedKeys({key.public().blob() for key in keys})
        service = Recorder(b"ssh-userauth")
        nobody: Any = None
        return ClientTransport(Witness(), nobody, trusted, service).offered().hostKeys

    assert offered() == HOST_KEYS
    assert offered(RSA)[:2] == (b"rsa-sha2-512", b"rsa-sha2-256")
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
