"""
One cluster at work: the states of its hosts, their checks, and the way to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure

from bastion.audit.events import ConnectionLog
from bastion.config.schema import ClusterTable
from bastion.hosts.cluster import Change, Cluster
from bastion.hosts.health import Health
from bastion.hosts.selector import Selector
from bastion.hosts.states import State
from bastion.interfaces import HostAddress, HostKeyRefused
from bastion.ssh.acceptedkeys import KnownKeys
from bastion.state import IStateStore
from bastion.upstream.site import Site

_log = Logger()

#: What holds until an operator takes it back.
_LASTING = frozenset({State.DRAIN, State.DISABLED, State.QUARANTINED})


@define(eq=False)
class ClusterService(MultiService):
    """
    One cluster at work.

    @ivar cluster: what is known of its hosts.
    @ivar selector: chooses among them.
    @ivar site: the way to them; gateways use it.
    @ivar health: checks them.
    @ivar keys: what is known of each host's keys.
    """

    table: ClusterTable
    cluster: Cluster
    selector: Selector
    store: IStateStore
    keys: Callable[[HostAddress], KnownKeys]
    publisher: LogPublisher
    clock: IReactorTime
    site: Site = field(init=False)
    health: Health = field(init=False)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def attend(self, site: Site, health: Health) -> None:
        """
        Use the way to the hosts, and have them checked.
        """
        self.site = site
        self.health = health
        health.setServiceParent(self)

    def restore(self) -> Deferred[None]:
        """
        Take over the administrative states that the store has.
        """
        return Deferred.fromCoroutine(self._restored())

    async def _restored(self) -> None:
        now = self.clock.seconds()
        states = await self.store.adminStates(self.table.name)
        for address, state in states.items():
            if address in self.cluster:
                self.cluster.restore(address, state, now)
                self._event(address, self.cluster[address].state, f"since before: {state.reason}")

    def stopService(self) -> Deferred[Any]:
        """
        Check no longer.
        """
        self.selector.traffic.stop()
        stopped: Deferred[Any] = super().stopService()
        return stopped

    # How the hosts answer: bastion.upstream.site.Reports

    def isWell(self, host: HostAddress) -> bool:
        """
        Whether nothing is known against a host.
        """
        return self.cluster[host].state is State.UP

    def reached(self, host: HostAddress, seconds: float) -> None:
        """
        A host was ready for a user's login after so long.
        """
        self.told(self.cluster.reached(host, seconds, self.clock.seconds()))

    def failed(self, host: HostAddress, problem: Exception) -> None:
        """
        A host was not: look what is the matter with it.
        """
        now = self.clock.seconds()
        # Where none is known, it is not the host that has changed.
        if isinstance(problem, HostKeyRefused) and problem.known:
            self.told(self.cluster.keyRefused(host, problem.key, str(problem), now))
        else:
            self.told(self.cluster.failed(host, str(problem), now))
        self.health.soon(host)

    def told(self, change: Change | None) -> None:
        """
        A host has another state, or not.
        """
        if change is not None:
            self.noted(change).addErrback(self._ebStore, change)

    # What operators do; each has to be L{noted}

    def drain(self, host: HostAddress, reason: str, now: float) -> Change:
        """
        See L{Cluster.drain}.
        """
        return self.cluster.drain(host, now, reason)

    def disable(self, host: HostAddress, reason: str, now: float) -> Change:
        """
        See L{Cluster.disable}.
        """
        return self.cluster.disable(host, now, reason)

    def enable(self, host: HostAddress, reason: str, now: float) -> Change:
        """
        See L{Cluster.enable}.
        """
        return self.cluster.enable(host, now, reason)

    def acceptKey(self, host: HostAddress, now: float) -> Change:
        """
        See L{Cluster.acceptKey}; the key that the host has offered is its own from now on.

        @raise BastionError: when it cannot be.
        """
        offered = self.cluster[host].offeredKey
        if offered and self.cluster[host].state is State.QUARANTINED:
            self.keys(host).accept(offered, now)
        return self.cluster.acceptKey(host, now)

    def noted(self, change: Change, operator: int | None = None) -> Deferred[Any]:
        """
        Record a change.

        @param operator: the user id of who wants it; L{None} when it is what the checks and
            the users' logins have found.
        @return: fires when it survives a restart, if it shall; fails as the store does.
        """
        by = {"by": "health"} if operator is None else {"by": "operator", "uid": operator}
        self._event(change.host, change.new, change.reason, was=change.old.value, **by)
        if {change.old, change.new} & _LASTING:
            state = self.cluster.adminState(change.host)
            kept: Deferred[Any] = self.store.setAdminState(self.table.name, change.host, state)
            return kept
        done: Deferred[Any] = Deferred()
        done.callback(None)
        return done

    def _event(self, host: HostAddress, state: State, reason: str, **fields: Any) -> None:
        ConnectionLog(self.publisher).event(
            "host.changed",
            cluster=self.table.name,
            host=str(host),
            state=state.value,
            reason=reason,
            **fields,
        )

    def _ebStore(self, failure: Failure, change: Change) -> None:
        _log.error(
            "that {host} is {state} will be forgotten at a restart: {problem}",
            host=str(change.host),
            state=change.new.value,
            problem=failure.getErrorMessage(),
        )
