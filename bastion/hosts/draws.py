"""
The few that come first, out of many (pure).

A login needs one host, and another one if that is full.  To put 400 in order takes
longer than to find the first; so a few are chosen with care.  Those behind them are
tried only if these are all full: a host that fails is gone when the strategy is asked
again.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from math import log1p

from bastion.interfaces import Candidate

#: How many are a few.
FEW = 8


def drawn(strengths: Sequence[float], randomness: random.Random) -> list[int]:
    """
    Draw some places, one after the other, each in proportion to its strength among
    those that are left: who is drawn again has not been drawn.
    """
    if not strengths:
        return []
    heights = list(accumulate(strengths))
    chance, top = randomness.random, heights[-1]
    return [bisect(heights, chance() * top) for _ in range(FEW)]


def arriving(numbers: Sequence[float], weights: Sequence[float]) -> list[int]:
    """
    The places of those that arrive first, in their order; about L{FEW}.

    @param numbers: 1 plus a chance, of each.
    @param weights: how many times the average one it arrives in a time.
    """
    until = FEW / sum(weights)
    while True:
        # Never later than by the logarithm, which is worth its time for few only.
        early = [
            place
            for place, (number, weight) in enumerate(zip(numbers, weights, strict=True))
            if number < 1.0 + until * weight
        ]
        times = {place: -log1p(1.0 - numbers[place]) / weights[place] for place in early}
        early.sort(key=times.__getitem__)
        if early and times[early[0]] < until:
            return early
        until *= 2


def inFront(candidates: Sequence[Candidate], places: Sequence[int]) -> list[Candidate]:
    """
    Put some in front of the others, which follow in their order, but from elsewhere on
    for each who is first: none is the next one for everybody.
    """
    if not candidates:
        return []
    first = list(dict.fromkeys(places))
    others = list(candidates)
    for place in sorted(first, reverse=True):
        del others[place]
    ranked = [candidates[place] for place in first]
    return [*ranked, *others[first[0] :], *others[: first[0]]]
