"""
The states of a host, and what moves it from one to another (pure).

Everything that may happen to a host is one of the events, and L{TRANSITIONS} says what
comes of it.  What the table does not name changes nothing; an operator who asks for it
is told why.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class State(enum.Enum):
    """
    How a host stands.  The last three hold until an operator takes them back.
    """

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"
    DRAIN = "drain"
    DISABLED = "disabled"
    QUARANTINED = "quarantined"


class Event(enum.Enum):
    """
    What happens to a host.

    @cvar ROSE: enough in a row went well.
    @cvar FELL: enough checks in a row failed.
    @cvar FAILED: one check failed, or a user's connection or handshake.
    @cvar SLOW: it answers, and takes far longer than the other hosts.
    @cvar KEY_REFUSED: it offered a key that is not the known one.
    @cvar DRAIN: an operator wants no new logins on it.
    @cvar DISABLE: an operator takes it out of service.
    @cvar ENABLE: an operator gives it back.
    @cvar KEY_ACCEPTED: an operator vouches for the key that it offered.
    """

    ROSE = "rose"
    FELL = "fell"
    FAILED = "failed"
    SLOW = "slow"
    KEY_REFUSED = "key refused"
    DRAIN = "drain"
    DISABLE = "disable"
    ENABLE = "enable"
    KEY_ACCEPTED = "key accepted"


#: What a host's health does; a host that flaps is not followed at every turn.
HEALTH = frozenset({Event.ROSE, Event.FELL, Event.FAILED, Event.SLOW})
#: What operators do.
OPERATORS = frozenset({Event.DRAIN, Event.DISABLE, Event.ENABLE, Event.KEY_ACCEPTED})

_OUT_OF_SERVICE = {
    Event.KEY_REFUSED: State.QUARANTINED,
    Event.DRAIN: State.DRAIN,
    Event.DISABLE: State.DISABLED,
}

#: What comes of each event.  Nobody is put back into service without a check: ENABLE and
#: KEY_ACCEPTED lead to SUSPECT.  A key that is refused while an operator keeps the host
#: out of service does not end that; it is refused again when the host is enabled.  Out of
#: quarantine there is no way around the key.
TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.UP: {
        Event.FAILED: State.SUSPECT,
        Event.SLOW: State.SUSPECT,
        Event.FELL: State.DOWN,
        **_OUT_OF_SERVICE,
    },
    State.SUSPECT: {
        Event.ROSE: State.UP,
        Event.FELL: State.DOWN,
        **_OUT_OF_SERVICE,
    },
    State.DOWN: {
        Event.ROSE: State.UP,
        Event.SLOW: State.SUSPECT,
        **_OUT_OF_SERVICE,
    },
    State.DRAIN: {
        Event.ENABLE: State.SUSPECT,
        Event.DISABLE: State.DISABLED,
    },
    State.DISABLED: {
        Event.ENABLE: State.SUSPECT,
        Event.DRAIN: State.DRAIN,
    },
    State.QUARANTINED: {
        Event.KEY_ACCEPTED: State.SUSPECT,
        # Another one again: the operator has to see this one.
        Event.KEY_REFUSED: State.QUARANTINED,
    },
}

_RANKS = {State.UP: 0, State.SUSPECT: 1, State.DOWN: 2}


def rank(state: State) -> int | None:
    """
    Which hosts are tried first: 0 before 1 before 2; L{None} takes no login.
    """
    return _RANKS.get(state)


def diagram() -> str:
    """
    The table as a picture, for the manual: a C{stateDiagram-v2} of mermaid.
    """
    lines = ["stateDiagram-v2", f"    [*] --> {State.UP.value}"]
    for old, row in TRANSITIONS.items():
        for new in State:
            events = ", ".join(event.value for event, state in row.items() if state is new)
            if events:
                lines.append(f"    {old.value} --> {new.value}: {events}")
    return "\n".join([*lines, ""])
