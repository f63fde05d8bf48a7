"""
Tests of L{bastion.admission.dnsresolver}: servers in memory.
"""

from __future__ import annotations

import gc
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from bastion.admission.dnschain import Answer
from bastion.admission.dnsmessage import CNAME, A, Question
from bastion.admission.dnsnames import labels
from bastion.admission.dnsports import Server
from bastion.admission.dnsresolver import LATE_TIME, Resolver
from bastion.admission.dnsverdict import NoAnswer
from bastion.testing.dnsmemory import MemoryDns

ONE: Server = ("192.0.2.1", 53)
TWO: Server = ("192.0.2.2", 53)
THREE: Server = ("2001:db8::3", 5353)
ZONE = """
pc7.example.org 60 A 192.0.2.7
"""
HERE = Answer((b"\xc0\0\2\7",), 60)
PC7 = Question(labels("pc7.example.org"), A)


class Asking:
    """
    Servers in memory, and a resolver that asks them.

    @ivar told: what came of each question, in order.
    """

    def __init__(self, *servers: Server, zone: str = ZONE) -> None:
        self.dns = MemoryDns(zone, servers=servers)
        self.clock = self.dns.clock
        self.resolver = self.dns.resolver()
        self.told: list[Any] = []

    def ask(self, question: Question = PC7) -> Deferred[Any]:
        """
        Ask; what comes of it is told.
        """
        return self.resolver.resolve(question).addBoth(self.told.append)

    def asked(self) -> list[Server]:
        """
        Who was asked, since this was asked for.
        """
        asked = [server for server, *_ in self.dns.asked]
        self.dns.asked.clear()
        return asked

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def isOver(self) -> bool:
        """
        Nothing is left behind.
        """
        return not self.dns.open and not self.clock.getDelayedCalls()

    def problem(self) -> str:
        """
        Why the one question was not answered.
        """
        (failure,) = self.told
        assert failure.check(NoAnswer)
        return str(failure.value)


# Whom it asks


def test_firstServerIsAskedAndNobodyElse() -> None:
    asking = Asking(ONE, TWO)
    asking.ask()
    assert (asking.told, asking.asked(), asking.isOver()) == ([HERE], [ONE], True)


@pytest.mark.parametrize(
    ("servers", "seconds", "asked"),
    [
        ((ONE,), 0.7, [ONE]),
        ((ONE,), 0.9, [ONE, ONE]),
        ((ONE,), 10, [ONE, ONE, ONE]),
        ((ONE, TWO), 10, [ONE, TWO, ONE, TWO]),
        ((ONE, TWO, THREE), 0.9, [ONE, TWO]),
        ((ONE, TWO, THREE), 10, [ONE, TWO, THREE]),
    ],
)
def test_nextServerIsAskedWhenOneIsSilent(
    servers: tuple[Server, ...], seconds: float, asked: list[Server]
) -> None:
    asking = Asking(*servers)
    asking.dns.silent = set(servers)
    waiting = asking.ask()
    asking.advance(seconds)
    assert (asking.asked(), asking.told) == (asked, [])
    waiting.cancel()
    assert asking.told[0].check(CancelledError)
    assert asking.isOver()


def test_manyServersAreAllAskedWithinTheTime() -> None:
    servers = [(f"192.0.2.{number}", 53) for number in range(1, 9)]
    asking = Asking(*servers)
    asking.dns.silent = set(servers)
    asking.ask()
    asking.advance(2.5)
    assert asking.asked() == servers


def test_lateReplyIsAsGoodAsAny() -> None:
    asking = Asking(ONE, TWO, zone=ZONE + "pc7.example.org FAULT slow 1.5")
    asking.dns.silent = {TWO}
    asking.ask()
    asking.advance(1.4)
    assert asking.told == []
    asking.advance(0.2)
    assert asking.told == [HERE]
    assert not asking.dns.open


@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"])
def test_serverThatCannotAnswerIsNotAskedAgain(code: str) -> None:
    asking = Asking(ONE, TWO, zone=f"pc7.example.org FAULT code {code}")
    asking.ask()
    assert asking.problem() == f"192.0.2.2 says {code}"
    assert (asking.asked(), asking.isOver()) == ([ONE, TWO], True)


def test_nextServerIsAskedAtOnceWhenOneCannotBeAsked() -> None:
    asking = Asking(ONE, TWO)
    asking.dns.broken = {ONE}
    asking.ask()
    assert (asking.told, asking.asked(), asking.isOver()) == ([HERE], [ONE, TWO], True)


@pytest.mark.parametrize("servers", [(ONE,), (ONE, TWO), (ONE, TWO, THREE)])
def test_serversThatCannotBeAskedAreNoAnswerAtOnce(servers: tuple[Server, ...]) -> None:
    asking = Asking(*servers)
    asking.dns.broken = set(servers)
    with capturedLogs() as events:
        asking.ask()
        gc.collect()

    assert asking.problem() == f"{servers[-1][0]} cannot be asked"
    assert asking.asked() == list(servers)
    assert (events, asking.isOver()) == ([], True)


