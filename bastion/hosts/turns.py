"""
Turns: what keeps a strategy from sending everybody to one host (pure).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from attrs import define, field

from bastion.interfaces import Candidate, HostAddress

#: A host that is the best all the time gets so many times its share of the logins.
RUSH = 2.0


@define
class Numbers:
    """
    A number for each host, in the order of the candidates.

    The candidates are the same hosts as the last time, nearly always, and the same
    objects: to see that takes less time than to look up two of 400 hosts.

    @ivar unknown: the number of a host that was not seen before.
    """

    unknown: float
    _hosts: list[HostAddress] = field(factory=list, init=False)
    _numbers: list[float] = field(factory=list, init=False)
    _away: dict[HostAddress, float] = field(factory=dict, init=False)

    def of(self, candidates: Sequence[Candidate]) -> list[float]:
        """
        The numbers, to be changed in their place.  They are in the same list for as long
        as the hosts are the same; a host that is away keeps its number.
        """
        hosts = [each.address for each in candidates]
        if hosts != self._hosts:
            self._away.update(zip(self._hosts, self._numbers, strict=True))
            self._hosts = hosts
            self._numbers = [self._away.get(host, self.unknown) for host in hosts]
        return self._numbers


@define
class Spacing:
    """
    The best host is not the best for everybody: until a host is first again, others
    have to be.

    Whatever a strategy looks at is late.  A host that has just come back is empty, and
    the emptiest for as long as it takes to fill; what new sessions move is in the
    averages when they are old; logins that are under way are not counted yet.  If the
    best host were always first, all who come at once, such as those who were thrown out
    of another host, would go to the same one, and its sshd would refuse them.

    The distance is in turns, and depends on the host's share of the weights: nothing is
    counted over a time, and of two hosts either may be first every time.

    @ivar times: a host that is the best all the time is first for so many times its
        share of the logins.
    """

    times: float
    _turn: int = field(default=0, init=False)
    _last: Numbers = field(factory=lambda: Numbers(-inf), init=False)

    def last(self, candidates: Sequence[Candidate]) -> list[float]:
        """
        The turns in which the candidates were first last; L{Numbers.of} them.
        """
        return self._last.of(candidates)

    def first(
        self, candidates: Sequence[Candidate], last: list[float], order: Iterable[int]
    ) -> int:
        """
        Begin a turn.

        @param last: what L{last} says of the candidates.
        @param order: the places of those who would be first, the best one's first.
        @return: which of them is first, as its place in C{order}; -1 if it is the turn of
            none.
        """
        self._turn += 1
        weights = [each.weight for each in candidates]
        share = sum(weights) / self.times
        for number, place in enumerate(order):
            if (self._turn - last[place]) * weights[place] >= share:
                last[place] = self._turn
                return number
        return -1


@define
class LeastFirst:
    """
    The least load first, equals in turn; but no host is first for more than L{RUSH}
    times its share of the logins (L{Spacing}).

    The order of the last time is where the next one begins: few loads have changed, and
    what is nearly in order is put in order in a third of the time.
    """

    _spacing: Spacing = field(factory=lambda: Spacing(RUSH), init=False)
    _last: list[float] = field(factory=list, init=False)
    # The hosts' places in the list; the one that was first the last time stands last.
    _order: list[int] = field(factory=list, init=False)

    def ranked(self, candidates: Sequence[Candidate], loads: Sequence[float]) -> list[Candidate]:
        """
        Put the candidates in order.

        @param loads: one for each, in their order.
        """
        if not candidates:
            return []
        last = self._spacing.last(candidates)
        if last is not self._last:
            self._last, self._order = last, sorted(range(len(last)), key=last.__getitem__)
        order = sorted(self._order, key=loads.__getitem__)
        first = order.pop(max(self._spacing.first(candidates, last, order), 0))
        self._order = [*order, first]
        return [candidates[place] for place in (first, *order)]
