"""
The binary packet protocol (RFC 4253 section 6): from bytes to messages, and
back.

A message in the clear is a I{plain} here: C{padding_length}, payload, padding.
It is what a cipher opens and seals, and what the two legs can hand each other
as it is: the padding of one packet does as well for the other.
"""

from __future__ import annotations

import os

from bastion.ssh.ciphers import NoCipher, PacketCipher, Plain
from bastion.ssh.sealing import lengthAt
from bastion.ssh.terms import RekeyLimits
from bastion.wire import MSG_USERAUTH_INFO_RESPONSE, MSG_USERAUTH_REQUEST, Malformed

#: The longest packet, in bytes, before and after the login.  RFC 4253 section 6.1 asks
#: for 35000.  OpenSSH takes packets whose length field says up to 256 KiB; what an end of
#: a channel says it takes counts the data alone, and asyncssh takes 1 KiB more for the
#: rest of the packet.
MAX_PACKET_BEFORE_LOGIN = 35_000
MAX_PACKET = 257 * 1024

#: What a cipher may write beyond the plain.
_SLACK = 64
#: RFC 4253 section 6: the field before a plain, which every cipher learns by itself, and
#: the least that a plain and its padding have, all in bytes.
_LENGTH_FIELD = 4
_LEAST = 6
_LEAST_PADDING = 4
#: Messages that carry a password are padded to a multiple of so many bytes, which is one of
#: every cipher's blocks: their length is not to tell that of the password.
_SECRET = frozenset({MSG_USERAUTH_REQUEST, MSG_USERAUTH_INFO_RESPONSE})
_HIDING = 64
_SEQUENCES = 0xFFFF_FFFF
_LIMITS = RekeyLimits()
_UNKNOWN = -1

#: Where packets are opened.  One for all connections: what is in it is passed on or
#: copied before the next packet is opened.
_opened = memoryview(bytearray(MAX_PACKET + _SLACK))


class _Direction:
    """
    What the packets of one direction have in common: their numbers, and their keys.

    @ivar sequence: the number of the next one, modulo 2^32.
    @ivar packets: how many there were since the last new keys.
    @ivar bytes: and how many bytes they had.
    @ivar spent: whether the keys have served for as much as they may.
    @ivar beside: how many bytes a packet has beside its plain.
    @ivar blockSize: what a plain and C{aligned} bytes more are a multiple of, in bytes.
    @ivar aligned: see L{bastion.ssh.ciphers.PacketCipher}.
    """

    __slots__ = (
        *("_cipher", "_mostBytes", "_mostPackets", "aligned", "beside", "blockSize"),
        *("bytes", "packets", "sequence", "spent"),
    )

    def __init__(self) -> None:
        self.sequence = 0
        self.limit(_LIMITS)
        self._use(NoCipher())

    def limit(self, limits: RekeyLimits) -> None:
        """
        Let the same keys serve for so much.
        """
        self._mostBytes, self._mostPackets = limits.bytes, limits.packets

    def _use(self, cipher: PacketCipher) -> None:
        self._cipher = cipher
        self.beside = _LENGTH_FIELD + cipher.tagSize
        self.blockSize, self.aligned = cipher.blockSize, cipher.aligned
        self.packets = self.bytes = 0
        self.spent = False

    def newKeys(self, cipher: PacketCipher, strict: bool) -> None:
        """
        The packets from now on are encrypted anew.

        @param strict: whether the numbers begin anew too (strict key exchange).
        """
        self._use(cipher)
        if strict:
            self.sequence = 0


class Incoming(_Direction):
    """
    The packets that a peer sends.

    @ivar longest: the longest that it may send, in bytes.
    @ivar size: how many bytes the last one had.
    @ivar wanted: how many bytes are needed, from the beginning of the next one on,
        before L{next} can do anything.
    """

    __slots__ = ("_hidden", "_length", "longest", "size", "wanted")

    def __init__(self) -> None:
        super().__init__()
        self.longest = MAX_PACKET_BEFORE_LOGIN
        self.size = 0

    def _use(self, cipher: PacketCipher) -> None:
        super()._use(cipher)
        self._hidden = cipher.length
        self._length = _UNKNOWN
        self.wanted = _LENGTH_FIELD

    def next(self, view: memoryview, at: int) -> memoryview | None:
        """
        Open the packet that begins at an offset, where there are C{wanted} bytes at least.

        @return: its plain, which holds until the next call for any connection;
            L{None} while the packet is not complete.
        @raise Malformed: when it is none, or was altered.
        """
        length = self._length
        if length == _UNKNOWN:
            hidden = self._hidden
            length = lengthAt(view, at)[0] if hidden is None else hidden(self.sequence, view, at)
            size = length + self.beside
            if length + _LENGTH_FIELD > self.longest:
                raise Malformed(f"a packet of {length} bytes")
            if length < _LEAST or (length + self.aligned) % self.blockSize:
                raise Malformed("a packet of an impossible length")
            if len(view) - at < size:
                self._length = length
                self.wanted = size
                return None
        else:
            size = self.wanted
            self._length = _UNKNOWN
            self.wanted = _LENGTH_FIELD
        plain = self._cipher.open(self.sequence, view[at : at + size], _opened)
        if not _LEAST_PADDING <= plain[0] <= length - 2:
            raise Malformed("a packet whose padding leaves no message")
        self.sequence = (self.sequence + 1) & _SEQUENCES
        self.packets += 1
        self.bytes += size
        self.size = size
        self.spent = self.bytes > self._mostBytes or self.packets > self._mostPackets
        return plain


class Outgoing(_Direction):
    """
    The packets that a peer is sent.
    """

    __slots__ = ()

    def plain(self, number: int, payload: bytes) -> bytes:
        """
        The plain of a message, padded for our cipher.
        """
        block = _HIDING if number in _SECRET else self.blockSize
        padding = -(self.aligned + 2 + len(payload)) % block
        if padding < _LEAST_PADDING:
            padding += block
        return bytes((padding, number)) + payload + os.urandom(padding)

    def seal(self, plain: Plain, packet: memoryview) -> None:
        """
        Encrypt a plain.

        @param packet: where the packet is to be; it has room for it and a little more.
        """
        self._cipher.seal(self.sequence, plain, packet)
        self.sequence = (self.sequence + 1) & _SEQUENCES
        self.packets += 1
        self.bytes += len(plain)
        self.spent = self.bytes > self._mostBytes or self.packets > self._mostPackets


def payloadOf(plain: memoryview) -> bytes:
    """
    A copy of a plain's payload, without the message number.
    """
    return bytes(plain[2 : len(plain) - plain[0]])
