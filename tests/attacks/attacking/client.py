"""
A client of the tests' own.
"""

from __future__ import annotations

from attrs import define, field

from attacking.peer import MAX_PACKET, WINDOW, Message, Peer
from attacking.stages import Stage
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_KEX_ECDH_INIT,
    MSG_KEX_ECDH_REPLY,
    MSG_NEWKEYS,
    MSG_REQUEST_FAILURE,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    byte,
    string,
    uint32,
)

#: What may be in no log, wherever it was sent: a right password and a wrong one.
RIGHT = b"canary-right-9f2c41"
WRONG = b"canary-wrong-9f2c41"


def request(method: bytes, fields: bytes = b"", account: bytes = b"johnson") -> bytes:
    """
    The payload of SSH_MSG_USERAUTH_REQUEST.
    """
    return string(account) + string(b"ssh-connection") + string(method) + fields


def password(word: bytes = RIGHT, account: bytes = b"johnson") -> bytes:
    """
    The same with a password.
    """
    return request(b"password", byte(0) + string(word), account)


def opening(
    number: int = 0,
    window: int = WINDOW,
    maxPacket: int = MAX_PACKET,
    type: bytes = b"session",
    data: bytes = b"",
) -> bytes:
    """
    The payload of SSH_MSG_CHANNEL_OPEN.
    """
    return string(type) + uint32(number) + uint32(window) + uint32(maxPacket) + data


@define(eq=False)
class Client(Peer):
    """
    A client that logs in with a password.

    @ivar word: its password.
    @ivar account: its account.
    @ivar deceived: whether the host's signature was wrong.
    @ivar answers: the data of its channels.
    """

    word: bytes = RIGHT
    account: bytes = b"johnson"
    deceived: bool = field(default=False, init=False)
    answers: bytearray = field(factory=bytearray, init=False)

    def sendsPublicValue(self) -> bool:
        """
        See L{Peer}.
        """
        exchange = self.exchange
        if exchange is None or not exchange.theirs:
            return False
        exchange.said = True
        self.sends(MSG_KEX_ECDH_INIT, string(exchange.public))
        return True

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Peer}.
        """
        if number == MSG_KEX_ECDH_REPLY and self.exchange is not None:
            self.exchange.hear(payload)
            self.deceived = self.deceived or not self.exchange.signed
        elif number == MSG_CHANNEL_DATA:
            self.answers += payload[8:]
        elif number == MSG_GLOBAL_REQUEST and payload[-1] and self.until is Stage.SESSION:
            self.says(MSG_REQUEST_FAILURE)

    def step(self, stage: Stage) -> bool:
        """
        See L{Peer}.
        """
        if stage is Stage.SERVICE and self._has(MSG_NEWKEYS):
            self.says(MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
        elif stage is Stage.LOGIN and self._has(MSG_SERVICE_ACCEPT):
            self.says(MSG_USERAUTH_REQUEST, request(b"none", account=self.account))
        elif stage is Stage.DECIDING and self._has(MSG_USERAUTH_FAILURE):
            self.says(MSG_USERAUTH_REQUEST, password(self.word, self.account))
        elif stage is Stage.SESSION:
            return self._has(MSG_USERAUTH_SUCCESS)
        elif stage > Stage.KEYED:
            return False
        else:
            return Peer.step(self, stage)
        return True

    def _has(self, number: int) -> bool:
        return any(each == number for each, _ in self.heard)

    # The session

    def opens(self, number: int = 0, **fields: int) -> None:
        """
        Ask for a session channel.
        """
        self.says(MSG_CHANNEL_OPEN, opening(number, **fields))

    def writes(self, data: bytes, channel: int = 0) -> None:
        """
        Send data over a channel.
        """
        self.says(MSG_CHANNEL_DATA, uint32(channel) + string(data))

    def asks(self, name: bytes, data: bytes = b"", channel: int = 0, reply: bool = True) -> None:
        """
        Make a channel request.
        """
        fields = uint32(channel) + string(name) + byte(reply) + data
        self.says(MSG_CHANNEL_REQUEST, fields)

    @property
    def question(self) -> Message | None:
        """
        The last message, if it is a question of a dialogue.
        """
        last = self.heard[-1] if self.heard else None
        return last if last and last[0] == MSG_USERAUTH_INFO_REQUEST else None
