"""
What a load balancer says of a connection that it hands on: the header of the PROXY
protocol, versions 1 and 2 (pure).

HAProxy's I{proxy-protocol.txt} defines it.  Whoever believes it lets its author choose a
source, so it is read from those only whose networks are configured, and what is not exactly
one is none.
"""

from __future__ import annotations

import ipaddress
import re
import struct

from attrs import frozen

from bastion.admission.sources import Address, unmapped

#: What version 2 begins with: no line of text, and nothing that SSH, HTTP or TLS begin with.
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
#: The same of version 1.
PREFIX = b"PROXY "

# Version and command, family and transport, of version 2.
LOCAL, PROXIED = 0x20, 0x21
UNSPECIFIED, TCP4, TCP6 = 0x00, 0x11, 0x21
#: What follows the signature: those two, and the length of the rest.
FIELDS = struct.Struct(">BBH")
#: The addresses of source and destination, and their ports.
ADDRESSES = {TCP4: struct.Struct(">4s4sHH"), TCP6: struct.Struct(">16s16sHH")}

#: The longest header of version 1 with its line end, in bytes; so says the specification.
MAX_LINE = 107
#: The longest one of version 2 with all that is in it beside addresses: certificates, names,
#: identifiers.  The specification allows 64 KiB and advises against more than 536 bytes.
MAX_HEADER = 4096

_NUMBER = rb"(0|[1-9][0-9]{0,4})"
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|"
    rb"TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) " + _NUMBER + b" " + _NUMBER + rb")"
)
_MAX_PORT = 65535
_START = len(SIGNATURE) + FIELDS.size


class BadHeader(Exception):
    """
    What was sent is no PROXY header.  The text says how so, without a byte of it.
    """


@frozen
class Header:
    """
    @ivar source: the address of the client, an IPv4 one in its own form; L{None} when the
        connection is its maker's own.
    @ivar port: the client's.
    @ivar size: how long the header is, in bytes.
    """

    source: Address | None
    port: int
    size: int


def parse(data: bytes) -> Header | None:
    """
    Read the header that a connection begins with.

    @param data: what has come so far; SSH may follow.
    @return: L{None} when that is not all of it.
    @raise BadHeader: when it will be none, whatever comes.
    """
    if SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return _binary(data) if len(data) >= _START else None
    if PREFIX.startswith(data[: len(PREFIX)]):
        return _line(data)
    raise BadHeader("it is none")


def _line(data: bytes) -> Header | None:
    """
    Version 1.
    """
    end = data.find(b"\r\n", 0, MAX_LINE)
    if end < 0 and len(data) < MAX_LINE:
        return None
    if end < 0:
        raise BadHeader(f"it has no end within {MAX_LINE} bytes")
    match = _LINE.fullmatch(data, 0, end)
    if match is None:
        raise BadHeader("its line cannot be read")
    size = end + 2
    family, source, destination, port, to = match.groups()
    if family is None:
        return Header(None, 0, size)
    if max(int(port), int(to)) > _MAX_PORT:
        raise BadHeader("it has a port that is none")
    _address(destination, family)
    return Header(_address(source, family), int(port), size)


def _address(text: bytes, family: bytes) -> Address:
    try:
        address = ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        raise BadHeader("it has an address that is none") from None
    if address.version != int(family):
        raise BadHeader("it has an address of another family")
    return unmapped(address)


def _binary(data: bytes) -> Header | None:
    """
    Version 2.
    """
    command, family, length = FIELDS.unpack_from(data, len(SIGNATURE))
    if command not in (LOCAL, PROXIED):
        raise BadHeader("it has another version, or a command that is none")
    size = _START + length
    if size > MAX_HEADER:
        raise BadHeader(f"it is longer than {MAX_HEADER} bytes")
    # What the family is counts for nothing when the connection is its maker's own.
    addresses = ADDRESSES.get(family) if command == PROXIED else None
    if command == PROXIED and addresses is None and family != UNSPECIFIED:
        raise BadHeader("it is of no TCP connection")
    if addresses is not None and length < addresses.size:
        raise BadHeader("it is too short for its addresses")
    if len(data) < size:
        return None
    if addresses is None:
        return Header(None, 0, size)
    source, _, port, _ = addresses.unpack_from(data, _START)
    return Header(unmapped(ipaddress.ip_address(source)), port, size)
