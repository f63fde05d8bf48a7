"""
Tests of L{bastion.config.chosen}.
"""

from __future__ import annotations

import pytest
from attrs import evolve

from bastion.config.chosen import Chosen, chosen, chosenEach
from bastion.config.problems import dotted
from bastion.config.readers import UNREAD, Place
from bastion.interfaces import ISessionPolicy, IStrategy

strategy = chosen(IStrategy, "strategy")
policies = chosenEach(ISessionPolicy, "session policy")

STRATEGIES = "there are: bare, broken, least-sessions, ordered, round-robin, weighted"


def noted(place: Place) -> list[str]:
    """
    The problems as an operator sees them.
    """
    return [f"{dotted(path)}: {problem}" for path, problem in place.noted]


def test_nameAloneHasTheOptionsDefaults(place: Place) -> None:
    choice = strategy("round-robin", place)
    assert isinstance(choice, Chosen)
    assert choice.extension is place.installed(IStrategy)["round-robin"]
    assert choice.build() == ("round-robin", choice.options)


def test_optionsAreConvertedByTheirClass(place: Place) -> None:
    choice = strategy({"name": "weighted", "weight": "2", "words": ["a"], "scaled": 3}, place)
    assert noted(place) == []
    assert (choice.options.weight, choice.options.words) == (2, ("a",))
    assert choice.options.scaled == 30


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("least", [f'here: no strategy named "least"; {STRATEGIES}']),
        (
            5,
            [
                "here: found the whole number 5; write the name of a strategy, "
                f"or a table {{ name = ..., OPTION = ... }}; {STRATEGIES}"
            ],
        ),
        (
            {"nam": "weighted"},
            [f"here: no name; write which strategy it is: {{ name = ... }}; {STRATEGIES}"],
        ),
        ("weighted", ['here.weight: missing; "weighted" needs this option']),
        (
            {"name": "weighted", "wieght": 2},
            ['here.wieght: unknown key; did you mean "weight"?'],
        ),
        (
            {"name": "ordered", "colour": 2},
            ["here.colour: unknown key; the keys here are: name"],
        ),
        (
            {"name": "ordered", "sticky": "8h"},
            ["here.sticky: this key belongs in [cluster.NAME], not here"],
        ),
        (
            {"name": "weighted", "weight": 0},
            ["here.weight: 0 is too little; write at least 1"],
        ),
        (
            {"name": "weighted", "weight": "two"},
            ["here.weight: invalid literal for int() with base 10: 'two'"],
        ),
        (
            {"name": "weighted", "weight": 2, "words": 5},
            ["here.words: 'int' object is not iterable"],
        ),
        (
            {"name": "weighted", "weight": 2, "most": 1},
            ["here: the most is 1 and the weight 2; swap them"],
        ),
        (
            {"name": "weighted", "weight": {"nice1": 2}},
            ["here.weight: an option cannot hold a table; write a value, or a list of values"],
        ),
        (
            {"name": "weighted", "weight": 2, "words": [{"a": 1}]},
            ["here.words: an option cannot hold a table; write a value, or a list of values"],
        ),
        (
            "broken",
            ["here: \"broken\" is installed but broken: No module named 'numpy'"],
        ),
        (
            "bare",
            [
                "here: \"bare\" is installed but broken: <class 'object'> "
                "is not an attrs-decorated class."
            ],
        ),
    ],
)
def test_wrongChoiceIsNoted(value: object, problems: list[str], place: Place) -> None:
    assert strategy(value, place) is UNREAD
    assert noted(place) == problems


def test_everyWrongOptionIsNoted(place: Place) -> None:
    """
    The validators of attrs put more than a sentence into their exceptions, and
    stop at the first.
    """
    strategy({"name": "weighted", "weight": -1, "most": "many", "words": 1, "x": 1}, place)
    paths = [line.partition(":")[0] for line in noted(place)]
    assert paths == ["here.weight", "here.most", "here.words", "here.x"]
    assert "'most' must be <class 'int'> (got 'many' that is a <class 'str'>)." in noted(place)[1]


def test_listOfChoicesKeepsItsOrder(place: Place) -> None:
    read = policies([{"name": "limited", "weight": 1}, "no-forwarding"], place)
    assert [choice.extension.name for choice in read] == ["limited", "no-forwarding"]
    assert policies([], place) == ()


def test_listedOptionHasItsExtensionInThePath(place: Place) -> None:
    policies([{"name": "limited", "weight": 0}, "limited", "nothing", 5], place)
    assert noted(place) == [
        "here.limited.weight: 0 is too little; write at least 1",
        'here.limited.weight: missing; "limited" needs this option',
        'here: no session policy named "nothing"; there are: limited, no-forwarding',
        "here: found the whole number 5; write the name of a session policy, "
        "or a table { name = ..., OPTION = ... }; there are: limited, no-forwarding",
    ]


def test_choicesAreAList(place: Place) -> None:
    assert policies("limited", place) is UNREAD
    assert noted(place) == [
        'here: found the string "limited"; write a list of names, or [] for none'
    ]


def test_whereNothingIsInstalledTheSentenceSaysSo(place: Place) -> None:
    bare = evolve(place, installed=lambda role: {})
    strategy("round-robin", bare)
    assert noted(bare) == ['here: no strategy named "round-robin"; there are none']
