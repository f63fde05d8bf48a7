"""
The strategies that come with the bastion (pure).

One class each, with the class of its options; offered by
C{twisted/plugins/bastion_extensions.py}.

A strategy is asked for every login, also for those that then go to the host that their
account sticks to, and again after each host that failed: what it remembers are turns,
not sessions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from attrs import frozen
from zope.interface import implementer

from bastion.hosts.draws import arriving, drawn, inFront
from bastion.hosts.rendezvous import Lanes
from bastion.hosts.turns import LeastFirst, Numbers, Spacing
from bastion.interfaces import Candidate, HostAddress, HostRequest, IStrategy

#: What a session counts for at least, in bytes per second: somebody who types.
_TYPING = 8192.0
#: Handshakes do not differ by less, in seconds: a host on the same machine is not a
#: hundred times as good as one in the next room.
_QUICK = 0.001


@frozen
class NoOptions:
    """
    Nothing to set.
    """


@implementer(IStrategy)
class Ordered:
    """
    The order of the configuration, whatever the weights: the first host is meant to get
    everything.
    """

    Options = NoOptions
    needsAccount = False

    def __init__(self, options: NoOptions) -> None: ...

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        return candidates


@implementer(IStrategy)
class Random:
    """
    Any order; the more a host weighs, the likelier it is first, in proportion.
    """

    Options = NoOptions
    needsAccount = False

    def __init__(self, options: NoOptions, randomness: random.Random | None = None) -> None:
        """
        @param randomness: where chance comes from; nobody gains by guessing it.
        """
        self._randomness = randomness or random.Random()

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        strengths = [each.weight for each in candidates]
        return inFront(candidates, drawn(strengths, self._randomness))


@implementer(IStrategy)
class RoundRobin:
    """
    One host after the other; one of weight 3 has three turns where others have one, and
    they are spread over the round (nginx calls this smooth).

    At each turn a host's debt grows less by its weight, and the one with the least debt
    is first and pays for everybody.  Debts are kept for hosts that are away.
    """

    Options = NoOptions
    needsAccount = False

    def __init__(self, options: NoOptions) -> None:
        self._debts = Numbers(0.0)

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        if not candidates:
            return candidates
        debts = self._debts.of(candidates)
        weights = [each.weight for each in candidates]
        debts[:] = [debt - weight for debt, weight in zip(debts, weights, strict=True)]
        order = sorted(range(len(debts)), key=debts.__getitem__)
        debts[order[0]] += sum(weights)
        return [candidates[place] for place in order]


@implementer(IStrategy)
class LeastSessions:
    """
    The fewest sessions for its weight first, the login's own included: of two empty
    hosts, the one that weighs more.  Equals in turn.

    A host that comes back has none.  It weighs little at first (slow start), and never
    gets more than a few of those who come at once (L{LeastFirst}).
    """

    Options = NoOptions
    needsAccount = False

    def __init__(self, options: NoOptions) -> None:
        self._least = LeastFirst()

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        loads = [(each.sessions + 1) / each.weight for each in candidates]
        return self._least.ranked(candidates, loads)


@implementer(IStrategy)
class LeastBandwidth:
    """
    The host first whose sessions move least for its weight.

    What is moved is an average and is late: the host that moves least would get all
    logins until those have begun to move something.  So a session counts twice, for what
    it moves, and for what a session of the cluster moves on average; the login counts
    for the latter.  A host that has just got a session is behind at once.  Of hosts that
    move the same, the one with the fewest sessions is first; when nothing moves to speak
    of, that is all that counts.  And nobody gets more than a few of those who come at
    once (L{LeastFirst}).
    """

    Options = NoOptions
    needsAccount = False

    def __init__(self, options: NoOptions) -> None:
        self._least = LeastFirst()

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        moved = sum([each.bandwidth for each in candidates])
        sessions = sum([each.sessions for each in candidates])
        average = max(moved / max(sessions, 1), _TYPING)
        loads = [
            (each.bandwidth + average * (each.sessions + 1)) / each.weight for each in candidates
        ]
        return self._least.ranked(candidates, loads)


@implementer(IStrategy)
class UserHash:
    """
    The same hosts for an account every time, without any memory, by every bastion:
    weighted rendezvous hashing (Thaler and Ravishankar, 1998; Schindelhauer and
    Schomaker, 2005).

    Each pair of an account and a host has a number (L{Lanes}); as the logarithm of a
    chance, divided by the weight, it is the time after which the host arrives, and the
    first one gets the account.  The order of the list has nothing to do with it.  When a
    host goes, its accounts are spread over the others, by their weights, and nobody
    else's move; when it comes back they come back, little by little while its weight
    grows.
    """

    Options = NoOptions
    needsAccount = True

    def __init__(self, options: NoOptions) -> None:
        self._hosts: list[HostAddress] = []
        self._lanes = Lanes([])

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        if not candidates:
            return candidates
        hosts = [each.address for each in candidates]
        # The same objects as the last time, nearly always: none is looked into.
        if hosts != self._hosts:
            self._hosts, self._lanes = hosts, Lanes(hosts)
        weights = [each.weight for each in candidates]
        return inFront(candidates, arriving(self._lanes.mixed(request.account), weights))


@implementer(IStrategy)
class Quickest:
    """
    The quicker a host is to be ready for a login, the likelier it is first: for hosts
    whose load does not come from here.

    How long it takes says how busy a host is: with a queue in front of it, one that has
    half as much time free takes twice as long.  So a host's chance is its weight divided
    by its time, which is what it has free.  The quickest host is not always first, for
    two reasons: it would get everybody until its average shows it, and a host that is a
    little slower than the others would never get anybody.

    A host without a time counts as the average of the others, and is put in front of
    them in its turn, once for so many logins as there are hosts, until it has one.
    """

    Options = NoOptions
    needsAccount = False

    def __init__(self, options: NoOptions, randomness: random.Random | None = None) -> None:
        """
        @param randomness: where chance comes from.
        """
        self._randomness = randomness or random.Random()
        self._unknown = Spacing(1.0)

    def rank(self, candidates: Sequence[Candidate], request: HostRequest) -> Sequence[Candidate]:
        """
        See L{IStrategy}.
        """
        known = [each.latency for each in candidates if each.latency is not None]
        average = sum(known) / len(known) if known else 1.0
        strengths = [
            each.weight / (_QUICK + (average if each.latency is None else each.latency))
            for each in candidates
        ]
        places = drawn(strengths, self._randomness)
        if len(known) < len(candidates):
            unknown = [place for place, each in enumerate(candidates) if each.latency is None]
            first = self._unknown.first(candidates, self._unknown.last(candidates), unknown)
            places = places if first < 0 else [unknown[first], *places]
        return inFront(candidates, places)
