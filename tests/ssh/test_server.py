"""
L{bastion.ssh.server}: the end of a connection that faces a client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.algorithms import SERVER_KEY_EXCHANGES
from bastion.ssh.phases import Phase
from bastion.ssh.server import MAX_SERVICE_REQUESTS
from bastion.testing.speakers import Recorder
from bastion.wire import (
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_REQUEST,
    nameList,
    string,
    uint32,
)

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
    offered = peer.heard.index(b",".join(SERVER_KEY_EXCHANGES))
    assert offered > greeting


# The key exchange


@pytest.mark.parametrize("method", SERVER_KEY_EXCHANGES)
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

    assert towardClient.failures == ["no algorithms in common; a newer SSH program is needed"]


def test_signatureAlgorithmsAreAnnounced(towardClient: Any) -> None:
    towardClient.inLogin()

    assert towardClient.peer.transport.peerExtensions == {b"server-sig-algs": b"ssh-ed25519"}


# The service


@pytest.mark.parametrize("name", [b"ssh-connection", b"", b"ssh-userauth\0", b"\xff" * 100])
def test_otherServicesAreRefused(towardClient: Any, name: bytes) -> None:
    towardClient.beforeService().hears(MSG_SERVICE_REQUEST, string(name))

    goodbye = (DISCONNECT_SERVICE_NOT_AVAILABLE, b"log in first: ssh-userauth")
    assert towardClient.peer.witness.events[-2:] == [("disconnected", *goodbye), "lost"]
    assert len(towardClient.failures) == 1
    assert towardClient.failures[0].isascii()
    assert towardClient.ours.service is None
    towardClient.over()


def test_loginServiceIsAccepted(towardClient: Any) -> None:
    towardClient.beforeService()
    heard: list[tuple[int, bytes]] = []
    towardClient.peer.transport.dispatchMessage = lambda *message: heard.append(message)

    towardClient.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))

    assert heard == [(MSG_SERVICE_ACCEPT, string(b"ssh-userauth"))]
    assert towardClient.ours.service is towardClient.service
    assert towardClient.ours.phase is Phase.LOGIN


def test_loginThatIsAskedForAgainGoesOnWhereItIs(towardClient: Any) -> None:
    """
    A new service would have its tries anew.
    """
    towardClient.inLogin()
    made: list[Recorder] = []
    towardClient.ours.makeUserAuth = lambda: made.append(Recorder(b"ssh-userauth"))
    towardClient.peer.transport.dispatchMessage = lambda *message: None

    for _ in range(5):
        towardClient.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
        towardClient.hears(MSG_USERAUTH_REQUEST, b"request")

    assert made == []
    assert towardClient.ours.service is towardClient.service
    assert list(towardClient.service.heard) == [(MSG_USERAUTH_REQUEST, b"request")] * 5


def test_requestForAServiceBeforeTheKeysIsRefused(
    towardClient: Any, packet: Callable[..., bytes]
) -> None:
    """
    CVE-2023-46445: what was never encrypted must not count later.
    """
    towardClient.raw(VERSION, packet(MSG_SERVICE_REQUEST, string(b"ssh-userauth")))

    assert towardClient.failures == ["message 5 during key exchange"]
    assert towardClient.ours.service is None
    towardClient.over()


# Limits


def test_serviceMayBeAskedForAgainButNotForEver(towardClient: Any) -> None:
    """
    Paramiko asks before each attempt; the login does not start anew by that.
    """
    leg = towardClient.inLogin()
    # Our own client, which this is, takes one answer only.
    leg.peer.transport.transport.pauseProducing()
    for _ in range(MAX_SERVICE_REQUESTS - 1):
        leg.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
    assert leg.failures == []
    assert leg.ours.service is leg.service

    leg.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))

    assert leg.failures == ["too many service requests"]


def test_whoDoesNotTakeTheAnswersIsNotListenedToBeforeTheLogin(towardClient: Any) -> None:
    leg = towardClient.inLogin()
    leg.peer.transport.transport.pauseProducing()
    for _ in range(10):
        leg.service.say(MSG_USERAUTH_BANNER, string(bytes(32768)) + string(b""))
        leg.network.settle()

    assert not leg.ours.transport.reading
    leg.peer.transport.transport.resumeProducing()
    leg.network.settle()
    assert leg.ours.transport.reading
