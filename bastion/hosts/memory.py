"""
The embedded store: leases, stickiness and administrative states of one bastion, in the
memory of its process; what has to survive a restart is in a file as well.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from bastion.config.values import wholeNumber
from bastion.hosts.statefile import NAME, StateFile
from bastion.hosts.statetext import Kept
from bastion.hosts.sticktable import StickTable
from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.state import AdminState, Choice, Granted, IStateStore, StickyKey


def _count(value: object) -> int:
    return wholeNumber(1, 200_000)(value)


@frozen
class MemoryOptions:
    """
    The options of the embedded store.

    @ivar remembered: how many accounts of each cluster are remembered after their last
        connection has ended.
    """

    remembered: int = field(default=100_000, converter=_count)


@define(eq=False)
class _Cluster:
    """
    What is known of one cluster.

    @ivar counts: the leases on each host that has any.
    @ivar pending: of each visitor, the hosts with unfinished logins and how many; the
        host of the latest one stands last.
    """

    table: StickTable
    counts: dict[HostAddress, int] = field(factory=dict)
    pending: dict[bytes, dict[HostAddress, int]] = field(factory=dict)
    admin: dict[HostAddress, AdminState] = field(factory=dict)

    def hasRoom(self, host: HostAddress, choices: Sequence[Choice]) -> bool:
        """
        Whether a host is one of the choices, with room.
        """
        # Not "==", and no dictionary: there may be hundreds.
        name, port = host.name, host.port
        for choice in choices:
            at = choice.host
            if at.name == name and at.port == port:
                return not choice.limit or self.counts.get(host, 0) < choice.limit
        return False

    def place(
        self, visitor: bytes, home: HostAddress | None, choices: Sequence[Choice]
    ) -> HostAddress | None:
        """
        Where a login goes, if there is room.

        @param home: the host that its key sticks to, if there is room.
        """
        for host in reversed(self.pending.get(visitor, {})):
            if self.hasRoom(host, choices):
                return host
        if home is not None:
            return home
        for choice in choices:
            if not choice.limit or self.counts.get(choice.host, 0) < choice.limit:
                return choice.host
        return None


@define(eq=False)
class _Lease:
    """
    @ivar confirmed: whether the host has accepted the login.
    """

    cluster: _Cluster
    sticky: StickyKey
    host: HostAddress
    confirmed: bool = False


@implementer(IStateStore)
class MemoryStore:
    """
    See L{IStateStore}.

    What was connected when the file was written counts as ended then: after a stop in
    good order that is so, and after a crash it is nearly so.
    """

    Options = MemoryOptions

    def __init__(self, options: MemoryOptions, wallClock: Callable[[], float] = time.time) -> None:
        """
        @param wallClock: seconds since 1970.
        """
        self._options = options
        self._wallClock = wallClock
        self._clusters: dict[str, _Cluster] = {}
        self._leases: dict[str, _Lease] = {}
        # Nobody's token from before a restart is somebody's now.
        self._tokens = map(f"{secrets.token_hex(8)}.{{}}".format, count(1))
        self._file: StateFile | None = None
        self._clock: IReactorTime
        self._latest = self._lost = 0.0

    def open(self, clock: IReactorTime, stateDir: Path | None) -> Deferred[None]:
        """
        See L{IStateStore}.
        """
        self._clock = clock
        if stateDir is not None:
            self._file = StateFile(stateDir / NAME, clock, self._wallClock, self._kept)
            kept = self._file.load()
            for (name, host), state in kept.admin.items():
                self._cluster(name).admin[host] = state
            for name, stays in kept.sticky.items():
                self._cluster(name).table.restore(stays, self._now())
        return succeed(None)

    def close(self) -> Deferred[None]:
        """
        See L{IStateStore}.
        """
        return self._file.close() if self._file is not None else succeed(None)

    def acquire(self, sticky: StickyKey, choices: Sequence[Choice]) -> Deferred[Granted]:
        """
        See L{IStateStore}.
        """
        cluster = self._cluster(sticky.cluster)
        home = left = None
        if sticky.seconds:
            home = cluster.table.host(sticky.key, self._now())
            if home is not None and not cluster.hasRoom(home, choices):
                home, left = self._moved(cluster, sticky.key, choices)
        host = cluster.place(sticky.visitor, home, choices)
        if host is None:
            why = "every host has as many sessions as it may" if choices else "there is no choice"
            return fail(NoHostAvailable(f"cluster {sticky.cluster}: {why}"))
        cluster.counts[host] = cluster.counts.get(host, 0) + 1
        if sticky.seconds:
            hosts = cluster.pending.setdefault(sticky.visitor, {})
            hosts[host] = hosts.pop(host, 0) + 1
        token = next(self._tokens)
        self._leases[token] = _Lease(cluster, sticky, host)
        return succeed(Granted(token, host, left))

    def _moved(
        self, cluster: _Cluster, key: bytes, choices: Sequence[Choice]
    ) -> tuple[HostAddress | None, HostAddress | None]:
        """
        Where a key goes that cannot come back to the host that it sticks to.

        @return: another host that it sticks to; and the one that it moves away from, if
            it has not done so before.
        """
        first, *others = cluster.table.hosts(key, self._now())
        home = next((host for host in others if cluster.hasRoom(host, choices)), None)
        isNew = home is None or home != cluster.table.latest(key)
        return home, first if isNew else None

    def confirm(self, token: str) -> Deferred[None]:
        """
        See L{IStateStore}.
        """
        lease = self._leases.get(token)
        if lease is not None and not lease.confirmed:
            lease.confirmed = True
            if lease.sticky.seconds:
                self._finish(lease)
                sticky = lease.sticky
                lease.cluster.table.came(sticky.key, lease.host, sticky.seconds)
                self._changed()
        return succeed(None)

    def release(self, token: str) -> Deferred[None]:
        """
        See L{IStateStore}.
        """
        lease = self._leases.pop(token, None)
        if lease is not None:
            _drop(lease.cluster.counts, lease.host)
            if lease.sticky.seconds and lease.confirmed:
                lease.cluster.table.went(lease.sticky.key, lease.host, self._now())
                self._changed()
            elif lease.sticky.seconds:
                self._finish(lease)
        return succeed(None)

    def counts(self, cluster: str) -> Deferred[dict[HostAddress, int]]:
        """
        See L{IStateStore}.
        """
        return succeed(dict(self._cluster(cluster).counts))

    def stickyHosts(self, sticky: StickyKey) -> Deferred[list[HostAddress]]:
        """
        See L{IStateStore}.
        """
        if not sticky.seconds:
            return succeed([])
        cluster = self._cluster(sticky.cluster)
        pending = reversed(cluster.pending.get(sticky.visitor, {}))
        return succeed([*dict.fromkeys([*pending, *cluster.table.hosts(sticky.key, self._now())])])

    def setAdminState(
        self, cluster: str, host: HostAddress, state: AdminState | None
    ) -> Deferred[None]:
        """
        See L{IStateStore}.
        """
        admin = self._cluster(cluster).admin
        if state is not None:
            admin[host] = state
        else:
            admin.pop(host, None)
        return self._file.save() if self._file is not None else succeed(None)

    def adminStates(self, cluster: str) -> Deferred[dict[HostAddress, AdminState]]:
        """
        See L{IStateStore}.
        """
        return succeed(dict(self._cluster(cluster).admin))

    def _cluster(self, name: str) -> _Cluster:
        found = self._clusters.get(name)
        if found is None:
            found = self._clusters[name] = _Cluster(StickTable(self._options.remembered))
        return found

    def _finish(self, lease: _Lease) -> None:
        """
        A login is pending no longer.
        """
        pending, visitor = lease.cluster.pending, lease.sticky.visitor
        _drop(pending[visitor], lease.host)
        if not pending[visitor]:
            del pending[visitor]

    def _now(self) -> float:
        """
        Seconds, of which there are never fewer than before.  When the clock was set back,
        no time has passed since this was asked last; when it was set forward, so much has.
        """
        now = self._clock.seconds()
        if now < self._latest:
            self._lost += self._latest - now
        self._latest = now
        return now + self._lost

    def _changed(self) -> None:
        if self._file is not None:
            self._file.changed()

    def _kept(self) -> Kept:
        now = self._now()
        return Kept(
            {
                (name, host): state
                for name, cluster in self._clusters.items()
                for host, state in cluster.admin.items()
            },
            {name: cluster.table.stays(now) for name, cluster in self._clusters.items()},
        )


def _drop(counts: dict[HostAddress, int], host: HostAddress) -> None:
    counts[host] -= 1
    if not counts[host]:
        del counts[host]
