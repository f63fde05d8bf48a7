"""
Tests of L{bastion.admission.gate}: one address in, one answer out.
"""

from __future__ import annotations

import ipaddress

import pytest

from bastion.admission.gate import Answer, Decision, Gate, Network

ADMIT, DROP, TELL = Decision

INSIDE = "You are inside: connect to the host directly."
ABUSE = "Too many complaints came from your network."


def gate(allow: tuple[str, ...] = (), deny: dict[str, str] | None = None) -> Gate:
    """
    A gate with these networks.
    """
    networks: dict[Network, str] = {
        ipaddress.ip_network(each): sentence for each, sentence in (deny or {}).items()
    }
    return Gate([ipaddress.ip_network(each) for each in allow], networks)


@pytest.mark.parametrize("source", ["192.0.2.7", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.7"])
def test_withoutRulesEverybodyMayComeIn(source: str) -> None:
    assert gate().admit(source) == Answer(ADMIT)


ALLOW = ("192.0.2.0/24", "2001:db8::/32", "fe80::/10")


@pytest.mark.parametrize(
    ("source", "decision"),
    [
        ("192.0.2.0", ADMIT),
        ("192.0.2.255", ADMIT),
        ("::ffff:192.0.2.7", ADMIT),
        ("2001:db8:ffff::1", ADMIT),
        ("fe80::1%eth0", ADMIT),
        ("192.0.1.255", DROP),
        ("192.0.3.0", DROP),
        ("::ffff:198.51.100.7", DROP),
        ("2001:db9::1", DROP),
        ("::192.0.2.7", DROP),
    ],
)
def test_whereSomeMayComeInTheOthersGetNoByte(source: str, decision: Decision) -> None:
    answer = gate(ALLOW).admit(source)
    assert answer.decision is decision
    assert bool(answer.sentence) is (decision is DROP)


DENY = {"192.0.2.128/25": INSIDE, "2001:db8:1::/48": ABUSE}


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("192.0.2.127", Answer(ADMIT)),
        ("192.0.2.128", Answer(TELL, INSIDE)),
        ("::ffff:192.0.2.128", Answer(TELL, INSIDE)),
        ("2001:db8:1::1", Answer(TELL, ABUSE)),
        ("2001:db8:2::1", Answer(ADMIT)),
    ],
)
@pytest.mark.parametrize("allow", [(), ALLOW])
def test_deniedNetworkIsToldWhyEvenWithinAnAllowedOne(
    source: str, answer: Answer, allow: tuple[str, ...]
) -> None:
    assert gate(allow, DENY).admit(source) == answer


def test_deniedNetworkIsToldEvenWhereItIsNotAllowed() -> None:
    assert gate(("203.0.113.0/24",), DENY).admit("192.0.2.200") == Answer(TELL, INSIDE)


def test_firstSentenceOfTheConfigurationIsTold() -> None:
    deny = {"192.0.2.7/32": "You.", "192.0.2.0/24": "All of you."}
    assert gate((), deny).admit("192.0.2.7") == Answer(TELL, "You.")
    assert gate((), dict(reversed(deny.items()))).admit("192.0.2.7") == Answer(TELL, "All of you.")


@pytest.mark.parametrize(
    "source", ["", "/run/socket", "nice1.example.org", "192.0.2", "192.0.2.07"]
)
@pytest.mark.parametrize("rules", [gate(), gate(ALLOW, DENY)])
def test_addressThatCannotBeReadGetsNoByte(source: str, rules: Gate) -> None:
    assert rules.admit(source) == Answer(DROP, "its address cannot be read")
