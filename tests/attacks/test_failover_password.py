"""
Attack A26: a host goes away at the right moment, so that the password that it has read
is shown to the next one, too.  Until something was asked or shown the next host is
tried; from then on none is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attacking.client import RIGHT, WRONG, Client, password, request
from attacking.host import REFUSED, Host
from attacking.stages import Stage

from bastion.wire import (
    MSG_DISCONNECT,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_PASSWD_CHANGEREQ,
    MSG_USERAUTH_REQUEST,
    byte,
    nameList,
    string,
    uint32,
)

DIALOGUE = request(b"keyboard-interactive", string(b"") * 2)
QUESTION = string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0)
ANSWER = uint32(1) + string(RIGHT)


def cut(site: Any, host: Host) -> None:
    """
    Its machine is gone.
    """
    site.tcp(host).abortConnection()


def ends(site: Any, host: Host) -> None:
    """
    Its program has ended.
    """
    site.tcp(host).loseConnection()


def parts(site: Any, host: Host) -> None:
    """
    It says goodbye.
    """
    host.sends(MSG_DISCONNECT, uint32(2) + string(b"Too many logins; try another host") * 2)
    site.tcp(host).loseConnection()


def breaks(site: Any, host: Host) -> None:
    """
    It says what nobody may.
    """
    host.write(bytes(64))


Ends = Callable[[Any, Host], None]
eachEnd = pytest.mark.parametrize("goes", [cut, ends, parts, breaks])


def loggingIn(site: Any, until: Stage = Stage.LOGIN, methods: bytes = b"") -> Client:
    """
    A client that has asked C{none}; its host says what the test says.

    @param until: how far the host goes.
    """
    site.makeHost["nice1"] = lambda: Host(until=until)
    client: Client = site.connects(Client(until=Stage.LOGIN))
    if methods:
        site.sends(site.host, MSG_USERAUTH_FAILURE, nameList((methods,)) + byte(0))
    return client


def guesses(site: Any) -> dict[str, list[bytes]]:
    """
    The passwords that each host was shown.
    """
    return {
        name: [guess for host in site.hosts[name] for guess in host.guesses] for name in site.hosts
    }


def noOtherWasAsked(site: Any) -> None:
    """
    See that the login is over, and that no other host has seen any of it.
    """
    site.clock.advance(6)
    site.settle()
    assert site.client.gone
    assert [secret for host in site.hosts["nice2"] for secret in host.secrets()] == []
    assert site.named("login.accepted") == []


@eachEnd
@pytest.mark.parametrize("stage", [Stage(n) for n in range(Stage.LOGIN)])
def test_beforeAnythingWasAskedTheNextHostIsTried(site: Any, goes: Ends, stage: Stage) -> None:
    site.makeHost["nice1"] = lambda: Host(until=stage)
    client = site.connects(Client())
    goes(site, site.host)
    site.settle()
    site.clock.advance(6)
    site.settle()

    assert client.stage is Stage.SESSION
    assert guesses(site) == {"nice1": [], "nice2": [RIGHT]}


@eachEnd
def test_beforeThePasswordWasTypedTheNextHostIsTried(site: Any, goes: Ends) -> None:
    client = loggingIn(site)
    goes(site, site.host)
    site.settle()
    client.goes(Stage.SESSION)
    site.settle()

    assert client.stage is Stage.SESSION
    assert guesses(site) == {"nice1": [], "nice2": [RIGHT]}


@eachEnd
def test_afterThePasswordWasReadNoOtherHostIs(site: Any, goes: Ends) -> None:
    client = loggingIn(site)
    client.goes(Stage.SESSION)
    site.settle()
    assert guesses(site) == {"nice1": [RIGHT], "nice2": []}

    goes(site, site.host)
    site.settle()

    noOtherWasAsked(site)
    assert guesses(site) == {"nice1": [RIGHT], "nice2": []}


def test_passwordThatIsOnItsWayMayHaveBeenRead(site: Any) -> None:
    """
    Nobody can tell whether it was.
    """
    client = loggingIn(site)
    site.tcp(site.host).pauseProducing()
    client.goes(Stage.SESSION)
    site.settle()
    cut(site, site.host)
    site.settle()

    noOtherWasAsked(site)
    assert guesses(site) == {"nice1": [], "nice2": []}


@eachEnd
def test_afterAWrongPasswordTheRightOneIsShownToNobodyElse(site: Any, goes: Ends) -> None:
    client = loggingIn(site)
    site.sends(client, MSG_USERAUTH_REQUEST, password(WRONG))
    site.sends(site.host, MSG_USERAUTH_FAILURE, REFUSED)
    goes(site, site.host)
    site.settle()
    if not client.gone:
        site.sends(client, MSG_USERAUTH_REQUEST, password(RIGHT))

    noOtherWasAsked(site)
    assert guesses(site) == {"nice1": [WRONG], "nice2": []}


@eachEnd
@pytest.mark.parametrize("answered", [False, True])
def test_dialogueGoesOnWithNobodyElse(site: Any, goes: Ends, answered: bool) -> None:
    """
    The question is its host's, answered or not.
    """
    client = loggingIn(site)
    site.sends(client, MSG_USERAUTH_REQUEST, DIALOGUE)
    site.sends(site.host, MSG_USERAUTH_INFO_REQUEST, QUESTION)
    assert client.question
    if answered:
        site.sends(client, MSG_USERAUTH_INFO_RESPONSE, ANSWER)
        assert site.host.last(MSG_USERAUTH_INFO_RESPONSE) == ANSWER
    goes(site, site.host)
    site.settle()
    if not client.gone:
        site.sends(client, MSG_USERAUTH_INFO_RESPONSE, ANSWER)

    noOtherWasAsked(site)


@eachEnd
def test_passwordThatAnsweredAQuestionIsShownToNobodyElse(site: Any, goes: Ends) -> None:
    """
    The client knows no dialogue, and the host nothing else.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.SERVICE)
    client = site.connects(Client(until=Stage.LOGIN))
    site.sends(site.host, MSG_USERAUTH_FAILURE, nameList((b"keyboard-interactive",)) + byte(0))
    client.goes(Stage.SESSION)
    site.settle()
    site.sends(site.host, MSG_USERAUTH_INFO_REQUEST, QUESTION)
    assert site.host.last(MSG_USERAUTH_INFO_RESPONSE) == ANSWER

    goes(site, site.host)
    site.settle()

    noOtherWasAsked(site)


