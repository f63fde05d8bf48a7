"""
From the text of a file to a L{Configuration}, or to a list of all its problems.

Three steps: TOML to plain values (L{plainValues}); values to fields, table by
table (L{readTables}); what no table can know alone (L{crossCheck}).  A step goes on
after a problem, and the later steps work with what could be read; only a
file without problems becomes a L{Configuration}.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from bastion.config.accounts import accountTables, checkAccounts, readAccounts
from bastion.config.addresses import tcpPort
from bastion.config.cluster import CHECK_INTERVAL
from bastion.config.named import checkGateways, nameOf, readNamed
from bastion.config.policies import policyTables
from bastion.config.problems import ConfigurationError, Problem, dotted, quoted, thereAre
from bastion.config.readers import Draft, Installed, Place, noteUnknown, readTable
from bastion.config.schema import (
    AdmissionTable,
    BastionTable,
    ClusterTable,
    Configuration,
    GatewayTable,
    PolicyTable,
    homes,
)

_TOP = ("bastion", "gateway", "cluster", "admission", "account", "policy")
_POSITION = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)$")
_REMEDIES = {
    "Invalid value": 'a text needs quotes, as in "60s"',
    "Cannot overwrite a value": "this key is there twice; keep one",
    "at the end of a table declaration": 'a name with "*" needs quotes, as in [account."in*"]',
    "recursion": "there are too many brackets inside each other; take some out",
    "twice": "this table is there twice; put its keys under one header",
}


def load(text: str, directory: Path, installed: Installed) -> Configuration:
    """
    Read a configuration.

    @param directory: what the relative paths in it count from.
    @param installed: tells the extensions of a role, by name.
    @raise ConfigurationError: with every problem, in the order of the file.
    """
    plain = plainValues(text)
    place = Place(directory, cache(installed), homes())
    drafts = readTables(plain, place)
    crossCheck(drafts, place)
    if place.noted:
        raise ConfigurationError(inFileOrder(place, plain))
    return _build(drafts)


# Step one


def plainValues(text: str) -> dict[str, Any]:
    """
    Parse TOML.

    @raise ConfigurationError: with the line and the column.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error)
        position = _POSITION.search(said)
        lines = text.split("\n")
        line, column = position.groups() if position else (len(lines), len(lines[-1]) + 1)
        said = said.partition(" (at ")[0]
        remedies = [remedy for words, remedy in _REMEDIES.items() if words in said]
        problem = f"not TOML: {'; '.join([said, *remedies])}"
        raise ConfigurationError([Problem(f"line {line}, column {column}", problem)]) from None


# Step two


@frozen
class Drafts:
    """
    All tables of a file as far as they could be read.

    @ivar written: the tables of the top level, as in L{Draft}.
    """

    bastion: Draft
    admission: Draft
    gateways: dict[str, Draft]
    clusters: dict[str, Draft]
    accounts: dict[str, Draft]
    policies: dict[str, Draft]
    written: frozenset[str]


def readTables(plain: Mapping[str, Any], place: Place) -> Drafts:
    """
    Read every table, noting what is wrong at its place.
    """
    written = {name if name in _TOP else noteUnknown(name, plain, _TOP, place) for name in plain}
    if "gateway" not in written or plain.get("gateway") == {}:
        place.below("gateway").note(
            'there is no gateway; write at least one: [gateway.NAME] with listen = "tcp:5022" '
            'and cluster = "NAME"'
        )
    return Drafts(
        readTable(BastionTable, plain.get("bastion", {}), place.below("bastion")),
        readTable(AdmissionTable, plain.get("admission", {}), place.below("admission")),
        _named(GatewayTable, plain, place.below("gateway")),
        _named(ClusterTable, plain, place.below("cluster")),
        readAccounts(plain.get("account", {}), place.below("account")),
        _named(PolicyTable, plain, place.below("policy")),
        frozenset(written),
    )


def _named(table: type, plain: Mapping[str, Any], place: Place) -> dict[str, Draft]:
    kind = place.path[-1]
    return readNamed(table, plain.get(kind, {}), place, nameOf(kind))


# Step three


