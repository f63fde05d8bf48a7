"""
Attack A19: whoever owns an address owns its name in the DNS, and answers for it as he
likes; and others answer in his place (CVE-2026-42304: a reply that is costly to read).
Who is not known to be registered is not let in, and is told so within three seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from attacking.client import RIGHT, Client, password
from attacking.memory import Site
from attacking.stages import Stage
from attrs import evolve

from bastion.admission.dnscache import VERDICT_BYTES, VerdictCache
from bastion.admission.dnsmessage import PTR
from bastion.admission.dnsrule import NOT_KNOWN, DnsRule, Mode, OnTimeout
from bastion.admission.reversedns import MAX_PENDING, ReverseDns
from bastion.admission.rules import Rules
from bastion.config.values import MaxStartups
from bastion.testing.dnsmemory import MemoryDns
from bastion.wire import MSG_USERAUTH_BANNER, MSG_USERAUTH_REQUEST, Reader

ATTACKER, IPV6 = "198.51.100.66", "2001:db8::66"
#: Who comes while an attack lasts.
HONEST = "192.0.2.201"
#: What the DNS says of him, and of the one who comes after each attack.
GOOD = f"{HONEST} HOST pc201.example.org\n192.0.2.200 HOST pc200.example.org\n"

NAMELESS, INVALID = "has no name in the DNS", "has no valid name in the DNS"
NO_ADDRESS, ANOTHER = "that name has no address", "that name has another address"


def lines(template: str, count: int) -> str:
    """
    A line of a zone again and again, with numbers.
    """
    return "".join(template.format(number, number + 1) + "\n" for number in range(count))


THOUSAND = lines("@ PTR pc{}.example.net", 1000)
#: More aliases than are followed, and a name behind them that has the address.
ALIASES = (
    "@ CNAME a0.example.net\n"
    + lines("a{}.example.net CNAME a{}.example.net", 9)
    + "a9.example.net PTR pc.example.net\npc.example.net A @\n"
)
#: The longest name that there is, of 255 bytes with its lengths, and a longer one.
LONGEST = ".".join(["a" * 61, "b" * 61, "c" * 61, "d" * 62, "evil"])
TOO_LONG = ".".join([letter * 63 for letter in "abcd"])

#: What the attacker's DNS says of him, who is C{@}; and what he is told.
ANSWERS = {
    "no PTR": ("", NAMELESS),
    "a PTR without an address": ("@ PTR pc.example.net", NO_ADDRESS),
    "the name of another one": ("@ PTR pc201.example.org", ANOTHER),
    "1000 PTRs": (THOUSAND, NO_ADDRESS),
    "1000 PTRs with the right one at the end": (f"{THOUSAND}pc999.example.net A @", NO_ADDRESS),
    "1000 PTRs, and one address of others": (f"{THOUSAND}pc9.example.net A 192.0.2.1", ANOTHER),
    "an address that nobody asked for": (
        "@ PTR pc.example.net\n@ FAULT poison pc.example.net @",
        NO_ADDRESS,
    ),
    "an alias of itself": ("@ CNAME @", NOT_KNOWN),
    "aliases in a circle": ("@ CNAME a.example.net\na.example.net CNAME @", NOT_KNOWN),
    "aliases of the name in a circle": (
        "@ PTR a.example.net\na.example.net CNAME b.example.net\nb.example.net CNAME a.example.net",
        NOT_KNOWN,
    ),
    "a chain of aliases": (ALIASES, NOT_KNOWN),
    "a chain of aliases, link by link": (
        f"{ALIASES}@ FAULT stingy\n" + lines("a{}.example.net FAULT stingy", 10),
        NOT_KNOWN,
    ),
    "escape sequences": ("@ PTR \\027[2J\\027]0;title\\007.example.net", INVALID),
    "a line feed": ("@ PTR x\\010title.example.net", INVALID),
    "a carriage return": ("@ PTR x\\013title.example.net", INVALID),
    "a NUL": ("@ PTR x\\000title.example.net", INVALID),
    "a control character of C1": ("@ PTR x\\155title.example.net", INVALID),
    "an override of direction": ("@ PTR x\\226\\128\\174title.example.net", INVALID),
    "invalid UTF-8": ("@ PTR x\\255\\254title.example.net", INVALID),
    "dots in a label": ("@ PTR pc201\\.example\\.org", INVALID),
    "an address as a name": ("@ PTR \\04992.0.2.201", INVALID),
    "placeholders": ("@ PTR {address}{missing}.example.net", INVALID),
    "255 bytes": (f"@ PTR {LONGEST}", NO_ADDRESS),
    "257 bytes": (f"@ PTR {TOO_LONG}", NOT_KNOWN),
    "a bomb": ("@ FAULT bomb", NOT_KNOWN),
    "a bomb in the place of an address": (
        "@ PTR pc.example.net\npc.example.net FAULT bomb",
        NOT_KNOWN,
    ),
    "garbage": ("@ FAULT garbage", NOT_KNOWN),
    "half a reply": ("@ HOST pc.example.net\n@ FAULT cut", NOT_KNOWN),
    "an error": ("@ FAULT code SERVFAIL", NOT_KNOWN),
    "other servers": ("@ FAULT lame", NOT_KNOWN),
}
#: What it says too late, or never; and what others say.
SILENCES = {
    "nothing": "@ FAULT silent",
    "nothing of the name": "@ HOST pc.example.net\npc.example.net FAULT silent",
    "nothing of one of its names": lines("@ PTR pc{}.example.net", 5)
    + "pc3.example.net FAULT silent",
    "nothing by TCP": "@ HOST pc.example.net\n@ FAULT mute",
    "the end of TCP": "@ HOST pc.example.net\n@ FAULT closing",
    "after 30 seconds": "@ HOST pc.example.net\n@ FAULT slow 30",
    "late, twice": "@ HOST pc.example.net\n@ FAULT slow 2\npc.example.net FAULT slow 2",
    "another number": "@ HOST pc.example.net\n@ FAULT wrong-id",
    "another question": "@ HOST pc.example.net\n@ FAULT wrong-question",
    "from another port": "@ HOST pc.example.net\n@ FAULT other-port",
    "the address from another port": "@ HOST pc.example.net\npc.example.net FAULT other-port",
}
#: How long an answer is waited for, and when the last of those has come, in seconds.
DEADLINE, LATEST = 3, 31
#: How many names of an address are tried.
MAX_NAMES = 10


class Registry:
    """
    A site that lets in who is registered in a DNS in memory.
    """

    def __init__(
        self,
        site: Site,
        zone: str = "",
        attacker: str = ATTACKER,
        onTimeout: OnTimeout = OnTimeout.REFUSE,
        cache: VerdictCache | None = None,
    ) -> None:
        self.site = site
        written = re.sub(r"(?<!\S)@(?!\S)", attacker, zone)
        self.dns = MemoryDns(GOOD + written, site.clock)
        self.reverseDns = ReverseDns(self.dns.resolver().resolve, site.clock, cache)
        rule = DnsRule(self.reverseDns, Mode.REQUIRE, onTimeout=onTimeout)
        site.factory.doors = evolve(site.factory.doors, rules=Rules([rule]))

    def comes(self, source: str = ATTACKER, until: Stage = Stage.SESSION) -> Client:
        """
        Somebody connects, who has the right password.
        """
        return self.site.connects(Client(until=until), source)

    def waits(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.site.clock.advance(0.1)
            self.site.settle()

    def pointers(self) -> int:
        """
        How often a PTR was asked for.
        """
        return sum(kind == PTR for _, _, kind, _ in self.dns.asked)

    def sentAway(self, client: Client, missing: str) -> None:
        """
        See that a client was told what is missing, and that no host has heard of it.
        """
        assert client.gone
        refused = self.site.named("login.refused")[-1]
        assert f"{missing}. SSH is only open to computers" in refused["reason"]
        text = f"{refused['reason']} (reference {refused['reference']})".encode()
        assert client.goodbye is not None
        assert client.goodbye[1] == text
        assert Reader(client.last(MSG_USERAUTH_BANNER)).string() == text + b"\r\n"
        assert self.site.named("login.accepted") == []
        assert not any(self.site.hosts.values())


@pytest.fixture
def registryOf(siteOf: Callable[..., Site]) -> Callable[..., Registry]:
    """
    Makes sites that ask a DNS.
    """
    return lambda zone="", site=None, **own: Registry(siteOf(**(site or {})), zone, **own)


# What it says at once


@pytest.mark.parametrize("answer", ANSWERS)
def test_whoIsNotRegisteredIsToldSoAtOnce(registryOf: Any, answer: str) -> None:
    zone, missing = ANSWERS[answer]
    registry = registryOf(zone)

    client = registry.comes()

    registry.sentAway(client, missing)
    assert registry.pointers() <= 9 * 2
    assert len(registry.dns.asked) - registry.pointers() <= MAX_NAMES
    assert (registry.site.clock.seconds(), registry.dns.open) == (0, 0)


@pytest.mark.parametrize(
    ("zone", "missing"),
    [
        ("", NAMELESS),
        ("@ PTR pc.example.net\npc.example.net A 192.0.2.1", "that name has no IPv6 address"),
        ("@ PTR pc.example.net\npc.example.net AAAA 2001:db8::1", ANOTHER),
    ],
)
def test_theSameIsSoForIpv6(registryOf: Any, zone: str, missing: str) -> None:
    registry = registryOf(zone, attacker=IPV6)

    registry.sentAway(registry.comes(IPV6), missing)


def test_tenNamesAreTried(registryOf: Any) -> None:
    registry = registryOf(THOUSAND)

    registry.comes()

    tried = [name for _, name, kind, _ in registry.dns.asked if kind != PTR]
    assert tried == [f"pc{number}.example.net" for number in range(MAX_NAMES)]


@pytest.mark.parametrize("answer", ANSWERS)
def test_nothingOfItIsWrittenDownAsItCame(registryOf: Any, answer: str) -> None:
    registry = registryOf(ANSWERS[answer][0])

    client = registry.comes()

    assert client.goodbye is not None
    told = client.goodbye[1].decode("latin-1")
    for text in (told, json.dumps(registry.site.events), *registry.site.log):
        assert re.fullmatch(r"[ -~]*", text)
        assert not re.search(r"\\[ux]|title", text)


# What it says too late


@pytest.mark.parametrize("silence", SILENCES)
def test_whoIsNotKnownIsToldSoAfterThreeSeconds(registryOf: Any, silence: str) -> None:
    registry = registryOf(SILENCES[silence])
    client = registry.comes()
    registry.waits(DEADLINE - 0.2)
    assert not client.gone
    assert not any(registry.site.hosts.values())

    registry.waits(0.2)

    registry.sentAway(client, NOT_KNOWN)
    assert registry.dns.open == 0
    registry.waits(LATEST)
    registry.sentAway(client, NOT_KNOWN)


@pytest.mark.parametrize("silence", SILENCES)
def test_passwordThatComesBeforeTheAnswerReachesNoHost(registryOf: Any, silence: str) -> None:
    registry = registryOf(SILENCES[silence])
    client = registry.comes(until=Stage.SERVICE)
    burst = [client.packet(MSG_USERAUTH_REQUEST, password(RIGHT)) for _ in range(6)]
    assert not registry.site.writes(client, b"".join(burst))

    registry.waits(DEADLINE)

    registry.sentAway(client, NOT_KNOWN)
    registry.waits(LATEST)


def test_othersDoNotWaitForIt(registryOf: Any) -> None:
    registry = registryOf("@ FAULT silent")
    attackers = [registry.comes() for _ in range(20)]

    assert registry.comes(HONEST).stage is Stage.SESSION
    assert not any(attacker.gone for attacker in attackers)


def test_silenceLetsInWhereTheOperatorSaysSo(registryOf: Any) -> None:
    registry = registryOf("@ FAULT silent", onTimeout=OnTimeout.ADMIT)
    client = registry.comes()
    assert client.stage is Stage.LOGIN
    registry.waits(DEADLINE)

    assert client.stage is Stage.SESSION
    (reported,) = registry.site.named("admission.reported")
    assert NOT_KNOWN in reported["reason"]
    assert registry.comes("198.51.100.67").gone


# What it says now and then


@pytest.mark.parametrize("owner", ["@", "pc.example.net"])
@pytest.mark.parametrize(("code", "seconds"), [("NXDOMAIN", 60), ("SERVFAIL", 2)])
def test_flappingDnsLetsNobodyInBeforeItIsAskedAgain(
    registryOf: Any, owner: str, code: str, seconds: float
) -> None:
    registry = registryOf(f"@ HOST pc.example.net\n{owner} FAULT flapping {code}")
    first = registry.comes()
    asked = len(registry.dns.asked)
    again = [registry.comes() for _ in range(20)]

    for client in (first, *again):
        assert client.gone
        assert client.stage is Stage.LOGIN
    assert not any(registry.site.hosts.values())
    assert len(registry.dns.asked) == asked
    registry.waits(seconds)
    assert registry.comes().stage is Stage.SESSION


# How much of it there can be


def test_addressIsLookedUpOnceAtATime(registryOf: Any) -> None:
    registry = registryOf("@ FAULT silent")

    attackers = [registry.comes() for _ in range(50)]
    assert len(registry.dns.asked) == 1
    registry.waits(DEADLINE)

    assert all(attacker.gone for attacker in attackers)
    assert len(registry.dns.asked) == 3


def test_whoLeavesIsLookedUpNoLonger(registryOf: Any) -> None:
    registry = registryOf("@ FAULT silent")
    client = registry.comes()
    assert registry.dns.open == 1

    registry.site.tcp(client).abortConnection()
    registry.site.settle()

    assert registry.dns.open == 0
    assert len(registry.reverseDns._pending) == 0
    assert not any(registry.site.hosts.values())


def crowd(registry: Registry, count: int) -> None:
    """
    So many addresses connect, and say nothing.
    """
    for number in range(count):
        source = f"203.0.{number // 250}.{number % 250}"
        assert registry.site.arrives(Client(until=Stage.CONNECTED), source)


def test_lookUpsAreLimited(registryOf: Any) -> None:
    """
    Who is known comes in; who is not, is told that it may pass.
    """
    door = {"max_startups": MaxStartups(5000, 30, 5000)}
    registry = registryOf(site={"admission": door})
    for number in range(MAX_PENDING + 50):
        registry.dns.zone._line(f"203.0.{number // 250}.{number % 250} FAULT silent".split())
    assert registry.comes(HONEST).stage is Stage.SESSION
    before = len(registry.dns.asked)

    crowd(registry, MAX_PENDING + 50)

    assert registry.dns.open == len(registry.dns.asked) - before == MAX_PENDING
    assert registry.comes(HONEST).stage is Stage.SESSION
    stranger = registry.comes("192.0.2.200")
    assert stranger.goodbye is not None
    assert NOT_KNOWN.encode() in stranger.goodbye[1]
    registry.waits(DEADLINE)
    assert registry.dns.open == len(registry.reverseDns._pending) == 0
    assert registry.comes("192.0.2.200").stage is Stage.SESSION


@pytest.mark.parametrize("bounds", [{"limit": 50}, {"maxBytes": 50 * VERDICT_BYTES}])
def test_strangersDoNotFillTheMemoryAndPushNobodyOut(registryOf: Any, bounds: Any) -> None:
    """
    Each has a name as long as there can be.
    """
    cache = VerdictCache(**bounds)
    registry = registryOf(
        cache=cache, site={"admission": {"max_startups": MaxStartups(500, 30, 500)}}
    )
    for number in range(300):
        registry.dns.zone._line(f"203.0.{number // 250}.{number % 250} PTR {LONGEST}".split())
    assert registry.comes(HONEST).stage is Stage.SESSION

    crowd(registry, 300)

    assert 30 < len(cache) <= 50
    assert cache.size <= 50 * (VERDICT_BYTES + 253)
    asked = len(registry.dns.asked)
    assert registry.comes(HONEST).stage is Stage.SESSION
    assert len(registry.dns.asked) == asked
