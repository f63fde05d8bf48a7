"""
Tests of L{bastion.config.readers}.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from attrs import field, frozen

from bastion.config.addresses import endpoint, network
from bastion.config.readers import (
    UNREAD,
    Draft,
    Place,
    each,
    filePath,
    key,
    keysOf,
    mapping,
    noteUnknown,
    one,
    oneOrEach,
    overrides,
    readTable,
)
from bastion.config.values import sentence, wholeNumber


@frozen
class Table:
    """
    A table with a key of every sort, and a field that is none.
    """

    name: str
    needed: int = field(metadata=key(one(wholeNumber(1, 9)), example="5"))
    where: Path = field(metadata=key(filePath, absent="there"))
    count: int = field(default=3, metadata=key(one(wholeNumber(1, 9))))


def test_placesOfAFileShareTheirProblems(place: Place) -> None:
    assert place.below("a", "b").note("wrong") is UNREAD
    place.note("worse")
    assert place.noted == [(("here", "a", "b"), "wrong"), (("here",), "worse")]


def test_wrongValueIsNotedAtItsPlace(place: Place) -> None:
    assert one(wholeNumber(1, 9))(10, place) is UNREAD
    assert place.noted == [
        (("here",), "10 is out of range; write a whole number from 1 to 9"),
    ]


def test_listIsReadItemByItem(place: Place) -> None:
    read = each(network, '["192.0.2.0/24"]')
    assert read(["10.0.0.0/8", "::1"], place) == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert read([], place) == ()
    assert place.noted == []


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("10.0.0.0/8", ['found the string "10.0.0.0/8"; write a list such as ["192.0.2.0/24"]']),
        ([], ['the list is empty; write at least one, e.g. ["192.0.2.0/24"]']),
        (["::1", "::2", "::1/128"], ['"::1/128" is listed twice; leave one out']),
        (
            [1, "::2", True],
            [
                'found the whole number 1; write a network such as "192.0.2.0/24" or '
                '"2001:db8::/32"',
                'found the boolean true; write a network such as "192.0.2.0/24" or "2001:db8::/32"',
            ],
        ),
    ],
)
def test_wrongItemsOfAListAreAllNoted(value: object, problems: list[str], place: Place) -> None:
    each(network, '["192.0.2.0/24"]', least=1)(value, place)
    assert place.noted == [(("here",), problem) for problem in problems]


def test_listOfOneNeedsNoBrackets(place: Place) -> None:
    read = oneOrEach(endpoint, '["tcp:5022"]')
    assert read("tcp:5022", place) == ("tcp:5022",)
    assert read(["tcp:5022", "tcp:5023"], place) == ("tcp:5022", "tcp:5023")
    assert place.noted == []
    read([], place)
    assert place.noted == [
        (("here",), 'the list is empty; write at least one, e.g. ["tcp:5022"]'),
    ]


def test_mappingKeepsTheOrderOfTheFile(place: Place) -> None:
    read = mapping(network, sentence, "{}")
    pairs = read({"192.0.2.0/24": "b", "10.0.0.0/8": "a"}, place)
    assert list(pairs.items()) == [
        (ip_network("192.0.2.0/24"), "b"),
        (ip_network("10.0.0.0/8"), "a"),
    ]


def test_wrongPairsOfAMappingAreAllNoted(place: Place) -> None:
    read = mapping(network, sentence, '{ "192.0.2.0/24" = "words" }')
    assert read([], place) is UNREAD
    read({"10.0.0.0/8": "a", "10.0.0.0/255.0.0.0": "b", "inside": "c", "::1": ""}, place)
    assert place.noted == [
        (("here",), 'found a list; write a table such as { "192.0.2.0/24" = "words" }'),
        (("here", "10.0.0.0/255.0.0.0"), '"10.0.0.0/8" is there twice; leave one out'),
        (
            ("here", "inside"),
            '"inside" is not a network; write a network such as "192.0.2.0/24" or "2001:db8::/32"',
        ),
        (("here", "::1"), "the string is empty; write the words that the user shall see"),
    ]


def test_relativePathCountsFromTheFile(place: Place) -> None:
    assert filePath("known_hosts", place) == Path("/etc/bastion/known_hosts")
    assert filePath("/var/lib/bastion", place) == Path("/var/lib/bastion")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            5,
            'found the whole number 5; write a path such as "/etc/bastion/name", '
            'or "name" beside this file',
        ),
        ("~/state", '"~" has no meaning to a service; write the path from "/"'),
    ],
)
def test_wrongPathIsNoted(value: object, problem: str, place: Place) -> None:
    assert filePath(value, place) is UNREAD
    assert place.noted == [(("here",), problem)]


def test_keysAreTheFieldsThatHaveAReader() -> None:
    assert list(keysOf(Table)) == ["needed", "where", "count"]


def test_keysSharedWithAnotherTableComeLast() -> None:
    @frozen(kw_only=True)
    class Longer(Table):
        own: int = field(default=1, metadata=key(one(wholeNumber(1, 9))))

    assert list(keysOf(Longer)) == ["own", "needed", "where", "count"]


def test_keyThatIsAWordOfPythonHasAFieldAllTheSame(place: Place) -> None:
    @frozen
    class Span:
        from_: int = field(metadata=key(one(wholeNumber(1, 9)), example="5"))
        to_: int = field(metadata=key(one(wholeNumber(1, 9)), absent=7))

    assert list(keysOf(Span)) == ["from", "to"]
    assert readTable(Span, {"from": 4}, place).values == {"from_": 4, "to_": 7}
    assert place.noted == []
    assert readTable(Span, {"from_": 4}, place).values == {"to_": 7}
    readTable(Span, {}, place)
    assert place.noted == [
        (("here", "from_"), 'unknown key; did you mean "from"?'),
        (("here", "from"), "missing; write e.g. from = 5"),
    ]


def test_absentKeyIsLeftToItsFieldUnlessItDependsOnThePlace(place: Place) -> None:
    draft = readTable(Table, {"needed": 4}, place)
    assert draft == Draft({"needed": 4, "where": Path("/etc/bastion/there")}, frozenset({"needed"}))
    assert Table(name="x", **draft.values).count == 3


def test_everyProblemOfATableIsNoted(place: Place) -> None:
    draft = readTable(Table, {"count": 0, "wher": "x", "colour": 1}, place)
    assert draft == Draft({}, frozenset({"count", "where", "colour"}))
    assert place.noted == [
        (("here", "count"), "0 is out of range; write a whole number from 1 to 9"),
        (("here", "wher"), 'unknown key; did you mean "where"?'),
        (("here", "colour"), "unknown key; the keys here are: needed, where, count"),
        (("here", "needed"), "missing; write e.g. needed = 5"),
    ]


def test_misspelledKeyIsNotMissingToo(place: Place) -> None:
    readTable(Table, {"neded": 4}, place)
    assert place.noted == [(("here", "neded"), 'unknown key; did you mean "needed"?')]


def test_whatIsNoTableHasOneProblem(place: Place) -> None:
    assert readTable(Table, 5, place) == Draft({}, frozenset(), isTable=False)
    assert place.noted == [(("here",), "found the whole number 5; write a table: [here]")]


def test_keyOfAnotherTableIsSentThere(place: Place) -> None:
    assert noteUnknown("sticky", {}, ("stick",), place) == "sticky"
    assert place.noted == [
        (("here", "sticky"), "this key belongs in [cluster.NAME], not here"),
    ]


def test_keyThatIsThereIsNotSuggested(place: Place) -> None:
    assert noteUnknown("count2", {"count": 1}, ("count", "where"), place) == "count2"
    assert place.noted == [(("here", "count2"), "unknown key; the keys here are: count, where")]


def test_overridesAreOnlyTheKeysThatAreThere(place: Place) -> None:
    @frozen
    class Limits:
        few: int = field(default=1, metadata=key(one(wholeNumber(1, 9))))
        many: int = field(default=5, metadata=key(one(wholeNumber(1, 9))))

    assert overrides(Limits)({"many": 6}, place) == {"many": 6}
