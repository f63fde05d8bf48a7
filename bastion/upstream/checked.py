"""
A host, as a health check looks at it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from bastion.interfaces import HostAddress, ICheckedHost
from bastion.ssh.client import ClientTransport
from bastion.upstream.attempt import Attempt
from bastion.upstream.site import Site


@implementer(ICheckedHost)
@frozen
class CheckedHost:
    """
    See L{ICheckedHost}.

    @ivar makeService: makes the login service for a host.
    """

    site: Site
    address: HostAddress
    makeService: Callable[[HostAddress], Any]

    @property
    def endpoint(self) -> IStreamClientEndpoint:
        """
        The way to it.
        """
        return self.site.way(self.address, None)

    def handshake(self) -> Deferred[float]:
        """
        See L{ICheckedHost}.

        @return: fires with the seconds that it took.
        """
        attempt = Attempt(self.site, self.address, self.makeService(self.address), b"")

        def leave(transport: ClientTransport) -> None:
            attempt.drop()
            done.callback(attempt.took)

        done: Deferred[float] = Deferred(lambda _: attempt.drop())
        attempt.ready.addCallback(leave).addErrback(done.errback)
        return done
