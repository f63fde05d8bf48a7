"""
The running bastion, as an operator sees it: L{bastion.gateway.control.Operations}.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from bastion import __version__
from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.control import (
    Closed,
    ClusterStatus,
    ConnectionStatus,
    Explanation,
    GatewayStatus,
    HostStatus,
    NotFound,
    Status,
)
from bastion.gateway.explanation import explained, milliseconds
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.lifecycle import Connection
from bastion.hosts.host import Change, Host
from bastion.hosts.named import split
from bastion.hosts.states import State
from bastion.interfaces import BastionError, HostAddress, HostRequest
from bastion.ssh.publickeys import fingerprint


class KeyHasChanged(BastionError):
    """
    The host has offered another key meanwhile than the one that was seen.
    """


@frozen
class RunningBastion:
    """
    See L{bastion.gateway.control.Operations}.

    @ivar gateways: by name.
    @ivar clusters: by name.
    """

    gateways: Mapping[str, GatewayFactory]
    clusters: Mapping[str, ClusterService]
    clock: IReactorTime
    started: float = field()

    @started.default
    def _started(self) -> float:
        return self.clock.seconds()

    # What there is

    def status(self) -> Deferred[Status]:
        """
        The process as a whole.
        """
        return Deferred.fromCoroutine(self._status())

    async def _status(self) -> Status:
        return {
            "version": __version__,
            "started": timestamp(self.started),
            "uptime": round(self.clock.seconds() - self.started, 1),
            "pid": os.getpid(),
            "gateways": [_gateway(factory) for factory in self.gateways.values()],
            "clusters": [await _cluster(service) for service in self.clusters.values()],
        }

    def hosts(self, cluster: str | None) -> Deferred[Sequence[HostStatus]]:
        """
        The hosts of one cluster, or of all.
        """
        return Deferred.fromCoroutine(self._hosts(cluster))

    async def _hosts(self, cluster: str | None) -> Sequence[HostStatus]:
        chosen = self.clusters.values() if cluster is None else [self._cluster(cluster)]
        answers: list[HostStatus] = []
        for service in chosen:
            counts = await service.store.counts(service.table.name)
            answers += [_host(service, host, counts) for host in service.cluster.values()]
        return answers

    def connections(self) -> Sequence[ConnectionStatus]:
        """
        Who is connected, the oldest first.
        """
        now = self.clock.seconds()
        every = sorted(self._connections(), key=lambda connection: connection.opened)
        return [_connection(connection, now) for connection in every]

    def _connections(self) -> Iterator[Connection]:
        for factory in self.gateways.values():
            yield from factory.connections

    # What can be done

    def drain(self, host: str, reason: str, cluster: str) -> Deferred[HostStatus]:
        """
        Let a host keep its sessions and get no new ones.
        """
        service, address = self._find(host, cluster)
        return self._changed(service, address, lambda now: service.drain(address, reason, now))

    def disable(self, host: str, reason: str, cluster: str) -> Deferred[HostStatus]:
        """
        Take a host out, with its checks.
        """
        service, address = self._find(host, cluster)
        return self._changed(service, address, lambda now: service.disable(address, reason, now))

    def enable(self, host: str, reason: str, cluster: str) -> Deferred[HostStatus]:
        """
        Take a drain, or a disable, back.
        """
        service, address = self._find(host, cluster)
        return self._changed(service, address, lambda now: service.enable(address, reason, now))

    def acceptKey(self, host: str, fingerprint: str, cluster: str) -> Deferred[HostStatus]:
        """
        Take the key that a quarantined host has offered for its own.

        @raise KeyHasChanged: when it is not the one that the operator has seen.
        """
        service, address = self._find(host, cluster)
        offered = offeredKey(service.cluster[address])
        if offered is not None and fingerprint != offered:
            raise KeyHasChanged(
                f"{address} offers {offered}, not {fingerprint}; look at it again: bastionctl hosts"
            )
        return self._changed(service, address, lambda now: service.acceptKey(address, now))

    def _changed(
        self, service: ClusterService, address: HostAddress, order: Callable[[float], Change]
    ) -> Deferred[HostStatus]:
        return Deferred.fromCoroutine(self._done(service, address, order))

    async def _done(
        self, service: ClusterService, address: HostAddress, order: Callable[[float], Change]
    ) -> HostStatus:
        await service.noted(order(self.clock.seconds()), by="operator")
        service.health.soon(address)
        counts = await service.store.counts(service.table.name)
        return _host(service, service.cluster[address], counts)

    def close(self, reference: str, reason: str) -> Closed:
        """
        Close a connection.
        """
        for connection in self._connections():
            if connection.reference == reference.upper():
                sentence = "An operator has closed the connection."
                connection.dismiss(f"an operator closed it: {reason}".rstrip(": "), sentence)
                return {"reference": connection.reference, "closed": True}
        raise NotFound(f"there is no connection {reference}; see bastionctl connections")

    def explain(self, user: str, gateway: str, source: str | None) -> Deferred[Explanation]:
        """
        Which host a login would go to now, and why.
        """
        factory = self.gateways.get(gateway)
        if factory is None:
            raise NotFound(f"there is no gateway {gateway}; there are: {', '.join(self.gateways)}")
        table = factory.gateway.table
        if table.cluster is None:
            raise NotFound(f"gateway {gateway} leads to no cluster; its notice: {table.notice}")
        account, name = split(user.encode(), table.host_separator)
        request = HostRequest(account, source or "", gateway)
        return Deferred.fromCoroutine(explained(self.clusters[table.cluster], request, name))

    # What is meant

    def _cluster(self, name: str) -> ClusterService:
        if name not in self.clusters:
            raise NotFound(f"there is no cluster {name}; there are: {', '.join(self.clusters)}")
        return self.clusters[name]

    def _find(self, host: str, cluster: str) -> tuple[ClusterService, HostAddress]:
        service = self._cluster(cluster)
        for address in service.cluster:
            if str(address) == host:
                return service, address
        raise NotFound(f"there is no host {host} in cluster {cluster}; see bastionctl hosts")


def _gateway(factory: GatewayFactory) -> GatewayStatus:
    table = factory.gateway.table
    return {
        "name": table.name,
        "listen": list(table.listen),
        "cluster": table.cluster,
        "connections": len(factory.connections),
        "startups": factory.startups.total,
    }


async def _cluster(service: ClusterService) -> ClusterStatus:
    counts = await service.store.counts(service.table.name)
    return {
        "name": service.table.name,
        "hosts": len(service.cluster),
        "up": sum(host.state is State.UP for host in service.cluster.values()),
        "sessions": sum(counts.values()),
        "strategy": service.table.select.extension.name,
    }


def _host(service: ClusterService, host: Host, counts: Mapping[HostAddress, int]) -> HostStatus:
    address = host.settings.address
    seen = service.selector.candidate(host, counts)
    checked = host.lastChecked
    return {
        "cluster": service.table.name,
        "host": str(address),
        "state": host.state.value,
        "since": timestamp(host.since),
        "reason": host.reason,
        "sessions": seen.sessions,
        "weight": round(seen.weight, 3),
        "configured_weight": host.settings.weight,
        "max_sessions": host.settings.maxSessions,
        "latency_ms": milliseconds(host.latency),
        "bandwidth": round(seen.bandwidth),
        "last_check": None if checked is None else timestamp(checked),
        "last_problem": host.lastProblem,
        "known_keys": list(service.keys(address).fingerprints()),
        "offered_key": offeredKey(host),
    }


def _connection(connection: Connection, now: float) -> ConnectionStatus:
    bound, relay = connection.log.bound, connection.relay
    return {
        "reference": connection.reference,
        "gateway": bound["gateway"],
        "source": bound["source"],
        "account": bound.get("account", ""),
        "host": bound.get("host", ""),
        "client": bound.get("client", ""),
        "phase": "login" if relay is None else "session",
        "since": timestamp(connection.opened),
        "duration": round(now - connection.opened, 1),
        "bytes_to_host": relay.client.received if relay else 0,
        "bytes_to_client": relay.host.received if relay else 0,
        "channels": len(relay.channels) if relay else 0,
    }


def offeredKey(host: Host) -> str | None:
    """
    The fingerprint of the key that a quarantined host has offered, if it has.
    """
    return fingerprint(host.offeredKey) if host.offeredKey else None


def timestamp(seconds: float) -> str:
    """
    RFC 3339 in UTC.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
