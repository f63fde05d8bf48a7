"""
Single values: from what TOML gives to what the bastion works with.

Each parser takes any TOML value and returns what it means, or raises
C{ValueError} with a sentence that says what is wrong and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from typing import TypeVar

from attrs import frozen

from bastion.config.problems import quoted

T = TypeVar("T")
Parser = Callable[[object], T]

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(
    r"(?=.)(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m(?!s))?"
    r"(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_SIZE_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"([0-9]{1,9})(KiB|MiB|GiB)")
_RATE = re.compile(r"([0-9]{1,9}(?:KiB|MiB|GiB))/s")
_SEPARATOR = re.compile(r"[!-~](?<![A-Za-z0-9._@:-])")
_MAX_STARTUPS = re.compile(r"([0-9]{1,6}):([0-9]{1,6}):([0-9]{1,6})")


@frozen
class MaxStartups:
    """
    How many connections may be waiting for their login, as OpenSSH's
    C{MaxStartups}: from C{start} on, C{rate} percent of the new ones are
    refused, rising to all of them at C{full}.
    """

    start: int
    rate: int
    full: int

    def __str__(self) -> str:
        return f"{self.start}:{self.rate}:{self.full}"


def found(value: object) -> str:
    """
    What a TOML value is, in words, for a sentence about a wrong one.
    """
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        return f"the whole number {value}"
    if isinstance(value, float):
        return f"the number {value}"
    if isinstance(value, (date, time)):
        return f"the date or time {value}"
    return "a list" if isinstance(value, list) else "a table"


def text(value: object, needed: str) -> str:
    """
    A string with something in it and no control characters.

    @param needed: what to write, e.g. C{a string such as "tcp:5022"}.
    """
    if not isinstance(value, str):
        raise ValueError(f"found {found(value)}; write {needed}")
    if not value.strip():
        raise ValueError(f"the string is empty; write {needed}")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value):
        raise ValueError(f"{quoted(value)} has a control character; write {needed}")
    return value


def sentence(value: object) -> str:
    """
    Words for a user; they may have several lines.
    """
    flat = value.translate({9: " ", 10: " "}) if isinstance(value, str) else value
    text(flat, "the words that the user shall see")
    return str(value)


def optional(parse: Parser[T]) -> Parser[T | None]:
    """
    A parser for which the empty string is nothing.
    """
    return lambda value: None if value == "" else parse(value)


def separator(value: object) -> str:
    """
    One character between an account and the name of a host; C{""} for none.  Letters
    and the like are in the names themselves, and C{@} and C{:} mean something to the
    clients.
    """
    needed = 'one character such as "%" or "+", or "" for none'
    if not isinstance(value, str):
        raise ValueError(f"found {found(value)}; write {needed}")
    if value and not _SEPARATOR.fullmatch(value):
        raise ValueError(
            f"{quoted(value)} cannot be between an account and a host; write {needed} "
            '(no letter, digit, space, "-", ".", "_", "@" or ":")'
        )
    return value


def wholeNumber(low: int, high: int, off: bool = False) -> Parser[int]:
    """
    A parser of whole numbers from C{low} to C{high}.

    @param off: whether 0 will do as well, and means not at all.
    """
    needed = f"a whole number from {low} to {high}"
    nothing = ", or 0 for not at all" if off else ""

    def parse(value: object) -> int:
        # bool is an int to Python, not to an operator.
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"found {found(value)}; write {needed}, without quotes{nothing}")
        if not (low <= value <= high or (off and value == 0)):
            raise ValueError(f"{value} is out of range; write {needed}{nothing}")
        return value

    return parse


def duration(value: object) -> float:
    """
    A duration with its units, such as C{"1h30m"}, in seconds.
    """
    # A whole number, in quotes or not, is what people write first.
    bare = re.fullmatch(r"[0-9]{1,9}", str(value).strip())
    if bare and not isinstance(value, bool):
        raise ValueError(f'{bare[0]} has no unit; say the unit, e.g. "{bare[0]}s"')
    needed = 'numbers with their units, the largest first, e.g. "500ms", "90s", "1h30m"'
    match = _DURATION.fullmatch(text(value, needed))
    if match is None:
        raise ValueError(f"{quoted(str(value))} is not a duration; write {needed}")
    return sum(
        int(number) * unit for number, unit in zip(match.groups("0"), _UNITS.values(), strict=True)
    )


def durationUpTo(longest: str) -> Parser[float]:
    """
    A parser of durations that are more than nothing and at most C{longest}.
    """

    def parse(value: object) -> float:
        seconds = duration(value)
        if not 0 < seconds <= duration(longest):
            raise ValueError(
                f"{quoted(str(value))} is out of range; write more than nothing "
                f'and at most "{longest}"'
            )
        return seconds

    return parse


def durationBetween(shortest: str, longest: str, off: bool = False) -> Parser[float]:
    """
    A parser of durations within limits.

    @param off: whether C{"0s"} will do as well, and means not at all.
    """

    def parse(value: object) -> float:
        seconds = duration(value)
        if off and seconds == 0:
            return seconds
        if not duration(shortest) <= seconds <= duration(longest):
            nothing = ', or "0s" for not at all' if off else ""
            raise ValueError(
                f"{quoted(str(value))} is out of range; write at least "
                f'"{shortest}" and at most "{longest}"{nothing}'
            )
        return seconds

    return parse


def size(value: object) -> int:
    """
    A size with its unit, such as C{"1GiB"}, in bytes.
    """
    needed = 'a whole number with its unit, KiB, MiB or GiB, e.g. "1GiB"'
    match = _SIZE.fullmatch(text(value, needed))
    if match is None:
        raise ValueError(f"{quoted(str(value))} is not a size; write {needed}")
    return int(match[1]) * _SIZE_UNITS[match[2]]


def sizeBetween(smallest: str, largest: str) -> Parser[int]:
    """
    A parser of sizes within limits.
    """

    def parse(value: object) -> int:
        given = size(value)
        if not size(smallest) <= given <= size(largest):
            raise ValueError(
                f"{quoted(str(value))} is out of range; write at least "
                f'"{smallest}" and at most "{largest}"'
            )
        return given

    return parse


def rate(value: object) -> int:
    """
    A rate with its unit, such as C{"10MiB/s"}, in bytes per second; C{"0"} for none.
    """
    needed = 'a whole number with its unit, KiB/s, MiB/s or GiB/s, e.g. "10MiB/s"'
    given = text(value, needed)
    match = _RATE.fullmatch(given)
    if match is None and given != "0":
        raise ValueError(f"{quoted(given)} is not a rate; write {needed}")
    return size(match[1]) if match else 0


def rateBetween(lowest: str, highest: str, off: bool = False) -> Parser[int]:
    """
    A parser of rates within limits.

    @param off: whether C{"0"} will do as well, and means any rate.
    """

    def parse(value: object) -> int:
        given = rate(value)
        if not (rate(lowest) <= given <= rate(highest) or (off and given == 0)):
            nothing = ', or "0" for no limit' if off else ""
            raise ValueError(
                f"{quoted(str(value))} is out of range; write at least "
                f'"{lowest}" and at most "{highest}"{nothing}'
            )
        return given

    return parse


def oneOf(*words: str) -> Parser[str]:
    """
    A parser of one of some words.
    """
    needed = f"{', '.join(quoted(word) for word in words[:-1])} or {quoted(words[-1])}"

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"found {found(value)}; write {needed}")
        return value

    return parse


def maxStartups(value: object) -> MaxStartups:
    """
    C{start:rate:full}.
    """
    needed = '"start:rate:full", e.g. "100:30:300"'
    given = text(value, f"a string {needed}")
    match = _MAX_STARTUPS.fullmatch(given)
    if match is None:
        raise ValueError(f"{quoted(given)} is not three numbers; write {needed}")
    start, rate, full = (int(number) for number in match.groups())
    if rate > 100:
        raise ValueError(f"the rate {rate} is a percentage; write a number from 0 to 100")
    if not 1 <= start <= full:
        raise ValueError(
            f"start is {start} and full is {full}; start must be at least 1 and at most full"
        )
    return MaxStartups(start, rate, full)
