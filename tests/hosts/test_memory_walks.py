"""
L{bastion.hosts.memory}: whatever is asked of it, in whatever order, it agrees with a
model that keeps everything and looks through all of it each time.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.task import Clock

from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.state import AdminState, Choice, StickyKey
from bastion.testing.storepair import HOSTS, StorePair

BEGIN = 1795600000.0
STICKY = {"nice": 60.0, "ill": 25.0, "embl": 0.0}
#: Cluster, account and source.
KEYS = [
    StickyKey(cluster, account, account + source, STICKY[cluster])
    for cluster, account, source in (
        ("nice", b"a", b"1"),
        ("nice", b"a", b"2"),
        ("nice", b"b", b"1"),
        ("ill", b"a", b"1"),
        ("embl", b"a", b"1"),
    )
]


@define
class Login:
    """
    What the model knows of a lease.

    @ivar ended: when it was released, if it was.
    @ivar came: its turn among all confirmations, if it was confirmed.
    """

    sticky: StickyKey
    host: HostAddress
    came: int | None = None
    ended: float | None = None


@define
class Model:
    """
    Every login there ever was, in their order.
    """

    logins: dict[str, Login] = field(factory=dict)

    def count(self, cluster: str, host: HostAddress) -> int:
        """
        The leases on a host.
        """
        return sum(
            each.sticky.cluster == cluster and each.host == host and each.ended is None
            for each in self.logins.values()
        )

    def pending(self, sticky: StickyKey) -> list[HostAddress]:
        """
        The hosts of a visitor's unfinished logins, the one asked for last first.
        """
        whom = (sticky.cluster, sticky.visitor)
        mine = [
            each
            for each in self.logins.values()
            if (each.sticky.cluster, each.sticky.visitor) == whom and sticky.seconds
        ]
        there = {each.host for each in mine if each.came is each.ended is None}
        return [each.host for each in reversed(mine) if each.host in there]

    def home(self, sticky: StickyKey, now: float) -> HostAddress | None:
        """
        The host that a key sticks to.
        """
        whom = (sticky.cluster, sticky.key)
        mine = [
            each
            for each in self.logins.values()
            if (each.sticky.cluster, each.sticky.key) == whom and each.came is not None
        ]
        mine.sort(key=lambda each: each.came, reverse=True)
        there = {each.host for each in mine if each.ended is None}
        lately = {each.host for each in mine if each.ended and each.ended + sticky.seconds > now}
        wishes = [each.host for hosts in (there, lately) for each in mine if each.host in hosts]
        return wishes[0] if wishes and sticky.seconds else None


class Walk(RuleBasedStateMachine):
    """
    A store and its model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.pair = StorePair(self.make, self.folder)
        self.pair.clock.advance(1)
        self.pair.open()
        self.model = Model()
        self.states: dict[HostAddress, AdminState] = {}
        self.turn = 0

    def make(self, clock: Clock) -> tuple[Any, Any]:
        """
        The store, once.
        """
        store = MemoryStore(MemoryOptions(), lambda: BEGIN + clock.seconds())
        return store, store

    @property
    def now(self) -> float:
        """
        What time it is.
        """
        return self.pair.clock.seconds()

    def token(self, number: int) -> str:
        """
        One of the tokens that there ever were, mostly a late one.
        """
        return list(self.model.logins)[-1 - number % len(self.model.logins)]

    @rule(
        sticky=st.sampled_from(KEYS),
        order=st.permutations(HOSTS),
        length=st.integers(0, 3),
        limits=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    )
    def acquire(self, sticky: StickyKey, order: list[Any], length: int, limits: list[int]) -> None:
        """
        Somebody wants a place.
        """
        choices = [Choice(*each) for each in zip(order[:length], limits, strict=False)]
        room = [
            each.host
            for each in choices
            if not each.limit or self.model.count(sticky.cluster, each.host) < each.limit
        ]
        home = self.model.home(sticky, self.now)
        wishes = [*self.model.pending(sticky), home, *room]
        expected = next((host for host in wishes if host in room), None)
        try:
            granted = self.pair.wait(self.pair.turn().acquire(sticky, choices))
        except NoHostAvailable:
            assert expected is None
            return
        assert (granted.host, granted.left) == (expected, None if home in room else home)
        assert granted.token not in self.model.logins
        self.model.logins[granted.token] = Login(sticky, granted.host)

    @precondition(lambda self: self.model.logins)
    @rule(number=st.integers(0, 8))
    def confirm(self, number: int) -> None:
        """
        Some login, whatever became of it, is accepted.
        """
        token = self.token(number)
        login = self.model.logins[token]
        if login.came is login.ended is None:
            self.turn += 1
            login.came = self.turn
        self.pair.confirm(token)

    @precondition(lambda self: self.model.logins)
    @rule(number=st.integers(0, 8))
    def release(self, number: int) -> None:
        """
        Some login, whatever became of it, is over.
        """
        token = self.token(number)
        login = self.model.logins[token]
        if login.ended is None:
            login.ended = self.now
        self.pair.release(token)

    @rule(seconds=st.sampled_from([1, 5, 24, 25, 35, 59, 60, 61]))
    def live(self, seconds: int) -> None:
        """
        Time passes.
        """
        self.pair.clock.advance(seconds)

    @rule(host=st.sampled_from(HOSTS), state=st.sampled_from(["drain", "disabled", None]))
    def note(self, host: HostAddress, state: str | None) -> None:
        """
        An operator decides.
        """
        noted = AdminState(state, BEGIN + self.now, "because") if state is not None else None
        self.pair.note(host, noted)
        self.states.pop(host, None)
        if noted is not None:
            self.states[host] = noted

    @rule(away=st.integers(0, 30))
    def restart(self, away: int) -> None:
        """
        The bastion stops in good order, and another one starts.
        """
        for token, login in self.model.logins.items():
            if login.ended is None:
                login.ended = self.now
                self.pair.release(token)
        self.pair.restart(away)

    @invariant()
    def agrees(self) -> None:
        """
        The store says what the model says.
        """
        assert self.pair.states() == self.states
        for cluster in STICKY:
            expected = tuple(self.model.count(cluster, host) for host in HOSTS)
            assert self.pair.counts(cluster) == expected
        for sticky in KEYS:
            wishes = [*self.model.pending(sticky), self.model.home(sticky, self.now)]
            assert self.pair.home(sticky) == wishes[0]

    def teardown(self) -> None:
        """
        Leave nothing.
        """
        self.pair.close()
        shutil.rmtree(self.folder)


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestWalks = Walk.TestCase
