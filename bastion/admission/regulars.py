"""
Which sources several people share (pure).

A campus, or an institute, is one address: many people behind it log in, and some of them
mistype.  It is known by two different accounts that have logged in from there within a day.
One account is not enough: its failures alone never keep its source out, so it needs no
slack, and somebody who has stolen one gets none.
"""

from __future__ import annotations

from attrs import define, field, frozen

from bastion.admission.expiring import Expiring

#: For how long a login speaks for its source, in seconds.
LATELY = 24 * 3600.0


@frozen
class _Logins:
    """
    The latest logins from a source.

    @ivar until: until when the latest one speaks for it.
    @ivar account: whose it was.
    @ivar other: until when the latest one of any other account does.
    """

    until: float
    account: bytes
    other: float = 0.0


@define(eq=False)
class Regulars:
    """
    The sources that somebody has logged in from.

    @ivar limit: how many are remembered.
    """

    limit: int
    _sources: Expiring[str, _Logins] = field(init=False, repr=False)

    @_sources.default
    def _none(self) -> Expiring[str, _Logins]:
        return Expiring(self.limit)

    def __len__(self) -> int:
        """
        How many sources are remembered.
        """
        return len(self._sources)

    def loggedIn(self, source: str, account: bytes, now: float) -> None:
        """
        Note a login.
        """
        until = now + LATELY
        known = self._sources.get(source, now)
        if known is None:
            logins = _Logins(until, account)
        elif known.account == account:
            logins = _Logins(until, account, known.other)
        else:
            logins = _Logins(until, account, other=known.until)
        self._sources.put(source, logins, now)

    def isShared(self, source: str, now: float) -> bool:
        """
        Whether different accounts have logged in from a source lately.
        """
        known = self._sources.get(source, now)
        return known is not None and known.other > now
