"""
A peer that keeps the rules up to a stage, and from there on does what it is told.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from attacking.exchange import (
    GCM,
    HOST_KEY,
    KEX_METHOD,
    STRICT_CLIENT,
    STRICT_SERVER,
    Exchange,
    Lists,
)
from attacking.stages import Stage
from bastion.ssh.packets import MAX_PACKET as LONGEST
from bastion.ssh.packets import Incoming, Outgoing, payloadOf
from bastion.wire import (
    MSG_CHANNEL_OPEN_CONFIRMATION,
    MSG_DISCONNECT,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    Malformed,
    Reader,
    uint32,
)

#: What a cipher may add to a plain.
_SLACK = 1024

#: What a channel is opened with, in bytes.
WINDOW = 1 << 21
MAX_PACKET = 32768


Message = tuple[int, bytes]


@define(eq=False)
class Peer:
    """
    One end of an SSH connection, without the bytes' way.

    @ivar until: how far it goes by itself.
    @ivar strict: whether it asks for strict key exchange.
    @ivar suite: the cipher and the MAC that it has.
    @ivar version: what it says of itself.
    @ivar lists: what it offers instead of the usual.
    @ivar write: where its bytes go.
    @ivar stage: how far it has come.
    @ivar heard: every message, in order.
    @ivar gone: whether the connection is over.
    """

    until: Stage = Stage.SESSION
    strict: bool = True
    suite: tuple[bytes, bytes] = GCM
    version: bytes = b"SSH-2.0-OpenSSH_9.2p1"
    lists: Lists | None = None
    write: Callable[[bytes], None] = field(default=lambda data: None)
    stage: Stage = field(default=Stage.CONNECTED, init=False)
    heard: list[Message] = field(factory=list, init=False)
    gone: bool = field(default=False, init=False)
    theirVersion: bytes = field(default=b"", init=False)
    exchange: Exchange | None = field(default=None, init=False)
    session: bytes = field(default=b"", init=False)
    bothStrict: bool | None = field(default=None, init=False)
    incoming: Incoming = field(factory=Incoming, init=False)
    outgoing: Outgoing = field(factory=Outgoing, init=False)
    buffer: bytearray = field(factory=bytearray, init=False)
    waiting: list[Message] = field(factory=list, init=False)

    isClient = True

    def __attrs_post_init__(self) -> None:
        self.incoming.longest = LONGEST + _SLACK

    # What it says

    def packet(self, number: int, payload: bytes = b"") -> bytes:
        """
        The packet of a message, sealed with the present keys.
        """
        return self.sealed(self.outgoing.plain(number, payload))

    def sealed(self, plain: bytes) -> bytes:
        """
        The packet of a plain, whatever it is.
        """
        room = bytearray(len(plain) + _SLACK)
        size = len(plain) + self.outgoing.beside
        self.outgoing.seal(plain, memoryview(room))
        return bytes(room[:size])

    def sends(self, number: int, payload: bytes = b"") -> None:
        """
        Send a message, whether it may or not.
        """
        self.write(self.packet(number, payload))

    def says(self, number: int, payload: bytes = b"") -> None:
        """
        Send a message as soon as the rules allow it.
        """
        exchange = self.exchange
        if exchange is not None and exchange.ours and not exchange.keysSent:
            self.waiting.append((number, payload))
        else:
            self.sends(number, payload)

    def confirms(
        self, number: int, window: int = WINDOW, maxPacket: int = MAX_PACKET, own: int | None = None
    ) -> None:
        """
        Open a channel, with the same number on both ends.
        """
        sender = number if own is None else own
        fields = uint32(number) + uint32(sender) + uint32(window) + uint32(maxPacket)
        self.says(MSG_CHANNEL_OPEN_CONFIRMATION, fields)

    # What it hears

    def take(self, data: bytes) -> None:
        """
        Bytes have arrived.
        """
        self.buffer += data
        if not self.theirVersion:
            line, found, rest = bytes(self.buffer).partition(b"\r\n")
            if not found:
                return
            self.theirVersion, self.buffer = line, bytearray(rest)
            self.advance()
        taken, view = 0, memoryview(bytes(self.buffer))
        while len(view) - taken >= self.incoming.wanted:
            plain = self.incoming.next(view, taken)
            if plain is None:
                break
            taken += self.incoming.size
            self._hear(plain[1], payloadOf(plain))
        del self.buffer[:taken]

    def _hear(self, number: int, payload: bytes) -> None:
        self.heard.append((number, payload))
        exchange = self.exchange
        if exchange and exchange.theirs and not exchange.keysHeard and number >= 50:
            # RFC 4253 section 7.1.
            raise Malformed(f"message {number} within a key exchange")
        if number == MSG_KEXINIT:
            self._exchange().theirs = bytes((number,)) + payload
        self.hears(number, payload)
        if number == MSG_NEWKEYS:
            exchange = self._exchange()
            exchange.keysHeard = True
            cipher = exchange.cipher(not self.isClient, self._session())
            self.incoming.newKeys(cipher, self._strictly())
            self._concluded()
        self.advance()

    def hears(self, number: int, payload: bytes) -> None:
        """
        Do what has to be done about a message, apart from the next stage.
        """

    def numbers(self) -> list[int]:
        """
        The numbers of the messages that have come since the last call.
        """
        numbers = [number for number, _ in self.heard]
        self.heard.clear()
        return numbers

    def last(self, number: int) -> bytes | None:
        """
        The payload of the last message of a number.
        """
        return next((data for each, data in reversed(self.heard) if each == number), None)

    @property
    def goodbye(self) -> tuple[int, bytes] | None:
        """
        The reason and the text of the DISCONNECT that it was sent.
        """
        payload = self.last(MSG_DISCONNECT)
        if payload is None:
            return None
        reader = Reader(payload)
        return reader.uint32(), reader.string()

    # Stages

    def advance(self) -> None:
        """
        Go on by the rules as far as it can and shall.
        """
        while not self.gone and self.stage < self.until and self.step(Stage(self.stage + 1)):
            self.stage = Stage(self.stage + 1)
        if self.stage is Stage.SESSION and self.until is Stage.SESSION:
            self._rekeys()

    def goes(self, until: Stage) -> None:
        """
        Keep the rules for longer.
        """
        self.until = until
        self.advance()

    def step(self, stage: Stage) -> bool:
        """
        Say what leads to a stage, if it is time for it.

        @return: whether it was.
        """
        if stage is Stage.IDENTIFIED:
            self.write(self.version + b"\r\n")
        elif stage is Stage.ASKED:
            if not self.theirVersion:
                return False
            self.asksForKeys()
        elif stage is Stage.AGREED:
            return self.sendsPublicValue()
        elif stage is Stage.KEYED:
            return self.takesKeys()
        return True

    # The key exchange

    def _exchange(self) -> Exchange:
        if self.exchange is None:
            versions = (self.version, self.theirVersion)
            both = versions if self.isClient else versions[::-1]
            self.exchange = Exchange(self.isClient, self.suite, both)
        return self.exchange

    def asksForKeys(self) -> None:
        """
        Send KEXINIT.
        """
        exchange = self._exchange()
        exchange.ours = (self.lists or self.usual()).message()
        self.sends(exchange.ours[0], exchange.ours[1:])

    def usual(self) -> Lists:
        """
        What it offers; the markers in the first key exchange only.
        """
        marker = STRICT_CLIENT if self.isClient else STRICT_SERVER
        info = b"ext-info-c" if self.isClient else b"ext-info-s"
        markers = () if self.session else (info, marker) if self.strict else (info,)
        cipher, mac = self.suite
        macs = (mac or b"hmac-sha2-256",)
        return Lists((KEX_METHOD, *markers), (HOST_KEY,), (cipher,), macs, (b"none",))

    def sendsPublicValue(self) -> bool:
        """
        Send the method's message, if it is time for it.
        """
        raise NotImplementedError

    def takesKeys(self) -> bool:
        """
        Send NEWKEYS, and use the new keys, if it is time for it.
        """
        exchange = self.exchange
        if exchange is None or not exchange.hashed:
            return False
        self.sends(MSG_NEWKEYS)
        cipher = exchange.cipher(self.isClient, self._session())
        self.outgoing.newKeys(cipher, self._strictly())
        exchange.keysSent = True
        self._concluded()
        waiting, self.waiting = self.waiting, []
        for number, payload in waiting:
            self.sends(number, payload)
        return True

    def _rekeys(self) -> None:
        """
        Take part in a later key exchange.
        """
        exchange = self.exchange
        if exchange is not None and exchange.theirs:
            if not exchange.ours:
                self.asksForKeys()
            if exchange.said or self.sendsPublicValue():
                exchange.keysSent or self.takesKeys()

    def _session(self) -> bytes:
        """
        The identifier of the session: the hash of its first key exchange.
        """
        self.session = self.session or self._exchange().hashed
        return self.session

    def _strictly(self) -> bool:
        """
        Whether the numbers of the packets begin anew, as the first KEXINITs say.
        """
        if self.bothStrict is None:
            self.bothStrict = self._exchange().strict
        return self.bothStrict

    def _concluded(self) -> None:
        if self._exchange().keysSent and self._exchange().keysHeard:
            self.exchange = None
