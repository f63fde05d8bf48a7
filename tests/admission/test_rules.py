"""
L{bastion.admission.rules}: one decision for each client.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.admission.dnsrule import Admitted
from bastion.admission.rules import Rules
from bastion.interfaces import AdmissionRefused, IAdmissionRule

SOURCE = "192.0.2.7"


@implementer(IAdmissionRule)
class Rule:
    """
    A rule that answers what it is told to.
    """

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def admit(self, source: str) -> Any:
        """
        See L{IAdmissionRule}.
        """
        self.asked.append(source)
        if isinstance(self.answer, Deferred):
            return self.answer
        if isinstance(self.answer, Exception):
            return fail(self.answer)
        if isinstance(self.answer, type):
            raise self.answer
        return succeed(self.answer)


def asked(*rules: Rule) -> tuple[list[Any], list[str]]:
    """
    What came of it, and what was reported.
    """
    outcome: list[Any] = []
    reported: list[str] = []
    done = Deferred.fromCoroutine(Rules(rules).admit(SOURCE, reported.append))
    done.addCallbacks(outcome.append, lambda failure: outcome.append(failure.value))
    return outcome, reported


def test_ruleOfTheTestsIsOne() -> None:
    verifyObject(IAdmissionRule, Rule())


def test_withoutRulesEverybodyComesIn() -> None:
    assert asked() == ([None], [])


def test_everyRuleIsAskedInTurn() -> None:
    rules = [Rule(), Rule("anything"), Rule(Admitted("pc.example.org"))]

    assert asked(*rules) == ([None], [])
    assert [rule.asked for rule in rules] == [[SOURCE]] * 3


def test_firstThatRefusesIsTheLast() -> None:
    refusing, other = Rule(AdmissionRefused("Not from here.")), Rule()
    ([refusal], _) = asked(Rule(), refusing, other)

    assert (str(refusal), refusal.lasting) == ("Not from here.", True)
    assert other.asked == []


def test_ruleIsWaitedFor() -> None:
    waiting: Deferred[Any] = Deferred()
    other = Rule()
    outcome, _ = asked(Rule(waiting), other)
    assert (outcome, other.asked) == ([], [])

    waiting.callback(None)
    assert (outcome, other.asked) == ([None], [SOURCE])


def test_whatIsOnlyReportedIsReported() -> None:
    rule = Rule(Admitted(wouldRefuse="Your address has no name."))

    assert asked(rule) == ([None], ["Your address has no name."])


@pytest.mark.parametrize("wrong", [ZeroDivisionError, ValueError("no")])
def test_ruleThatFailsLetsNobodyIn(wrong: Any) -> None:
    with capturedLogs() as events:
        ([refusal], _) = asked(Rule(wrong))

    assert isinstance(refusal, AdmissionRefused)
    assert (str(refusal), refusal.lasting) == ("The gateway could not decide.", False)
    assert len(events) == 1


def test_clientThatLeavesCancelsTheRule() -> None:
    cancelled: list[Any] = []
    waiting: Deferred[Any] = Deferred(cancelled.append)
    done = Deferred.fromCoroutine(Rules([Rule(waiting)]).admit(SOURCE, lambda _: None))
    outcome: list[Any] = []
    done.addErrback(lambda failure: outcome.append(failure.type))
    done.cancel()

    assert len(cancelled) == 1
    assert outcome == [CancelledError]
