"""
From a configuration to gateways that are ready to listen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.conch.ssh.keys import Key
from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogPublisher

from bastion.algorithms import keyFormat
from bastion.auth.checkers import hostPortal
from bastion.config.offered import COMPATIBLE
from bastion.config.policies import PolicyTable
from bastion.config.problems import ConfigurationError, Problem, dotted, quoted
from bastion.config.schema import Configuration, GatewayTable
from bastion.gateway.accounts import Accounts
from bastion.gateway.clusters import clusterService
from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.doors import DoorsOf
from bastion.gateway.entrance import Doors
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.gateway import Gateway
from bastion.gateway.session import SessionRules
from bastion.gateway.terms import clientTerms
from bastion.ssh.acceptedkeys import AcceptedKeys
from bastion.ssh.hostkeys import HostKeyError, keygenCommand, loadHostKeys
from bastion.ssh.knownhosts import KnownHostsError
from bastion.state import IStateStore


@frozen
class Assembly:
    """
    Everything that a configuration describes, built; nothing is at work yet.

    @ivar gateways: by name, in the order of the configuration.
    @ivar clusters: likewise.
    @ivar store: what the clusters share with whoever else is in front of the hosts.
    @ivar doors: what stands in front of the gateways.
    """

    gateways: Mapping[str, GatewayFactory]
    clusters: Mapping[str, ClusterService]
    store: IStateStore
    doors: DoorsOf


def assemble(configuration: Configuration, reactor: Any, publisher: LogPublisher) -> Assembly:
    """
    Build everything.

    @raise ConfigurationError: with all problems of the files that the
        configuration names.
    """
    problems: list[Problem] = []
    clusters = {}
    store = configuration.bastion.store.build()
    accepted = AcceptedKeys(configuration.bastion.state_dir / "accepted_hosts")
    for table in configuration.clusters.values():
        try:
            clusters[table.name] = clusterService(table, store, accepted, publisher, reactor)
        except KnownHostsError as error:
            problems.append(Problem(f"cluster.{table.name}.known_hosts", str(error)))
    accounts = Accounts(configuration, reactor)
    try:
        accounts.open()
    except ConfigurationError as error:
        problems += error.problems
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
    doors = DoorsOf(reactor, accounts.current)
    gateways = {
        table.name: _gateway(
            table,
            clusters,
            hostKeys,
            doors.of(table.admission),
            publisher,
            configuration.policies,
            reactor,
        )
        for table in configuration.gateways.values()
    }
    return Assembly(gateways, clusters, store, doors)


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


def _gateway(
    table: GatewayTable,
    clusters: Mapping[str, ClusterService],
    hostKeys: Mapping[bytes, Key],
    doors: Doors,
    publisher: LogPublisher,
    policies: Sequence[PolicyTable],
    clock: IReactorTime,
) -> GatewayFactory:
    rules = SessionRules(table, policies, [chosen.build() for chosen in table.policies], clock)
    site = clusters[table.cluster].site if table.cluster is not None else None
    terms = clientTerms(table)
    gateway = Gateway(table, site, hostPortal(), rules, hostKeys, terms, publisher, clock)
    return GatewayFactory(gateway, doors)
