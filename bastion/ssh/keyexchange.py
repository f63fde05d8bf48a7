"""
The key exchange (RFC 4253 section 7), over Conch's mathematics.

Conch takes a key exchange's messages at any time and never gives one up; here
each has its turn, and the exchange its limit.
"""

from __future__ import annotations

from twisted.conch.ssh import transport as conch
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bastion.ssh.phases import ALWAYS, KEX_PROGRESS
from bastion.wire import (
    MSG_KEX_ECDH_INIT,
    MSG_KEX_ECDH_REPLY,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    Malformed,
    Reader,
)

#: From the connection to the first new keys, in seconds.
HANDSHAKE_TIME = 10.0
#: For a later key exchange, in seconds: all that was sent before it has to arrive first,
#: over whatever line the user has.
REKEY_TIME = 120.0


class KeyExchange(conch.SSHTransportBase):
    """
    The part of a transport that agrees on keys.

    @ivar clock: where the time limits come from.
    """

    clock: IReactorTime
    _limit: IDelayedCall | None = None
    _keysReady = False

    @property
    def _methodMessage(self) -> int:
        """
        The only message of the peer's in the methods that we speak (RFC 5656
        section 4).
        """
        return MSG_KEX_ECDH_REPLY if self.isClient else MSG_KEX_ECDH_INIT

    @property
    def exchangingKeys(self) -> bool:
        """
        Whether what is sent now waits for a key exchange to end.
        """
        state: str = self._keyExchangeState
        return state != self._KEY_EXCHANGE_NONE

    def expects(self, messageNum: int) -> bool:
        """
        Whether it is the turn of a message.

        Between a peer's KEXINIT and its NEWKEYS nothing else than the key
        exchange may come, and never outside of one (RFC 4253 section 7.1):
        NEWKEYS when the new keys are computed, the method's message until then.
        """
        if self._keyExchangeState != self._KEY_EXCHANGE_PROGRESSING:
            return messageNum not in KEX_PROGRESS
        if messageNum in KEX_PROGRESS:
            wanted = MSG_NEWKEYS if self._keysReady else self._methodMessage
            return messageNum == wanted
        return messageNum in ALWAYS or messageNum == MSG_KEXINIT

    def limitKeyExchange(self, seconds: float) -> None:
        """
        End the connection unless the key exchange ends in time.
        """
        problem = "the key exchange took too long"
        self._limit = self.clock.callLater(seconds, self.fail, problem)

    def forgetKeyExchange(self) -> None:
        """
        It is over.
        """
        if self._limit is not None and self._limit.active():
            self._limit.cancel()

    def sendKexInit(self) -> None:
        """
        Start a key exchange, or join the one that the peer has started.
        """
        super().sendKexInit()
        if self.sessionID is not None:
            self.limitKeyExchange(REKEY_TIME)
        self.keyExchanging()

    def ssh_KEXINIT(self, payload: bytes) -> None:
        """
        The peer starts a key exchange or answers ours; the layout is in
        RFC 4253 section 7.1.
        """
        if self._keyExchangeState == self._KEY_EXCHANGE_PROGRESSING:
            raise Malformed("a second KEXINIT within one key exchange")
        reader = Reader(payload[16:])
        for _ in range(10):
            reader.string()
        reader.boolean()
        reader.uint32()
        super().ssh_KEXINIT(payload)
        # Conch leaves REQUESTED when it has only answered the peer's.
        self._keyExchangeState = self._KEY_EXCHANGE_PROGRESSING

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        """
        The new keys are computed; the peer's NEWKEYS may come.
        """
        self._keysReady = True
        super()._keySetup(sharedSecret, exchangeHash)

    def _newKeys(self) -> None:
        """
        The new keys are in use; what has waited for them goes out.
        """
        self._keysReady = False
        super()._newKeys()
        self.forgetKeyExchange()
        self.keysTaken()

    # What the rest of the transport adds

    def keyExchanging(self) -> None:
        """
        L{exchangingKeys} may have changed.
        """

    def keysTaken(self) -> None:
        """
        A key exchange is over.
        """

    def fail(self, problem: str) -> None:
        """
        End the connection because of what the peer sent, or did not send.

        @param problem: for the log and the peer; holds no byte of the peer's.
        """
