"""
The way of one connection to its host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.audit.events import ConnectionLog
from bastion.auth.client import UserAuthClient
from bastion.auth.outcome import LoginImpossible
from bastion.hosts.expected import Expected
from bastion.hosts.lease import Lease
from bastion.hosts.named import NoSuchHost, hostNamed
from bastion.hosts.traffic import Meter
from bastion.interfaces import HostAddress, HostRequest, NoHostAvailable
from bastion.ssh.owner import Owner
from bastion.ssh.transport import Transport
from bastion.upstream.attempt import Attempt
from bastion.upstream.ready import ReadyConnections
from bastion.upstream.search import PATIENCE, Search, Upstream

#: A connection that has waited longer for its login may have died meanwhile, in seconds.
FRESH = 1.0


class Route:
    """
    Searches a host, and keeps what was found.

    @ivar upstream: the connection to the host that was found last.
    """

    _log = Logger()

    def __init__(
        self, ready: ReadyConnections, request: HostRequest, owner: Owner, log: ConnectionLog
    ) -> None:
        """
        @param ready: what is ready before it is needed, of the cluster.
        @param request: who asks, as far as that is known when the client connects.
        @param owner: of the upstream's transport once it is ready.
        @param log: told of hosts that were tried in vain.
        """
        self.upstream: Upstream | None = None
        self._ready = ready
        self._site = ready.site
        self._request = request
        self._begun: Attempt | None = None
        self._expecting: Deferred[None] | None = None
        self._expected: Expected | None = None
        self._owner = owner
        self._events = log
        self._search: Search | None = None
        self._meter: Meter | None = None
        self._leases: dict[Transport, Lease] = {}
        self._waited: set[HostAddress] = set()
        self._quiet: IDelayedCall | None = None

    @property
    def moved(self) -> str:
        """
        What the user is to be told of the host, if the account was moved to it.
        """
        moves = self.upstream is not None and self.upstream.lease.movedFrom is not None
        return self._site.moved if moves else ""

    def begin(self, client: bytes) -> None:
        """
        The client is on its way to its login: connect to the host that it will
        probably go to.

        @param client: the client's identification string.
        """
        if self._expecting is None:
            self._request = evolve(self._request, client=client)
            expected = Deferred.fromCoroutine(self._site.selector.expected(self._request))
            self._expecting = expected.addCallback(self._cbExpected).addErrback(self._ebExpected)

    def _cbExpected(self, expected: Expected | None) -> None:
        if expected is None:
            return
        if self._search is not None:
            expected.over()
            return
        self._expected = expected
        self._begun = self._ready.begin(expected.host, self._request.client)

    def _ebExpected(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        self._log.failure("nothing can be expected of a login", failure)

    def reach(self, account: bytes, name: bytes | None) -> Deferred[UserAuthClient]:
        """
        Connect to the next host.

        @param name: what the user calls the host to go to; L{None} for any.
        @return: its login service; fails with L{LoginImpossible}.
        """
        if self._search is None:
            try:
                self._search = self._searchFor(account, name)
            except NoSuchHost as problem:
                return fail(LoginImpossible(str(problem)))
        return self._search.next().addCallbacks(self._cbReached, self._ebNoHost)

    def _searchFor(self, account: bytes, name: bytes | None) -> Search:
        wanted = None if name is None else hostNamed(name, self._site.selector.addresses)
        self._request = evolve(self._request, account=account, wanted=wanted)
        return Search(
            self._site, self._request, UserAuthClient, self._passedOver, self._take, self._expected
        )

    def _take(self, host: HostAddress) -> Attempt | None:
        """
        A connection to C{host} that is there already.
        """
        attempt = self._there(host)
        if attempt is not None and self._site.clock.seconds() - attempt.since > FRESH:
            self._waited.add(host)
        return attempt

    def _there(self, host: HostAddress) -> Attempt | None:
        begun, self._begun = self._begun, None
        client = self._request.client
        if begun is not None and begun.host == host and not begun.over:
            self._ready.used(begun)
            return begun
        if begun is not None:
            # It goes elsewhere, or it took longer than the host waits.
            self._ready.back(begun, client)
        return self._ready.take(host, client)

    def accepted(self) -> None:
        """
        The login is done: the next may follow soon.
        """
        assert self.upstream is not None
        self._search = None
        host = self.upstream.lease.host
        self._site.selector.accepted(self._request, host)
        self._ready.prepare(host, self._request.client)

    def joined(self, moved: Callable[[], int]) -> None:
        """
        The session begins.

        @param moved: tells how many bytes it has moved, both ways.
        """
        assert self.upstream is not None
        host = self.upstream.lease.host
        self._meter = self._site.selector.traffic.begin(host, moved)

    def ended(self) -> None:
        """
        The connection is over.
        """
        if self._expected is not None:
            self._expected.over()
        self._judgeNoMore()
        if self._meter is not None:
            self._site.selector.traffic.end(self._meter)

    def _passedOver(self, host: HostAddress, reason: str) -> None:
        self._events.event("host.refused", host=str(host), reason=reason)

    def _cbReached(self, upstream: Upstream) -> UserAuthClient:
        self.upstream = upstream
        self._leases[upstream.transport] = upstream.lease
        upstream.transport.owner = self._owner
        self._events.bind(host=str(upstream.lease.host))
        service: Any = upstream.transport.service
        assert isinstance(service, UserAuthClient)
        self._judgeNoMore()
        if upstream.lease.host in self._waited:
            self._waited.remove(upstream.lease.host)
            self._quiet = self._site.clock.callLater(PATIENCE, self._tooQuiet, upstream, service)
        return service

    def _tooQuiet(self, upstream: Upstream, service: UserAuthClient) -> None:
        """
        What has waited for its login may have died meanwhile, and be as silent as if it
        had not.  As long as it has said nothing, another connection will do.
        """
        if service.answered or service.lost:
            return
        host = upstream.lease.host
        self._passedOver(host, f"{host} did not answer on a connection that had waited")
        upstream.lease.release()
        self.upstream = None
        assert self._search is not None
        self._search.again(host)
        self._ready.forget(host)
        upstream.transport.transport.abortConnection()

    def _judgeNoMore(self) -> None:
        if self._quiet is not None and self._quiet.active():
            self._quiet.cancel()

    def _ebNoHost(self, failure: Failure) -> UserAuthClient:
        failure.trap(NoHostAvailable)
        self._events.event("host.unavailable", reason=failure.getErrorMessage())
        if self._request.wanted is not None:
            raise LoginImpossible(
                f"{self._request.wanted} takes no logins at the moment; "
                "log in without naming a host, or try again later."
            )
        raise LoginImpossible("No host can be reached at the moment; please try again later.")

    def lost(self, transport: Transport) -> bool:
        """
        The connection to a host is gone: its place is free.

        @return: whether it was the one that was found last.  The login may be at the
            next host before the end of the one before is told.
        """
        self._leases.pop(transport).release()
        return self.upstream is not None and transport is self.upstream.transport

    def close(self, reason: int = 0, description: bytes = b"") -> None:
        """
        Close the upstream behind what was sent to it, if there is one.
        """
        if self._expecting is not None:
            self._expecting.cancel()
        if self._begun is not None:
            begun, self._begun = self._begun, None
            self._ready.back(begun, self._request.client)
        if self.upstream is not None:
            self.upstream.transport.finish(reason, description)
