"""
Tests of L{bastion.admission.reversedns}: a DNS in memory, and a clock.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import booleans, ip_addresses, sampled_from
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock

from bastion.admission.dnsmessage import AAAA, PTR, A, Question
from bastion.admission.dnsports import MAX_QUESTIONS
from bastion.admission.dnsresolver import LATE_TIME
from bastion.admission.dnsverdict import Missing, NoAnswer, NotRegistered, Registered
from bastion.admission.reversedns import (
    DEADLINE,
    MAX_NAMES,
    MAX_PENDING,
    ReverseDns,
    reverseDns,
)
from bastion.admission.sources import Address
from bastion.testing.dnsmemory import MemoryDns

HERE = "192.0.2.7"
PC7 = Registered("pc7.example.org")
PTR7, A7 = (("7.2.0.192.in-addr.arpa", PTR), ("pc7.example.org", A))


class LookUps:
    """
    Look-ups in a DNS in memory.
    """

    def __init__(self, zone: str, **settings: Any) -> None:
        self.dns = MemoryDns(zone)
        self.clock = self.dns.clock
        self.reverseDns = self.dns.reverseDns(**settings)

    def begin(self, address: str = HERE, *suffixes: str) -> list[Any]:
        """
        Look an address up: what comes of it, when it does.
        """
        told: list[Any] = []
        self.looking: Deferred[Any] = self.reverseDns.check(ip_address(address), suffixes)
        self.looking.addErrback(lambda failure: failure.value).addCallback(told.append)
        return told

    def of(self, address: str = HERE, *suffixes: str) -> Any:
        """
        What is known of an address at once.
        """
        (told,) = self.begin(address, *suffixes)
        return told

    def missing(self, address: str = HERE, *suffixes: str) -> tuple[Missing, str]:
        """
        What an address lacks.
        """
        told = self.of(address, *suffixes)
        assert isinstance(told, NotRegistered)
        return told.missing, told.name

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def asked(self) -> list[tuple[str, int]]:
        """
        What was asked, since this was asked for.
        """
        asked = [(name, kind) for _, name, kind, _ in self.dns.asked]
        self.dns.asked.clear()
        return asked

    def isOver(self) -> bool:
        """
        Nothing is left behind.
        """
        return not self.dns.open and not self.clock.getDelayedCalls()


# Who is registered


def test_addressWithANameThatHasTheAddressIsRegistered() -> None:
    lookUps = LookUps("192.0.2.7 HOST PC7.Example.ORG")
    assert lookUps.of() == PC7
    assert (lookUps.asked(), lookUps.isOver()) == ([PTR7, A7], True)


def test_IPv6AddressIsConfirmedByAnIPv6Address() -> None:
    lookUps = LookUps("2001:db8::7 HOST pc7.example.org")
    assert lookUps.of("2001:db8::7") == PC7
    assert lookUps.of("2001:db8::7%eth0") == PC7
    reverse = IPv6Address("2001:db8::7").reverse_pointer
    assert lookUps.asked() == [(reverse, PTR), ("pc7.example.org", AAAA)]


def test_mappedAddressIsTheIPv4Address() -> None:
    lookUps = LookUps("192.0.2.7 HOST pc7.example.org")
    assert lookUps.of("::ffff:192.0.2.7") == PC7
    assert lookUps.asked() == [PTR7, A7]
    assert lookUps.of() == PC7
    assert lookUps.asked() == []


@settings(max_examples=50)
@given(ip_addresses())
def test_everyAddressCanBeRegistered(address: Address) -> None:
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    lookUps = LookUps("" if mapped else f"{address} HOST pc7.example.org")
    expected = (Missing.NAME, "") if mapped else PC7
    assert (lookUps.missing(str(address)) if mapped else lookUps.of(str(address))) == expected


def test_oneOfManyAddressesIsEnough() -> None:
    lookUps = LookUps(
        "192.0.2.7 PTR pc7.example.org\npc7.example.org A 192.0.2.6\npc7.example.org A 192.0.2.7"
    )
    assert lookUps.of() == PC7


def test_aliasesAreFollowedBothWays() -> None:
    lookUps = LookUps(
        "192.0.2.7 CNAME 7.0/25.2.0.192.in-addr.arpa\n"
        "7.0/25.2.0.192.in-addr.arpa PTR pc7.example.org\n"
        "pc7.example.org CNAME www.example.net\nwww.example.net A 192.0.2.7"
    )
    assert lookUps.of() == PC7


# Who is not


@pytest.mark.parametrize(
    ("zone", "address", "missing", "name"),
    [
        ("", HERE, Missing.NAME, ""),
        ("192.0.2.7 A 192.0.2.7", HERE, Missing.NAME, ""),
        ("192.0.2.7 PTR pc7.example.org", HERE, Missing.ADDRESS, "pc7.example.org"),
        (
            "2001:db8::7 PTR pc7.example.org\npc7.example.org A 192.0.2.7",
            "2001:db8::7",
            Missing.IPV6_ADDRESS,
            "pc7.example.org",
        ),
        (
            "192.0.2.7 PTR pc7.example.org\npc7.example.org AAAA 2001:db8::7",
            HERE,
            Missing.ADDRESS,
            "pc7.example.org",
        ),
        (
            "192.0.2.7 PTR pc7.example.org\n192.0.2.6 HOST pc7.example.org",
            HERE,
            Missing.SAME_ADDRESS,
            "pc7.example.org",
        ),
    ],
)
def test_whatIsMissingIsSaid(zone: str, address: str, missing: Missing, name: str) -> None:
    lookUps = LookUps(zone)
    assert lookUps.missing(address) == (missing, name)
    assert lookUps.isOver()


def test_nameWithAnotherAddressSaysMoreThanOneWithout() -> None:
    lookUps = LookUps(
        "192.0.2.7 PTR one.example.org\n192.0.2.7 PTR two.example.org\ntwo.example.org A 192.0.2.1"
    )
    assert lookUps.missing() == (Missing.SAME_ADDRESS, "two.example.org")


@pytest.mark.parametrize(
    "name",
    [
        r"pc7\010.example.org",
        r"\027[31mpc7.example.org",
        r"pc7\000.example.org",
        r"pc7\.example.org",
        r"pc7\255.example.org",
        "pc7/8.example.org",
        r"192.0.2.\055",
    ],
)
def test_nameThatNoHostCanHaveIsNeitherTriedNorSaid(name: str) -> None:
    lookUps = LookUps(f"192.0.2.7 PTR {name}\n{name} A 192.0.2.7")
    assert lookUps.missing() == (Missing.VALID_NAME, "")
    assert lookUps.asked() == [PTR7]
    lookUps = LookUps(f"192.0.2.7 PTR {name}\n192.0.2.7 HOST pc7.example.org")
    assert lookUps.of() == PC7


def test_recordsThatNobodyHasAskedForAreNotBelieved() -> None:
    lookUps = LookUps(
        "192.0.2.7 PTR pc7.example.org\n192.0.2.7 FAULT poison pc7.example.org 192.0.2.7"
    )
    assert lookUps.missing() == (Missing.ADDRESS, "pc7.example.org")
    lookUps = LookUps(
        "192.0.2.7 PTR pc7.example.org\npc7.example.org FAULT poison www.example.org 192.0.2.7"
    )
    assert lookUps.missing() == (Missing.ADDRESS, "pc7.example.org")


# Domains


def test_nameHasToBeInOneOfTheDomains() -> None:
    lookUps = LookUps("192.0.2.7 HOST pc7.example.org")
    assert lookUps.of(HERE, "example.net", "example.org") == PC7
    assert lookUps.asked() == [PTR7, A7]
    assert lookUps.missing(HERE, "example.net") == (Missing.DOMAIN, "pc7.example.org")
    assert lookUps.asked() == [PTR7]
    assert lookUps.of() == PC7


def test_namesOfOtherDomainsDoNotCount() -> None:
    others = "".join(f"192.0.2.7 HOST other{number}.example.net\n" for number in range(20))
    lookUps = LookUps(others + "192.0.2.7 HOST pc7.example.org")
    assert lookUps.of(HERE, "example.org") == PC7
    assert lookUps.asked() == [PTR7, A7]


# Many names


def many(count: int, confirmed: int | None = None) -> str:
    """
    An address with so many names, of which one may have the address.
    """
    zone = "".join(f"192.0.2.7 PTR pc{number}.example.org\n" for number in range(count))
    return zone + ("" if confirmed is None else f"pc{confirmed}.example.org A 192.0.2.7\n")


@pytest.mark.parametrize("confirmed", [0, MAX_NAMES - 1])
def test_oneNameThatHasTheAddressIsEnough(confirmed: int) -> None:
    lookUps = LookUps(many(MAX_NAMES, confirmed))
    assert lookUps.of() == Registered(f"pc{confirmed}.example.org")
    assert lookUps.isOver()


@pytest.mark.parametrize("count", [MAX_NAMES + 1, 1000])
def test_noMoreNamesAreTriedThanTheLimit(count: int) -> None:
    lookUps = LookUps(many(count, MAX_NAMES))
    assert lookUps.missing() == (Missing.ADDRESS, "pc0.example.org")
    assert sum(kind == A for _, kind in lookUps.asked()) == MAX_NAMES


def test_nameThatIsSlowDoesNotKeepAnotherWaiting() -> None:
    lookUps = LookUps(many(MAX_NAMES, MAX_NAMES - 1) + "pc0.example.org FAULT silent")
    assert lookUps.of() == Registered(f"pc{MAX_NAMES - 1}.example.org")
    assert lookUps.dns.open == 0


def test_namesAreAskedForInOrderAndTwoAtATime() -> None:
    slow = "".join(f"pc{number}.example.org FAULT slow {number + 0.35}\n" for number in range(3))
    lookUps = LookUps(many(4, 3) + slow)
    told = lookUps.begin()
    names = {name for name, _ in lookUps.asked()[1:]}
    assert (names, lookUps.dns.open) == ({"pc0.example.org", "pc1.example.org"}, 2)
    lookUps.advance(0.4)
    assert lookUps.asked() == [("pc2.example.org", A)]
    lookUps.advance(1)
    assert told == [Registered("pc3.example.org")]
    assert lookUps.dns.open == 0


@pytest.mark.parametrize("confirmed", [None, 0, 1])
def test_noOtherNameIsAskedForWhenItIsOver(confirmed: int | None) -> None:
    slow = "" if confirmed is None else f"pc{confirmed}.example.org FAULT slow 0.3\n"
    silent = "".join(f"pc{number}.example.org FAULT silent\n" for number in {0, 1} - {confirmed})
    lookUps = LookUps(many(MAX_NAMES, confirmed) + slow + silent)
    told = lookUps.begin()
    lookUps.advance(DEADLINE + 0.1)
    assert len(told) == 1
    names = {name for name, kind in lookUps.asked() if kind == A}
    assert names == {"pc0.example.org", "pc1.example.org"}
    assert lookUps.dns.open == 0


@pytest.mark.parametrize("servers", range(1, 9))
def test_strangersDoNotUseUpTheQuestions(servers: int) -> None:
    """
    However many may be looked up at once, and however many silent names each of them has.
    """
    silent = "".join(f"pc{number}.example.org FAULT silent\n" for number in range(MAX_NAMES))
    lookUps = LookUps(many(MAX_NAMES) + silent)
    lookUps.dns.servers = [(f"192.0.2.{50 + number}", 53) for number in range(servers)]
    lookUps.begin()
    lookUps.advance(DEADLINE - 0.1)
    asked = Counter(server for server, _, kind, _ in lookUps.dns.asked if kind == A)
    assert lookUps.dns.open == asked.total()
    assert max(asked.values()) * MAX_PENDING <= MAX_QUESTIONS
    lookUps.looking.cancel()


def test_nameThatCouldNotBeLookedUpMightHaveTheAddress() -> None:
    lookUps = LookUps(many(3) + "pc1.example.org FAULT code SERVFAIL")
    told = lookUps.of()
    assert isinstance(told, NoAnswer)
    assert str(told) == "192.0.2.53 says SERVFAIL"
    assert lookUps.isOver()


# Time


@pytest.mark.parametrize("owner", [HERE, "pc7.example.org"])
@pytest.mark.parametrize(
    "fault",
    ["silent", "slow 4", "mute", "wrong-id", "wrong-question", "other-port"],
)
def test_nothingTakesLongerThanTheDeadline(owner: str, fault: str) -> None:
    lookUps = LookUps(f"192.0.2.7 HOST pc7.example.org\n{owner} FAULT {fault}")
    told = lookUps.begin()
    lookUps.advance(DEADLINE - 0.1)
    assert told == []
    lookUps.advance(0.2)
    assert isinstance(told[0], NoAnswer)
    assert str(told[0]) == "there was no answer within 3 s"
    assert lookUps.dns.open == 0


def test_deadlineIsOfTheLookUpAsAWhole() -> None:
    zone = "192.0.2.7 HOST pc7.example.org\n{} FAULT slow 1.6\n{} FAULT slow {}"
    for seconds, answered in ((1.2, True), (1.6, False)):
        lookUps = LookUps(zone.format(HERE, "pc7.example.org", seconds))
        told = lookUps.begin()
        lookUps.advance(3.1)
        assert [isinstance(each, Registered) for each in told] == [answered]


def test_deadServerIsWaitedForOnce() -> None:
    lookUps = LookUps("192.0.2.7 HOST pc7.example.org\n192.0.2.8 HOST pc8.example.org")
    dead, alive = ("192.0.2.52", 53), ("192.0.2.53", 53)
    lookUps.dns.servers, lookUps.dns.silent = [dead, alive], {dead}
    told = lookUps.begin()
    lookUps.advance(0.7)
    assert told == [PC7]
    assert lookUps.of("192.0.2.8") == Registered("pc8.example.org")
    lookUps.advance(LATE_TIME)
    assert lookUps.begin("192.0.2.9") == []
    lookUps.looking.cancel()


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ("192.0.2.7 FAULT code SERVFAIL", "192.0.2.53 says SERVFAIL"),
        ("192.0.2.7 FAULT code REFUSED", "192.0.2.53 says REFUSED"),
        ("192.0.2.7 FAULT lame\n$MINIMUM none", "192.0.2.53 does not ask other servers for us"),
        ("192.0.2.7 FAULT garbage", "a name is too long"),
        ("192.0.2.7 FAULT bomb", "a pointer does not lead backwards"),
        ("192.0.2.7 CNAME 192.0.2.7", "an answer is no good: it has too many aliases"),
    ],
)
def test_answerThatIsNoneIsToldAtOnce(zone: str, problem: str) -> None:
    lookUps = LookUps(zone)
    told = lookUps.of()
    assert isinstance(told, NoAnswer)
    assert (str(told), lookUps.isOver()) == (problem, True)


# What is known already


@pytest.mark.parametrize(
    ("zone", "seconds"),
    [
        ("192.0.2.7 300 PTR pc7.example.org\npc7.example.org 200 A 192.0.2.7", 200),
        ("192.0.2.7 100 PTR pc7.example.org\npc7.example.org 200 A 192.0.2.7", 100),
        ("192.0.2.7 0 PTR pc7.example.org\npc7.example.org 0 A 192.0.2.7", 5),
        ("192.0.2.7 86400 HOST pc7.example.org", 3600),
        ("", 60),
        ("$MINIMUM 1", 5),
        ("$MINIMUM none", 5),
        ("$MINIMUM 1000", 300),
        ("192.0.2.7 300 PTR pc7.example.org\n$MINIMUM 40", 40),
        ("192.0.2.7 30 PTR pc7.example.org\n$MINIMUM 40", 30),
        ("192.0.2.7 70 PTR pc7.example.org\npc7.example.org 90 A 192.0.2.1", 70),
        ("192.0.2.7 70 PTR -pc7.example.org", 70),
        ("192.0.2.7 FAULT code SERVFAIL", 2),
        ("192.0.2.7 HOST pc7.example.org\npc7.example.org FAULT code SERVFAIL", 2),
    ],
)
def test_verdictIsKnownForItsTime(zone: str, seconds: int) -> None:
    lookUps = LookUps(zone)
    first = lookUps.of()
    lookUps.asked()
    lookUps.advance(seconds - 0.1)
    again = lookUps.of()
    assert (type(again), str(again), lookUps.asked()) == (type(first), str(first), [])
    lookUps.advance(0.2)
    lookUps.of()
    assert lookUps.asked()


def test_verdictDependsOnTheDomains() -> None:
    lookUps = LookUps("192.0.2.7 HOST pc7.example.org")
    for _ in range(2):
        assert lookUps.missing(HERE, "example.net")[0] is Missing.DOMAIN
        assert lookUps.of(HERE, "example.org") == PC7


def test_lateAnswerIsRememberedForTwoSeconds() -> None:
    lookUps = LookUps("192.0.2.7 FAULT silent")
    lookUps.begin()
    lookUps.advance(3.1)
    lookUps.asked()
    lookUps.advance(1.8)
    assert isinstance(lookUps.of(), NoAnswer)
    lookUps.advance(0.2)
    assert lookUps.begin() == []
    assert lookUps.asked() == [PTR7]
    lookUps.looking.cancel()


def test_flappingServerIsAskedAgainSoon() -> None:
    lookUps = LookUps("192.0.2.7 HOST pc7.example.org\n192.0.2.7 FAULT flapping SERVFAIL")
    assert isinstance(lookUps.of(), NoAnswer)
    lookUps.advance(2.1)
    assert lookUps.of() == PC7


def test_deadDnsDoesNotKeepOutWhoIsKnown() -> None:
    lookUps = LookUps("192.0.2.7 3600 HOST pc7.example.org")
    assert lookUps.of() == PC7
    lookUps.dns.silent = set(lookUps.dns.servers)
    lookUps.advance(3500)
    assert lookUps.of() == PC7


# Several at once


def test_oneAddressIsLookedUpOnceHoweverManyWait() -> None:
    lookUps = LookUps("192.0.2.7 HOST pc7.example.org\n192.0.2.7 FAULT slow 0.3")
    told = [lookUps.begin() for _ in range(50)]
    told.append(lookUps.begin("::ffff:192.0.2.7"))
    lookUps.advance(0.4)
    assert told == [[PC7]] * 51
    assert lookUps.asked() == [PTR7, A7]


def test_whoComesLaterWaitsNoLonger() -> None:
    lookUps = LookUps("192.0.2.7 FAULT silent")
    lookUps.begin()
    lookUps.advance(2)
    later = lookUps.begin()
    lookUps.advance(1.1)
    assert isinstance(later[0], NoAnswer)


def test_whoLeavesIsNotLookedUpFor() -> None:
    for zone in ("192.0.2.7 FAULT silent", many(3) + "pc1.example.org FAULT silent"):
        lookUps = LookUps(zone)
        told = lookUps.begin()
        lookUps.looking.cancel()
        assert isinstance(told[0], CancelledError)
        assert lookUps.isOver()
        assert lookUps.begin() == []
        lookUps.looking.cancel()


def test_noMoreAreLookedUpThanTheLimit() -> None:
    lookUps = LookUps("192.0.2.1 HOST pc1.example.org", maxPending=3)
    assert lookUps.of("192.0.2.1") == Registered("pc1.example.org")
    lookUps.dns.silent = set(lookUps.dns.servers)
    waiting = [lookUps.begin(f"192.0.2.{host}") for host in range(2, 5)]
    told = lookUps.of("192.0.2.5")
    assert isinstance(told, NoAnswer)
    assert str(told) == "3 addresses are being looked up"
    assert lookUps.begin("192.0.2.2") == []
    assert lookUps.of("192.0.2.1") == Registered("pc1.example.org")
    lookUps.advance(3.1)
    assert all(isinstance(each[0], NoAnswer) for each in waiting)
    lookUps.dns.silent = set()
    assert lookUps.missing("192.0.2.5") == (Missing.NAME, "")


def test_whatIsPendingIsGivenUpAtTheEnd() -> None:
    lookUps = LookUps("192.0.2.7 FAULT silent")
    told = [lookUps.begin(), lookUps.begin(), lookUps.begin("192.0.2.7", "example.org")]
    lookUps.reverseDns.close()
    assert [str(each[0]) for each in told] == ["the look-up was given up"] * 3
    assert lookUps.isOver()
    assert lookUps.begin() == []
    lookUps.reverseDns.close()


@settings(max_examples=50)
@given(
    sampled_from(["none", "silent", "code SERVFAIL", "cut", "slow 1", "slow 2.5"]),
    sampled_from(["none", "silent", "code SERVFAIL", "cut", "slow 1", "slow 2.5"]),
    booleans(),
)
def test_onlyWhoIsConfirmedComesIn(reverse: str, forward: str, same: bool) -> None:
    address = "192.0.2.7" if same else "192.0.2.8"
    lookUps = LookUps(
        f"192.0.2.7 PTR pc7.example.org\npc7.example.org A {address}\n"
        f"192.0.2.7 FAULT {reverse}\npc7.example.org FAULT {forward}"
    )
    told = lookUps.begin()
    lookUps.advance(3.1)
    delays = {"none": 0, "slow 1": 1, "slow 2.5": 2.5}
    (verdict,) = told
    takes = delays.get(reverse, 9) + delays.get(forward, 9)
    assert isinstance(verdict, Registered) is (same and takes < 3)
    assert lookUps.dns.open == 0


def test_whatGoesWrongElseIsNotHidden() -> None:
    def resolve(question: Question) -> Deferred[Any]:
        return fail(ZeroDivisionError())

    told: list[Any] = []
    ReverseDns(resolve, Clock()).check(ip_address(HERE)).addErrback(told.append)
    assert told[0].check(ZeroDivisionError)


# Making one


@pytest.mark.parametrize("address", ["ns.example.org", "", "192.0.2"])
def test_serverIsGivenByItsAddress(address: str) -> None:
    with pytest.raises(ValueError):
        reverseDns([("192.0.2.1", 53), (address, 53)], MemoryDns().clock)
