"""
The data types of SSH (RFC 4251 section 5) and the messages of the connection
protocol (RFC 4254) that the relay looks into.

Reading never truncates silently: what is short, too long or not of its type
raises L{Malformed}, the one error for bad input from a peer.
"""

from __future__ import annotations

import struct

from attrs import frozen

# Message numbers, RFC 4250 section 4.1.2.
MSG_DISCONNECT = 1
MSG_IGNORE = 2
MSG_UNIMPLEMENTED = 3
MSG_DEBUG = 4
MSG_SERVICE_REQUEST = 5
MSG_SERVICE_ACCEPT = 6
MSG_EXT_INFO = 7  # RFC 8308
MSG_KEXINIT = 20
MSG_NEWKEYS = 21
MSG_KEX_ECDH_INIT = 30  # RFC 5656
MSG_KEX_ECDH_REPLY = 31
MSG_KEX_DH_GEX_GROUP = 31  # RFC 4419
MSG_KEX_DH_GEX_INIT = 32
MSG_KEX_DH_GEX_REQUEST = 34
MSG_USERAUTH_REQUEST = 50
MSG_USERAUTH_FAILURE = 51
MSG_USERAUTH_SUCCESS = 52
MSG_USERAUTH_BANNER = 53
# 60 and 61 mean what the method in progress makes of them.
MSG_USERAUTH_PASSWD_CHANGEREQ = 60
MSG_USERAUTH_INFO_REQUEST = 60
MSG_USERAUTH_INFO_RESPONSE = 61
MSG_GLOBAL_REQUEST = 80
MSG_REQUEST_SUCCESS = 81
MSG_REQUEST_FAILURE = 82
MSG_CHANNEL_OPEN = 90
MSG_CHANNEL_OPEN_CONFIRMATION = 91
MSG_CHANNEL_OPEN_FAILURE = 92
MSG_CHANNEL_WINDOW_ADJUST = 93
MSG_CHANNEL_DATA = 94
MSG_CHANNEL_EXTENDED_DATA = 95
MSG_CHANNEL_EOF = 96
MSG_CHANNEL_CLOSE = 97
MSG_CHANNEL_REQUEST = 98
MSG_CHANNEL_SUCCESS = 99
MSG_CHANNEL_FAILURE = 100
MSG_PING = 192  # OpenSSH's PROTOCOL 1.8, ping@openssh.com
MSG_PONG = 193

# Reasons for MSG_DISCONNECT, RFC 4250 section 4.2.2.
DISCONNECT_PROTOCOL_ERROR = 2
DISCONNECT_KEY_EXCHANGE_FAILED = 3
DISCONNECT_SERVICE_NOT_AVAILABLE = 7
DISCONNECT_HOST_KEY_NOT_VERIFIABLE = 9
DISCONNECT_BY_APPLICATION = 11

# Reasons for MSG_CHANNEL_OPEN_FAILURE, RFC 4250 section 4.3.
OPEN_ADMINISTRATIVELY_PROHIBITED = 1
OPEN_RESOURCE_SHORTAGE = 4

EXTENDED_DATA_STDERR = 1  # RFC 4254 section 5.2


class Malformed(Exception):
    """
    A peer sent something that is not what RFC 4251 to 4256 say it should be.
    The text says what, without the bytes: they may hold a secret.

    @cvar reason: the number to disconnect with.
    """

    reason = DISCONNECT_PROTOCOL_ERROR


def byte(value: int) -> bytes:
    """
    C{byte}; also C{boolean} for 0 and 1.
    """
    return bytes((value,))


def uint32(value: int) -> bytes:
    """
    C{uint32}.
    """
    return struct.pack(">I", value)


def string(value: bytes) -> bytes:
    """
    C{string}: a length and that many bytes.
    """
    return struct.pack(">I", len(value)) + value


def nameList(names: tuple[bytes, ...] | list[bytes]) -> bytes:
    """
    C{name-list}.
    """
    return string(b",".join(names))


