"""
A host of the tests' own.
"""

from __future__ import annotations

from attrs import define, field
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attacking.client import RIGHT
from attacking.peer import Peer
from attacking.stages import Stage
from bastion.wire import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_GLOBAL_REQUEST,
    MSG_KEX_ECDH_INIT,
    MSG_KEX_ECDH_REPLY,
    MSG_REQUEST_FAILURE,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    Reader,
    byte,
    nameList,
    string,
    uint32,
)

#: The key that the bastion knows, and another one.
KEY = Ed25519PrivateKey.generate()
OTHER_KEY = Ed25519PrivateKey.generate()

REFUSED = nameList((b"password", b"keyboard-interactive")) + byte(0)


@define(eq=False)
class Host(Peer):
    """
    A host where one password is right, and every channel says what it is told.

    @ivar key: its host key.
    @ivar signature: the key that it signs with.
    @ivar guesses: the passwords that it was sent.
    @ivar read: the data that came over its channels.
    @ivar admitted: the accounts that it has let in.
    """

    version: bytes = b"SSH-2.0-OpenSSH_9.2p1"
    key: Ed25519PrivateKey = KEY
    signature: Ed25519PrivateKey | None = None
    guesses: list[bytes] = field(factory=list, init=False)
    read: int = field(default=0, init=False)
    theirs: bytes = field(default=b"", init=False)
    admitted: list[bytes] = field(factory=list, init=False)
    _asked: bytes = field(default=b"", init=False)

    isClient = False

    def packet(self, number: int, payload: bytes = b"") -> bytes:
        """
        See L{Peer}; whoever is sent C{success} is in.
        """
        if number == MSG_USERAUTH_SUCCESS:
            self.admitted.append(self._asked)
        return Peer.packet(self, number, payload)

    def _hear(self, number: int, payload: bytes) -> None:
        if number == MSG_USERAUTH_REQUEST:
            self._asked = Reader(payload).string()
        Peer._hear(self, number, payload)

    def sendsPublicValue(self) -> bool:
        """
        See L{Peer}.
        """
        exchange = self.exchange
        if exchange is None or not self.theirs:
            return False
        answer = exchange.answer(self.theirs, self.key)
        if self.signature is not None:
            good = string(self.key.sign(exchange.hashed))
            answer = answer.replace(good, string(self.signature.sign(exchange.hashed)))
        exchange.said = True
        self.theirs = b""
        self.sends(MSG_KEX_ECDH_REPLY, answer)
        return True

    def step(self, stage: Stage) -> bool:
        """
        See L{Peer}.
        """
        last = self.heard[-1] if self.heard else (0, b"")
        if stage is Stage.SERVICE and last[0] == MSG_SERVICE_REQUEST:
            self.says(MSG_SERVICE_ACCEPT, last[1])
        elif stage is Stage.LOGIN and last[0] == MSG_USERAUTH_REQUEST:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)
        elif stage is Stage.DECIDING:
            return bool(self.guesses)
        elif stage is Stage.SESSION:
            return self._decides()
        elif stage > Stage.KEYED:
            return False
        else:
            return Peer.step(self, stage)
        return True

    def _decides(self) -> bool:
        right = self.guesses[-1] == RIGHT
        answered = self.heard[-1][0] != MSG_USERAUTH_REQUEST
        if right:
            self.says(MSG_USERAUTH_SUCCESS)
        elif not answered:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)
        return right

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Peer}.
        """
        if number == MSG_KEX_ECDH_INIT:
            self.theirs = Reader(payload).string()
        elif number == MSG_USERAUTH_REQUEST:
            reader = Reader(payload)
            reader.string(), reader.string()
            if reader.string() == b"password":
                reader.boolean()
                self.guesses.append(reader.string())
        elif self.stage is Stage.SESSION and self.until is Stage.SESSION:
            self._serves(number, payload)

    def _serves(self, number: int, payload: bytes) -> None:
        """
        In a session: say yes, and say everything again.
        """
        reader = Reader(payload)
        if number == MSG_CHANNEL_OPEN:
            reader.string()
            self.confirms(reader.uint32())
        elif number == MSG_CHANNEL_DATA:
            self.read += len(payload) - 8
            self.says(MSG_CHANNEL_DATA, payload)
        elif number == MSG_CHANNEL_REQUEST:
            recipient, _, wantsReply = reader.uint32(), reader.string(), reader.boolean()
            if wantsReply:
                self.says(MSG_CHANNEL_SUCCESS, uint32(recipient))
        elif number == MSG_CHANNEL_CLOSE:
            self.says(MSG_CHANNEL_CLOSE, payload)
        elif number == MSG_GLOBAL_REQUEST:
            reader.string()
            if reader.boolean():
                self.says(MSG_REQUEST_FAILURE)

    def secrets(self) -> list[bytes]:
        """
        What it was sent beyond what everybody may know: login requests other than
        `none`, and answers.
        """
        return [
            payload
            for number, payload in self.heard
            if number >= MSG_USERAUTH_REQUEST and b"none" not in payload
        ]
