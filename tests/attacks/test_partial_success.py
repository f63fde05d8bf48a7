"""
Attack A10: what was checked at the beginning of a login is forgotten when the host is
satisfied in two steps (CVE-2026-39828).  Half a login opens nothing, and the whole one
is under the same rules as any.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from attacking.client import Client, opening, password, request
from attacking.host import Host
from attacking.stages import Stage
from zope.interface import implementer

from bastion.interfaces import ALLOW, ChannelRequest, ISessionPolicy, Login, Verdict
from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    byte,
    nameList,
    string,
    uint32,
)

DIALOGUE = request(b"keyboard-interactive", string(b"") * 2)
QUESTION = string(b"") * 3 + uint32(1) + string(b"Code: ") + byte(0)
MORE = nameList((b"keyboard-interactive",)) + byte(1)


@implementer(ISessionPolicy)
class NotJohnson:
    """
    Lets one account open nothing.

    @ivar logins: whom it was asked about.
    """

    def __init__(self) -> None:
        self.logins: list[Login] = []

    def decide(self, request: ChannelRequest, login: Login) -> Verdict:
        """
        See L{ISessionPolicy}.
        """
        self.logins.append(login)
        return Verdict("not for johnson") if login.account == b"johnson" else ALLOW


def half(site: Any) -> Client:
    """
    A client whose password was right, and not enough.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client: Client = site.connects(Client(until=Stage.DECIDING))
    site.sends(site.host, MSG_USERAUTH_FAILURE, MORE)
    assert client.last(MSG_USERAUTH_FAILURE) == MORE
    client.heard.clear()
    return client


def whole(site: Any) -> Client:
    """
    A client that has given the code, too.
    """
    client = half(site)
    site.sends(client, MSG_USERAUTH_REQUEST, DIALOGUE)
    site.sends(site.host, MSG_USERAUTH_INFO_REQUEST, QUESTION)
    site.sends(client, MSG_USERAUTH_INFO_RESPONSE, uint32(1) + string(b"123456"))
    site.sends(site.host, MSG_USERAUTH_SUCCESS)
    site.host.stage = site.host.until = Stage.SESSION
    assert client.numbers() == [MSG_USERAUTH_INFO_REQUEST, MSG_USERAUTH_SUCCESS]
    return client


@pytest.mark.parametrize(
    ("number", "payload"),
    [
        (MSG_CHANNEL_OPEN, opening()),
        (MSG_GLOBAL_REQUEST, string(b"tcpip-forward") + byte(1) + string(b"") + uint32(0)),
        (MSG_CHANNEL_REQUEST, uint32(0) + string(b"exec") + byte(1) + string(b"id")),
        (MSG_USERAUTH_SUCCESS, b""),
        (MSG_USERAUTH_REQUEST, password(account=b"root")),
        (MSG_USERAUTH_REQUEST, string(b"johnson") + string(b"ssh-other") + string(b"none")),
        (MSG_USERAUTH_INFO_RESPONSE, uint32(1) + string(b"123456")),
    ],
)
def test_halfALoginOpensNothingAndChangesNobodysName(
    site: Any, number: int, payload: bytes
) -> None:
    client = half(site)
    heard = len(site.host.heard)

    assert site.sends(client, number, payload)
    assert site.named("login.accepted") == []
    assert len(site.host.heard) == heard or site.host.numbers()[heard:] == [1]


def test_wholeLoginIsRecordedOnceAndAsItWas(site: Any) -> None:
    client = whole(site)
    client.opens()
    site.settle()

    (accepted,) = site.named("login.accepted")
    assert (accepted["account"], accepted["method"]) == ("johnson", "keyboard-interactive")
    assert site.named("channel.opened")[0]["account"] == "johnson"


@pytest.mark.parametrize("inTwoSteps", [True, False])
def test_rulesAboutTheSessionAreTheSameHoweverTheLoginWent(siteOf: Any, inTwoSteps: bool) -> None:
    policy = NotJohnson()
    site = siteOf(policies=(policy,))
    client = whole(site) if inTwoSteps else site.connects(Client())
    client.opens()
    site.settle()
    told = policy.logins[-1]
    # For the look at what is left, which opens a channel.
    policy.decide = lambda request, login: ALLOW

    assert client.numbers()[-1] == MSG_CHANNEL_OPEN_FAILURE
    method = b"keyboard-interactive" if inTwoSteps else b"password"
    assert (told.account, told.source, told.method) == (b"johnson", "198.51.100.7", method)
    assert site.named("channel.refused")[0]["reason"] == "not for johnson"


def test_networkThatMayNotComesToNoHostWhateverItSays(siteOf: Any) -> None:
    """
    Its users are told why, in the login; nothing of it reaches a host.
    """
    denied = {ip_network("198.51.100.0/24"): "You are inside."}
    site = siteOf(admission={"deny_from": denied})
    client = site.connects(Client(until=Stage.SERVICE))
    client.write(
        b"".join(
            client.packet(MSG_USERAUTH_REQUEST, payload)
            for payload in (request(b"none"), password(), DIALOGUE, password())
        )
    )
    site.settle()

    assert client.gone
    assert b"You are inside." in client.goodbye[1]
    assert site.hosts == {"nice1": [], "nice2": []}


def test_successInHalvesNeverEndsButWithTheHost(site: Any) -> None:
    """
    A host that is never satisfied is asked as often as the client likes, for the time
    that a login has, and not longer.
    """
    client = half(site)
    for _ in range(20):
        site.sends(client, MSG_USERAUTH_REQUEST, DIALOGUE)
        site.sends(site.host, MSG_USERAUTH_FAILURE, MORE)
    assert set(client.numbers()) == {MSG_USERAUTH_FAILURE}
    site.network.advance(site.admission.login_grace_time + 1)

    assert client.gone
    assert site.named("login.accepted") == []
