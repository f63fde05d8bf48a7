"""
What a configuration holds: one frozen class for each table of the file, one
field for each key, under the key's own name.

Beside a field stands its reader.  A field's default is what the bastion does
when the file does not say; durations are in seconds once they are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from attrs import field, frozen

from bastion.algorithms import TO_HOSTS, Algorithms
from bastion.config.addresses import DnsServer, Network, dnsServer, endpoint, hostAddress, network
from bastion.config.chosen import Chosen, chosen, chosenEach
from bastion.config.offered import DEFAULT, ClientAlgorithms, clientAlgorithms, hostAlgorithms
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
    duration,
    durationBetween,
    durationUpTo,
    maxStartups,
    oneOf,
    onlyOff,
    sentence,
    sizeBetween,
    text,
    wholeNumber,
)
from bastion.interfaces import HostAddress, ISessionPolicy, IStrategy

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
    """

    state_dir: Path = field(metadata=key(filePath, absent="state"))


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
class LegTable:
    """
    What gateways and clusters have in common: each is at one end of a leg, an SSH
    connection of its own.

    @ivar rekey_bytes: after how many bytes, sent or received, new keys are due.
    @ivar rekey_packets: after how many packets.
    @ivar rekey_time: after how long, in seconds.
    @ivar keepalive: after how long without a word the other side is asked for a
        sign of life, in seconds; 0 for never.
    @ivar keepalive_tries: after how many such silences it is given up.
    """

    rekey_bytes: int = field(default=1 << 30, metadata=key(one(sizeBetween("64KiB", "64GiB"))))
    rekey_packets: int = field(default=1 << 28, metadata=key(one(wholeNumber(1000, 1 << 31))))
    rekey_time: float = field(default=3600.0, metadata=key(one(durationBetween("10s", "24h"))))
    keepalive: float = field(default=15.0, metadata=key(one(durationBetween("1s", "1h", off=True))))
    keepalive_tries: int = field(default=3, metadata=key(one(wholeNumber(1, 100))))


@frozen(kw_only=True)
class GatewayTable(LegTable):
    """
    C{[gateway.NAME]}: a listening port with its policy.

    @ivar listen: the server endpoints, as C{serverFromString} takes them.
    @ivar cluster: the name of the cluster that it leads to, or L{None}.
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
class ClusterTable(LegTable):
    """
    C{[cluster.NAME]}: a named set of hosts.

    @ivar hosts: the targets, in the order of the file.
    @ivar select: the strategy that chooses among them.
    @ivar sticky: how long an account comes back to its host, in seconds after
        its last session; 0 for not at all.
    @ivar known_hosts: the file of the hosts' keys, in OpenSSH's format.
    @ivar algorithms: what is offered to the hosts.
    @ivar ready: how many connections are kept ready for each host while logins
        follow each other.
    """

    name: str
    hosts: tuple[HostAddress, ...] = field(
        metadata=key(
            each(hostAddress, '["login.example.org"]', least=1),
            example='["login.example.org"]',
        )
    )
    select: Chosen = field(metadata=key(chosen(IStrategy, "strategy"), absent="round-robin"))
    sticky: float = field(default=0.0, metadata=key(one(duration)))
    known_hosts: Path = field(metadata=key(filePath, absent="known_hosts"))
    algorithms: Algorithms = field(default=TO_HOSTS, metadata=key(hostAlgorithms))
    ready: int = field(default=0, metadata=key(one(wholeNumber(0, 8))))


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
