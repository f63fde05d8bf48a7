"""
L{bastion.gateway.entrance}: what a client has to pass beside its host, and what is noted of
it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogPublisher, capturedLogs

from bastion.admission.accounts import AccountRule, AccountRules
from bastion.admission.counts import Sessions
from bastion.admission.rules import Rules
from bastion.audit.events import ConnectionLog
from bastion.auth.outcome import LoginImpossible
from bastion.config.admission import AdmissionTable
from bastion.gateway.entrance import Doors, Entrance
from bastion.interfaces import AdmissionRefused
from bastion.state import Penalty, PenaltyKind
from bastion.testing.doors import doorsOf

SOURCE = "192.0.2.7"
ADDRESS = ip_address(SOURCE)


class Rule:
    """
    An admission rule that is told when to answer.
    """

    def __init__(self) -> None:
        self.answer: Deferred[Any] = Deferred()

    def admit(self, source: str) -> Deferred[Any]:
        """
        See L{bastion.interfaces.IAdmissionRule}.
        """
        assert source == SOURCE
        return self.answer


class Store:
    """
    Penalties that are written down.
    """

    def __init__(self) -> None:
        self.noticed: list[tuple[Any, ...]] = []
        self.sentence: str | None = None
        self.begun: list[Penalty] = []
        self.problem: Exception | None = None

    def refusal(self, source: Any) -> Deferred[str | None]:
        """
        See L{bastion.state.IPenaltyStore}.
        """
        return fail(self.problem) if self.problem else succeed(self.sentence)

    def refusalOf(self, source: Any, account: bytes) -> Deferred[str | None]:
        """
        See L{bastion.state.IPenaltyStore}.
        """
        assert (source, account) == (ADDRESS, b"johnson")
        return succeed(self.sentence)

    def noted(self, kind: Any, source: Any, account: Any, digest: Any) -> Deferred[list[Penalty]]:
        """
        See L{bastion.state.IPenaltyStore}.
        """
        self.noticed.append((kind, account, digest))
        return fail(self.problem) if self.problem else succeed(self.begun)

    def succeeded(self, source: Any, account: bytes) -> Deferred[None]:
        """
        See L{bastion.state.IPenaltyStore}.
        """
        self.noticed.append(("in", account))
        return succeed(None)

    def digest(self, account: bytes, answers: Any) -> bytes:
        """
        See L{bastion.state.IPenaltyStore}.
        """
        return account + b"|" + b"|".join(answers)


class Arrival:
    """
    One client at the entrance.
    """

    def __init__(
        self, denial: str | None = None, rules: Any = (), named: bool = True, **other: Any
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.store = Store()
        self.events: list[tuple[str, dict[str, Any]]] = []
        publisher = LogPublisher(lambda e: self.events.append((e["event"], e["fields"])))
        store: Any = self.store
        made = doorsOf(AdmissionTable(penalties="off"), self.clock)
        given = {"penalties": store, "rules": Rules(rules), **other}
        self.doors: Doors = evolve(made, **given)
        self.entrance = Entrance(
            self.doors, SOURCE, "esrf", ConnectionLog(publisher), denial, lambda: None
        )
        if named:
            self.entrance.named(b"johnson")

    def asked(self, name: str) -> Any:
        """
        What C{mayTry} or C{mayEnter} says: a sentence when it refuses, a list of what it
        returns when it does not, an empty list while it waits.
        """
        found: list[Any] = []
        done: Deferred[Any] = Deferred.fromCoroutine(getattr(self.entrance, name)())
        done.addCallbacks(found.append, lambda f: found.append(f.value))
        if found and isinstance(found[0], Exception):
            assert isinstance(found[0], LoginImpossible)
            return str(found[0])
        return found

    def noted(self) -> list[Any]:
        """
        What was noted when it has left.
        """
        self.entrance.left()
        return self.store.noticed


def test_loginThatNobodyMindsPasses() -> None:
    arrival = Arrival()
    assert arrival.doors.startups.total == arrival.doors.connections.total == 1
    assert arrival.asked("mayTry") == [None]
    assert arrival.asked("mayEnter") == [None]
    arrival.entrance.accepted()

    assert (arrival.doors.startups.total, arrival.doors.connections.total) == (0, 1)
    assert arrival.doors.sessions.ofVisitor(b"johnson", ADDRESS) == 1
    assert arrival.noted() == [("in", b"johnson")]
    assert arrival.doors.connections.total == 0
    assert arrival.doors.sessions.of(b"johnson") == 0


def test_leavingTwiceIsLeavingOnce() -> None:
    arrival = Arrival()
    other = Entrance(
        arrival.doors, SOURCE, "esrf", ConnectionLog(LogPublisher()), None, lambda: None
    )
    arrival.entrance.left()
    arrival.entrance.left()

    assert arrival.doors.startups.total == arrival.doors.connections.total == 1
    other.left()


# Rules


def test_loginWaitsForTheRules() -> None:
    rule = Rule()
    arrival = Arrival(rules=[rule])
    begun: list[str] = []
    arrival.entrance.whenAdmitted(lambda: begun.append("early"))
    trying = arrival.asked("mayTry")
    again = arrival.asked("mayTry")
    assert trying == again == begun == []

    rule.answer.callback(None)
    assert trying == again == [None]
    assert begun == ["early"]
    arrival.entrance.whenAdmitted(lambda: begun.append("late"))
    assert begun == ["early", "late"]


def test_refusedClientIsToldAtItsLogin() -> None:
    rule = Rule()
    arrival = Arrival(rules=[rule])
    begun: list[str] = []
    arrival.entrance.whenAdmitted(lambda: begun.append("early"))
    rule.answer.errback(AdmissionRefused("Your address has no name."))

    assert arrival.asked("mayTry") == "Your address has no name."
    assert begun == []
    assert arrival.noted() == [(PenaltyKind.REFUSED, b"johnson", None)]


def test_refusalThatMayPassIsNoFaultOfTheClients() -> None:
    rule = Rule()
    arrival = Arrival(rules=[rule])
    rule.answer.errback(AdmissionRefused("The DNS does not answer.", lasting=False))

    assert arrival.asked("mayTry") == "The DNS does not answer."
    assert arrival.noted() == []


def test_ruleThatFailsIsNoFaultOfTheClients() -> None:
    rule = Rule()
    arrival = Arrival(rules=[rule])
    with capturedLogs():
        rule.answer.errback(ValueError("ours"))

    assert arrival.asked("mayTry") == "The gateway could not decide."
    assert arrival.noted() == []


def test_clientThatLeavesIsNotWaitedFor() -> None:
    rule = Rule()
    arrival = Arrival(rules=[rule])
    begun: list[str] = []
    arrival.entrance.whenAdmitted(lambda: begun.append("early"))
    arrival.entrance.left()

    assert rule.answer.called
    assert begun == []
    with capturedLogs() as events:
        arrival.entrance.left()
    assert events == []


def test_deniedClientCausesNoQuestion() -> None:
    rule = Rule()
    arrival = Arrival("You are inside.", rules=[rule])

    assert arrival.asked("mayTry") == "You are inside."
    assert not rule.answer.called


def test_deniedClientThatHearsItIsExcusedAndNoOther() -> None:
    heard, gone = Arrival("You are inside."), Arrival("You are inside.", named=False)
    heard.asked("mayTry")
    heard.entrance.excused()

    assert heard.noted() == []
    assert gone.noted() == [(PenaltyKind.NOAUTH, None, None)]


def test_deniedClientTakesNobodysPlace() -> None:
    arrival = Arrival("As many connections are open as this gateway takes (1).")

    assert (arrival.doors.startups.total, arrival.doors.connections.total) == (1, 0)
    arrival.entrance.left()
    assert (arrival.doors.startups.total, arrival.doors.connections.total) == (0, 0)


# Accounts


def closing(at: datetime) -> Callable[[], AccountRules]:
    """
    Every account closes, which is announced a day before.
    """
    return lambda: AccountRules([AccountRule("*", closes=at, notice=86400.0)])


def test_closedAccountIsRefusedAndPenalized() -> None:
    arrival = Arrival(accounts=closing(datetime(2020, 1, 1)))

    assert arrival.asked("mayTry") == "The account johnson closed on 2020-01-01 00:00."
    assert arrival.noted() == [(PenaltyKind.REFUSED, b"johnson", None)]


def test_endOfAnAccountDuringItsLoginCounts() -> None:
    """
    A login can take a minute, and the answer of a rule may be another one at its end.
    """
    end = datetime.fromtimestamp(1_800_000_030)
    arrival = Arrival(accounts=closing(end))
    assert arrival.asked("mayTry") == [None]
    assert arrival.asked("mayEnter") == [
        f"The account johnson closes on {end:%Y-%m-%d %H:%M}, in 1 minute."
    ]

    arrival.clock.advance(60)
    assert arrival.asked("mayEnter") == f"The account johnson closed on {end:%Y-%m-%d %H:%M}."


def test_moveToAnotherHostIsToldWithTheRest() -> None:
    """
    Behind the login: before it, it would say that the account has been here.
    """
    end = datetime.fromtimestamp(1_800_000_030)
    arrival = Arrival()
    arrival.entrance.moved = "You are on another host."
    assert arrival.asked("mayTry") == [None]
    assert arrival.asked("mayEnter") == ["You are on another host."]

    arrival = Arrival(accounts=closing(end))
    arrival.entrance.moved = "You are on another host."
    assert arrival.asked("mayEnter") == [
        "You are on another host.\r\n"
        f"The account johnson closes on {end:%Y-%m-%d %H:%M}, in 1 minute."
    ]


# Sessions


def test_sessionsOfAnAccountAreLimitedWhenTheHostHasAccepted() -> None:
    sessions = Sessions(perAccount=1)
    sessions.began(ip_address("192.0.2.8"), b"johnson")
    arrival = Arrival(sessions=sessions)
    assert arrival.asked("mayTry") == [None]

    assert arrival.asked("mayEnter").startswith("This account has as many sessions")
    assert arrival.noted() == []
    assert sessions.of(b"johnson") == 1


# Penalties


@pytest.mark.parametrize("digest", [b"digest", b""])
def test_wrongSecretIsNotedAtOnce(digest: bytes) -> None:
    arrival = Arrival()
    arrival.entrance.refused(digest)
    assert arrival.store.noticed == [(PenaltyKind.AUTHFAIL, b"johnson", digest)]

    # Nothing more at the end.
    assert len(arrival.noted()) == 1


def test_attemptWithoutASecretIsNone() -> None:
    arrival = Arrival()
    arrival.entrance.refused(None)

    assert arrival.noted() == [(PenaltyKind.NOAUTH, b"johnson", None)]


def test_clientThatTakesTooLongIsNoted() -> None:
    arrival = Arrival()
    arrival.entrance.late()

    assert arrival.noted() == [(PenaltyKind.GRACE_EXCEEDED, b"johnson", None)]


def test_whoNamesNoAccountMayBeReadingWhatOurKeyIs() -> None:
    arrival = Arrival(named=False)
    arrival.entrance.late()

    assert arrival.noted() == [(PenaltyKind.NOAUTH, None, None)]


def test_whoIsExcusedHasDoneNothing() -> None:
    arrival = Arrival()
    arrival.entrance.excused()
    assert arrival.noted() == []


def test_whoIsRefusedByAnAccountsRuleIsNotExcused() -> None:
    arrival = Arrival(accounts=closing(datetime(2020, 1, 1)))
    arrival.asked("mayTry")
    arrival.entrance.excused()
    assert arrival.noted() == [(PenaltyKind.REFUSED, b"johnson", None)]


def test_accountThatHasToWaitIsTold() -> None:
    arrival = Arrival()
    arrival.store.sentence = "The next one can be made in 20 seconds."

    assert arrival.asked("mayTry") == "The next one can be made in 20 seconds."
    # Its source does not wait for that.
    assert arrival.noted() == []


def test_sourceThatHasToWaitIsNamedAtItsArrival() -> None:
    arrival = Arrival()
    assert arrival.doors.penalty(ADDRESS) is None
    arrival.store.sentence = "In 20 seconds."
    assert arrival.doors.penalty(ADDRESS) == "In 20 seconds."
    arrival.store.problem = RuntimeError("gone")
    assert arrival.doors.penalty(ADDRESS) is None


def test_penaltyThatBeginsIsAnEvent() -> None:
    arrival = Arrival()
    kinds = (PenaltyKind.AUTHFAIL,)
    arrival.store.begun = [
        Penalty(SOURCE, b"john\x1bson", kinds, 1_800_000_020.0, True),
        Penalty(SOURCE, None, kinds, 1_800_000_015.0, True),
    ]
    arrival.entrance.refused(b"digest")

    said = [fields for name, fields in arrival.events if name == "penalty.began"]
    assert said == [
        {"kinds": ["authfail"], "whom": r"john\x1bson", "seconds": 20},
        {"kinds": ["authfail"], "whom": SOURCE, "seconds": 15},
    ]


def test_storeOfPenaltiesThatFailsCostsNobodyAnything() -> None:
    arrival = Arrival()
    arrival.store.problem = RuntimeError("gone")
    with capturedLogs() as events:
        arrival.entrance.refused(b"digest")

    assert [event["problem"] for event in events] == ["gone"]


def test_digestIsTheStores() -> None:
    assert Arrival().entrance.digest([b"a", b"b"]) == b"johnson|a|b"
    assert Arrival(penalties=None).entrance.digest([b"a"]) == b""


def test_withoutPenaltiesNothingIsNoted() -> None:
    arrival = Arrival(penalties=None)
    arrival.entrance.refused(b"")
    assert arrival.asked("mayTry") == [None]
    assert arrival.doors.penalty(ADDRESS) is None
    assert arrival.noted() == []


def test_whatARuleReportsIsAnEvent() -> None:
    arrival = Arrival()
    arrival.entrance._reported("Your address has no name.")

    assert arrival.events == [("admission.reported", {"reason": "Your address has no name."})]
