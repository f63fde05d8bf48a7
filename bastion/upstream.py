"""
From a list of hosts to one upstream connection: verified, encrypted, ready for
a login.

The hosts are tried in order.  The next one is tried as soon as one has failed,
and also, beside it, when one has kept its user waiting for L{PATIENCE}: the
first that is ready wins, the others are dropped and their leases given back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from bastion.hosts.memory import Lease
from bastion.hosts.selector import Selector
from bastion.interfaces import HostAddress, HostRequest, HostUnavailable, NoHostAvailable
from bastion.ssh.client import ClientTransport, HostKeys
from bastion.ssh.owner import Owner
from bastion.ssh.transport import Transport

#: How long one host may take to be ready for the login, in seconds.
HOST_TIME = 5.0
#: How long a host may take before the next one is tried beside it, in seconds.
PATIENCE = 2.0
#: How long the search may take altogether, in seconds.
SEARCH_TIME = 9.0


@frozen
class Upstream:
    """
    A connection to a host that is ready for the login.

    @ivar lease: the place taken on the host.
    @ivar transport: the connection; its service is the login service.
    """

    lease: Lease
    transport: ClientTransport


@frozen
class Site:
    """
    What is needed to connect to the hosts of one cluster.

    @ivar selector: chooses among them.
    @ivar endpoint: the client endpoint of a host.
    @ivar hostKeys: what is known of a host's keys.
    @ivar clock: where the time limits come from.
    """

    selector: Selector
    endpoint: Callable[[HostAddress], IStreamClientEndpoint]
    hostKeys: Callable[[HostAddress], HostKeys]
    clock: IReactorTime


class _Try(Owner):
    """
    The way to one host.

    @ivar ready: fires with the transport when the host has accepted the login
        service; fails with L{HostUnavailable}.
    """

    def __init__(self, site: Site, host: HostAddress, service: Any, client: bytes) -> None:
        """
        @param service: the login service; its C{ready} fires when the host has
            accepted it.
        @param client: the client's identification string.
        """
        self.ready: Deferred[ClientTransport] = Deferred()
        self._host = host
        self._problem = "closed the connection before the login"
        self._late = site.clock.callLater(HOST_TIME, self.stop, "did not answer in time")
        hostKeys = site.hostKeys(host)
        self._transport = ClientTransport(self, site.clock, hostKeys, service, client)
        service.ready.addCallback(self._cbReady)
        self._connecting = site.endpoint(host).connect(_factoryOf(self._transport))
        self._connecting.addErrback(self._ebConnect)

    def _cbReady(self, service: Any) -> None:
        self._late.cancel()
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
        if not self.ready.called:
            self.ready.errback(HostUnavailable(f"{self._host} {problem}"))

    def failed(self, transport: Transport, problem: str) -> None:
        """
        See L{Owner}.
        """
        self._problem = f"is of no use: {problem}"

    def lost(self, transport: Transport) -> None:
        """
        See L{Owner}.
        """
        self._failed(self._problem)


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


class Search:
    """
    The search of one connection for a host.
    """

    def __init__(
        self,
        site: Site,
        request: HostRequest,
        makeService: Callable[[HostAddress], Any],
        passedOver: Callable[[HostAddress, str], None],
    ) -> None:
        """
        @param makeService: the login service for a host; its C{ready} fires when
            the host has accepted it.
        @param passedOver: told of each host that was tried in vain, and why.
        """
        self._site = site
        self._request = request
        self._makeService = makeService
        self._passedOver = passedOver
        self._hosts = deque(site.selector.choices(request))
        self._tries: dict[_Try, Lease] = {}
        self._found: Deferred[Upstream] = Deferred()
        self._timers: list[IDelayedCall] = []
        self._until = site.clock.seconds() + SEARCH_TIME

    def next(self) -> Deferred[Upstream]:
        """
        Find a host that was not found before.

        @return: fails with L{NoHostAvailable} when there is none, or not in
            time.  Can be cancelled.
        """
        self._found = Deferred(lambda _: self._end())
        left = self._until - self._site.clock.seconds()
        self._timers = [
            self._site.clock.callLater(max(0.0, left), self._giveUp),
            self._site.clock.callLater(PATIENCE, self._tryBeside),
        ]
        found = self._found
        self._try()
        return found

    def _try(self) -> None:
        """
        Try the next host, if there is one.
        """
        if not self._hosts:
            if not self._tries:
                self._giveUp()
            return
        host = self._hosts.popleft()
        lease = self._site.selector.lease(host, self._request)
        service = self._makeService(host)
        attempt = _Try(self._site, host, service, self._request.client)
        self._tries[attempt] = lease
        attempt.ready.addCallback(self._cbReady, attempt)
        attempt.ready.addErrback(self._ebFailed, attempt)

    def _tryBeside(self) -> None:
        self._timers.append(self._site.clock.callLater(PATIENCE, self._tryBeside))
        self._try()

    def _cbReady(self, transport: ClientTransport, attempt: _Try) -> None:
        lease = self._tries.pop(attempt)
        self._end("was slower than another host")
        self._found.callback(Upstream(lease, transport))

    def _ebFailed(self, failure: Failure, attempt: _Try) -> None:
        failure.trap(HostUnavailable)
        lease = self._tries.pop(attempt, None)
        if lease is None:
            return
        lease.release()
        self._passedOver(lease.host, failure.getErrorMessage())
        self._try()

    def _giveUp(self) -> None:
        self._end("did not answer in time")
        self._found.errback(NoHostAvailable("no host answered"))

    def _end(self, problem: str | None = None) -> None:
        """
        Drop every host that is still being tried.

        @param problem: what to say of them; L{None} says nothing.
        """
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        while self._tries:
            attempt, lease = self._tries.popitem()
            lease.release()
            attempt.stop("")
            if problem is not None:
                self._passedOver(lease.host, f"{lease.host} {problem}")
