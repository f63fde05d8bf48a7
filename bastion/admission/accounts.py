"""
Which accounts may log in, where and when.

The first rule that fits an account decides; one that none fits may log in.  Times are
those of the clock on the wall where the bastion is: experiments have those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase, translate

from attrs import Factory, field, frozen

from bastion.wire import shown

#: Of an account in a sentence, in characters.
_SHOWN = 64
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@frozen
class Hours:
    """
    A time of every day; it may pass midnight.

    @ivar begin: from then on.
    @ivar end: until then.
    """

    begin: time
    end: time

    def __contains__(self, moment: time) -> bool:
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end

    def day(self, now: datetime) -> int:
        """
        The day of the week to which a moment in it belongs: what has begun before midnight
        is of the day before.
        """
        isOfYesterday = self.begin > self.end and now.time() < self.end
        return (now - timedelta(days=isOfYesterday)).weekday()

    def __str__(self) -> str:
        return f"{self.begin:%H:%M} to {self.end:%H:%M}"


@frozen
class AccountRule:
    """
    What holds for the accounts of a pattern.

    @ivar pattern: with C{*} and C{?}, as in a shell.
    @ivar gateways: where they may log in; L{None} for everywhere.
    @ivar hours: when, of each day; empty for always.
    @ivar days: on which days of the week, Monday being 0; empty for all.
    @ivar opens: from when on; L{None} for ever.
    @ivar closes: until when.
    @ivar closed: what their users are told after that; empty for the built-in words.
    @ivar notice: for how long before C{closes} they are told so at each login, in
        seconds; 0 for not at all.
    """

    pattern: str
    gateways: Sequence[str] | None = None
    hours: Sequence[Hours] = ()
    days: Sequence[int] = ()
    opens: datetime | None = None
    closes: datetime | None = None
    closed: str = ""
    notice: float = 0.0

    def fits(self, account: str) -> bool:
        """
        Whether the rule is about an account.
        """
        return fnmatchcase(account, self.pattern)

    def refusal(self, account: str, gateway: str, now: datetime) -> str | None:
        """
        Why the account cannot log in, in a sentence for its user.

        @param now: local time.
        """
        name = shown(account.encode("utf-8", "surrogateescape"), _SHOWN)
        if self.gateways is not None and gateway not in self.gateways:
            return f"The account {name} cannot log in here."
        if self.opens is not None and now < self.opens:
            return f"The account {name} opens on {_said(self.opens)}."
        if self.closes is not None and now >= self.closes:
            return self.closed or f"The account {name} closed on {_said(self.closes)}."
        if not self._isTheTime(now):
            return f"The account {name} can log in {self._when()}."
        return None

    def _isTheTime(self, now: datetime) -> bool:
        days = [now.weekday()]
        if self.hours:
            days = [each.day(now) for each in self.hours if now.time() in each]
        return any(day in (self.days or [day]) for day in days)

    def _when(self) -> str:
        words = []
        if self.hours:
            words.append("from " + " and ".join(map(str, self.hours)))
        if self.days:
            words.append("on " + ", ".join(DAYS[day].title() for day in self.days))
        return " ".join(words)

    def warning(self, account: str, now: datetime) -> str | None:
        """
        What the user is told at a login because the account closes soon.
        """
        if self.closes is None or not self.notice:
            return None
        left = self.closes - now
        if left.total_seconds() > self.notice:
            return None
        name = shown(account.encode("utf-8", "surrogateescape"), _SHOWN)
        return f"The account {name} closes on {_said(self.closes)}, in {_left(left)}."


@frozen
class AccountRules:
    """
    All rules, in the order of the file.
    """

    rules: Sequence[AccountRule] = ()
    # Of thousands of accounts in a calendar nearly all are names and no patterns.
    _names: Mapping[str, int] = field(
        init=False,
        eq=False,
        repr=False,
        default=Factory(lambda self: self._named(), takes_self=True),
    )
    _patterns: Sequence[tuple[int, re.Pattern[str]]] = field(
        init=False,
        eq=False,
        repr=False,
        default=Factory(lambda self: self._compiled(), takes_self=True),
    )

    def _named(self) -> dict[str, int]:
        names: dict[str, int] = {}
        for number, rule in enumerate(self.rules):
            if not _isPattern(rule.pattern):
                names.setdefault(rule.pattern, number)
        return names

    def _compiled(self) -> list[tuple[int, re.Pattern[str]]]:
        return [
            (number, re.compile(translate(rule.pattern)))
            for number, rule in enumerate(self.rules)
            if _isPattern(rule.pattern)
        ]

    def _rule(self, account: str) -> AccountRule | None:
        first = self._names.get(account, len(self.rules))
        for number, expression in self._patterns:
            if number >= first:
                break
            if expression.match(account):
                return self.rules[number]
        return self.rules[first] if first < len(self.rules) else None

    def refusal(self, account: bytes, gateway: str, now: datetime) -> str | None:
        """
        Why an account cannot log in; L{None} if it may try.
        """
        name = account.decode("utf-8", "surrogateescape")
        rule = self._rule(name)
        return rule.refusal(name, gateway, now) if rule is not None else None

    def warning(self, account: bytes, now: datetime) -> str | None:
        """
        What its user is to know; L{None} for nothing.
        """
        name = account.decode("utf-8", "surrogateescape")
        rule = self._rule(name)
        return rule.warning(name, now) if rule is not None else None


def _isPattern(pattern: str) -> bool:
    return any(each in pattern for each in "*?[")


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _left(left: timedelta) -> str:
    hours = int(left.total_seconds()) // 3600
    if hours >= 48:
        return f"{hours // 24} days"
    if hours >= 2:
        return f"{hours} hours"
    minutes = max(1, int(left.total_seconds()) // 60)
    return f"{minutes} minutes" if minutes > 1 else "1 minute"
