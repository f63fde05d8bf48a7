"""
Tests of L{bastion.testing.dnsmemory}.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from bastion.admission.dnsmessage import A, Question
from bastion.admission.dnsverdict import NoAnswer, Registered
from bastion.testing.dnsmemory import MemoryDns

PC7 = Question((b"pc7", b"example", b"org"), A)
SERVER = ("192.0.2.53", 53)


def ask(dns: MemoryDns, byTcp: bool = False) -> tuple[Deferred[Any], list[Any]]:
    """
    Ask the server; and what comes of it, when it does.
    """
    told: list[Any] = []
    return dns.ask(SERVER, PC7, byTcp).addBoth(told.append), told


def test_serverRepliesAtOnce() -> None:
    dns = MemoryDns("192.0.2.7 HOST pc7.example.org")
    _, told = ask(dns)
    assert told[0].answers[0].data == b"\xc0\0\2\7"
    assert dns.asked == [(SERVER, "pc7.example.org", A, False)]
    assert dns.open == 0


@pytest.mark.parametrize("fault", ["silent", "wrong-id", "wrong-question", "other-port"])
def test_whatIsNotAnsweredIsOpenUntilItIsCancelled(fault: str) -> None:
    dns = MemoryDns(f"192.0.2.7 HOST pc7.example.org\npc7.example.org FAULT {fault}")
    waiting, told = ask(dns)
    assert (told, dns.open) == ([], 1)
    waiting.cancel()
    assert (len(told), dns.open) == (1, 0)


def test_slowReplyComesWithTheClock() -> None:
    dns = MemoryDns("192.0.2.7 HOST pc7.example.org\npc7.example.org FAULT slow 2")
    waiting, told = ask(dns)
    dns.clock.advance(2)
    assert len(told) == 1
    waiting, told = ask(dns)
    waiting.cancel()
    dns.clock.advance(2)
    assert len(told) == 1


def test_serverMayBeBrokenOrSilent() -> None:
    dns = MemoryDns("192.0.2.7 HOST pc7.example.org")
    dns.broken = {SERVER}
    assert ask(dns)[1][0].check(NoAnswer)
    dns.broken, dns.silent = set(), {SERVER}
    assert ask(dns)[1] == []


def test_replyThatCannotBeReadIsNoAnswer() -> None:
    dns = MemoryDns("pc7.example.org FAULT cut")
    assert ask(dns)[1][0].check(NoAnswer)


def test_tcpIsAnotherWay() -> None:
    dns = MemoryDns("192.0.2.7 HOST pc7.example.org\npc7.example.org FAULT truncated")
    assert [ask(dns, byTcp)[1][0].truncated for byTcp in (False, True)] == [True, False]


def test_addressesAreLookedUpInIt() -> None:
    looking = MemoryDns("192.0.2.7 HOST pc7.example.org").reverseDns()
    told: list[Any] = []
    looking.check(ip_address("192.0.2.7")).addCallback(told.append)
    assert told == [Registered("pc7.example.org")]
