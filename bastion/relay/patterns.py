"""
Whether what a client asks for is among what a policy names (pure).

What is not UTF-8 fits no pattern.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from attrs import frozen

from bastion.config.destinations import Destination
from bastion.config.policies import Permitted

#: What C{*} and C{?} stand for, as regular expressions have it.  In a command, no
#: character that a shell could begin another command with.
OF_COMMANDS: Final = r"[^;&|<>()$`\n\r\0]"
OF_TEXTS: Final = r"[^\0-\x1f\x7f]"
#: A resolver may take what is before a blank for an address, and leave the rest.
OF_HOSTS: Final = r"[a-z0-9_.-]"


def expression(pattern: str, wild: str) -> re.Pattern[str]:
    """
    What fits a pattern, to be asked with C{fullmatch}.

    @param wild: the characters that C{*} and C{?} stand for, such as L{OF_TEXTS}.
    """
    first, *others = (
        "".join(wild if character == "?" else re.escape(character) for character in part)
        for part in re.split(r"\*+", pattern)
    )
    if not others:
        return re.compile(first)
    *between, last = others
    # What stands between two "*" is taken where it comes first, and not looked for again:
    # a stranger chooses how long the text is.
    middle = "".join(f"(?>{wild}*?{part})" for part in between)
    return re.compile(f"{first}{middle}{wild}*{last}")


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


class Texts:
    """
    The commands, names or paths that may pass.
    """

    def __init__(self, permitted: Permitted[str], wild: str = OF_TEXTS) -> None:
        """
        @param wild: see L{expression}.
        """
        self.all = permitted.all
        self._expressions = [expression(pattern, wild) for pattern in permitted.patterns]

    def fit(self, value: bytes) -> bool:
        """
        Whether something is among them.
        """
        if self.all:
            return True
        text = _decoded(value)
        return text is not None and any(each.fullmatch(text) for each in self._expressions)


class Paths(Texts):
    """
    The paths that may pass; of those that lead upward with C{..} none does, but where all do.
    """

    def fit(self, value: bytes) -> bool:
        """
        See L{Texts}.
        """
        return super().fit(value) and (self.all or b".." not in value.split(b"/"))


@frozen
class _Target:
    """
    One destination, with its pattern made ready.
    """

    destination: Destination
    expression: re.Pattern[str] | None

    def fits(self, host: str, address: IPv4Address | IPv6Address | None) -> bool:
        of = self.destination.host
        if of == "*":
            return True
        if self.expression is not None:
            return self.expression.fullmatch(host) is not None
        return address is not None and not isinstance(of, str) and address in of


class Destinations:
    """
    The hosts and ports that a forwarding may be about.
    """

    def __init__(self, permitted: Permitted[Destination]) -> None:
        self._all = permitted.all
        self._targets = [
            _Target(each, expression(each.host, OF_HOSTS) if isinstance(each.host, str) else None)
            for each in permitted.patterns
        ]

    def fit(self, host: bytes, port: int) -> bool:
        """
        Whether a host, as the client names it, and a port are among them.
        """
        if self._all:
            return True
        name = _decoded(host)
        if name is None:
            return False
        address = _address(name)
        # Only ASCII has one lower case for everybody.
        plain = name.removesuffix(".").lower() if name.isascii() else name
        return any(
            target.destination.low <= port <= target.destination.high
            and target.fits(plain, address)
            for target in self._targets
        )


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    # With a zone it is another address on each interface.
    return None if address.scope_id is not None else address.ipv4_mapped or address
