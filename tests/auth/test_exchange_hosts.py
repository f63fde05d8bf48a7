"""
L{bastion.auth.exchange}: a host that goes away is replaced, until anything was
asked or a secret was sent; from then on it is the only one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    NONE,
    PASSWORD,
    Failure,
    InfoResponse,
    Password,
    Request,
    Success,
)
from bastion.wire import MSG_USERAUTH_PASSWD_CHANGEREQ, string

ASK_METHODS = Request(b"johnson", b"ssh-connection", NONE)
DIALOGUE = Request(b"johnson", b"ssh-connection", KEYBOARD_INTERACTIVE, ANY_DIALOGUE)
Play = Callable[[Any], None]


def whileNoneIsJudged(stage: Any) -> None:
    """
    The host was asked for its methods.
    """
    stage.program.requests(NONE)


def beforeTheMethodsAreKnown(stage: Any) -> None:
    """
    The host was asked for its methods because the client wants a dialogue.
    """
    stage.program.dialogue()


def beforeTheFirstQuestion(stage: Any) -> None:
    """
    The host was asked for a dialogue, and has not asked anything yet.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()


def beforeThePasswordIsAskedFor(stage: Any) -> None:
    """
    The client's password is here, and the host has not asked for it yet.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.password(b"right")


def afterInformationWithoutAQuestion(stage: Any) -> None:
    """
    The host has shown a text to a client that sends a password.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.password(b"right")
    stage.nice1.asks(instruction=b"Welcome")


def afterARefusalWithoutAQuestion(stage: Any) -> None:
    """
    The host has refused a dialogue at once, and was asked for one again.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()
    stage.nice1.offers(KEYBOARD_INTERACTIVE)
    stage.program.dialogue()


@pytest.mark.parametrize(
    "play",
    [
        whileNoneIsJudged,
        beforeTheMethodsAreKnown,
        beforeTheFirstQuestion,
        beforeThePasswordIsAskedFor,
        afterInformationWithoutAQuestion,
        afterARefusalWithoutAQuestion,
    ],
)
def test_hostThatGoesBeforeAnythingWasAskedIsReplaced(stage: Any, play: Play) -> None:
    play(stage)
    stage.program.hears()
    stage.told.clear()

    handled = stage.loses(stage.nice1)

    assert handled
    assert stage.told == [("reach", b"johnson")]
    assert stage.nice2.hears() == [ASK_METHODS]
    assert stage.program.hears() == []


def test_nextHostIsAskedWhatTheFirstOneWasAsked(stage: Any) -> None:
    beforeThePasswordIsAskedFor(stage)
    stage.loses(stage.nice1)

    stage.nice2.offers(PASSWORD)
    stage.nice2.accepts()

    asked = Request(b"johnson", b"ssh-connection", PASSWORD, Password(b"right").pack())
    assert stage.nice2.hears() == [ASK_METHODS, asked]
    assert stage.program.hears()[-1] == Success()
    assert stage.told[-1] == ("accepted", "nice2", PASSWORD)


def test_methodsOfTheNextHostAreItsOwn(stage: Any) -> None:
    whileNoneIsJudged(stage)
    stage.loses(stage.nice1)

    stage.nice2.offers(KEYBOARD_INTERACTIVE, PASSWORD)

    assert stage.program.hears() == [Failure((KEYBOARD_INTERACTIVE, PASSWORD), False)]


def withAQuestionOpen(stage: Any) -> None:
    """
    The user is being asked.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()
    stage.nice1.asks((b"Password: ", False))


