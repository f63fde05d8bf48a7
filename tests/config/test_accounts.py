"""
Tests of L{bastion.config.accounts}.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest

from bastion.config.accounts import (
    MOST_ACCOUNTS,
    AccountTable,
    HoursOfDay,
    beginning,
    daysOfWeek,
    ending,
    hoursOfDay,
    pattern,
    readAccounts,
)
from bastion.config.load import load
from bastion.config.problems import ConfigurationError
from bastion.config.readers import Installed, Place

GATEWAYS = """
[gateway.esrf]
listen = "tcp:5022"
notice = "No."
[gateway.ill]
listen = "tcp:5023"
notice = "No."
"""


def accounts(tables: str, installed: Installed) -> tuple[AccountTable, ...]:
    """
    The tables of a configuration.
    """
    return load(GATEWAYS + tables, Path("/etc/bastion"), installed).accounts


def problems(tables: str, installed: Installed) -> list[str]:
    """
    What an operator is told about them.
    """
    with pytest.raises(ConfigurationError) as refused:
        accounts(tables, installed)
    return str(refused.value).split("\n")


def test_tablesAreInTheOrderOfTheFile(installed: Installed) -> None:
    tables = accounts('[account.in1000]\n[account."in*"]\n[account."*"]\n', installed)
    assert [table.pattern for table in tables] == ["in1000", "in*", "*"]


def test_withoutTablesThereAreNone(installed: Installed) -> None:
    assert accounts("", installed) == ()


def test_whatIsNotSaidIsNotRestricted(installed: Installed) -> None:
    assert accounts("[account.in1000]", installed) == (
        AccountTable(
            pattern="in1000",
            gateways=None,
            hours=(),
            days=(),
            from_=None,
            until=None,
            closed=None,
            notice=86400.0,
        ),
    )


def test_everyKeyHasItsMeaning(installed: Installed) -> None:
    tables = accounts(
        """
