"""
What a DNS server says (pure): the messages of RFC 1035 section 4, as far as they are
needed.

A message may come from anybody who has guessed its number, so reading one must cost
nothing that its author can choose.  The decoder of C{twisted.names} counts the pointers
that it follows, and neither the labels nor the length of a name: 64 KiB keep it busy for
two minutes.  Here a pointer leads backwards, a name ends after 255 bytes, and the labels
and records of a message are counted.
"""

from __future__ import annotations

import struct

from attrs import frozen

from bastion.admission.dnsnames import Labels

# Types of records, RFC 1035 section 3.2.2 and RFC 3596 section 2.1.
A = 1
CNAME = 5
SOA = 6
PTR = 12
AAAA = 28

# Response codes, RFC 1035 section 4.1.1.
NO_ERROR = 0
NO_SUCH_NAME = 3

#: How many records of a message are read; there may be more.
MAX_RECORDS = 64
#: How many labels and pointers of a message are read; with more it is no good.
MAX_LABELS = 4096
#: Of a name in a message, in bytes (RFC 1035 section 2.3.4).
_LONGEST_NAME = 255

_CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_INTERNET = 1
_HEADER = struct.Struct(">6H")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
#: Its two names are the root's.
_SHORTEST_SOA = 22
#: The two highest bits of a length say that it is a pointer.
_POINTER = 0xC0
_LONGEST_LABEL = 63
# Flags: a reply to a question, which is not all.
_RESPONSE, _RESPONSE_MASK = 0x8000, 0xF800
_TRUNCATED = 0x0200
#: It has the name itself, or asks others for us.
_OF_USE = 0x0480
_ADDRESS_SIZES = {A: 4, AAAA: 16}


class BadReply(Exception):
    """
    A message is none, or one that nobody needs to send.  The text says how so.
    """


@frozen
class Question:
    """
    @ivar name: in lower case.
    """

    name: Labels
    type: int


@frozen
class Record:
    """
    One record of an answer.

    @ivar name: whose it is, in lower case.
    @ivar ttl: for how long it is true, in seconds.
    @ivar data: an address, packed, or a name in lower case.
    """

    name: Labels
    type: int
    ttl: int
    data: bytes | Labels


@frozen
class Reply:
    """
    The reply to a question.

    @ivar code: the response code.
    @ivar truncated: there is more than fits into a datagram; then nothing else is read.
    @ivar answers: the records of the answer that are of a known type.
    @ivar isReferral: the server names others instead of asking them itself.
    @ivar negativeTtl: for how long it is true that there is nothing else, in seconds;
        L{None} when it does not say (RFC 2308 section 5).
    """

    code: int
    truncated: bool = False
    answers: tuple[Record, ...] = ()
    negativeTtl: int | None = None
    isReferral: bool = False

    @property
    def codeName(self) -> str:
        """
        The code in words.
        """
        return _CODES[self.code] if self.code < len(_CODES) else f"code {self.code}"


def number(message: bytes) -> int | None:
    """
    The number of a message; L{None} when it is too short for one.
    """
    return int.from_bytes(message[:2], "big") if len(message) >= _HEADER.size else None


def reply(message: bytes, question: Question) -> Reply | None:
    """
    Read the reply to a question.

    @return: L{None} when the message is no reply, or one to another question.
    @raise BadReply: when it is to this one, and cannot be read.
    """
    reader = _Reader(message)
    _, flags, questions, answers, authorities, _ = reader.take(_HEADER)
    if flags & _RESPONSE_MASK != _RESPONSE or questions != 1 or not reader.repeats(question):
        return None
    code = flags & 0xF
    if flags & _TRUNCATED:
        return Reply(code, truncated=True)
    found, negativeTtl = [], None
    for count in range(min(answers + authorities, MAX_RECORDS)):
        record = reader.record()
        if count < answers and record is not None and record.type != SOA:
            found.append(record)
        elif count >= answers and record is not None and record.type == SOA:
            negativeTtl = record.ttl
    isReferral = not answers and negativeTtl is None and not flags & _OF_USE
    return Reply(code, False, tuple(found), negativeTtl, isReferral)


class _Reader:
    """
    Takes one message apart, from its start to its end.
    """

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._at = 0
        self._labels = 0

    def take(self, fields: struct.Struct) -> tuple[int, ...]:
        """
        Take numbers.
        """
        return fields.unpack(self._bytes(fields.size))

    def _bytes(self, size: int) -> bytes:
        taken = self._message[self._at : self._at + size]
        if len(taken) < size:
            raise BadReply("it ends too early")
        self._at += size
        return taken

    def repeats(self, question: Question) -> bool:
        """
        Take the question, and tell whether it is this one.
        """
        name = self._name()
        return (name, *self.take(_QUESTION)) == (question.name, question.type, _INTERNET)

    def record(self) -> Record | None:
        """
        Take a record; L{None} when it is of no known type.
        """
        name = self._name()
        kind, network, ttl, size = self.take(_RECORD)
        # A negative one is none (RFC 2181 section 8).
        ttl = 0 if ttl >> 31 else ttl
        start = self._at
        if kind in (PTR, CNAME) and network == _INTERNET:
            record = Record(name, kind, ttl, self._name())
            if self._at != start + size:
                raise BadReply("a name is not as long as its record")
            return record
        data = self._bytes(size)
        if network != _INTERNET:
            return None
        if kind == SOA and size >= _SHORTEST_SOA:
            minimum = int.from_bytes(data[-4:], "big")
            return Record(name, kind, min(ttl, minimum), b"")
        return Record(name, kind, ttl, data) if _ADDRESS_SIZES.get(kind) == size else None

    def _name(self) -> Labels:
        try:
            return self._readName()
        except IndexError:
            raise BadReply("it ends too early") from None

    def _readName(self) -> Labels:
        """
        Take a name (RFC 1035 section 4.1.4).

        @raise IndexError: when the message ends within it.
        """
        message = self._message
        at = backstop = self._at
        end = None
        size, labels = 1, []
        while length := message[at]:
            self._labels += 1
            if self._labels > MAX_LABELS:
                raise BadReply("it has too many labels")
            if length >= _POINTER:
                if end is None:
                    end = at + 2
                at = (length & 0x3F) << 8 | message[at + 1]
                if at >= backstop:
                    raise BadReply("a pointer does not lead backwards")
                backstop = at
                continue
            size += length + 1
            if length > _LONGEST_LABEL or size > _LONGEST_NAME:
                raise BadReply("a name is too long")
            labels.append(message[at + 1 : at + 1 + length].lower())
            at += length + 1
        self._at = at + 1 if end is None else end
        return tuple(labels)
