"""
L{bastion.auth.client}: what a host is asked, and what becomes of its replies.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bastion.auth.client import UserAuthClient
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
from bastion.interfaces import HostAddress, HostUnavailable
from bastion.wire import (
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_PASSWD_CHANGEREQ,
    MSG_USERAUTH_SUCCESS,
    Malformed,
    string,
)


def request(method: bytes, fields: bytes = b"") -> Request:
    """
    A request for one account.
    """
    return Request(b"johnson", b"ssh-connection", method, fields)


def outcome(reply: Deferred[Any]) -> Any:
    """
    What a Deferred has come to; L{None} while it has not.
    """
    found: list[Any] = []
    reply.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found[0] if found else None


@pytest.fixture
def host(hostOf: Any) -> Any:
    """
    A host that was not asked anything.
    """
    return hostOf("nice1")


def test_requestReachesTheHostAsItIs(host: Any) -> None:
    asked = request(PASSWORD, Password(b"secret").pack())

    host.service.request(asked)

    assert host.hears() == [asked]


@pytest.mark.parametrize(
    ("number", "payload", "reply"),
    [
        (MSG_USERAUTH_SUCCESS, b"", Success()),
        (
            MSG_USERAUTH_FAILURE,
            Failure((PASSWORD,), True).pack(),
            Failure((PASSWORD,), True),
        ),
        (
            MSG_USERAUTH_INFO_REQUEST,
            InfoRequest(b"n", b"i", b"l", (Prompt(b"Q", True),)).pack(),
            InfoRequest(b"n", b"i", b"l", (Prompt(b"Q", True),)),
        ),
    ],
)
def test_eachReplyIsReported(host: Any, number: int, payload: bytes, reply: Any) -> None:
    replied = host.service.request(request(KEYBOARD_INTERACTIVE, ANY_DIALOGUE))
    assert not host.service.answered

    host.says(number, payload)

    assert outcome(replied) == reply
    assert host.service.answered


def test_message60MeansAChangeRequestForAPassword(host: Any) -> None:
    replied = host.service.request(request(PASSWORD, Password(b"old").pack()))

    host.says(MSG_USERAUTH_PASSWD_CHANGEREQ, ChangeRequest(b"Choose", b"en").pack())

    assert outcome(replied) == ChangeRequest(b"Choose", b"en")


def test_message60MeansNothingForNone(host: Any) -> None:
    host.service.request(request(NONE))

    with pytest.raises(Malformed):
        host.says(MSG_USERAUTH_INFO_REQUEST, InfoRequest(b"", b"", b"", ()).pack())


def test_answersGoToTheHostAndItsNextReplyComesBack(host: Any) -> None:
    host.service.request(request(KEYBOARD_INTERACTIVE, ANY_DIALOGUE))
    host.asks((b"Password: ", False))
    host.hears()

    replied = host.service.answer(InfoResponse((b"one", b"two")))

    assert host.hears() == [InfoResponse((b"one", b"two"))]
    host.accepts()
    assert outcome(replied) == Success()


@pytest.mark.parametrize(
    ("number", "payload"),
    [
        (MSG_USERAUTH_SUCCESS, b""),
        (MSG_USERAUTH_FAILURE, Failure((), False).pack()),
    ],
)
def test_replyThatNobodyHasAskedForIsMalformed(host: Any, number: int, payload: bytes) -> None:
    with pytest.raises(Malformed):
        host.says(number, payload)


def test_secondSuccessIsMalformed(host: Any) -> None:
    host.service.request(request(NONE))
    host.accepts()

    with pytest.raises(Malformed):
        host.accepts()


@pytest.mark.parametrize("number", [50, 54, 61, 66])
def test_messagesOfAClientAreMalformed(host: Any, number: int) -> None:
    host.service.request(request(NONE))

    with pytest.raises(Malformed):
        host.says(number, b"")


@pytest.mark.parametrize("method", [KEYBOARD_INTERACTIVE, PASSWORD])
@pytest.mark.parametrize("number", [51, 53, 60])
def test_truncatedRepliesAreMalformed(host: Any, method: bytes, number: int) -> None:
    host.service.request(request(method))
    whole = string(b"a,b") + b"\0"

    for size in range(len(whole) - 1):
        with pytest.raises(Malformed):
            host.says(number, whole[:size])


def test_bannersAreShownBesideTheReply(host: Any) -> None:
    shown: list[Banner] = []
    host.service.onBanner = shown.append
    replied = host.service.request(request(NONE))

    host.says(MSG_USERAUTH_BANNER, Banner(b"Welcome\r\n", b"en").pack())

    assert shown == [Banner(b"Welcome\r\n", b"en")]
    assert outcome(replied) is None
    assert host.service.answered


def test_hostThatGoesFailsTheRequest(host: Any) -> None:
    replied = host.service.request(request(NONE))

    host.dies()

    assert str(outcome(replied)) == "nice1 closed the connection during the login"


def test_hostThatIsGoneFailsEachRequestAtOnce(host: Any) -> None:
    host.dies()

    assert isinstance(outcome(host.service.request(request(NONE))), HostUnavailable)
    assert isinstance(outcome(host.service.answer(InfoResponse(()))), HostUnavailable)
    assert host.hears() == []


def test_hostThatGoesAfterItsReplyFailsNothing(host: Any) -> None:
    replied = host.service.request(request(NONE))
    host.accepts()

    host.dies()

    assert outcome(replied) == Success()
    assert host.service.lost


def test_replyToARequestThatWasGivenUpIsForgotten(host: Any) -> None:
    host.service.request(request(NONE)).addErrback(lambda failure: None).cancel()

    host.accepts()


def test_readyFiresWhenTheServiceStarts() -> None:
    service = UserAuthClient(HostAddress("nice1"))

    service.serviceStarted()

    assert outcome(service.ready) is service
