"""
L{bastion.auth.checkers}: the portal of a gateway, and that nothing of a login
shows a password.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.conch.interfaces import IConchUser
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure as TwistedFailure
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from bastion.auth.checkers import (
    HostChecker,
    HostRealm,
    HostUser,
    IRelayedLogin,
    RelayedLogin,
    hostPortal,
)
from bastion.auth.messages import (
    NONE,
    PASSWORD,
    Banner,
    Failure,
    InfoResponse,
    Password,
    Prompt,
    Request,
)
from bastion.auth.outcome import LoginRefused
from bastion.interfaces import ChannelRequest

CANARY = b"canary-secret"


def passwordLogin(stage: Any) -> RelayedLogin:
    """
    Credentials that hold the canary.
    """
    fields = Password(CANARY).pack()
    return RelayedLogin(
        Request(b"johnson", b"ssh-connection", PASSWORD, fields), stage.service.exchange
    )


def outcome(waiting: Deferred[Any]) -> Any:
    """
    What a Deferred has come to.
    """
    found: list[Any] = []
    waiting.addCallbacks(found.append, lambda failure: found.append(failure))
    return found[0] if found else None


def test_contractsOfCredAreKept(stage: Any) -> None:
    verifyClass(ICredentialsChecker, HostChecker)
    verifyObject(ICredentialsChecker, HostChecker())
    verifyObject(IRealm, HostRealm())
    verifyObject(IRelayedLogin, passwordLogin(stage))


def test_hostDecidesOnALogin(stage: Any) -> None:
    login = hostPortal().login(passwordLogin(stage), None, IConchUser)
    stage.nice1.offers(PASSWORD)
    stage.nice1.accepts()

    interface, user, logout = outcome(login)

    assert interface is IConchUser
    assert isinstance(user, HostUser)
    assert IConchUser.providedBy(user)
    assert user.accepted.host is stage.nice1.service
    assert user.accepted.method == PASSWORD
    assert logout == user.logout


def test_hostsRefusalIsARefusalOfThePortal(stage: Any) -> None:
    login = hostPortal().login(passwordLogin(stage), None, IConchUser)
    stage.nice1.offers(PASSWORD)
    stage.nice1.offers(PASSWORD)

    failure = outcome(login)

    assert failure.check(UnauthorizedLogin) and failure.check(LoginRefused)


def test_realmKnowsConchUsersOnly() -> None:
    with pytest.raises(NotImplementedError):
        HostRealm().requestAvatar(None, None, ICredentialsChecker)


def test_portalTakesNoOtherCredentials(stage: Any) -> None:
    credentials: Any = UsernamePassword(b"johnson", CANARY)

    assert outcome(hostPortal().login(credentials, None, IConchUser)).check(UnhandledCredentials)


def test_siteMayAddACheckerOfItsOwn(stage: Any) -> None:
    @implementer(ICredentialsChecker)
    class Own:
        credentialInterfaces = (type(UsernamePassword(b"", b"")),)

        def requestAvatarId(self, credentials: Any) -> Any:
            raise AssertionError("nobody asks")

    assert len(hostPortal(Own()).checkers) == 2


@pytest.mark.parametrize(
    "value",
    [
        Request(b"johnson", b"ssh-connection", PASSWORD, Password(CANARY).pack()),
        Password(CANARY),
        Password(b"old", CANARY),
        InfoResponse((b"one", CANARY)),
        ChannelRequest("channel", b"x11-req", True, b"session", CANARY),
        ChannelRequest("channel", b"env", True, b"session", CANARY),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_noValueShowsASecret(value: Any, show: Any) -> None:
    assert CANARY.decode() not in show(value)


def test_credentialsAndWhatHoldsThemShowNoSecret(stage: Any) -> None:
    login = passwordLogin(stage)
    stage.program.password(CANARY)
    stage.nice1.offers(PASSWORD)

    shown = [login, stage.service, stage.service.exchange, stage.nice1.service]
    shown += [vars(each) for each in shown[1:]]

    assert CANARY.decode() not in repr(shown)


def test_refusalWithAllItsFramesShowsNoSecret(stage: Any) -> None:
    login = hostPortal().login(passwordLogin(stage), None, IConchUser)
    stage.nice1.offers(PASSWORD)
    stage.nice1.offers(PASSWORD)
    failure: TwistedFailure = outcome(login)

    for detail in ("brief", "default", "verbose"):
        assert CANARY.decode() not in failure.getTraceback(detail=detail)


@pytest.mark.parametrize(
    "value",
    [Prompt(b"Password: ", False), Banner(b"text"), Failure((NONE,), False)],
    ids=lambda value: type(value).__name__,
)
def test_whatIsNoSecretIsShown(value: Any) -> None:
    assert any(text in repr(value) for text in ("Password: ", "text", "none"))


def test_nothingOfALoginIsLogged(stage: Any, logged: list[Any]) -> None:
    stage.program.password(CANARY)
    stage.nice1.offers(PASSWORD)
    stage.nice1.offers(PASSWORD)
    stage.program.password(CANARY)
    stage.loses(stage.nice1)

    assert CANARY.decode() not in repr(logged)
