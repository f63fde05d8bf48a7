"""
What a configuration holds: one frozen class for each table of the file, one
field for each key, under the key's own name.

The table of a cluster is in L{bastion.config.cluster}, and what it shares with that
of a gateway in L{bastion.config.legs}.

Beside a field stands its reader.  A field's default is what the bastion does
when the file does not say; durations are in seconds once they are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from attrs import field, frozen

from bastion.algorithms import Algorithms
from bastion.config.addresses import DnsServer, Network, dnsServer, endpoint, network
from bastion.config.chosen import Chosen, chosen, chosenEach
from bastion.config.cluster import ClusterTable
from bastion.config.hosts import HostTable
from bastion.config.legs import LegTable
from bastion.config.offered import DEFAULT, ClientAlgorithms, clientAlgorithms
from bastion.config.readers import (
    each,
    filePath,
    key,
    keysOf,
    mapping,
    one,
    oneOrEach,
    overrides,
)
from bastion.config.values import (
    MaxStartups,
    durationUpTo,
    maxStartups,
    oneOf,
    onlyOff,
    sentence,
    separator,
    text,
    wholeNumber,
)
from bastion.interfaces import ISessionPolicy
from bastion.state import IStateStore

__all__ = [
    "TABLES",
    "AdmissionTable",
    "BastionTable",
    "Chosen",
    "ClientAlgorithms",
    "ClusterTable",
    "Configuration",
    "DnsServer",
    "GatewayTable",
    "HostTable",
    "LegTable",
    "MaxStartups",
    "homes",
    "keys",
]

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NETWORKS = '["192.0.2.0/24"]'


@frozen(kw_only=True)
class BastionTable:
    """
    C{[bastion]}: what belongs to the whole process.

    @ivar state_dir: where host keys and other state are kept.
    @ivar store: what remembers who is on which host, and what operators have decided.
    """

    state_dir: Path = field(metadata=key(filePath, absent="state"))
    store: Chosen = field(metadata=key(chosen(IStateStore, "store"), absent="memory"))


@frozen(kw_only=True)
class AdmissionTable:
    """
    C{[admission]}: who may come in, and how long a login may take.

    @ivar dns: whether a client's address must have a name in the DNS, and that
        name the address.
    @ivar dns_servers: whom to ask; empty for the system's.
    @ivar dns_exempt: the networks for which C{dns} does not count.
    @ivar allow_from: the networks that may connect; empty for every one.
    @ivar deny_from: the networks that may not, with the words for the user, in
        the order of the file.
    @ivar max_startups: the limit of connections that wait for their login.
    @ivar per_source_startups: the same for one source address.
    @ivar penalties: whether a source that misbehaves has to wait.
    @ivar login_grace_time: how long a login may take, in seconds.
    @ivar max_auth_tries: how many attempts a connection has.
    """

    dns: str = field(
        default="off", metadata=key(one(onlyOff("check the DNS", "require", "report")))
    )
    dns_servers: tuple[DnsServer, ...] = field(
        default=(), metadata=key(each(dnsServer, '["192.0.2.53"]'))
    )
    dns_exempt: tuple[Network, ...] = field(
        default=_LOOPBACK, metadata=key(each(network, _NETWORKS))
    )
    allow_from: tuple[Network, ...] = field(default=(), metadata=key(each(network, _NETWORKS)))
    deny_from: Mapping[Network, str] = field(
        factory=dict,
        metadata=key(mapping(network, sentence, '{ "192.0.2.0/24" = "words for the user" }')),
    )
    max_startups: MaxStartups = field(
        default=MaxStartups(100, 30, 300), metadata=key(one(maxStartups))
    )
    per_source_startups: int = field(default=50, metadata=key(one(wholeNumber(1, 1_000_000))))
    penalties: str = field(default="off", metadata=key(one(onlyOff("give penalties", "on"))))
    login_grace_time: float = field(default=60.0, metadata=key(one(durationUpTo("10m"))))
    max_auth_tries: int = field(default=6, metadata=key(one(wholeNumber(1, 100))))


def _clusterName(value: object) -> str:
    return text(value, 'the name of a cluster, such as "nice"')


@frozen(kw_only=True)
class GatewayTable(LegTable):
    """
    C{[gateway.NAME]}: a listening port with its policy.

    @ivar listen: the server endpoints, as C{serverFromString} takes them.
    @ivar cluster: the name of the cluster that it leads to, or L{None}.
    @ivar host_separator: the character between an account and the host that a user
        names; empty when users may name none.
    @ivar notice: the words that are all it has to say, or L{None}.
    @ivar policies: the session policies, each of which may refuse.
    @ivar algorithms: what is offered to clients.
    @ivar last_resort: when the last resort is: C{auto}, C{always} or C{never}.
    @ivar admission: C{[admission]}, overridden key by key by
        C{[gateway.NAME.admission]}.
    """

    name: str
    listen: tuple[str, ...] = field(
        metadata=key(oneOrEach(endpoint, '["tcp:5022"]'), example='"tcp:5022"')
    )
    cluster: str | None = field(default=None, metadata=key(one(_clusterName)))
    host_separator: str = field(default="", metadata=key(one(separator)))
    notice: str | None = field(default=None, metadata=key(one(sentence)))
    policies: tuple[Chosen, ...] = field(
        default=(), metadata=key(chosenEach(ISessionPolicy, "session policy"))
    )
    algorithms: ClientAlgorithms = field(default=DEFAULT, metadata=key(clientAlgorithms))
    last_resort: str = field(default="auto", metadata=key(one(oneOf("auto", "always", "never"))))
    admission: AdmissionTable = field(
        factory=AdmissionTable, metadata=key(overrides(AdmissionTable))
    )

    def algorithmsFor(self, knowsBetter: bool) -> Algorithms:
        """
        What to offer to one client.

        @param knowsBetter: whether its program is known to do without the last
            resort.
        """
        without = self.last_resort == "never" or (self.last_resort == "auto" and knowsBetter)
        return self.algorithms.usual if without else self.algorithms.all


@frozen(kw_only=True)
class Configuration:
    """
    A whole file, read and checked.  Gateways and clusters are in its order.
    """

    bastion: BastionTable
    gateways: dict[str, GatewayTable]
    clusters: dict[str, ClusterTable]


TABLES: Mapping[str, type] = {
    "bastion": BastionTable,
    "gateway.NAME": GatewayTable,
    "cluster.NAME": ClusterTable,
    "admission": AdmissionTable,
}


def keys() -> tuple[str, ...]:
    """
    Every key that a file may have, such as C{gateway.NAME.listen}.
    """
    return tuple(f"{path}.{name}" for path, table in TABLES.items() for name in keysOf(table))


def homes() -> dict[str, str]:
    """
    For each key, in which tables it belongs, for whoever put it elsewhere.
    """
    places: dict[str, str] = {}
    for path, table in TABLES.items():
        for name in keysOf(table):
            places[name] = f"{places[name]} or [{path}]" if name in places else f"[{path}]"
    inGateway = " or [gateway.NAME.admission]"
    return places | {name: places[name] + inGateway for name in keysOf(AdmissionTable)}
