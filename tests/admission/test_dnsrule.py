"""
Tests of L{bastion.admission.dnsrule}: a DNS in memory.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.logger import capturedLogs, eventAsText
from zope.interface.verify import verifyObject

from bastion.admission.dnsrule import SENTENCE, Admitted, DnsRule, Mode, OnTimeout
from bastion.interfaces import AdmissionRefused, IAdmissionRule
from bastion.testing.dnsmemory import MemoryDns

ZONE = """
192.0.2.7 HOST pc7.example.org
192.0.2.2 PTR pc2.example.org
192.0.2.3 PTR pc7.example.org
192.0.2.4 PTR ev\\027[31mil.example.org
192.0.2.5 FAULT code SERVFAIL
192.0.2.6 FAULT slow 0.5
192.0.2.6 HOST pc6.example.org
2001:db8::7 PTR pc7.example.org
"""
REST = (
    ". SSH is only open to computers that are registered in the DNS; please ask your network "
    "administrator to register it."
)
SILENCE = (
    "Your computer's address 192.0.2.5 could not be looked up in the DNS just now; please try "
    "again in a minute" + REST
)


class Door:
    """
    A rule, and the DNS that it looks into.
    """

    def __init__(self, mode: Mode = Mode.REQUIRE, **settings: Any) -> None:
        self.dns = MemoryDns(ZONE)
        self.rule = DnsRule(self.dns.reverseDns(), mode, **settings)

    def admit(self, source: str) -> Any:
        """
        What is decided about an address, at once.
        """
        deciding = self.rule.admit(source)
        assert deciding.called
        told: list[Any] = []
        deciding.addErrback(lambda failure: failure.value).addCallback(told.append)
        return told[0]

    def refusal(self, source: str) -> str:
        """
        What a refused client's user is told.
        """
        decision = self.admit(source)
        assert isinstance(decision, AdmissionRefused)
        return str(decision)


def test_ruleIsOneOfAdmission() -> None:
    verifyObject(IAdmissionRule, Door().rule)


# Require

LACKING = [
    ("192.0.2.1", "has no name in the DNS"),
    ("192.0.2.2", "is called pc2.example.org, and that name has no address"),
    ("192.0.2.3", "is called pc7.example.org, and that name has another address"),
    ("192.0.2.4", "has no valid name in the DNS"),
    ("2001:db8::1", "has no name in the DNS"),
    ("2001:db8::7", "is called pc7.example.org, and that name has no IPv6 address"),
]


@pytest.mark.parametrize("source", ["192.0.2.7", "::ffff:192.0.2.7"])
def test_registeredClientMayComeIn(source: str) -> None:
    assert Door().admit(source) == Admitted("pc7.example.org")


@pytest.mark.parametrize(("source", "lacking"), LACKING)
def test_otherClientIsToldWhatIsMissing(source: str, lacking: str) -> None:
    assert Door().refusal(source) == f"Your computer's address {source} {lacking}{REST}"


def test_mappedAddressIsShownAsItsUserKnowsIt() -> None:
    assert Door().refusal("::ffff:192.0.2.1").startswith("Your computer's address 192.0.2.1 has")


def test_clientOfAnotherDomainIsToldSo() -> None:
    door = Door(suffixes=("example.net", "example.com"))
    assert door.refusal("192.0.2.7") == (
        "Your computer's address 192.0.2.7 is called pc7.example.org, which is not in the "
        "domains that may come in" + REST
    )
    assert Door(suffixes=("example.org",)).admit("192.0.2.7") == Admitted("pc7.example.org")


def test_sentenceCanBeChosen() -> None:
    door = Door(sentence="{address}: {missing}! Ask {nobody}. {address.packed} {} %s {missing")
    assert door.refusal("192.0.2.1") == (
        "192.0.2.1: has no name in the DNS! Ask {nobody}. {address.packed} {} %s {missing"
    )
    assert "{address}" in SENTENCE and "{missing}" in SENTENCE


def test_clientWaitsForItsAnswer() -> None:
    door = Door()
    told: list[Any] = []
    door.rule.admit("192.0.2.6").addCallback(told.append)
    assert told == []
    door.dns.clock.advance(0.5)
    assert told == [Admitted("pc6.example.org")]


def test_clientThatLeavesIsNotLookedUp() -> None:
    door = Door()
    told: list[Any] = []
    deciding = door.rule.admit("192.0.2.6").addErrback(told.append)
    deciding.cancel()
    assert told[0].check(CancelledError)
    assert not door.dns.open


@pytest.mark.parametrize("source", ["", "/run/socket", "nice1.example.org", "192.0.2"])
@pytest.mark.parametrize("mode", Mode)
def test_addressThatCannotBeReadIsRefused(source: str, mode: Mode) -> None:
    assert Door(mode).refusal(source) == "Your computer's address cannot be read."


# Exempt networks


@pytest.mark.parametrize(
    "source", ["127.0.0.9", "::ffff:127.0.0.9", "2001:db8:1::7", "fe80::1%eth0"]
)
def test_exemptNetworkIsNotLookedUp(source: str) -> None:
    exempt = [ip_network(each) for each in ("127.0.0.0/8", "2001:db8:1::/48", "fe80::/10")]
    door = Door(exempt=exempt)
    assert door.admit(source) == Admitted()
    assert door.dns.asked == []
    assert isinstance(door.admit("2001:db8:2::7"), AdmissionRefused)


# Silence


def test_silenceIsNoRefusalOfItsOwn() -> None:
    assert Door().refusal("192.0.2.5") == SILENCE


@pytest.mark.parametrize(("source", "lasting"), [("192.0.2.5", False), ("192.0.2.1", True)])
def test_clientWhoseDnsIsSilentMayComeBackAtOnce(source: str, lasting: bool) -> None:
    decision = Door().admit(source)
    assert isinstance(decision, AdmissionRefused)
    assert decision.lasting is lasting


def test_silenceCanAdmit() -> None:
    door = Door(onTimeout=OnTimeout.ADMIT)
    assert door.admit("192.0.2.5") == Admitted(wouldRefuse=SILENCE)
    assert isinstance(door.admit("192.0.2.1"), AdmissionRefused)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("onTimeout", OnTimeout)
def test_operatorIsToldWhyNothingIsKnown(mode: Mode, onTimeout: OnTimeout) -> None:
    door = Door(mode, onTimeout=onTimeout)
    with capturedLogs() as events:
        for source in ("192.0.2.5", "192.0.2.1", "192.0.2.7"):
            door.admit(source)

    (told,) = [eventAsText(event, includeTimestamp=False) for event in events]
    assert told.endswith("] 192.0.2.5 could not be looked up: 192.0.2.53 says SERVFAIL")


# Report


@pytest.mark.parametrize("onTimeout", OnTimeout)
def test_reportRefusesNobody(onTimeout: OnTimeout) -> None:
    door, strict = Door(Mode.REPORT, onTimeout=onTimeout), Door()
    for source, _ in LACKING:
        assert door.admit(source) == Admitted(wouldRefuse=strict.refusal(source))
    assert door.admit("192.0.2.7") == Admitted("pc7.example.org")


def test_silenceIsReportedWhereItWouldRefuse() -> None:
    assert Door(Mode.REPORT).admit("192.0.2.5") == Admitted(wouldRefuse=SILENCE)
    assert Door(Mode.REPORT, onTimeout=OnTimeout.ADMIT).admit("192.0.2.5") == Admitted()


# Mistakes


@pytest.mark.parametrize("mode", Mode)
def test_whatGoesWrongElseAdmitsNobody(mode: Mode) -> None:
    class Broken:
        def check(self, address: object, suffixes: object) -> Deferred[Any]:
            """
            Make a mistake.
            """
            return fail(ZeroDivisionError())

    told: list[Any] = []
    rule = DnsRule(Broken(), mode, onTimeout=OnTimeout.ADMIT)
    rule.admit("192.0.2.7").addErrback(told.append)
    assert told[0].check(ZeroDivisionError)
