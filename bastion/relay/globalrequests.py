"""
Global requests (RFC 4254 section 4): those of the two ends, and our own among them.

They bear no number: a reply belongs to the oldest request that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from bastion.relay.session import HOST_KEYS
from bastion.wire import (
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    GlobalRequest,
    byte,
    string,
)

if TYPE_CHECKING:
    from bastion.relay.connection import Side

#: Stands for a request that is longer than any that matters to us: a name of a host or of
#: a socket is not.  What waits for its reply is kept, and there may be thousands.
_TOO_LONG = object()
_MAX_KEPT = 1024
#: What OpenSSH asks: everybody answers to it, most by saying that they do not know it.
_SIGN_OF_LIFE = string(b"keepalive@openssh.com") + byte(1)


@frozen
class _OurOwn:
    """
    Stands for a request of our own among those that are passed on.
    """

    answered: Callable[[], None]


class GlobalRequests:
    """
    The global requests that one end makes, and its replies to those of the other.
    """

    def __init__(self, side: Side) -> None:
        self._side = side

    def request(self, packet: bytes) -> None:
        """
        See L{GlobalRequest}.
        """
        side = self._side
        message = GlobalRequest.parse(packet)
        replies = side.relay.globals[side.end]
        wish = side.wish("global", message.name, message.data)
        refusal = None if message.name in HOST_KEYS else side.refusal(wish)
        if refusal is not None:
            side.relay.teller.refused(wish, None, refusal)
        if message.name in HOST_KEYS or refusal is not None:
            if message.wantReply and replies.refused():
                side.answer(MSG_REQUEST_FAILURE, b"")
            return
        if message.wantReply:
            replies.passed(wish if len(packet) <= _MAX_KEPT else _TOO_LONG)
        side.other.send(MSG_GLOBAL_REQUEST, packet)

    def success(self, packet: bytes) -> None:
        """
        ::
            ....    response specific data
        """
        self._reply(MSG_REQUEST_SUCCESS, packet, packet)

    def failure(self, packet: bytes) -> None:
        """
        No fields.
        """
        self._reply(MSG_REQUEST_FAILURE, packet, None)

    def _reply(self, number: int, packet: bytes, reply: bytes | None) -> None:
        side = self._side
        request, refusals = side.relay.globals[side.end.other].answered()
        if isinstance(request, _OurOwn):
            request.answered()
        else:
            if request is not None and request is not _TOO_LONG:
                side.relay.adapter.answered(request, reply)
            side.other.send(number, packet)
        for _ in range(refusals):
            side.other.send(MSG_REQUEST_FAILURE, b"")

    def askForLife(self, answered: Callable[[], None] = lambda: None) -> None:
        """
        Ask the end for a sign of life.  Its reply is for us: it comes in its turn
        among those that the other end waits for.

        @param answered: called when it has come.
        @raise bastion.wire.Malformed: when the end owes too many replies already.
        """
        side = self._side
        side.relay.globals[side.end.other].passed(_OurOwn(answered))
        side.send(MSG_GLOBAL_REQUEST, _SIGN_OF_LIFE)
