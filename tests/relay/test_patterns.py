"""
Tests of L{bastion.relay.patterns}.
"""

from __future__ import annotations

import itertools
import re

import pytest

from bastion.config.destinations import destination
from bastion.config.policies import ALL, Permitted
from bastion.relay.patterns import (
    OF_COMMANDS,
    OF_HOSTS,
    OF_TEXTS,
    Destinations,
    Paths,
    Texts,
    expression,
)


def texts(*patterns: str, wild: str = OF_TEXTS) -> Texts:
    """
    What fits one of these.
    """
    return Texts(Permitted(False, patterns), wild)


def paths(*patterns: str) -> Paths:
    """
    The same, of paths.
    """
    return Paths(Permitted(False, patterns))


def destinations(*given: str) -> Destinations:
    """
    The same, of hosts and ports as the file has them.
    """
    return Destinations(Permitted(False, tuple(map(destination, given))))


# Expressions


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("", [""], ["a"]),
        ("*", ["", "a", "a b", "\u00e9" * 1000], ["a\n", "\0"]),
        ("**", ["", "ab"], ["a\n"]),
        ("?", ["a", "*", "\u00e9"], ["", "ab", "\t"]),
        ("a*", ["a", "ab", "a*"], ["ba", "a\nb", "A"]),
        ("*a", ["a", "aa", "ba"], ["ab"]),
        ("a*b*c", ["abc", "abbc", "abcbc", "a--b--c"], ["ac", "abcb", "acb"]),
        ("a?c*", ["abc", "a?cd"], ["ac", "abbc"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[ab]+$", ["[ab]+$"], ["a", "ab+$"]),
    ],
)
def test_patternFitsTheWholeText(pattern: str, fits: list[str], others: list[str]) -> None:
    made = expression(pattern, OF_TEXTS)
    assert [text for text in (*fits, *others) if made.fullmatch(text)] == fits


def simply(pattern: str, text: str, wild: re.Pattern[str]) -> bool:
    """
    Whether a text fits a pattern, in the slow way that is sure to be right.
    """
    if not pattern:
        return not text
    first, rest = pattern[0], pattern[1:]
    if first == "*" and simply(rest, text, wild):
        return True
    if not text:
        return False
    if first == "*":
        return wild.fullmatch(text[0]) is not None and simply(pattern, text[1:], wild)
    same = wild.fullmatch(text[0]) is not None if first == "?" else text[0] == first
    return same and simply(rest, text[1:], wild)


def words(characters: str, longest: int) -> list[str]:
    """
    Every text of these characters that is not longer than that.
    """
    lengths = range(longest + 1)
    return ["".join(w) for n in lengths for w in itertools.product(characters, repeat=n)]


@pytest.mark.parametrize("first", ["", *"ab;*?"])
def test_quickWayIsAsGoodAsTheSlowOne(first: str) -> None:
    wild = re.compile(OF_COMMANDS)
    for rest in words("a;*?", 4):
        made = expression(first + rest, OF_COMMANDS)
        for text in words("ab;", 4):
            assert bool(made.fullmatch(text)) == simply(first + rest, text, wild)


def test_longTextDoesNotTakeLong() -> None:
    """
    With all the ways to divide the text between the stars, this would not end.
    """
    made = expression("*a" * 100 + "*b", OF_COMMANDS)
    assert made.fullmatch("a" * 30_000) is None
    assert made.fullmatch("a" * 30_000 + "b")


# Commands


@pytest.mark.parametrize("character", [*";&|<>()$`\n\r\0"])
@pytest.mark.parametrize("pattern", ["ls *", "ls ?", "*", "ls *x", "*x*"])
def test_wildcardStandsForNothingThatBeginsAnotherCommand(character: str, pattern: str) -> None:
    commands = texts(pattern, wild=OF_COMMANDS)
    text = pattern.replace("*", "{}").replace("?", "{}").format(*"yz")
    assert commands.fit(text.encode())
    for place in range(len(text) + 1):
        assert not commands.fit((text[:place] + character + text[place:]).encode())


def test_whatIsWrittenOutMayBeginAnotherCommand() -> None:
    commands = texts("cd /data && tar cf - *", "a;*;b", wild=OF_COMMANDS)
    assert commands.fit(b"cd /data && tar cf - x")
    assert commands.fit(b"a;;b")
    assert not commands.fit(b"cd /data && tar cf - x && y")
    assert not commands.fit(b"a;c;;b")


# Texts


def test_everythingAndNothing() -> None:
    for kind in (Texts, Paths):
        assert kind(ALL).fit(b"\xff\0\n/../")
        assert not kind(Permitted(False)).fit(b"")


def test_oneOfThePatternsIsEnough() -> None:
    assert texts("LANG", "LC_*").fit(b"LC_ALL")
    assert not texts("LANG", "LC_*").fit(b"LANGUAGE")


