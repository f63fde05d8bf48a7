"""
Tests of L{bastion.auth.outcome}: what an attempt comes to.
"""

from __future__ import annotations

import pytest
from twisted.cred.error import UnauthorizedLogin

from bastion.auth.client import UserAuthClient
from bastion.auth.messages import ChangeRequest
from bastion.auth.outcome import Accepted, LoginImpossible, LoginRefused, PasswordExpired
from bastion.interfaces import HostAddress

EXPIRED = ChangeRequest(b"It has expired: choose another.", b"")


@pytest.mark.parametrize(
    "outcome",
    [LoginRefused((), False), PasswordExpired(EXPIRED), LoginImpossible("No host can be reached.")],
)
def test_everythingButSuccessIsAnUnauthorizedLogin(outcome: Exception) -> None:
    """
    So that a portal, and a checker of somebody else's, know what it is.
    """
    assert isinstance(outcome, UnauthorizedLogin)


def test_refusalSaysWhatTheClientMayTryNext() -> None:
    refused = LoginRefused((b"password",), True)
    assert (refused.methods, refused.partial) == ((b"password",), True)
    assert str(refused) == "refused by the host"


def test_expiredPasswordHoldsTheHostsQuestion() -> None:
    expired = PasswordExpired(EXPIRED)
    assert expired.request is EXPIRED
    assert str(expired) == "the password has expired"


def test_impossibleLoginIsASentenceForTheUser() -> None:
    assert str(LoginImpossible("No host can be reached.")) == "No host can be reached."


def test_acceptedNamesTheHostAndTheMethod() -> None:
    host = UserAuthClient(HostAddress("nice1.example.org"))
    accepted = Accepted(host, b"password")
    assert (accepted.host, accepted.method) == (host, b"password")
