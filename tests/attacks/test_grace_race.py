"""
Attack A3: the time for a login ends while something else is going on
(CVE-2024-6387, CVE-2024-6409: sshd did in a signal handler what it must not).  Here the
end comes between every two things that happen in a login, and at the same moment as
each other limit of time.
"""

from __future__ import annotations

from itertools import islice
from select import select
from typing import Any

import pytest
from attacking.client import WRONG, Client
from attacking.host import Host
from attacking.process import started, surviving
from attacking.stages import Stage

from bastion.ssh.farewell import PARTING_TIME
from bastion.ssh.keyexchange import HANDSHAKE_TIME
from bastion.upstream.attempt import HOST_TIME
from bastion.upstream.search import PATIENCE, SEARCH_TIME
from bastion.wire import MSG_IGNORE, MSG_USERAUTH_SUCCESS, string

running = pytest.fixture(scope="module")(started)
bastion = pytest.fixture(surviving)

#: Below the number from which on newcomers are refused by chance.
CONNECTIONS = 80

#: More than there are in any login.
ENOUGH = 200
#: A time of its own, and those of the other limits.
LIMITS = (3.0, PATIENCE, HOST_TIME, SEARCH_TIME, HANDSHAKE_TIME)
JUST = 0.005

eachLimit = pytest.mark.parametrize("limit", LIMITS)
#: The only host is connected to before anybody has asked for it.
eachCount = pytest.mark.parametrize("count", [1, 2])
early = pytest.mark.parametrize("stage", list(Stage)[: Stage.DECIDING])


def logsIn(site: Any, steps: int, limit: float, **own: Any) -> bool:
    """
    Let a login come so far, its time end, and happen what happens.

    @return: whether there was so much to do.
    """
    client = Client(**own)
    assert site.arrives(client)
    before = steps // 2
    enough = site.steps(before)
    site.clock.advance(limit - JUST)
    enough = site.steps(steps - before) and enough
    site.clock.advance(2 * JUST)
    site.settle()
    if client.last(MSG_USERAUTH_SUCCESS) is not None and not client.gone:
        site.tcp(client).loseConnection()
    # What is over may take its time to part, and a host its own to be given up.
    for _ in range(4):
        site.clock.advance(PARTING_TIME)
        site.settle()
    assert client.gone
    assert site.factory.connections == set()
    return enough


def everyStep(site: Any, limit: float, **own: Any) -> None:
    """
    The end comes after each number of steps.
    """
    for steps in range(ENOUGH):
        if not logsIn(site, steps, limit, **own):
            break
    assert 0 < steps < ENOUGH - 1, "the end did not come everywhere"
    closed = site.named("connection.closed")
    assert len(closed) == len(site.named("connection.opened")) == steps + 1
    assert site.failures == []


@eachLimit
@eachCount
def test_endComesAnywhereInALogin(siteOf: Any, limit: float, count: int) -> None:
    site = siteOf(count=count, admission={"login_grace_time": limit})

    everyStep(site, limit)

    reasons = {fields["reason"] for fields in site.named("connection.closed")}
    assert "login_grace_time is over" in reasons or limit == HANDSHAKE_TIME


@eachLimit
def test_endComesAnywhereInALoginThatIsRefused(siteOf: Any, limit: float) -> None:
    site = siteOf(admission={"login_grace_time": limit, "max_auth_tries": 1})

    everyStep(site, limit, word=WRONG)


@early
@pytest.mark.parametrize("limit", LIMITS[::2])
@eachCount
def test_endComesWhileHostsAreWaitedFor(
    siteOf: Any, limit: float, stage: Stage, count: int
) -> None:
    site = siteOf(count=count, admission={"login_grace_time": limit})
    for host in site.addresses:
        site.makeHost[host.name] = lambda: Host(until=stage)

    everyStep(site, limit)


@eachLimit
@eachCount
def test_endComesWhileNoHostAnswersAtAll(siteOf: Any, limit: float, count: int) -> None:
    site = siteOf(count=count, admission={"login_grace_time": limit})
    for host in site.addresses:
        site.network.silence(host)

    everyStep(site, limit)
    site.network._silent.clear()


@early
@pytest.mark.parametrize("limit", LIMITS[::2])
def test_endComesWhileTheClientIsWaitedFor(siteOf: Any, limit: float, stage: Stage) -> None:
    site = siteOf(admission={"login_grace_time": limit})

    everyStep(site, limit, until=stage)


def test_endComesWhileBytesDo(bastion: Any) -> None:
    """
    With sockets: to connections in every stage, all of which go on talking byte by byte
    until they are cut.
    """
    attackers = []
    for number in range(CONNECTIONS):
        client = Client(until=Stage(number % Stage.DECIDING), strict=False)
        attacker = bastion.connects(f"127.0.3.{number % 8 + 1}", client, gateway="hasty")
        assert attacker.goes(client.until)
        talk = client.packet(MSG_IGNORE, string(bytes(34_000))) if client.stage else b""
        attackers.append((attacker, iter(talk)))
    while talking := [each for each in attackers if not each[0].peer.gone]:
        for attacker, talk in talking:
            attacker.sends(bytes(islice(talk, 1)))
            if select([attacker.socket], (), (), 0)[0]:
                attacker.reads()

    reasons = {each["reason"] for each in bastion.events("connection.closed", "127.0.3.")}
    assert reasons == {"login_grace_time is over"}
