"""
Attack A20: more guesses than a connection has: many at once, with the login service
requested anew, with C{none} in between, under changing names, by methods that nobody
serves, by dialogues that are given up.  What counts is what reaches a host: it gets to
know C{max_auth_tries} of them from one connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attacking.client import WRONG, Client, password, request
from attacking.host import REFUSED, Host
from attacking.stages import Stage

from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    byte,
    string,
    uint32,
)

#: What a connection has.
ATTEMPTS = 6
GUESS = (MSG_USERAUTH_REQUEST, password(WRONG))
NONE = (MSG_USERAUTH_REQUEST, request(b"none"))
DIALOGUE = (MSG_USERAUTH_REQUEST, request(b"keyboard-interactive", string(b"") * 2))
SERVICE = (MSG_SERVICE_REQUEST, string(b"ssh-userauth"))
KEY = (MSG_USERAUTH_REQUEST, request(b"publickey", byte(0) + string(b"x") * 2))
HOSTS_KEY = (MSG_USERAUTH_REQUEST, request(b"hostbased", string(b"x") * 5))
CHANGE = (MSG_USERAUTH_REQUEST, request(b"password", byte(1) + string(WRONG) + string(b"new")))
PARAMIKO = b"SSH-2.0-paramiko_3.5.1"

#: What a guesser says, again and again.
TRICKS = {
    "guesses": [GUESS],
    "none between": [GUESS, NONE],
    "much none between": [GUESS, *[NONE] * 5],
    "the service anew": [*[GUESS] * 5, SERVICE],
    "the service each time": [SERVICE, GUESS],
    "keys between": [GUESS, KEY],
    "nothing but keys": [KEY, HOSTS_KEY],
    "new passwords": [GUESS, CHANGE],
    "dialogues given up": [DIALOGUE, GUESS],
    "a channel between": [GUESS, (MSG_CHANNEL_OPEN, b"")],
}
eachTrick = pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
eachPace = pytest.mark.parametrize("once", [True, False], ids=["at once", "one by one"])
eachProgram = pytest.mark.parametrize("version", [b"SSH-2.0-OpenSSH_9.2p1", PARAMIKO])


class Asking(Host):
    """
    A host that asks for the password by dialogue, too, and refuses each answer.
    """

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Host}.
        """
        if number == MSG_USERAUTH_INFO_RESPONSE:
            self.guesses.append(payload[8:])
            self.says(MSG_USERAUTH_FAILURE, REFUSED)
        elif number == MSG_USERAUTH_REQUEST and b"keyboard-interactive" in payload:
            question = string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0)
            self.says(MSG_USERAUTH_INFO_REQUEST, question)
        elif number == MSG_USERAUTH_REQUEST and self.stage is not Stage.SERVICE:
            super().hears(number, payload)
            self.says(MSG_USERAUTH_FAILURE, REFUSED)
        else:
            super().hears(number, payload)


def guesses(site: Any) -> int:
    """
    How many have reached a host.
    """
    return sum(len(host.guesses) for hosts in site.hosts.values() for host in hosts)


def says(site: Any, client: Client, messages: Iterable[tuple[int, bytes]], once: bool) -> None:
    """
    Say all this: at once, or each message when everything is answered.
    """
    if once:
        client.write(b"".join(client.packet(*message) for message in messages))
        site.settle()
        return
    for message in messages:
        if site.sends(client, *message):
            return


@pytest.fixture
def guesser(site: Any) -> Any:
    """
    Makes a client that is about to guess.
    """

    def make(version: bytes = b"SSH-2.0-x", until: Stage = Stage.SERVICE) -> Client:
        site.makeHost["nice1"] = lambda: Asking(until=Stage.LOGIN)
        return site.connects(Client(until=until, version=version))

    return make


@eachTrick
@eachProgram
@eachPace
def test_noTrickGivesMoreAttempts(
    site: Any, guesser: Any, trick: Any, version: bytes, once: bool
) -> None:
    client = guesser(version)
    says(site, client, [*trick * 60], once)

    assert client.gone
    assert guesses(site) <= ATTEMPTS
    assert len(site.named("login.refused")) <= ATTEMPTS + 1


