"""
Where somebody comes from, as an address (pure).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


@lru_cache(maxsize=1024)
def addressOf(source: str) -> Address:
    """
    The address of a text.  It is asked for several times for each connection.

    @param source: without a port; an IPv6 address may name its zone (RFC 4007 section 11),
        which is left out.
    @raise ValueError: when it is no address.
    """
    return ip_address(source.partition("%")[0])


def unmapped(address: Address) -> Address:
    """
    An IPv4 address in the place of the IPv6 one that stands for it (RFC 4291 section
    2.5.5.2).
    """
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
