"""
L{bastion.admission.accounts}: which accounts may log in, where and when.
"""

from __future__ import annotations

from datetime import datetime, time

import pytest

from bastion.admission.accounts import AccountRule, AccountRules, Hours

NOON = datetime(2026, 11, 25, 12, 0)  # a Wednesday
DAY = Hours(time(8), time(20))
NIGHT = Hours(time(22), time(6))


def refusal(rule: AccountRule, now: datetime = NOON, gateway: str = "esrf") -> str | None:
    """
    Why in1000 cannot log in.
    """
    return AccountRules([rule]).refusal(b"in1000", gateway, now)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("in1000", True), ("in*", True), ("in?000", True), ("*", True), ("IN*", False), ("in", False)],
)
def test_patternFitsTheWholeAccount(pattern: str, fits: bool) -> None:
    assert (refusal(AccountRule(pattern, gateways=[])) is not None) == fits


def test_firstRuleThatFitsDecides() -> None:
    rules = AccountRules([AccountRule("in1*"), AccountRule("*", gateways=[])])

    assert rules.refusal(b"in1000", "esrf", NOON) is None
    assert rules.refusal(b"ch1000", "esrf", NOON) == "The account ch1000 cannot log in here."


def test_accountWithoutARuleMayLogIn() -> None:
    assert AccountRules().refusal(b"in1000", "esrf", NOON) is None
    assert AccountRules().warning(b"in1000", NOON) is None


def test_gatewaysAreNamed() -> None:
    rule = AccountRule("*", gateways=["ill"])

    assert refusal(rule, gateway="ill") is None
    assert refusal(rule) == "The account in1000 cannot log in here."


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2026, 11, 20, 7, 59), "The account in1000 opens on 2026-11-20 08:00."),
        (datetime(2026, 11, 20, 8, 0), None),
        (datetime(2026, 12, 24, 11, 59), None),
        (datetime(2026, 12, 24, 12, 0), "The account in1000 closed on 2026-12-24 12:00."),
    ],
)
def test_accountOpensAndCloses(now: datetime, said: str | None) -> None:
    rule = AccountRule("in*", opens=datetime(2026, 11, 20, 8), closes=datetime(2026, 12, 24, 12))
    assert refusal(rule, now) == said


def test_wordsOfAClosedAccountAreTheOperators() -> None:
    rule = AccountRule("in*", closes=NOON, closed="The experiment is over; ask your contact.")

    assert refusal(rule) == "The experiment is over; ask your contact."


@pytest.mark.parametrize(
    ("hours", "at", "may"),
    [
        (DAY, time(8), True),
        (DAY, time(7, 59), False),
        (DAY, time(19, 59), True),
        (DAY, time(20), False),
        (NIGHT, time(23), True),
        (NIGHT, time(5, 59), True),
        (NIGHT, time(6), False),
        (NIGHT, time(21, 59), False),
    ],
)
def test_hoursMayPassMidnight(hours: Hours, at: time, may: bool) -> None:
    rule = AccountRule("*", hours=[hours])
    assert (refusal(rule, datetime.combine(NOON, at)) is None) == may


def test_daysAreThoseOnWhichTheHoursBegin() -> None:
    rule = AccountRule("*", hours=[NIGHT], days=[4])

    assert refusal(rule, datetime(2026, 11, 27, 23)) is None
    assert refusal(rule, datetime(2026, 11, 28, 5)) is None
    assert refusal(rule, datetime(2026, 11, 28, 23)) is not None
    assert refusal(rule, datetime(2026, 11, 27, 5)) is not None


@pytest.mark.parametrize(
    ("now", "may"),
    [
        (datetime(2026, 11, 23, 4, 59), False),  # a Monday: the night is Sunday's
        (datetime(2026, 11, 23, 5, 30), True),
        (datetime(2026, 11, 28, 5, 30), True),  # a Saturday: the night is Friday's
        (datetime(2026, 11, 28, 6, 0), False),
        (datetime(2026, 11, 29, 5, 30), False),
    ],
)
def test_hoursThatOverlapHaveEachTheirOwnDay(now: datetime, may: bool) -> None:
    for hours in ([NIGHT, Hours(time(5), time(12))], [Hours(time(5), time(12)), NIGHT]):
        rule = AccountRule("*", hours=hours, days=range(5))
        assert (refusal(rule, now) is None) == may


def test_userIsToldWhenToComeBack() -> None:
    rule = AccountRule(
        "*", hours=[Hours(time(8), time(12)), Hours(time(13), time(17))], days=[0, 1]
    )

    assert refusal(rule) == (
        "The account in1000 can log in from 08:00 to 12:00 and 13:00 to 17:00 on Mon, Tue."
    )


def test_daysAloneAreWholeDays() -> None:
    assert refusal(AccountRule("*", days=[2])) is None
    assert refusal(AccountRule("*", days=[2]), datetime(2026, 11, 25, 23, 59, 59)) is None
    assert refusal(AccountRule("*", days=[3])) is not None


@pytest.mark.parametrize(
    ("closes", "warned"),
    [
        (datetime(2026, 11, 29), None),
        (datetime(2026, 11, 28, 12), "2026-11-28 12:00, in 3 days."),
        (datetime(2026, 11, 26, 12), "2026-11-26 12:00, in 24 hours."),
        (datetime(2026, 11, 25, 12, 30), "2026-11-25 12:30, in 30 minutes."),
        (datetime(2026, 11, 25, 12, 0, 20), "2026-11-25 12:00, in 1 minute."),
    ],
)
def test_endIsAnnounced(closes: datetime, warned: str | None) -> None:
    rule = AccountRule("*", closes=closes, notice=3 * 86400.0)
    expected = warned and f"The account in1000 closes on {warned}"

    assert AccountRules([rule]).warning(b"in1000", NOON) == expected


def test_withoutANoticeNothingIsAnnounced() -> None:
    assert AccountRules([AccountRule("*", closes=NOON)]).warning(b"in1000", NOON) is None


def test_nameOfAnAccountIsShownEscaped() -> None:
    rules = AccountRules([AccountRule("*", gateways=[])])

    assert rules.refusal(b"\x1b[2J\xff", "esrf", NOON) == (
        r"The account \x1b[2J\xff cannot log in here."
    )
