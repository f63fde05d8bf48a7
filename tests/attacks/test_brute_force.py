"""
Attack A20: whoever wants more guesses than he is given: all at once, with the service
asked for anew, behind questions that are no guesses, or with one account after the
other.  A host gets to know C{max_auth_tries} of them from one connection.
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client, password, request
from attacking.host import REFUSED, Host
from attacking.stages import Stage

from bastion.wire import (
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    byte,
    string,
)

GUESSES = 60
#: The default of C{max_auth_tries}.
TRIES = 6
ASKING = (MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
#: A program that asks for the service before each attempt, and may.
PARAMIKO = b"SSH-2.0-paramiko_3.4.0"


class Refusing(Host):
    """
    A host that refuses C{none} as often as it is asked.
    """

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Host}.
        """
        super().hears(number, payload)
        if number == MSG_USERAUTH_REQUEST and self.stage >= Stage.LOGIN:
            self.says(MSG_USERAUTH_FAILURE, REFUSED)


def guess(index: int, account: bytes = b"johnson") -> tuple[int, bytes]:
    """
    A wrong password.
    """
    return MSG_USERAUTH_REQUEST, password(b"canary-wrong-9f2c41-%d" % index, account)


def guessed(site: Any) -> int:
    """
    How many guesses have come to any host.
    """
    return sum(len(host.guesses) for hosts in site.hosts.values() for host in hosts)


def burst(site: Any, client: Client, messages: list[tuple[int, bytes]]) -> None:
    """
    Say everything in one go, and wait.
    """
    site.writes(client, b"".join(client.packet(*each) for each in messages))
    site.clock.advance(1)
    site.settle()


def singly(site: Any, client: Client, messages: list[tuple[int, bytes]]) -> None:
    """
    Say one thing after the other, and wait for each answer.
    """
    for each in messages:
        if site.sends(client, *each):
            break


each = pytest.mark.parametrize("say", [burst, singly])


@pytest.mark.parametrize("until", [Stage.SERVICE, Stage.LOGIN])
@each
def test_guesses(site: Any, say: Any, until: Stage) -> None:
    client = site.attacker("client", until)

    say(site, client, [guess(index) for index in range(GUESSES)])

    assert client.gone
    assert guessed(site) <= TRIES
    assert client.last(MSG_USERAUTH_SUCCESS) is None
    if say is singly:
        assert guessed(site) >= TRIES - 1, "the limit is the one that is tested"


@pytest.mark.parametrize("version", [b"SSH-2.0-OpenSSH_9.2p1", PARAMIKO])
@each
def test_serviceAskedForAnew(site: Any, say: Any, version: bytes) -> None:
    """
    Counting does not begin anew with the service.
    """
    client = site.attacker("client", Stage.SERVICE, version=version)
    messages = []
    for index in range(GUESSES):
        messages += [ASKING] * (index % 5 == 4) + [guess(index)]

    say(site, client, messages)

    assert client.gone
    assert guessed(site) <= TRIES
    if say is singly:
        accepted = [number for number, _ in client.heard].count(MSG_SERVICE_ACCEPT)
        assert accepted == (2 if version == PARAMIKO else 1)


@each
def test_questionsThatAreNoGuesses(site: Any, say: Any) -> None:
    """
    The first one is what it is for; the others count.
    """
    site.makeHost["nice1"] = Refusing
    client = site.attacker("client", Stage.LOGIN)
    client.numbers()

    say(site, client, [(MSG_USERAUTH_REQUEST, request(b"none"))] * 5000)

    assert client.gone
    answers = client.numbers().count(MSG_USERAUTH_FAILURE)
    assert answers <= TRIES
    if say is singly:
        assert answers == TRIES - 1
    assert len(site.hosts["nice1"]) == 1
    assert site.host.numbers().count(MSG_USERAUTH_REQUEST) <= 1 + TRIES


@pytest.mark.parametrize("method", [b"publickey", b"hostbased", b"gssapi-with-mic", b"no-such"])
@each
def test_methodsThatNobodyServes(site: Any, say: Any, method: bytes) -> None:
    client = site.attacker("client", Stage.LOGIN)
    client.numbers()
    fields = byte(0) + string(b"ssh-ed25519") + string(bytes(51))

    say(site, client, [(MSG_USERAUTH_REQUEST, request(method, fields))] * GUESSES)

    assert client.gone
    assert client.numbers().count(MSG_USERAUTH_FAILURE) <= TRIES
    assert all(method not in payload for _, payload in site.host.heard)


@each
def test_oneAccountAfterTheOther(site: Any, say: Any) -> None:
    """
    A change of the account ends the connection; no host learns of the second.
    """
    client = site.attacker("client", Stage.LOGIN)

    say(site, client, [guess(index, b"user%d" % index) for index in range(GUESSES)])

    assert client.gone
    assert guessed(site) <= TRIES


def test_limitOfTheSite(siteOf: Any) -> None:
    site = siteOf(admission={"max_auth_tries": 2})
    client = site.attacker("client", Stage.LOGIN)

    singly(site, client, [guess(index) for index in range(GUESSES)])

    assert client.gone
    assert 1 <= guessed(site) <= 2
