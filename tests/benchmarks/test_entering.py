"""
Tests of L{benchmarks.entering}.
"""

from __future__ import annotations

import time

import pytest
from attrs import evolve
from twisted.internet.task import Clock
from twisted.logger import LogPublisher

from bastion.admission.accounts import AccountRule, AccountRules
from bastion.admission.gate import Gate
from bastion.audit.events import ConnectionLog
from benchmarks.entering import doors, enter, measured


def test_everyLoginIsLetInAndLeavesNothing() -> None:
    """
    Or something else would be measured.
    """
    clock = Clock()
    clock.advance(time.time())
    passed = doors(clock)
    for _ in range(100):
        enter(passed, ConnectionLog(LogPublisher()))
    assert passed.startups.total == 0
    assert passed.penalties is not None
    listed: list[object] = []
    passed.penalties.listing().addCallback(listed.append)
    assert listed == [[]]


def test_loginThatIsNotLetInIsSaid() -> None:
    passed = doors(Clock())
    closed = AccountRules([AccountRule("*", gateways=[])])
    elsewhere = Gate(passed.gate.allow[:1], {})
    for shut in (evolve(passed, gate=elsewhere), evolve(passed, accounts=lambda: closed)):
        with pytest.raises(AssertionError):
            enter(shut, ConnectionLog(LogPublisher()))


def test_timesAreInOrder() -> None:
    times = measured(10)
    assert 0 < times.median <= times.worst
