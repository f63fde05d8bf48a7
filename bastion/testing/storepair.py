"""
Two state stores that share everything, spoken to in turn: what holds at all has to hold
across processes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, evolve, field
from twisted.internet.task import Clock

from bastion.interfaces import HostAddress
from bastion.state import AdminState, Choice, Granted, StickyKey

#: The hosts of the cluster C{"nice"}.
ONE, TWO, THREE = HOSTS = tuple(HostAddress(f"nice{number}.example.org") for number in (1, 2, 3))

#: For how long a key comes back, in seconds.
STICKY = 60.0
#: An account, from two sources; and another account, with what a name can hold.
JOHNSON = StickyKey("nice", b"johnson", b"johnson\x00192.0.2.7", STICKY)
ELSEWHERE = evolve(JOHNSON, visitor=b"johnson\x00198.51.100.7")
OTHER = StickyKey("nice", b'j\xf6hns\x00n"\\\n', b'j\xf6hns\x00n"\\\n\x00192.0.2.7', STICKY)
#: In a cluster without stickiness.
UNSTICKY = evolve(JOHNSON, seconds=0.0)


def fired(deferred: Any) -> Any:
    """
    The result of a Deferred that has fired; what it failed with is raised.
    """
    results: list[Any] = []
    failures: list[Any] = []
    deferred.addCallbacks(results.append, failures.append)
    for failure in failures:
        failure.raiseException()
    (result,) = results
    return result


@define(eq=False)
class StorePair:
    """
    Two stores, or twice the same one.

    @ivar make: makes them.
    @ivar folder: where they may keep files; L{None} for nowhere.
    @ivar wait: the result of a Deferred; what it failed with is raised.
    @ivar clock: what time it is.
    """

    make: Callable[[Clock], tuple[Any, Any]]
    folder: Path | None
    wait: Callable[[Any], Any] = fired
    clock: Clock = field(factory=Clock)
    _stores: list[Any] = field(init=False, factory=list)

    def open(self) -> None:
        """
        Make and open them.
        """
        one, other = self.make(self.clock)
        self._stores = [one] if one is other else [one, other]
        for store in self._stores:
            self.wait(store.open(self.clock, self.folder))

    def close(self) -> None:
        """
        Close them.
        """
        for store in self._stores:
            self.wait(store.close())

    def restart(self, away: float = 0.0) -> None:
        """
        Close them, and open others some seconds later.
        """
        self.close()
        self.clock.advance(away)
        self.open()

    def turn(self) -> Any:
        """
        The store whose turn it is.
        """
        self._stores.append(self._stores.pop(0))
        return self._stores[0]

    # Leases

    def acquire(self, sticky: StickyKey, *choices: HostAddress | Choice) -> Granted:
        """
        Take a place.

        @param choices: any host when there are none.
        """
        given = [each if isinstance(each, Choice) else Choice(each) for each in choices or HOSTS]
        granted: Granted = self.wait(self.turn().acquire(sticky, given))
        return granted

    def confirm(self, *tokens: str) -> None:
        """
        The hosts have accepted these logins.
        """
        for token in tokens:
            self.wait(self.turn().confirm(token))

    def release(self, *tokens: str) -> None:
        """
        Give places back.
        """
        for token in tokens:
            self.wait(self.turn().release(token))

    def login(self, sticky: StickyKey, host: HostAddress) -> str:
        """
        Take a place on a host, and be accepted.

        @return: the token.
        """
        token = self.acquire(sticky, host).token
        self.confirm(token)
        return token

    def visit(self, sticky: StickyKey, host: HostAddress) -> None:
        """
        A login and its end.
        """
        self.release(self.login(sticky, host))

    def counts(self, cluster: str = "nice") -> tuple[int, ...]:
        """
        The leases on each host.
        """
        counts = self.wait(self.turn().counts(cluster))
        return tuple(counts.get(host, 0) for host in HOSTS)

    def home(self, sticky: StickyKey) -> HostAddress | None:
        """
        The host that a login would prefer.
        """
        return next(iter(self.homes(sticky)), None)

    def homes(self, sticky: StickyKey) -> list[HostAddress]:
        """
        All that it would prefer to others.
        """
        return [*self.wait(self.turn().stickyHosts(sticky))]

    # Administrative states

    def note(self, host: HostAddress, state: AdminState | None, cluster: str = "nice") -> None:
        """
        Note an administrative state, or take it back.
        """
        self.wait(self.turn().setAdminState(cluster, host, state))

    def states(self, cluster: str = "nice") -> dict[HostAddress, AdminState]:
        """
        The administrative states.
        """
        return dict(self.wait(self.turn().adminStates(cluster)))
