"""
From a cluster's table to a cluster that is ready to work.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger, LogPublisher

from bastion.auth.client import UserAuthClient
from bastion.config.schema import ClusterTable
from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.terms import hostTerms
from bastion.hosts.cluster import Cluster, HealthRules, HostSettings
from bastion.hosts.health import Health, Schedule
from bastion.hosts.selector import Selector, Stickiness
from bastion.hosts.traffic import Traffic
from bastion.interfaces import HostAddress
from bastion.ssh.acceptedkeys import AcceptedKeys, KnownKeys
from bastion.ssh.knownhosts import KnownHostsFile
from bastion.state import IStateStore
from bastion.upstream.attempt import HOST_TIME
from bastion.upstream.checked import CheckedHost
from bastion.upstream.site import Site

_log = Logger()

#: Between the tries of a host's addresses, in seconds; also what a refusal of the last
#: one costs.
ATTEMPT_DELAY = 0.05


def clusterService(
    table: ClusterTable,
    store: IStateStore,
    accepted: AcceptedKeys,
    publisher: LogPublisher,
    reactor: Any,
) -> ClusterService:
    """
    Build a cluster.

    @param accepted: the host keys that operators have accepted.
    @raise KnownHostsError: when the known_hosts file cannot be read.
    """
    known = KnownHostsFile(table.known_hosts)

    def keys(host: HostAddress) -> KnownKeys:
        return KnownKeys(known, accepted, host)

    _warnOfUnknown(table, keys)
    cluster = Cluster(_settings(table), _rules(table), reactor.seconds())
    stickiness = Stickiness(table.sticky, table.sticky_by == "account+source")
    traffic = Traffic(reactor)
    strategy = table.select.build()
    selector = Selector(table.name, cluster, strategy, store, stickiness, traffic, reactor)
    service = ClusterService(table, cluster, selector, store, keys, publisher, reactor)
    site = Site(
        selector,
        lambda host: endpoint(host, reactor),
        keys,
        service,
        reactor,
        hostTerms(table),
        table.ready,
        table.moved or "",
        table.proxy_protocol,
    )
    health = Health(
        cluster,
        table.check.build(),
        lambda address: CheckedHost(site, address, UserAuthClient),
        reactor,
        Schedule(table.check_interval, table.check_jitter, HOST_TIME),
        random.random,
        service.told,
    )
    service.attend(site, health)
    return service


def _settings(table: ClusterTable) -> list[HostSettings]:
    return [
        HostSettings(
            host.address,
            float(host.weight),
            table.max_sessions if host.max_sessions is None else host.max_sessions,
        )
        for host in table.hosts
    ]


def _rules(table: ClusterTable) -> HealthRules:
    return HealthRules(
        rise=table.check_rise,
        fall=table.check_fall,
        slowStart=table.slow_start,
        outlier=float(table.outlier),
    )


def _warnOfUnknown(table: ClusterTable, keys: Any) -> None:
    for host in table.addresses:
        if not keys(host).formats():
            _log.warn(
                "cluster {name}: {file} has no key of {host}; it will be passed over",
                name=table.name,
                file=str(table.known_hosts),
                host=str(host),
            )


def endpoint(host: HostAddress, reactor: Any) -> IStreamClientEndpoint:
    """
    The way to a host.  A name is resolved at each connection, and its addresses are
    tried one beside the other (RFC 8305).
    """
    if isIPAddress(host.name):
        return TCP4ClientEndpoint(reactor, host.name, host.port, timeout=HOST_TIME)
    if isIPv6Address(host.name):
        return TCP6ClientEndpoint(reactor, host.name, host.port, timeout=HOST_TIME)
    return HostnameEndpoint(
        reactor, host.name, host.port, timeout=HOST_TIME, attemptDelay=ATTEMPT_DELAY
    )
