"""
Tests of L{bastion.auth.messages}: each message beside its bytes.
"""

from __future__ import annotations

from typing import Any

import pytest

from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    MAX_ACCOUNT,
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
    parseDialogue,
)
from bastion.wire import Malformed, string, uint32

CONNECTION = b"ssh-connection"

MESSAGES: list[tuple[Any, bytes]] = [
    (
        Request(b"johnson", CONNECTION, NONE),
        b"\0\0\0\7johnson\0\0\0\x0essh-connection\0\0\0\4none",
    ),
    (
        Request(b"", CONNECTION, PASSWORD, b"\0" + string(b"secret")),
        b"\0\0\0\0\0\0\0\x0essh-connection\0\0\0\x08password\0\0\0\0\6secret",
    ),
    (Password(b"old"), b"\0\0\0\0\3old"),
    (Password(b""), b"\0\0\0\0\0"),
    (Password(b"old", b"newer"), b"\1\0\0\0\3old\0\0\0\5newer"),
    (Password(b"old", b""), b"\1\0\0\0\3old\0\0\0\0"),
    (
        InfoRequest(b"Who", b"Say", b"en", (Prompt(b"A: ", True), Prompt(b"B: ", False))),
        b"\0\0\0\3Who\0\0\0\3Say\0\0\0\2en\0\0\0\2\0\0\0\3A: \1\0\0\0\3B: \0",
    ),
    (InfoRequest(b"", b"", b"", ()), b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    (InfoResponse(()), b"\0\0\0\0"),
    (InfoResponse((b"", b"yes")), b"\0\0\0\2\0\0\0\0\0\0\0\3yes"),
    (ChangeRequest(b"New?", b"en"), b"\0\0\0\4New?\0\0\0\2en"),
    (Banner(b"Hello\r\n", b"en"), b"\0\0\0\7Hello\r\n\0\0\0\2en"),
    (Banner(b""), b"\0\0\0\0\0\0\0\0"),
    (Failure((), False), b"\0\0\0\0\0"),
    (Failure((b"publickey", PASSWORD), True), b"\0\0\0\x12publickey,password\1"),
]
eachMessage = pytest.mark.parametrize(("message", "payload"), MESSAGES)


@eachMessage
def test_messageIsWrittenAsItsBytes(message: Any, payload: bytes) -> None:
    assert message.pack() == payload


@eachMessage
def test_messageIsReadFromItsBytes(message: Any, payload: bytes) -> None:
    assert type(message).parse(payload) == message


@eachMessage
def test_everyTruncationIsMalformed(message: Any, payload: bytes) -> None:
    """
    What follows the fixed fields of a request is the method's.
    """
    for size in range(len(payload) - len(getattr(message, "fields", b""))):
        with pytest.raises(Malformed):
            type(message).parse(payload[:size])


@pytest.mark.parametrize(
    "message", [Password(b"old"), Password(b"old", b"new"), InfoResponse((b"yes",))]
)
def test_nothingIsHiddenBehindASecret(message: Any) -> None:
    with pytest.raises(Malformed, match=r"^1 bytes after the last field$"):
        type(message).parse(message.pack() + b"\0")


def test_changeOfAPasswordNeedsTheNewOne() -> None:
    with pytest.raises(Malformed):
        Password.parse(b"\1" + string(b"old"))


# Limits


@pytest.mark.parametrize(
    ("account", "service", "method"), [(MAX_ACCOUNT, 1, 1), (1, 64, 1), (1, 1, 64)]
)
def test_namesMayBeAsLongAsTheirLimit(account: int, service: int, method: int) -> None:
    request = Request(b"a" * account, b"s" * service, b"m" * method)
    assert Request.parse(request.pack()) == request


@pytest.mark.parametrize(
    ("account", "service", "method"), [(MAX_ACCOUNT + 1, 1, 1), (1, 65, 1), (1, 1, 65)]
)
def test_oneByteMoreIsMalformed(account: int, service: int, method: int) -> None:
    request = Request(b"a" * account, b"s" * service, b"m" * method)
    with pytest.raises(Malformed, match=r"where at most \d+ are allowed$"):
        Request.parse(request.pack())


@pytest.mark.parametrize(
    ("parse", "payload"),
    [
        (InfoRequest.parse, string(b"") * 3 + uint32(2**32 - 1) + string(b"A: ") + b"\0"),
        (InfoResponse.parse, uint32(2**32 - 1) + string(b"yes")),
    ],
)
def test_countOfMoreThanThereIsEndsAtTheEndOfThePacket(parse: Any, payload: bytes) -> None:
    with pytest.raises(Malformed):
        parse(payload)


# Secrets


@pytest.mark.parametrize(
    "message",
    [
        Request(b"johnson", CONNECTION, PASSWORD, b"\0" + string(b"hunter2")),
        Password(b"hunter2"),
        Password(b"old", b"hunter2"),
        InfoResponse((b"hunter2",)),
    ],
)
def test_secretsAreNotShown(message: Any) -> None:
    assert "hunter2" not in repr(message)


@pytest.mark.parametrize("payload", [b"\0\0\0\0\x63hunter2", b"\1" + string(b"hunter2")])
def test_secretsAreNotInTheProblem(payload: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        Password.parse(payload)
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize(
    ("method", "fields", "changes"),
    [
        (PASSWORD, Password(b"old", b"new").pack(), True),
        (PASSWORD, b"\2" + string(b"old") + string(b"new"), True),
        (PASSWORD, Password(b"old").pack(), False),
        (PASSWORD, b"", False),
        (NONE, b"\1", False),
        (KEYBOARD_INTERACTIVE, b"\1", False),
    ],
)
def test_requestSaysWhetherItIsForAnotherPassword(
    method: bytes, fields: bytes, changes: bool
) -> None:
    assert Request(b"johnson", CONNECTION, method, fields).changesPassword is changes


# Message 60


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (KEYBOARD_INTERACTIVE, InfoRequest(b"", b"", b"", (Prompt(b"Password: ", False),))),
        (PASSWORD, ChangeRequest(b"It has expired.", b"")),
    ],
)
def test_message60MeansWhatTheMethodMakesOfIt(method: bytes, message: Any) -> None:
    assert parseDialogue(method, message.pack()) == message


@pytest.mark.parametrize("method", [NONE, b"publickey", b"gssapi-with-mic", b""])
def test_message60MeansNothingForOtherMethods(method: bytes) -> None:
    with pytest.raises(Malformed, match=r"^message 60 for a method that has none$"):
        parseDialogue(method, ChangeRequest(b"", b"").pack())


def test_anyDialogueHasNeitherLanguageNorSubmethods() -> None:
    assert ANY_DIALOGUE == b"\0" * 8