def test_whatIsNotUtf8FitsNoPattern() -> None:
    assert not texts("*").fit(b"\xff")
    assert not texts("*").fit(b"\xed\xa0\x80")
    assert not destinations("*:*").fit(b"\xff", 22)


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        (b"/run/user/1000/bus", True),
        (b"/run/user/", True),
        (b"/run/user/..x/y..", True),
        (b"/run/user/../docker.sock", False),
        (b"/run/user/1000/..", False),
        (b"/run/user/x\0", False),
        (b"/run/user", False),
        (b"run/user/1000", False),
        (b"", False),
    ],
)
def test_pathDoesNotLeadUpward(path: bytes, fits: bool) -> None:
    assert paths("/run/user/*").fit(path) is fits


# Destinations


@pytest.mark.parametrize(
    ("given", "host", "port", "fits"),
    [
        ("db.example.org:5432", b"db.example.org", 5432, True),
        ("db.example.org:5432", b"DB.EXAMPLE.ORG.", 5432, True),
        ("db.example.org:5432", b"db.example.org..", 5432, False),
        ("db.example.org:5432", b"db.example.org", 5433, False),
        ("db.example.org:5432", b"db.example.org", 5432 + 65536, False),
        ("db.example.org:5432", b"dbxexample.org", 5432, False),
        ("db.example.org:5432", b"192.0.2.1", 5432, False),
        ("db.example.org:5432", b"", 5432, False),
        ("*.example.org:8000-8999", b"a.example.org", 8000, True),
        ("*.example.org:8000-8999", b"a.b.example.org", 8999, True),
        ("*.example.org:8000-8999", b"example.org", 8000, False),
        ("*.example.org:8000-8999", b"a.example.org", 7999, False),
        ("*.example.org:8000-8999", b"a.example.org", 9000, False),
        # Some resolvers take what is before the blank, or before the NUL.
        ("*.example.org:*", b"127.0.0.1 .example.org", 80, False),
        ("*.example.org:*", b"127.0.0.1\0.example.org", 80, False),
        ("*.example.org:*", b"[::1].example.org", 80, False),
        ("*.example.org:*", b"fe80::1%.example.org", 80, False),
        # A Kelvin sign, which is a "k" in lower case.
        ("bank.example.org:*", "ban\u212a.example.org".encode(), 80, False),
        ("*:443", b"anything at all", 443, True),
        ("*:443", b"", 443, True),
        ("*:443", b"2001:db8::1", 443, True),
        ("*:*", b"localhost", 0, True),
        ("*:*", b"localhost", 65536, False),
        ("localhost:*", b"LOCALHOST", 0, True),
        ("localhost:*", b"127.0.0.1", 80, False),
        ("localhost:8000-8999", b"localhost", 0, False),
        ("192.0.2.0/24:443", b"192.0.2.255", 443, True),
        ("192.0.2.0/24:443", b"192.0.3.0", 443, False),
        ("192.0.2.0/24:443", b"::ffff:192.0.2.7", 443, True),
        ("192.0.2.0/24:443", b"::FFFF:c000:0207", 443, True),
        ("192.0.2.0/24:443", b"db.example.org", 443, False),
        ("127.0.0.0/8:80", b"127.0.0.1", 80, True),
        ("127.0.0.0/8:80", b"127.1", 80, False),
        ("127.0.0.0/8:80", b"0x7f.1", 80, False),
        ("127.0.0.0/8:80", b"2130706433", 80, False),
        ("127.0.0.0/8:80", b"127.0.0.01", 80, False),
        ("127.0.0.0/8:80", b"127.0.0.1.", 80, False),
        ("127.0.0.0/8:80", b"127.0.0.1 ", 80, False),
        ("127.0.0.0/8:80", b"localhost", 80, False),
        ("127.0.0.0/8:80", "127.0.0.\u0661".encode(), 80, False),
        ("[2001:db8::1]:22", b"2001:DB8:0:0::1", 22, True),
        ("[2001:db8::1]:22", b"2001:db8::2", 22, False),
        ("[2001:db8::1]:22", b"2001:db8::1%eth0", 22, False),
        ("[2001:db8::1]:22", b"[2001:db8::1]", 22, False),
        ("[::/0]:22", b"::ffff:192.0.2.7", 22, False),
        ("[::/0]:22", b"192.0.2.7", 22, False),
        ("0.0.0.0/0:22", b"::1", 22, False),
    ],
)
def test_destinationIsAsTheClientNamesIt(given: str, host: bytes, port: int, fits: bool) -> None:
    assert destinations(given).fit(host, port) is fits


def test_oneOfTheDestinationsIsEnough() -> None:
    several = destinations("db:5432", "web:80")
    assert several.fit(b"db", 5432)
    assert several.fit(b"web", 80)
    assert not several.fit(b"db", 80)


def test_everyDestinationAndNone() -> None:
    assert Destinations(ALL).fit(b"\xff\0", 2**32 - 1)
    assert not Destinations(Permitted(False)).fit(b"localhost", 22)


def test_dotOfAPatternIsADot() -> None:
    assert expression("a.b", OF_HOSTS).fullmatch("axb") is None
