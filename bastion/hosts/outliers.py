"""
Hosts that answer, but take far longer than the others (pure).

They are held back like those that do not answer, as long as enough others are left: a
cluster that is slow as a whole, or for two reasons at once, has to serve all the same.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection

from bastion.hosts.host import Host
from bastion.hosts.states import State

#: Below this nobody is slow, in seconds; the user types a password afterwards.
AT_LEAST = 1.0
#: One host in so many may be held back.
ONE_IN = 3


def slowness(host: Host, hosts: Collection[Host], factor: float) -> str | None:
    """
    Why C{host} is to be held back, in words; L{None} if it is not.

    @param hosts: all of the cluster.
    @param factor: so many times as long as the median of the others that are up is too
        long; 0 for never.
    """
    if not factor or host.latency is None or host.latency <= AT_LEAST:
        return None
    others = [
        each.latency
        for each in hosts
        if each is not host and each.state is State.UP and each.latency is not None
    ]
    if not others:
        return None
    usual = statistics.median(others)
    if host.latency <= factor * usual:
        return None
    if not host.slow and sum(each.slow for each in hosts) >= len(hosts) // ONE_IN:
        return None
    return f"its handshake takes {host.latency:.2g} s, that of the others {usual:.2g} s"
