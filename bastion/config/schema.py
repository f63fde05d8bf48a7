"""
What a configuration holds: one frozen class for each table of the file, one
field for each key, under the key's own name.

The table of a cluster is in L{bastion.config.cluster}, what it shares with that of a
gateway in L{bastion.config.legs}, who may come in in L{bastion.config.admission}, and
which accounts may when in L{bastion.config.accounts}, and what their sessions may do in
L{bastion.config.policies}.

Beside a field stands its reader.  A field's default is what the bastion does
when the file does not say; durations are in seconds once they are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from bastion.algorithms import Algorithms
from bastion.config.accounts import AccountTable
from bastion.config.addresses import DnsServer, Network, balancers, endpoint
from bastion.config.admission import AdmissionTable
from bastion.config.chosen import Chosen, chosen, chosenEach
from bastion.config.cluster import ClusterTable
from bastion.config.hosts import HostTable
from bastion.config.legs import LegTable
from bastion.config.offered import DEFAULT, ClientAlgorithms, clientAlgorithms
from bastion.config.policies import BANDWIDTH, PolicyTable
from bastion.config.readers import Place, each, filePath, key, keysOf, one, oneOrEach, overrides
from bastion.config.values import MaxStartups, oneOf, sentence, separator, text
from bastion.interfaces import ISessionPolicy
from bastion.state import IStateStore

__all__ = [
    "TABLES",
    "AccountTable",
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
    "PolicyTable",
    "homes",
    "keys",
]


def _optionalPath(value: object, place: Place) -> Any:
    return None if value == "" else filePath(value, place)


@frozen(kw_only=True)
class BastionTable:
    """
    C{[bastion]}: what belongs to the whole process.

    @ivar state_dir: where host keys and other state are kept.
    @ivar store: what remembers who is on which host, and what operators have decided.
    @ivar accounts_file: a file with more tables of accounts, which may change while the
        bastion runs; L{None} for none.
    """

    state_dir: Path = field(metadata=key(filePath, absent="state"))
    store: Chosen = field(metadata=key(chosen(IStateStore, "store"), absent="memory"))
    accounts_file: Path | None = field(default=None, metadata=key(_optionalPath))


def _clusterName(value: object) -> str:
    return text(value, 'the name of a cluster, such as "nice"')


@frozen(kw_only=True)
class GatewayTable(LegTable):
    """
    C{[gateway.NAME]}: a listening port with its policy.

    @ivar listen: the server endpoints, as C{serverFromString} takes them.
    @ivar proxy_from: the networks of the load balancers that say, by the PROXY
        protocol, where a client comes from; nobody else is believed.
    @ivar cluster: the name of the cluster that it leads to, or L{None}.
    @ivar host_separator: the character between an account and the host that a user
        names; empty when users may name none.
    @ivar notice: the words that are all it has to say, or L{None}.
    @ivar policies: the session policies, each of which may refuse.
    @ivar algorithms: what is offered to clients.
    @ivar last_resort: when the last resort is: C{auto}, C{always} or C{never}.
    @ivar bandwidth: of all of its sessions, each way, in bytes per second; 0 for any.
    @ivar admission: C{[admission]}, overridden key by key by
        C{[gateway.NAME.admission]}.
    """

    name: str
    listen: tuple[str, ...] = field(
        metadata=key(oneOrEach(endpoint, '["tcp:5022"]'), example='"tcp:5022"')
    )
    proxy_from: tuple[Network, ...] = field(
        default=(), metadata=key(each(balancers, '["192.0.2.80"]'))
    )
    cluster: str | None = field(default=None, metadata=key(one(_clusterName)))
    host_separator: str = field(default="", metadata=key(one(separator)))
    notice: str | None = field(default=None, metadata=key(one(sentence)))
    policies: tuple[Chosen, ...] = field(
        default=(), metadata=key(chosenEach(ISessionPolicy, "session policy"))
    )
    algorithms: ClientAlgorithms = field(default=DEFAULT, metadata=key(clientAlgorithms))
    last_resort: str = field(default="auto", metadata=key(one(oneOf("auto", "always", "never"))))
    bandwidth: int = field(default=0, metadata=key(one(BANDWIDTH)))
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
    A whole file, read and checked.  Gateways, clusters, accounts and policies are in its
    order.
    """

    bastion: BastionTable
    gateways: dict[str, GatewayTable]
    clusters: dict[str, ClusterTable]
    accounts: tuple[AccountTable, ...] = ()
    policies: tuple[PolicyTable, ...] = ()


TABLES: Mapping[str, type] = {
    "bastion": BastionTable,
    "gateway.NAME": GatewayTable,
    "cluster.NAME": ClusterTable,
    "admission": AdmissionTable,
    "account.NAME": AccountTable,
    "policy.NAME": PolicyTable,
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
