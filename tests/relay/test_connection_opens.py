"""
L{bastion.relay.connection}: what the host opens unasked reaches no client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from zope.interface import implementer

from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    Malformed,
    byte,
    openFailure,
    string,
    uint32,
)


@implementer(ISessionPolicy)
class WithoutForwarding:
    """
    Refuses what forwarding needs.
    """

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        forwards = request.name in (b"tcpip-forward", b"x11-req", b"forwarded-tcpip")
        return Verdict("no forwarding") if forwards else ALLOW


def onChannel(end: Any, recipient: int, name: bytes) -> None:
    """
    Make a request on a channel.
    """
    end.says(MSG_CHANNEL_REQUEST, uint32(recipient) + string(name) + byte(1))


def forwarded(port: int) -> bytes:
    """
    What comes with a channel for a connection to a forwarded port.
    """
    return string(b"127.0.0.1") + uint32(port) + string(b"192.0.2.77") + uint32(51234)


OPENED_BY_HOSTS = [
    (b"x11", string(b"127.0.0.1") + uint32(6010)),
    (b"auth-agent@openssh.com", b""),
    (b"forwarded-tcpip", forwarded(8080)),
    (b"forwarded-streamlocal@openssh.com", string(b"/tmp/s") + string(b"")),
    (b"session", b""),
    (b"direct-tcpip", forwarded(22)),
    (b"tun@openssh.com", b""),
    (b"agent-connect", b""),
]


@pytest.mark.parametrize(("type", "data"), OPENED_BY_HOSTS)
def test_whatTheHostOpensUnaskedIsRefused(session: Any, type: bytes, data: bytes) -> None:
    session.opened()

    session.host.opens(type, 4, data)

    reason = "the client has not asked for it"
    refused = openFailure(4, OPEN_ADMINISTRATIVELY_PROHIBITED, reason)
    assert session.host.hears() == [(MSG_CHANNEL_OPEN_FAILURE, refused)]
    assert session.client.hears() == []
    assert session.told == [("refused", type, reason)]


@pytest.mark.parametrize(
    ("name", "type", "data"),
    [
        (b"x11-req", *OPENED_BY_HOSTS[0]),
        (b"auth-agent-req@openssh.com", *OPENED_BY_HOSTS[1]),
        (b"agent-req", *OPENED_BY_HOSTS[-1]),
    ],
)
def test_whatWasAskedForOnAChannelMayBeOpened(
    session: Any, name: bytes, type: bytes, data: bytes
) -> None:
    session.opened()
    onChannel(session.client, 0, name)

    wish = session.host.opens(type, 4, data)

    assert session.client.hears() == [(MSG_CHANNEL_OPEN, wish)]


@pytest.mark.parametrize(
    ("name", "asked", "type", "data"),
    [
        (b"tcpip-forward", string(b"") + uint32(8080), *OPENED_BY_HOSTS[2]),
        (b"streamlocal-forward@openssh.com", string(b"/tmp/s"), *OPENED_BY_HOSTS[3]),
    ],
)
def test_whatWasAskedForGloballyMayBeOpened(
    session: Any, name: bytes, asked: bytes, type: bytes, data: bytes
) -> None:
    session.client.asks(name, data=asked)

    wish = session.host.opens(type, 4, data)

    assert session.client.hears() == [(MSG_CHANNEL_OPEN, wish)]


def test_requestThatTheHostRefusedGrantsNothing(session: Any) -> None:
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(8080))
    session.host.says(MSG_REQUEST_FAILURE)
    session.client.hears()

    session.host.opens(b"forwarded-tcpip", 4, forwarded(8080))

    assert session.client.hears() == []


def test_requestThatAPolicyRefusedGrantsNothing(sessionOf: Callable[..., Any]) -> None:
    session = sessionOf(WithoutForwarding()).opened()
    onChannel(session.client, 0, b"x11-req")
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(8080))
    session.client.hears()

    session.host.opens(b"x11", 4, OPENED_BY_HOSTS[0][1])
    session.host.opens(b"forwarded-tcpip", 5, forwarded(8080))

    assert session.client.hears() == []
    refusals = [number for number, _ in session.host.hears()]
    assert refusals == [MSG_CHANNEL_OPEN_FAILURE] * 2


def test_forwardingThatWasCancelledMayNotBeUsed(session: Any) -> None:
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(8080))
    session.client.asks(b"cancel-tcpip-forward", data=string(b"") + uint32(8080))

    session.host.opens(b"forwarded-tcpip", 4, forwarded(8080))

    assert session.client.hears() == []


def test_portThatTheHostHasChosenIsTheOneThatItMayUse(session: Any) -> None:
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(0))
    assert session.host.hears()[0][0] == MSG_GLOBAL_REQUEST
    session.host.says(MSG_REQUEST_SUCCESS, uint32(40001))
    session.client.hears()

    session.host.opens(b"forwarded-tcpip", 0, forwarded(40002))
    assert session.client.hears() == []
    wish = session.host.opens(b"forwarded-tcpip", 1, forwarded(40001))
    assert session.client.hears() == [(MSG_CHANNEL_OPEN, wish)]


def test_chosenPortThatIsNotSaidIsTheHostsFault(session: Any) -> None:
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(0))

    with pytest.raises(Malformed):
        session.host.says(MSG_REQUEST_SUCCESS, b"")
