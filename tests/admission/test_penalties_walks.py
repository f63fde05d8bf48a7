"""
L{bastion.admission.penalties}: whatever happens, in whatever order, it agrees with a model in
which every second of waiting is taken away as it passes, and which looks through all that
there ever was.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict

from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bastion.admission.penalties import Penalties, Rules
from bastion.state import PenaltyKind

SOURCES = {
    "192.0.2.7": ipaddress.ip_address("::ffff:192.0.2.7"),
    "192.0.2.8": ipaddress.ip_address("192.0.2.8"),
    "2001:db8::/64": ipaddress.ip_address("2001:db8::7"),
}
ACCOUNTS = [b"a", b"b", b"c", b"d", b"e"]
SECONDS = {"authfail": 5.0, "noauth": 1.0, "grace-exceeded": 10.0, "refuseconnection": 10.0}
DAY = 86_400

Key = tuple[str, bytes | None]


@define
class Waiting:
    """
    @ivar left: seconds.
    @ivar isOut: whether they keep somebody out.
    @ivar kinds: what for; the latest stands last.
    """

    left: float = 0.0
    isOut: bool = False
    kinds: list[PenaltyKind] = field(factory=list)

    def passes(self, seconds: float) -> None:
        """
        Time does.
        """
        self.left = max(0.0, self.left - seconds)
        if not self.left:
            self.isOut, self.kinds = False, []

    def add(self, kind: PenaltyKind, seconds: float, least: float) -> bool:
        """
        More of it; whether it keeps somebody out since now.
        """
        self.left = min(600.0, self.left + seconds)
        self.kinds = [*(each for each in self.kinds if each is not kind), kind]
        before, self.isOut = self.isOut, self.isOut or self.left > least
        return self.isOut and not before


@define
class Event:
    """
    Something of an account's that was noted.

    @ivar secret: the wrong secret, if there was one.
    @ivar counted: whether it has counted against its source.
    """

    time: float
    key: Key
    secret: int | None
    counted: bool = False


class Walk(RuleBasedStateMachine):
    """
    Penalties and their model.
    """

    def __init__(self) -> None:
        super().__init__()
        self.penalties = Penalties(Rules(), bytes(32))
        self.now = 1795600000.0
        self.waiting: dict[Key, Waiting] = defaultdict(Waiting)
        self.events: list[Event] = []
        self.logins: list[tuple[float, str, bytes]] = []

    def lately(self, key: Key, seconds: float) -> list[Event]:
        """
        What was noted of an account.
        """
        return [each for each in self.events if each.key == key and each.time > self.now - seconds]

    def knows(self, key: Key, secret: int) -> bool:
        """
        Whether a wrong secret is nothing new: back from now there was no quiet day before it.
        """
        quiet = self.now
        for each in reversed([each for each in self.events if each.key == key]):
            if quiet - each.time >= DAY:
                return False
            if each.secret == secret:
                return True
            quiet = each.time
        return False

    def charge(self, source: str, kind: PenaltyKind) -> bool:
        """
        Count against a source.
        """
        day = self.now - DAY
        people = {account for time, where, account in self.logins if where == source and time > day}
        slack = 2 if len(people) > 1 else 1
        return self.waiting[source, None].add(kind, SECONDS[kind.value] / slack, 15.0 * slack)

    def expected(self, kind: PenaltyKind, key: Key, secret: int | None) -> list[Key]:
        """
        Who is kept out since now, by the model.
        """
        source, account = key
        whole: Key = (source, None)
        if account is None or kind is PenaltyKind.NOAUTH:
            return [whole] if self.charge(source, kind) else []
        event = Event(self.now, key, secret)
        isNew = secret is None or not self.knows(key, secret)
        begun = []
        if isNew:
            if self.waiting[key].add(kind, SECONDS[kind.value], 15.0):
                begun.append(key)
            if not any(each.counted for each in self.lately(key, 60)):
                event.counted = True
                if self.charge(source, kind):
                    begun.append(whole)
        if secret is not None or event.counted:
            self.events.append(event)
        return begun

    @rule(
        kind=st.sampled_from(PenaltyKind),
        source=st.sampled_from(sorted(SOURCES)),
        account=st.none() | st.sampled_from(ACCOUNTS),
        secret=st.none() | st.integers(0, 3),
        times=st.integers(1, 4),
    )
    def note(
        self,
        kind: PenaltyKind,
        source: str,
        account: bytes | None,
        secret: int | None,
        times: int,
    ) -> None:
        """
        Something happens; wrong secrets are told where there is an account.
        """
        secret = secret if account is not None else None
        for _ in range(times):
            digest = None
            if secret is not None and account is not None:
                digest = self.penalties.digest(account, [bytes([secret])])
            begun = self.penalties.noted(kind, SOURCES[source], account, digest, self.now)
            keys = [(each.source, each.account) for each in begun]
            assert keys == self.expected(kind, (source, account), secret)

    @rule(source=st.sampled_from(sorted(SOURCES)), account=st.sampled_from(ACCOUNTS))
    def login(self, source: str, account: bytes) -> None:
        """
        Somebody logs in.
        """
        self.penalties.succeeded(SOURCES[source], account, self.now)
        self.logins.append((self.now, source, account))

    @rule(seconds=st.sampled_from([0.5, 1, 4, 5, 10, 15, 45, 59.5, 60, 600, DAY - 60, DAY]))
    def live(self, seconds: float) -> None:
        """
        Time passes.
        """
        self.now += seconds
        for each in self.waiting.values():
            each.passes(seconds)

    @rule(source=st.sampled_from(sorted(SOURCES)), account=st.none() | st.sampled_from(ACCOUNTS))
    def lift(self, source: str, account: bytes | None) -> None:
        """
        An operator takes something back.
        """
        meant = [
            key
            for key, each in self.waiting.items()
            if each.left and key[0] == source and account in (None, key[1])
        ]
        lifted = self.penalties.lift(source, account, self.now)
        assert {(each.source, each.account) for each in lifted} == set(meant)
        for key in meant:
            del self.waiting[key]

    @invariant()
    def agrees(self) -> None:
        """
        The penalties say what the model says.
        """
        listed = {
            (each.source, each.account): Waiting(
                each.until - self.now, each.active, list(each.kinds)
            )
            for each in self.penalties.listing(self.now)
        }
        assert listed == {key: each for key, each in self.waiting.items() if each.left}
        for source, address in SOURCES.items():
            isOut = self.waiting[source, None].isOut
            assert (self.penalties.refusal(address, self.now) is not None) is isOut
            for account in ACCOUNTS:
                isOut = self.waiting[source, account].isOut
                sentence = self.penalties.refusalOf(address, account, self.now)
                assert (sentence is not None) is isOut


Walk.TestCase.settings = settings(max_examples=100, stateful_step_count=50)
TestWalks = Walk.TestCase
