"""
What the two sides of one connection share.
"""

from __future__ import annotations

from typing import Protocol

from bastion.interfaces import ChannelRequest
from bastion.relay.channels import Channel, Channels, End, PendingReplies
from bastion.relay.connection import Side
from bastion.relay.session import SessionAdapter


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
    @ivar adapter: judges opens and requests.
    @ivar observer: is told what happens.
    """

    def __init__(self, adapter: SessionAdapter, observer: Observer) -> None:
        self.channels = Channels()
        self.globals = {End.CLIENT: PendingReplies(), End.HOST: PendingReplies()}
        self.adapter = adapter
        self.observer = observer
        client, host = Side(self, End.CLIENT), Side(self, End.HOST)
        client.other, host.other = host, client
        self.client = client
        self.host = host
