"""
L{bastion.relay.telling}: the user reads why something was refused, in a session.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.interfaces import ALLOW, Verdict
from bastion.relay.telling import MAX_WAITING
from bastion.relay.windows import RESERVE
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    Reader,
    byte,
    string,
    uint32,
)

#: A line for the user, and the question whether it was read.
SAID = [MSG_CHANNEL_EXTENDED_DATA, MSG_GLOBAL_REQUEST]
#: That an agent is forwarded, as it is asked for today and as it was.
AGENT = (b"agent-req", b"auth-agent-req@openssh.com")


class Refuse:
    """
    A policy that refuses what has these names.
    """

    def __init__(self, *names: bytes, why: str = "that is not allowed here") -> None:
        self._names = names
        self._why = why

    def decide(self, request: Any, login: Any) -> Verdict:
        """
        See L{bastion.interfaces.ISessionPolicy}.
        """
        return Verdict(self._why) if request.name in self._names else ALLOW


def lines(end: Any, number: int = 0) -> list[bytes]:
    """
    What an end reads on the stderr of a channel; the rest of what it hears is dropped.
    """
    said = b""
    for what, payload in end.hears():
        if what == MSG_CHANNEL_EXTENDED_DATA:
            reader = Reader(payload)
            assert reader.uint32() == number
            assert reader.uint32() == 1
            said += reader.string(256)
            reader.end()
    return said.splitlines(keepends=True)


def asks(session: Any, name: bytes, wantReply: bool = True, data: bytes = b"") -> None:
    """
    The client makes a request in the channel that is 0 on both ends.
    """
    payload = uint32(0) + string(name) + byte(wantReply) + data
    session.client.says(MSG_CHANNEL_REQUEST, payload)


@pytest.fixture
def session(sessionOf: Any) -> Any:
    """
    A session whose policy refuses programs, the agent, and forwardings.
    """
    policy = Refuse(b"exec", b"env", *AGENT, b"tcpip-forward")
    return sessionOf(policy, speaks=True)


def test_refusalIsReadBeforeItsAnswer(session: Any) -> None:
    session.opened()
    asks(session, b"exec", data=string(b"rm -rf /"))
    (first, line), (second, _) = session.client.hears()
    assert (first, second) == (MSG_CHANNEL_EXTENDED_DATA, MSG_GLOBAL_REQUEST)
    assert line == uint32(0) + uint32(1) + string(b"gateway: that is not allowed here\r\n")
    session.client.says(MSG_REQUEST_FAILURE)
    assert session.client.hears() == [(MSG_CHANNEL_FAILURE, uint32(0))]
    assert session.host.hears() == []


@pytest.mark.parametrize("name", [b"shell", b"subsystem"])
def test_soIsThatOfOtherPrograms(sessionOf: Any, name: bytes) -> None:
    session = sessionOf(Refuse(name), speaks=True).opened()
    asks(session, name)
    assert [number for number, _ in session.client.hears()] == SAID
    session.client.says(MSG_REQUEST_SUCCESS)
    assert session.client.hears() == [(MSG_CHANNEL_FAILURE, uint32(0))]


def test_whatSessionsDoWithoutIsRefusedAtOnce(sessionOf: Any) -> None:
    session = sessionOf(Refuse(b"pty-req"), speaks=True).opened()
    asks(session, b"pty-req")
    assert [number for number, _ in session.client.hears()] == [
        MSG_CHANNEL_EXTENDED_DATA,
        MSG_CHANNEL_FAILURE,
    ]


def test_nothingIsPassedOnBehindARefusalThatIsHeld(session: Any) -> None:
    session.opened()
    asks(session, b"exec")
    asks(session, b"shell")
    asks(session, b"window-change", wantReply=False)
    assert [payload[8:21] for _, payload in session.host.hears()] == [b"window-change"]
    assert [number for number, _ in session.client.hears()] == SAID
    assert [(what, name) for what, name, *_ in session.told] == [
        ("refused", b"exec"),
        ("refused", b"shell"),
    ]
    session.client.says(MSG_REQUEST_FAILURE)
    assert session.client.hears() == [(MSG_CHANNEL_FAILURE, uint32(0))] * 2


def test_behindARefusalThatWasHeldAllIsAsBefore(session: Any) -> None:
    session.opened()
    asks(session, b"exec")
    session.client.says(MSG_REQUEST_FAILURE)
    asks(session, b"shell")
    session.client.hears()
    assert [number for number, _ in session.host.hears()] == [MSG_CHANNEL_REQUEST]
    session.host.says(MSG_CHANNEL_SUCCESS, uint32(0))
    assert session.client.hears() == [(MSG_CHANNEL_SUCCESS, uint32(0))]


def test_refusalThatIsHeldEndsWithItsChannel(session: Any) -> None:
    session.opened()
    asks(session, b"exec")
    session.client.says(MSG_CHANNEL_CLOSE, uint32(0))
    session.host.says(MSG_CHANNEL_CLOSE, uint32(0))
    session.client.hears()
    session.opened()
    session.client.says(MSG_REQUEST_FAILURE)
    assert session.client.hears() == []


def test_lineDoesNotWaitForTheRefusalsTurn(session: Any) -> None:
    session.opened()
    asks(session, b"pty-req")
    asks(session, b"exec")
    assert lines(session.client) == [b"gateway: that is not allowed here\r\n"]
    session.client.says(MSG_REQUEST_FAILURE)
    assert session.client.hears() == []
    session.host.says(MSG_CHANNEL_SUCCESS, uint32(0))
    assert [number for number, _ in session.client.hears()] == [
        MSG_CHANNEL_SUCCESS,
        MSG_CHANNEL_FAILURE,
    ]


@pytest.mark.parametrize("name", AGENT)
def test_refusalWithoutAnAnswerIsReadToo(session: Any, name: bytes) -> None:
    session.opened()
    asks(session, name, wantReply=False)
    assert lines(session.client) == [b"gateway: that is not allowed here\r\n"]


def test_environmentIsRefusedSilently(session: Any) -> None:
    session.opened()
    asks(session, b"env", wantReply=False)
    assert session.client.hears() == session.host.hears() == []


def test_withoutSomethingToSayNothingIsSaid(sessionOf: Any) -> None:
    session = sessionOf(Refuse(b"exec")).opened()
    asks(session, b"exec")
    assert [number for number, _ in session.client.hears()] == [MSG_CHANNEL_FAILURE]


def test_refusedForwardingIsReadInTheSession(session: Any) -> None:
    session.opened(clients=7, hosts=3)
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(80))
    heard = session.client.hears()
    assert [number for number, _ in heard] == [MSG_CHANNEL_EXTENDED_DATA, MSG_REQUEST_FAILURE]
    assert heard[0][1].startswith(uint32(7))


def test_refusedForwardingWaitsForASession(session: Any) -> None:
    for _ in range(MAX_WAITING + 3):
        session.client.asks(b"tcpip-forward", data=string(b"") + uint32(80))
    assert lines(session.client) == []
    session.client.opens(b"session", 0)
    session.host.confirms(0, 0)
    assert lines(session.client) == [b"gateway: that is not allowed here\r\n"] * MAX_WAITING


def test_otherChannelsAreNotWrittenTo(session: Any) -> None:
    session.opened(type=b"direct-tcpip-like")
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(80))
    assert lines(session.client) == []


@pytest.mark.parametrize("fromClient", [True, False])
def test_closedSessionIsNotWrittenTo(session: Any, fromClient: bool) -> None:
    session.opened()
    session.ends(fromClient)[0].says(MSG_CHANNEL_CLOSE, uint32(0))
    session.client.hears()
    session.relay.teller.tellAll("gateway: hello")
    assert session.client.hears() == []


def test_sessionThatHasEndedItsOutputIsNotWrittenTo(session: Any) -> None:
    session.opened()
    session.host.says(MSG_CHANNEL_EOF, uint32(0))
    session.client.hears()
    session.relay.teller.tellAll("gateway: hello")
    assert session.client.hears() == []


def test_sessionWhoseInputHasEndedIsWrittenTo(session: Any) -> None:
    session.opened()
    session.client.says(MSG_CHANNEL_EOF, uint32(0))
    session.relay.teller.tellAll("gateway: hello")
    assert lines(session.client) == [b"gateway: hello\r\n"]


def test_everySessionIsTold(session: Any) -> None:
    session.opened().opened(1, 1)
    session.relay.teller.tellAll("gateway: hello")
    assert [payload[:4] for _, payload in session.client.hears()] == [uint32(0), uint32(1)]


def test_moreThanThereIsRoomForIsNotSaid(session: Any) -> None:
    session.opened()
    for _ in range(1000):
        session.relay.teller.tellAll("x" * 98)
    assert len(lines(session.client)) == RESERVE // 100


def test_nothingInALineMovesACursor(sessionOf: Any) -> None:
    session = sessionOf(Refuse(b"exec", why="\x1b]0;a\x07\r\nb\u202ec\ud800"), speaks=True).opened()
    asks(session, b"exec")
    assert lines(session.client) == [b"gateway: ?]0;a???b?c?\r\n"]


def test_lineIsNotLongerThanItMayBe(sessionOf: Any) -> None:
    session = sessionOf(Refuse(b"exec", why="x" * 100_000), speaks=True).opened()
    asks(session, b"exec")
    assert list(map(len, lines(session.client))) == [514]