def test_sixAttemptsThereAre(site: Any, guesser: Any) -> None:
    """
    Or the test above would say nothing.
    """
    client = guesser(until=Stage.LOGIN)
    says(site, client, [GUESS] * 5, once=False)
    assert not client.gone
    says(site, client, [GUESS], once=False)

    assert client.gone
    assert guesses(site) == ATTEMPTS
    assert b"Too many authentication failures." in client.goodbye[1]


@pytest.mark.parametrize("tries", [1, 2, 20])
def test_siteSaysHowManyThereAre(siteOf: Any, tries: int) -> None:
    site = siteOf(admission={"max_auth_tries": tries})
    site.makeHost["nice1"] = lambda: Asking(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.LOGIN))
    says(site, client, [GUESS] * 60, once=False)

    assert client.gone
    assert guesses(site) == tries


@pytest.mark.parametrize("method", [b"publickey", b"hostbased", b"gssapi-with-mic", b"no-such"])
@eachPace
def test_methodsThatNobodyServesAreAttemptsAndReachNoHost(
    site: Any, guesser: Any, method: bytes, once: bool
) -> None:
    client = guesser(until=Stage.LOGIN)
    client.numbers()
    fields = byte(0) + string(b"ssh-ed25519") + string(bytes(51))
    says(site, client, [(MSG_USERAUTH_REQUEST, request(method, fields))] * 60, once)

    assert client.gone
    assert client.numbers().count(MSG_USERAUTH_FAILURE) <= ATTEMPTS
    assert all(method not in payload for _, payload in site.host.heard)


@eachProgram
def test_serviceIsAcceptedAgainByNobodyButParamiko(site: Any, guesser: Any, version: bytes) -> None:
    """
    Which asks for it before each attempt; its attempts are counted all the same.
    """
    client = guesser(version, until=Stage.LOGIN)
    client.heard.clear()
    says(site, client, [SERVICE, GUESS] * 60, once=False)

    assert client.gone
    assert client.numbers().count(MSG_SERVICE_ACCEPT) == (ATTEMPTS if version == PARAMIKO else 0)


def test_rightPasswordBehindTooManyWrongOnesIsNotTried(site: Any, guesser: Any) -> None:
    client = guesser(until=Stage.LOGIN)
    right = (MSG_USERAUTH_REQUEST, password())
    says(site, client, [*[GUESS] * ATTEMPTS, right], once=True)

    assert client.gone
    assert site.named("login.accepted") == []


@eachPace
def test_fiveThousandNoneAreSixAttempts(site: Any, guesser: Any, once: bool) -> None:
    """
    The first one only asks for the methods.
    """
    client = guesser()
    says(site, client, [NONE] * 5000, once)

    assert client.gone
    asked = [number for number, _ in site.host.heard].count(MSG_USERAUTH_REQUEST)
    assert asked <= ATTEMPTS + 1
    if not once:
        assert asked == ATTEMPTS + 1
        assert client.numbers().count(MSG_USERAUTH_FAILURE) == ATTEMPTS
    assert len(site.hosts["nice1"]) == 1


def test_answersToDialoguesAreAttempts(site: Any, guesser: Any) -> None:
    client = guesser(until=Stage.LOGIN)
    answer = (MSG_USERAUTH_INFO_RESPONSE, uint32(1) + string(WRONG))
    says(site, client, [DIALOGUE, answer] * 60, once=False)

    assert client.gone
    assert guesses(site) == ATTEMPTS


def test_dialoguesThatAreGivenUpAreAttempts(site: Any, guesser: Any) -> None:
    """
    A user who is asked, and asked, and asked.
    """
    client = guesser(until=Stage.LOGIN)
    says(site, client, [DIALOGUE] * 60, once=False)

    assert client.gone
    asked = [number for number, _ in client.heard if number == MSG_USERAUTH_INFO_REQUEST]
    assert len(asked) <= ATTEMPTS + 1


