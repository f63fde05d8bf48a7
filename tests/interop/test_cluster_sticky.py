"""
An account comes back to its host, and a user may name one.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from harness.clusters import SEPARATOR, WHERE, failed
from harness.openssh import prepare, ssh
from harness.terminal import Terminal

pytestmark = pytest.mark.interop


def typing(route, options):
    """
    A person who runs ssh, asks where this is, and types the password.
    """
    prepared = prepare(route, WHERE, options=options)
    env = {key: value for key, value in prepared.environment.items() if "ASKPASS" not in key}
    return Terminal(prepared.command, env)


def test_accountComesBackWhileItIsConnectedAndAfterwards(cluster):
    with cluster.held([cluster.route("nice")]) as (home,):
        assert cluster.where("nice") == home
    assert [cluster.where("nice") for _ in range(2)] == [home, home]


def test_accountsAreSpreadThoughEachHasItsHost(cluster):
    routes = [cluster.route("teams", number) for number in range(6)]
    with cluster.held(routes) as places:
        assert len(set(places)) == 6
    assert [cluster.where("teams", number) for number in range(6)] == places


def test_sharedAccountHasAHostForEachAddressItComesFrom(cluster):
    one, other = ["-b", "127.0.0.21"], ["-oBindAddress=127.0.0.22"]
    route = cluster.route("teams")
    with cluster.held([route], one) as (home,), cluster.held([route], other) as (another,):
        assert home != another
    for _ in range(2):
        assert ssh(route, WHERE, options=one).ok().text == home
        assert ssh(route, WHERE, options=other).ok().text == another


def test_connectionsOfTheSameMomentComeToOneHost(cluster):
    """
    As those of VS Code: neither login is finished when the other begins.
    """
    route = cluster.route("teams", 3)
    options = ["-b", "127.0.0.23"]
    with ExitStack() as stack:
        screens = [stack.enter_context(typing(route, options)) for _ in range(3)]
        for screen in screens:
            screen.expect("assword: ")
        for screen in reversed(screens):
            screen.type(f"{route.password}\r")
        places = [screen.expect("nice[1-6]")[0] for screen in screens]
        assert len(set(places)) == 1
        assert [screen.ended() for screen in screens] == [0, 0, 0]


def test_namedHostIsWhereTheLoginGoes(cluster):
    for host in cluster.six:
        assert cluster.where("nice", 1, host.name) == host.name
    # And where the account comes back to.
    assert cluster.where("nice", 1) == cluster.six[-1].name


def test_namedHostMayHaveItsPort(cluster):
    host = cluster.six[2]
    route = cluster.route("nice")
    login = f"{route.account}{SEPARATOR}{host.target}"
    assert ssh(route.as_(login), WHERE).ok().text == host.name


@pytest.mark.parametrize("name", ["nice9", "127.0.0.77", "127.0.0.71:22", ""])
def test_nameThatIsNoHostOfTheClusterIsRefusedInWords(cluster, name):
    route = cluster.route("nice")
    done = ssh(route.as_(f"{route.account}{SEPARATOR}{name}"), WHERE)
    assert f"There is no host {name} here." in failed(done)
    assert not done.prompts


def test_withoutASeparatorTheNameIsTheAccounts(cluster):
    route = cluster.route("teams")
    account = f"{route.account}{SEPARATOR}{cluster.six[0].address}"
    done = ssh(route.as_(account), WHERE, options=["-oNumberOfPasswordPrompts=1"])
    assert "Permission denied" in failed(done)
    opened = [each for each in cluster.gateway.audit("teams") if each.get("account") == account]
    assert opened
