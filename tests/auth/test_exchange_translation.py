"""
L{bastion.auth.exchange}: a client that speaks one of the two ways to give a
password, and a host that speaks the other.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    PASSWORD,
    Banner,
    ChangeRequest,
    Failure,
    InfoRequest,
    InfoResponse,
    Password,
    Prompt,
    Request,
    Success,
)
from bastion.wire import (
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_PASSWD_CHANGEREQ,
    Malformed,
    byte,
    string,
)

DIALOGUE = Request(b"johnson", b"ssh-connection", KEYBOARD_INTERACTIVE, ANY_DIALOGUE)
ASKED_FOR_PASSWORD = InfoRequest(b"", b"", b"", (Prompt(b"Password: ", False),))
NEW_PROMPTS = (Prompt(b"New password: ", False), Prompt(b"Retype new password: ", False))
CHANGE = ChangeRequest(b"Your password has expired.", b"en")
MORE_NEEDED = Banner(
    b"The host asks for more than a password.\r\n"
    b"Please switch on keyboard-interactive authentication in your program.\r\n"
)


def passwordRequest(password: bytes, new: bytes | None = None) -> Request:
    """
    What a host is sent for a password.
    """
    return Request(b"johnson", b"ssh-connection", PASSWORD, Password(password, new).pack())


# The client sends a password, the host asks questions


@pytest.fixture
def asking(stage: Any) -> Any:
    """
    nice1 only asks questions.
    """
    return stage.begun(b"publickey", KEYBOARD_INTERACTIVE)


def test_passwordAnswersTheOneHiddenPrompt(asking: Any) -> None:
    asking.program.password(b"right")
    asking.nice1.asks((b"(johnson@nice1) Password: ", False))
    asking.nice1.accepts()

    assert asking.nice1.hears() == [DIALOGUE, InfoResponse((b"right",))]
    assert asking.program.hears() == [Success()]
    assert asking.told == [("accepted", "nice1", KEYBOARD_INTERACTIVE)]


def test_informationBeforeAndAfterThePromptIsShownAsBanner(asking: Any) -> None:
    asking.program.password(b"right")
    asking.nice1.asks(name=b"PAM", instruction=b"Last login: today")
    asking.nice1.asks((b"Password: ", False))
    asking.nice1.asks()
    asking.nice1.asks(instruction=b"Your password expires tomorrow.")
    asking.nice1.accepts()

    nothing, answer = InfoResponse(()), InfoResponse((b"right",))
    assert asking.nice1.hears() == [DIALOGUE, nothing, answer, nothing, nothing]
    assert asking.program.hears() == [
        Banner(b"PAM\r\nLast login: today\r\n"),
        Banner(b"Your password expires tomorrow.\r\n"),
        Success(),
    ]


@pytest.mark.parametrize(
    "prompts",
    [
        ((b"Password: ", False), (b"Code: ", False)),
        ((b"Password: ", True),),
        ((b"Code: ", True), (b"Password: ", False)),
    ],
)
def test_otherQuestionsThanOneHiddenOneGetNoPassword(asking: Any, prompts: Any) -> None:
    asking.program.password(b"right")

    asking.nice1.asks(*prompts)

    assert asking.nice1.hears() == [DIALOGUE]
    failure = Failure((KEYBOARD_INTERACTIVE, PASSWORD), False)
    assert asking.program.hears() == [MORE_NEEDED, failure]
    assert asking.told == [("refused", PASSWORD)]


def test_secondQuestionFailsClearlyAndIsNotGivenThePassword(asking: Any) -> None:
    asking.program.password(b"right")
    asking.nice1.asks((b"Password: ", False))
    asking.nice1.asks((b"Password again: ", False))

    assert asking.nice1.hears() == [DIALOGUE, InfoResponse((b"right",))]
    failure = Failure((KEYBOARD_INTERACTIVE, PASSWORD), False)
    assert asking.program.hears() == [MORE_NEEDED, failure]


def test_clientThatThenSpeaksTheDialogueIsAskedEverything(asking: Any) -> None:
    asking.program.password(b"right")
    asking.nice1.asks((b"Code: ", True))
    asking.nice1.hears()
    asking.program.hears()

    asking.program.dialogue()
    asking.nice1.asks((b"Code: ", True))
    asking.program.answers(b"123456")
    asking.nice1.accepts()

    assert asking.nice1.hears() == [DIALOGUE, InfoResponse((b"123456",))]
    assert asking.program.hears()[-1] == Success()


def test_wrongPasswordMayBeFollowedByTheRightOne(asking: Any) -> None:
    for password in (b"wrong", b"right"):
        asking.program.password(password)
        asking.nice1.asks((b"Password: ", False))
        if password == b"wrong":
            asking.nice1.offers(b"publickey", KEYBOARD_INTERACTIVE)
    asking.nice1.accepts()

    answers = [said for said in asking.nice1.hears() if isinstance(said, InfoResponse)]
    assert answers == [InfoResponse((b"wrong",)), InfoResponse((b"right",))]
    assert asking.program.hears() == [Failure((PASSWORD,), False), Success()]


@pytest.mark.parametrize("fields", [b"", byte(0), byte(0) + string(b"p")[:-1], byte(1)])
def test_malformedPasswordIsTheClientsFault(asking: Any, logged: list[Any], fields: bytes) -> None:
    try:
        with pytest.raises(Malformed):
            asking.program.requests(PASSWORD, fields)
    finally:
        logged.clear()

    assert asking.nice1.hears() == []


# The client speaks the dialogue, the host takes a password


@pytest.fixture
def taking(stage: Any) -> Any:
    """
    nice1 only takes passwords.
    """
    return stage.begun(b"publickey", PASSWORD)


def test_hostThatTakesPasswordsIsGivenTheAnswerToOurPrompt(taking: Any) -> None:
    taking.program.dialogue()
    assert taking.nice1.hears() == []

    taking.program.answers(b"right")
    taking.nice1.accepts()

    assert taking.nice1.hears() == [passwordRequest(b"right")]
    assert taking.program.hears() == [ASKED_FOR_PASSWORD, Success()]
    assert taking.told == [("accepted", "nice1", PASSWORD)]


def test_wrongAnswerFailsAndTheNextDialogueAsksAgain(taking: Any) -> None:
    taking.program.dialogue()
    taking.program.answers(b"wrong")
    taking.nice1.offers(b"publickey", PASSWORD)
    taking.program.dialogue()
    taking.program.answers(b"right")
    taking.nice1.accepts()

    assert taking.nice1.hears() == [passwordRequest(b"wrong"), passwordRequest(b"right")]
    failure = Failure((KEYBOARD_INTERACTIVE,), False)
    asked = ASKED_FOR_PASSWORD
    assert taking.program.hears() == [asked, failure, asked, Success()]


@pytest.mark.parametrize("answers", [(), (b"one", b"two")])
def test_wrongNumberOfAnswersToOurPromptIsRefused(taking: Any, answers: Any) -> None:
    taking.program.dialogue()

    taking.program.answers(*answers)

    assert taking.nice1.hears() == []
    failure = Failure((KEYBOARD_INTERACTIVE,), False)
    assert taking.program.hears() == [ASKED_FOR_PASSWORD, failure]
    assert taking.told == [("refused", KEYBOARD_INTERACTIVE)]


def test_expiredPasswordIsChangedInADialogue(taking: Any) -> None:
    taking.program.dialogue()
    taking.program.answers(b"old")
    taking.nice1.says(MSG_USERAUTH_PASSWD_CHANGEREQ, CHANGE.pack())
    taking.program.answers(b"new", b"new")
    taking.nice1.accepts()

    assert taking.nice1.hears() == [passwordRequest(b"old"), passwordRequest(b"old", b"new")]
    question = InfoRequest(b"", CHANGE.prompt, CHANGE.language, NEW_PROMPTS)
    assert taking.program.hears() == [ASKED_FOR_PASSWORD, question, Success()]


def test_newPasswordsThatDifferAreAskedForAgain(taking: Any) -> None:
    taking.program.dialogue()
    taking.program.answers(b"old")
    taking.nice1.says(MSG_USERAUTH_PASSWD_CHANGEREQ, CHANGE.pack())
    taking.program.answers(b"new", b"nwe")
    assert taking.nice1.hears() == [passwordRequest(b"old")]

    taking.program.answers(b"new", b"new")

    assert taking.nice1.hears() == [passwordRequest(b"old", b"new")]
    again = InfoRequest(b"", b"The two passwords differ.", b"", NEW_PROMPTS)
    assert taking.program.hears()[-1] == again


def test_newPasswordThatTheHostDoesNotLikeIsAskedForAgain(taking: Any) -> None:
    taking.program.dialogue()
    taking.program.answers(b"old")
    taking.nice1.says(MSG_USERAUTH_PASSWD_CHANGEREQ, CHANGE.pack())
    taking.program.answers(b"123", b"123")
    taking.nice1.says(MSG_USERAUTH_PASSWD_CHANGEREQ, ChangeRequest(b"Too short.", b"").pack())
    taking.program.answers(b"longer", b"longer")
    taking.nice1.accepts()

    assert taking.nice1.hears()[1:] == [
        passwordRequest(b"old", b"123"),
        passwordRequest(b"old", b"longer"),
    ]
    asked = [each.instruction for each in taking.program.hears()[1:-1]]
    assert asked == [CHANGE.prompt, b"Too short."]


def test_partialSuccessAfterOurPromptIsRelayed(taking: Any) -> None:
    taking.program.dialogue()
    taking.program.answers(b"right")
    taking.nice1.offers(KEYBOARD_INTERACTIVE, partial=True)

    taking.program.dialogue()
    taking.nice1.says(
        MSG_USERAUTH_INFO_REQUEST, InfoRequest(b"", b"", b"", (Prompt(b"Code", True),)).pack()
    )

    heard = taking.program.hears()
    assert heard[1] == Failure((KEYBOARD_INTERACTIVE,), True)
    assert heard[2].prompts == (Prompt(b"Code", True),)
