"""
The parts of a running bastion, as the answers of L{bastion.gateway.control} have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from bastion.gateway.clusterservice import ClusterService
from bastion.gateway.control import (
    ClusterStatus,
    ConnectionStatus,
    GatewayStatus,
    HostStatus,
    PenaltyStatus,
)
from bastion.gateway.explanation import milliseconds
from bastion.gateway.factory import GatewayFactory
from bastion.gateway.lifecycle import Connection
from bastion.hosts.host import Host
from bastion.hosts.states import State
from bastion.interfaces import HostAddress
from bastion.ssh.publickeys import fingerprint
from bastion.state import Penalty
from bastion.wire import shown


def gatewayStatus(factory: GatewayFactory) -> GatewayStatus:
    """
    A gateway.
    """
    table = factory.gateway.table
    return {
        "name": table.name,
        "listen": list(table.listen),
        "cluster": table.cluster,
        "connections": len(factory.connections),
        "startups": factory.doors.startups.total,
    }


async def clusterStatus(service: ClusterService) -> ClusterStatus:
    """
    A cluster.
    """
    counts = await service.store.counts(service.table.name)
    return {
        "name": service.table.name,
        "hosts": len(service.cluster),
        "up": sum(host.state is State.UP for host in service.cluster.values()),
        "sessions": sum(counts.values()),
        "strategy": service.table.select.extension.name,
    }


def hostStatus(
    service: ClusterService, host: Host, counts: Mapping[HostAddress, int]
) -> HostStatus:
    """
    A host of a cluster.

    @param counts: the number of leases on each.
    """
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


def penaltyStatus(penalty: Penalty, now: float) -> PenaltyStatus:
    """
    A waiting time.
    """
    return {
        "source": penalty.source,
        "account": None if penalty.account is None else shown(penalty.account),
        "kinds": [kind.value for kind in penalty.kinds],
        "until": timestamp(penalty.until),
        "seconds": max(0, round(penalty.until - now)),
        "active": penalty.active,
    }


def connectionStatus(connection: Connection, now: float) -> ConnectionStatus:
    """
    A connection of a client.
    """
    bound, session = connection.log.bound, connection.session
    relay = session.relay if session is not None else None
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
