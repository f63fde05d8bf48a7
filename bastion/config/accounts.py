"""
The tables of accounts; see L{bastion.config.schema}.

They may be in a file of their own, too: L{bastion.config.accountsfile}.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from attrs import field, frozen

from bastion.config.named import checkGateways, gatewayName, readNamed
from bastion.config.problems import quoted
from bastion.config.readers import UNREAD, Draft, Place, each, key, listOf, one
from bastion.config.values import durationBetween, found, optional, sentence, text

#: That there may be, in the configuration or in a file of their own: each login looks
#: for its own among them.
MOST_ACCOUNTS = 5000
#: Of a pattern, in characters.
_LONGEST = 64
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")


@frozen
class HoursOfDay:
    """
    A time of every day, from C{begin} until C{end}; it may pass midnight.
    """

    begin: time
    end: time

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def pattern(value: object) -> str:
    """
    Which accounts a table is about, with C{*} and C{?}.
    """
    needed = 'an account, or a pattern with "*" and "?" such as "in*"'
    given = text(value, needed)
    if len(given) > _LONGEST:
        raise ValueError(f"{quoted(given)} has more than {_LONGEST} characters; write fewer")
    if not given.isprintable():
        raise ValueError(f"{quoted(given)} has characters that cannot be seen; write {needed}")
    if "[" in given:
        raise ValueError(f'"[" cannot be in it; write {needed}')
    return given


def hoursOfDay(value: object) -> HoursOfDay:
    """
    C{begin-end}, such as C{"08:00-20:00"}.
    """
    needed = 'the hours of a day, such as "08:00-20:00", or "22:00-06:00" for a night'
    given = text(value, needed)
    match = _HOURS.fullmatch(given)
    if match is None:
        raise ValueError(f"{quoted(given)} are no hours; write {needed}")
    hour, minute, *until = (int(number) for number in match.groups())
    untilHour, untilMinute = until if until != [24, 0] else (0, 0)
    try:
        hours = HoursOfDay(time(hour, minute), time(untilHour, untilMinute))
    except ValueError:
        raise ValueError(f"{quoted(given)}: there is no such time; write {needed}") from None
    if hours.begin == hours.end:
        raise ValueError(f"{quoted(given)} ends when it begins; leave it out for all day")
    return hours


def _days(value: object) -> range:
    needed = 'a day such as "mon", or several such as "mon-fri"'
    given = text(value, needed)
    first, _, last = given.partition("-")
    last = last if "-" in given else first
    if first not in _DAYS or last not in _DAYS:
        days = ", ".join(_DAYS)
        raise ValueError(f"{quoted(given)} is no day; write {needed}; the days are: {days}")
    begin, end = _DAYS.index(first), _DAYS.index(last)
    return range(begin, (end if begin <= end else end + len(_DAYS)) + 1)


def daysOfWeek(value: object, place: Place) -> Any:
    """
    Read a list of days, or of ranges of days.

    @return: the days in their order, Monday being 0.
    """
    items = listOf(value, '["mon-fri"]', 0, place)
    if items is UNREAD:
        return UNREAD
    read = [one(_days)(item, place) for item in items]
    known = [days for days in read if days is not UNREAD]
    return tuple(sorted({day % len(_DAYS) for days in known for day in days}))


def _written(value: str, needed: str) -> date:
    if not _MOMENT.fullmatch(text(value, needed)):
        raise ValueError(f"{quoted(value)} is no date; write {needed}")
    try:
        return datetime.fromisoformat(value) if ":" in value else date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"there is no {quoted(value)}; write {needed}") from None


def _moment(value: object) -> date:
    needed = 'a date with a time of the day or without, such as "2026-11-20 08:00" or 2026-11-20'
    given = _written(value, needed) if isinstance(value, str) else value
    if not isinstance(given, date):
        raise ValueError(f"found {found(given)}; write {needed}")
    if isinstance(given, datetime) and given.tzinfo is not None:
        raise ValueError(
            f"{given} says how far it is from UTC; times are those of the bastion's machine: "
            f"write {needed}"
        )
    return given


def beginning(value: object) -> datetime:
    """
    A date, which is its beginning, or a moment of one; local time.
    """
    moment = _moment(value)
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


def ending(value: object) -> datetime:
    """
    A date, which is its end, or a moment of one; local time.
    """
    moment = _moment(value)
    if isinstance(moment, datetime):
        return moment
    try:
        return datetime.combine(moment + timedelta(days=1), time())
    except OverflowError:
        raise ValueError(f"{moment} does not end; leave the key out for ever") from None


@frozen(kw_only=True)
class AccountTable:
    """
    C{[account.PATTERN]}: when and where some accounts may log in.  The first table that
    fits an account decides.

    @ivar pattern: with C{*} and C{?}.
    @ivar gateways: the names of those where they may; L{None} for all.
    @ivar hours: when, of each day; empty for always.
    @ivar days: on which days of the week, Monday being 0; empty for all.
    @ivar from_: from when on; L{None} for ever.
    @ivar until: until when; L{None} for ever.
    @ivar closed: the words for a user who comes after that; L{None} for the built-in
        ones.
    @ivar notice: for how long before C{until} a user is told so at each login, in
        seconds; 0 for not at all.
    """

    pattern: str
    gateways: tuple[str, ...] | None = field(
        default=None, metadata=key(each(gatewayName, '["esrf"]'))
    )
    hours: tuple[HoursOfDay, ...] = field(
        default=(), metadata=key(each(hoursOfDay, '["08:00-20:00"]'))
    )
    days: tuple[int, ...] = field(default=(), metadata=key(daysOfWeek))
    from_: datetime | None = field(default=None, metadata=key(one(optional(beginning))))
    until: datetime | None = field(default=None, metadata=key(one(optional(ending))))
    closed: str | None = field(default=None, metadata=key(one(optional(sentence))))
    notice: float = field(
        default=86400.0, metadata=key(one(durationBetween("1m", "90d", off=True)))
    )


def readAccounts(tables: object, place: Place) -> dict[str, Draft]:
    """
    Read all tables of accounts.
    """
    if isinstance(tables, dict) and len(tables) > MOST_ACCOUNTS:
        place.note(
            f"there are {len(tables)} tables, and at most {MOST_ACCOUNTS} can be; leave out "
            'the accounts that closed long ago, or write patterns with "*" and "?"'
        )
        return {}
    return readNamed(AccountTable, tables, place, pattern)


def checkAccounts(drafts: Mapping[str, Draft], gateways: Collection[str], place: Place) -> None:
    """
    Note what is wrong between the keys of a table, and with the gateways that it names.
    """
    checkGateways(drafts, gateways, place)
    for name, draft in drafts.items():
        _checkTimes(draft, place.below(name))


def _checkTimes(draft: Draft, place: Place) -> None:
    opens, closes = draft.values.get("from_"), draft.values.get("until")
    if opens is not None and closes is not None and opens >= closes:
        place.below("until").note(
            f"that is {closes}, which is not after {opens} of from; write a later one"
        )
    endless = "until" not in draft.written or draft.values.get("until", UNREAD) is None
    if endless and draft.values.get("closed") is not None:
        place.below("closed").note('there is no "until" after which it is said; leave it out')


def accountTables(drafts: Mapping[str, Draft]) -> tuple[AccountTable, ...]:
    """
    Make the tables of what could be read without a problem.
    """
    return tuple(AccountTable(pattern=name, **draft.values) for name, draft in drafts.items())
