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
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from bastion.hosts.memory import Lease
from bastion.interfaces import HostAddress, HostRequest, HostUnavailable, NoHostAvailable
from bastion.ssh.client import ClientTransport
from bastion.upstream.attempt import Attempt
from bastion.upstream.site import Site

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
        begun: Callable[[HostAddress], Attempt | None] = lambda host: None,
    ) -> None:
        """
        @param makeService: the login service for a host; its C{ready} fires when
            the host has accepted it.
        @param passedOver: told of each host that was tried in vain, and why.
        @param begun: gives a connection to a host that somebody has begun to make
            before it was known who needs it.
        """
        self._site = site
        self._request = request
        self._makeService = makeService
        self._passedOver = passedOver
        self._begun = begun
        self._hosts = deque(site.selector.choices(request))
        self._tries: dict[Attempt, Lease] = {}
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
        attempt = self._begun(host) or Attempt(
            self._site, host, self._makeService(host), self._request.client
        )
        self._tries[attempt] = lease
        attempt.ready.addCallback(self._cbReady, attempt)
        attempt.ready.addErrback(self._ebFailed, attempt)

    def _tryBeside(self) -> None:
        self._timers.append(self._site.clock.callLater(PATIENCE, self._tryBeside))
        self._try()

    def _cbReady(self, transport: ClientTransport, attempt: Attempt) -> None:
        lease = self._tries.pop(attempt)
        self._end("was slower than another host")
        self._found.callback(Upstream(lease, transport))

    def _ebFailed(self, failure: Failure, attempt: Attempt) -> None:
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
