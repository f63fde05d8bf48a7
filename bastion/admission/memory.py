"""
The embedded store of penalties, in the memory of this process: nothing survives it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from attrs import evolve
from twisted.internet.defer import Deferred, execute, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from bastion.admission.penalties import Penalties, Rules
from bastion.admission.sources import Address
from bastion.state import IPenaltyStore, Penalty, PenaltyKind


@implementer(IPenaltyStore)
class MemoryPenalties:
    """
    See L{IPenaltyStore}.
    """

    def __init__(self, rules: Rules) -> None:
        self._penalties = Penalties(rules, secrets.token_bytes(32))
        self._clock: IReactorTime
        self._latest = self._lost = 0.0

    def open(self, clock: IReactorTime) -> Deferred[None]:
        """
        See L{IPenaltyStore}.
        """
        self._clock = clock
        self._latest = clock.seconds()
        return succeed(None)

    def close(self) -> Deferred[None]:
        """
        See L{IPenaltyStore}.
        """
        return succeed(None)

    def digest(self, account: bytes, answers: Sequence[bytes]) -> bytes:
        """
        See L{IPenaltyStore}.
        """
        return self._penalties.digest(account, answers)

    def refusal(self, source: Address) -> Deferred[str | None]:
        """
        See L{IPenaltyStore}.
        """
        return succeed(self._penalties.refusal(source, self._now()))

    def refusalOf(self, source: Address, account: bytes) -> Deferred[str | None]:
        """
        See L{IPenaltyStore}.
        """
        return succeed(self._penalties.refusalOf(source, account, self._now()))

    def noted(
        self,
        kind: PenaltyKind,
        source: Address,
        account: bytes | None = None,
        digest: bytes | None = None,
    ) -> Deferred[list[Penalty]]:
        """
        See L{IPenaltyStore}.
        """
        begun = self._penalties.noted(kind, source, account, digest, self._now())
        return succeed(self._shown(begun))

    def succeeded(self, source: Address, account: bytes) -> Deferred[None]:
        """
        See L{IPenaltyStore}.
        """
        self._penalties.succeeded(source, account, self._now())
        return succeed(None)

    def listing(self) -> Deferred[list[Penalty]]:
        """
        See L{IPenaltyStore}.
        """
        return succeed(self._shown(self._penalties.listing(self._now())))

    def lift(self, source: str, account: bytes | None = None) -> Deferred[list[Penalty]]:
        """
        See L{IPenaltyStore}.
        """
        lifted = execute(self._penalties.lift, source, account, self._now())
        return lifted.addCallback(self._shown)

    def _now(self) -> float:
        """
        Seconds, of which there are never fewer than before.  When the clock is set back, no
        time has passed; when it is set forward, as much has.
        """
        now = self._clock.seconds()
        if now < self._latest:
            self._lost += self._latest - now
        self._latest = now
        return now + self._lost

    def _shown(self, penalties: Sequence[Penalty]) -> list[Penalty]:
        """
        With the clock's own time.
        """
        return [evolve(each, until=each.until - self._lost) for each in penalties]
