"""
Which login methods a client is offered, and which way its choice takes (pure).

Only what can be relayed is offered: a C{publickey} signature is bound to the
session identifier of the connection that it was made for (RFC 4252 section 7),
so the host cannot verify one that was made for the bastion.

A host that takes passwords in one of the two ways can serve a client that
gives them in the other, so the missing one is offered behind the host's own.
The first attempt shows which of the two the client speaks; from then on it is
offered that one alone, or a client that speaks both would ask its user twice as
often as without a bastion.  After a partial success there is nothing to put in
place of the host's own: who has more than a password to give speaks that method.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from bastion.auth.messages import KEYBOARD_INTERACTIVE, PASSWORD

_COUNTERPART = {PASSWORD: KEYBOARD_INTERACTIVE, KEYBOARD_INTERACTIVE: PASSWORD}


class Way(enum.Enum):
    """
    How the client's method reaches the host.
    """

    UNCHANGED = "as it is"
    PASSWORD_AS_DIALOGUE = "the password answers the host's one hidden prompt"
    DIALOGUE_AS_PASSWORD = "one hidden prompt of ours asks for the password"
    NONE = "not at all"


def offer(host: Sequence[bytes], used: bytes | None, partial: bool = False) -> tuple[bytes, ...]:
    """
    The methods to offer to the client.

    @param host: the methods that the host can continue with, in its order.
    @param used: the method of the client's latest attempt since the host's list
        was new; L{None} if there was none.
    @param partial: whether the client has had a partial success.
    """
    own = tuple(method for method in host if method in _COUNTERPART)
    if partial or len(own) != 1:
        return own
    both = (own[0], _COUNTERPART[own[0]])
    return (used,) if used in both else both


def way(method: bytes, host: Sequence[bytes], changes: bool = False) -> Way:
    """
    How a request for C{method} reaches a host that can continue with C{host}.

    @param changes: whether the request is for another password; a dialogue that took the old
        one would log in, and change nothing.
    """
    if method not in _COUNTERPART:
        return Way.NONE
    if method in host:
        return Way.UNCHANGED
    if changes or _COUNTERPART[method] not in host:
        return Way.NONE
    return Way.PASSWORD_AS_DIALOGUE if method == PASSWORD else Way.DIALOGUE_AS_PASSWORD
