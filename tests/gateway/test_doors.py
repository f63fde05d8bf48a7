"""
L{bastion.gateway.doors}: from the table of who may come in to what stands in front of a
gateway.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from bastion.admission.accounts import AccountRule, AccountRules
from bastion.admission.dnsrule import SENTENCE, DnsRule, Mode, OnTimeout
from bastion.admission.gate import Decision
from bastion.admission.memory import MemoryPenalties
from bastion.admission.reversedns import ReverseDns
from bastion.config.addresses import DnsServer
from bastion.config.admission import AdmissionTable
from bastion.config.values import MaxStartups
from bastion.gateway.doors import DoorsOf
from bastion.state import PenaltyKind

SERVERS = (DnsServer("127.0.0.1", 5353),)
STRANGER = ip_address("203.0.113.9")


class Chosen:
    """
    A rule that the configuration names.
    """

    def __init__(self) -> None:
        self.rule = object()

    def build(self) -> object:
        """
        The rule.
        """
        return self.rule


def doors(**keys: Any) -> Any:
    """
    What stands in front of a gateway with these keys.
    """
    return DoorsOf(MemoryReactorClock()).of(AdmissionTable(**keys))


def test_unlessItIsSaidNobodyIsAskedAnything() -> None:
    made = doors()

    assert made.rules.rules == []
    assert made.penalties is not None
    assert made.connections.refusal(STRANGER) is None
    assert made.accounts().refusal(b"johnson", "esrf", None) is None


def test_rulesAboutAccountsAreThoseOfTheMoment() -> None:
    rules = [AccountRules(), AccountRules([AccountRule("*", gateways=[])])]
    make = DoorsOf(MemoryReactorClock(), lambda: rules[0])
    made = make.of(AdmissionTable())

    assert made.accounts() is rules.pop(0)
    assert made.accounts() is rules[0] is make.of(AdmissionTable()).accounts()


def test_limitsHaveTheirPlace() -> None:
    made = doors(
        max_startups=MaxStartups(3, 100, 3),
        per_source_startups=2,
        max_connections=5,
        per_source_connections=4,
        max_sessions=9,
        per_source_sessions=8,
        per_account_sessions=7,
        per_account_source_sessions=6,
        deny_from={ip_network("203.0.113.0/24"): "Not from here."},
    )

    assert (made.startups.start, made.startups.full, made.startups.perSource) == (3, 3, 2)
    assert (made.connections.limit, made.connections.perSource) == (5, 4)
    assert (made.sessions.limit, made.sessions.perSource) == (9, 8)
    assert (made.sessions.perAccount, made.sessions.perVisitor) == (7, 6)
    assert made.gate.admit(str(STRANGER)).decision is Decision.TELL


def test_dnsIsAskedFirst() -> None:
    other: Any = Chosen()
    made = doors(dns="require", dns_servers=SERVERS, rules=(other,))
    (rule, last) = made.rules.rules

    assert isinstance(rule, DnsRule)
    assert (rule.mode, rule.onTimeout, rule.sentence) == (Mode.REQUIRE, OnTimeout.REFUSE, SENTENCE)
    assert last is other.rule


def test_everyKeyOfTheDnsHasItsPlace() -> None:
    (rule,) = doors(
        dns="report",
        dns_servers=SERVERS,
        dns_exempt=(ip_network("203.0.113.0/24"),),
        dns_suffixes=("example.org",),
        dns_timeout="admit",
        dns_sentence="{address} {missing}",
    ).rules.rules

    assert (rule.mode, rule.onTimeout) == (Mode.REPORT, OnTimeout.ADMIT)
    assert rule.exempt == (ip_network("203.0.113.0/24"),)
    assert (rule.suffixes, rule.sentence) == (("example.org",), "{address} {missing}")


def test_gatewaysShareWhatTheDnsHasSaidAndWhoHasToWait() -> None:
    make = DoorsOf(MemoryReactorClock())
    table = AdmissionTable(dns="require", dns_servers=SERVERS)
    other = AdmissionTable(dns="require", penalty_exempt=(), dns_servers=())
    first, second, third = make.of(table), make.of(table), make.of(other)

    assert first.penalties is second.penalties is not third.penalties
    resolvers = [each.rules.rules[0].resolver for each in (first, second, third)]
    assert resolvers[0] is resolvers[1] is not resolvers[2]


def test_closedDoorsLookNobodyUpAndCloseTheirStores(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    make = DoorsOf(MemoryReactorClock())
    servers = [(DnsServer("127.0.0.1", port),) for port in (53, 54)]
    made = [make.of(AdmissionTable(dns="require", dns_servers=each)) for each in servers]
    for kind in (ReverseDns, MemoryPenalties):
        close = kind.close
        monkeypatch.setattr(kind, "close", lambda self, c=close: closed.append(self) or c(self))

    done = make.close()

    resolvers = [each.rules.rules[0].resolver for each in made]
    assert closed == [*resolvers, made[0].penalties]
    assert done.called


def test_penaltiesCanBeSwitchedOff() -> None:
    assert doors(penalties="off").penalties is None


def test_exemptNetworksGetNoPenalties() -> None:

    made = doors(penalty_exempt=(ip_network("203.0.113.0/24"),))
    for source in (STRANGER, ip_address("198.51.100.7")):
        for _ in range(30):
            made.penalties.noted(PenaltyKind.GRACE_EXCEEDED, source)

    assert made.penalty(STRANGER) is None
    assert made.penalty(ip_address("198.51.100.7")) is not None
