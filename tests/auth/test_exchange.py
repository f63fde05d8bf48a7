"""
L{bastion.auth.exchange}: what the host asks, the user answers; the choice of the
host is final as soon as anything was asked or a secret was sent.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    NONE,
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
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_PASSWD_CHANGEREQ,
    byte,
    string,
    uint32,
)

DIALOGUE = Request(b"johnson", b"ssh-connection", KEYBOARD_INTERACTIVE, ANY_DIALOGUE)
ASK_METHODS = Request(b"johnson", b"ssh-connection", NONE)


def passwordRequest(password: bytes, new: bytes | None = None) -> Request:
    """
    What a host is sent for a password.
    """
    return Request(b"johnson", b"ssh-connection", PASSWORD, Password(password, new).pack())


# Methods


@pytest.mark.parametrize(
    ("own", "offered"),
    [
        ((KEYBOARD_INTERACTIVE, PASSWORD), (KEYBOARD_INTERACTIVE, PASSWORD)),
        ((PASSWORD, KEYBOARD_INTERACTIVE), (PASSWORD, KEYBOARD_INTERACTIVE)),
        ((b"publickey", PASSWORD), (PASSWORD, KEYBOARD_INTERACTIVE)),
        (
            (b"publickey", b"gssapi-with-mic", KEYBOARD_INTERACTIVE),
            (KEYBOARD_INTERACTIVE, PASSWORD),
        ),
        ((b"publickey",), ()),
        ((), ()),
    ],
)
def test_hostsMethodsAreOfferedInItsOrderAndTheMissingOneBehindThem(
    stage: Any, own: tuple[bytes, ...], offered: tuple[bytes, ...]
) -> None:
    stage.program.requests(NONE)

    stage.nice1.offers(*own)

    assert stage.nice1.hears() == [ASK_METHODS]
    assert stage.program.hears() == [Failure(offered, False)]


def test_afterItsFirstUseTheTranslatedMethodIsOfferedAlone(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)

    stage.program.password(b"wrong")
    stage.nice1.asks((b"Password: ", False))
    stage.nice1.offers(KEYBOARD_INTERACTIVE)

    assert stage.program.hears() == [Failure((PASSWORD,), False)]


def test_afterItsFirstUseTheHostsOwnMethodIsOfferedAlone(stage: Any) -> None:
    stage.begun(PASSWORD)

    stage.program.password(b"wrong")
    stage.nice1.offers(PASSWORD)

    assert stage.program.hears() == [Failure((PASSWORD,), False)]


def test_partialSuccessIsRelayedAndOffersTheHostsOwnMethodsAlone(stage: Any) -> None:
    stage.begun(PASSWORD, b"publickey")

    stage.program.password(b"right")
    stage.nice1.offers(KEYBOARD_INTERACTIVE, partial=True)

    assert stage.program.hears() == [Failure((KEYBOARD_INTERACTIVE,), True)]
    stage.program.dialogue()
    assert stage.nice1.hears() == [passwordRequest(b"right"), DIALOGUE]


def test_publickeyIsRefusedWithoutAskingTheHost(stage: Any) -> None:
    stage.begun(b"publickey", PASSWORD)

    stage.program.requests(b"publickey", byte(1) + string(b"ssh-ed25519") + string(b"key"))

    assert stage.nice1.hears() == []
    assert stage.program.hears() == [Failure((PASSWORD, KEYBOARD_INTERACTIVE), False)]


def test_publickeyAsTheFirstRequestAsksTheHostForItsMethodsOnly(stage: Any) -> None:
    stage.program.requests(b"publickey", byte(0) + string(b"ssh-ed25519") + string(b"key"))

    assert stage.nice1.hears() == [ASK_METHODS]
    stage.nice1.offers(b"publickey", PASSWORD)
    assert stage.nice1.hears() == []
    assert stage.program.hears() == [Failure((PASSWORD, KEYBOARD_INTERACTIVE), False)]


def test_clientThatAsksNoneOfTheHostFirstIsServedAllTheSame(stage: Any) -> None:
    stage.program.password(b"right")
    stage.nice1.offers(PASSWORD)
    stage.nice1.accepts()

    assert stage.nice1.hears() == [ASK_METHODS, passwordRequest(b"right")]
    assert stage.program.hears() == [Success()]


@pytest.mark.parametrize("method", [NONE, PASSWORD])
def test_accountThatNeedsNoProofNeedsNone(stage: Any, method: bytes) -> None:
    stage.program.requests(method, Password(b"unseen").pack() if method == PASSWORD else b"")

    stage.nice1.accepts()

    assert stage.nice1.hears() == [ASK_METHODS]
    assert stage.program.hears() == [Success()]
    assert stage.told[-1] == ("accepted", "nice1", NONE)


# Dialogues, unchanged

_BARE = b"\xff\xfe\x1b]0;\x07 \xc3\xa9"


@pytest.mark.parametrize(
    "question",
    [
        InfoRequest(b"", b"", b"", (Prompt(b"Password: ", False),)),
        InfoRequest(b"Name", b"Line 1\r\nLine 2", b"en", (Prompt(b"Code", True),)),
        InfoRequest(b"n", b"i", b"", (Prompt(b"One", True), Prompt(b"Two", False))),
        InfoRequest(b"", b"Just so that you know", b"", ()),
        InfoRequest(b"", b"", b"", ()),
        InfoRequest(_BARE, _BARE, _BARE, (Prompt(_BARE, True), Prompt(b"", False))),
        InfoRequest(b"", b"", b"", tuple(Prompt(b"%d" % i, bool(i % 3)) for i in range(300))),
    ],
)
def test_questionsCrossUnchanged(stage: Any, question: InfoRequest) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    stage.program.dialogue()

    stage.nice1.says(MSG_USERAUTH_INFO_REQUEST, question.pack())

    assert stage.program.wire.taken() == [(MSG_USERAUTH_INFO_REQUEST, question.pack())]


@pytest.mark.parametrize(
    "answers", [(b"secret",), (b"", b"two"), (), (b"\0\xff" * 400,), (b"more", b"than", b"asked")]
)
def test_answersCrossUnchanged(stage: Any, answers: tuple[bytes, ...]) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    stage.program.dialogue()
    stage.nice1.asks((b"Password: ", False))

    stage.program.answers(*answers)

    assert stage.nice1.hears() == [DIALOGUE, InfoResponse(answers)]


def test_languageAndSubmethodsOfTheClientReachTheHost(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    fields = string(b"fr") + string(b"otp,pam")

    stage.program.requests(KEYBOARD_INTERACTIVE, fields)

    assert stage.nice1.hears()[0].fields == fields


def test_asManyRoundsAsTheHostWants(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    stage.program.dialogue()

    for turn in range(5):
        stage.nice1.asks((b"Round %d: " % turn, False))
        stage.program.answers(b"answer %d" % turn)
    stage.nice1.accepts()

    asked = [question.prompts[0].text for question in stage.program.hears()[:-1]]
    assert asked == [b"Round %d: " % turn for turn in range(5)]
    assert stage.nice1.hears()[1:] == [InfoResponse((b"answer %d" % i,)) for i in range(5)]
    assert stage.told[-1] == ("accepted", "nice1", KEYBOARD_INTERACTIVE)


def test_bannersOfTheHostAreShownWheneverTheyCome(stage: Any) -> None:
    texts = [Banner(b"first", b"en"), Banner(b"\x1b[31m"), Banner(b"")]
    stage.program.requests(NONE)

    for text in texts:
        stage.nice1.says(MSG_USERAUTH_BANNER, text.pack())
    stage.nice1.offers(PASSWORD)
    stage.nice1.says(MSG_USERAUTH_BANNER, texts[0].pack())

    failure = Failure((PASSWORD, KEYBOARD_INTERACTIVE), False)
    assert stage.program.hears() == [*texts, failure, texts[0]]


def test_changeOfAnExpiredPasswordIsTheHosts(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.password(b"old")

    stage.nice1.says(MSG_USERAUTH_PASSWD_CHANGEREQ, ChangeRequest(b"Expired", b"en").pack())
    stage.program.password(b"old", b"new")
    stage.nice1.accepts()

    assert stage.program.hears() == [ChangeRequest(b"Expired", b"en"), Success()]
    assert stage.nice1.hears() == [passwordRequest(b"old"), passwordRequest(b"old", b"new")]
    assert stage.told == [("accepted", "nice1", PASSWORD)]


def test_hostThatAnswersNonsenseToARequestIsMalformed(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    stage.program.dialogue()

    with pytest.raises(Exception, match="too few"):
        stage.nice1.says(MSG_USERAUTH_INFO_REQUEST, string(b"") * 3 + uint32(2**32 - 1))
