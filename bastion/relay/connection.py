"""
The connection protocol (RFC 4254), passed from one side to the other.

Packets cross unchanged; of data, only the length is looked at.  Only a maximum packet
size that is larger than what we take is made smaller, on its way either way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.conch.ssh.service import SSHService

from bastion.interfaces import ChannelRequest
from bastion.relay.channelrequests import ChannelRequests
from bastion.relay.channels import MOST_PACKET, End, TooManyChannels, tooSmall
from bastion.relay.globalrequests import GlobalRequests
from bastion.relay.session import target
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_GLOBAL_REQUEST,
    MSG_PING,
    MSG_PONG,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    MSG_USERAUTH_REQUEST,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    ChannelOpen,
    Malformed,
    Reader,
    openFailure,
    uint32,
)

#: Answers of our own that may wait for an end that does not read.
MAX_UNREAD = 1024
#: The longest ping that is answered, in bytes; OpenSSH's have a few.
MAX_PING = 1024

#: The bytes of a plain that are neither padding nor data: the padding's length, the
#: number, the channel, and what else comes before the data.
_HEADERS = {
    MSG_CHANNEL_WINDOW_ADJUST: 10,
    MSG_CHANNEL_DATA: 10,
    MSG_CHANNEL_EXTENDED_DATA: 14,
}

if TYPE_CHECKING:
    from bastion.relay.pair import Relay


class Side(SSHService):
    """
    One half of a relay: the service that runs on one of the two transports.

    @ivar end: the end that this side faces.
    @ivar other: the other half.
    @ivar received: bytes of channel data received from the end.
    @ivar isFull: whether what is sent to the end has to wait.
    @ivar relay: what the two halves share.
    @ivar globals: what is neither of a channel nor of the login.
    @ivar requests: what is asked for in a channel.
    """

    name = b"ssh-connection"
    transport: Any
    other: Side

    def __init__(self, relay: Relay, end: End) -> None:
        self.end = end
        self.received = 0
        self.isFull: Callable[[], bool] = lambda: False
        self.relay = relay
        self.globals = GlobalRequests(self)
        self.requests = ChannelRequests(self)
        self._unread = 0

    @property
    def passes(self) -> frozenset[int]:
        """
        See L{bastion.ssh.transport.Transport.setService}.
        """
        return self.relay.windows.passes(self.end)

    def choosePasses(self) -> None:
        """
        C{passes} are others now.
        """
        self.transport.choosePasses()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """
        Take a packet of this side's end.

        @raise bastion.wire.Malformed: when it cannot be one.
        """
        look = _LOOKED_INTO.get(messageNum)
        if look is None:
            self.other.send(messageNum, packet)
        else:
            look(self, packet)

    def send(self, messageNum: int, packet: bytes) -> None:
        """
        Send a packet to this side's end.
        """
        self.transport.sendPacket(messageNum, packet)

    def answer(self, messageNum: int, packet: bytes) -> None:
        """
        Answer this side's end ourselves, behind no request of the other's.

        @raise Malformed: when it asks on and on, and does not read the answers.
        """
        self._unread = self._unread + 1 if self.isFull() else 0
        if self._unread > MAX_UNREAD:
            raise Malformed("too many requests whose answers are not read")
        self.send(messageNum, packet)

    def wish(self, kind: str, name: bytes, data: bytes, type: bytes = b"") -> ChannelRequest:
        """
        What this side's end asks for, as the policies are told.
        """
        return ChannelRequest(kind, name, self.end is End.CLIENT, type, data)

    def refusal(self, request: ChannelRequest) -> str | None:
        """
        Why C{request} may not pass; L{None} if it may.
        """
        refusal = self.relay.adapter.judge(request).refusal
        if refusal is not None:
            self.relay.observer.refused(request, refusal)
        return refusal

    # Data, and the room for it

    def passOn(self, plain: memoryview) -> None:
        """
        Give the other end a message of channel data or of a window, as it was
        opened (L{bastion.ssh.packets})::

            byte    message number
            uint32  recipient channel
            uint32  data_type_code (of extended data only)
            string  data, or uint32 bytes to add

        @raise Malformed: when it is too short to be one.
        """
        data = len(plain) - plain[0] - _HEADERS[plain[1]]
        if data < 0:
            raise Malformed("data without a length")
        self.received += data
        self.other.transport.forward(plain)

    def _limited(self, messageNum: int, packet: bytes) -> None:
        """
        Data, whose bandwidth may be limited; see L{passOn}.
        """
        header = _HEADERS[messageNum] - 2
        self.received += self.relay.windows.used(self, packet, header)
        self.other.send(messageNum, packet)

    def _ping(self, packet: bytes) -> None:
        """
        ::
            string  data

        OpenSSH asks when somebody types, to hide when; its PROTOCOL 1.8.
        """
        if len(packet) > MAX_PING:
            raise Malformed(f"a ping of {len(packet)} bytes")
        self.answer(MSG_PONG, packet)

    def _ignore(self, packet: bytes) -> None:
        """
        A login request from before the login succeeded (RFC 4252 section 5.3).
        """

    # Channels, RFC 4254 section 5

    def _open(self, packet: bytes) -> None:
        """
        See L{ChannelOpen}.
        """
        message = ChannelOpen.parse(packet)
        leadsTo = target(message.type, message.data)
        request = self.wish("open", message.type, message.data)
        refusal = self.refusal(request)
        if refusal is not None:
            self._refuseOpen(message, OPEN_ADMINISTRATIVELY_PROHIBITED, refusal)
            return
        reason = tooSmall(message.maxPacket)
        try:
            if not reason:
                channel = self.relay.channels.wanted(
                    self.end, message.sender, message.type, leadsTo
                )
        except TooManyChannels as problem:
            reason = str(problem)
        if reason:
            self.relay.observer.refused(request, reason)
            self._refuseOpen(message, OPEN_RESOURCE_SHORTAGE, reason)
            return
        window = self.relay.windows.announced(channel, self.end, message.window)
        size = min(message.maxPacket, MOST_PACKET)
        told = ChannelOpen(message.type, message.sender, window, size, message.data)
        self.other.send(MSG_CHANNEL_OPEN, told.payload())

    def _refuseOpen(self, message: ChannelOpen, code: int, reason: str) -> None:
        self.answer(MSG_CHANNEL_OPEN_FAILURE, openFailure(message.sender, code, reason))

    def _openConfirmation(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
            uint32  sender channel
            uint32  initial window size
            uint32  maximum packet size
        """
        reader = Reader(packet)
        recipient, sender = reader.uint32(), reader.uint32()
        channel = self.relay.channels.confirmed(self.end, recipient, sender)
        window, size = reader.uint32(), reader.uint32()
        reason = tooSmall(size)
        if reason:
            raise Malformed(reason)
        told = self.relay.windows.announced(channel, self.end, window)
        sizes = uint32(told) + uint32(min(size, MOST_PACKET))
        self.other.send(MSG_CHANNEL_OPEN_CONFIRMATION, packet[:8] + sizes + reader.rest())
        self.relay.windows.opened(channel, self._give)
        self.relay.observer.channelOpened(channel)
        self.relay.teller.opened(channel)

    def _give(self, end: End, adjustment: bytes) -> None:
        side = self if end is self.end else self.other
        side.send(MSG_CHANNEL_WINDOW_ADJUST, adjustment)

    def _openFailure(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
            uint32  reason code
            string  description
            string  language tag
        """
        self.relay.channels.failed(self.end, Reader(packet).uint32())
        self.other.send(MSG_CHANNEL_OPEN_FAILURE, packet)

    def _eof(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        self.relay.channels.ended(self.end, Reader(packet).uint32())
        self.other.send(MSG_CHANNEL_EOF, packet)

    def _close(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        gone = self.relay.channels.closed(self.end, Reader(packet).uint32())
        if gone is not None:
            self.relay.windows.closed(gone)
        self.other.send(MSG_CHANNEL_CLOSE, packet)


#: What is not just passed on: by message number, whose business it is.
_LOOKED_INTO: dict[int, Callable[[Side, bytes], None]] = {
    MSG_GLOBAL_REQUEST: lambda side, packet: side.globals.request(packet),
    MSG_REQUEST_SUCCESS: lambda side, packet: side.globals.success(packet),
    MSG_REQUEST_FAILURE: lambda side, packet: side.globals.failure(packet),
    MSG_CHANNEL_SUCCESS: lambda side, packet: side.requests.success(packet),
    MSG_CHANNEL_FAILURE: lambda side, packet: side.requests.failure(packet),
    MSG_CHANNEL_OPEN: Side._open,
    MSG_CHANNEL_OPEN_CONFIRMATION: Side._openConfirmation,
    MSG_CHANNEL_OPEN_FAILURE: Side._openFailure,
    MSG_CHANNEL_CLOSE: Side._close,
    MSG_CHANNEL_REQUEST: lambda side, packet: side.requests.request(packet),
    MSG_CHANNEL_EOF: Side._eof,
    MSG_CHANNEL_WINDOW_ADJUST: lambda side, packet: side.relay.windows.adjusted(side, packet),
    MSG_CHANNEL_DATA: lambda side, packet: side._limited(MSG_CHANNEL_DATA, packet),
    MSG_CHANNEL_EXTENDED_DATA: lambda side, packet: side._limited(
        MSG_CHANNEL_EXTENDED_DATA, packet
    ),
    MSG_USERAUTH_REQUEST: Side._ignore,
    MSG_PING: Side._ping,
}
