"""
Limits of the sessions of a gateway, of a source, of an account, and of an account from one
source; and what the programs of users say.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest
from attrs import frozen
from harness import accounts
from harness.control import Control
from harness.limited import Limited, started
from harness.openssh import session, ssh
from harness.putty import plink
from harness.waiting import until

pytestmark = pytest.mark.interop

LIMIT = 2
HERE, THERE, ELSEWHERE = "127.0.96.1", "127.0.96.2", "127.0.96.3"

#: The limits, and what who is one too many reads.
SENTENCES = {
    "per_account_source_sessions": (
        f"This account has as many sessions from {HERE} as it may have ({LIMIT})."
        " End one, or try again later."
    ),
    "per_account_sessions": (
        f"This account has as many sessions as it may have ({LIMIT}). End one, or try again later."
    ),
    "per_source_sessions": (
        f"As many sessions from {HERE} are open as there may be ({LIMIT})."
        " End one, or try again later."
    ),
    "max_sessions": (
        f"As many sessions are open as this gateway takes ({LIMIT}). Please try again later."
    ),
}


@frozen
class Crowded(Limited):
    """
    A bastion with few sessions, one gateway for each limit.
    """

    def have(self, count):
        """
        Wait until there are so many sessions.
        """
        control = Control(self.gateway)
        until(lambda: len(control.get("/connections")) == count, 20, f"{count} sessions")


@pytest.fixture(scope="module")
def crowded(theSite, bastion):
    """
    Start it.
    """
    with started(Crowded, theSite, list(SENTENCES), LIMIT) as crowded:
        yield crowded


@pytest.fixture
def refusals(crowded):
    """
    Tells what was refused within the test.
    """
    offset = crowded.gateway.auditSize()
    return lambda: crowded.refused("login.refused", "account", offset)


@pytest.fixture
def another(theSite):
    """
    Another account that can log in.
    """
    account = theSite.expiring
    account.setPassword(accounts.newPassword())
    return account


@contextmanager
def busy(*comers):
    """
    Sessions that are open during a C{with} statement.

    @param comers: the routes, and where each comes from.
    """
    with ExitStack() as stack:
        processes = []
        for route, source in comers:
            process = stack.enter_context(session(route, "cat", options=["-b", source]))
            process.stdin.write(b"here\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"here\n"
            processes.append(process)
        yield processes


@pytest.mark.parametrize(
    ("key", "second", "third", "other"),
    [
        ("per_account_source_sessions", (0, HERE), (0, HERE), (0, THERE)),
        ("per_account_sessions", (0, THERE), (0, ELSEWHERE), (1, HERE)),
        ("per_source_sessions", (1, HERE), (0, HERE), (0, THERE)),
        ("max_sessions", (1, THERE), (0, ELSEWHERE), None),
    ],
)
def test_limitHoldsAcrossConnectionsAndIsTold(
    crowded, refusals, another, key, second, third, other
):
    mine = crowded.route(key)
    routes = mine, mine.as_(another.name, another.password)
    number, source = third
    with busy((mine, HERE), (routes[second[0]], second[1])) as (one, _):
        done = ssh(routes[number], "true", options=["-b", source])
        assert (done.status, done.stdout) == (255, b"")
        assert done.stderr.startswith(SENTENCES[key])
        assert refusals() == [(routes[number].account, SENTENCES[key])]
        if other is not None:
            ssh(routes[other[0]], "true", options=["-b", other[1]]).ok()
            crowded.have(LIMIT)

        one.stdin.close()
        assert one.wait(20) == 0
        crowded.have(LIMIT - 1)
        ssh(routes[number], "true", options=["-b", source]).ok()


def test_wrongPasswordIsNotToldOfTheLimit(crowded, refusals):
    """
    Who has no account here does not learn how many are in use.
    """
    mine = crowded.route("max_sessions")
    with busy((mine, HERE), (mine, THERE)):
        done = ssh(mine.as_(mine.account, accounts.newPassword()), "true", options=["-b", HERE])

        assert done.status == 255
        assert "sessions" not in done.stderr
        assert {reason for _, reason in refusals()}.isdisjoint(SENTENCES.values())


def test_puttySaysWhichLimitItIs(crowded, refusals):
    mine = crowded.route("max_sessions")
    with busy((mine, HERE), (mine, THERE)):
        done = plink(mine, "true")

    assert done.status == 1
    assert SENTENCES["max_sessions"] in done.stderr
    assert refusals() == [(mine.account, SENTENCES["max_sessions"])]
