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
from bastion.upstream import Search, Site, Upstream


class Route:
    """
    Searches a host, and keeps what was found.

    @ivar upstream: the connection to the host that was found last.
    """

    def __init__(self, site: Site, owner: Owner, log: ConnectionLog) -> None:
        """
        @param owner: of the upstream's transport once it is ready.
        @param log: told of hosts that were tried in vain.
        """
        self.upstream: Upstream | None = None
        self._site = site
        self._owner = owner
        self._log = log
        self._search: Search | None = None

    def reach(self, request: HostRequest) -> Deferred[UserAuthClient]:
        """
        Connect to the next host.

        @return: its login service; fails with L{LoginImpossible}.
        """
        if self._search is None:
            self._search = Search(self._site, request, UserAuthClient, self._passedOver)
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
        if self.upstream is not None:
            self.upstream.transport.finish(reason, description)
