"""
What is needed to connect to the hosts of one cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from bastion.hosts.selector import Selector
from bastion.interfaces import HostAddress
from bastion.ssh.client import HostKeys
from bastion.ssh.terms import WITH_HOSTS, Terms
from bastion.upstream.announced import AnnouncedEndpoint
from bastion.upstream.proxysent import End, header


class Reports(Protocol):
    """
    Who wants to know how the hosts answer.
    """

    def isWell(self, host: HostAddress) -> bool:
        """
        Whether nothing is known against a host.
        """

    def reached(self, host: HostAddress, seconds: float) -> None:
        """
        A host was ready for a login after so long.
        """

    def failed(self, host: HostAddress, problem: Exception) -> None:
        """
        A host was not.
        """


@frozen
class Site:
    """
    What is needed to connect to the hosts of one cluster.

    @ivar selector: chooses among them.
    @ivar endpoint: the client endpoint of a host.
    @ivar hostKeys: what is known of a host's keys.
    @ivar reports: is told how they answer.
    @ivar clock: where the time limits come from.
    @ivar terms: how the leg toward the hosts is spoken.
    @ivar ready: how many connections are kept ready for each host.
    @ivar moved: what a user is told whose account is moved away from a host that an
        operator has closed; empty for nothing.
    @ivar proxyProtocol: how hosts are told of the client, C{v1} or C{v2}; C{off} for not at
        all.
    """

    selector: Selector
    endpoint: Callable[[HostAddress], IStreamClientEndpoint]
    hostKeys: Callable[[HostAddress], HostKeys]
    reports: Reports
    clock: IReactorTime
    terms: Terms = WITH_HOSTS
    ready: int = 0
    moved: str = ""
    proxyProtocol: str = "off"

    @property
    def announces(self) -> bool:
        """
        Whether a connection to a host is for one client from its first byte on.
        """
        return self.proxyProtocol != "off"

    def way(self, host: HostAddress, client: End | None) -> IStreamClientEndpoint:
        """
        The way to a host.

        @param client: whom it is for; L{None} for the bastion itself.
        """
        endpoint = self.endpoint(host)
        if not self.announces:
            return endpoint
        version = self.proxyProtocol
        return AnnouncedEndpoint(
            endpoint, lambda ours: header(version, client, End(ours.host, ours.port))
        )
