"""
The strategies that come with the bastion (pure).

One class each, with the class of its options; offered by
C{twisted/plugins/bastion_extensions.py}.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from bastion.interfaces import Candidate, HostRequest, IStrategy


@frozen
class NoOptions:
    """
    Nothing to set.
    """


@implementer(IStrategy)
class Ordered:
    """
    The order of the configuration.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None: ...

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        return candidates


@implementer(IStrategy)
class Random:
    """
    Any order.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions, randomness: random.Random | None = None) -> None:
        """
        @param randomness: where chance comes from.
        """
        self._randomness = randomness or random.SystemRandom()

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        return self._randomness.sample(candidates, len(candidates))


@implementer(IStrategy)
class RoundRobin:
    """
    Each login starts one host further down the list.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None:
        self._turn = 0

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        if not candidates:
            return candidates
        first = self._turn % len(candidates)
        self._turn = first + 1
        return [*candidates[first:], *candidates[:first]]


@implementer(IStrategy)
class LeastSessions:
    """
    The fewest sessions first; among equals, one after the other.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None:
        self._turns = RoundRobin(options)

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        inTurn = self._turns.rank(candidates, request)
        return sorted(inTurn, key=lambda candidate: candidate.sessions)
