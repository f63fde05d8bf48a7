"""
L{bastion.auth.door}: what a login has to pass beside its host, and what is kept of its
secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.door import Secrets
from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    NONE,
    PASSWORD,
    Banner,
    Success,
)


@pytest.fixture
def stage(stageOf: Callable[[int], Any]) -> Any:
    """
    A program that may try six times.
    """
    return stageOf(6)


def test_nothingOfARefusedAttemptReachesAHost(stage: Any) -> None:
    stage.door.refusals["try"] = "Please wait 20 seconds."
    stage.program.password(b"right")

    assert stage.told[-1] == ("impossible", "Please wait 20 seconds.")
    assert stage.nice1.hears() == []


def test_eachAttemptIsAsked(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.password(b"wrong")
    stage.nice1.offers(PASSWORD)
    stage.nice1.hears()
    stage.door.refusals["try"] = "Please wait 20 seconds."
    stage.program.password(b"right")

    assert stage.told[-1] == ("impossible", "Please wait 20 seconds.")
    assert stage.nice1.hears() == []


@pytest.mark.parametrize("dialogue", [False, True])
def test_whatTheHostAcceptsMayBeRefusedAllTheSame(stage: Any, dialogue: bool) -> None:
    stage.begun(PASSWORD, KEYBOARD_INTERACTIVE)
    stage.program.hears()
    stage.door.refusals["enter"] = "This account has as many sessions as it may have."
    if dialogue:
        stage.program.requests(KEYBOARD_INTERACTIVE, ANY_DIALOGUE)
        stage.nice1.asks((b"Password: ", False))
        stage.program.answers(b"right")
    else:
        stage.program.password(b"right")
    stage.nice1.accepts()

    assert stage.told[-1] == ("impossible", "This account has as many sessions as it may have.")
    assert Success() not in stage.program.hears()
    assert stage.user is None


def test_userIsToldBeforeTheSuccess(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.hears()
    stage.door.notice = "The account johnson closes on 2026-12-24."
    stage.program.password(b"right")
    stage.nice1.accepts()

    assert stage.program.hears() == [
        Banner(b"The account johnson closes on 2026-12-24.\r\n"),
        Success(),
    ]


# Secrets


def test_refusedPasswordIsDigested(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.password(b"wrong")
    stage.nice1.offers(PASSWORD)

    assert stage.door.digested == [(b"wrong",)]
    assert stage.digests == [b"a digest"]


def test_refusedAnswersAreDigestedTogether(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    stage.program.requests(KEYBOARD_INTERACTIVE, ANY_DIALOGUE)
    stage.nice1.asks((b"Password: ", False))
    stage.program.answers(b"wrong")
    stage.nice1.asks((b"Code: ", True), (b"Again: ", True))
    stage.program.answers(b"123", b"456")
    stage.nice1.offers(KEYBOARD_INTERACTIVE)

    assert stage.door.digested == [(b"wrong", b"123", b"456")]


def test_translatedPasswordIsDigestedToo(stage: Any) -> None:
    stage.begun(KEYBOARD_INTERACTIVE)
    stage.program.password(b"wrong")
    stage.nice1.asks((b"Password: ", False))
    stage.nice1.offers(KEYBOARD_INTERACTIVE)

    assert stage.door.digested == [(b"wrong",)]


def test_partOfALoginThatWasRightIsNot(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.password(b"right so far")
    stage.nice1.offers(KEYBOARD_INTERACTIVE, partial=True)

    assert stage.door.digested == []


def test_attemptWithoutASecretIsNot(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.requests(NONE)
    stage.nice1.offers(PASSWORD)

    assert stage.door.digested == []
    assert stage.digests == [None]


def test_secretsAreForgottenWithTheirAttempt(stage: Any) -> None:
    stage.begun(PASSWORD)
    stage.program.password(b"first")
    stage.nice1.offers(PASSWORD)
    stage.program.password(b"second")
    stage.nice1.offers(PASSWORD)

    assert stage.door.digested == [(b"first",), (b"second",)]
    assert stage.service.exchange._secrets == []


def test_secretsAreShownToNobody() -> None:
    assert repr(Secrets([b"canary"])) == "<1 secrets>"
