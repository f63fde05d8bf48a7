"""
The portal of a gateway: a realm of hosts' users, and the checker that lets the
host decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.conch.avatar import ConchUser
from twisted.conch.interfaces import IConchUser
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from zope.interface import Attribute, implementer

from bastion.auth.exchange import Exchange
from bastion.auth.messages import Request
from bastion.auth.outcome import Accepted


class IRelayedLogin(ICredentials):
    """
    A login request that a host shall decide on.
    """

    request: Request = Attribute("the request, as the client sent it")
    exchange: Exchange = Attribute("the login of the connection that it came over")


@implementer(IRelayedLogin)
@frozen
class RelayedLogin:
    """
    See L{IRelayedLogin}.
    """

    request: Request
    exchange: Exchange


@implementer(ICredentialsChecker)
class HostChecker:
    """
    Verifies against the chosen host.
    """

    credentialInterfaces = (IRelayedLogin,)

    def requestAvatarId(self, credentials: IRelayedLogin) -> Any:
        """
        Let the host decide.

        @return: a Deferred of L{Accepted}; fails as L{Exchange.attempt} does.
        """
        return Deferred.fromCoroutine(credentials.exchange.attempt(credentials.request))


class HostUser(ConchUser):
    """
    An account on a host, logged in; its avatar is the upstream connection.
    """

    def __init__(self, accepted: Accepted) -> None:
        super().__init__()
        self.accepted = accepted

    def logout(self) -> None:
        """
        Close the upstream connection.
        """
        self.accepted.host.transport.finish(0, b"")


@implementer(IRealm)
class HostRealm:
    """
    The users of the hosts.
    """

    def requestAvatar(
        self, avatarId: Any, mind: object, *interfaces: Any
    ) -> tuple[type, HostUser, Callable[[], None]]:
        """
        See L{IRealm}.

        @param avatarId: an L{Accepted}.
        """
        if IConchUser not in interfaces:
            raise NotImplementedError("users of a host are Conch users only")
        user = HostUser(avatarId)
        return IConchUser, user, user.logout


def hostPortal(*checkers: Any) -> Portal:
    """
    A portal whose logins the hosts decide.
    """
    return Portal(HostRealm(), [HostChecker(), *checkers])
