"""
L{bastion.relay.shaping}: whatever its ends do, in whatever order, nothing is lost and no
more passes than the ceilings allow.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.task import Clock

from bastion.relay.ceiling import START, burst
from bastion.relay.channels import End
from bastion.relay.flow import Flow
from bastion.relay.shaping import Shaping, Share
from bastion.wire import Malformed

MIB = 2**20
GATEWAYS = [0, 30_000, MIB, 40 * MIB]
ACCOUNTS = [(b"a", MIB), (b"b", 20_000), (b"c", 0), (b"d", 600 * MIB)]


@define(eq=False)
class Limit:
    """
    The model of one ceiling: its rate, and what has passed it.

    @ivar lowest: the least that ever had passed more than the rate allowed.
    @ivar debts: what closed channels owed, since then.
    """

    rate: int
    passed: int = 0
    lowest: float = 0.0
    debts: int = 0

    def check(self, now: float) -> None:
        """
        Since whatever moment one looks, no more has passed than comes in the time since, one
        burst, the advances of who was new, and what was sent beyond the windows.
        """
        over = self.passed - self.rate * now
        if over <= self.lowest:
            self.lowest, self.debts = over, 0
        assert over - self.lowest <= burst(self.rate) + START + self.debts + 1


@define(eq=False)
class Pipe:
    """
    The model of one direction of a channel.

    @ivar granted: by the receiver, all in all.
    @ivar told: to the sender.
    @ivar used: by the sender.
    @ivar regranted: what the receiver has taken and granted anew.
    """

    sender: End
    limits: list[Limit]
    granted: int
    told: int = 0
    used: int = 0
    regranted: int = 0
    flow: Flow = field(init=False)

    def gets(self, size: int) -> None:
        """
        The sender is told of more.
        """
        assert size > 0
        self.told += size
        for each in self.limits:
            each.passed += size

    def sends(self, size: int) -> None:
        """
        The sender uses its window, as far as it has one.
        """
        size = min(size, self.told - self.used)
        if size > 0:
            self.used += size
            self.flow.used(size)

    def takes(self, size: int) -> None:
        """
        The receiver grants anew what has come.
        """
        size = min(size, self.used - self.regranted)
        if size:
            self.regranted += size
            self.granted += size
            self.flow.granted(size)

    def closes(self) -> None:
        """
        The channel is over; what is not used has not passed, and what was used has.
        """
        for each in self.limits:
            each.passed -= self.told - self.used
            each.debts += self.debt
        self.flow.close()

    @property
    def debt(self) -> int:
        """
        What was sent beyond the window.
        """
        return max(0, self.used - self.told)

    @property
    def most(self) -> int:
        """
        What it may have unused.
        """
        return burst(min(each.rate for each in self.limits))


@define(eq=False)
class Visit:
    """
    A connection of the model.

    @ivar debts: what closed channels owed, by who sent.
    """

    key: tuple[bytes, int]
    share: Share
    limits: list[dict[End, Limit]]
    pipes: list[Pipe] = field(factory=list)
    debts: dict[End, int] = field(factory=lambda: dict.fromkeys(End, 0))

    def owes(self, sender: End) -> int:
        """
        What a sender has sent beyond all its windows.
        """
        pipes = (pipe for pipe in self.pipes if pipe.sender is sender)
        return self.debts[sender] + sum(pipe.debt for pipe in pipes)


class Walk(RuleBasedStateMachine):
    """
    A gateway and its model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.shaping: Any = None
        self.gateway: dict[End, Limit] = {}
        self.accounts: dict[tuple[bytes, int], dict[End, Limit]] = {}
        self.visits: list[Visit] = []

    def limit(self, rate: int) -> dict[End, Limit]:
        """
        A ceiling that begins now.
        """
        since = -rate * self.clock.seconds()
        return {end: Limit(rate, 0, since) for end in End}

    def pipe(self, number: int) -> Pipe:
        """
        One of those that are open.
        """
        pipes = [pipe for visit in self.visits for pipe in visit.pipes]
        return pipes[number % len(pipes)]

    @precondition(lambda self: self.shaping is None)
    @rule(rate=st.sampled_from(GATEWAYS))
    def start(self, rate: int) -> None:
        """
        There is a gateway.
        """
        self.shaping = Shaping(rate, self.clock)
        self.gateway = self.limit(rate) if rate else {}

    @precondition(lambda self: self.shaping is not None)
    @rule(key=st.sampled_from(ACCOUNTS))
    def join(self, key: tuple[bytes, int]) -> None:
        """
        Somebody logs in.
        """
        share = self.shaping.join(*key)
        assert (share is None) == (not key[1] and not self.gateway)
        if share is None:
            return
        limits = [self.gateway] if self.gateway else []
        if key[1]:
            limits.append(self.accounts.setdefault(key, self.limit(key[1])))
        self.visits.append(Visit(key, share, limits))

    @precondition(lambda self: self.visits)
    @rule(
        number=st.integers(0, 3),
        sender=st.sampled_from(End),
        window=st.sampled_from([0, 1, 5000, START, 2 * MIB, 2**32 - 1]),
        interactive=st.booleans(),
    )
    def open(self, number: int, sender: End, window: int, interactive: bool) -> None:
        """
        A channel.
        """
        visit = self.visits[number % len(self.visits)]
        pipe = Pipe(sender, [each[sender] for each in visit.limits], window)
        pipe.flow = visit.share.flow(sender, pipe.gets)
        pipe.flow.interactive = interactive
        pipe.flow.begin(window)
        visit.pipes.append(pipe)

    @precondition(lambda self: self.visits)
    @rule(number=st.integers(0, 3), sender=st.sampled_from(End), many=st.integers(2, 40))
    def hurry(self, number: int, sender: End, many: int) -> None:
        """
        Channel after channel, each of which sends at once what it may.
        """
        for _ in range(many):
            self.open(number, sender, 2 * MIB, False)
            visit = self.visits[number % len(self.visits)]
            visit.pipes[-1].sends(MIB)
            self.closed(visit, visit.pipes[-1])

    @precondition(lambda self: any(visit.pipes for visit in self.visits))
    @rule(number=st.integers(0, 15), size=st.sampled_from([1, 100, 32_768, MIB, 2**32]))
    def send(self, number: int, size: int) -> None:
        """
        A sender does.
        """
        self.pipe(number).sends(size)

    @precondition(lambda self: any(visit.pipes for visit in self.visits))
    @rule(number=st.integers(0, 15), size=st.sampled_from([1, 5000, START // 2, START]))
    def exceed(self, number: int, size: int) -> None:
        """
        A sender sends beyond its window; whose debts are too large is thrown out.
        """
        pipe = self.pipe(number)
        [visit] = [each for each in self.visits if pipe in each.pipes]
        pipe.sends(2**32)
        pipe.used += size
        if visit.owes(pipe.sender) <= START:
            pipe.flow.used(size)
            return
        with pytest.raises(Malformed):
            pipe.flow.used(size)
        self.leave(self.visits.index(visit))

    @precondition(lambda self: any(visit.pipes for visit in self.visits))
    @rule(number=st.integers(0, 15), size=st.sampled_from([1, 100, 98_304, 2**32]))
    def take(self, number: int, size: int) -> None:
        """
        A receiver does.
        """
        self.pipe(number).takes(size)

    @precondition(lambda self: any(visit.pipes for visit in self.visits))
    @rule(number=st.integers(0, 15), interactive=st.booleans())
    def type(self, number: int, interactive: bool) -> None:
        """
        A channel has a terminal.
        """
        self.pipe(number).flow.interactive = interactive

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.005, 0.03, 0.25, 1.0, 10.0]))
    def live(self, seconds: float) -> None:
        """
        Time passes.
        """
        self.clock.advance(seconds)

    @precondition(lambda self: any(visit.pipes for visit in self.visits))
    @rule(number=st.integers(0, 15))
    def close(self, number: int) -> None:
        """
        A channel.
        """
        pipe = self.pipe(number)
        [visit] = [each for each in self.visits if pipe in each.pipes]
        self.closed(visit, pipe)

    def closed(self, visit: Visit, pipe: Pipe) -> None:
        """
        A channel is.
        """
        visit.debts[pipe.sender] += pipe.debt
        visit.pipes.remove(pipe)
        pipe.closes()

    @precondition(lambda self: self.visits)
    @rule(number=st.integers(0, 3))
    def leave(self, number: int) -> None:
        """
        Somebody is gone.
        """
        visit = self.visits.pop(number % len(self.visits))
        for pipe in visit.pipes:
            pipe.closes()
        visit.share.leave()
        if not any(each.key == visit.key for each in self.visits):
            self.accounts.pop(visit.key, None)

    @invariant()
    def holds(self) -> None:
        """
        What must hold at any time.
        """
        if self.shaping is None:
            return
        now = self.clock.seconds()
        for limits in (self.gateway, *self.accounts.values()):
            for each in limits.values():
                each.check(now)
        assert len(self.shaping) == len(self.accounts)
        for visit in self.visits:
            assert len(visit.share) == len(visit.pipes)
            for pipe in visit.pipes:
                assert pipe.told <= pipe.granted
                assert pipe.told - pipe.used <= pipe.most
        assert len(self.clock.getDelayedCalls()) <= any(visit.pipes for visit in self.visits)

    def teardown(self) -> None:
        """
        Every sender uses what it gets: it gets everything.  Then all leave.
        """
        pipes = [pipe for visit in self.visits for pipe in visit.pipes]
        small = [pipe for pipe in pipes if pipe.granted < 2**31]
        for pipe in {*pipes} - {*small}:
            pipe.closes()
        for _ in range(4000):
            if all(pipe.told == pipe.granted for pipe in small):
                break
            for pipe in small:
                pipe.sends(2**32)
            self.clock.advance(4)
        assert [pipe.told for pipe in small] == [pipe.granted for pipe in small]
        assert self.clock.getDelayedCalls() == []
        for visit in self.visits:
            visit.share.leave()
        assert self.clock.getDelayedCalls() == []
        assert self.shaping is None or len(self.shaping) == 0


Walk.TestCase.settings = settings(max_examples=80, stateful_step_count=50)
TestWalks = Walk.TestCase
