"""
Tests of L{bastion.config.values}: what is right, then what is wrong with the
exact words for the operator.
"""

from __future__ import annotations

import tomllib

import pytest

from bastion.config.values import (
    MaxStartups,
    Parser,
    duration,
    durationBetween,
    durationUpTo,
    found,
    maxStartups,
    oneOf,
    optional,
    rate,
    rateBetween,
    sentence,
    separator,
    size,
    sizeBetween,
    text,
    wholeNumber,
)

grace = durationUpTo("10m")
tries = wholeNumber(1, 100)

rekey = durationBetween("10s", "24h")
keepalive = durationBetween("1s", "1h", off=True)
limit = sizeBetween("64KiB", "64GiB")
bandwidth = rateBetween("1MiB/s", "100GiB/s", off=True)
fast = rateBetween("1MiB/s", "2MiB/s")
times = wholeNumber(2, 100, off=True)
words = optional(sentence)
when = oneOf("auto", "always", "never")

SIZES = 'write a whole number with its unit, KiB, MiB or GiB, e.g. "1GiB"'
SEPARATORS = 'one character such as "%" or "+", or "" for none'
NO_SEPARATOR = (
    f"cannot be between an account and a host; write {SEPARATORS} "
    '(no letter, digit, space, "-", ".", "_", "@" or ":")'
)
RATES = 'write a whole number with its unit, KiB/s, MiB/s or GiB/s, e.g. "10MiB/s"'
UNITS = 'write numbers with their units, the largest first, e.g. "500ms", "90s", "1h30m"'


@pytest.mark.parametrize(
    ("parse", "value", "expected"),
    [
        (duration, "0s", 0.0),
        (duration, "90s", 90.0),
        (duration, "8h", 28800.0),
        (duration, "1h30m", 5400.0),
        (duration, "500ms", 0.5),
        (duration, "2d", 172800.0),
        (duration, "1d2h3m4s5ms", 93784.005),
        (duration, "1m500ms", 60.5),
        (grace, "1ms", 0.001),
        (grace, "10m", 600.0),
        (rekey, "10s", 10.0),
        (rekey, "1d", 86400.0),
        (keepalive, "0s", 0.0),
        (keepalive, "0m0s", 0.0),
        (keepalive, "1s", 1.0),
        (keepalive, "60m", 3600.0),
        (size, "1KiB", 1024),
        (size, "0MiB", 0),
        (limit, "64KiB", 65_536),
        (limit, "3MiB", 3_145_728),
        (limit, "64GiB", 68_719_476_736),
        (rate, "10MiB/s", 10_485_760),
        (rate, "0", 0),
        (bandwidth, "1MiB/s", 1_048_576),
        (bandwidth, "100GiB/s", 107_374_182_400),
        (bandwidth, "0", 0),
        (when, "auto", "auto"),
        (when, "never", "never"),
        (tries, 1, 1),
        (tries, 100, 100),
        (times, 0, 0),
        (times, 2, 2),
        (times, 100, 100),
        (words, "", None),
        (words, "Moved.", "Moved."),
        (separator, "", ""),
        (separator, "%", "%"),
        (separator, "~", "~"),
        (separator, "!", "!"),
        (separator, "/", "/"),
        (maxStartups, "100:30:300", MaxStartups(100, 30, 300)),
        (maxStartups, "1:0:1", MaxStartups(1, 0, 1)),
        (maxStartups, "1:100:1", MaxStartups(1, 100, 1)),
        (sentence, "Go\n\tthere.\n", "Go\n\tthere.\n"),
    ],
)
def test_rightValueIsUnderstood(parse: Parser[object], value: object, expected: object) -> None:
    assert parse(value) == expected


