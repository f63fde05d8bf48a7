"""
Where a forwarding may lead to: hosts or networks, with their ports.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from bastion.config.addresses import Network, network
from bastion.config.problems import quoted
from bastion.config.values import text

_MOST_PORT = 65535
_DESTINATION = re.compile(r"(?:\[([^\[\]]*)\]|([^\[\]:]*)):([^\[\]:]*)")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_*?-]{1,63}")
_LONGEST = 253
_NEEDED: Final = (
    '"db.example.org:5432", "*.example.org:8000-8999", "192.0.2.0/24:443", '
    '"[2001:db8::1]:22" or "localhost:*"'
)


@frozen
class Destination:
    """
    Hosts, and ports of theirs.

    @ivar host: a network; or a name in lower case, which may be a pattern with C{*} and
        C{?} but for its last label; or C{*} for whatever there is.
    @ivar low: the first port.
    @ivar high: the last port.
    """

    host: Network | str
    low: int
    high: int

    def __str__(self) -> str:
        host = str(self.host)
        if not isinstance(self.host, str) and self.host.prefixlen == self.host.max_prefixlen:
            host = str(self.host.network_address)
        ports = str(self.low) if self.low == self.high else f"{self.low}-{self.high}"
        if (self.low, self.high) == (0, _MOST_PORT):
            ports = "*"
        return f"[{host}]:{ports}" if ":" in host else f"{host}:{ports}"


def destination(value: object) -> Destination:
    """
    C{host:port}, C{host:first-last} or C{host:*}; an IPv6 address or network has brackets.
    """
    given = text(value, f"a destination such as {_NEEDED}")
    match = _DESTINATION.fullmatch(given)
    if match is None:
        raise ValueError(_unlikeAny(given))
    bracketed, plain, ports = match.groups()
    host = bracketed if bracketed is not None else plain
    return Destination(_host(host, bracketed is not None, given), *_ports(ports, given))


def _unlikeAny(given: str) -> str:
    """
    What is wrong with something that has not the form of a destination.
    """
    if given.count(":") > 1 and "[" not in given:
        return f'{quoted(given)}: an IPv6 address needs brackets; write e.g. "[2001:db8::1]:22"'
    if ":" not in given.rpartition("]")[2]:
        anyPort = quoted(f"{given}:*")
        return f"{quoted(given)} has no port; write {quoted(f'{given}:22')}, or {anyPort} for any"
    return f"{quoted(given)} is not a host and a port; write {_NEEDED}"


def _network(host: str, given: str) -> Network | None:
    """
    @raise ValueError: when it is nearly one.
    """
    try:
        return network(host)
    except ValueError as error:
        if "/" not in host and "%" not in host:
            return None
        raise ValueError(f"{quoted(given)}: {error}") from None


def _host(host: str, isBracketed: bool, given: str) -> Network | str:
    found = _network(host, given)
    if found is not None:
        return found
    name = host.lower().removesuffix(".")
    if not isBracketed and name == "*":
        return name
    if isBracketed or not _isName(name.split(".")):
        raise ValueError(f"{quoted(given)} is not a host and a port; write {_NEEDED}")
    if not _isWritten(name.split(".")[-1]):
        raise ValueError(
            f"{quoted(given)} is neither an address, a network, nor a name whose last part is "
            f"written out; write {_NEEDED}"
        )
    return name


def _isName(labels: list[str]) -> bool:
    fits = len(".".join(labels)) <= _LONGEST
    return fits and all(_LABEL.fullmatch(label) for label in labels)


def _isWritten(last: str) -> bool:
    """
    Whether a pattern may end with this: "192.0.2.*" would fit 192.0.2.example.org, and
    "db*" db.example.org.
    """
    return not last.isdigit() and "*" not in last and "?" not in last


def _ports(ports: str, given: str) -> tuple[int, int]:
    if ports == "*":
        return 0, _MOST_PORT
    match = _PORTS.fullmatch(ports)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not low <= high <= _MOST_PORT:
        raise ValueError(
            f"{quoted(given)}: {quoted(ports)} is no port; write one from 0 to {_MOST_PORT}, "
            'several such as "8000-8999", or "*" for any'
        )
    return low, high
