"""
From a cluster to one upstream connection: verified, encrypted, ready for a login.

The selector says which host is next.  One is tried as soon as another has failed, and
also, beside it, when one has kept its user waiting: the first that is ready wins, the
others are dropped and their leases given back.  What the search learns of the hosts,
the selector's cluster is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.hosts.expected import Expected
from bastion.hosts.lease import Lease
from bastion.interfaces import HostAddress, HostRequest, HostUnavailable, NoHostAvailable
from bastion.ssh.client import ClientTransport
from bastion.upstream.attempt import Attempt
from bastion.upstream.proxysent import End
from bastion.upstream.site import Site

_log = Logger()

#: How long a host may take before the next one is tried beside it, in seconds.
PATIENCE = 2.0
#: The same for a host that has not been well lately.
LESS_PATIENCE = 0.25
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
        expected: Expected | None = None,
    ) -> None:
        """
        @param makeService: the login service for a host; its C{ready} fires when
            the host has accepted it.
        @param passedOver: told of each host that was tried in vain, and why.
        @param begun: gives a connection to a host that somebody has begun to make
            before it was known who needs it.
        @param expected: what the selector has expected.
        """
        self._site = site
        self._request = request
        self._makeService = makeService
        self._passedOver = passedOver
        self._begun = begun
        self._expected = expected
        self._tried: set[HostAddress] = set()
        self._tries: dict[Attempt, Lease] = {}
        self._found: Deferred[Upstream] = Deferred()
        self._leasing: Deferred[None] | None = None
        self._timers: list[IDelayedCall] = []
        self._until = site.clock.seconds() + SEARCH_TIME

    def next(self) -> Deferred[Upstream]:
        """
        Find a host that was not found before.

        @return: fails with L{NoHostAvailable} when there is none, or not in
            time.  Can be cancelled.
        """
        found: Deferred[Upstream] = Deferred(lambda _: self._end())
        self._found = found
        left = self._until - self._site.clock.seconds()
        self._timers = [
            self._site.clock.callLater(max(0.0, left), self._giveUp, "no host answered")
        ]
        self._try()
        return found

    def again(self, host: HostAddress) -> None:
        """
        What was found was older than the search, and is dead: C{host} itself was not
        tried yet.
        """
        self._tried.discard(host)

    def _try(self) -> None:
        """
        Try the next host, if there is one; one after the other, so that each is
        tried once.
        """
        if self._leasing is not None:
            return
        lease = self._site.selector.lease(self._request, self._tried, self._expected)
        leased = Deferred.fromCoroutine(lease)
        self._leasing = leased.addCallbacks(self._cbLeased, self._ebNone)
        if leased.called:
            self._leasing = None

    def _cbLeased(self, lease: Lease) -> None:
        self._leasing = None
        if self._found.called:
            # Meanwhile another host was found, or the client has left.
            lease.release()
            return
        host = lease.host
        self._tried.add(host)
        attempt = self._begun(host) or self._attempt(host)
        self._tries[attempt] = lease
        patience = PATIENCE if self._site.reports.isWell(host) else LESS_PATIENCE
        self._timers.append(self._site.clock.callLater(patience, self._try))
        attempt.ready.addCallback(self._cbReady, attempt)
        attempt.ready.addErrback(self._ebFailed, attempt)

    def _attempt(self, host: HostAddress) -> Attempt:
        request = self._request
        source = End(request.source, request.port)
        return Attempt(self._site, host, self._makeService(host), request.client, source)

    def _ebNone(self, failure: Failure) -> None:
        """
        There is no other host: wait for those that are being tried.
        """
        self._leasing = None
        reason = failure.getErrorMessage()
        if not failure.check(NoHostAvailable):
            _log.error("the state store gives no leases: {problem}", problem=reason)
            reason = "the state store failed"
        if not self._found.called and not self._tries:
            self._giveUp(reason)

    def _cbReady(self, transport: ClientTransport, attempt: Attempt) -> None:
        lease = self._tries.pop(attempt)
        self._site.reports.reached(attempt.host, attempt.took)
        self._end("was slower than another host")
        self._found.callback(Upstream(lease, transport))

    def _ebFailed(self, failure: Failure, attempt: Attempt) -> None:
        failure.trap(HostUnavailable)
        lease = self._tries.pop(attempt, None)
        if lease is None:
            return
        lease.release()
        assert isinstance(failure.value, HostUnavailable)
        self._failed(lease.host, failure.value)
        self._try()

    def _failed(self, host: HostAddress, problem: Exception) -> None:
        self._site.reports.failed(host, problem)
        self._passedOver(host, str(problem))

    def _giveUp(self, reason: str) -> None:
        self._end("did not answer in time")
        self._found.errback(NoHostAvailable(reason))

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
                self._failed(lease.host, HostUnavailable(f"{lease.host} {problem}"))
