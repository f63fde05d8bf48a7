"""
Channel requests (RFC 4254 section 5.4): those of the two ends, and our refusals among
their replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bastion.relay.channels import End
from bastion.wire import (
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    ChannelRequestMessage,
    Malformed,
    Reader,
    uint32,
)

if TYPE_CHECKING:
    from bastion.relay.channels import Channel
    from bastion.relay.connection import Side


#: What a session is for: without it, there is none.
_PROGRAMS = frozenset({b"shell", b"exec", b"subsystem"})


class ChannelRequests:
    """
    The requests that one end makes in its channels, and its replies to those of the
    other.
    """

    def __init__(self, side: Side) -> None:
        self._side = side

    def request(self, packet: bytes) -> None:
        """
        See L{ChannelRequestMessage}.

        @raise Malformed: when a client that is judged asks in a channel that is not open.
        """
        side = self._side
        message = ChannelRequestMessage.parse(packet)
        channel = side.relay.channels.at(side.end.other, message.recipient)
        if channel is None:
            self._astray(packet)
            return
        request = side.wish("channel", message.name, message.data, channel.type)
        replies = channel.pending[side.end]
        refusal = side.refusal(request)
        if refusal is not None:
            told = side.relay.teller.refused(request, channel, refusal)
            if message.wantReply:
                self._refuse(channel, told and message.name in _PROGRAMS)
            return
        if message.wantReply and replies.holding:
            side.relay.observer.refused(request, "it did not wait for the refusal before it")
            self._refuse(channel, False)
            return
        if message.wantReply:
            # Not the request itself: a peer can make it as large as a packet.
            replies.passed(True)
        if message.name == b"pty-req" and side.end is End.CLIENT and channel.type == b"session":
            side.relay.windows.hasTerminal(channel)
        side.other.send(MSG_CHANNEL_REQUEST, packet)

    def _astray(self, packet: bytes) -> None:
        """
        A request in a channel that is not open.  Which of the two ends is wrong, its peer
        can tell.  But the channel may be on its way: who has guessed its number would be
        judged by nobody, and obeyed.
        """
        side = self._side
        if not side.relay.adapter.judges:
            side.other.send(MSG_CHANNEL_REQUEST, packet)
        elif side.end is End.CLIENT:
            raise Malformed("a request in a channel that is not open")

    def _refuse(self, channel: Channel, afterWords: bool) -> None:
        """
        Answer with a failure, in its turn.

        @param afterWords: when the end has read what was said before, too: OpenSSH ends at
            the failure of a program, without showing what else has come.
        """
        side, replies = self._side, channel.pending[self._side.end]
        if afterWords:
            replies.hold()
            side.globals.askForLife(lambda: self._release(channel))
        elif replies.refused():
            side.answer(MSG_CHANNEL_FAILURE, uint32(channel.numbers[side.end]))

    def _release(self, channel: Channel) -> None:
        side = self._side
        refusals, number = channel.pending[side.end].release(), channel.numbers[side.end]
        if side.relay.channels.at(side.end, number) is channel:
            for _ in range(refusals):
                side.send(MSG_CHANNEL_FAILURE, uint32(number))

    def success(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        self._reply(MSG_CHANNEL_SUCCESS, packet)

    def failure(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        self._reply(MSG_CHANNEL_FAILURE, packet)

    def _reply(self, number: int, packet: bytes) -> None:
        side = self._side
        asker = side.end.other
        channel = side.relay.channels.at(asker, Reader(packet).uint32())
        if channel is not None and channel.pending[asker].ours:
            # Nobody has asked it.
            return
        side.other.send(number, packet)
        if channel is None:
            return
        _, refusals = channel.pending[asker].answered()
        for _ in range(refusals):
            side.other.send(MSG_CHANNEL_FAILURE, uint32(channel.numbers[asker]))
