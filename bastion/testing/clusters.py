"""
A cluster for tests: hosts in their order, and a store in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.task import Clock

from bastion.hosts.cluster import Cluster, HealthRules, HostSettings
from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.hosts.selector import Selector, Stickiness
from bastion.hosts.strategies import NoOptions, Ordered
from bastion.hosts.traffic import Traffic
from bastion.interfaces import HostAddress


class Witnesses:
    """
    Writes down how the hosts answer (L{bastion.upstream.site.Reports}).

    @ivar told: what was told, in order.
    """

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def isWell(self, host: HostAddress) -> bool:
        """
        Nothing is known against any.
        """
        return True

    def reached(self, host: HostAddress, seconds: float) -> None:
        """
        Write it down.
        """
        self.told.append(("reached", host, seconds))

    def failed(self, host: HostAddress, problem: Exception) -> None:
        """
        Write it down.
        """
        self.told.append(("failed", host, str(problem)))


def selectorOf(
    hosts: Sequence[HostAddress],
    clock: Clock,
    strategy: Any = None,
    stickiness: Stickiness | None = None,
    store: Any = None,
    rules: HealthRules | None = None,
) -> Selector:
    """
    A selector of the cluster C{nice}; without more said, the hosts are in their order
    and no account sticks to any.
    """
    if store is None:
        store = MemoryStore(MemoryOptions())
        store.open(clock, None)
    return Selector(
        "nice",
        Cluster([HostSettings(host) for host in hosts], rules or HealthRules(), clock.seconds()),
        strategy or Ordered(NoOptions()),
        store,
        stickiness or Stickiness(0),
        Traffic(clock),
        clock,
    )