def withInformationOpen(stage: Any) -> None:
    """
    The user is being told something.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()
    stage.nice1.asks(instruction=b"Welcome")


def withTheAnswerSent(stage: Any) -> None:
    """
    The host judges the user's answer.
    """
    withAQuestionOpen(stage)
    stage.program.answers(b"right")


def withThePasswordSent(stage: Any) -> None:
    """
    The host judges a password.
    """
    stage.begun(PASSWORD).program.password(b"right")


def withThePasswordSentAsAnAnswer(stage: Any) -> None:
    """
    The host judges a password that it has asked for.
    """
    stage.begun(KEYBOARD_INTERACTIVE).program.password(b"right")
    stage.nice1.asks((b"Password: ", False))


def withOurPromptOpen(stage: Any) -> None:
    """
    The user is being asked for a password that the host will be sent.
    """
    stage.begun(PASSWORD).program.dialogue()


def withOurPromptAnswered(stage: Any) -> None:
    """
    The host judges the password that we have asked for.
    """
    withOurPromptOpen(stage)
    stage.program.answers(b"right")


def withTheNewPasswordSent(stage: Any) -> None:
    """
    The host judges a new password.
    """
    withThePasswordSent(stage)
    stage.nice1.says(MSG_USERAUTH_PASSWD_CHANGEREQ, string(b"Expired") + string(b""))
    stage.program.password(b"right", b"new")


def afterAWrongPassword(stage: Any) -> None:
    """
    The host has refused a password, and judges the next one.
    """
    withThePasswordSent(stage)
    stage.nice1.offers(PASSWORD)
    stage.program.password(b"again")


def afterAWrongPasswordAndNone(stage: Any) -> None:
    """
    The host has refused a password, and is asked for its methods.
    """
    withThePasswordSent(stage)
    stage.nice1.offers(PASSWORD)
    stage.program.requests(NONE)


def beforeTheQuestionAfterAWrongPassword(stage: Any) -> None:
    """
    The host has refused a password, and is asked for a dialogue.
    """
    stage.begun(PASSWORD, KEYBOARD_INTERACTIVE).program.password(b"right")
    stage.nice1.offers(PASSWORD, KEYBOARD_INTERACTIVE)
    stage.program.dialogue()


@pytest.mark.parametrize(
    "play",
    [
        withAQuestionOpen,
        withInformationOpen,
        withTheAnswerSent,
        withThePasswordSent,
        withThePasswordSentAsAnAnswer,
        withOurPromptOpen,
        withOurPromptAnswered,
        withTheNewPasswordSent,
        afterAWrongPassword,
        afterAWrongPasswordAndNone,
        beforeTheQuestionAfterAWrongPassword,
    ],
)
def test_hostThatGoesAfterAQuestionOrASecretIsTheLast(stage: Any, play: Play) -> None:
    play(stage)
    stage.told.clear()

    stage.loses(stage.nice1)

    assert [each for each in stage.told if each[0] == "reach"] == []
    assert stage.told[0][0] == "impossible"
    assert "nice1" in stage.told[0][1]
    assert stage.nice2.hears() == []


def test_answersOfTheUserAreNotKeptForAnotherHost(stage: Any) -> None:
    withTheAnswerSent(stage)

    stage.loses(stage.nice1)

    assert stage.nice1.hears() == [DIALOGUE, InfoResponse((b"right",))]
    assert stage.nice2.hears() == []


def test_hostThatGoesBetweenTwoRequestsBeforeAnythingWasAskedIsReplaced(stage: Any) -> None:
    stage.begun(PASSWORD)

    assert stage.loses(stage.nice1)
    stage.program.password(b"right")

    assert stage.nice2.hears() == [ASK_METHODS]


def test_hostThatGoesBetweenTwoRequestsAfterAPasswordIsTheLast(stage: Any) -> None:
    withThePasswordSent(stage)
    stage.nice1.offers(PASSWORD)

    assert not stage.loses(stage.nice1)


def test_endOfAHostThatWasReplacedIsOfNoInterest(stage: Any) -> None:
    whileNoneIsJudged(stage)
    stage.loses(stage.nice1)
    stage.told.clear()

    assert stage.service.exchange.hostLost(stage.nice1.service)
    assert stage.told == []


def test_noHostAtAllIsSaidToTheOwner(stage: Any) -> None:
    whileNoneIsJudged(stage)
    stage.loses(stage.nice1)
    stage.told.clear()

    stage.loses(stage.nice2)

    assert stage.told == [("reach", b"johnson"), ("impossible", "no host answered")]
    assert stage.program.hears() == []
