"""
L{bastion.relay.globalrequests}: replies come in the order of the requests, whoever
answers, and whoever has asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from zope.interface import implementer

from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.relay.channels import MAX_PENDING
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    Malformed,
    byte,
    string,
    uint32,
)

BOTH_WAYS = pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])
FAILURE = (MSG_REQUEST_FAILURE, b"")
SIGN_OF_LIFE = (MSG_GLOBAL_REQUEST, string(b"keepalive@openssh.com") + byte(1))
ANSWERS = pytest.mark.parametrize(
    "answer", [FAILURE, (MSG_REQUEST_SUCCESS, b""), (MSG_REQUEST_SUCCESS, uint32(7))]
)


@implementer(ISessionPolicy)
class NotThis:
    """
    Refuses requests of the name C{not-this}.
    """

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        return Verdict("not here") if request.name == b"not-this" else ALLOW


@pytest.fixture
def refusing(sessionOf: Callable[..., Any]) -> Any:
    """
    A session in which some requests are refused.
    """
    return sessionOf(NotThis())


def askForLife(session: Any, client: bool) -> None:
    """
    Have one of the two ends asked for a sign of life.
    """
    (session.relay.client if client else session.relay.host).globals.askForLife()


# Those of the two ends


@BOTH_WAYS
def test_refusalWaitsForItsTurn(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)
    for name in (b"first", b"not-this", b"second", b"not-this"):
        asker.asks(name)
    assert len(answerer.hears()) == 2
    assert asker.hears() == []

    answerer.says(MSG_REQUEST_SUCCESS, b"one")
    assert asker.hears() == [(MSG_REQUEST_SUCCESS, b"one"), FAILURE]

    answerer.says(*FAILURE)
    assert asker.hears() == [FAILURE, FAILURE]


@BOTH_WAYS
def test_refusalWithNothingBeforeItComesAtOnce(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)

    asker.asks(b"not-this")

    assert asker.hears() == [FAILURE]
    assert answerer.hears() == []
    assert refusing.told == [("refused", b"not-this", "not here")]


@BOTH_WAYS
def test_whoWantsNoReplyIsRefusedSilently(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)
    asker.asks(b"first")
    answerer.hears()

    asker.asks(b"not-this", wantReply=False)
    answerer.says(MSG_REQUEST_SUCCESS, b"one")

    assert answerer.hears() == []
    assert asker.hears() == [(MSG_REQUEST_SUCCESS, b"one")]


def test_repliesOfTheTwoDirectionsDoNotWaitForEachOther(refusing: Any) -> None:
    refusing.client.asks(b"first")
    refusing.host.asks(b"not-this")

    assert refusing.host.hears()[1:] == [FAILURE]


@BOTH_WAYS
def test_tooManyRequestsWithoutAReplyAreMalformed(refusing: Any, fromClient: bool) -> None:
    asker, answerer = refusing.ends(fromClient)
    for turn in range(MAX_PENDING):
        asker.asks(b"not-this" if turn % 2 else b"fine")
    passed = len(answerer.hears())

    for name in (b"fine", b"not-this"):
        with pytest.raises(Malformed):
            asker.asks(name)

    assert answerer.hears() == []
    assert passed == MAX_PENDING // 2


@pytest.mark.parametrize("name", [b"hostkeys-00@openssh.com", b"hostkeys-prove-00@openssh.com"])
@BOTH_WAYS
def test_hostKeysStopAtTheBastion(session: Any, fromClient: bool, name: bytes) -> None:
    asker, answerer = session.ends(fromClient)

    asker.asks(name, wantReply=False, data=string(b"key"))
    assert asker.hears() == []
    asker.asks(name, data=string(b"key"))

    assert answerer.hears() == []
    assert asker.hears() == [FAILURE]


def test_proofOfHostKeysIsRefusedInItsTurn(session: Any) -> None:
    session.client.asks(b"keepalive@openssh.com")
    session.client.asks(b"hostkeys-prove-00@openssh.com")
    assert session.client.hears() == []

    session.host.says(*FAILURE)

    assert session.client.hears() == [FAILURE, FAILURE]


# Ours among them


@BOTH_WAYS
@ANSWERS
def test_answerToOurQuestionIsForUs(session: Any, fromClient: bool, answer: Any) -> None:
    asked, other = session.ends(fromClient)

    askForLife(session, fromClient)
    assert asked.hears() == [SIGN_OF_LIFE]
    asked.says(*answer)

    assert asked.hears() == other.hears() == []


@BOTH_WAYS
@ANSWERS
def test_answersOnBothSidesOfOursReachWhoHasAsked(
    session: Any, fromClient: bool, answer: Any
) -> None:
    asked, other = session.ends(fromClient)
    other.asks(b"first")
    askForLife(session, fromClient)
    other.asks(b"second")
    assert len(asked.hears()) == 3

    for reply in ((MSG_REQUEST_SUCCESS, b"one"), answer, (MSG_REQUEST_SUCCESS, b"two")):
        asked.says(*reply)

    assert other.hears() == [(MSG_REQUEST_SUCCESS, b"one"), (MSG_REQUEST_SUCCESS, b"two")]


@BOTH_WAYS
def test_refusalBehindOurQuestionIsSentWhenItIsAnswered(refusing: Any, fromClient: bool) -> None:
    asked, other = refusing.ends(fromClient)
    askForLife(refusing, fromClient)
    other.asks(b"not-this")
    assert other.hears() == []

    asked.says(*FAILURE)

    assert other.hears() == [FAILURE]


def test_ourQuestionIsNotOfTheOtherDirection(refusing: Any) -> None:
    askForLife(refusing, client=True)

    refusing.client.asks(b"not-this")

    assert refusing.client.hears() == [SIGN_OF_LIFE, FAILURE]


@ANSWERS
def test_answerToOurQuestionGrantsNothing(session: Any, answer: Any) -> None:
    """
    The port that the host has chosen is in the reply to the client's request.
    """
    askForLife(session, client=False)
    session.client.asks(b"tcpip-forward", data=string(b"") + uint32(0))
    session.host.says(*answer)
    session.host.says(MSG_REQUEST_SUCCESS, uint32(40001))
    assert session.client.hears() == [(MSG_REQUEST_SUCCESS, uint32(40001))]

    for number, port in enumerate((7, 40001)):
        where = string(b"127.0.0.1") + uint32(port) + string(b"192.0.2.7") + uint32(51234)
        wish = session.host.opens(b"forwarded-tcpip", number, where)

    assert session.client.hears() == [(MSG_CHANNEL_OPEN, wish)]


@BOTH_WAYS
def test_endThatOwesTooManyRepliesIsNotAsked(session: Any, fromClient: bool) -> None:
    asked, other = session.ends(fromClient)
    for _ in range(MAX_PENDING):
        other.asks(b"fine")
    asked.hears()

    with pytest.raises(Malformed):
        askForLife(session, fromClient)

    assert asked.hears() == []
