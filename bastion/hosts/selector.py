"""
The host-selection service of one cluster.

What a login gets is decided in two steps.  The strategy puts the hosts that may be
chosen in order; then the store gives a place, and prefers the host that the account
sticks to.  Nothing here assumes that it is the only one who asks the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bastion.hosts.cluster import Cluster
from bastion.hosts.expected import Expected, Sources
from bastion.hosts.host import Host
from bastion.hosts.lease import Lease
from bastion.hosts.states import State, rank
from bastion.hosts.traffic import Traffic
from bastion.interfaces import Candidate, HostAddress, HostRequest, NoHostAvailable
from bastion.state import Choice, IStateStore, StickyKey

#: States that an operator has given: an account is moved away from such a host.
_CLOSED = (State.DRAIN, State.DISABLED)
_WELL = (State.UP, State.SUSPECT)


@frozen
class Stickiness:
    """
    How accounts come back.

    @ivar seconds: for how long after their last connection has ended; 0 for not at all.
    @ivar withSource: whether the same account from elsewhere is another one.
    """

    seconds: float
    withSource: bool = False

    def key(self, cluster: str, request: HostRequest) -> StickyKey:
        """
        What C{request} sticks by.
        """
        visitor = request.account + b"\0" + request.source.encode()
        key = visitor if self.withSource else request.account
        return StickyKey(cluster, key, visitor, self.seconds)


@define
class Selector:
    """
    Chooses hosts of one cluster.

    @ivar name: the cluster's.
    @ivar cluster: what is known of its hosts.
    @ivar strategy: an L{bastion.interfaces.IStrategy}.
    @ivar store: who is where.
    @ivar stickiness: how accounts come back.
    @ivar traffic: what the sessions move.
    @ivar clock: what time it is.
    @ivar sources: where logins from each source went.
    @ivar coming: how many logins were promised to each host that have no lease yet: of
        those who come at once, none would see the others.
    """

    name: str
    cluster: Cluster
    strategy: Any
    store: IStateStore
    stickiness: Stickiness
    traffic: Traffic
    clock: IReactorTime
    sources: Sources = field(factory=Sources, init=False)
    coming: Counter[HostAddress] = field(factory=Counter, init=False)

    _log = Logger()

    @property
    def addresses(self) -> tuple[HostAddress, ...]:
        """
        All hosts, in the order of the configuration.
        """
        return tuple(self.cluster)

    async def lease(
        self,
        request: HostRequest,
        tried: Collection[HostAddress] = (),
        expected: Expected | None = None,
    ) -> Lease:
        """
        Take a place for a login.

        @param tried: the hosts that were tried in vain.
        @param expected: what L{expected} has said.
        @raise NoHostAvailable: when no other host may be chosen, or none has room.
        """
        key = self.stickiness.key(self.name, request)
        known = await self._known(key, expected)
        choices = self.choices(request, await self._counts(), tried, known)
        if not choices:
            raise NoHostAvailable(self._none(request, tried))
        granted = await self.store.acquire(key, choices)
        if expected is not None:
            expected.over()
        left = granted.left
        moved = left is not None and left in self.cluster and self.cluster[left].state in _CLOSED
        return Lease(granted, self.store, left if moved else None)

    async def _known(self, key: StickyKey, expected: Expected | None) -> HostAddress | None:
        """
        The host about which the strategy need not be asked: to ask costs somebody's turn.
        """
        if expected is not None and expected.chosen:
            return expected.host if self.cluster[expected.host].state is State.UP else None
        sticky = await self.store.stickyHosts(key) if key.seconds else ()
        return next((host for host in sticky if self._takes(host)), None)

    def _takes(self, host: HostAddress) -> bool:
        return host in self.cluster and self.cluster[host].state in _WELL

    async def expected(self, request: HostRequest) -> Expected | None:
        """
        The host that a login will probably go to.

        @param request: without its account.
        @return: to be told when that is L{over<Expected.over>}; having a lease does.
        """
        up, _, _ = self.cluster.usable(self.clock.seconds())
        last = self.sources.last(request.source) if self.stickiness.seconds else None
        if last is not None and any(_is(host, last) for host in up):
            return Expected(last, chosen=False)
        if not up or getattr(self.strategy, "needsAccount", True):
            return None
        order = self.ranked(up, request, await self._counts())
        if not order:
            return None
        first = order[0].settings.address
        self.coming[first] += 1
        return Expected(first, True, self.coming)

    async def _counts(self) -> Mapping[HostAddress, int]:
        """
        How many sessions each host has, or is about to have.
        """
        leased: Mapping[HostAddress, int] = await self.store.counts(self.name)
        if not self.coming:
            return leased
        counts = dict(leased)
        for host, number in self.coming.items():
            counts[host] = counts.get(host, 0) + number
        return counts

    def accepted(self, request: HostRequest, host: HostAddress) -> None:
        """
        A login was accepted: the next one from there may go to the same host.
        """
        self.sources.accepted(request.source, host)

    def choices(
        self,
        request: HostRequest,
        counts: Mapping[HostAddress, int],
        tried: Collection[HostAddress] = (),
        known: HostAddress | None = None,
    ) -> list[Choice]:
        """
        The hosts that a login may go to, the best first: those that are up, then
        those that are suspect; if there is neither, those that are down, for a check
        can be wrong.

        @param counts: the number of leases on each.
        @param known: the host that is the first, without asking the strategy.
        """
        up, suspect, down = self.cluster.usable(self.clock.seconds())
        if tried:
            up, suspect, down = (
                [host for host in group if host.settings.address not in tried]
                for group in (up, suspect, down)
            )
        if request.wanted is not None:
            return [
                host.settings.choice for host in [*up, *suspect, *down] if _is(host, request.wanted)
            ]
        if known is not None:
            # Of what is left, the order counts only if that one is full.
            well = sorted((*up, *suspect), key=lambda host: not _is(host, known))
            if well and _is(well[0], known):
                return [host.settings.choice for host in well]
        # One group is enough to ask about: the others are there for when it fails.
        asked, others = (up, suspect) if up else (suspect or down, [])
        return [host.settings.choice for host in (*self.ranked(asked, request, counts), *others)]

    def ranked(
        self, hosts: Sequence[Host], request: HostRequest, counts: Mapping[HostAddress, int]
    ) -> list[Host]:
        """
        The hosts as the strategy orders them.

        A strategy that fails does not cost the login: the order of the
        configuration is used, and the failure is logged.
        """
        if not hosts:
            return []
        free = [host for host in hosts if not _isFull(host, counts)]
        candidates = self._candidates(free, counts)
        byAddress = {host.settings.address: host for host in free}
        try:
            order = [each.address for each in self.strategy.rank(candidates, request)]
        except Exception:
            self._log.failure("the strategy failed; hosts are taken in their order")
            order = list(byAddress)
        ranked = [byAddress[each] for each in dict.fromkeys(order) if each in byAddress]
        # The store refuses those, and says so.
        return ranked or [host for host in hosts if _isFull(host, counts)]

    def candidate(self, host: Host, counts: Mapping[HostAddress, int]) -> Candidate:
        """
        A host, as a strategy sees it.
        """
        return self._candidates([host], counts)[0]

    def _candidates(
        self, hosts: Sequence[Host], counts: Mapping[HostAddress, int]
    ) -> list[Candidate]:
        now, slowStart = self.clock.seconds(), self.cluster.rules.slowStart
        sessions, rate = counts.get, self.traffic.rate
        return [
            Candidate(
                address := host.settings.address,
                sessions(address, 0),
                host.weight(now, slowStart),
                rate(address),
                host.latency,
            )
            for host in hosts
        ]

    def _none(self, request: HostRequest, tried: Collection[HostAddress]) -> str:
        """
        Why there is nothing to choose from.
        """
        if request.wanted is not None:
            state = self.cluster[request.wanted].state
            if rank(state) is None:
                return f"{request.wanted} takes no logins: {state.value}"
        return "no host answered" if tried else "no host takes logins"


def _is(host: Host, address: HostAddress | None) -> bool:
    return host.settings.address == address


def _isFull(host: Host, counts: Mapping[HostAddress, int]) -> bool:
    settings = host.settings
    return bool(settings.maxSessions) and counts.get(settings.address, 0) >= settings.maxSessions
