"""
What admission adds to a login: the time of all its rules, in this process and without a
network.  The DNS has told of the client before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogPublisher

from bastion.admission.accounts import AccountRule, AccountRules
from bastion.admission.counts import Connections, Sessions
from bastion.admission.dnschain import Answer
from bastion.admission.dnsmessage import PTR, Question
from bastion.admission.dnsnames import labels
from bastion.admission.dnsrule import DnsRule, Mode
from bastion.admission.gate import Decision, Gate
from bastion.admission.limits import Startups
from bastion.admission.memory import MemoryPenalties
from bastion.admission.penalties import Rules as PenaltyRules
from bastion.admission.reversedns import ReverseDns
from bastion.admission.rules import Rules
from bastion.audit.events import ConnectionLog
from bastion.gateway.entrance import Doors, Entrance
from benchmarks.measures import percentile

SOURCE = "192.0.2.7"
_ACCOUNT = b"johnson"
_NETWORKS = 20
_ACCOUNTS = 100
_LIMIT = 1000
_DAY = 86400
_WARMING = 1000


@frozen
class Times:
    """
    In seconds.
    """

    median: float
    worst: float


def doors(clock: Clock) -> Doors:
    """
    Every rule is there, and lets in who comes: networks, limits, the DNS, accounts and
    penalties.
    """

    def told(question: Question) -> Deferred[Answer]:
        data: Any = labels("pc.example.org")
        return succeed(
            Answer((data if question.type == PTR else ip_address(SOURCE).packed,), 86400)
        )

    networks = [ip_network(f"10.{number}.0.0/16") for number in range(_NETWORKS)]
    denied = {ip_network(f"198.18.{number}.0/24"): "Not from here." for number in range(_NETWORKS)}
    accounts = [AccountRule(f"in{number}", gateways=["esrf"]) for number in range(_ACCOUNTS)]
    rules = AccountRules([*accounts, AccountRule("*")])
    penalties = MemoryPenalties(PenaltyRules())
    penalties.open(clock)
    return Doors(
        Gate([*networks, ip_network("192.0.2.0/24")], denied),
        Startups(100, 30, 300, 50, lambda: 1.0),
        Connections(_LIMIT, _LIMIT),
        Sessions(_LIMIT, _LIMIT, _LIMIT, _LIMIT),
        Rules([DnsRule(ReverseDns(told, clock), Mode.REQUIRE, suffixes=("example.org",))]),
        lambda: rules,
        penalties,
        clock,
    )


def enter(passed: Doors, log: ConnectionLog) -> None:
    """
    One login, from the first byte to its end: all that is asked about it.

    @raise AssertionError: when it is not let in.
    """
    address = ip_address(SOURCE)
    admitted = passed.gate.admit(SOURCE).decision is Decision.ADMIT
    refusals = [
        passed.startups.refusal(address, True),
        passed.penalty(address),
        passed.connections.refusal(address),
    ]
    entrance = Entrance(passed, SOURCE, "esrf", log, None, lambda: None)
    entrance.named(_ACCOUNT)
    steps: list[Callable[[], Any]] = [entrance.mayTry, entrance.mayTry, entrance.mayEnter]
    done: list[Any] = []
    for step in steps:
        Deferred.fromCoroutine(step()).addBoth(done.append)
    entrance.accepted()
    entrance.left()
    if not admitted or refusals != [None] * 3 or done != [None] * 3:
        raise AssertionError(f"nobody gets in: {refusals}, {done}")


def measured(times: int) -> Times:
    """
    So many logins.
    """
    clock = Clock()
    clock.advance(time.time())
    passed, log = doors(clock), ConnectionLog(LogPublisher())
    found: list[float] = []
    for _ in range(_WARMING + times):
        start = time.perf_counter()
        enter(passed, log)
        found.append(time.perf_counter() - start)
    return _of(found[_WARMING:])


def _of(found: Sequence[float]) -> Times:
    return Times(percentile(found, 0.5), percentile(found, 0.99))
