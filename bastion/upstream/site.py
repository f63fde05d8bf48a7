"""
What is needed to connect to the hosts of one cluster.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from bastion.hosts.selector import Selector
from bastion.interfaces import HostAddress
from bastion.ssh.client import HostKeys
from bastion.ssh.terms import WITH_HOSTS, Terms


@frozen
class Site:
    """
    What is needed to connect to the hosts of one cluster.

    @ivar selector: chooses among them.
    @ivar endpoint: the client endpoint of a host.
    @ivar hostKeys: what is known of a host's keys.
    @ivar clock: where the time limits come from.
    @ivar terms: how the leg toward the hosts is spoken.
    @ivar ready: how many connections are kept ready for each host.
    """

    selector: Selector
    endpoint: Callable[[HostAddress], IStreamClientEndpoint]
    hostKeys: Callable[[HostAddress], HostKeys]
    clock: IReactorTime
    terms: Terms = WITH_HOSTS
    ready: int = 0