@eachEnd
def test_newPasswordIsShownToNobodyElse(site: Any, goes: Ends) -> None:
    client = loggingIn(site)
    site.sends(client, MSG_USERAUTH_REQUEST, password(RIGHT))
    change = string(b"It has expired.") + string(b"")
    site.sends(site.host, MSG_USERAUTH_PASSWD_CHANGEREQ, change)
    goes(site, site.host)
    site.settle()
    if not client.gone:
        new = request(b"password", byte(1) + string(RIGHT) + string(WRONG))
        site.sends(client, MSG_USERAUTH_REQUEST, new)

    noOtherWasAsked(site)
    assert guesses(site) == {"nice1": [RIGHT], "nice2": []}


def test_hostsThatGoOneAfterTheOtherAreShownOnePassword(siteOf: Any) -> None:
    """
    The second one dies with it.
    """
    site = siteOf()
    site.makeHost["nice1"] = lambda: Host(until=Stage.SERVICE)
    site.makeHost["nice2"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.LOGIN))
    cut(site, site.host)
    site.settle()
    client.goes(Stage.SESSION)
    site.settle()
    cut(site, site.hosts["nice2"][-1])
    site.settle()
    site.clock.advance(6)
    site.settle()

    assert client.gone
    assert guesses(site) == {"nice1": [], "nice2": [RIGHT]}
