"""
Tests of L{bastion.hosts.states}: the table, whole, and its picture.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from bastion.hosts.states import HEALTH, OPERATORS, TRANSITIONS, Event, State, diagram, rank

MANUAL = Path(__file__).parents[2] / "docs" / "hosts.md"
BEGIN, END = "<!-- states: drawn from the table -->\n```mermaid\n", "```\n<!-- /states -->\n"

UP, SUSPECT, DOWN = State.UP, State.SUSPECT, State.DOWN
DRAIN, DISABLED, QUARANTINED = State.DRAIN, State.DISABLED, State.QUARANTINED

#: A row for each event, a column for each state to be in; dots are for nothing.
WHOLE = {
    #                    up           suspect      down         drain     disabled  quarantined
    Event.ROSE:         (None,        UP,          UP,          None,     None,     None),
    Event.FELL:         (DOWN,        DOWN,        None,        None,     None,     None),
    Event.FAILED:       (SUSPECT,     None,        None,        None,     None,     None),
    Event.SLOW:         (SUSPECT,     None,        SUSPECT,     None,     None,     None),
    Event.KEY_REFUSED:  (QUARANTINED, QUARANTINED, QUARANTINED, None,     None,     QUARANTINED),
    Event.DRAIN:        (DRAIN,       DRAIN,       DRAIN,       None,     DRAIN,    None),
    Event.DISABLE:      (DISABLED,    DISABLED,    DISABLED,    DISABLED, None,     None),
    Event.ENABLE:       (None,        None,        None,        SUSPECT,  SUSPECT,  None),
    Event.KEY_ACCEPTED: (None,        None,        None,        None,     None,     SUSPECT),
}  # fmt: skip


@pytest.mark.parametrize(("old", "event"), [*product(State, Event)])
def test_whatComesOfEachEventInEachState(old: State, event: Event) -> None:
    assert TRANSITIONS[old].get(event) is WHOLE[event][list(State).index(old)]


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("event", Event)
def test_nobodyTakesLoginsAgainWithoutACheck(old: State, event: Event) -> None:
    if rank(old) is None and TRANSITIONS[old].get(event) is not None:
        assert TRANSITIONS[old][event] is not State.UP


def test_keyIsTheOnlyWayOutOfQuarantine() -> None:
    out = {event for event, new in TRANSITIONS[QUARANTINED].items() if new is not QUARANTINED}
    assert out == {Event.KEY_ACCEPTED}


@pytest.mark.parametrize("old", [DRAIN, DISABLED, QUARANTINED])
def test_healthDoesNotMoveAHostThatIsOutOfService(old: State) -> None:
    assert HEALTH.isdisjoint(TRANSITIONS[old])


def test_eventsAreOfHealthOfOperatorsOrOfTheKey() -> None:
    assert HEALTH.isdisjoint(OPERATORS)
    assert set(Event) - HEALTH - OPERATORS == {Event.KEY_REFUSED}


def test_upIsTriedBeforeSuspectAndSuspectBeforeDown() -> None:
    assert [rank(each) for each in State] == [0, 1, 2, None, None, None]


def test_wordsAreThoseOfTheManualAndOfTheStore() -> None:
    words = ["up", "suspect", "down", "drain", "disabled", "quarantined"]
    assert [each.value for each in State] == words


# The picture


def test_pictureHasOneArrowFromStateToState() -> None:
    lines = diagram().splitlines()
    assert lines[:5] == [
        "stateDiagram-v2",
        "    [*] --> up",
        "    up --> suspect: failed, slow",
        "    up --> down: fell",
        "    up --> drain: drain",
    ]
    arrows = [line.partition(":")[0] for line in lines[1:]]
    assert len(arrows) == len(set(arrows))


def test_pictureShowsTheWholeTable() -> None:
    shown = set()
    for line in diagram().splitlines()[2:]:
        arrow, _, events = line.partition(": ")
        old, new = arrow.split(" --> ")
        shown |= {(State(old.strip()), Event(event), State(new)) for event in events.split(", ")}
    table = {(old, event, new) for old, row in TRANSITIONS.items() for event, new in row.items()}
    assert shown == table


def test_manualHasThePicture() -> None:
    """
    If this fails, put what L{diagram} returns between the marks.
    """
    _, _, rest = MANUAL.read_text().partition(BEGIN)
    assert rest.partition(END)[0] == diagram()


@pytest.mark.parametrize("state", State)
def test_manualExplainsEveryState(state: State) -> None:
    assert f"| `{state.value}` |" in MANUAL.read_text()
