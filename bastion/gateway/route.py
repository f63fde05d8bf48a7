"""
The way of one connection to its host.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from bastion.audit.events import ConnectionLog
from bastion.auth.client import UserAuthClient
from bastion.auth.outcome import LoginImpossible
from bastion.interfaces import HostAddress, HostRequest, NoHostAvailable
from bastion.ssh.owner import Owner
from bastion.upstream.attempt import Attempt
from bastion.upstream.ready import ReadyConnections
from bastion.upstream.search import Search, Upstream


class Route:
    """
    Searches a host, and keeps what was found.

    @ivar upstream: the connection to the host that was found last.
    """

    def __init__(self, ready: ReadyConnections, owner: Owner, log: ConnectionLog) -> None:
        """
        @param ready: what is ready before it is needed, of the cluster.
        @param owner: of the upstream's transport once it is ready.
        @param log: told of hosts that were tried in vain.
        """
        self.upstream: Upstream | None = None
        self._ready = ready
        self._site = ready.site
        self._begun: Attempt | None = None
        self._owner = owner
        self._log = log
        self._search: Search | None = None

    def begin(self, client: bytes) -> None:
        """
        The client is on its way to its login: if there is but one host that it can
        go to, connect to that now.

        @param client: the client's identification string.
        """
        hosts = self._site.selector.hosts
        if len(hosts) == 1 and self._begun is None:
            host = hosts[0]
            self._begun = self._ready.take(host, client) or Attempt(
                self._site, host, UserAuthClient(host), client
            )

    def _take(self, host: HostAddress) -> Attempt | None:
        begun, self._begun = self._begun, None
        if begun is not None and begun.over:
            # The client took longer than the host waits.
            begun.drop()
            begun = None
        return begun or self._ready.take(host, self._client)

    def accepted(self) -> None:
        """
        The login is done: the next may follow soon.
        """
        assert self.upstream is not None
        self._search = None
        self._ready.prepare(self.upstream.lease.host, self._client)

    def reach(self, request: HostRequest) -> Deferred[UserAuthClient]:
        """
        Connect to the next host.

        @return: its login service; fails with L{LoginImpossible}.
        """
        if self._search is None:
            self._client = request.client
            self._search = Search(self._site, request, UserAuthClient, self._passedOver, self._take)
        return self._search.next().addCallbacks(self._cbReached, self._ebNoHost)

    def _passedOver(self, host: HostAddress, reason: str) -> None:
        self._log.event("host.refused", host=str(host), reason=reason)

    def _cbReached(self, upstream: Upstream) -> UserAuthClient:
        self.upstream = upstream
        upstream.transport.owner = self._owner
        self._log.bind(host=str(upstream.lease.host))
        service = upstream.transport.service
        assert isinstance(service, UserAuthClient)
        return service

    def _ebNoHost(self, failure: Failure) -> UserAuthClient:
        failure.trap(NoHostAvailable)
        raise LoginImpossible("No host can be reached at the moment; please try again later.")

    def close(self, reason: int = 0, description: bytes = b"") -> None:
        """
        Close the upstream behind what was sent to it, if there is one.
        """
        if self._begun is not None:
            self._begun.drop()
        if self.upstream is not None:
            self.upstream.transport.finish(reason, description)
