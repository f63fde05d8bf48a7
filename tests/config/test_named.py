"""
Tests of L{bastion.config.named}.
"""

from __future__ import annotations

import pytest
from attrs import field, frozen

from bastion.config.named import checkGateways, gatewayName, nameOf, readNamed
from bastion.config.readers import UNREAD, Draft, Place, key, one
from bastion.config.values import wholeNumber


@frozen
class Table:
    """
    A table with one key.
    """

    count: int = field(default=3, metadata=key(one(wholeNumber(1, 9))))


def test_tablesAreInTheOrderOfTheFile(place: Place) -> None:
    drafts = readNamed(Table, {"b": {"count": 2}, "a": {}}, place, nameOf("thing"))

    assert [(name, draft.values) for name, draft in drafts.items()] == [
        ("b", {"count": 2}),
        ("a", {}),
    ]
    assert place.noted == []


def test_everyProblemIsNoted(place: Place) -> None:
    tables = {"a b": {"count": 0}, "sticky": "8h", "c": 5, "d": {}}
    drafts = readNamed(Table, tables, place, nameOf("thing"))

    assert list(drafts) == ["a b", "c", "d"]
    assert place.noted == [
        (
            ("here", "a b"),
            '"a b" cannot be the name of a thing; write letters, digits, "-" and "_", '
            "and begin with a letter or a digit",
        ),
        (("here", "a b", "count"), "0 is out of range; write a whole number from 1 to 9"),
        (("here", "sticky"), "this key belongs in [cluster.NAME], not here"),
        (("here", "c"), "found the whole number 5; write a table: [here.c]"),
    ]


def test_keyOfAnotherTableMayBeAName(place: Place) -> None:
    assert list(readNamed(Table, {"sticky": {}}, place, nameOf("thing"))) == ["sticky"]
    assert place.noted == []


@pytest.mark.parametrize(("tables", "what"), [(5, "the whole number 5"), ([], "a list")])
def test_whatHasNoNamesHasOneProblem(tables: object, what: str, place: Place) -> None:
    assert readNamed(Table, tables, place, nameOf("thing")) == {}
    assert place.noted == [(("here",), f"found {what}; write tables with a name: [here.NAME]")]


# Tables that name gateways


@pytest.mark.parametrize("value", ["", 5, "a\n"])
def test_nameOfAGatewayIsText(value: object) -> None:
    with pytest.raises(ValueError, match='write the name of a gateway, such as "esrf"'):
        gatewayName(value)


def test_gatewaysThatDoNotExistAreNoted(place: Place) -> None:
    drafts = {
        "a": Draft({"gateways": ("ill", "isis", UNREAD)}, frozenset()),
        "b": Draft({}, frozenset()),
        "c": Draft({"gateways": None}, frozenset()),
    }
    checkGateways(drafts, ["ill", "esrf"], place)
    assert place.noted == [
        (("here", "a", "gateways"), 'no gateway named "isis"; there are: esrf, ill')
    ]


def test_gatewaysAreNotMissedWhereThereAreNone(place: Place) -> None:
    checkGateways({"a": Draft({"gateways": ("ill",)}, frozenset())}, [], place)
    assert place.noted == []
