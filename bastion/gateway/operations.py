"""
The running bastion, as an operator sees it: L{bastion.gateway.control.Operations}.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from bastion import __version__
from bastion.audit.events import ConnectionLog
from bastion.gateway.answers import (
    clusterStatus,
    connectionStatus,
    gatewayStatus,
    hostStatus,
    offeredKey,
    penaltyStatus,
    timestamp,
)
from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.control import (
    Closed,
    ConnectionStatus,
    Explanation,
    HostStatus,
    NotFound,
    PenaltyStatus,
    Status,
)
from bastion.gateway.explanation import explained
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.lifecycle import Connection
from bastion.hosts.host import Change
from bastion.hosts.named import split
from bastion.interfaces import BastionError, HostAddress, HostRequest
from bastion.state import Penalty
from bastion.wire import shown


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
            "gateways": [gatewayStatus(factory) for factory in self.gateways.values()],
            "clusters": [await clusterStatus(service) for service in self.clusters.values()],
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
            answers += [hostStatus(service, host, counts) for host in service.cluster.values()]
        return answers

    def connections(self) -> Sequence[ConnectionStatus]:
        """
        Who is connected, the oldest first.
        """
        now = self.clock.seconds()
        every = sorted(self._connections(), key=lambda connection: connection.opened)
        return [connectionStatus(connection, now) for connection in every]

    def _connections(self) -> Iterator[Connection]:
        for factory in self.gateways.values():
            yield from factory.connections

    # What can be done

    def drain(self, host: str, reason: str, cluster: str, operator: int) -> Deferred[HostStatus]:
        """
        Let a host keep its sessions and get no new ones.
        """
        service, address = self._find(host, cluster)
        return self._changed(
            service, address, lambda now: service.drain(address, reason, now), operator
        )

    def disable(self, host: str, reason: str, cluster: str, operator: int) -> Deferred[HostStatus]:
        """
        Take a host out, with its checks.
        """
        service, address = self._find(host, cluster)
        return self._changed(
            service, address, lambda now: service.disable(address, reason, now), operator
        )

    def enable(self, host: str, reason: str, cluster: str, operator: int) -> Deferred[HostStatus]:
        """
        Take a drain, or a disable, back.
        """
        service, address = self._find(host, cluster)
        return self._changed(
            service, address, lambda now: service.enable(address, reason, now), operator
        )

    def acceptKey(
        self, host: str, fingerprint: str, cluster: str, operator: int
    ) -> Deferred[HostStatus]:
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
        return self._changed(
            service, address, lambda now: service.acceptKey(address, now), operator
        )

    def _changed(
        self,
        service: ClusterService,
        address: HostAddress,
        order: Callable[[float], Change],
        operator: int,
    ) -> Deferred[HostStatus]:
        return Deferred.fromCoroutine(self._done(service, address, order, operator))

    async def _done(
        self,
        service: ClusterService,
        address: HostAddress,
        order: Callable[[float], Change],
        operator: int,
    ) -> HostStatus:
        await service.noted(order(self.clock.seconds()), operator)
        service.health.soon(address)
        counts = await service.store.counts(service.table.name)
        return hostStatus(service, service.cluster[address], counts)

    def close(self, reference: str, reason: str, operator: int) -> Closed:
        """
        Close a connection.
        """
        for connection in self._connections():
            if connection.reference == reference.upper():
                sentence = "An operator has closed the connection."
                connection.log.bind(uid=operator)
                connection.dismiss(f"an operator closed it: {reason}".rstrip(": "), sentence)
                return {"reference": connection.reference, "closed": True}
        raise NotFound(f"there is no connection {reference}; see bastionctl connections")

    def penalties(self) -> Deferred[Sequence[PenaltyStatus]]:
        """
        Who has to wait.
        """
        listing = self._penalties(lambda store: store.listing())
        return Deferred.fromCoroutine(self._shown(listing))

    def lift(self, source: str, account: str, operator: int) -> Deferred[Sequence[PenaltyStatus]]:
        """
        Take waiting times back.
        """
        return Deferred.fromCoroutine(self._shown(self._lifted(source, account, operator)))

    async def _lifted(self, source: str, account: str, operator: int) -> Sequence[Penalty]:
        of = account.encode() if account else None
        lifted = await self._penalties(lambda store: store.lift(source, of))
        for each in lifted:
            self._log().event(
                "penalty.lifted",
                source=each.source,
                whom=each.source if each.account is None else shown(each.account),
                kinds=[kind.value for kind in each.kinds],
                uid=operator,
            )
        return lifted

    def _log(self) -> ConnectionLog:
        """
        For what is of no connection.
        """
        return ConnectionLog(next(iter(self.gateways.values())).gateway.publisher)

    async def _penalties(self, ask: Callable[[Any], Any]) -> Sequence[Penalty]:
        doors = [factory.doors.penalties for factory in self.gateways.values()]
        stores = {id(store): store for store in doors if store is not None}
        try:
            return [each for store in stores.values() for each in await ask(store)]
        except ValueError as error:
            raise NotFound(str(error)) from None

    async def _shown(self, penalties: Awaitable[Sequence[Penalty]]) -> Sequence[PenaltyStatus]:
        now = self.clock.seconds()
        return [penaltyStatus(each, now) for each in await penalties]

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
