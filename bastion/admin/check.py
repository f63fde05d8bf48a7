"""
C{bastionctl check-config}: whether a bastion could start with a file, for anybody.

Nothing is made, written or connected to.  What only the bastion's own user may see, its
host keys, is not looked at; and an endpoint of a type that does more than to name a port
is taken for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve

from bastion.config.file import read
from bastion.config.installed import installed
from bastion.config.problems import ConfigurationError, Problem, dotted
from bastion.config.schema import ClusterTable, Configuration, GatewayTable
from bastion.gateway.accounts import AccountsFile
from bastion.gateway.service import endpointsOf
from bastion.ssh.knownhosts import KnownHosts, KnownHostsError

#: The types of endpoints that are only parsed before they listen.
_PLAIN = ("tcp", "tcp6", "unix")


class Unreadable(Exception):
    """
    There is nothing to check.  The text says why.
    """


def problemsOf(path: Path) -> list[Problem]:
    """
    Everything that is wrong with a configuration and with the files that it names.

    @raise Unreadable: when it cannot be read.
    """
    try:
        configuration = read(path, installed)
    except ConfigurationError as error:
        if any(each.path == str(path.absolute()) for each in error.problems):
            raise Unreadable(str(error)) from None
        return list(error.problems)
    return [
        *_accountProblems(configuration),
        *_endpointProblems(configuration),
        *_hostProblems(configuration.clusters),
    ]


def _accountProblems(configuration: Configuration) -> list[Problem]:
    path = configuration.bastion.accounts_file
    if path is None:
        return []
    try:
        AccountsFile(path, tuple(configuration.gateways)).refresh()
    except ConfigurationError as error:
        return list(error.problems)
    return []


def _endpointProblems(configuration: Configuration) -> list[Problem]:
    gateways = {name: _onlyPlain(table) for name, table in configuration.gateways.items()}
    try:
        endpointsOf(evolve(configuration, gateways=gateways), None)
    except ConfigurationError as error:
        return list(error.problems)
    return []


def _onlyPlain(table: GatewayTable) -> GatewayTable:
    listen = tuple(each for each in table.listen if each.partition(":")[0] in _PLAIN)
    return evolve(table, listen=listen)


def _hostProblems(clusters: Mapping[str, ClusterTable]) -> Iterator[Problem]:
    for name, table in clusters.items():
        path = dotted(("cluster", name, "known_hosts"))
        try:
            known = KnownHosts.load(table.known_hosts)
        except KnownHostsError as error:
            yield Problem(path, str(error))
            continue
        for problem in known.problems:
            yield Problem(path, f"{table.known_hosts}, {problem}")
        for host in table.addresses:
            if not known.formats(host):
                passed = "it is passed over, unless a key was accepted with bastionctl"
                yield Problem(path, f"{table.known_hosts} has no key of {host}; {passed}")