@pytest.mark.parametrize("account", [b"root", b"johnson\0", b"Johnson", b""])
@pytest.mark.parametrize("first", [NONE, GUESS], ids=["none", "a guess"])
def test_nameCannotBeChanged(site: Any, guesser: Any, account: bytes, first: Any) -> None:
    client = guesser()
    changed = (MSG_USERAUTH_REQUEST, password(WRONG, account))
    says(site, client, [first, changed, GUESS], once=False)

    assert client.gone
    assert guesses(site) == (first is GUESS)
    assert {fields["account"] for fields in site.named("login.refused")} == {"johnson"}


@eachPace
def test_oneNameAfterTheOtherGivesNoMoreAttempts(site: Any, guesser: Any, once: bool) -> None:
    client = guesser(until=Stage.LOGIN)
    names = (b"user%d" % number for number in range(60))
    guess = [(MSG_USERAUTH_REQUEST, password(WRONG, name)) for name in names]
    says(site, client, guess, once)

    assert client.gone
    assert guesses(site) <= ATTEMPTS


def test_nameOfALoginThatIsUnderWayCannotBeChanged(site: Any) -> None:
    """
    The host takes its time; meanwhile somebody else asks, and is not let in on what
    the host then says.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.DECIDING))
    site.sends(client, MSG_USERAUTH_REQUEST, request(b"none", account=b"root"))

    assert client.gone
    assert site.named("login.accepted") == []


def test_eachConnectionOfAGuesserCountsByItself(site: Any, guesser: Any) -> None:
    for number in range(1, 4):
        says(site, guesser(until=Stage.LOGIN), [GUESS] * 60, once=True)
        assert guesses(site) <= ATTEMPTS * number


#: What is no guess, and makes the bastion end the login.
IDLE = {
    "nothing": [],
    "another service": [(MSG_USERAUTH_REQUEST, string(b"johnson") + string(b"x") * 2)],
    "another name": [NONE, (MSG_USERAUTH_REQUEST, request(b"none", account=b"root"))],
    "none only": [NONE] * 10,
    "keys only": [KEY] * 10,
    "more than may wait": [DIALOGUE, *[NONE] * 50],
}


def keepsComing(site: Any, trick: Any) -> None:
    """
    Somebody connects again and again, has keys made, and says this.
    """
    for _ in range(20):
        client = Client(until=Stage.SERVICE)
        if not site.arrives(client):
            return
        site.settle()
        says(site, client, trick, once=False)
        site.tcp(client).loseConnection()
        site.settle()


@pytest.mark.parametrize("trick", IDLE.values(), ids=IDLE)
def test_nobodyHasKeysMadeForEver(siteOf: Any, trick: Any) -> None:
    """
    However a login ends that was not meant, its source has to wait in the end.
    """
    site = siteOf(admission={"penalties": "on", "penalty_exempt": ()})
    site.makeHost["nice1"] = site.makeHost["nice2"] = lambda: Asking(until=Stage.LOGIN)
    keepsComing(site, trick)

    assert site.named("penalty.began")
    assert site.named("connection.refused")


def test_whoIsDeniedHasNoKeysMadeForEver(siteOf: Any) -> None:
    """
    Nor does somebody who could have heard that he may not come in, and did not ask.
    """
    site = siteOf(admission={"penalties": "on", "penalty_exempt": (), "per_source_connections": 1})
    site.connects(Client(until=Stage.LOGIN))
    keepsComing(site, [])

    assert site.named("penalty.began")
    assert site.named("connection.refused")


def test_whoIsToldThatHeIsDeniedDoesNotWait(siteOf: Any) -> None:
    site = siteOf(admission={"penalties": "on", "penalty_exempt": (), "per_source_connections": 1})
    site.connects(Client(until=Stage.LOGIN))
    keepsComing(site, [NONE])

    assert len(site.named("login.refused")) == 20
    assert not site.named("penalty.began")
