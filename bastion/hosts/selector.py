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
            ranked = [each.address for each in self.strategy.rank(candidates, request)]
        except Exception:
            self._log.failure("the strategy failed; hosts are taken in their order")
            ranked = list(self.hosts)
        sticky = self.leases.stickyHost(request.account)
        first = [sticky] if sticky is not None else []
        return [host for host in dict.fromkeys([*first, *ranked]) if host in self.hosts]

    def lease(self, host: HostAddress, request: HostRequest) -> Lease:
        """
        Take a place on one of the L{choices}.
        """
        return self.leases.acquire(host, request.account)
