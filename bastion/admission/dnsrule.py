"""
The rule that an address has to be registered in the DNS.

Where C{onTimeout} is to admit, whoever owns an address can make his own DNS silent and
come in.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from bastion.admission.dnsverdict import NoAnswer, NotRegistered, Registered
from bastion.admission.sources import Address, addressOf, unmapped
from bastion.interfaces import AdmissionRefused, IAdmissionRule

SENTENCE = (
    "Your computer's address {address} {missing}. SSH is only open to computers that are "
    "registered in the DNS; please ask your network administrator to register it."
)
NOT_KNOWN = "could not be looked up in the DNS just now; please try again in a minute"

_log = Logger()


class Mode(enum.Enum):
    """
    What becomes of a client whose address is not registered.
    """

    REQUIRE = "require"
    REPORT = "report"


class OnTimeout(enum.Enum):
    """
    What becomes of a client of whose address the DNS does not say.
    """

    REFUSE = "refuse"
    ADMIT = "admit"


class ILookUp(Protocol):
    """
    Looks addresses up, as L{bastion.admission.reversedns.ReverseDns}.
    """

    def check(self, address: Address, suffixes: Sequence[str]) -> Deferred[Registered]:
        """
        Look an address up.
        """


@frozen
class Admitted:
    """
    The client may come in.

    @ivar name: the name of its address, if it is known.
    @ivar wouldRefuse: in the mode C{report}, what a client would have been told in the
        mode C{require}; in that one, what it would have been told if silence counted
        against it; for the log.
    """

    name: str | None = None
    wouldRefuse: str | None = None


@implementer(IAdmissionRule)
@frozen
class DnsRule:
    """
    The rule of one gateway.

    @ivar mode: whether a client is refused, or only reported.
    @ivar exempt: the networks that may come in without being looked up.
    @ivar suffixes: the domains of which a name has to be; when there are none, any will do.
    @ivar sentence: what a refused client's user is told; C{{address}} and C{{missing}}
        stand for the address and for what it lacks.
    """

    resolver: ILookUp
    mode: Mode
    exempt: Sequence[IPv4Network | IPv6Network] = ()
    suffixes: tuple[str, ...] = ()
    onTimeout: OnTimeout = OnTimeout.REFUSE
    sentence: str = SENTENCE

    def admit(self, source: str) -> Deferred[Admitted]:
        """
        Decide about one address.  Whatever else it fails with than is said here, the
        client must not come in.

        @param source: an address as text.
        @return: fires at once when it is known; fails with L{AdmissionRefused}.  Can be
            cancelled.
        """
        try:
            address = unmapped(addressOf(source))
        except ValueError:
            return fail(AdmissionRefused("Your computer's address cannot be read."))
        if any(address in network for network in self.exempt):
            return succeed(Admitted())
        looking = self.resolver.check(address, self.suffixes)
        return looking.addCallbacks(
            lambda registered: Admitted(registered.name), self._ebNot, errbackArgs=(address,)
        )

    def _ebNot(self, failure: Failure, address: Address) -> Admitted:
        problem = failure.check(NotRegistered, NoAnswer)
        if problem is None:
            failure.raiseException()
        silent, missing = problem is NoAnswer, failure.getErrorMessage()
        if silent:
            _log.info("{address} could not be looked up: {why}", address=address, why=missing)
            missing = NOT_KNOWN
        sentence = self.sentence.replace("{address}", str(address)).replace("{missing}", missing)
        mayPass = silent and self.onTimeout is OnTimeout.ADMIT
        if self.mode is Mode.REPORT:
            return Admitted(wouldRefuse=None if mayPass else sentence)
        if mayPass:
            return Admitted(wouldRefuse=sentence)
        raise AdmissionRefused(sentence, lasting=not silent)
