"""
L{bastion.relay.channelrequests}: what is asked in a channel that is not open, and
answered by who was not asked, does not get past a policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.interfaces import ALLOW, Verdict
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    Malformed,
    byte,
    string,
    uint32,
)

SHELL = uint32(0) + string(b"shell") + byte(1)


class NoShell:
    """
    A policy that refuses shells.
    """

    def decide(self, request: Any, login: Any) -> Verdict:
        """
        See L{bastion.interfaces.ISessionPolicy}.
        """
        return Verdict("no shells") if request.name == b"shell" else ALLOW


@pytest.fixture
def judged(sessionOf: Callable[..., Any]) -> Any:
    """
    A session in which a shell is refused, and the user told.
    """
    return sessionOf(NoShell(), speaks=True)


@pytest.mark.parametrize("name", [b"shell", b"exec"])
def test_clientMayNotAskBeforeItsChannelIsOpen(judged: Any, name: bytes) -> None:
    judged.client.opens(b"session", 0)
    judged.host.hears()
    with pytest.raises(Malformed, match="in a channel that is not open"):
        judged.client.says(MSG_CHANNEL_REQUEST, uint32(0) + string(name) + byte(1))
    assert judged.host.hears() == []


def test_clientMayNotAskOnceItsChannelIsClosed(judged: Any) -> None:
    judged.opened()
    judged.client.says(MSG_CHANNEL_CLOSE, uint32(0))
    judged.host.says(MSG_CHANNEL_CLOSE, uint32(0))
    judged.host.hears()
    with pytest.raises(Malformed):
        judged.client.says(MSG_CHANNEL_REQUEST, SHELL)
    assert judged.host.hears() == []


def test_whatTheHostAsksInNoChannelIsNotPassedOn(judged: Any) -> None:
    judged.host.says(MSG_CHANNEL_REQUEST, uint32(0) + string(b"exit-status") + byte(0) + uint32(0))
    assert judged.client.hears() == []


@pytest.mark.parametrize("fromClient", [True, False], ids=["client", "host"])
def test_whereNobodyJudgesItIsPassedOn(session: Any, fromClient: bool) -> None:
    asker, other = session.ends(fromClient)
    asker.says(MSG_CHANNEL_REQUEST, SHELL)
    assert other.hears() == [(MSG_CHANNEL_REQUEST, SHELL)]


@pytest.mark.parametrize("answer", [MSG_CHANNEL_SUCCESS, MSG_CHANNEL_FAILURE])
def test_hostDoesNotAnswerWhatItWasNotAsked(judged: Any, answer: int) -> None:
    """
    While the client has not read yet why its shell is refused.
    """
    judged.opened()
    judged.client.says(MSG_CHANNEL_REQUEST, uint32(0) + string(b"env") + byte(1))
    judged.client.says(MSG_CHANNEL_REQUEST, SHELL)
    numbers = [number for number, _ in judged.client.hears()]
    assert numbers == [MSG_CHANNEL_EXTENDED_DATA, MSG_GLOBAL_REQUEST]

    for _ in range(3):
        judged.host.says(answer, uint32(0))
    assert judged.client.hears() == [(answer, uint32(0))], "that of the variable"

    judged.client.says(MSG_REQUEST_FAILURE)
    assert judged.client.hears() == [(MSG_CHANNEL_FAILURE, uint32(0))]
