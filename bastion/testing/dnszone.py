"""
What a DNS server of the tests knows, and how it misbehaves.

It is written much as a master file of RFC 1035 section 5: a line is an owner, perhaps a
time to live in seconds, a type and its data; what follows a semicolon is for the reader.
Names are complete without a last dot.  An owner that is an address stands for the
address's own name in the reverse tree::

    $MINIMUM 30                              ; how long there is nothing else
    127.0.0.2       HOST   pc2.example.org   ; PTR, and A or AAAA
    127.0.0.3       PTR    who\\027.example.org
    b.example.org   60 CNAME a.example.org
    127.0.0.4       FAULT  slow 1.5          ; see bastion.testing.dnsserver
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from attrs import define, field, frozen

from bastion.admission.dnsmessage import AAAA, CNAME, NO_ERROR, NO_SUCH_NAME, PTR, A
from bastion.admission.dnsnames import Labels, reverseName

TYPES = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "PTR": PTR}

#: The time to live of what does not say another, in seconds.
TTL = 300
#: How many aliases are followed before the reply is sent as it is.
_FOLLOWED = 20

_ESCAPE = re.compile(rb"\\(?:([0-9]{3})|(.))|([^\\])")


@frozen
class Entry:
    """
    One record.

    @ivar data: a packed address, or the labels of a name.
    """

    name: Labels
    type: int
    ttl: int
    data: bytes | Labels


@frozen
class Fault:
    """
    What is wrong with a name.
    """

    kind: str
    arguments: tuple[str, ...] = ()


@frozen
class Known:
    """
    What is known about a question.
    """

    code: int
    entries: tuple[Entry, ...]
    minimum: int


def labelsOf(text: str) -> Labels:
    """
    The labels of a name as it is written, with C{\\DDD} and C{\\X} for what has another
    meaning, or none; or of the name that an address has in the reverse tree.
    """
    try:
        return reverseName(ip_address(text))
    except ValueError:
        pass
    labels = [b""]
    for code, escaped, plain in _ESCAPE.findall(text.encode()):
        if plain == b".":
            labels.append(b"")
        else:
            labels[-1] += bytes((int(code),)) if code else escaped or plain
    return tuple(labels)


def asked(name: Labels) -> Labels:
    """
    A name as it is looked for.
    """
    return tuple(label.lower() for label in name)


@define
class Zone:
    """
    Everything that a server knows.

    @ivar minimum: for how long it is true that there is nothing else, in seconds; with
        L{None} the server does not say.
    """

    minimum: int | None = 60
    _entries: dict[Labels, list[Entry]] = field(factory=dict, init=False)
    _faults: dict[Labels, Fault] = field(factory=dict, init=False)

    @classmethod
    def read(cls, text: str) -> Zone:
        """
        Read a zone that is written as above.

        @raise ValueError: when it is not.
        """
        zone = cls()
        for line in text.splitlines():
            words = line.partition(";")[0].split()
            if words:
                zone._line(words)
        return zone

    def _line(self, words: list[str]) -> None:
        owner, *rest = words
        if owner == "$MINIMUM":
            self.minimum = int(rest[0]) if rest != ["none"] else None
            return
        ttl = int(rest.pop(0)) if rest[0].isdigit() else TTL
        kind, *data = rest
        if kind == "FAULT":
            self._faults[asked(labelsOf(owner))] = Fault(data[0], tuple(data[1:]))
        elif kind == "HOST":
            self.host(owner, data[0], ttl)
        elif kind in TYPES:
            self.add(owner, kind, data[0], ttl)
        else:
            raise ValueError(f"{' '.join(words)}: there is no type {kind}")

    def add(self, owner: str, kind: str, data: str, ttl: int = TTL) -> None:
        """
        Add one record.
        """
        isAddress = kind in ("A", "AAAA")
        value = ip_address(data).packed if isAddress else labelsOf(data)
        name = labelsOf(owner)
        self._entries.setdefault(asked(name), []).append(Entry(name, TYPES[kind], ttl, value))

    def host(self, address: str, name: str, ttl: int = TTL) -> None:
        """
        Register an address: it has the name, and the name has it.
        """
        self.add(address, "PTR", name, ttl)
        self.add(name, "AAAA" if ":" in address else "A", address, ttl)

    def fault(self, name: Labels) -> Fault | None:
        """
        What is wrong with a name, if something is.
        """
        return self._faults.get(asked(name))

    def known(self, name: Labels, kind: int) -> Known:
        """
        What is known about a question, aliases first.
        """
        found: list[Entry] = []
        here: list[Entry] = []
        for _ in range(_FOLLOWED):
            here = self._entries.get(asked(name), [])
            wanted = [each for each in here if each.type == kind]
            aliases = [each for each in here if each.type == CNAME]
            found += wanted or aliases
            if wanted or not aliases:
                break
            target = aliases[0].data
            assert isinstance(target, tuple)
            name = target
        return Known(NO_ERROR if here else NO_SUCH_NAME, tuple(found), self.minimum or 0)