def crossCheck(drafts: Drafts, place: Place) -> None:
    """
    Note what is wrong between tables, and between the keys of one.
    """
    for name, gateway in drafts.gateways.items():
        here = place.below("gateway", name)
        if gateway.isTable:
            _checkDestination(gateway, here)
            _checkSeparator(gateway, here)
        cluster = gateway.values.get("cluster")
        if cluster is not None and cluster not in drafts.clusters:
            _noteNoCluster(cluster, drafts, here.below("cluster"))
    for name, draft in drafts.clusters.items():
        _checkTimes(draft, place.below("cluster", name))
        _checkReady(draft, place.below("cluster", name))
    checkAccounts(drafts.accounts, drafts.gateways, place.below("account"))
    checkGateways(drafts.policies, drafts.gateways, place.below("policy"))
    _checkListens(drafts.gateways, place)


def _noteNoCluster(cluster: str, drafts: Drafts, place: Place) -> None:
    if drafts.clusters:
        place.note(f"no cluster named {quoted(cluster)}; {thereAre(tuple(drafts.clusters))}")
    elif "cluster" not in drafts.written:
        place.note(
            f"no cluster named {quoted(cluster)}; write a table [{dotted(['cluster', cluster])}]"
        )


def _checkDestination(gateway: Draft, place: Place) -> None:
    both = {"cluster", "notice"} & gateway.written
    if not both:
        place.note(
            'neither "cluster" nor "notice"; write cluster = "NAME" to lead to a cluster, '
            'or notice = "words" to tell the user something and close'
        )
    elif len(both) == 2:
        place.note(
            'both "cluster" and "notice"; a gateway leads to a cluster, or gives a notice '
            "and closes: leave one out"
        )


def _checkSeparator(gateway: Draft, place: Place) -> None:
    # Without a destination it may be right once there is one.
    isNotice = "notice" in gateway.written and "cluster" not in gateway.written
    if isNotice and gateway.values.get("host_separator"):
        place.below("host_separator").note(
            "there is no cluster, whose hosts a user could name; leave it out"
        )


def _checkTimes(cluster: Draft, place: Place) -> None:
    """
    Note the keys of a cluster that say nothing beside another one.
    """
    values = cluster.values
    if "sticky_by" in values and values.get("sticky") == 0:
        place.below("sticky_by").note(
            'sticky is "0s", and no account comes back to its host; leave one of them out'
        )
    interval = values.get("check_interval")
    if "check_interval" not in cluster.written:
        interval = CHECK_INTERVAL
    jitter = values.get("check_jitter", 0)
    # "0s" between the checks is none at all.
    if interval and jitter > interval:
        place.below("check_jitter").note(
            f"{jitter:g} s are more than the {interval:g} s of check_interval; "
            "write at most as much"
        )


def _checkReady(cluster: Draft, place: Place) -> None:
    values = cluster.values
    if values.get("ready") and values.get("proxy_protocol", "off") != "off":
        place.below("ready").note(
            "with proxy_protocol each connection to a host is for one client, and none can be "
            "kept ready for another; leave one of them out"
        )


def _checkListens(gateways: Mapping[str, Draft], place: Place) -> None:
    owners: dict[str, str] = {}
    for name, gateway in gateways.items():
        for listen in gateway.values.get("listen", ()):
            owner = owners.setdefault(listen, name)
            # Port 0 is another free port each time.
            if owner != name and tcpPort(listen) != "0":
                place.below("gateway", name, "listen").note(
                    f"{quoted(listen)} belongs to the gateway {quoted(owner)} already; "
                    "write another endpoint"
                )


def inFileOrder(place: Place, plain: Mapping[str, Any]) -> list[Problem]:
    """
    What was noted, in the order in which a file has it.
    """
    ranks = {path: rank for rank, path in enumerate(_paths(plain, ()))}

    def rank(noted: tuple[tuple[str, ...], str]) -> int:
        path = noted[0]
        ends = range(len(path), 0, -1)
        return next((ranks[path[:end]] for end in ends if path[:end] in ranks), len(ranks))

    return [Problem(dotted(path), problem) for path, problem in sorted(place.noted, key=rank)]


def _paths(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, value in table.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from _paths(value, (*path, name))


def _build(drafts: Drafts) -> Configuration:
    admission = drafts.admission.values
    return Configuration(
        bastion=BastionTable(**drafts.bastion.values),
        gateways={
            name: GatewayTable(
                **gateway.values
                | {
                    "name": name,
                    "admission": AdmissionTable(
                        **(admission | gateway.values.get("admission", {}))
                    ),
                }
            )
            for name, gateway in drafts.gateways.items()
        },
        clusters={
            name: ClusterTable(name=name, **cluster.values)
            for name, cluster in drafts.clusters.items()
        },
        accounts=accountTables(drafts.accounts),
        policies=policyTables(drafts.policies),
    )
