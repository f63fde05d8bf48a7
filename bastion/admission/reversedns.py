"""
Forward-confirmed reverse DNS: whether an address has a name that has the address.

Whoever owns an address chooses its name, and how the DNS answers for it: a name is
believed when the DNS of its own domain agrees, and shown when a host can have it.  No
look-up takes longer than L{DEADLINE}, whatever comes or does not come, and a verdict
that is known is told at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, execute, fail
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from bastion.admission.dnscache import VerdictCache
from bastion.admission.dnschain import Answer
from bastion.admission.dnsmessage import AAAA, PTR, A, Question
from bastion.admission.dnsnames import (
    Labels,
    hostName,
    isWithin,
    labels,
    reverseName,
)
from bastion.admission.dnsports import Ports, Server
from bastion.admission.dnsresolver import Resolver
from bastion.admission.dnsstream import Streams
from bastion.admission.dnsverdict import (
    Missing,
    NoAnswer,
    Registered,
    Unknown,
    Unregistered,
    Verdict,
    outcome,
)
from bastion.admission.inflight import InFlight
from bastion.admission.resolvconf import RESOLV_CONF, SystemServers
from bastion.admission.sources import Address, unmapped

#: How long one look-up may take, in seconds.
DEADLINE = 3.0
#: How many names of one address are tried.
MAX_NAMES = 10
#: How many of them are asked for at once, so that nobody has many questions out.
NAMES_AT_ONCE = 2
#: How many addresses may be looked up at once.
MAX_PENDING = 1000

#: An address, and the domains in which its name has to be.
Key = tuple[bytes, tuple[str, ...]]
#: A verdict, and for how long it is true, in seconds.
Found = tuple[Verdict, float]

_LATE: Found = Unknown(f"there was no answer within {DEADLINE:g} s"), 0


class ReverseDns:
    """
    Looks addresses up.
    """

    def __init__(
        self,
        resolve: Callable[[Question], Deferred[Answer]],
        clock: IReactorTime,
        cache: VerdictCache | None = None,
        maxPending: int = MAX_PENDING,
    ) -> None:
        """
        @param resolve: finds an answer; fails with L{NoAnswer}; can be cancelled.
        """
        self._resolve = resolve
        self._clock = clock
        self._cache = VerdictCache() if cache is None else cache
        self._maxPending = maxPending
        self._pending: InFlight[Key, Verdict] = InFlight()

    def check(self, address: Address, suffixes: Sequence[str] = ()) -> Deferred[Registered]:
        """
        Look an address up.

        @param suffixes: the domains in which its name has to be; when there are none,
            any will do.
        @return: fires at once when it is known; fails with L{NotRegistered}, or with
            L{NoAnswer}.  Can be cancelled.
        """
        address = unmapped(address)
        key = address.packed, tuple(suffixes)
        known = self._cache.get(key, self._clock.seconds())
        if known is not None:
            return execute(outcome, known)
        if key not in self._pending and len(self._pending) >= self._maxPending:
            return fail(NoAnswer(f"{self._maxPending} addresses are being looked up"))
        looking = self._pending.wait(key, lambda: self._lookUp(address, key))
        return looking.addCallback(outcome)

    def _lookUp(self, address: Address, key: Key) -> Deferred[Verdict]:
        looking: Deferred[Any] = Deferred.fromCoroutine(self._find(address, key[1]))
        looking.addTimeout(DEADLINE, self._clock, lambda *_: _LATE)
        return looking.addCallbacks(self._keep, self._ebCancelled, callbackArgs=(key,))

    def _keep(self, found: Found, key: Key) -> Verdict:
        verdict, ttl = found
        self._cache.keep(key, verdict, ttl, self._clock.seconds())
        return verdict

    def _ebCancelled(self, failure: Failure) -> Verdict:
        failure.trap(CancelledError)
        return Unknown("the look-up was given up")

    async def _find(self, address: Address, suffixes: Sequence[str]) -> Found:
        try:
            pointers = await self._resolve(Question(reverseName(address), PTR))
        except NoAnswer as error:
            return Unknown(str(error)), 0
        names = [name for each in pointers.data if (name := _hostName(each)) is not None]
        if not names:
            missing = Missing.VALID_NAME if pointers.data else Missing.NAME
            return Unregistered(missing), pointers.ttl
        inside = [name for name in names if not suffixes or isWithin(name, suffixes)]
        if not inside:
            return Unregistered(Missing.DOMAIN, names[0]), pointers.ttl
        verdict, ttl = await self._confirm(address, inside[:MAX_NAMES])
        return verdict, min(ttl, pointers.ttl)

    async def _confirm(self, address: Address, names: Sequence[str]) -> Found:
        left, found = iter(names), dict[str, Found]()

        async def oneAfterTheOther() -> Found:
            for name in left:
                found[name] = await self._hasAddress(name, address)
                if isinstance(found[name][0], Registered):
                    return found[name]
            raise NoAnswer("there is no other name")

        tries = [Deferred.fromCoroutine(oneAfterTheOther()) for _ in range(NAMES_AT_ONCE)]
        ended: Any = await DeferredList(tries, fireOnOneCallback=True, consumeErrors=True)
        if isinstance(ended, tuple):
            for each in tries:
                each.cancel()
            confirmed: Found = ended[0]
            return confirmed
        for _, failure in ended:
            failure.trap(NoAnswer)
        return _unconfirmed([found[name] for name in names])

    async def _hasAddress(self, name: str, address: Address) -> Found:
        kind = A if isinstance(address, IPv4Address) else AAAA
        try:
            answer = await self._resolve(Question(labels(name), kind))
        except NoAnswer as error:
            return Unknown(str(error)), 0
        if address.packed in answer.data:
            return Registered(name), answer.ttl
        if answer.data:
            missing = Missing.SAME_ADDRESS
        else:
            missing = Missing.ADDRESS if address.version == 4 else Missing.IPV6_ADDRESS
        return Unregistered(missing, name), answer.ttl

    def close(self) -> None:
        """
        Give up what is being looked up.
        """
        self._pending.cancel()


def _hostName(data: bytes | Labels) -> str | None:
    return hostName(data) if isinstance(data, tuple) else None


def _unconfirmed(found: Sequence[Found]) -> Found:
    """
    What is said when no name has the address: if one could not be looked up, it might.
    """
    for each in found:
        if isinstance(each[0], Unknown):
            return each
    verdicts = [verdict for verdict, _ in found if isinstance(verdict, Unregistered)]
    others = [each for each in verdicts if each.missing is Missing.SAME_ADDRESS]
    return (others or verdicts)[0], min(ttl for _, ttl in found)


def reverseDns(
    servers: Sequence[Server], reactor: Any, resolvConf: Path = RESOLV_CONF
) -> ReverseDns:
    """
    Look addresses up with sockets of our own.

    @param servers: the addresses and ports of the DNS servers to ask, best first; when
        there are none, those of the system are.
    @param reactor: an C{IReactorFDSet}, C{IReactorTCP} and C{IReactorTime}.
    @raise ValueError: when the address of a server is none.
    """
    for address, _ in servers:
        ip_address(address)
    chance = random.SystemRandom()
    given = list(servers)
    asked = (lambda: given) if given else SystemServers(reactor, resolvConf)
    udp, tcp = Ports(reactor, chance), Streams(reactor, chance)
    resolver = Resolver(asked, udp.ask, tcp.ask, reactor)
    return ReverseDns(resolver.resolve, reactor)
