"""
The windows of the channels (RFC 4254 section 5.2), where more is done with them than to
pass them on.

A window is granted by the end that receives.  Of a session's, the other end is told a
little less, so that there is room for words of our own to the user; what they take is
taken from what the client adds next.  And where there is a limit of bandwidth, the other
end is told of a window piece by piece: of nothing while the channel is being opened, so
that a wish takes nothing of the bandwidth that may come to nothing, and of the first piece
as soon as both ends know the channel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bastion.relay.channels import Channel, Channels, End
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
    Malformed,
    Reader,
    uint32,
)

if TYPE_CHECKING:
    from bastion.relay.connection import Side
    from bastion.relay.shaping import Share

#: Kept of the window of a session for our words, in bytes; at most an eighth of it.
RESERVE = 4096

#: What is passed on as it comes, where nothing is done with windows.
_DATA = frozenset({MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA})
_WINDOWS = frozenset({MSG_CHANNEL_WINDOW_ADJUST})
_NOTHING: frozenset[int] = frozenset()


class Windows:
    """
    The windows of one connection.

    @ivar speaks: whether there may be words of our own.
    """

    def __init__(self, channels: Channels, speaks: bool, share: Share | None) -> None:
        """
        @param share: of the bandwidth (L{bastion.relay.shaping.Share}); L{None} for no
            limit.
        """
        self.speaks = speaks
        self._channels = channels
        self._share = share
        self._owed = 0

    def passes(self, end: End) -> frozenset[int]:
        """
        The numbers of the messages of C{end}'s that need not be looked into.
        """
        if self._share is not None:
            return _NOTHING
        return _DATA if self._owed and end is End.CLIENT else _DATA | _WINDOWS

    # The first window

    def announced(self, channel: Channel, end: End, window: int) -> int:
        """
        C{end} says how much it takes at first.

        @return: what the other one is told.
        """
        told = window
        if self.speaks and channel.type == b"session" and end is End.CLIENT:
            channel.spare = min(RESERVE, window // 8)
            told -= channel.spare
        if self._share is not None:
            channel.first[end] = told
            return 0
        return told

    def opened(self, channel: Channel, give: Callable[[End, bytes], None]) -> None:
        """
        Both ends know the channel.

        @param give: sends an end the payload of SSH_MSG_CHANNEL_WINDOW_ADJUST.
        """
        if self._share is None:
            return
        for receiver, window in channel.first.items():
            sender = receiver.other
            number = uint32(channel.numbers[sender])
            flow = self._share.flow(sender, _giving(give, sender, number))
            channel.flows[receiver] = flow
            flow.begin(window)
        channel.first.clear()

    def hasTerminal(self, channel: Channel) -> None:
        """
        Somebody types there: it goes first.
        """
        for flow in channel.flows.values():
            flow.interactive = True

    # Later

    def spent(self, channel: Channel, size: int) -> None:
        """
        So many bytes of our own went to the client.
        """
        channel.spare -= size
        channel.owed += size
        self._owed += size

    def adjusted(self, side: Side, packet: bytes) -> None:
        """
        An end adds to a window::

            uint32  recipient channel
            uint32  bytes to add
        """
        reader = Reader(packet)
        number, size = reader.uint32(), reader.uint32()
        channel = self._channels.at(side.end.other, number)
        if channel is None:
            side.other.send(MSG_CHANNEL_WINDOW_ADJUST, packet)
            return
        if side.end is End.CLIENT and channel.owed:
            size -= self._paid(channel, size)
            side.choosePasses()
        if side.end in channel.flows:
            channel.flows[side.end].granted(size)
        elif size:
            side.other.send(MSG_CHANNEL_WINDOW_ADJUST, uint32(number) + uint32(size))

    def _paid(self, channel: Channel, size: int) -> int:
        paid = min(channel.owed, size)
        channel.owed -= paid
        channel.spare += paid
        self._owed -= paid
        return paid

    def used(self, side: Side, packet: bytes, header: int) -> int:
        """
        An end sends data, where there is a limit.

        @param header: the bytes before them.
        @return: how many they are.
        """
        size = len(packet) - header
        if size < 0:
            raise Malformed("data without a length")
        channel = self._channels.at(side.end.other, Reader(packet).uint32())
        if channel is not None and side.end.other in channel.flows:
            channel.flows[side.end.other].used(size)
        return size

    # The end

    def closed(self, channel: Channel) -> None:
        """
        Both ends have closed the channel.
        """
        self._owed -= channel.owed
        channel.owed = 0
        for flow in channel.flows.values():
            flow.close()

    def leave(self) -> None:
        """
        The connection is over.
        """
        if self._share is not None:
            self._share.leave()


def _giving(
    give: Callable[[End, bytes], None], sender: End, number: bytes
) -> Callable[[int], None]:
    return lambda size: give(sender, number + uint32(size))
