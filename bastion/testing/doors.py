"""
Doors for tests: open ones, and those of a gateway in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from bastion.admission.limits import Startups
from bastion.auth.outcome import LoginImpossible
from bastion.config.admission import AdmissionTable
from bastion.gateway.doors import DoorsOf
from bastion.gateway.entrance import Doors


class OpenDoor:
    """
    Lets every login pass (L{bastion.auth.door.Door}), unless it is told to refuse.

    @ivar refusals: what to refuse with: C{"try"} and C{"enter"}.
    @ivar notice: what a user is to know who has come in.
    @ivar digested: the secrets that a host has refused, each time.
    """

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.notice: str | None = None
        self.digested: list[tuple[bytes, ...]] = []

    async def mayTry(self) -> None:
        """
        See L{bastion.auth.door.Door}.
        """
        self._pass("try")

    async def mayEnter(self) -> str | None:
        """
        See L{bastion.auth.door.Door}.
        """
        self._pass("enter")
        return self.notice

    def _pass(self, what: str) -> None:
        if what in self.refusals:
            raise LoginImpossible(self.refusals[what])

    def digest(self, answers: Sequence[bytes]) -> bytes:
        """
        See L{bastion.auth.door.Door}.
        """
        self.digested.append(tuple(answers))
        return b"a digest"


def doorsOf(table: AdmissionTable, clock: Any) -> Doors:
    """
    What stands in front of a gateway in memory; of the crowd at it, chance drops nobody.
    """
    limits = table.max_startups
    startups = Startups(
        limits.start, limits.rate, limits.full, table.per_source_startups, lambda: 0.0
    )
    return evolve(DoorsOf(clock).of(table), startups=startups)