[account."in?000"]
gateways = ["ill", "esrf"]
hours = ["08:00-12:00", "22:00-6:00"]
days = ["sat-mon", "wed"]
from = 2026-11-20
until = "2026-12-24 12:00"
closed = "The experiment is over."
notice = "3d"
[account.closed]
gateways = []
from = ""
until = ""
closed = ""
notice = "0s"
""",
        installed,
    )
    assert tables == (
        AccountTable(
            pattern="in?000",
            gateways=("ill", "esrf"),
            hours=(HoursOfDay(time(8), time(12)), HoursOfDay(time(22), time(6))),
            days=(0, 2, 5, 6),
            from_=datetime(2026, 11, 20),
            until=datetime(2026, 12, 24, 12),
            closed="The experiment is over.",
            notice=3 * 86400.0,
        ),
        AccountTable(pattern="closed", gateways=(), notice=0.0),
    )


# The values


@pytest.mark.parametrize("given", ["in1000", "in*", "*", "?", "a.b@c d", "é*", "x" * 64])
def test_patternMayHaveWhatCanBeSeen(given: str) -> None:
    assert pattern(given) == given


@pytest.mark.parametrize(
    ("parse", "value", "understood"),
    [
        (hoursOfDay, "08:00-20:00", HoursOfDay(time(8), time(20))),
        (hoursOfDay, "8:30-9:45", HoursOfDay(time(8, 30), time(9, 45))),
        (hoursOfDay, "22:00-06:00", HoursOfDay(time(22), time(6))),
        (hoursOfDay, "20:00-24:00", HoursOfDay(time(20), time(0))),
        (beginning, datetime(2026, 11, 20).date(), datetime(2026, 11, 20)),
        (beginning, datetime(2026, 11, 20, 8, 30), datetime(2026, 11, 20, 8, 30)),
        (beginning, "2026-11-20", datetime(2026, 11, 20)),
        (beginning, "2026-11-20 08:30", datetime(2026, 11, 20, 8, 30)),
        (beginning, "2026-11-20T08:30:15", datetime(2026, 11, 20, 8, 30, 15)),
        (ending, datetime(2026, 12, 31).date(), datetime(2027, 1, 1)),
        (ending, "2028-02-28", datetime(2028, 2, 29)),
        (ending, "2026-12-31 00:00", datetime(2026, 12, 31)),
        (ending, datetime(2026, 12, 31), datetime(2026, 12, 31)),
    ],
)
def test_rightValueIsUnderstood(
    parse: Callable[[object], Any], value: object, understood: object
) -> None:
    assert parse(value) == understood


def test_hoursAreWrittenAsInTheFile() -> None:
    assert str(hoursOfDay("8:00-20:30")) == "08:00-20:30"


WHO = 'write an account, or a pattern with "*" and "?" such as "in*"'
WHEN = 'write the hours of a day, such as "08:00-20:00", or "22:00-06:00" for a night'
DATE = 'write a date with a time of the day or without, such as "2026-11-20 08:00" or 2026-11-20'


@pytest.mark.parametrize(
    ("parse", "value", "problem"),
    [
        (pattern, "", f"the string is empty; {WHO}"),
        (pattern, "in\n", f'"in\\n" has a control character; {WHO}'),
        (pattern, "in\u200b", f'"in\\u200b" has characters that cannot be seen; {WHO}'),
        (pattern, "x" * 65, f'"{"x" * 65}" has more than 64 characters; write fewer'),
        (pattern, "in[0-9]", f'"[" cannot be in it; {WHO}'),
        (hoursOfDay, 8, f"found the whole number 8; {WHEN}"),
        (hoursOfDay, time(8), f"found the date or time 08:00:00; {WHEN}"),
        (hoursOfDay, "8-20", f'"8-20" are no hours; {WHEN}'),
        (hoursOfDay, "08:00-20:00\n", f'"08:00-20:00\\n" has a control character; {WHEN}'),
        (hoursOfDay, "08:00-20:60", f'"08:00-20:60": there is no such time; {WHEN}'),
        (hoursOfDay, "24:00-08:00", f'"24:00-08:00": there is no such time; {WHEN}'),
        (hoursOfDay, "08:00-24:30", f'"08:00-24:30": there is no such time; {WHEN}'),
        (hoursOfDay, "08:00-8:00", '"08:00-8:00" ends when it begins; leave it out for all day'),
        (hoursOfDay, "00:00-24:00", '"00:00-24:00" ends when it begins; leave it out for all day'),
        (beginning, "", f"the string is empty; {DATE}"),
        (beginning, 20261120, f"found the whole number 20261120; {DATE}"),
        (beginning, time(8), f"found the date or time 08:00:00; {DATE}"),
        (beginning, "20.11.2026", f'"20.11.2026" is no date; {DATE}'),
        (beginning, "2026-11-20 8:00", f'"2026-11-20 8:00" is no date; {DATE}'),
        (beginning, "2026-11-20T08:00Z", f'"2026-11-20T08:00Z" is no date; {DATE}'),
        (beginning, "2026-11-31", f'there is no "2026-11-31"; {DATE}'),
        (ending, "2026-11-20 24:00", f'there is no "2026-11-20 24:00"; {DATE}'),
        (ending, "9999-12-31", "9999-12-31 does not end; leave the key out for ever"),
        (
            ending,
            datetime.fromisoformat("2026-11-20T08:00:00+01:00"),
            "2026-11-20 08:00:00+01:00 says how far it is from UTC; times are those of the "
            f"bastion's machine: {DATE}",
        ),
    ],
)
def test_wrongValueIsRefusedWithTheRemedy(
    parse: Callable[[object], Any], value: object, problem: str
) -> None:
    with pytest.raises(ValueError) as refused:
        parse(value)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("value", "days"),
    [
        ([], ()),
        (["sun"], (6,)),
        (["mon-fri"], (0, 1, 2, 3, 4)),
        (["sat-mon"], (0, 5, 6)),
        (["tue-mon"], (0, 1, 2, 3, 4, 5, 6)),
        (["wed", "mon-wed", "mon"], (0, 1, 2)),
    ],
)
def test_daysAreInTheOrderOfTheWeek(value: object, days: tuple[int, ...], place: Place) -> None:
    assert daysOfWeek(value, place) == days
    assert place.noted == []


def test_wrongDaysAreAllNoted(place: Place) -> None:
    daysOfWeek("mon", place)
    assert daysOfWeek(["Mon", "mon", "mon-", 1, "mon-tue-wed"], place) == (0,)

    needed = 'write a day such as "mon", or several such as "mon-fri"'
    days = "the days are: mon, tue, wed, thu, fri, sat, sun"
    assert [problem for _, problem in place.noted] == [
        'found the string "mon"; write a list such as ["mon-fri"]',
        f'"Mon" is no day; {needed}; {days}',
        f'"mon-" is no day; {needed}; {days}',
        f"found the whole number 1; {needed}",
        f'"mon-tue-wed" is no day; {needed}; {days}',
    ]


# Several tables


def test_everyMistakeIsTold(installed: Installed) -> None:
    tables = """
