"""
L{bastion.relay.connection}: packets cross unchanged, whatever they are.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from zope.interface import implementer

from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.relay.channels import MAX_CHANNELS
from bastion.relay.connection import MAX_UNREAD
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_GLOBAL_REQUEST,
    MSG_USERAUTH_REQUEST,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    Malformed,
    byte,
    openFailure,
    string,
    uint32,
)

BOTH_WAYS = pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])

#: A good payload for each message that is looked into, on channel 3.
LOOKED_INTO = {
    MSG_GLOBAL_REQUEST: string(b"keepalive@openssh.com") + byte(1) + b"data",
    MSG_CHANNEL_WINDOW_ADJUST: uint32(3) + uint32(9),
    MSG_CHANNEL_DATA: uint32(3) + string(b"data"),
    MSG_CHANNEL_EXTENDED_DATA: uint32(3) + uint32(1) + string(b"data"),
    MSG_CHANNEL_EOF: uint32(3),
    MSG_CHANNEL_CLOSE: uint32(3),
    MSG_CHANNEL_REQUEST: uint32(3) + string(b"env") + byte(1) + string(b"A") + string(b"B"),
    MSG_CHANNEL_SUCCESS: uint32(3),
    MSG_CHANNEL_FAILURE: uint32(3),
}
#: These need something to have gone before; they have tests of their own.
OPENINGS = {MSG_CHANNEL_OPEN, MSG_CHANNEL_OPEN_CONFIRMATION, MSG_CHANNEL_OPEN_FAILURE}


@BOTH_WAYS
@pytest.mark.parametrize("number", [n for n in range(80, 128) if n not in OPENINGS])
@pytest.mark.parametrize("open", [False, True], ids=["no channel", "channel 3"])
def test_packetsCrossUnchanged(session: Any, fromClient: bool, number: int, open: bool) -> None:
    talker, listener = session.ends(fromClient)
    if open:
        session.opened(3, 3)
    payload = LOOKED_INTO.get(number, random.Random(number).randbytes(number))

    talker.says(number, payload)

    assert listener.hears() == [(number, payload)]
    assert talker.hears() == []


@BOTH_WAYS
@pytest.mark.parametrize(
    "number", [n for n in range(80, 128) if n not in OPENINGS | LOOKED_INTO.keys()]
)
def test_packetsWithoutAPayloadCrossIfNobodyLooksIntoThem(
    session: Any, fromClient: bool, number: int
) -> None:
    talker, listener = session.ends(fromClient)

    talker.says(number)

    assert listener.hears() == [(number, b"")]


def test_openAndItsConfirmationCrossWithTheirNumbers(session: Any) -> None:
    wish = session.client.opens(b"session", 7, b"extra")
    assert session.host.hears() == [(MSG_CHANNEL_OPEN, wish)]

    confirmation = session.host.confirms(7, 4000000000)

    assert session.client.hears() == [(MSG_CHANNEL_OPEN_CONFIRMATION, confirmation)]
    assert session.told == [("opened", b"session", "client", "")]


def test_openFailureOfTheHostCrossesUnchanged(session: Any) -> None:
    session.client.opens(b"session", 7)
    failure = openFailure(7, 2, "connect failed")

    session.host.says(MSG_CHANNEL_OPEN_FAILURE, failure)

    assert session.client.hears() == [(MSG_CHANNEL_OPEN_FAILURE, failure)]
    assert session.told == []


def test_targetOfAForwardingIsTold(session: Any) -> None:
    leadsTo = string(b"db.example.org") + uint32(5432) + string(b"127.0.0.1") + uint32(50000)
    session.client.opens(b"direct-tcpip", 0, leadsTo)
    session.host.confirms(0, 0)

    assert session.told == [("opened", b"direct-tcpip", "client", "db.example.org:5432")]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("number", "payload"),
    [
        *LOOKED_INTO.items(),
        (MSG_CHANNEL_OPEN, string(b"session") + uint32(0) + uint32(9) + uint32(9)),
        (MSG_CHANNEL_OPEN_CONFIRMATION, uint32(0) + uint32(0)),
        (MSG_CHANNEL_OPEN_FAILURE, uint32(0)),
    ],
)
def test_truncatedPacketsAreMalformedAndDoNotCross(
    session: Any, fromClient: bool, number: int, payload: bytes
) -> None:
    talker, listener = session.ends(fromClient)
    needed = {MSG_GLOBAL_REQUEST: 26, MSG_CHANNEL_DATA: 8, MSG_CHANNEL_EXTENDED_DATA: 12}
    needed[MSG_CHANNEL_REQUEST] = 12

    for size in range(needed.get(number, len(payload))):
        with pytest.raises(Malformed):
            talker.says(number, payload[:size])

    assert listener.hears() == []
    assert talker.hears() == []


@BOTH_WAYS
@pytest.mark.parametrize("number", [MSG_CHANNEL_OPEN_CONFIRMATION, MSG_CHANNEL_OPEN_FAILURE])
def test_answersToAWishThatNobodyHadAreMalformed(
    session: Any, fromClient: bool, number: int
) -> None:
    talker, listener = session.ends(fromClient)

    with pytest.raises(Malformed):
        talker.says(number, uint32(0) * 4)

    assert listener.hears() == []


def test_loginRequestThatWasUnderWayIsIgnored(session: Any) -> None:
    session.client.says(MSG_USERAUTH_REQUEST, b"whatever")

    assert session.host.hears() == session.client.hears() == []


@BOTH_WAYS
def test_bytesOfDataAreCounted(session: Any, fromClient: bool) -> None:
    talker, _ = session.ends(fromClient)
    side = session.relay.client if fromClient else session.relay.host

    talker.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(1000)))
    talker.says(MSG_CHANNEL_DATA, uint32(0) + string(b""))
    talker.says(MSG_CHANNEL_EXTENDED_DATA, uint32(0) + uint32(1) + string(bytes(30)))

    assert (side.received, side.other.received) == (1030, 0)


# The cap


def test_soManyChannelsAndNotOneMore(session: Any) -> None:
    for number in range(MAX_CHANNELS):
        session.client.opens(b"session", number)
    assert len(session.host.hears()) == MAX_CHANNELS

    session.client.opens(b"session", MAX_CHANNELS)

    assert session.host.hears() == []
    reason = f"no more than {MAX_CHANNELS} open channels are allowed"
    refused = openFailure(MAX_CHANNELS, OPEN_RESOURCE_SHORTAGE, reason)
    assert session.client.hears() == [(MSG_CHANNEL_OPEN_FAILURE, refused)]


def test_channelOverTheCapIsTold(session: Any) -> None:
    for number in range(MAX_CHANNELS + 1):
        session.client.opens(b"session", number)

    assert session.told == [
        ("refused", b"session", f"no more than {MAX_CHANNELS} open channels are allowed")
    ]


@pytest.mark.parametrize("way", ["closed", "failed"])
def test_placeOfAChannelThatIsGoneIsFree(session: Any, way: str) -> None:
    for number in range(MAX_CHANNELS):
        session.client.opens(b"session", number)
    if way == "failed":
        session.host.says(MSG_CHANNEL_OPEN_FAILURE, openFailure(5, 2, ""))
    else:
        session.host.confirms(5, 5)
        session.client.says(MSG_CHANNEL_CLOSE, uint32(5))
        session.host.says(MSG_CHANNEL_CLOSE, uint32(5))
    session.host.hears()

    wish = session.client.opens(b"session", 5)

    assert session.host.hears() == [(MSG_CHANNEL_OPEN, wish)]


@BOTH_WAYS
def test_numberThatIsTakenIsMalformed(session: Any, fromClient: bool) -> None:
    session.opened(5, 6)
    talker, listener = session.ends(fromClient)
    session.client.asks(b"tcpip-forward", False, string(b"") + uint32(80))
    listener.hears()

    with pytest.raises(Malformed):
        talker.opens(b"forwarded-tcpip", 5 if fromClient else 6, string(b"") + uint32(80))

    assert listener.hears() == []


# Policies


@implementer(ISessionPolicy)
class Refusing:
    """
    Refuses what has a certain name.
    """

    def __init__(self, *names: bytes, error: type[Exception] | None = None) -> None:
        self._names = names
        self._error = error

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        if request.name not in self._names:
            return ALLOW
        if self._error is not None:
            raise self._error
        return Verdict("not here")


def test_refusedOpenDoesNotCross(sessionOf: Callable[..., Any]) -> None:
    session = sessionOf(Refusing(b"direct-tcpip"))

    session.client.opens(b"direct-tcpip", 9, string(b"host") + uint32(22))

    assert session.host.hears() == []
    refused = openFailure(9, OPEN_ADMINISTRATIVELY_PROHIBITED, "not here")
    assert session.client.hears() == [(MSG_CHANNEL_OPEN_FAILURE, refused)]
    assert session.told == [("refused", b"direct-tcpip", "not here")]
    assert len(session.relay.channels) == 0


@pytest.mark.parametrize("error", [ValueError, RecursionError])
def test_policyThatFailsRefuses(sessionOf: Callable[..., Any], error: type[Exception]) -> None:
    session = sessionOf(Refusing(b"session", b"shell", error=error))

    session.client.opens(b"session", 0)

    assert session.host.hears() == []
    failure = openFailure(0, OPEN_ADMINISTRATIVELY_PROHIBITED, "the gateway could not decide")
    assert session.client.hears() == [(MSG_CHANNEL_OPEN_FAILURE, failure)]


def test_policyMaySayThatARequestIsMalformed(sessionOf: Callable[..., Any]) -> None:
    session = sessionOf(Refusing(b"session", error=Malformed))
    with pytest.raises(Malformed):
        session.client.opens(b"session", 0)


def test_whoAsksOnAndOnWithoutReadingTheAnswersIsEnded(session: Any) -> None:
    """
    The answers are ours: nothing that the other end does would stop the asking.
    """
    payload = string(b"hostkeys-prove-00@openssh.com") + byte(1)
    side = session.relay.client
    side.isFull = lambda: True
    for _ in range(MAX_UNREAD):
        side.packetReceived(MSG_GLOBAL_REQUEST, payload)
    with pytest.raises(Malformed):
        side.packetReceived(MSG_GLOBAL_REQUEST, payload)
    side.isFull = lambda: False
    side.packetReceived(MSG_GLOBAL_REQUEST, payload)
    side.isFull = lambda: True
    side.packetReceived(MSG_GLOBAL_REQUEST, payload)
