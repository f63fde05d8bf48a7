"""
L{bastion.ssh.server}: the end of a connection that faces a client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key

from bastion.algorithms import (
    COMPATIBLE_TO_CLIENTS,
    HOST_KEYS,
    TO_CLIENTS,
    Algorithms,
    withLastResort,
)
from bastion.ssh.negotiation import Offer
from bastion.ssh.phases import Phase
from bastion.ssh.terms import Terms
from bastion.testing.speakers import KeyHolder
from bastion.wire import (
    nameList,
    string,
    uint32,
)

ED25519 = Key(ed25519.Ed25519PrivateKey.generate())
RSA = Key(rsa.generate_private_key(65537, 2048))
P256 = Key(ec.generate_private_key(ec.SECP256R1()))
VERSION = b"SSH-2.0-test\r\n"
KEXINIT, KEX_INIT = 20, 30


def proposal(method: bytes, follows: int = 0, hostKey: bytes = b"ssh-ed25519") -> bytes:
    """
    The payload of a client's KEXINIT.
    """
    names = [[method], [hostKey], *[[b"aes128-ctr"]] * 2, *[[b"hmac-sha2-256"]] * 2]
    names += [*[[b"none"]] * 2, [], []]
    return bytes(16) + b"".join(map(nameList, names)) + bytes((follows,)) + uint32(0)


# Before packets


@pytest.mark.parametrize("said", [b"SSH-1.5-old\n", b"SSH-1.5-PuTTY\r\n"])
def test_clientOfVersion1IsToldInPlainText(towardClient: Any, said: bytes) -> None:
    peer = towardClient.raw(said)

    lines = peer.heard.split(b"\r\n")
    assert lines[0].startswith(b"SSH-2.0-")
    assert lines[1:] == [b"this server speaks SSH version 2 only; try ssh -2", b""]
    assert peer.gone
    towardClient.over()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\n", b"\0", b"x" * 300]
)
def test_whoDoesNotSpeakSshIsToldSo(towardClient: Any, said: bytes) -> None:
    peer = towardClient.raw(said)

    assert b"this is not SSH" in peer.heard or b"too long" in peer.heard
    assert peer.gone
    assert len(towardClient.failures) == 1
    towardClient.over()


def test_clientIsGreetedAtOnce(towardClient: Any) -> None:
    peer = towardClient.raw()
    towardClient.network.settle()

    assert peer.heard.startswith(b"SSH-2.0-OpenSSH")
    assert peer.heard.count(b"\n") == 1


def test_keyExchangeStartsWhenTheClientIsKnown(towardClient: Any) -> None:
    peer = towardClient.raw()
    towardClient.network.settle()
    greeting = len(peer.heard)

    peer.transport.write(VERSION)
    towardClient.network.settle()

    assert peer.heard[greeting + 5] == KEXINIT
    offered = peer.heard.index(b",".join(TO_CLIENTS.keyExchanges))
    assert offered > greeting


# The key exchange


@pytest.mark.parametrize("method", TO_CLIENTS.keyExchanges)
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        uint32(32),
        string(b""),
        string(bytes(31)),
        string(bytes(32)),
        string(bytes(33)),
        string(bytes(1184 + 32)),
        string(b"\xff" * (1184 + 32)),
        string(bytes(1184 + 31)),
        uint32(2**32 - 1) + bytes(32),
    ],
)
def test_publicKeyThatIsNoneIsOneFailure(
    towardClient: Any, packet: Callable[..., bytes], method: bytes, payload: bytes
) -> None:
    peer = towardClient.raw(VERSION, packet(KEXINIT, proposal(method)), packet(KEX_INIT, payload))

    assert len(towardClient.failures) == 1
    assert "secured" not in towardClient.witness.events
    assert peer.gone
    towardClient.over()


OF_ANOTHER_METHOD = 34


@pytest.mark.parametrize("number", [KEX_INIT, OF_ANOTHER_METHOD])
def test_wrongGuessOfTheClientIsPassedOver(
    towardClient: Any, packet: Callable[..., bytes], number: int
) -> None:
    """
    RFC 4253 section 7: the first packet follows, for another method.
    """
    towardClient.raw(
        VERSION, packet(KEXINIT, proposal(b"curve25519-sha256", follows=1)), packet(number, b"x")
    )

    assert towardClient.failures == []
    assert towardClient.ours.phase is Phase.KEY_EXCHANGE


def test_onlyOneGuessIsPassedOver(towardClient: Any, packet: Callable[..., bytes]) -> None:
    guess = packet(KEX_INIT, b"x")
    towardClient.raw(
        VERSION, packet(KEXINIT, proposal(b"curve25519-sha256", follows=1)), guess, guess
    )

    assert len(towardClient.failures) == 1


def test_hostKeyThatWeDoNotHaveIsNotAgreedOn(
    towardClient: Any, packet: Callable[..., bytes]
) -> None:
    offer = proposal(b"curve25519-sha256", hostKey=b"ssh-rsa")
    towardClient.raw(VERSION, packet(KEXINIT, offer))

    (problem,) = towardClient.failures
    assert problem.startswith("no host key algorithm in common: the other side has ssh-rsa;")


def withKeys(leg: Any, *keys: Key) -> Any:
    """
    With certain host keys of our own.
    """
    leg.ours.factory = KeyHolder(*keys)
    return leg


def test_ourKeysDecideWhichSignaturesAreOffered(towardClient: Any) -> None:
    def offered(*keys: Key) -> tuple[bytes, ...]:
        names: tuple[bytes, ...] = withKeys(towardClient, *keys).ours.offered().hostKeys
        return names

    assert offered(ED25519) == (b"ssh-ed25519",)
    assert offered(RSA) == (b"rsa-sha2-512", b"rsa-sha2-256")
    assert offered(RSA, ED25519) == (b"ssh-ed25519", b"rsa-sha2-512", b"rsa-sha2-256")
    # Only if it is asked for.
    assert offered(P256, ED25519) == (b"ssh-ed25519",)

    towardClient.ours.speakOn(Terms(lambda identification: COMPATIBLE_TO_CLIENTS))
    assert offered(P256) == (b"ecdsa-sha2-nistp256",)
    assert offered(RSA) == (b"rsa-sha2-512", b"rsa-sha2-256", b"ssh-rsa")


def kexinitFor(leg: Any, identification: bytes) -> Offer:
    """
    What a client is offered.
    """
    peer = leg.raw(identification + b"\r\n")
    heard = peer.heard[peer.heard.index(b"\n") + 1 :]
    return Offer.parse(heard[6 : -heard[4]])


@pytest.mark.parametrize(
    ("program", "offered"),
    [
        (b"SSH-2.0-OpenSSH_9.2", TO_CLIENTS),
        (b"SSH-2.0-somebody", withLastResort(TO_CLIENTS)),
    ],
)
def test_offerDependsOnTheProgram(towardClient: Any, program: bytes, offered: Algorithms) -> None:
    offer = kexinitFor(towardClient, program)

    assert offer.methods == offered.keyExchanges
    assert offer.ciphersToClient == offer.ciphersToServer == offered.ciphers
    assert offer.macsToClient == offer.macsToServer == offered.macs


def test_signatureAlgorithmsAndPingsAreAnnounced(towardClient: Any) -> None:
    towardClient.inLogin()

    assert towardClient.peer.transport.peerExtensions == {
        b"server-sig-algs": b",".join(HOST_KEYS),
        b"ping@openssh.com": b"0",
    }
