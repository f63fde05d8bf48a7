"""
From a configuration to gateways that are ready to listen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.conch.ssh.keys import Key
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger, LogPublisher

from bastion.admission.gate import Gate
from bastion.admission.limits import Startups
from bastion.algorithms import keyFormat
from bastion.auth.checkers import hostPortal
from bastion.config.offered import COMPATIBLE
from bastion.config.problems import ConfigurationError, Problem, dotted, quoted
from bastion.config.schema import ClusterTable, Configuration, GatewayTable
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.gateway import Gateway
from bastion.gateway.terms import clientTerms, hostTerms
from bastion.hosts.memory import Leases
from bastion.hosts.selector import Selector
from bastion.interfaces import HostAddress
from bastion.ssh.hostkeys import HostKeyError, keygenCommand, loadHostKeys
from bastion.ssh.knownhosts import KnownHostsError, KnownHostsFile
from bastion.upstream.attempt import HOST_TIME
from bastion.upstream.site import Site

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
    if hostKeys:
        # The other keys, and their directory, are there by now: the remedy can be followed.
        problems += _missingHostKeys(configuration, hostKeys)
    if problems:
        raise ConfigurationError(problems)
    return {
        table.name: _gateway(table, sites, hostKeys, reactor, publisher)
        for table in configuration.gateways.values()
    }


def _missingHostKeys(
    configuration: Configuration, hostKeys: Mapping[bytes, Key]
) -> Iterator[Problem]:
    """
    The host key algorithms that gateways name and no key can sign with.  What a word
    offers, "compatible" for one, is offered as far as there are keys.
    """
    for table in configuration.gateways.values():
        named = table.algorithms.usual.hostKeys
        missing = [name for name in named if keyFormat(name) not in hostKeys]
        # Not "==": lists that say the same as the word name each of theirs.
        if missing and table.algorithms is not COMPATIBLE:
            yield Problem(
                dotted(("gateway", table.name, "algorithms", "host_keys")),
                _remedy(missing, hostKeys, configuration.bastion.state_dir),
            )


def _remedy(missing: Sequence[bytes], hostKeys: Mapping[bytes, Key], directory: Path) -> str:
    """
    What to do about names without a key.  Those are of ECDSA, for the others are always
    there; and the bastion has one ECDSA key at most, which is of one curve.
    """
    names = " or ".join(quoted(name.decode()) for name in missing)
    problem = f"there is no host key for {names}"
    command = keygenCommand(directory, keyFormat(missing[0]))
    ours = [name for name in hostKeys if name.startswith(b"ecdsa-")]
    if ours:
        return (
            f"{problem}; the ECDSA key there is for {quoted(ours[0].decode())}: name that one, or "
            f"make another key (users will be warned that it changed): {command}"
        )
    if len(missing) > 1:
        return f"{problem}; there can be one such key: name one of them, and make it: {command}"
    return f"{problem}; name another one, or make the key: {command}"


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
        if isIPAddress(host.name):
            return TCP4ClientEndpoint(reactor, host.name, host.port, timeout=HOST_TIME)
        if isIPv6Address(host.name):
            return TCP6ClientEndpoint(reactor, host.name, host.port, timeout=HOST_TIME)
        return HostnameEndpoint(
            reactor, host.name, host.port, timeout=HOST_TIME, attemptDelay=ATTEMPT_DELAY
        )

    return Site(
        Selector(table.hosts, strategy, leases),
        endpoint,
        lambda host: HostKeysOf(known, host),
        reactor,
        hostTerms(table),
        table.ready,
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
    terms = clientTerms(table)
    gateway = Gateway(table, site, hostPortal(), policies, hostKeys, terms, publisher, reactor)
    admission, limits = table.admission, table.admission.max_startups
    startups = Startups(
        limits.start, limits.rate, limits.full, admission.per_source_startups, random.random
    )
    return GatewayFactory(gateway, Gate(admission.allow_from, admission.deny_from), startups)
