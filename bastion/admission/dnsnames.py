"""
Names in the DNS (pure).

A name is its labels, without the root's: a label may hold any byte, a dot too, so what
is joined by dots could be another name.  Names are compared without regard to the case
of their letters (RFC 4343), so they are kept in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address

from bastion.admission.sources import Address, unmapped

Labels = tuple[bytes, ...]

#: Of a host's name as text, in characters (RFC 1035 section 2.3.4).
LONGEST_NAME = 253

_HOST_LABEL = re.compile(rb"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def reverseName(address: Address) -> Labels:
    """
    The name under which the name of an address is found (RFC 1035 section 3.5, RFC 3596
    section 2.5).
    """
    address = unmapped(address)
    if isinstance(address, IPv4Address):
        octets = (b"%d" % octet for octet in reversed(address.packed))
        return (*octets, b"in-addr", b"arpa")
    nibbles = (bytes((digit,)) for digit in reversed(address.packed.hex().encode()))
    return (*nibbles, b"ip6", b"arpa")


def labels(name: str) -> Labels:
    """
    The labels of a host's name.
    """
    return tuple(name.encode("ascii").lower().split(b"."))


def hostName(name: Labels) -> str | None:
    """
    A name as text, if a host can have it: letters, digits, hyphens and underscores, and
    nothing that could be taken for an address.
    """
    fits = all(_HOST_LABEL.fullmatch(label) for label in name)
    text = b".".join(name).decode("latin-1")
    if not name or not fits or len(text) > LONGEST_NAME or name[-1].isdigit():
        return None
    return text


def isWithin(name: str, suffixes: Iterable[str]) -> bool:
    """
    Whether a host's name is in one of some domains, or is one.

    @param suffixes: such as C{example.org}, or C{.example.org}, which is the same.
    """
    domains = (suffix.strip(".").lower() for suffix in suffixes)
    return any(f".{name}".endswith(f".{domain}") for domain in domains if domain)
