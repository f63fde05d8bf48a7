"""
What the two ends of a session do, as events.
"""

from __future__ import annotations

from attrs import define, field

from bastion.audit.events import ConnectionLog
from bastion.interfaces import ChannelRequest
from bastion.relay.channels import Channel
from bastion.wire import shown

#: How many refusals of one connection are recorded: a peer can ask for thousands of
#: channels a second, and be refused all of them.
MAX_REFUSALS = 100


@define
class SessionLog:
    """
    See L{bastion.relay.pair.Observer}.

    @ivar log: the connection's.
    """

    log: ConnectionLog
    _refusals: int = field(default=0, init=False)

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
        self._refusals += 1
        if self._refusals > MAX_REFUSALS:
            return
        if self._refusals == MAX_REFUSALS:
            reason = f"{reason}; further refusals are not recorded"
        self.log.event("channel.refused", type=shown(request.name), reason=reason)

    @property
    def unrecorded(self) -> dict[str, int]:
        """
        For the last event: how many refusals there were, if not all are recorded.
        """
        return {"refusals": self._refusals} if self._refusals > MAX_REFUSALS else {}
