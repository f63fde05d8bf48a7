"""
The host-selection service of one cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define
from twisted.logger import Logger

from bastion.hosts.memory import Lease, Leases
from bastion.interfaces import Candidate, HostAddress, HostRequest


@define
class Selector:
    """
    Chooses hosts of one cluster.

    @ivar hosts: all of them, in the order of the configuration.
    @ivar strategy: an L{bastion.interfaces.IStrategy}.
    @ivar leases: who is where.
    """

    hosts: Sequence[HostAddress]
    strategy: Any
    leases: Leases

    _log = Logger()

    def choices(self, request: HostRequest) -> list[HostAddress]:
        """
        The hosts for one login, best first.

        A strategy that fails does not cost the login: the order of the
        configuration is used, and the failure is logged.
        """
        candidates = [Candidate(host, self.leases.sessions[host]) for host in self.hosts]
        try:
            ranked = list(self.strategy.rank(candidates, request))
        except Exception:
            self._log.failure("the strategy failed; hosts are taken in their order")
            ranked = candidates
        chosen = [candidate.address for candidate in ranked if candidate.address in self.hosts]
        sticky = self.leases.stickyHost(request.account)
        if sticky in self.hosts:
            chosen = [sticky, *(host for host in chosen if host != sticky)]
        return chosen

    def lease(self, host: HostAddress, request: HostRequest) -> Lease:
        """
        Take a place on one of the L{choices}.
        """
        return self.leases.acquire(host, request.account)
