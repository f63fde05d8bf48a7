"""
L{bastion.auth.server}: one request at a time, in order, under its own name.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.auth.messages import (
    KEYBOARD_INTERACTIVE,
    MAX_ACCOUNT,
    NONE,
    PASSWORD,
    Failure,
    InfoResponse,
    Password,
    Success,
)
from bastion.auth.server import MAX_WAITING
from bastion.wire import (
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    Malformed,
    string,
    uint32,
)

# The account


def test_accountIsToldOnceAndBeforeAnythingElse(stage: Any) -> None:
    stage.program.requests(NONE)
    stage.nice1.offers(PASSWORD)
    stage.program.password(b"right")
    stage.nice1.accepts()

    assert stage.told == [
        ("account", b"johnson"),
        ("reach", b"johnson"),
        ("accepted", "nice1", PASSWORD),
    ]


@pytest.mark.parametrize(
    "other", [{"account": b"root"}, {"account": b"Johnson"}, {"service": b"ssh-other"}]
)
def test_changeOfTheAccountIsRefused(stage: Any, other: dict[str, bytes]) -> None:
    stage.begun(PASSWORD)

    stage.program.requests(PASSWORD, Password(b"right").pack(), **other)

    assert stage.told == [("forfeited", "The account name must not change within a connection.")]
    assert stage.nice1.hears() == []


def test_changeOfTheAccountWhileTheHostDecidesIsRefused(stage: Any) -> None:
    stage.begun(PASSWORD).program.password(b"right")

    stage.program.requests(NONE, account=b"root")
    stage.nice1.accepts()

    assert stage.told[0][0] == "forfeited"
    assert ("account", b"root") not in stage.told
    assert all(request.account == b"johnson" for request in stage.nice1.hears())


def test_otherServiceIsRefusedWithoutAHost(stage: Any) -> None:
    stage.program.requests(NONE, service=b"ssh-userauth")

    assert stage.told == [("forfeited", "This server offers ssh-connection only.")]


def test_longestAccountReachesTheHostAndOneByteMoreIsMalformed(stage: Any) -> None:
    with pytest.raises(Malformed):
        stage.program.requests(NONE, account=b"a" * (MAX_ACCOUNT + 1))

    stage.program.requests(NONE, account=b"a" * MAX_ACCOUNT)

    assert stage.nice1.hears()[0].account == b"a" * MAX_ACCOUNT


@pytest.mark.parametrize("account", [b"", b"\0", b"-oProxyCommand=x", b"\xff\xfe", b"a b\r\n"])
def test_accountReachesTheHostAsItIs(stage: Any, account: bytes) -> None:
    stage.program.requests(NONE, account=account)

    assert stage.nice1.hears()[0].account == account


# Order


def test_requestsThatComeTogetherAreJudgedOneByOneInOrder(stage: Any) -> None:
    stage.begun(PASSWORD)
    for password in (b"one", b"two", b"three"):
        stage.program.password(password)

    order = []
    for verdict in (stage.nice1.offers, stage.nice1.offers, None):
        (request,) = stage.nice1.hears()
        order.append(Password.parse(request.fields).password)
        if verdict is not None:
            verdict(PASSWORD)
    stage.nice1.accepts()

    assert order == [b"one", b"two", b"three"]
    refused = Failure((PASSWORD,), False)
    assert stage.program.hears() == [refused, refused, Success()]


def test_whatWaitsBehindAnAcceptedRequestIsForgotten(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.password(b"right")
    stage.program.password(b"second")

    stage.nice1.accepts()

    assert len(stage.nice1.hears()) == 1
    assert stage.program.hears() == [Success()]
    assert [told[0] for told in stage.told] == ["accepted"]


def test_asManyRequestsAsTheLimitMayWait(stage: Any) -> None:
    stage.begun(PASSWORD)
    for _ in range(1 + MAX_WAITING):
        stage.program.password(b"guess")

    with pytest.raises(Malformed):
        stage.program.password(b"one too many")


# Questions


def test_newRequestEndsTheDialogueWithoutAFailure(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE, PASSWORD).program.dialogue()
    stage.nice1.asks((b"Password: ", False))
    stage.program.hears()

    stage.program.password(b"right")
    stage.nice1.accepts()

    assert stage.program.hears() == [Success()]
    asked = [request.method for request in stage.nice1.hears()]
    assert asked == [KEYBOARD_INTERACTIVE, PASSWORD]


def test_answersAfterTheDialogueHasEndedAreMalformed(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE, PASSWORD).program.dialogue()
    stage.nice1.asks((b"Password: ", False))
    stage.program.password(b"right")

    with pytest.raises(Malformed):
        stage.program.answers(b"late")


def test_secondAnswersAreMalformed(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()
    stage.nice1.asks((b"Password: ", False))
    stage.program.answers(b"once")

    with pytest.raises(Malformed):
        stage.program.answers(b"twice")

    assert stage.nice1.hears()[1:] == [InfoResponse((b"once",))]


def test_requestThatWaitsEndsTheDialogueThatItsForerunnerOpens(stage: Any) -> None:
    """
    The client has given the dialogue up before the host's question came, so it
    will not answer.
    """
    stage.begun(KEYBOARD_INTERACTIVE, PASSWORD).program.dialogue()
    stage.program.password(b"right")

    stage.nice1.asks((b"Password: ", False))

    asked = [request.method for request in stage.nice1.hears()]
    assert asked == [KEYBOARD_INTERACTIVE, PASSWORD]


# Bad input


@pytest.mark.parametrize("number", [51, 52, 53, 60, 62, 66, 79])
def test_messagesOfAHostAreMalformed(stage: Any, number: int) -> None:
    with pytest.raises(Malformed):
        stage.service.packetReceived(number, b"")


@pytest.mark.parametrize(
    ("number", "whole"),
    [
        (MSG_USERAUTH_REQUEST, string(b"johnson") + string(b"ssh-connection") + string(b"none")),
        (MSG_USERAUTH_INFO_RESPONSE, uint32(2) + string(b"one") + string(b"two")),
    ],
)
def test_truncatedMessagesAreMalformed(stage: Any, number: int, whole: bytes) -> None:
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            stage.service.packetReceived(number, whole[:size])
    assert stage.told == []


def test_bytesBehindTheAnswersAreMalformed(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()
    stage.nice1.asks((b"Password: ", False))

    with pytest.raises(Malformed):
        stage.service.packetReceived(MSG_USERAUTH_INFO_RESPONSE, uint32(0) + b"x")
