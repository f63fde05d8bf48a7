"""
What the two sides of one connection share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bastion.interfaces import ChannelRequest
from bastion.relay.allowance import UNLIMITED, Allowance
from bastion.relay.channels import MAX_CHANNELS, Channel, Channels, End, PendingReplies
from bastion.relay.connection import Side
from bastion.relay.session import SessionAdapter
from bastion.relay.telling import Teller
from bastion.relay.windows import Windows

if TYPE_CHECKING:
    from bastion.relay.shaping import Share


class Observer(Protocol):
    """
    Who is told what the two ends do.
    """

    def channelOpened(self, channel: Channel) -> None:
        """
        Both ends agree on a channel.
        """

    def refused(self, request: ChannelRequest, reason: str) -> None:
        """
        An open or a request was refused by us.
        """


class Relay:
    """
    What the two sides of one connection share.

    @ivar channels: the channels.
    @ivar globals: the replies to global requests that each end is owed.
    @ivar windows: the windows of the channels.
    @ivar teller: says things to the user.
    @ivar adapter: judges opens and requests.
    @ivar observer: is told what happens.
    """

    def __init__(
        self,
        adapter: SessionAdapter,
        observer: Observer,
        speaks: bool = False,
        share: Share | None = None,
        channels: int = MAX_CHANNELS,
        allowance: Allowance = UNLIMITED,
    ) -> None:
        """
        @param speaks: whether there may be something to say to the user.
        @param share: of a limited bandwidth; L{None} for no limit.
        @param channels: how many there may be.
        @param allowance: of the channels that others have too.
        """
        self.channels = Channels(channels, allowance)
        self.windows: Windows = Windows(self.channels, speaks, share)
        self.teller = Teller(self)
        self.globals = {End.CLIENT: PendingReplies(), End.HOST: PendingReplies()}
        self.adapter = adapter
        self.observer = observer
        client, host = Side(self, End.CLIENT), Side(self, End.HOST)
        client.other, host.other = host, client
        self.client = client
        self.host = host
