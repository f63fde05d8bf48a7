"""
What the DNS can say of an address (pure).
"""

from __future__ import annotations

import enum

from attrs import frozen

from bastion.interfaces import BastionError


class Missing(enum.Enum):
    """
    What an address lacks, as the rest of a sentence that begins with it.
    """

    NAME = "has no name in the DNS"
    VALID_NAME = "has no valid name in the DNS"
    ADDRESS = "is called {name}, and that name has no address"
    IPV6_ADDRESS = "is called {name}, and that name has no IPv6 address"
    SAME_ADDRESS = "is called {name}, and that name has another address"
    DOMAIN = "is called {name}, which is not in the domains that may come in"


@frozen
class Registered:
    """
    The address has a name, and the name has the address.

    @ivar name: in lower case; one that a host can have.
    """

    name: str


@frozen
class Unregistered:
    """
    Something is missing.

    @ivar name: one that the address has and a host can have, if there is one.
    """

    missing: Missing
    name: str = ""


@frozen
class Unknown:
    """
    The DNS did not say.

    @ivar reason: why not, for the log.
    """

    reason: str


Verdict = Registered | Unregistered | Unknown


class NotRegistered(BastionError):
    """
    An address is not registered in the DNS.  The text is the rest of a sentence that
    begins with the address.

    @ivar missing: what it lacks.
    @ivar name: the name that it has, if any.
    """

    def __init__(self, missing: Missing, name: str = "") -> None:
        super().__init__(missing.value.format(name=name))
        self.missing = missing
        self.name = name


class NoAnswer(BastionError):
    """
    The DNS did not say: not in time, not readably, or that it cannot.  The text says
    which, for the log.
    """


def outcome(verdict: Verdict) -> Registered:
    """
    A verdict as it is told.

    @raise NotRegistered: when something is missing.
    @raise NoAnswer: when it is not known.
    """
    if isinstance(verdict, Unregistered):
        raise NotRegistered(verdict.missing, verdict.name)
    if isinstance(verdict, Unknown):
        raise NoAnswer(verdict.reason)
    return verdict
