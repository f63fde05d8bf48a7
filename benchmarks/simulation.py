"""
A simulated cluster: logins are placed by a strategy, sessions end, hosts come and go.

There is no network and no waiting: what happens next is the earliest event, and time is
what it says.  All chance comes from seeds, and what happens to the hosts and who comes
does not depend on where the strategy sends them.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from time import perf_counter
from typing import Any

from attrs import define, field

from bastion.interfaces import Candidate, HostAddress, HostRequest
from benchmarks.findings import Findings
from benchmarks.places import FirstPlace, Place, Places
from benchmarks.visits import DAY, Visit

#: A host goes once in so many seconds, on average.
LASTS = 7 * DAY
#: Of those that go, so many are drained before; the others are gone at once.
DRAINED, DRAIN = 0.5, 4 * 3600.0
#: How long it is away, in seconds: at least, and more on average.
AWAY, LONGER = 600.0, 1200.0
#: Who is thrown out comes back within so many seconds.
SOON = (5.0, 120.0)
#: How long a host that is back weighs less, and the least part of its weight.
SLOW_START, LEAST = 60.0, 0.1
#: How often the averages of what is moved are computed, and their time constant.
SAMPLED, SMOOTHING = 10.0, 10.0
#: What is not worth to be noted of them, in bytes per second.
NOTHING = 100.0
#: A host without sessions is ready for a login in so many seconds, one with so many for
#: each unit of its weight never.
READY, FULL = 0.015, 120.0


@define(eq=False)
class Session:
    """
    A visit on its host.
    """

    host: Host
    visit: Visit
    place: Place


@define(eq=False)
class Host:
    """
    A host as it is.

    @ivar usable: whether it takes logins.
    @ivar back: since when it is up again.
    @ivar rate: what its sessions move, in bytes per second.
    """

    address: HostAddress
    weight: float
    usable: bool = True
    back: float = -math.inf
    rate: float = 0.0
    average: float = 0.0
    latency: float | None = None
    sessions: dict[Session, None] = field(factory=dict)


class Simulation:
    """
    One strategy and one cluster.

    @ivar findings: what was found so far.
    """

    def __init__(
        self,
        strategy: Any,
        weights: Sequence[float],
        sampling: tuple[float, float],
        places: Places | None = None,
    ) -> None:
        """
        @param strategy: an L{bastion.interfaces.IStrategy}.
        @param weights: of each host.
        @param sampling: when to begin to look at the hosts, and how often, in seconds.
        @param places: what gives a place to a login; by default, the first host's.
        """
        self.findings = Findings()
        self.hosts = [
            Host(HostAddress(f"rnice8-{number}.example.org"), weight)
            for number, weight in enumerate(weights, 1901)
        ]
        self.now = 0.0
        self._strategy = strategy
        self._places = places or FirstPlace()
        self._fate, self._noise = random.Random(1), random.Random(2)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()
        self._starting: set[Host] = set()
        self._averaged = 0.0
        self._usable: dict[HostAddress, tuple[int, Host]] = {}
        self._candidates: list[Candidate] = []
        self._changed()
        for host in self.hosts:
            self._later(self._fate.expovariate(1 / LASTS), self._goes, host)
        first, self._every = sampling
        self._later(first, self._sample)

    def run(self, visits: Iterable[Visit]) -> Findings:
        """
        Let all come.
        """
        for visit in visits:
            while self._events and self._events[0][0] <= visit.when:
                self.now, _, happens, arguments = heapq.heappop(self._events)
                happens(*arguments)
            self.now = visit.when
            self._login(visit)
        return self.findings

    def _later(self, seconds: float, happens: Callable[..., None], *arguments: Any) -> None:
        event = (self.now + seconds, next(self._numbers), happens, arguments)
        heapq.heappush(self._events, event)

    # Sessions

    def _login(self, visit: Visit) -> None:
        if not self._candidates:
            return
        self._average()
        for host in self._starting:
            self._update(self._usable[host.address][0], host)
        request = HostRequest(visit.account, "192.0.2.7", "esrf")
        start = perf_counter()
        ranked = self._strategy.rank(self._candidates, request)
        self.findings.ranking.append(perf_counter() - start)
        given = self._places.take(self.now, visit.account, ranked)
        self.findings.choosing.append(perf_counter() - start)
        number, host = self._usable[given.host]
        session = Session(host, visit, given)
        host.sessions[session] = None
        host.rate += visit.rate
        self._handshake(host)
        self._update(number, host)
        self.findings.login(visit.account, host.address, len(self.hosts))
        self._later(visit.seconds, self._over, session)

    def _over(self, session: Session) -> None:
        host = session.host
        if session not in host.sessions:
            return
        del host.sessions[session]
        host.rate = host.rate - session.visit.rate if host.sessions else 0.0
        self._places.give(self.now, session.place)
        if host.usable:
            self._update(*self._usable[host.address])

    def _handshake(self, host: Host) -> None:
        """
        Note how long it took: the busier, the longer.
        """
        free = max(1 - len(host.sessions) / host.weight / FULL, 0.05)
        took = READY / free * self._noise.lognormvariate(0, 0.2)
        before = took if host.latency is None else host.latency
        host.latency = before + 0.2 * (took - before)

    # Hosts

    def _goes(self, host: Host) -> None:
        """
        A host is drained, or gone at once.
        """
        host.usable = False
        self._starting.discard(host)
        self.findings.went(host.address)
        self._changed()
        if self._fate.random() < DRAINED:
            self._later(DRAIN, self._gone, host)
        else:
            self._gone(host)

    def _gone(self, host: Host) -> None:
        """
        A host has no sessions any more, and their visitors want to come back.
        """
        for session in list(host.sessions):
            _, account, seconds, rate = session.visit
            left = session.visit.when + seconds - self.now
            self._over(session)
            again = self._noise.uniform(*SOON)
            if left > again:
                visit = Visit(self.now + again, account, left - again, rate)
                self._later(again, self._login, visit)
        host.latency = None
        self._later(AWAY + self._fate.expovariate(1 / LONGER), self._comes, host)

    def _comes(self, host: Host) -> None:
        host.usable, host.back = True, self.now
        host.average = 0.0
        self._starting.add(host)
        self._changed()
        fair = host.weight / sum(each.weight for _, each in self._usable.values())
        self.findings.cameBack(host.address, fair)
        self._later(SLOW_START, self._started, host, self.now)
        self._later(self._fate.expovariate(1 / LASTS), self._goes, host)

    def _started(self, host: Host, back: float) -> None:
        if host in self._starting and host.back == back:
            self._starting.remove(host)
            self._update(*self._usable[host.address])

    # What a strategy sees

    def _changed(self) -> None:
        """
        Other hosts are usable than before.
        """
        usable = [host for host in self.hosts if host.usable]
        self._usable = {host.address: (place, host) for place, host in enumerate(usable)}
        self._candidates = [self._candidate(host) for host in usable]

    def _update(self, place: int, host: Host) -> None:
        self._candidates[place] = self._candidate(host)

    def _candidate(self, host: Host) -> Candidate:
        started = min(LEAST + (1 - LEAST) * (self.now - host.back) / SLOW_START, 1.0)
        weight = host.weight * started
        return Candidate(host.address, len(host.sessions), weight, host.average, host.latency)

    def _average(self) -> None:
        """
        What is moved, as it is known: from time to time.
        """
        passed = self.now - self._averaged
        if passed < SAMPLED:
            return
        self._averaged = self.now
        share = 1 - math.exp(-passed / SMOOTHING)
        for place, host in self._usable.values():
            change = share * (host.rate - host.average)
            if abs(change) > NOTHING:
                host.average += change
                self._update(place, host)

    def _sample(self) -> None:
        self._later(self._every, self._sample)
        self.findings.sampled([host for _, host in self._usable.values()])
