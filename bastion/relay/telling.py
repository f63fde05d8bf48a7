"""
Words of our own for the user of a session: why something was refused, or that it is
about to end.

They come as a program's on its stderr (RFC 4254 section 5.2), which is the one way that
every client shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bastion.interfaces import ChannelRequest
from bastion.relay.channels import LEAST_PACKET, Channel, End
from bastion.wire import EXTENDED_DATA_STDERR, MSG_CHANNEL_EXTENDED_DATA, string, uint32

if TYPE_CHECKING:
    from bastion.relay.pair import Relay

#: Lines that wait for a session to be told in.
MAX_WAITING = 8
#: Of a line, in bytes.
_LONGEST = 512
#: Programs send what the user did not ask for, and do not wonder whether it was taken.
_SILENT = frozenset({b"env"})


class Teller:
    """
    Tells the user of one connection.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._waiting: list[str] = []

    def tell(self, channel: Channel, sentence: str) -> bool:
        """
        Say something in a session.

        @return: whether there was room for it.
        """
        if channel.type != b"session" or channel.closed or End.HOST in channel.ended:
            return False
        line = _line(sentence)
        if len(line) > channel.spare:
            return False
        self._relay.windows.spent(channel, len(line))
        client = self._relay.client
        head = uint32(channel.numbers[End.CLIENT]) + uint32(EXTENDED_DATA_STDERR)
        for at in range(0, len(line), LEAST_PACKET):
            client.send(MSG_CHANNEL_EXTENDED_DATA, head + string(line[at : at + LEAST_PACKET]))
        client.choosePasses()
        return True

    def tellAll(self, sentence: str) -> None:
        """
        Say something in every session.
        """
        for channel in list(self._relay.channels):
            self.tell(channel, sentence)

    def refused(self, request: ChannelRequest, channel: Channel | None, refusal: str) -> bool:
        """
        Say why a request was refused: in its session, or in any other one, or in the
        next.

        @param channel: the request's; L{None} for those of the connection.
        @return: whether it is said.
        """
        if not request.fromClient or request.name in _SILENT or not self._relay.windows.speaks:
            return False
        sentence = f"gateway: {refusal}"
        if channel is not None:
            return self.tell(channel, sentence)
        if any(self.tell(each, sentence) for each in self._relay.channels):
            return True
        self._waiting = [*self._waiting, sentence][:MAX_WAITING]
        return False

    def opened(self, channel: Channel) -> None:
        """
        A session, perhaps, in which can be said what waits.
        """
        while self._waiting and self.tell(channel, self._waiting[0]):
            del self._waiting[0]


def _line(sentence: str) -> bytes:
    """
    A sentence as a line, whatever a terminal is set to; nothing in it moves a cursor.
    """
    printable = "".join(each if each.isprintable() else "?" for each in sentence)
    return printable.encode("utf-8", "replace")[:_LONGEST] + b"\r\n"
