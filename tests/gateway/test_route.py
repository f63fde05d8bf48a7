"""
L{bastion.gateway.route}: the way of one connection to its host.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogPublisher

from bastion.audit.events import ConnectionLog
from bastion.auth.client import UserAuthClient
from bastion.auth.outcome import LoginImpossible
from bastion.gateway.route import Route
from bastion.hosts.selector import Stickiness
from bastion.interfaces import HostAddress, HostRequest
from bastion.testing.speakers import Witness
from bastion.upstream.ready import AGE

REQUEST = HostRequest(b"", "192.0.2.1", "esrf")
NICE1, NICE2 = HostAddress("nice1"), HostAddress("nice2")


class Travelled:
    """
    A route on a site in memory.
    """

    def __init__(self, memory: Any) -> None:
        self.memory = memory
        self.owner = Witness()
        self.events: list[Any] = []
        publisher = LogPublisher(lambda event: self.events.append(event["fields"]))
        self.log = ConnectionLog(publisher)
        self.route = Route(memory.factory.gateway.ready, REQUEST, self.owner, self.log)

    def reach(self, name: bytes | None = None) -> list[Any]:
        """
        Go to the next host.

        @param name: what the user calls it.
        @return: what came of it, as soon as it has.
        """
        found: list[Any] = []
        reached: Deferred[UserAuthClient] = self.route.reach(b"johnson", name)
        reached.addCallbacks(found.append, lambda failure: found.append(failure.value))
        self.memory.network.settle()
        return found

    def closed(self) -> None:
        """
        Close what was reached, and give its place back.
        """
        upstream = self.route.upstream
        assert upstream is not None
        self.route.close()
        self.memory.network.settle()
        assert self.route.lost(upstream.transport)


@pytest.fixture
def travelled(memory: Any) -> Travelled:
    """
    A route that was not taken yet.
    """
    return Travelled(memory)


def test_routeEndsAtTheLoginServiceOfAHost(travelled: Travelled) -> None:
    (service,) = travelled.reach()

    assert isinstance(service, UserAuthClient)
    assert service.host == NICE1
    assert travelled.route.upstream is not None
    assert travelled.route.upstream.transport.service is service
    assert travelled.log.bound["host"] == "nice1"
    travelled.closed()


def test_ownerIsToldOfWhatBecomesOfTheHost(travelled: Travelled) -> None:
    travelled.reach()

    travelled.memory.host().transport.disconnect(11, b"bye")
    travelled.memory.network.settle()

    assert travelled.owner.events == [("disconnected", 11, b"bye"), "lost"]
    travelled.closed()


def test_nextTimeItIsTheNextHost(travelled: Travelled) -> None:
    travelled.reach()
    travelled.closed()

    (service,) = travelled.reach()

    assert service.host == NICE2
    assert travelled.log.bound["host"] == "nice2"
    travelled.closed()


def test_behindTheLastHostTheLoginIsImpossible(travelled: Travelled) -> None:
    for host in (NICE1, NICE2):
        travelled.memory.network.stopListening(host)

    (problem,) = travelled.reach()

    assert isinstance(problem, LoginImpossible)
    assert str(problem) == "No host can be reached at the moment; please try again later."
    *passed, last = travelled.events
    assert [fields["host"] for fields in passed] == ["nice1", "nice2"]
    assert last == {"reason": "no host answered"}


def test_hostsThatArePassedOverAreLogged(travelled: Travelled) -> None:
    travelled.memory.network.stopListening(NICE1)

    travelled.reach()

    assert travelled.events == [{"host": "nice1", "reason": "nice1 refuses connections"}]
    travelled.closed()


def test_closingSaysWhy(travelled: Travelled) -> None:
    travelled.reach()

    travelled.route.close(11, b"disconnected by user")
    travelled.memory.network.settle()

    fate = travelled.memory.host().fate
    assert fate == [("disconnected", 11, b"disconnected by user"), "lost"]
    travelled.closed()


def test_closingARouteThatLedNowhereDoesNothing(travelled: Travelled) -> None:
    travelled.route.close(11, b"disconnected by user")

    assert travelled.memory.hosts["nice1"] == []


@pytest.fixture
def single(travelled: Travelled) -> Travelled:
    """
    A route to the only host.
    """
    travelled.memory.only(NICE1)
    return travelled


def begun(travelled: Travelled) -> list[Any]:
    """
    The client is on its way to its login.

    @return: the connections to the host.
    """
    travelled.route.begin(REQUEST.client)
    travelled.memory.network.settle()
    hosts: list[Any] = travelled.memory.hosts["nice1"]
    return hosts


def test_begunIsReached(single: Travelled) -> None:
    (host,) = begun(single)
    assert sum(single.memory.leased.values()) == 0

    (service,) = single.reach()

    assert service.transport.transport.other is host.tcp
    assert single.route.upstream is not None
    assert single.route.upstream.transport.owner is single.owner
    assert single.memory.hosts["nice1"] == [host]
    single.closed()


def test_closingWhatWasBegunAndReachedSaysWhy(single: Travelled) -> None:
    (host,) = begun(single)
    single.reach()

    single.route.close(11, b"disconnected by user")
    single.memory.network.settle()

    assert host.fate == [("disconnected", 11, b"disconnected by user"), "lost"]
    single.closed()


def test_beginningTwiceIsBeginningOnce(single: Travelled) -> None:
    begun(single)

    assert len(begun(single)) == 1
    single.route.close()


def test_withSeveralHostsTheStrategysChoiceIsBegun(travelled: Travelled) -> None:
    (host,) = begun(travelled)

    (service,) = travelled.reach()

    assert service.transport.transport.other is host.tcp
    assert travelled.memory.hosts["nice2"] == []
    travelled.closed()


def test_strategyThatNeedsTheAccountIsNotAskedWithoutIt(travelled: Travelled) -> None:
    travelled.memory.selector.strategy.needsAccount = True

    assert begun(travelled) == []


def test_begunForTheLastHostOfTheSourceIsNobodysPlace(travelled: Travelled) -> None:
    """
    The account sticks to none: the strategy decides, and what was begun is kept.
    """
    selector = travelled.memory.selector
    selector.stickiness = Stickiness(60)
    selector.accepted(REQUEST, NICE2)
    travelled.route.begin(REQUEST.client)
    travelled.memory.network.settle()
    (other,) = travelled.memory.hosts["nice2"]

    (service,) = travelled.reach()

    assert service.host == NICE1
    assert other.fate == []
    attempt = travelled.memory.factory.gateway.ready.take(NICE2, REQUEST.client)
    assert attempt is not None
    attempt.drop()
    travelled.closed()


def test_namedHostIsTheOnlyOne(travelled: Travelled) -> None:
    (service,) = travelled.reach(b"nice2")
    assert service.host == NICE2
    travelled.closed()

    (problem,) = travelled.reach(b"nice2")
    assert isinstance(problem, LoginImpossible)
    assert str(problem).startswith("nice2 takes no logins at the moment;")


def test_hostOfAnotherNameIsNoHost(travelled: Travelled) -> None:
    (problem,) = travelled.reach(b"nice3")

    assert isinstance(problem, LoginImpossible)
    assert str(problem) == "There is no host nice3 here."
    assert travelled.events == []


def test_begunInVainIsBegunAnew(single: Travelled) -> None:
    (host,) = begun(single)
    host.leaves()

    (service,) = single.reach()

    assert service.transport.transport.other is single.memory.host().tcp
    assert len(single.memory.hosts["nice1"]) == 2
    assert single.events == []
    single.closed()


def test_begunIsWhatIsReady(single: Travelled) -> None:
    ready = single.memory.factory.gateway.ready
    ready.count = 1
    ready.prepare(NICE1, REQUEST.client)

    assert len(begun(single)) == 1
    assert ready.take(NICE1, REQUEST.client) is None
    single.route.close()


def test_nobodyIsExpectedAnyMoreOnceThereIsAPlace(travelled: Travelled) -> None:
    coming = travelled.memory.selector.coming
    begun(travelled)
    assert coming == {NICE1: 1}

    travelled.reach()
    assert not coming
    travelled.closed()


def test_nobodyIsExpectedAnyMoreAfterTheEnd(travelled: Travelled) -> None:
    coming = travelled.memory.selector.coming
    begun(travelled)

    travelled.route.close()
    travelled.route.ended()

    assert not coming


def test_whoIsExpectedTooLateIsNotExpected(travelled: Travelled) -> None:
    """
    A store far away answers when the login has its place already.
    """
    selector = travelled.memory.selector
    near, late = selector.store, Deferred[Any]()
    selector.store = SimpleNamespace(counts=lambda cluster: late)
    travelled.route.begin(REQUEST.client)
    selector.store = near
    travelled.reach()

    late.callback({})

    assert not selector.coming
    assert len(travelled.memory.hosts["nice1"]) == 1
    travelled.closed()


def test_begunThatIsNotReachedIsKeptForTheNext(single: Travelled) -> None:
    (host,) = begun(single)

    single.route.close(11, b"disconnected by user")
    single.memory.network.settle()
    assert host.fate == []

    single.memory.network.advance(AGE + 0.1)
    assert host.fate == [("disconnected", 11, b"not needed"), "lost"]
    assert single.events == []


def test_acceptedLoginMakesReady(travelled: Travelled) -> None:
    ready = travelled.memory.factory.gateway.ready
    ready.count = 1
    travelled.reach()

    travelled.route.accepted()
    travelled.memory.network.settle()

    assert len(travelled.memory.hosts["nice1"]) == 2
    taken = ready.take(NICE1, REQUEST.client)
    assert taken is not None
    taken.drop()
    travelled.closed()
