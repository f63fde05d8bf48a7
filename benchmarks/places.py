"""
How a login of a simulation gets its place on a host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen
from twisted.internet.task import Clock

from bastion.hosts.memory import MemoryOptions, MemoryStore
from bastion.interfaces import Candidate, HostAddress
from bastion.state import Choice, Granted, StickyKey


@frozen
class Place:
    """
    A place that was taken.

    @ivar token: what to give back.
    """

    host: HostAddress
    token: str = ""


class Places(Protocol):
    """
    Gives places.
    """

    def take(self, now: float, account: bytes, ranked: Sequence[Candidate]) -> Place:
        """
        Take a place for a login.
        """

    def give(self, now: float, place: Place) -> None:
        """
        Give it back.
        """


class FirstPlace:
    """
    The strategy alone: on the host that it puts first.
    """

    def take(self, now: float, account: bytes, ranked: Sequence[Candidate]) -> Place:
        """
        See L{Places}.
        """
        return Place(ranked[0].address)

    def give(self, now: float, place: Place) -> None:
        """
        See L{Places}.
        """


@frozen
class StoredPlaces:
    """
    The strategy and the embedded store, which knows where an account was.

    @ivar seconds: for how long an account comes back to its host.
    """

    seconds: float
    _clock: Clock = field(factory=Clock, init=False)
    _store: MemoryStore = field(factory=lambda: MemoryStore(MemoryOptions()), init=False)
    _choices: dict[HostAddress, Choice] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._store.open(self._clock, None)

    def take(self, now: float, account: bytes, ranked: Sequence[Candidate]) -> Place:
        """
        See L{Places}.
        """
        self._clock.rightNow = now
        choices = [self._choices.get(each.address) or self._choice(each.address) for each in ranked]
        granted: list[Granted] = []
        key = StickyKey("nice", account, account, self.seconds)
        self._store.acquire(key, choices).addCallback(granted.append)
        (one,) = granted
        self._store.confirm(one.token)
        return Place(one.host, one.token)

    def give(self, now: float, place: Place) -> None:
        """
        See L{Places}.
        """
        self._clock.rightNow = now
        self._store.release(place.token)

    def _choice(self, host: HostAddress) -> Choice:
        return self._choices.setdefault(host, Choice(host))
