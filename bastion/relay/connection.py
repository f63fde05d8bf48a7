"""
The connection protocol (RFC 4254), passed from one side to the other.

Packets cross unchanged; of data, only the length is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.conch.ssh.service import SSHService

from bastion.interfaces import ChannelRequest
from bastion.relay.channels import (
    MAX_CHANNELS,
    End,
    TooManyChannels,
)
from bastion.relay.session import HOST_KEYS, target
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_GLOBAL_REQUEST,
    MSG_REQUEST_FAILURE,
    MSG_REQUEST_SUCCESS,
    MSG_USERAUTH_REQUEST,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
    ChannelOpen,
    ChannelRequestMessage,
    GlobalRequest,
    Malformed,
    Reader,
    openFailure,
    uint32,
)

#: Answers of our own that may wait for an end that does not read.
MAX_UNREAD = 1024

if TYPE_CHECKING:
    from bastion.relay.pair import Relay


class Side(SSHService):
    """
    One half of a relay: the service that runs on one of the two transports.

    @ivar end: the end that this side faces.
    @ivar other: the other half.
    @ivar received: bytes of channel data received from the end.
    @ivar isFull: whether what is sent to the end has to wait.
    """

    name = b"ssh-connection"
    transport: Any
    other: Side

    def __init__(self, relay: Relay, end: End) -> None:
        self.end = end
        self.received = 0
        self.isFull: Callable[[], bool] = lambda: False
        self._unread = 0
        self._relay = relay
        self._looked = {
            MSG_GLOBAL_REQUEST: self._globalRequest,
            MSG_REQUEST_SUCCESS: self._requestSuccess,
            MSG_REQUEST_FAILURE: self._requestFailure,
            MSG_CHANNEL_OPEN: self._open,
            MSG_CHANNEL_OPEN_CONFIRMATION: self._openConfirmation,
            MSG_CHANNEL_OPEN_FAILURE: self._openFailure,
            MSG_CHANNEL_DATA: self._data,
            MSG_CHANNEL_EXTENDED_DATA: self._extendedData,
            MSG_CHANNEL_CLOSE: self._close,
            MSG_CHANNEL_REQUEST: self._channelRequest,
            MSG_CHANNEL_SUCCESS: self._channelSuccess,
            MSG_CHANNEL_FAILURE: self._channelFailure,
            MSG_USERAUTH_REQUEST: self._ignore,
        }

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """
        Take a packet of this side's end.

        @raise bastion.wire.Malformed: when it cannot be one.
        """
        look = self._looked.get(messageNum, None)
        if look is None:
            self.other.send(messageNum, packet)
        else:
            look(packet)

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

    def _request(self, kind: str, name: bytes, data: bytes, type: bytes = b"") -> ChannelRequest:
        return ChannelRequest(kind, name, self.end is End.CLIENT, type, data)

    def _refusal(self, request: ChannelRequest) -> str | None:
        """
        Why C{request} may not pass; L{None} if it may.
        """
        refusal = self._relay.adapter.judge(request).refusal
        if refusal is not None:
            self._relay.observer.refused(request, refusal)
        return refusal

    # Data

    def _data(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
            string  data
        """
        self._count(packet, 8)
        self.other.send(MSG_CHANNEL_DATA, packet)

    def _extendedData(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
            uint32  data_type_code
            string  data
        """
        self._count(packet, 12)
        self.other.send(MSG_CHANNEL_EXTENDED_DATA, packet)

    def _count(self, packet: bytes, header: int) -> None:
        if len(packet) < header:
            raise Malformed("data without a length")
        self.received += len(packet) - header

    def _ignore(self, packet: bytes) -> None:
        """
        A login request from before the login succeeded (RFC 4252 section 5.3).
        """

    # Global requests, RFC 4254 section 4

    def _globalRequest(self, packet: bytes) -> None:
        """
        See L{GlobalRequest}.
        """
        message = GlobalRequest.parse(packet)
        replies = self._relay.globals[self.end]
        request = self._request("global", message.name, message.data)
        if message.name in HOST_KEYS or self._refusal(request) is not None:
            if message.wantReply and replies.refused():
                self.answer(MSG_REQUEST_FAILURE, b"")
            return
        if message.wantReply:
            replies.passed(request)
        self.other.send(MSG_GLOBAL_REQUEST, packet)

    def _requestSuccess(self, packet: bytes) -> None:
        """
        ::
            ....    response specific data
        """
        self._globalReply(MSG_REQUEST_SUCCESS, packet, packet)

    def _requestFailure(self, packet: bytes) -> None:
        """
        No fields.
        """
        self._globalReply(MSG_REQUEST_FAILURE, packet, None)

    def _globalReply(self, number: int, packet: bytes, reply: bytes | None) -> None:
        request, refusals = self._relay.globals[self.end.other].answered()
        if request is not None:
            self._relay.adapter.answered(request, reply)
        self.other.send(number, packet)
        for _ in range(refusals):
            self.other.send(MSG_REQUEST_FAILURE, b"")

    # Channels, RFC 4254 section 5

    def _open(self, packet: bytes) -> None:
        """
        See L{ChannelOpen}.
        """
        message = ChannelOpen.parse(packet)
        leadsTo = target(message.type, message.data)
        request = self._request("open", message.type, message.data)
        refusal = self._refusal(request)
        if refusal is not None:
            self._refuseOpen(message, OPEN_ADMINISTRATIVELY_PROHIBITED, refusal)
            return
        try:
            self._relay.channels.wanted(self.end, message.sender, message.type, leadsTo)
        except TooManyChannels:
            reason = f"{MAX_CHANNELS} channels are open"
            self._relay.observer.refused(request, reason)
            self._refuseOpen(message, OPEN_RESOURCE_SHORTAGE, reason)
            return
        self.other.send(MSG_CHANNEL_OPEN, packet)

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
        channel = self._relay.channels.confirmed(self.end, reader.uint32(), reader.uint32())
        self.other.send(MSG_CHANNEL_OPEN_CONFIRMATION, packet)
        self._relay.observer.channelOpened(channel)

    def _openFailure(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
            uint32  reason code
            string  description
            string  language tag
        """
        self._relay.channels.failed(self.end, Reader(packet).uint32())
        self.other.send(MSG_CHANNEL_OPEN_FAILURE, packet)

    def _close(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        self._relay.channels.closed(self.end, Reader(packet).uint32())
        self.other.send(MSG_CHANNEL_CLOSE, packet)

    # Channel requests, RFC 4254 section 5.4

    def _channelRequest(self, packet: bytes) -> None:
        """
        See L{ChannelRequestMessage}.
        """
        message = ChannelRequestMessage.parse(packet)
        channel = self._relay.channels.at(self.end.other, message.recipient)
        if channel is None:
            # Which of the two is wrong, its peer can tell.
            self.other.send(MSG_CHANNEL_REQUEST, packet)
            return
        request = self._request("channel", message.name, message.data, channel.type)
        replies = channel.pending[self.end]
        if self._refusal(request) is not None:
            if message.wantReply and replies.refused():
                self.answer(MSG_CHANNEL_FAILURE, uint32(channel.numbers[self.end]))
            return
        if message.wantReply:
            replies.passed(request)
        self.other.send(MSG_CHANNEL_REQUEST, packet)

    def _channelSuccess(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        self._channelReply(MSG_CHANNEL_SUCCESS, packet)

    def _channelFailure(self, packet: bytes) -> None:
        """
        ::
            uint32  recipient channel
        """
        self._channelReply(MSG_CHANNEL_FAILURE, packet)

    def _channelReply(self, number: int, packet: bytes) -> None:
        asker = self.end.other
        channel = self._relay.channels.at(asker, Reader(packet).uint32())
        self.other.send(number, packet)
        if channel is None:
            return
        _, refusals = channel.pending[asker].answered()
        for _ in range(refusals):
            self.other.send(MSG_CHANNEL_FAILURE, uint32(channel.numbers[asker]))
