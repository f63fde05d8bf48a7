"""
Peers that say nothing by themselves: they have keys with the bastion, and the rest is
up to the case.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from attacking.client import Client
from attacking.exchange import Exchange
from attacking.host import Host
from attacking.peer import Peer
from attacking.stages import Stage
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bastion.wire import MSG_KEXINIT, MSG_NEWKEYS, Malformed
from fuzzing.messages import KEY

#: The messages of a key exchange.
KEY_EXCHANGE = frozenset({MSG_KEXINIT, MSG_NEWKEYS, *range(30, 50)})

Change = Callable[[int, bytes], bytes]


def newPrivateKey() -> X25519PrivateKey:
    """
    A private key that depends on C{os.urandom} alone.
    """
    return X25519PrivateKey.from_private_bytes(os.urandom(32))


class Player(Peer):
    """
    Takes part in key exchanges.

    @ivar change: what becomes of its own messages in them; L{None} for nothing.
    @ivar said: the numbers of its messages.
    """

    change: Change | None = None

    def __init__(self, until: Stage = Stage.KEYED, **own: Any) -> None:
        super().__init__(until=until, **own)
        self.said: set[int] = set()

    def sends(self, number: int, payload: bytes = b"") -> None:
        """
        See L{Peer}.
        """
        if self.change is not None and number in KEY_EXCHANGE:
            payload = self.change(number, payload)
        self.said.add(number)
        super().sends(number, payload)

    def take(self, data: bytes) -> None:
        """
        Whoever has said something else than it believes understands nothing.

        @raise Malformed: then.
        """
        try:
            super().take(data)
        except Malformed:
            raise
        except Exception as problem:
            raise Malformed("the player is confused") from problem

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Peer}.
        """
        if number in KEY_EXCHANGE:
            super().hears(number, payload)

    def step(self, stage: Stage) -> bool:
        """
        See L{Peer}.
        """
        return stage <= Stage.KEYED and Peer.step(self, stage)

    def advance(self) -> None:
        """
        See L{Peer}.
        """
        super().advance()
        if self.stage is Stage.KEYED:
            self._rekeys()

    def _exchange(self) -> Exchange:
        isNew = self.exchange is None
        exchange = super()._exchange()
        if isNew:
            exchange._private = newPrivateKey()
        return exchange


class PlayingClient(Player, Client):
    """
    A client.
    """


class PlayingHost(Player, Host):
    """
    A host.
    """

    def __init__(self, until: Stage = Stage.KEYED, **own: Any) -> None:
        super().__init__(until=until, key=KEY, **own)
