"""
What is known of one host of a cluster (pure).

Its state changes as the table of L{bastion.hosts.states} says, and no more often by its
health than the cluster's rules allow.  What comes earlier is counted, and the next event
decides.
"""

from __future__ import annotations

from attrs import define, field, frozen

from bastion.hosts.states import HEALTH, TRANSITIONS, Event, State, rank
from bastion.interfaces import HostAddress
from bastion.state import Choice

#: How much the latest handshake counts in the moving average.
SMOOTHING = 0.2
#: A suspect host of which nothing was heard for so long is tried again like one that is
#: up, in seconds: without checks nobody else would find out.
PROBATION = 60.0
#: The share of its weight that a host comes back with.
SLOWEST_START = 0.1


@frozen
class HostSettings:
    """
    A host, as the configuration has it.

    @ivar weight: how much of the work it shall get beside the others, above 0.
    @ivar maxSessions: it has room for so many leases; 0 for any number.
    @ivar choice: the same, as a store is offered it.
    """

    address: HostAddress
    weight: float = 1.0
    maxSessions: int = 0
    choice: Choice = field(init=False, repr=False, eq=False)

    @choice.default
    def _choice(self) -> Choice:
        return Choice(self.address, self.maxSessions)


@frozen
class Change:
    """
    A host has changed its state.

    @ivar reason: why, for the log and for operators.
    """

    host: HostAddress
    old: State
    new: State
    reason: str


@define(eq=False)
class Host:
    """
    One host.

    All times are in seconds since 1970.

    @ivar since: when it came to its state, and C{reason} is why.
    @ivar latency: how long its handshake takes, in seconds, a moving average; L{None}
        while that is not known.
    @ivar lastChecked: when a check has ended last, or its key was refused.
    @ivar lastProblem: what went wrong last, in words.
    @ivar offeredKey: of a quarantined host, the key that it offered last; empty if that
        is the known one again.
    @ivar slow: whether it is held back for being slower than the others.
    @ivar heard: when something was heard of it last.
    @ivar good: how many in a row went well, be it checks or users' handshakes.
    @ivar bad: how many checks in a row have failed.
    """

    settings: HostSettings
    since: float
    state: State = State.UP
    reason: str = "nothing is known against it"
    latency: float | None = None
    lastChecked: float | None = None
    lastProblem: str = ""
    offeredKey: bytes = field(default=b"", repr=False)
    slow: bool = False
    heard: float = field(init=False)
    good: int = 0
    bad: int = 0
    _turned: float | None = field(default=None, init=False)
    _comingBack: bool = field(default=False, init=False)
    _cameBack: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.heard = self.since

    def wentWell(self, seconds: float | None, now: float) -> None:
        """
        It has answered.

        @param seconds: how long its handshake took, if there was one.
        """
        self.heard = now
        self.good += 1
        self.bad = 0
        if seconds is not None:
            before = seconds if self.latency is None else self.latency
            self.latency = before + SMOOTHING * (seconds - before)
            # It could not have ended with another key than the known one.
            self.offeredKey = b""

    def wentWrong(self, problem: str, now: float) -> None:
        """
        It has not answered as it should.
        """
        self.heard = now
        self.good = 0
        self.lastProblem = problem

    def happened(self, event: Event, reason: str, now: float, hold: float) -> Change | None:
        """
        Change the state, if the table knows C{event}.

        @param hold: events of its health change nothing for so long after one that
            did, in seconds.
        """
        new = TRANSITIONS[self.state].get(event)
        if new is None:
            return None
        if event in HEALTH:
            if _within(hold, self._turned, now):
                return None
            self._turned = now
        return self.become(new, reason, now)

    def become(self, new: State, reason: str, now: float) -> Change:
        """
        Take a state.
        """
        change = Change(self.settings.address, self.state, new, reason)
        self.state, self.reason, self.since = new, reason, now
        self.heard = now
        if new is State.UP:
            if self._comingBack:
                self._comingBack, self._cameBack = False, now
        elif new is not State.SUSPECT:
            self._leaveService()
        if new is not State.QUARANTINED:
            self.offeredKey = b""
        return change

    def _leaveService(self) -> None:
        """
        What was measured before says nothing about the host that comes back.
        """
        self._comingBack, self._cameBack = True, None
        self.good = self.bad = 0
        self.latency = None
        self.slow = False

    def rank(self, now: float) -> int | None:
        """
        As L{bastion.hosts.states.rank}; a suspect host that is left alone is given
        another chance.
        """
        if self.state is State.SUSPECT and not _within(PROBATION, self.heard, now):
            return rank(State.UP)
        return rank(self.state)

    def weight(self, now: float, slowStart: float) -> float:
        """
        How much of the work it gets; less in the time after it has come back.
        """
        if self._cameBack is None or not _within(slowStart, self._cameBack, now):
            return self.settings.weight
        risen = (now - self._cameBack) / slowStart
        return self.settings.weight * (SLOWEST_START + (1 - SLOWEST_START) * risen)


def _within(seconds: float, since: float | None, now: float) -> bool:
    """
    Whether C{since} is less than C{seconds} ago.  A clock that was set back does not
    make that last for hours.
    """
    return since is not None and 0 <= now - since < seconds
