"""
What a host is told of the client that a connection is for: the header of the PROXY
protocol, versions 1 and 2 (pure).
"""

from __future__ import annotations

import ipaddress

from attrs import frozen

from bastion.admission.proxyheader import (
    ADDRESSES,
    FIELDS,
    LOCAL,
    PREFIX,
    PROXIED,
    SIGNATURE,
    TCP4,
    TCP6,
    UNSPECIFIED,
)
from bastion.admission.sources import Address, addressOf, unmapped


@frozen
class End:
    """
    One end of a TCP connection.

    @ivar address: as text; the zone of a link-local one is left out.
    """

    address: str
    port: int


def header(version: str, client: End | None, ours: End) -> bytes:
    """
    What is sent before the first byte of SSH.

    @param version: C{v1} or C{v2}, as C{proxy_protocol} of the configuration.
    @param client: whom the connection is for; L{None} when it is for the bastion itself.
    @param ours: the bastion's end of the connection to the host.
    """
    if client is None:
        return _own(version)
    source, destination = _address(client), _address(ours)
    if source.version != destination.version:
        # There is no header for two families; these are the same addresses in one.
        source, destination = _mapped(source), _mapped(destination)
    ports = client.port, ours.port
    if version == "v1":
        text = f"TCP{source.version} {_text(source)} {_text(destination)} {ports[0]} {ports[1]}\r\n"
        return PREFIX + text.encode()
    family = TCP4 if source.version == 4 else TCP6
    addresses = ADDRESSES[family].pack(source.packed, destination.packed, *ports)
    return SIGNATURE + FIELDS.pack(PROXIED, family, len(addresses)) + addresses


def _own(version: str) -> bytes:
    if version == "v1":
        return PREFIX + b"UNKNOWN\r\n"
    return SIGNATURE + FIELDS.pack(LOCAL, UNSPECIFIED, 0)


def _address(end: End) -> Address:
    return unmapped(addressOf(end.address))


def _text(address: Address) -> str:
    """
    The form of version 1, which has no dots in an address of IPv6's; Python from 3.13 on
    writes them.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        number = int(address.ipv4_mapped)
        return f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}"
    return str(address)


def _mapped(address: Address) -> ipaddress.IPv6Address:
    """
    An address in IPv6's form (RFC 4291 section 2.5.5.2).
    """
    if isinstance(address, ipaddress.IPv6Address):
        return address
    return ipaddress.IPv6Address(0xFFFF << 32 | int(address))
