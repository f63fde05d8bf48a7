"""
What the bastion has to reach: what it must, and what it aims at (pure).

Most targets are ratios to a peer in the same run, because the seconds of one
machine say little about another.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from benchmarks.measures import BULK, DIRECT, Medians

BASTION = "bastion"
FORCE_COMMAND, HAPROXY = "forcecommand", "haproxy"


@frozen
class Limit:
    """
    The most, or the least, that a measure may be.

    @ivar value: in the measure's unit, or a multiple of a peer's measure.
    @ivar peer: that peer.
    """

    value: float
    peer: str | None = None


@frozen
class Target:
    """
    One measure and its limits.

    @ivar atLeast: more is better.
    """

    measure: str
    must: Limit
    aim: Limit
    atLeast: bool = False


TARGETS = (
    *(Target(f"{name}.cpu", Limit(0.40, FORCE_COMMAND), Limit(0.95, HAPROXY)) for name in BULK),
    *(
        Target(f"{name}.rate", Limit(1.0, FORCE_COMMAND), Limit(1.0, HAPROXY), atLeast=True)
        for name in BULK
    ),
    Target("login.wall", Limit(0.50, DIRECT), Limit(0.28, DIRECT)),
    Target("logins.32", Limit(0.80, DIRECT), Limit(1.0, DIRECT), atLeast=True),
    Target("login.cpu", Limit(6), Limit(3.5)),
    Target("echo.added", Limit(0.15), Limit(0.08)),
    Target("echo.busy", Limit(2, DIRECT), Limit(1.2, DIRECT)),
    Target("memory.session", Limit(48), Limit(24)),
    Target("files.put", Limit(1.0, FORCE_COMMAND), Limit(1.1, HAPROXY)),
    Target("files.get", Limit(1.0, FORCE_COMMAND), Limit(1.1, HAPROXY)),
    Target("stall", Limit(100), Limit(20)),
)


class Reached(Enum):
    """
    What a measure has reached.

    @cvar UNKNOWN: the peer that it is compared with was not measured.
    """

    AIM = "aim"
    MUST = "must"
    NOT = "not reached"
    UNKNOWN = "unknown"


@frozen
class Distance:
    """
    How far a measure is from one limit.

    @ivar compared: what the limit's peer has; L{None} without a peer, or when
        the peer was not measured.
    @ivar ratio: the measure as a multiple of it.
    @ivar met: L{None} when that cannot be told.
    """

    limit: Limit
    compared: float | None
    ratio: float | None
    met: bool | None


@frozen
class Verdict:
    """
    A target, and how near the bastion came.

    @ivar value: the bastion's number.
    """

    target: Target
    value: float
    must: Distance
    aim: Distance

    @property
    def reached(self) -> Reached:
        """
        The aim counts only where the must is not missed: they may be about two
        peers.
        """
        if self.must.met is False:
            return Reached.NOT
        if self.aim.met:
            return Reached.AIM
        return Reached.MUST if self.must.met else Reached.UNKNOWN


def distance(value: float, limit: Limit, atLeast: bool, compared: float | None) -> Distance:
    """
    Hold a number against a limit.

    @param compared: the same measure of the limit's peer.
    """
    if limit.peer is None:
        ratio, measured = None, value
    elif not compared:
        return Distance(limit, None, None, None)
    else:
        ratio = measured = value / compared
    met = measured >= limit.value if atLeast else measured <= limit.value
    return Distance(limit, compared if limit.peer else None, ratio, met)


def verdicts(medians: Medians) -> list[Verdict]:
    """
    Every target whose measure was taken of the bastion.
    """
    ours = medians.get(BASTION, {})
    found = []
    for target in TARGETS:
        value = ours.get(target.measure)
        if value is None:
            continue
        must, aim = (
            distance(value, each, target.atLeast, _of(medians, each.peer, target.measure))
            for each in (target.must, target.aim)
        )
        found.append(Verdict(target, value, must, aim))
    return found


def _of(medians: Medians, peer: str | None, measure: str) -> float | None:
    return medians.get(peer, {}).get(measure) if peer else None
