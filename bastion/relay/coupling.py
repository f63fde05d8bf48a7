"""
The two transports of a relay, joined: each other's producers, and each watched
for its silence.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from bastion.relay.keepalive import Keepalive
from bastion.relay.pair import Relay
from bastion.relay.valve import Valve
from bastion.ssh.transport import Transport

#: For so many seconds may what a client has sent before it left wait for its host.
_LAST_LOOKS = 5


class Coupling:
    """
    What is between the two transports, beside the relay.
    """

    def __init__(
        self, relay: Relay, client: Transport, host: Transport, clock: IReactorTime
    ) -> None:
        """
        @param client: done with its login, as C{host} is.
        """
        client.setService(relay.client)
        host.setService(relay.host)
        upward = Valve(client, host, clock, _LAST_LOOKS)
        downward = Valve(host, client, clock, None)
        relay.host.isFull = lambda: upward.full or host.holdsBack
        relay.client.isFull = lambda: downward.full or client.holdsBack
        self._valves = upward, downward
        self._keepalives = (
            Keepalive(client, relay.client.globals.askForLife, upward.isOpen, clock),
            Keepalive(host, relay.host.globals.askForLife, downward.isOpen, clock),
        )

    def settle(self) -> None:
        """
        A transport has begun or ended to exchange keys.
        """
        for valve in self._valves:
            valve.settle()

    def remove(self) -> None:
        """
        One of the transports is gone.
        """
        for valve in self._valves:
            valve.remove()
        for keepalive in self._keepalives:
            keepalive.stop()