[account]
hours = ["08:00-20:00"]
[account."in[1]"]
gateways = ["ill", "isis", 5]
form = 2026-11-20
days = "mon"
[account.in1000]
from = 2026-11-20
until = "2026-11-20 00:00"
[account.in1001]
closed = "Over."
notice = "1s"
"""
    told = problems(tables, installed)
    assert told == [
        "account.hours: this key belongs in [account.NAME], not here",
        f'account."in[1]": "[" cannot be in it; {WHO}',
        'account."in[1]".gateways: found the whole number 5; '
        'write the name of a gateway, such as "esrf"',
        'account."in[1]".gateways: no gateway named "isis"; there are: esrf, ill',
        'account."in[1]".form: unknown key; did you mean "from"?',
        'account."in[1]".days: found the string "mon"; write a list such as ["mon-fri"]',
        "account.in1000.until: that is 2026-11-20 00:00:00, which is not after "
        "2026-11-20 00:00:00 of from; write a later one",
        'account.in1001.closed: there is no "until" after which it is said; leave it out',
        'account.in1001.notice: "1s" is out of range; write at least "1m" and at most "90d", '
        'or "0s" for not at all',
    ]


@pytest.mark.parametrize("until", ['until = ""', ""])
def test_wordsAfterAnEndNeedAnEnd(until: str, installed: Installed) -> None:
    (problem,) = problems(f'[account.a]\nclosed = "Over."\n{until}', installed)
    assert problem.startswith("account.a.closed: ")


def test_wrongEndIsOneProblem(installed: Installed) -> None:
    (problem,) = problems('[account.a]\nclosed = "Over."\nuntil = 5', installed)
    assert problem.startswith("account.a.until: ")


def test_dayMayBeginAndEndAtTheSameDate(installed: Installed) -> None:
    (table,) = accounts("[account.a]\nfrom = 2026-11-20\nuntil = 2026-11-20", installed)
    assert (table.from_, table.until) == (datetime(2026, 11, 20), datetime(2026, 11, 21))


def test_gatewaysAreNotMissedWhereThereAreNone(installed: Installed) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load('[account.a]\ngateways = ["esrf"]', Path("/"), installed)
    assert [problem.path for problem in refused.value.problems] == ["gateway"]


def test_patternWithoutQuotesIsExplained(installed: Installed) -> None:
    assert problems("[account.in*]", installed) == [
        "line 8, column 12: not TOML: Expected ']' at the end of a table declaration; "
        'a name with "*" needs quotes, as in [account."in*"]'
    ]


def test_thereAreOnlySoManyTables(place: Place) -> None:
    most: dict[str, object] = {f"in{number}": {} for number in range(MOST_ACCOUNTS)}
    assert len(readAccounts(most, place)) == MOST_ACCOUNTS
    assert place.noted == []

    assert readAccounts(most | {"more": {}}, place) == {}
    assert place.noted == [
        (
            ("here",),
            "there are 5001 tables, and at most 5000 can be; leave out the accounts that "
            'closed long ago, or write patterns with "*" and "?"',
        )
    ]
