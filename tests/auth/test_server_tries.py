"""
L{bastion.auth.server}: how many tries there are, and how a login ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from bastion.auth.messages import (
    KEYBOARD_INTERACTIVE,
    NONE,
    PASSWORD,
    Failure,
    Password,
    Success,
)
from bastion.auth.outcome import LoginImpossible
from bastion.auth.server import UserAuthServer

TOO_MANY = ("forfeited", "Too many authentication failures.")


# The number of tries


def test_firstNoneIsNotCountedAndLaterOnesAre(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(2).begun(PASSWORD)

    stage.program.requests(NONE)
    stage.nice1.offers(PASSWORD)
    assert stage.told == [("refused", NONE)]

    stage.program.requests(NONE)
    stage.nice1.offers(PASSWORD)
    assert stage.told[-1] == TOO_MANY


def test_noneBehindAnotherRequestIsCounted(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(2)
    stage.program.password(b"wrong")
    stage.nice1.offers(PASSWORD)
    stage.nice1.offers(PASSWORD)

    stage.program.requests(NONE)
    stage.nice1.offers(PASSWORD)

    assert stage.told[-1] == TOO_MANY


@pytest.mark.parametrize("method", [PASSWORD, b"publickey", b"hostbased", b"", b"\xff"])
def test_lastTryThatIsRefusedEndsTheConnection(
    stageOf: Callable[[int], Any], method: bytes
) -> None:
    stage = stageOf(3).begun(PASSWORD)
    fields = Password(b"wrong").pack() if method == PASSWORD else b""

    for _ in range(3):
        assert TOO_MANY not in stage.told
        stage.program.requests(method, fields)
        if method == PASSWORD:
            stage.nice1.offers(PASSWORD)

    assert stage.told == [("refused", method)] * 3 + [TOO_MANY]
    assert stage.program.hears() == [Failure((PASSWORD, KEYBOARD_INTERACTIVE), False)] * 2 or (
        method == PASSWORD
    )


def test_requestsThatWaitAreNotJudgedBehindTheLastTry(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(1).begun(PASSWORD)
    stage.program.password(b"wrong")
    stage.program.password(b"right")

    stage.nice1.offers(PASSWORD)

    assert len(stage.nice1.hears()) == 1
    assert stage.told == [("refused", PASSWORD), TOO_MANY]


def test_partialSuccessIsNotCounted(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(1).begun(PASSWORD)

    stage.program.password(b"right")
    stage.nice1.offers(KEYBOARD_INTERACTIVE, partial=True)

    assert stage.told == []


def test_eachDialogueThatIsGivenUpCounts(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(3).begun(KEYBOARD_INTERACTIVE)
    for _ in range(2):
        stage.program.dialogue()
        stage.nice1.asks((b"Password: ", False))

    stage.program.dialogue()
    stage.nice1.offers(KEYBOARD_INTERACTIVE)

    assert stage.told[-1] == TOO_MANY


def test_dialoguesThatAreGivenUpEndTheConnectionInTheEnd(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(3).begun(KEYBOARD_INTERACTIVE)
    for _ in range(4):
        stage.program.dialogue()
        if stage.nice1.hears():
            stage.nice1.asks((b"Password: ", False))

    assert TOO_MANY in stage.told


# The end


def waitingFor(stage: Any, monkeypatch: pytest.MonkeyPatch) -> list[Deferred[Any]]:
    """
    Let no host be found: what was cancelled is returned.
    """
    cancelled: list[Deferred[Any]] = []
    exchange = stage.service.exchange
    monkeypatch.setattr(exchange, "_reach", lambda account: Deferred(cancelled.append))
    return cancelled


def test_clientThatGoesEndsTheSearch(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = waitingFor(stage, monkeypatch)
    stage.program.requests(NONE)
    stage.program.requests(NONE)

    stage.service.serviceStopped()

    assert len(cancelled) == 1
    assert stage.told == [("account", b"johnson")]
    assert stage.program.hears() == []


@pytest.mark.parametrize("asked", [False, True])
def test_clientThatGoesEndsTheAttempt(stage: Any, asked: bool) -> None:
    stage.begun(KEYBOARD_INTERACTIVE).program.dialogue()
    if asked:
        stage.nice1.asks((b"Password: ", False))
    stage.program.hears()

    stage.service.serviceStopped()
    stage.nice1.accepts() if not asked else None
    stage.loses(stage.nice1)

    assert stage.told == []
    assert stage.program.hears() == []


def test_clientThatGoesDuringItsLastTryIsNotRefused(stageOf: Callable[[int], Any]) -> None:
    stage = stageOf(1).begun(PASSWORD)
    stage.program.password(b"right")

    stage.service.serviceStopped()

    assert stage.told == []


def test_whyALoginIsImpossibleIsToldAsItIs(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = fail(LoginImpossible("EMBL uses a different architecture."))
    monkeypatch.setattr(stage.service.exchange, "_reach", lambda account: denied)

    stage.program.password(b"right")

    assert stage.told[-1] == ("impossible", "EMBL uses a different architecture.")
    assert stage.program.hears() == []


def test_faultOfOursEndsTheConnectionAndIsLogged(
    stage: Any, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    broken = fail(ZeroDivisionError("here"))
    monkeypatch.setattr(stage.service.exchange, "_reach", lambda account: broken)

    stage.program.password(b"right")

    said = "The login failed for a reason inside the gateway."
    assert stage.told[-1] == ("impossible", said)
    (event,) = [event for event in logged if "log_failure" in event]
    assert event["log_failure"].check(ZeroDivisionError)
    logged.clear()


def test_acceptedLoginHasAnAvatarWhoseLogoutClosesTheUpstream(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Any] = []
    monkeypatch.setattr(
        stage.nice1.wire, "finish", lambda *said: closed.append(said), raising=False
    )
    stage.begun(PASSWORD).program.password(b"right")
    stage.nice1.accepts()

    stage.user.logout()

    assert closed == [(0, b"")]


def test_successIsSentBeforeTheOwnerIsTold(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(
        stage, "loginAccepted", lambda user, logout: heard.extend(stage.program.hears())
    )
    stage.begun(PASSWORD).program.password(b"right")

    stage.nice1.accepts()

    assert heard == [Success()]


def test_passwordLivesOnlyAsLongAsItsAttempt(stage: Any) -> None:
    """
    What the service keeps between two attempts leads to no password.
    """
    stage.begun(PASSWORD).program.password(b"canary")
    stage.nice1.offers(PASSWORD)
    stage.nice1.hears()

    assert not leadsTo(stage.service, b"canary")
    assert not leadsTo(stage.nice1.service, b"canary")


def leadsTo(start: object, wanted: bytes) -> bool:
    """
    Whether attributes and elements of our objects lead to bytes.
    """
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, bytes | bytearray) and wanted in found:
            return True
        if isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list | tuple | set | frozenset) or hasattr(found, "popleft"):
            waiting += found
        elif type(found).__module__.startswith("bastion.auth"):
            waiting += getattr(found, "__dict__", {}).values()
            waiting += [getattr(found, name, None) for name in getattr(found, "__slots__", ())]
    return False


def test_searchForPasswordsFindsOne(stage: Any) -> None:
    stage.begun(PASSWORD).program.password(b"first")
    stage.program.password(b"canary")

    assert leadsTo(stage.service, b"canary")
    assert isinstance(stage.service, UserAuthServer)
