"""
What the two ends of a session do, as events.
"""

from __future__ import annotations

from attrs import frozen

from bastion.audit.events import ConnectionLog
from bastion.interfaces import ChannelRequest
from bastion.relay.channels import Channel
from bastion.wire import shown


@frozen
class SessionLog:
    """
    See L{bastion.relay.pair.Observer}.

    @ivar log: the connection's.
    """

    log: ConnectionLog

    def channelOpened(self, channel: Channel) -> None:
        """
        Both ends agree on a channel.
        """
        extra = {"target": channel.target} if channel.target else {}
        by = channel.opener.value
        self.log.event("channel.opened", type=shown(channel.type), opened_by=by, **extra)

    def refused(self, request: ChannelRequest, reason: str) -> None:
        """
        An open or a request was refused by us.
        """
        self.log.event("channel.refused", type=shown(request.name), reason=reason)
