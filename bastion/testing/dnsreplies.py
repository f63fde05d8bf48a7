"""
What a DNS server of the tests replies: the truth, or something else.

A name of a L{Zone} may have a fault:

  - C{silent}: there is no reply; C{slow SECONDS}: it comes late;
  - C{code CODE}: it is only a code; C{flapping CODE}: it is so every other time;
  - C{truncated}: a datagram says that there is more; C{mute}: then there is nothing by
    TCP; C{closing}: then TCP is closed; C{bomb}: then TCP brings a message that is costly
    to read;
  - C{wrong-id}, C{wrong-question}, C{other-port}: it looks forged;
  - C{poison NAME ADDRESS}: an address that nobody has asked for comes with it;
  - C{stingy}: one alias at a time; C{lame}: it only names other servers;
  - C{cut}, C{garbage}: it cannot be read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from ipaddress import ip_address

from attrs import evolve, frozen
from twisted.names import dns

from bastion.admission.dnsmessage import AAAA, CNAME, NO_ERROR, A
from bastion.admission.dnsnames import Labels
from bastion.testing.dnszone import Entry, Fault, Known, Zone, labelsOf

CODES = {"FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}

_HEADER = struct.Struct(">6H")
#: The largest message by UDP and by TCP, in bytes.
_DATAGRAM, _LARGEST = 512, 65535


@frozen
class Query:
    """
    A question to the server.

    @ivar byTcp: how it was asked.
    @ivar before: how often its name was asked for before.
    """

    number: int
    name: Labels
    type: int
    byTcp: bool
    before: int = 0


@frozen
class Sending:
    """
    Something that the server does.

    @ivar message: what it sends; if nothing, it closes the connection.
    @ivar delay: how much later, in seconds.
    @ivar elsewhere: whether from a port where nobody has asked.
    """

    message: bytes
    delay: float = 0.0
    elsewhere: bool = False


def query(message: bytes, byTcp: bool) -> Query:
    """
    Read a question.

    @raise ValueError: when it is none.
    """
    number, _, questions, *_ = _HEADER.unpack_from(message)
    if questions != 1:
        raise ValueError("there is not one question")
    name, at = [], _HEADER.size
    while message[at]:
        name.append(message[at + 1 : at + 1 + message[at]])
        at += 1 + message[at]
    return Query(number, tuple(name), int.from_bytes(message[at + 1 : at + 3], "big"), byTcp)


def sendings(asked: Query, zone: Zone) -> list[Sending]:
    """
    What the server does about a question.
    """
    fault = zone.fault(asked.name) or Fault("none")
    known = zone.known(asked.name, asked.type)
    return _FAULTS[fault.kind](asked, known, fault.arguments)


def truth(asked: Query, known: Known, extra: tuple[Entry, ...] = ()) -> bytes:
    """
    The right reply, encoded by C{twisted.names}.

    @param extra: what comes with it and belongs to something else.
    """
    size = 0 if asked.byTcp else _DATAGRAM
    message = dns.Message(asked.number, answer=1, recDes=1, recAv=1, rCode=known.code, maxSize=size)
    message.queries = [dns.Query(b"", asked.type)]
    message.queries[0].name = WireName(asked.name)
    message.answers = [_record(entry) for entry in (*known.entries, *extra)]
    message.additional = [_record(entry) for entry in extra]
    if known.minimum and (not known.entries or known.entries[-1].type == CNAME != asked.type):
        soa = dns.Record_SOA(b"ns.example.org", b"root.example.org", minimum=known.minimum)
        message.authority = [dns.RRHeader(b"example.org", dns.SOA, ttl=86400, payload=soa)]
    stream = BytesIO()
    message.encode(stream)
    return stream.getvalue()


class WireName(dns.Name):
    """
    A name whose labels may have anything in them.
    """

    def __init__(self, labels: Labels) -> None:
        super().__init__(b".".join(labels))
        self._labels = labels

    def encode(self, strio: BytesIO, compDict: dict[bytes, int] | None = None) -> None:
        """
        See C{IEncodable}.
        """
        if any(b"." in label or not label for label in self._labels):
            strio.write(wire(self._labels))
        else:
            super().encode(strio, compDict)


def wire(name: Labels) -> bytes:
    """
    A name without compression.
    """
    return b"".join(bytes((len(label),)) + label for label in (*name, b""))


def _record(entry: Entry) -> dns.RRHeader:
    payload: dns.IEncodableRecord
    if isinstance(entry.data, bytes):
        address = str(ip_address(entry.data))
        payload = dns.Record_A(address) if entry.type == A else dns.Record_AAAA(address)
    else:
        payload = dns.Record_CNAME() if entry.type == CNAME else dns.Record_PTR()
        payload.name = WireName(entry.data)
    record = dns.RRHeader(b"", entry.type, ttl=entry.ttl, payload=payload)
    record.name = WireName(entry.name)
    return record


def _code(asked: Query, code: str) -> Sending:
    return Sending(truth(asked, Known(CODES[code], (), 0)))


def _truncated(asked: Query) -> Sending:
    message = bytearray(truth(asked, Known(NO_ERROR, (), 0)))
    message[2] |= 2
    return Sending(bytes(message))


def bomb(asked: Query) -> bytes:
    """
    A message that is as costly to read as its size allows: many names, each of which
    leads to the same endless row of labels.
    """
    question = wire(asked.name) + struct.pack(">HH", asked.type, 1)
    count = 990
    labels = _HEADER.size + len(question) + 12 * count
    record = struct.pack(">HHHIH", 0xC000 | labels, asked.type, 1, 300, 0)
    head = _HEADER.pack(asked.number, 0x8180, 1, count, 0, 0) + question + record * count
    return head + b"\1a" * ((_LARGEST - len(head) - 1) // 2) + b"\0"


Arguments = tuple[str, ...]
Reaction = Callable[[Query, Known, Arguments], list[Sending]]


def _right(asked: Query, known: Known, arguments: Arguments = ()) -> list[Sending]:
    return [Sending(truth(asked, known))]


def _slow(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return [Sending(truth(asked, known), float(arguments[0]))]


def _flapping(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return _right(asked, known) if asked.before % 2 else [_code(asked, arguments[0])]


def _wrongNumber(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return [Sending(truth(evolve(asked, number=asked.number ^ 1), known))]


def _wrongQuestion(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return [Sending(truth(evolve(asked, name=(b"not", *asked.name)), known))]


def _otherPort(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return [Sending(truth(asked, known), elsewhere=True)]


def _poison(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    address = ip_address(arguments[1])
    kind = A if address.version == 4 else AAAA
    extra = Entry(labelsOf(arguments[0]), kind, 300, address.packed)
    return [Sending(truth(asked, known, (extra,)))]


def _stingy(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return [Sending(truth(asked, Known(known.code, known.entries[:1], 0)))]


def _lame(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    message = bytearray(truth(asked, Known(NO_ERROR, (), 0)))
    message[3] &= 0x7F
    return [Sending(bytes(message))]


def _cut(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    return [Sending(truth(asked, known)[:-3])]


def _garbage(asked: Query, known: Known, arguments: Arguments) -> list[Sending]:
    head = _HEADER.pack(asked.number, 0x8180, 1, 5, 0, 0) + wire(asked.name)
    return [Sending(head + struct.pack(">HH", asked.type, 1) + b"\xbf" * 60)]


def _byTcp(reaction: Reaction) -> Reaction:
    """
    A datagram says that there is more, and this is what comes by TCP.
    """
    return lambda asked, known, arguments: (
        reaction(asked, known, arguments) if asked.byTcp else [_truncated(asked)]
    )


_FAULTS: dict[str, Reaction] = {
    "none": _right,
    "silent": lambda asked, known, arguments: [],
    "slow": _slow,
    "code": lambda asked, known, arguments: [_code(asked, arguments[0])],
    "flapping": _flapping,
    "truncated": _byTcp(_right),
    "mute": _byTcp(lambda asked, known, arguments: []),
    "closing": _byTcp(lambda asked, known, arguments: [Sending(b"")]),
    "bomb": _byTcp(lambda asked, known, arguments: [Sending(bomb(asked))]),
    "wrong-id": _wrongNumber,
    "wrong-question": _wrongQuestion,
    "other-port": _otherPort,
    "poison": _poison,
    "stingy": _stingy,
    "lame": _lame,
    "cut": _cut,
    "garbage": _garbage,
}
