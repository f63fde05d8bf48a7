"""
L{bastion.gateway.lifecycle}: the host that a user names, the one that an account is moved
to, and what the cluster learns of a session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bastion.auth.messages import NONE, PASSWORD, Password, Request
from bastion.interfaces import HostAddress
from bastion.wire import (
    MSG_CHANNEL_DATA,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    string,
    uint32,
)

NICE1, NICE2 = HostAddress("nice1"), HostAddress("nice2")
MOVED = "Your host is being maintained; you are on another one."


def logsIn(memory: Any, host: str, account: bytes = b"johnson", login: bytes = b"") -> Any:
    """
    A client logs in with a password.

    @param host: the host that is expected to be asked.
    @param login: what the client calls the account.
    @return: the client.
    """
    client = memory.connects()
    client.requests(NONE, account=login or account)
    memory.host(host).offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack(), login or account)
    memory.host(host).accepts()
    return client


@pytest.fixture
def naming(memoryOf: Callable[..., Any]) -> Any:
    """
    A site whose users may name a host.
    """
    return memoryOf(host_separator="%")


def test_namedHostGetsTheAccountWithoutTheName(naming: Any) -> None:
    client = logsIn(naming, "nice2", login=b"johnson%nice2")
    assert client.hears()[-1] == (MSG_USERAUTH_SUCCESS, b"")

    heard = [Request.parse(payload) for number, payload in naming.host("nice2").hears()]
    assert {request.account for request in heard} == {b"johnson"}
    (accepted,) = naming.named("login.accepted")
    assert (accepted["account"], accepted["host"]) == ("johnson", "nice2")


@pytest.mark.parametrize(
    ("login", "sentence"),
    [
        (b"johnson%nice3", b"There is no host nice3 here."),
        (b"johnson%", b"There is no host  here."),
        (b"johnson%\x1b[2J", rb"There is no host \x1b[2j here."),
    ],
)
def test_userWhoNamesNoHostIsToldSo(naming: Any, login: bytes, sentence: bytes) -> None:
    client = naming.connects()
    client.requests(NONE, account=login)

    (_, reason, description) = client.fate[0]
    assert (reason, description.startswith(sentence)) == (11, True)
    assert [list(host.hears()) for host in naming.hosts["nice1"]] in ([], [[]])
    assert naming.named("host.unavailable") == []


def test_namedHostThatTakesNoLoginsIsNotReplaced(naming: Any) -> None:
    naming.selector.cluster.drain(NICE2, naming.clock.seconds())
    client = naming.connects()
    client.requests(NONE, account=b"johnson%nice2")

    assert b"nice2 takes no logins at the moment" in client.fate[0][2]
    (none,) = naming.named("host.unavailable")
    assert none["reason"] == "nice2 takes no logins: drain"


def test_otherNameOfTheHostIsAnotherLogin(naming: Any) -> None:
    """
    Half of a login at one host, the other half at another: no.
    """
    client = naming.connects()
    client.requests(NONE, account=b"johnson%nice2")
    naming.host("nice2").offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack(), b"johnson%nice1")

    assert client.fate[0][2].startswith(b"The account name must not change")


def test_withoutASeparatorItIsPartOfTheAccount(memory: Any) -> None:
    client = memory.connects()
    client.requests(NONE, account=b"johnson%nice2")

    (number, payload) = memory.host("nice1").hears()[0]
    assert number == MSG_USERAUTH_REQUEST
    assert Request.parse(payload).account == b"johnson%nice2"


@pytest.mark.parametrize("moved", [MOVED, None])
def test_movedAccountIsToldSoIfItShall(memoryOf: Callable[..., Any], moved: str | None) -> None:
    memory = memoryOf(cluster={"sticky": 3600.0, "moved": moved})
    logsIn(memory, "nice1").leaves()
    memory.selector.cluster.drain(NICE1, memory.clock.seconds())

    client = logsIn(memory, "nice2")
    banners = [payload for number, payload in client.hears() if number == MSG_USERAUTH_BANNER]
    assert banners == ([string(f"{moved}\r\n".encode()) + string(b"")] if moved else [])

    client = logsIn(memory, "nice2")
    assert [number for number, _ in client.hears()].count(MSG_USERAUTH_BANNER) == 0


def test_secondConnectionOfAProgramFindsTheFirstOnesHost(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(cluster={"sticky": 3600.0})
    memory.network.stopListening(NICE1)
    first = memory.connects()
    first.requests(NONE)
    memory.network.listen(NICE1, lambda: memory._newHost(NICE1))
    second = memory.connects()
    second.requests(NONE)

    assert [host.hears() for host in memory.hosts["nice1"]] == [[]]
    assert [len(host.hears()) for host in memory.hosts["nice2"]] == [1, 1]


def test_clusterLearnsHowTheHostsAnswer(memory: Any) -> None:
    memory.network.stopListening(NICE1)
    logsIn(memory, "nice2")

    assert [each[:2] for each in memory.witnesses.told] == [("failed", NICE1), ("reached", NICE2)]


def test_trafficOfASessionIsMeasuredUntilItsEnd(memory: Any) -> None:
    client, host = memory.loggedIn()
    memory.opened(client, host)
    client.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(30_000)))
    memory.network.advance(2)
    assert memory.selector.traffic.rate(NICE1) > 1000

    client.leaves()
    memory.network.advance(120)
    assert memory.selector.traffic.rate(NICE1) == 0
