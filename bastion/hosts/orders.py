"""
What an operator is told whose order a host cannot follow (pure).
"""

from __future__ import annotations

from collections.abc import Mapping

from bastion.hosts.host import Host
from bastion.hosts.states import Event, State
from bastion.interfaces import BastionError


class NotPossible(BastionError):
    """
    The state that a host is in does not allow what an operator asks for.  The text says
    what to do instead.
    """


_IN_SERVICE = {
    Event.ENABLE: "is in service: it is {state}, and its checks decide when that changes",
    Event.KEY_ACCEPTED: "is {state}: it has not offered another key than the known one",
}
_KEY_LATER = (
    "is out of service: `bastionctl enable {host}` first; "
    "if its key is another one then, it is quarantined, and you can accept the key"
)
_KEY_FIRST = (
    "is quarantined, for it has offered another key than the known one: compare the "
    "fingerprints with those on the host itself, then `bastionctl accept-key {host}`"
)

#: What to answer to each order that the table of states does not know.
ANSWERS: Mapping[State, Mapping[Event, str]] = {
    State.UP: _IN_SERVICE,
    State.SUSPECT: _IN_SERVICE,
    State.DOWN: _IN_SERVICE,
    State.DRAIN: {
        Event.DRAIN: "is drained already; `bastionctl enable {host}` takes that back",
        Event.KEY_ACCEPTED: _KEY_LATER,
    },
    State.DISABLED: {
        Event.DISABLE: "is disabled already; `bastionctl enable {host}` takes that back",
        Event.KEY_ACCEPTED: _KEY_LATER,
    },
    State.QUARANTINED: {
        Event.DRAIN: _KEY_FIRST,
        Event.DISABLE: _KEY_FIRST,
        Event.ENABLE: _KEY_FIRST,
    },
}


def notPossible(host: Host, order: Event) -> NotPossible:
    """
    Why C{host} does not follow C{order}.
    """
    name, words = host.settings.address, ANSWERS[host.state][order]
    return NotPossible(f"{name} {words.format(host=name, state=host.state.value)}")
