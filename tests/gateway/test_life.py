"""
L{bastion.gateway.life}: what is done in each state, as a table.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bastion.gateway.life import Acts, Life, begin


class Recording(Acts):
    """
    Writes down what is done.
    """

    def __init__(self) -> None:
        self.done: list[str] = []

    def join(self) -> None:
        """
        See L{Acts}.
        """
        self.done.append("join")

    def tell(self, sentence: str) -> None:
        """
        See L{Acts}.
        """
        self.done.append(f"tell {sentence}")

    def withoutHost(self) -> None:
        """
        See L{Acts}.
        """
        self.done.append("withoutHost")

    def followHost(self) -> None:
        """
        See L{Acts}.
        """
        self.done.append("followHost")

    def followClient(self) -> None:
        """
        See L{Acts}.
        """
        self.done.append("followClient")

    def record(self) -> None:
        """
        See L{Acts}.
        """
        self.done.append("record")


INPUTS: dict[str, Callable[[Life], None]] = {
    "accepted": lambda life: life.accepted(),
    "dismiss": lambda life: life.dismiss("Bye."),
    "hostLost": lambda life: life.hostLost(),
    "clientLost": lambda life: life.clientLost(),
}

#: How each state is reached, in all ways.
WAYS: dict[str, list[list[str]]] = {
    "arriving": [[], ["hostLost"]],
    "relaying": [["accepted"], ["hostLost", "accepted"]],
    "leaving": [["dismiss"], ["accepted", "dismiss"], ["accepted", "hostLost"]],
    "gone": [
        ["clientLost"],
        ["accepted", "clientLost"],
        ["dismiss", "clientLost"],
        ["accepted", "hostLost", "clientLost"],
    ],
}

#: What is done upon each input, by state.
TABLE: dict[str, dict[str, list[str]]] = {
    "arriving": {
        "accepted": ["join"],
        "dismiss": ["tell Bye."],
        "hostLost": ["withoutHost"],
        "clientLost": ["followClient", "record"],
    },
    "relaying": {
        "accepted": [],
        "dismiss": ["tell Bye."],
        "hostLost": ["followHost"],
        "clientLost": ["followClient", "record"],
    },
    "leaving": {"accepted": [], "dismiss": [], "hostLost": [], "clientLost": ["record"]},
    "gone": {"accepted": [], "dismiss": [], "hostLost": [], "clientLost": []},
}


@pytest.mark.parametrize(
    ("state", "way", "input"),
    [(state, way, input) for state, ways in WAYS.items() for way in ways for input in INPUTS],
)
def test_whatIsDoneAsATable(state: str, way: list[str], input: str) -> None:
    acts = Recording()
    life = begin(acts)
    for each in way:
        INPUTS[each](life)
    acts.done.clear()

    INPUTS[input](life)

    assert acts.done == TABLE[state][input]


@pytest.mark.parametrize("way", [way for ways in WAYS.values() for way in ways])
def test_everyLifeIsRecordedOnce(way: list[str]) -> None:
    acts = Recording()
    life = begin(acts)

    for each in [*way, "clientLost", "hostLost", "dismiss", "clientLost"]:
        INPUTS[each](life)

    assert acts.done.count("record") == 1
    assert acts.done[-1] == "record"


def test_tableIsWhole() -> None:
    methods = {name for name in vars(Life) if not name.startswith("_")}
    assert set(INPUTS) == methods
    assert all(set(row) == set(INPUTS) for row in TABLE.values())