class Reader:
    """
    Takes the fields of one payload in their order.
    """

    __slots__ = ("_offset", "_payload", "_size")

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._offset = 0
        self._size = len(payload)

    def _take(self, size: int) -> bytes:
        start = self._offset
        end = start + size
        if end > self._size:
            raise Malformed(f"{self._size} bytes are too few: a field ends at {end}")
        self._offset = end
        return self._payload[start:end]

    def byte(self) -> int:
        """
        Take a C{byte}.
        """
        return self._take(1)[0]

    def boolean(self) -> bool:
        """
        Take a C{boolean}; every value but zero is true.
        """
        return self.byte() != 0

    def uint32(self) -> int:
        """
        Take a C{uint32}.
        """
        return int.from_bytes(self._take(4))

    def string(self, limit: int | None = None) -> bytes:
        """
        Take a C{string}.

        @param limit: the longest that is accepted, in bytes.
        """
        start = self._offset + 4
        size = int.from_bytes(self._payload[start - 4 : start])
        if limit is not None and size > limit:
            raise Malformed(f"a string of {size} bytes where at most {limit} are allowed")
        # L{_take}, without its calls: most fields are strings.
        end = start + size
        if end > self._size:
            raise Malformed(f"{self._size} bytes are too few: a field ends at {end}")
        self._offset = end
        return self._payload[start:end]

    def nameList(self) -> tuple[bytes, ...]:
        """
        Take a C{name-list}; the empty list has no names.
        """
        names = self.string()
        return tuple(names.split(b",")) if names else ()

    def rest(self) -> bytes:
        """
        Take everything that is left.
        """
        start, self._offset = self._offset, self._size
        return self._payload[start:]

    def end(self) -> None:
        """
        Say that nothing may be left.
        """
        left = self._size - self._offset
        if left:
            raise Malformed(f"{left} bytes after the last field")


@frozen
class GlobalRequest:
    """
    SSH_MSG_GLOBAL_REQUEST (RFC 4254 section 4)::

        string  request name
        boolean want reply
        ....    request-specific data follows
    """

    name: bytes
    wantReply: bool
    data: bytes

    @classmethod
    def parse(cls, payload: bytes) -> GlobalRequest:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        return cls(reader.string(), reader.boolean(), reader.rest())


@frozen
class ChannelOpen:
    """
    SSH_MSG_CHANNEL_OPEN (RFC 4254 section 5.1)::

        string  channel type
        uint32  sender channel
        uint32  initial window size
        uint32  maximum packet size
        ....    channel type specific data follows
    """

    type: bytes
    sender: int
    window: int
    maxPacket: int
    data: bytes

    @classmethod
    def parse(cls, payload: bytes) -> ChannelOpen:
        """
        @raise Malformed: when it is not one.
        """
        take = Reader(payload)
        return cls(take.string(), take.uint32(), take.uint32(), take.uint32(), take.rest())

    def payload(self) -> bytes:
        """
        The message again.
        """
        numbers = uint32(self.sender) + uint32(self.window) + uint32(self.maxPacket)
        return string(self.type) + numbers + self.data


@frozen
class ChannelRequestMessage:
    """
    SSH_MSG_CHANNEL_REQUEST (RFC 4254 section 5.4)::

        uint32  recipient channel
        string  request type
        boolean want reply
        ....    type-specific data follows
    """

    recipient: int
    name: bytes
    wantReply: bool
    data: bytes

    @classmethod
    def parse(cls, payload: bytes) -> ChannelRequestMessage:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        return cls(reader.uint32(), reader.string(), reader.boolean(), reader.rest())


def openFailure(recipient: int, reason: int, description: str) -> bytes:
    """
    The payload of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254 section 5.1)::

        uint32  recipient channel
        uint32  reason code
        string  description in ISO-10646 UTF-8 encoding
        string  language tag
    """
    return uint32(recipient) + uint32(reason) + string(description.encode()) + string(b"")


def shown(value: bytes, limit: int = 256) -> str:
    """
    Bytes from the wire as text for a log or a screen: printable ASCII as it
    is, everything else escaped, cut at C{limit} characters.
    """
    text = value[:limit].decode("utf-8", "surrogateescape")
    if not _isPlain(text):
        text = "".join(map(_shown, text))
    return text if len(text) <= limit and len(value) <= limit else text[:limit] + "..."


def _isPlain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "\\" not in text


def _shown(character: str) -> str:
    if _isPlain(character):
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
