"""
Single values that are places on a network: networks, hosts, DNS servers, endpoints.

The parsers are as those of L{bastion.config.values}: any TOML value in, its
meaning out, or C{ValueError} with a sentence that says what to write instead.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from attrs import frozen

from bastion.config.problems import quoted
from bastion.config.values import text
from bastion.interfaces import HostAddress

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]{1,9}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ENDPOINT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*:.*")
# The port of a TCP endpoint, when it comes first and is not written as port=N.
_TCP_PORT = re.compile(r"tcp6?:([^:=]*)(?::.*)?")
_PORT = re.compile(r"[0-9]{1,5}")


@frozen
class DnsServer:
    """
    A DNS server to ask.

    @ivar address: an address literal, without brackets.
    """

    address: str
    port: int = 53

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return address if self.port == 53 else f"{address}:{self.port}"


def network(value: object) -> Network:
    """
    A network, or one address.
    """
    needed = 'a network such as "192.0.2.0/24" or "2001:db8::/32"'
    given = text(value, needed)
    if "%" in given:
        # The zone would be ignored, and the rule hold on every interface.
        raise ValueError(f"{quoted(given)} has a zone, which a network cannot have; leave it out")
    try:
        return _unmapped(ip_network(given))
    except ValueError:
        pass
    try:
        wider = ip_network(given, strict=False)
    except ValueError:
        raise ValueError(f"{quoted(given)} is not a network; write {needed}") from None
    address = given.partition("/")[0]
    raise ValueError(
        f"{quoted(given)} has address bits beyond its length; "
        f'write "{wider}" for the network, or "{address}" for the one address'
    )


def balancers(value: object) -> Network:
    """
    The network of load balancers, or the address of one: whoever is in it chooses where
    his clients come from.
    """
    found = network(value)
    if found.prefixlen == 0:
        raise ValueError(
            f"{quoted(str(found))} is everybody, and everybody could choose an address; "
            'write those of your load balancers, such as "192.0.2.80"'
        )
    return found


def _unmapped(network: Network) -> Network:
    """
    The IPv4 network that an IPv4-mapped one stands for (RFC 4291 section
    2.5.5.2): clients are looked up by their IPv4 address.
    """
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _addressLiteral(name: str) -> str | None:
    try:
        return str(ip_address(name))
    except ValueError:
        return None


def _dnsName(name: str) -> str | None:
    labels = name.lower().split(".")
    fits = len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    # An all-numeric last label is a mistyped IPv4 address, never a name.
    return name.lower() if fits and not labels[-1].isdigit() else None


def _nameAndPort(given: str, needed: str) -> tuple[str, bool, int | None]:
    """
    Take C{name:port} apart.

    @return: the name, whether it was in brackets, and the port.
    """
    match = _HOST.fullmatch(given)
    if match is None and (literal := _addressLiteral(given)):
        raise ValueError(f"an IPv6 address needs brackets; write {quoted(f'[{literal}]')}")
    if match is None:
        raise ValueError(f"{quoted(given)} is not a name and a port; write {needed}")
    bracketed, plain, port = match.groups()
    if port is not None and not 1 <= int(port) <= 65535:
        raise ValueError(f"{quoted(given)} has the port {port}; write a port from 1 to 65535")
    return bracketed or plain or "", bracketed is not None, int(port) if port else None


def hostAddress(value: object) -> HostAddress:
    """
    A target of a cluster.  Names come out in lower case, addresses in their
    shortest form, so that one host is one value.
    """
    needed = '"login.example.org", "login.example.org:22", "192.0.2.1" or "[2001:db8::1]:22"'
    given = text(value, f"a host such as {needed}")
    name, bracketed, port = _nameAndPort(given, needed)
    address = _addressLiteral(name) or (None if bracketed else _dnsName(name))
    if address is None:
        raise ValueError(f"{quoted(given)} is neither a DNS name nor an address; write {needed}")
    return HostAddress(address) if port is None else HostAddress(address, port)


def dnsServer(value: object) -> DnsServer:
    """
    The address of a DNS server: it cannot have a name, for who would resolve it?
    """
    needed = 'an address such as "192.0.2.53" or "[2001:db8::53]:5353"'
    given = text(value, needed)
    name, _, port = _nameAndPort(given, needed)
    address = _addressLiteral(name)
    if address is None:
        raise ValueError(f"{quoted(given)} is not an address; write {needed}")
    return DnsServer(address) if port is None else DnsServer(address, port)


def domain(value: object) -> str:
    """
    A domain of the DNS, with the dot that some write in front of it or behind it or
    without.
    """
    needed = 'a domain such as "example.org"'
    given = text(value, needed)
    name = _dnsName(given.removeprefix(".").removesuffix("."))
    if name is None:
        raise ValueError(f"{quoted(given)} is not a domain; write {needed}")
    return name


def tcpPort(description: str) -> str | None:
    """
    The port of an endpoint string, if it is TCP and the port comes first.
    """
    match = _TCP_PORT.fullmatch(description)
    return match[1] if match else None


def endpoint(value: object) -> str:
    """
    The description of a server endpoint, as C{serverFromString} takes it.  Only
    its shape is checked here: which types there are is known when it is opened.
    """
    needed = 'a server endpoint such as "tcp:5022"'
    given = text(value, needed)
    if not _ENDPOINT.fullmatch(given):
        raise ValueError(f"{quoted(given)} has no type; write {needed}")
    if given.startswith("haproxy:"):
        raise ValueError(
            f"{quoted(given)}: that would believe a PROXY header from everybody; write "
            f'"{given.removeprefix("haproxy:")}", and proxy_from = ["192.0.2.80"] for your '
            "load balancers"
        )
    port = tcpPort(given)
    if port is not None and not (_PORT.fullmatch(port) and int(port) <= 65535):
        raise ValueError(f"{quoted(given)} has no port from 0 to 65535; write {needed}")
    return given
