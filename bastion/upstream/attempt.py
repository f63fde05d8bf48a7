"""
The way to one host: connected, verified, ready for a login.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from bastion.interfaces import HostAddress, HostUnavailable
from bastion.ssh.client import ClientTransport
from bastion.ssh.owner import Owner
from bastion.ssh.transport import Transport
from bastion.upstream.proxysent import End
from bastion.upstream.site import Site
from bastion.wire import DISCONNECT_BY_APPLICATION, shown

#: How long one host may take to be ready for the login, in seconds.
HOST_TIME = 5.0


class Attempt(Owner):
    """
    The way to one host.

    @ivar host: the host.
    @ivar ready: fires with the transport when the host has accepted the login
        service; fails with L{HostUnavailable}.
    @ivar over: whether nothing will come of it any more, be the connection still
        there or not.
    @ivar since: when it was begun, by the clock.
    @ivar took: how long it took until the host was ready, in seconds.
    """

    def __init__(
        self,
        site: Site,
        host: HostAddress,
        service: Any,
        client: bytes,
        source: End | None = None,
    ) -> None:
        """
        @param service: the login service; its C{ready} fires when the host has
            accepted it.
        @param client: the client's identification string.
        @param source: where the client is, for a host that is told; L{None} when the
            connection is for no client.
        """
        self.ready: Deferred[ClientTransport] = Deferred()
        self.host = host
        self.over = False
        self.since = site.clock.seconds()
        self.took = 0.0
        self._clock = site.clock
        self._problem = "closed the connection before the login"
        self._goodbye = b""
        self._keyRefused: HostUnavailable | None = None
        self._late = site.clock.callLater(HOST_TIME, self.stop, "did not answer in time")
        hostKeys = site.hostKeys(host)
        self._transport = ClientTransport(self, site.clock, hostKeys, service, client, site.terms)
        service.ready.addCallback(self._cbReady)
        self._connecting = site.way(host, source).connect(_factoryOf(self._transport))
        self._connecting.addErrback(self._ebConnect)

    def _cbReady(self, service: Any) -> None:
        self._late.cancel()
        self.took = self._clock.seconds() - self.since
        self.ready.callback(self._transport)

    def _ebConnect(self, failure: Failure) -> None:
        self._failed(_spoken(failure))

    def stop(self, problem: str) -> None:
        """
        Give this host up, unless it is ready.
        """
        if self.ready.called:
            return
        self._failed(problem)
        self._connecting.cancel()
        if self._transport.transport is not None:
            self._transport.transport.abortConnection()

    def _failed(self, problem: str) -> None:
        if self._late.active():
            self._late.cancel()
        self.over = True
        if not self.ready.called:
            unavailable = HostUnavailable(f"{self.host} {problem}")
            self.ready.errback(self._keyRefused or unavailable)

    def drop(self) -> None:
        """
        Nobody needs this host after all.
        """
        self.ready.addErrback(lambda _: None)
        if self.ready.called and not self.over:
            self._transport.disconnect(DISCONNECT_BY_APPLICATION, b"not needed")
        self.stop("is not needed")
        self.over = True

    def failed(self, transport: Transport, problem: str) -> None:
        """
        See L{Owner}.
        """
        self._problem = f"is of no use: {problem}"
        self.over = True

    def hostKeyRefused(self, transport: Transport, problem: HostUnavailable) -> None:
        """
        See L{Owner}.
        """
        self._keyRefused = problem

    def disconnected(self, transport: Transport, reason: int, description: bytes) -> None:
        """
        See L{Owner}.
        """
        self._goodbye = description
        self.over = True

    def lost(self, transport: Transport) -> None:
        """
        See L{Owner}; what the host said last is often the reason, such as C{Exceeded
        MaxStartups}.
        """
        said = (self._goodbye or transport.saidInstead).strip()
        self._failed(f"{self._problem}: {shown(said)}" if said else self._problem)


def _factoryOf(transport: ClientTransport) -> IProtocolFactory:
    factory = Factory.forProtocol(lambda: transport)
    factory.noisy = False
    return factory


def _spoken(failure: Failure) -> str:
    """
    Why a connection could not be made, as an operator says it.
    """
    if failure.check(ConnectionRefusedError):
        return "refuses connections"
    if failure.check(TimeoutError, CancelledError):
        return "did not answer in time"
    if failure.check(DNSLookupError):
        return "has no address"
    return f"cannot be reached: {failure.getErrorMessage()}"
