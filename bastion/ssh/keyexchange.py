"""
The key exchange (RFC 4253 section 7): whose turn it is, and from when on which
keys count.  The mathematics are in L{bastion.ssh.kexmethods}.

The two directions change their keys one after the other: what we send, behind
our NEWKEYS; what the peer sends, behind its own.  Between our KEXINIT and our
NEWKEYS nothing but the key exchange may leave; what else is to be sent waits.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable

from twisted.conch.ssh import _kex
from twisted.internet.interfaces import IReactorTime

from bastion.algorithms import Algorithms
from bastion.ssh.ciphers import PacketCipher
from bastion.ssh.deadline import Deadline
from bastion.ssh.derivation import Secret
from bastion.ssh.held import Held
from bastion.ssh.line import Line
from bastion.ssh.negotiation import (
    EXT_INFO_CLIENT,
    EXT_INFO_SERVER,
    STRICT_CLIENT,
    STRICT_SERVER,
    Agreement,
    Offer,
    agree,
)
from bastion.ssh.phases import ALWAYS, KEX_METHOD, KEX_PROGRESS
from bastion.ssh.terms import Terms
from bastion.wire import MSG_DISCONNECT, MSG_KEXINIT, MSG_NEWKEYS, Malformed, byte

#: From the connection to the first new keys, in seconds.
HANDSHAKE_TIME = 10.0
#: For a later key exchange, in seconds: all that was sent before it has to arrive first,
#: over whatever line the user has.
REKEY_TIME = 120.0

_NEVER_HELD = ALWAYS | KEX_PROGRESS | {MSG_KEXINIT}


class Turn(enum.Enum):
    """
    How far a key exchange has come; and what the peer owes us.
    """

    NONE = "nothing"
    ASKED = "KEXINIT"  # ours is sent
    AGREED = "message of the method"
    KEYED = "NEWKEYS"  # ours is sent


class KeyExchange(Line):
    """
    The part of a transport that agrees on keys.

    @ivar deadline: ends the connection unless a key exchange ends in time.
    @ivar strict: whether both sides keep to strict key exchange.
    @ivar peerWantsExtensions: whether the peer takes EXT_INFO (RFC 8308).
    @ivar turn: how far the key exchange has come.
    @ivar methodMessage: the only message of the method's that may come next.
    @ivar startMethod: called when both sides know the method: who speaks first in
        it, does.
    """

    __slots__ = ("_agreement", "_incomingNext", "_ours", "strict", "turn")

    methodMessage: int
    startMethod: Callable[[], None]

    def __init__(self, clock: IReactorTime, terms: Terms) -> None:
        super().__init__(clock, terms)
        self.turn = Turn.NONE
        self.strict = False
        self.peerWantsExtensions = False
        self.deadline = Deadline(clock)
        self._guess = False
        self._held = Held()
        self._ours: Offer
        self._agreement: Agreement
        self._incomingNext: PacketCipher

    # Whose turn it is

    @property
    def exchangingKeys(self) -> bool:
        """
        Whether the peer owes us a part of a key exchange.
        """
        return self.turn is not Turn.NONE

    @property
    def agreeingOnKeys(self) -> bool:
        """
        Whether the peer sends nothing but its part of a key exchange.
        """
        return self.turn in (Turn.AGREED, Turn.KEYED)

    @property
    def holdsBack(self) -> bool:
        """
        Whether what is sent now waits for a key exchange.
        """
        return self.turn in (Turn.ASKED, Turn.AGREED)

    def expects(self, messageNum: int) -> bool:
        """
        Whether it is the turn of a message.

        Between a peer's KEXINIT and its NEWKEYS nothing else than the key
        exchange may come, and never outside of one (RFC 4253 section 7.1); one
        KEXINIT is enough.
        With strict key exchange the first one bears nothing else at all.
        """
        if self.turn in (Turn.NONE, Turn.ASKED):
            return messageNum not in KEX_PROGRESS
        if messageNum in KEX_METHOD:
            return self.turn is Turn.AGREED and messageNum == self.methodMessage
        if messageNum == MSG_NEWKEYS:
            return self.turn is Turn.KEYED
        if self.strict and self.phaseIsFirst:
            return messageNum == MSG_DISCONNECT
        return messageNum in ALWAYS

    @property
    def phaseIsFirst(self) -> bool:
        """
        Whether the first key exchange is not over.
        """
        raise NotImplementedError

    # The time that it may take

    def late(self) -> None:
        """
        The peer had the time for a key exchange, and it is over.
        """
        missing = f"the key exchange took too long: no {self.turn.value} came"
        self.fail(missing if self.gotVersion else "no identification string came in time")

    def excuseKeyExchange(self) -> None:
        """
        The peer is not read for a while: that it does not answer our KEXINIT is not
        its fault.
        """
        if self.turn is Turn.ASKED and not self.phaseIsFirst:
            self.deadline.pause()

    def expectKeyExchange(self) -> None:
        """
        The peer is read again: if we have asked for keys, its time goes on.
        """
        if self.turn is Turn.ASKED and not self.phaseIsFirst:
            self.deadline.resume()

    # KEXINIT

    def offered(self) -> Algorithms:
        """
        What we offer to the peer.
        """
        raise NotImplementedError

    def sendKexInit(self) -> None:
        """
        Start a key exchange, or join the one that the peer has started.
        """
        markers: tuple[bytes, ...] = ()
        if self.phaseIsFirst:
            markers = (
                (EXT_INFO_CLIENT, STRICT_CLIENT)
                if self.isClient
                else (EXT_INFO_SERVER, STRICT_SERVER)
            )
        else:
            self.deadline.start(REKEY_TIME, self.late)
        self._ours = Offer.of(self.offered(), *markers)
        payload = self._ours.payload(os.urandom(16))
        self.ourKexInitPayload = byte(MSG_KEXINIT) + payload
        # First, for the KEXINIT itself is beyond what the old keys may serve for.
        self.turn = Turn.ASKED
        self.sendPacket(MSG_KEXINIT, payload)
        self.keyExchanging()

    def ssh_KEXINIT(self, payload: bytes) -> None:
        """
        The peer starts a key exchange or answers ours; see L{Offer}.
        """
        theirs = Offer.parse(payload)
        if self.turn is Turn.NONE:
            self.sendKexInit()
        if self.phaseIsFirst:
            self.strict = theirs.has(STRICT_SERVER if self.isClient else STRICT_CLIENT)
            wants = EXT_INFO_SERVER if self.isClient else EXT_INFO_CLIENT
            self.peerWantsExtensions = theirs.has(wants)
            if self.strict and self.incoming.packets != 1:
                # CVE-2023-48795: whoever adds a packet here can take one away later.
                raise Malformed("a message before the KEXINIT of a strict key exchange")
        self._agreement = agree(self._ours, theirs, self.isClient)
        self.kexAlg = self._agreement.keyExchange
        self.keyAlg = self._agreement.hostKey
        self.otherKexInitPayload = byte(MSG_KEXINIT) + payload
        self._guess = self._agreement.guessedWrong
        self.turn = Turn.AGREED
        self.keyExchanging()
        self.startMethod()

    def guessedWrong(self, messageNum: int) -> bool:
        """
        Whether a message is a wrong guess of the peer's at our method, which is
        passed over whatever its number (RFC 4253 section 7).
        """
        if not self._guess or messageNum not in KEX_METHOD:
            return False
        self._guess = False
        return True

    # The new keys

    def _keySetup(self, sharedSecret: bytes, exchangeHash: bytes) -> None:
        """
        Called by the method when both sides have the secret: send NEWKEYS, and
        use the new keys from there on (RFC 4253 section 7.2).
        """
        if self.sessionID is None:
            self.sessionID = exchangeHash
        agreed, hash_ = self._agreement, _kex.getHashProcessor(self.kexAlg)
        secret = Secret(hash_, sharedSecret, exchangeHash, self.sessionID)
        toServer = secret.cipher(agreed.cipherToServer, agreed.macToServer, (b"A", b"C", b"E"))
        toClient = secret.cipher(agreed.cipherToClient, agreed.macToClient, (b"B", b"D", b"F"))
        ours, self._incomingNext = (toServer, toClient) if self.isClient else (toClient, toServer)
        self.sendPacket(MSG_NEWKEYS, b"")
        self.outgoing.newKeys(ours, self.strict)
        self.turn = Turn.KEYED
        self.keysSent()
        self._sendHeld()
        self.keyExchanging()

    def ssh_NEWKEYS(self, payload: bytes) -> None:
        """
        No fields; what the peer sends from here on has the new keys.
        """
        if payload:
            raise Malformed("NEWKEYS has no fields")
        self.incoming.newKeys(self._incomingNext, self.strict)
        self.turn = Turn.NONE
        # Not to be kept for as long as a session: nobody needs them again.
        del self._ours, self._agreement, self._incomingNext
        del self.ourKexInitPayload, self.otherKexInitPayload
        self.deadline.stop()
        self.keysTaken()
        self.keyExchanging()

    # What waits

    def hold(self, messageNum: int, payload: bytes) -> bool:
        """
        Keep a message until our new keys are in use, if it has to wait.

        @return: whether it has to.
        @raise Malformed: when the peer makes us keep too much.
        """
        if not self.holdsBack or messageNum in _NEVER_HELD:
            return False
        self._held.add(messageNum, payload)
        return True

    def _sendHeld(self) -> None:
        for messageNum, payload in self._held.take():
            self.sendPacket(messageNum, payload)

    # What the rest of the transport adds

    def keyExchanging(self) -> None:
        """
        L{turn} has changed.
        """

    def keysSent(self) -> None:
        """
        What is sent now is the first with the new keys.
        """

    def keysTaken(self) -> None:
        """
        A key exchange is over.
        """
