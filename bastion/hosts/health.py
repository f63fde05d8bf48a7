"""
Active health checks: the service that looks after the hosts of one cluster.

Each host has its own time: the first check comes by chance within the first two
seconds, the next ones an interval after the last has ended, and a bit more by chance, so
that neither the hosts nor several bastions fall into step.  A suspect host is looked at
sooner, to be up or down quickly.

What a check costs a host is a connection without a login.  OpenSSH, from 9.8 on, holds
each against the bastion for a second (PerSourcePenalties, C{noauth:1s}); these seconds
add up, run out as time goes by, and bar the door when more than 15 have come together
(C{min:15s}), to the users behind the bastion too.  So an interval of two seconds or more
is safe: what one check has cost is over before the next.  Checks that are asked for come
a second apart at least, so those do not add up either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.hosts.cluster import Cluster
from bastion.hosts.host import Change
from bastion.hosts.states import State
from bastion.hosts.timed import TimedHost
from bastion.interfaces import (
    HostAddress,
    HostKeyRefused,
    HostUnavailable,
    ICheckedHost,
    IHealthCheck,
)

#: The first check of a host, and the next of a suspect one, come within this time, in
#: seconds, if the interval is not shorter still.
SOON = 2.0
#: Between two checks of a host, whoever asks for them, in seconds.
APART = 1.0
#: How long a stopped check may take to end, in seconds.
FAREWELL = 2.0

#: Nobody needs to know how these are.
_UNCHECKED = (State.DRAIN, State.DISABLED)


@frozen
class Schedule:
    """
    When hosts are checked; all times are in seconds.

    @ivar interval: from the end of a check to the next one of the same host; 0 for no
        checks at all.
    @ivar jitter: up to so much comes on top, by chance.
    @ivar timeout: how long a check may take.
    """

    interval: float
    jitter: float
    timeout: float = 5.0


@define(eq=False)
class Health(Service):
    """
    Checks the hosts of one cluster, and tells the cluster what came of it.

    @ivar cluster: what is known of the hosts.
    @ivar check: how one is checked.
    @ivar access: the way to a host; asked anew for each check.
    @ivar rules: when they are checked.
    @ivar chance: a number from 0 up to 1, anew at each call.
    @ivar told: told of each host whose state has changed.
    """

    cluster: Cluster
    check: IHealthCheck
    access: Callable[[HostAddress], ICheckedHost]
    clock: IReactorTime
    rules: Schedule
    chance: Callable[[], float]
    told: Callable[[Change], None]
    _watches: dict[HostAddress, _Watch] = field(factory=dict, init=False)

    def startService(self) -> None:
        """
        Check every host from now on, unless the rules say that none is.
        """
        super().startService()
        if self.rules.interval:
            self._watches = {address: _Watch(self, address) for address in self.cluster}

    def stopService(self) -> Deferred[Any]:
        """
        Check none any longer.

        @return: fires when the checks that were running are over.
        """
        super().stopService()
        stopping = [watch.stop() for watch in self._watches.values()]
        self._watches = {}
        return DeferredList(stopping)

    def soon(self, address: HostAddress) -> None:
        """
        Something has happened to a host: check it as soon as may be, if it is checked
        at all.
        """
        if address in self._watches:
            self._watches[address].soon()


class _Watch:
    """
    The checks of one host: one at a time, and when.
    """

    _log = Logger()

    def __init__(self, health: Health, address: HostAddress) -> None:
        self._health = health
        self._clock = health.clock
        self._address = address
        self._running: Deferred[Any] | None = None
        self._late: IDelayedCall | None = None
        self._endedAt: float | None = None
        self._asked = False
        self._broken = False
        self._stopping: Deferred[None] | None = None
        first = health.chance() * min(health.rules.interval, SOON)
        self._next = self._clock.callLater(first, self._due)

    # When

    def soon(self) -> None:
        """
        Do not wait for the interval.
        """
        if self._running is not None:
            # It may have looked before that happened.
            self._asked = True
            return
        wait = self._apart()
        if self._next.getTime() - self._clock.seconds() > wait:
            self._next.reset(wait)

    def _apart(self) -> float:
        """
        How long to wait at least, in seconds.
        """
        if self._endedAt is None:
            return 0.0
        left = self._endedAt + APART - self._clock.seconds()
        # Not an hour, when the clock was set back by one.
        return min(max(left, 0.0), APART)

    def _wait(self) -> None:
        """
        Until the next check.
        """
        rules = self._health.rules
        if self._asked:
            wait = self._apart()
        elif self._state is State.SUSPECT:
            wait = min(rules.interval, SOON)
        else:
            wait = rules.interval + self._health.chance() * rules.jitter
        self._next = self._clock.callLater(wait, self._due)

    @property
    def _state(self) -> State:
        return self._health.cluster[self._address].state

    def _due(self) -> None:
        """
        It is time for a check.
        """
        self._asked = False
        if self._state in _UNCHECKED:
            self._wait()
            return
        self._late = self._clock.callLater(self._health.rules.timeout, self._tooLate)
        self._running = maybeDeferred(self._look)
        self._running.addBoth(self._over)

    def _look(self) -> Deferred[float | None]:
        """
        @return: fires with the seconds that the handshake took, if there was one.
        """
        timed = TimedHost(self._health.access(self._address), self._clock)
        looking: Deferred[Any] = maybeDeferred(self._health.check.check, timed)
        return looking.addCallback(lambda _: timed.seconds)

    def _tooLate(self) -> None:
        """
        It has taken too long, and what it says from now on does not count.  One that
        does not even end then keeps its host from being well.
        """
        self._failed(f"{self._address} did not answer in time")
        if self._running is not None:
            self._running.cancel()
        if self._running is not None and self._stopping is None:
            self._next = self._clock.callLater(self._health.rules.timeout, self._tooLate)

    def _over(self, result: Any) -> None:
        """
        The check has ended.
        """
        if _cancelled(self._late):
            self._judge(result)
        self._running = None
        self._endedAt = self._clock.seconds()
        _cancelled(self._next)
        if self._stopping is None:
            self._wait()
        else:
            self._stopping.callback(None)

    def stop(self) -> Deferred[None]:
        """
        No more.

        @return: fires when the check that was running is over; one that does not end is
            not waited for.
        """
        _cancelled(self._next)
        _cancelled(self._late)
        stopping: Deferred[None] = Deferred()
        if self._running is None:
            stopping.callback(None)
        else:
            self._stopping = stopping
            self._running.cancel()
        return stopping.addTimeout(FAREWELL, self._clock).addErrback(lambda _: None)

    # What

    def _judge(self, result: float | Failure | None) -> None:
        """
        What came of a check.
        """
        cluster, now = self._health.cluster, self._clock.seconds()
        if not isinstance(result, Failure):
            self._broken = False
            self._tell(cluster.checked(self._address, result, now))
            return
        problem, reason = result.value, result.getErrorMessage()
        # Where none is known, it is not the host that has changed.
        if isinstance(problem, HostKeyRefused) and problem.known:
            self._tell(cluster.keyRefused(self._address, problem.key, reason, now))
        elif isinstance(problem, HostUnavailable):
            self._failed(reason)
        else:
            self._ebBroken(result)

    def _ebBroken(self, failure: Failure) -> None:
        """
        It is the check that has failed.
        """
        if not self._broken:
            self._broken = True
            self._log.failure("the check of {host} failed", failure, host=str(self._address))
        self._failed(f"the check of {self._address} failed: {type(failure.value).__name__}")

    def _failed(self, reason: str) -> None:
        now = self._clock.seconds()
        self._tell(self._health.cluster.checkFailed(self._address, reason, now))

    def _tell(self, change: Change | None) -> None:
        """
        Tell of a change; whoever cannot take it does not end the checks.
        """
        if change is None:
            return
        try:
            self._health.told(change)
        except Exception:
            self._log.failure("the change of {host} was lost", host=str(self._address))


def _cancelled(call: IDelayedCall | None) -> bool:
    """
    @return: whether it was still to come, and comes no more.
    """
    if call is None or not call.active():
        return False
    call.cancel()
    return True
