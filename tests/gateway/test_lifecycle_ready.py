"""
L{bastion.gateway.lifecycle}: hosts are ready for the next login before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bastion.auth.messages import NONE, PASSWORD, Password
from bastion.interfaces import HostAddress
from bastion.upstream.ready import AGE
from bastion.wire import MSG_USERAUTH_SUCCESS

NICE1 = HostAddress("nice1")
NOT_NEEDED = [("disconnected", 11, b"not needed"), "lost"]
OPENSSH = {"ourVersionString": b"SSH-2.0-OpenSSH_9.2"}


@pytest.fixture
def keeping(memoryOf: Callable[..., Any]) -> Iterator[Callable[[int], Any]]:
    """
    Makes a site that keeps so many connections ready.
    """
    made: list[Any] = []

    def make(count: int) -> Any:
        made.append(memoryOf())
        made[-1].factory.gateway.ready.count = count
        return made[-1]

    yield make
    for memory in made:
        memory.factory.gateway.ready.close()


def logsIn(
    memory: Any, number: int, account: bytes = b"johnson", password: bytes = b"right", **own: Any
) -> tuple[Any, list[tuple[int, bytes]]]:
    """
    A client logs in with a password, to a connection to nice1.

    @param number: of the connection, in the order of their coming.
    @return: the client, and what the host has heard.
    """
    client = memory.connects(**own)
    client.requests(NONE, account=account)
    host = memory.hosts["nice1"][number]
    host.offers(PASSWORD)
    client.requests(PASSWORD, Password(password).pack(), account)
    heard = host.hears()
    host.accepts()
    assert client.hears()[-1] == (MSG_USERAUTH_SUCCESS, b"")
    client.speaker.startSession()
    return client, heard


def count(memory: Any) -> tuple[int, int]:
    """
    How many connections were ever made to each host.
    """
    return len(memory.hosts["nice1"]), len(memory.hosts["nice2"])


def test_unlessItIsWishedNothingIsReady(memory: Any) -> None:
    logsIn(memory, 0)

    assert count(memory) == (1, 0)


def test_afterALoginItsHostIsReadyForTheNext(keeping: Callable[[int], Any]) -> None:
    memory = keeping(2)
    client = memory.connects()
    client.requests(NONE)
    memory.host().offers(PASSWORD)
    client.requests(PASSWORD, Password(b"right").pack())
    assert count(memory) == (1, 0)

    memory.host().accepts()

    assert count(memory) == (3, 0)
    for host in memory.hosts["nice1"][1:]:
        assert host.transport.service is host.speaker.login
        assert host.hears() == []


def test_refusedLoginMakesNothingReady(keeping: Callable[[int], Any]) -> None:
    memory = keeping(1)
    client = memory.connects()
    client.requests(NONE)
    memory.host().offers(PASSWORD)
    client.requests(PASSWORD, Password(b"wrong").pack())
    memory.host().offers(PASSWORD)
    client.leaves()

    assert count(memory) == (1, 0)


def test_nextLoginUsesItAndItIsReplaced(keeping: Callable[[int], Any]) -> None:
    memory = keeping(1)
    logsIn(memory, 0)
    assert count(memory) == (2, 0)

    client = memory.connects()
    client.requests(NONE)
    assert count(memory) == (2, 0)
    client.leaves()
    assert count(memory) == (2, 0)
    logsIn(memory, 2)
    assert count(memory) == (4, 0)
    logsIn(memory, 3)

    assert count(memory) == (5, 0)
    assert memory.named("host.refused") == []
    accepted = memory.named("login.accepted")
    assert [each["host"] for each in accepted] == ["nice1"] * 3


def test_placesAreTakenByLoginsAlone(keeping: Callable[[int], Any]) -> None:
    memory = keeping(3)
    client, _ = logsIn(memory, 0)
    assert sum(memory.leased.values()) == 1
    second, _ = logsIn(memory, 1)
    assert sum(memory.leased.values()) == 2

    client.leaves()
    second.leaves()

    assert sum(memory.leased.values()) == 0


def test_eachLoginIsHeardOnOneConnection(keeping: Callable[[int], Any]) -> None:
    """
    Neither an account nor a password ever comes to the connection of another.
    """
    memory = keeping(2)
    secrets = [(b"johnson", b"blue"), (b"miller", b"green"), (b"smith", b"red")]

    heard = [logsIn(memory, at, *secret)[1] for at, secret in enumerate(secrets)]

    for at, messages in enumerate(heard):
        said = b"".join(payload for _, payload in messages)
        for other, (account, password) in enumerate(secrets):
            assert (account in said, password in said) == (at == other, at == other)
    assert [list(host.speaker.login.heard) for host in memory.hosts["nice1"]] == [[]] * 5


def test_whatNobodyNeedsIsGivenUpInTime(keeping: Callable[[int], Any]) -> None:
    memory = keeping(2)
    client, _ = logsIn(memory, 0)
    client.leaves()
    memory.network.advance(AGE - 0.2)
    assert [host.fate for host in memory.hosts["nice1"]] == [["lost"], [], []]

    memory.network.advance(0.3)

    assert [host.fate for host in memory.hosts["nice1"][1:]] == [NOT_NEEDED, NOT_NEEDED]
    assert memory.named("host.refused") == []
    memory.check()


def test_hostThatDoesNotWaitIsConnectedToAnew(keeping: Callable[[int], Any]) -> None:
    memory = keeping(1)
    logsIn(memory, 0)
    memory.host().transport.disconnect(2, b"Timeout before authentication")
    memory.network.settle()

    logsIn(memory, 2)

    assert memory.named("host.refused") == []


def test_programsOfAnotherKindDoNotShare(keeping: Callable[[int], Any]) -> None:
    memory = keeping(1)
    logsIn(memory, 0)

    logsIn(memory, 2, **OPENSSH)
    logsIn(memory, 3, **OPENSSH)
    logsIn(memory, 1)

    said = [host.transport.otherVersionString for host in memory.hosts["nice1"]]
    kin = [each.startswith(b"SSH-2.0-OpenSSH") for each in said]
    assert kin == [False, False, True, True, True, False]


def test_nextHostIsTriedWhenWhatWasReadyFails(keeping: Callable[[int], Any]) -> None:
    memory = keeping(1)
    logsIn(memory, 0)
    client = memory.connects()
    client.requests(NONE)

    memory.hosts["nice1"][1].leaves()

    assert client.fate == []
    (passed,) = memory.named("host.refused")
    assert passed["host"] == "nice1"
    client.requests(NONE)
    memory.host("nice2").accepts()
    assert memory.named("login.accepted")[-1]["host"] == "nice2"


def test_onlyHostIsTakenFromWhatIsReady(keeping: Callable[[int], Any]) -> None:
    memory = keeping(1)
    memory.only(NICE1)
    logsIn(memory, 0)
    assert count(memory) == (2, 0)

    client = memory.connects()
    assert count(memory) == (2, 0)
    client.leaves()

    # Nobody has logged in there: it is as good for the next.
    assert memory.host().fate == []
    logsIn(memory, 1)
    assert count(memory) == (3, 0)


@pytest.mark.parametrize("settled", [False, True])
def test_shutdownLeavesNothing(keeping: Callable[[int], Any], settled: bool) -> None:
    memory = keeping(2)
    client, _ = logsIn(memory, 0)
    if not settled:
        # Some more of them, of which no byte has moved.
        memory.factory.gateway.ready.prepare(HostAddress("nice2"), b"SSH-2.0-x")

    memory.factory.dismissAll("the gateway stopped", "The gateway is being stopped.")
    memory.network.settle()

    assert client.fate[-1] == "lost"
    assert [host.fate for host in memory.hosts["nice1"][1:]] == [NOT_NEEDED, NOT_NEEDED]
    assert [host.fate for host in memory.hosts["nice2"]] == [["lost"]] * (0 if settled else 2)
    memory.check()
