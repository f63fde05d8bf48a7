"""
What one client has to pass before and beside its host: the rules, the waiting times, the
limits; and what is noted of it in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bastion.admission.accounts import AccountRules
from bastion.admission.counts import Connections, Sessions
from bastion.admission.gate import Gate
from bastion.admission.limits import Startups
from bastion.admission.rules import Rules
from bastion.admission.sources import Address, addressOf
from bastion.audit.events import ConnectionLog
from bastion.auth.outcome import LoginImpossible
from bastion.errors import AdmissionRefused
from bastion.state import IPenaltyStore, Penalty, PenaltyKind
from bastion.wire import shown

_log = Logger()


@frozen
class Doors:
    """
    What stands in front of one gateway.

    @ivar gate: the rules about networks.
    @ivar startups: who has not logged in yet.
    @ivar connections: how many there may be.
    @ivar sessions: how many logins an account may have.
    @ivar rules: what is asked of each client.
    @ivar accounts: which accounts may log in when.
    @ivar penalties: who has to wait; L{None} for nobody.
    @ivar clock: what time it is.
    """

    gate: Gate
    startups: Startups
    connections: Connections
    sessions: Sessions
    rules: Rules
    accounts: Callable[[], AccountRules]
    penalties: IPenaltyStore | None
    clock: IReactorTime

    def penalty(self, address: Address) -> str | None:
        """
        Why a source is kept out at its arrival, if the store says so at once: it is
        decided before a byte is sent.
        """
        if self.penalties is None:
            return None
        found: list[str | None] = []
        asked: Deferred[Any] = self.penalties.refusal(address)
        asked.addCallback(found.append).addErrback(lambda _: None)
        return found[0] if found else None


class Entrance:
    """
    The way in of one client; it is the L{bastion.auth.door.Door} of its login.

    @ivar moved: what its user is to be told of the host behind the login, and not before:
        a stranger would see which accounts have been here.  Empty for nothing.
    """

    def __init__(
        self,
        doors: Doors,
        source: str,
        gateway: str,
        log: ConnectionLog,
        denial: str | None,
        lost: Callable[[], None],
    ) -> None:
        """
        @param source: the client's address, as text without a port.
        @param gateway: the gateway's name.
        @param denial: why the client cannot log in, for its user; L{None} if it may, as
            far as is known when it connects.
        @param lost: called when its place goes to another source.
        """
        self.moved = ""
        self._doors = doors
        self._address = addressOf(source)
        self._gateway = gateway
        self._events = log
        self._startup = doors.startups.arrived(self._address, lost)
        # Who is denied is there for as long as a newcomer, and takes no other's place.
        self._place = doors.connections.arrived(self._address) if denial is None else None
        self._session: Any = None
        self._account: bytes | None = None
        # Who hears why it is denied is excused; who does not ask has only had keys made.
        self._kind: PenaltyKind | None = PenaltyKind.NOAUTH
        self._refusal = denial
        self._waiting: list[Deferred[None]] = []
        rules = doors.rules if denial is None else Rules()
        deciding = Deferred.fromCoroutine(rules.admit(source, self._reported))
        self._deciding: Deferred[Any] | None = deciding
        deciding.addErrback(self._ebRefused).addBoth(self._cbDecided)

    # What the rules say

    def _reported(self, sentence: str) -> None:
        self._events.event("admission.reported", reason=sentence)

    def _ebRefused(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        failure.trap(AdmissionRefused)
        self._refusal = failure.getErrorMessage()
        self._kind = PenaltyKind.REFUSED if getattr(failure.value, "lasting", False) else None

    def _cbDecided(self, result: Any) -> None:
        if isinstance(result, Failure):
            _log.failure("admission failed for a reason of ours; the client is refused", result)
            self._refusal = "The gateway could not decide."
            self._kind = None
        self._deciding = None
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def _decided(self) -> Deferred[None]:
        decided: Deferred[None] = Deferred()
        if self._deciding is None:
            decided.callback(None)
        else:
            self._waiting.append(decided)
        return decided

    def whenAdmitted(self, call: Callable[[], None]) -> None:
        """
        Call when the rules have let the client in; at once if they have.
        """

        def decided(_: None) -> None:
            if self._refusal is None:
                call()

        self._decided().addCallback(decided)

    # The login: bastion.auth.door.Door

    def named(self, account: bytes) -> None:
        """
        The client has named its account.
        """
        self._account = account
        self._startup.named = True

    async def mayTry(self) -> None:
        """
        See L{bastion.auth.door.Door}.
        """
        await self._decided()
        if self._refusal is not None:
            raise LoginImpossible(self._refusal)
        self._checkAccount()
        if self._doors.penalties is not None:
            sentence = await self._doors.penalties.refusalOf(self._address, self._account or b"")
            if sentence is not None:
                # It is known for what it has done: its source has nothing to do with it.
                self._kind = None
                raise LoginImpossible(sentence)

    def _checkAccount(self) -> None:
        assert self._account is not None, "it was named"
        now = self._now()
        refusal = self._doors.accounts().refusal(self._account, self._gateway, now)
        if refusal is not None:
            self._kind = PenaltyKind.REFUSED
            raise LoginImpossible(refusal)

    async def mayEnter(self) -> str | None:
        """
        See L{bastion.auth.door.Door}.
        """
        assert self._account is not None, "it was named"
        self._checkAccount()
        full = self._doors.sessions.refusal(self._address, self._account)
        if full is not None:
            self._kind = None
            raise LoginImpossible(full)
        self._session = self._doors.sessions.began(self._address, self._account)
        warning = self._doors.accounts().warning(self._account, self._now())
        return "\r\n".join(filter(None, (self.moved, warning))) or None

    def digest(self, answers: Sequence[bytes]) -> bytes:
        """
        See L{bastion.auth.door.Door}.
        """
        if self._doors.penalties is None:
            return b""
        digest: bytes = self._doors.penalties.digest(self._account or b"", answers)
        return digest

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._doors.clock.seconds())

    # What becomes of it

    def refused(self, digest: bytes | None) -> None:
        """
        A host has refused an attempt.

        @param digest: of the secrets that were wrong; L{None} if there were none.
        """
        if digest is not None:
            self._kind = None
            self._note(PenaltyKind.AUTHFAIL, digest)

    def accepted(self) -> None:
        """
        The login is done.
        """
        self._startup.over()
        self._kind = None
        if self._doors.penalties is not None:
            self._told(self._doors.penalties.succeeded(self._address, self._account or b""))

    def excused(self) -> None:
        """
        The connection ends for a reason of ours, or of the hosts'.
        """
        if self._kind is PenaltyKind.NOAUTH:
            self._kind = None

    def late(self) -> None:
        """
        The time to log in is over.
        """
        # Who has named no account may be asked by his program whether he knows our key.
        named = self._account is not None
        self._kind = PenaltyKind.GRACE_EXCEEDED if named else PenaltyKind.NOAUTH

    def left(self) -> None:
        """
        The connection is over.
        """
        self._startup.over()
        if self._place is not None:
            self._place.over()
        if self._session is not None:
            self._session.over()
        if self._deciding is not None:
            # Nobody is there any more to be let in.
            self._waiting.clear()
            self._deciding.cancel()
        if self._kind is not None:
            self._note(self._kind)

    def _note(self, kind: PenaltyKind, digest: bytes | None = None) -> None:
        if self._doors.penalties is not None:
            noted = self._doors.penalties.noted(kind, self._address, self._account, digest)
            self._told(noted.addCallback(self._cbNoted))

    def _cbNoted(self, penalties: Sequence[Penalty]) -> None:
        for each in penalties:
            self._events.event(
                "penalty.began",
                kinds=[kind.value for kind in each.kinds],
                whom=each.source if each.account is None else shown(each.account),
                seconds=round(each.until - self._doors.clock.seconds()),
            )

    def _told(self, told: Deferred[Any]) -> None:
        told.addErrback(self._ebStore)

    def _ebStore(self, failure: Failure) -> None:
        _log.error("the store of penalties fails: {problem}", problem=failure.getErrorMessage())
