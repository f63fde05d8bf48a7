"""
L{bastion.ssh.server}: the login service is asked for once, behind the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.ssh.phases import Phase
from bastion.ssh.server import MAX_SERVICE_REQUESTS
from bastion.testing.speakers import Recorder
from bastion.wire import (
    DISCONNECT_SERVICE_NOT_AVAILABLE,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_REQUEST,
    string,
)

VERSION = b"SSH-2.0-test\r\n"


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


def calling(leg: Any, itself: bytes) -> Any:
    """
    With a client of some program, in the login.
    """
    leg.met().peer.transport.ourVersionString = itself
    leg.inLogin().peer.transport.dispatchMessage = lambda *message: None
    return leg


def test_loginThatIsAskedForAgainGoesOnWhereItIs(towardClient: Any) -> None:
    """
    A new service would have its tries anew.  Paramiko asks before each attempt.
    """
    leg = calling(towardClient, b"SSH-2.0-paramiko_3.4.0")
    made: list[Recorder] = []
    leg.ours.makeUserAuth = lambda: made.append(Recorder(b"ssh-userauth"))

    for _ in range(20):
        leg.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
        leg.hears(MSG_USERAUTH_REQUEST, b"request")

    assert made == []
    assert leg.failures == []
    assert leg.ours.service is leg.service
    assert list(leg.service.heard) == [(MSG_USERAUTH_REQUEST, b"request")] * 20


def test_loginIsNotAskedForWithoutAnEnd(towardClient: Any) -> None:
    """
    Whoever calls himself paramiko is believed, but not for ever.
    """
    # More than max_auth_tries may be.
    assert MAX_SERVICE_REQUESTS > 100
    leg = calling(towardClient, b"SSH-2.0-paramiko_3.4.0")
    for _ in range(MAX_SERVICE_REQUESTS - 1):
        assert leg.failures == []
        leg.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
    assert leg.failures == []

    leg.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
    assert leg.failures == ["one request too many of the login service"]
    leg.over()


@pytest.mark.parametrize("program", [b"SSH-2.0-OpenSSH_9.2", b"SSH-2.0-x", b"SSH-1.99-paramiko_1"])
def test_nobodyElseAsksForTheServiceTwice(towardClient: Any, program: bytes) -> None:
    leg = calling(towardClient, program)
    leg.hears(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))

    assert leg.failures == ["one request too many of the login service"]
    leg.over()


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