def test_serverThatCannotAnswerDoesNotEndTheWaitForAnother() -> None:
    asking = Asking(ONE, TWO)
    asking.dns.silent, asking.dns.broken = {ONE}, {TWO}
    waiting = asking.ask()
    asking.advance(0.5)
    assert asking.asked() == [ONE]
    asking.advance(5)
    assert (asking.asked(), asking.told, asking.dns.open) == ([TWO, ONE], [], 2)
    waiting.cancel()
    assert asking.isOver()


def test_replyThatCannotBeReadIsTheServersFault() -> None:
    asking = Asking(ONE, TWO, zone=ZONE + "pc7.example.org FAULT garbage")
    asking.ask()
    assert (asking.problem(), asking.asked()) == ("a name is too long", [ONE, TWO])


def test_serverThatOnlyNamesOthersIsPassedOver() -> None:
    asking = Asking(ONE, TWO, zone="$MINIMUM none\npc7.example.org FAULT lame")
    asking.ask()
    assert asking.problem() == "192.0.2.2 does not ask other servers for us"


def test_whatGoesWrongElseIsNotHidden() -> None:
    def ask(server: Server, question: Question) -> Deferred[Any]:
        return fail(ZeroDivisionError())

    told: list[Any] = []
    Resolver(lambda: [ONE], ask, ask, Clock()).resolve(PC7).addErrback(told.append)
    assert told[0].check(ZeroDivisionError)


def test_whoLeavesIsToldSoHoweverTheQuestionsEnd() -> None:
    def ask(server: Server, question: Question) -> Deferred[Any]:
        return Deferred(lambda asked: asked.errback(ZeroDivisionError()))

    told: list[Any] = []
    waiting = Resolver(lambda: [ONE], ask, ask, Clock()).resolve(PC7).addErrback(told.append)
    waiting.cancel()
    assert told[0].check(CancelledError)


# Servers that were late


def test_serverThatWasLateIsAskedLastForAWhile() -> None:
    asking = Asking(ONE, TWO)
    asking.dns.silent = {ONE}
    asking.ask()
    asking.advance(1)
    assert (asking.told, asking.asked()) == ([HERE], [ONE, TWO])
    asking.ask()
    assert (asking.told, asking.asked()) == ([HERE] * 2, [TWO])
    asking.advance(LATE_TIME)
    asking.dns.silent = set()
    asking.ask()
    assert (asking.told, asking.asked()) == ([HERE] * 3, [ONE])


def test_serverThatAnswersIsNotLateAnyMore() -> None:
    asking = Asking(ONE, TWO)
    asking.dns.silent = {ONE}
    asking.ask()
    asking.advance(1)
    asking.dns.silent, asking.dns.broken = set(), {TWO}
    asking.asked()
    asking.ask()
    assert asking.asked() == [TWO, ONE]
    asking.ask()
    assert (asking.told, asking.asked()) == ([HERE] * 3, [ONE])


def test_serversCanChange() -> None:
    asking = Asking(ONE)
    asking.dns.silent = {ONE}
    waiting = asking.ask()
    asking.advance(3)
    waiting.cancel()
    asking.asked()
    asking.dns.servers[:] = [ONE, TWO]
    asking.ask()
    assert asking.asked() == [TWO]
    assert set(asking.resolver._late) == {ONE}
    asking.dns.servers[:] = [THREE]
    asking.ask()
    assert asking.asked() == [THREE]
    assert not asking.resolver._late


# TCP


def test_whatDoesNotFitIsAskedForByTcp() -> None:
    asking = Asking(ONE, TWO, zone=ZONE + "pc7.example.org FAULT truncated")
    asking.ask()
    assert asking.told == [HERE]
    assert [(server, byTcp) for server, *_, byTcp in asking.dns.asked] == [
        (ONE, False),
        (ONE, True),
    ]


def test_silenceByTcpIsCancelled() -> None:
    asking = Asking(ONE, zone=ZONE + "pc7.example.org FAULT mute")
    waiting = asking.ask()
    asking.advance(3)
    assert (asking.told, asking.dns.open) == ([], 3)
    waiting.cancel()
    assert asking.isOver()


# Aliases, and asking once


def test_aliasIsAskedForWhenItIsLeftOpen() -> None:
    zone = "pc7.example.org 30 CNAME a.example.org\na.example.org 20 CNAME b.example.org\n"
    faults = "pc7.example.org FAULT stingy\na.example.org FAULT stingy\n"
    asking = Asking(ONE, zone=zone + faults + "b.example.org A 192.0.2.7")
    asking.ask()
    assert asking.told == [Answer((b"\xc0\0\2\7",), 20)]
    assert len(asking.asked()) == 3


def test_loopEnds() -> None:
    zone = "pc7.example.org CNAME a.example.org\na.example.org CNAME pc7.example.org\n"
    for faults in ("", "pc7.example.org FAULT stingy\na.example.org FAULT stingy"):
        asking = Asking(ONE, zone=zone + faults)
        asking.ask()
        assert asking.problem() == "an answer is no good: it has too many aliases"
        assert len(asking.asked()) <= 9


def test_oneQuestionIsOutOnceHoweverManyWait() -> None:
    asking = Asking(ONE)
    asking.dns.silent = {ONE}
    waiting = [asking.ask() for _ in range(5)]
    other = asking.ask(Question(PC7.name, CNAME))
    assert len(asking.asked()) == 2
    for each in waiting:
        each.cancel()
    assert asking.dns.open == 1
    other.cancel()
    assert asking.isOver()