@pytest.mark.parametrize(
    ("parse", "value", "problem"),
    [
        (duration, 60, '60 has no unit; say the unit, e.g. "60s"'),
        (duration, "60", '60 has no unit; say the unit, e.g. "60s"'),
        (duration, 1.5, f"found the number 1.5; {UNITS}"),
        (duration, True, f"found the boolean true; {UNITS}"),
        (duration, "", f"the string is empty; {UNITS}"),
        (duration, "soon", f'"soon" is not a duration; {UNITS}'),
        (duration, "30m1h", f'"30m1h" is not a duration; {UNITS}'),
        (duration, "1.5h", f'"1.5h" is not a duration; {UNITS}'),
        (duration, "-5s", f'"-5s" is not a duration; {UNITS}'),
        (duration, "5S", f'"5S" is not a duration; {UNITS}'),
        (duration, "٣s", f'"٣s" is not a duration; {UNITS}'),
        (duration, "9999999999s", f'"9999999999s" is not a duration; {UNITS}'),
        (grace, "0s", '"0s" is out of range; write more than nothing and at most "10m"'),
        (grace, "601s", '"601s" is out of range; write more than nothing and at most "10m"'),
        (rekey, "9s", '"9s" is out of range; write at least "10s" and at most "24h"'),
        (rekey, "0s", '"0s" is out of range; write at least "10s" and at most "24h"'),
        (rekey, "25h", '"25h" is out of range; write at least "10s" and at most "24h"'),
        (
            keepalive,
            "999ms",
            '"999ms" is out of range; write at least "1s" and at most "1h", or "0s" for not at all',
        ),
        (keepalive, 15, '15 has no unit; say the unit, e.g. "15s"'),
        (size, 1024, f"found the whole number 1024; {SIZES}"),
        (size, "1024", f'"1024" is not a size; {SIZES}'),
        (size, "1GB", f'"1GB" is not a size; {SIZES}'),
        (size, "1.5GiB", f'"1.5GiB" is not a size; {SIZES}'),
        (size, "1 GiB", f'"1 GiB" is not a size; {SIZES}'),
        (size, "-1GiB", f'"-1GiB" is not a size; {SIZES}'),
        (limit, "63KiB", '"63KiB" is out of range; write at least "64KiB" and at most "64GiB"'),
        (rate, 10, f"found the whole number 10; {RATES}"),
        (rate, 0, f"found the whole number 0; {RATES}"),
        (rate, "", f"the string is empty; {RATES}"),
        (rate, "10", f'"10" is not a rate; {RATES}'),
        (rate, "10MiB", f'"10MiB" is not a rate; {RATES}'),
        (rate, "10Mbit/s", f'"10Mbit/s" is not a rate; {RATES}'),
        (rate, "1.5MiB/s", f'"1.5MiB/s" is not a rate; {RATES}'),
        (
            bandwidth,
            "1023KiB/s",
            '"1023KiB/s" is out of range; write at least "1MiB/s" and at most "100GiB/s", '
            'or "0" for no limit',
        ),
        (
            bandwidth,
            "101GiB/s",
            '"101GiB/s" is out of range; write at least "1MiB/s" and at most "100GiB/s", '
            'or "0" for no limit',
        ),
        (fast, "0", '"0" is out of range; write at least "1MiB/s" and at most "2MiB/s"'),
        (limit, "65GiB", '"65GiB" is out of range; write at least "64KiB" and at most "64GiB"'),
        (when, "sometimes", 'found the string "sometimes"; write "auto", "always" or "never"'),
        (when, True, 'found the boolean true; write "auto", "always" or "never"'),
        (tries, 0, "0 is out of range; write a whole number from 1 to 100"),
        (tries, 101, "101 is out of range; write a whole number from 1 to 100"),
        (tries, "6", 'found the string "6"; write a whole number from 1 to 100, without quotes'),
        (tries, True, "found the boolean true; write a whole number from 1 to 100, without quotes"),
        (tries, 6.0, "found the number 6.0; write a whole number from 1 to 100, without quotes"),
        (times, 1, "1 is out of range; write a whole number from 2 to 100, or 0 for not at all"),
        (times, -1, "-1 is out of range; write a whole number from 2 to 100, or 0 for not at all"),
        (
            times,
            False,
            "found the boolean false; write a whole number from 2 to 100, without quotes, "
            "or 0 for not at all",
        ),
        (words, 0, "found the whole number 0; write the words that the user shall see"),
        (words, " ", "the string is empty; write the words that the user shall see"),
        (separator, 5, f"found the whole number 5; write {SEPARATORS}"),
        *((separator, each, f'"{each}" {NO_SEPARATOR}') for each in "aZ0-._@: é÷"),
        (separator, "%%", f'"%%" {NO_SEPARATOR}'),
        (separator, "\n", f'"\\n" {NO_SEPARATOR}'),
        (separator, "%\n", f'"%\\n" {NO_SEPARATOR}'),
        (separator, "\x7f", f'"\\x7f" {NO_SEPARATOR}'),
        (
            maxStartups,
            100,
            'found the whole number 100; write a string "start:rate:full", e.g. "100:30:300"',
        ),
        (
            maxStartups,
            "100",
            '"100" is not three numbers; write "start:rate:full", e.g. "100:30:300"',
        ),
        (
            maxStartups,
            "10:101:30",
            "the rate 101 is a percentage; write a number from 0 to 100",
        ),
        (
            maxStartups,
            "300:30:100",
            "start is 300 and full is 100; start must be at least 1 and at most full",
        ),
        (
            maxStartups,
            "0:30:100",
            "start is 0 and full is 100; start must be at least 1 and at most full",
        ),
        (sentence, 5, "found the whole number 5; write the words that the user shall see"),
        (sentence, " \n", "the string is empty; write the words that the user shall see"),
        (
            sentence,
            "\x1b[2J",
            '"\\x1b[2J" has a control character; write the words that the user shall see',
        ),
    ],
)
def test_wrongValueIsRefusedWithTheRemedy(
    parse: Parser[object], value: object, problem: str
) -> None:
    with pytest.raises(ValueError) as refused:
        parse(value)
    assert str(refused.value) == problem


@pytest.mark.parametrize("character", ["\n", "\x00", "\x7f", "\x9b"])
def test_textHasNoControlCharacter(character: str) -> None:
    with pytest.raises(ValueError, match="has a control character; write a name"):
        text(f"a{character}", "a name")


def test_everyKindOfTomlValueHasAName() -> None:
    values = tomllib.loads(
        'a = "x"\nb = false\nc = 1\nd = 1.5\ne = []\nf = {}\ng = 2026-01-02\nh = 10:20:30'
    )
    assert [found(value) for value in values.values()] == [
        'the string "x"',
        "the boolean false",
        "the whole number 1",
        "the number 1.5",
        "a list",
        "a table",
        "the date or time 2026-01-02",
        "the date or time 10:20:30",
    ]


def test_maxStartupsIsShownAsItIsWritten() -> None:
    assert str(MaxStartups(100, 30, 300)) == "100:30:300"
