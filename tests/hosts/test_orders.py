"""
Tests of L{bastion.hosts.orders}: what an operator is told.
"""

from __future__ import annotations

from itertools import product

import pytest

from bastion.hosts.host import Host, HostSettings
from bastion.hosts.orders import ANSWERS, notPossible
from bastion.hosts.states import OPERATORS, TRANSITIONS, Event, State
from bastion.interfaces import HostAddress


def answer(state: State, order: Event) -> str:
    """
    What is said of a host in C{state}.
    """
    host = Host(HostSettings(HostAddress("nice1.example.org")), 0.0, state)
    return str(notPossible(host, order))


@pytest.mark.parametrize(("state", "order"), [*product(State, sorted(OPERATORS, key=str))])
def test_whatTheTableDoesNotKnowIsExplainedAndNothingElse(state: State, order: Event) -> None:
    assert (order in ANSWERS[state]) is (order not in TRANSITIONS[state])


@pytest.mark.parametrize(
    ("state", "order", "words"),
    [
        (
            State.DOWN,
            Event.ENABLE,
            "nice1.example.org is in service: it is down, and its checks decide when that changes",
        ),
        (
            State.UP,
            Event.KEY_ACCEPTED,
            "nice1.example.org is up: it has not offered another key than the known one",
        ),
        (
            State.DRAIN,
            Event.DRAIN,
            "nice1.example.org is drained already; `bastionctl enable nice1.example.org` takes "
            "that back",
        ),
        (
            State.DISABLED,
            Event.DISABLE,
            "nice1.example.org is disabled already; `bastionctl enable nice1.example.org` takes "
            "that back",
        ),
        (
            State.DISABLED,
            Event.KEY_ACCEPTED,
            "nice1.example.org is out of service: `bastionctl enable nice1.example.org` first; "
            "if its key is another one then, it is quarantined, and you can accept the key",
        ),
        *(
            (
                State.QUARANTINED,
                order,
                "nice1.example.org is quarantined, for it has offered another key than the known "
                "one: compare the fingerprints with those on the host itself, then "
                "`bastionctl accept-key nice1.example.org`",
            )
            for order in (Event.DRAIN, Event.DISABLE, Event.ENABLE)
        ),
    ],
)
def test_answerSaysWhatToDo(state: State, order: Event, words: str) -> None:
    assert answer(state, order) == words
