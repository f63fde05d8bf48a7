"""
From a configuration to gateways that are ready to listen.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from twisted.conch.ssh.keys import Key
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger, LogPublisher

from bastion.admission.gate import Gate
from bastion.admission.limits import Startups
from bastion.auth.checkers import hostPortal
from bastion.config.problems import ConfigurationError, Problem
from bastion.config.schema import ClusterTable, Configuration, GatewayTable
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.gateway import Gateway
from bastion.hosts.memory import Leases
from bastion.hosts.selector import Selector
from bastion.interfaces import HostAddress
from bastion.ssh.hostkeys import HostKeyError, loadHostKeys
from bastion.ssh.knownhosts import KnownHostsError, KnownHostsFile
from bastion.upstream import HOST_TIME, Site

_log = Logger()

#: Between the tries of a host's addresses, in seconds; also what a refusal of the last
#: one costs.
ATTEMPT_DELAY = 0.05


@frozen
class HostKeysOf:
    """
    What known_hosts has for one host (L{bastion.ssh.client.HostKeys}).
    """

    file: KnownHostsFile
    host: HostAddress

    def formats(self) -> set[bytes]:
        """
        The formats of the known keys.
        """
        return self.file.current().formats(self.host)

    def verify(self, blob: bytes) -> None:
        """
        @raise bastion.interfaces.HostUnavailable: unless the key is the known one.
        """
        self.file.current().verify(self.host, blob)


def assemble(
    configuration: Configuration, reactor: Any, publisher: LogPublisher
) -> dict[str, GatewayFactory]:
    """
    Build every gateway; none of them listens yet.

    @return: the gateways by name, in the order of the configuration.
    @raise ConfigurationError: with all problems of the files that the
        configuration names.
    """
    problems: list[Problem] = []
    sites = {}
    for cluster in configuration.clusters.values():
        try:
            sites[cluster.name] = _site(cluster, reactor)
        except KnownHostsError as error:
            problems.append(Problem(f"cluster.{cluster.name}.known_hosts", str(error)))
    hostKeys: dict[bytes, Key] = {}
    if not problems:
        try:
            hostKeys = loadHostKeys(configuration.bastion.state_dir)
        except HostKeyError as error:
            problems += [Problem("bastion.state_dir", each) for each in error.problems]
    if problems:
        raise ConfigurationError(problems)
    return {
        table.name: _gateway(table, sites, hostKeys, reactor, publisher)
        for table in configuration.gateways.values()
    }


def _site(table: ClusterTable, reactor: Any) -> Site:
    known = KnownHostsFile(table.known_hosts)
    for host in table.hosts:
        if not known.current().formats(host):
            _log.warn(
                "cluster {name}: {file} has no key of {host}; it will be passed over",
                name=table.name,
                file=str(table.known_hosts),
                host=str(host),
            )
    leases = Leases(reactor, table.sticky)
    strategy = table.select.build()

    def endpoint(host: HostAddress) -> IStreamClientEndpoint:
        return HostnameEndpoint(
            reactor, host.name, host.port, timeout=HOST_TIME, attemptDelay=ATTEMPT_DELAY
        )

    return Site(
        Selector(table.hosts, strategy, leases),
        endpoint,
        lambda host: HostKeysOf(known, host),
        reactor,
    )


def _gateway(
    table: GatewayTable,
    sites: Mapping[str, Site],
    hostKeys: Mapping[bytes, Key],
    reactor: Any,
    publisher: LogPublisher,
) -> GatewayFactory:
    policies = [chosen.build() for chosen in table.policies]
    site = sites[table.cluster] if table.cluster is not None else None
    gateway = Gateway(table, site, hostPortal(), policies, hostKeys, publisher, reactor)
    admission, limits = table.admission, table.admission.max_startups
    startups = Startups(
        limits.start, limits.rate, limits.full, admission.per_source_startups, random.random
    )
    return GatewayFactory(gateway, Gate(admission.allow_from, admission.deny_from), startups)
