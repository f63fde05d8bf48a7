"""
Attacks A2, A6 and A7: messages before their time.  A server that takes a login or a
service in the clear serves somebody else's session (CVE-2023-46445, CVE-2023-46446); one
that takes messages of the connection protocol before the login needs none
(CVE-2025-32433); one that believes a client that says "success" neither
(CVE-2018-10933, CVE-2018-7750), nor may a host say so before its time
(CVE-2018-1000805).  RFC 4252 section 6: it is an error, and the connection ends.

What may come when is written here once more, from the RFCs, and every other number is
tried, in each stage and from both ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attacking.client import Client, opening, password, request
from attacking.host import REFUSED, Host
from attacking.stages import UNENCRYPTED, UNPROVED, Stage

from bastion.wire import byte, string, uint32

#: What the numbers mean, so that none is refused for its contents alone.
MEANINGS = {
    2: string(b"nothing"),
    3: uint32(0),
    4: byte(0) + string(b"nothing") + string(b""),
    5: string(b"ssh-userauth"),
    6: string(b"ssh-userauth"),
    7: uint32(1) + string(b"server-sig-algs") + string(b"ssh-ed25519"),
    50: password(),
    51: REFUSED,
    53: string(b"welcome") + string(b""),
    60: string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0),
    61: uint32(1) + string(b"answer"),
    80: string(b"tcpip-forward") + byte(1) + string(b"") + uint32(8080),
    90: opening(),
    91: uint32(0) * 2 + uint32(1 << 21) + uint32(32768),
    92: uint32(0) + uint32(1) + string(b"") * 2,
    93: uint32(0) + uint32(1 << 21),
    94: uint32(0) + string(b"data"),
    95: uint32(0) + uint32(1) + string(b"data"),
    96: uint32(0),
    97: uint32(0),
    98: uint32(0) + string(b"exec") + byte(1) + string(b"id"),
    99: uint32(0),
    100: uint32(0),
    192: string(b"ping"),
    193: string(b"ping"),
}
HARMLESS = {2, 3, 4}
CONNECTION = set(range(80, 128))
#: Replies, confirmations and refusals; nobody has asked.
UNASKED = {91, 92}

#: What a client may say, by the stage that it has reached.
FROM_CLIENT = {
    Stage.IDENTIFIED: HARMLESS,
    Stage.ASKED: HARMLESS,
    Stage.AGREED: HARMLESS,
    Stage.KEYED: HARMLESS | {5, 7},
    Stage.SERVICE: HARMLESS | {50},
    Stage.LOGIN: HARMLESS | {50},
    Stage.DECIDING: HARMLESS | {50},
    # RFC 4252 section 5.3: a late 50 is passed over; OpenSSH's PROTOCOL 1.8: 192.
    Stage.SESSION: HARMLESS | {50, 192} | CONNECTION - UNASKED,
}
#: The same for a host.  In LOGIN it was sent a password, and decides.
FROM_HOST = {
    **FROM_CLIENT,
    Stage.KEYED: HARMLESS | {6, 7},
    Stage.SERVICE: HARMLESS | {7, 51, 52, 53},
    Stage.LOGIN: HARMLESS | {7, 51, 52, 53, 60},
    Stage.SESSION: HARMLESS | {7} | CONNECTION - UNASKED,
}
ALLOWED = {"client": FROM_CLIENT, "host": FROM_HOST}
#: What belongs to a key exchange is a matter of its turn, and of its contents.
DUE = {Stage.IDENTIFIED: {20}, Stage.ASKED: {30, 31}, Stage.AGREED: {21}, Stage.SESSION: {20}}


def taken(site: Any, leg: str, stage: Stage, numbers: Iterable[int], **own: Any) -> set[int]:
    """
    The numbers of the messages that a connection survives.
    """
    survived = set()
    site.makeHost["nice2"] = lambda: Host(until=Stage.LOGIN)
    for number in numbers:
        site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN if stage < 8 else stage)
        peer = site.attacker(leg, stage, **own)
        assert peer.stage is stage
        if not site.sends(peer, number, MEANINGS.get(number, b"")):
            survived.add(number)
        assert stage is Stage.SESSION or relayed(site) == set()
        for client in site.clients:
            site.tcp(client).abortConnection()
        site.settle()
        site.clients.clear()
    return survived


def relayed(site: Any) -> set[int]:
    """
    The numbers of the connection protocol that have come to any host.
    """
    hosts = (host for hosts in site.hosts.values() for host in hosts)
    return {number for host in hosts for number, _ in host.heard if number >= 80}


def everything(stage: Stage) -> set[int]:
    """
    All numbers, but for those that a test of the key exchange is about.
    """
    return set(range(256)) - DUE.get(stage, set())


# A2


@pytest.mark.parametrize("stage", UNENCRYPTED[1:])
def test_nothingButTheKeyExchangeIsTakenInTheClear(site: Any, leg: str, stage: Stage) -> None:
    """
    From a peer that is not strict; a strict one may say even less.
    """
    assert taken(site, leg, stage, everything(stage), strict=False) == HARMLESS
    beforeKexinit = HARMLESS if stage is Stage.IDENTIFIED else set()
    assert taken(site, leg, stage, everything(stage)) == beforeKexinit


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("stage", UNENCRYPTED[1:])
def test_loginInTheClearIsNotTakenAndNotAnswered(site: Any, stage: Stage, strict: bool) -> None:
    """
    All of it at once, with and without a list of extensions before it, in front of
    the keys of whoever believes to log in.
    """
    for numbers in [(5, 50), (7, 5, 50), (5, 50, 90, 98), (50,), (7,)]:
        peer = site.attacker("client", stage, strict=strict)
        peer.heard.clear()
        peer.write(b"".join(peer.packet(number, MEANINGS[number]) for number in numbers))
        peer.goes(Stage.SESSION)
        site.settle()

        assert peer.gone
        assert peer.stage < Stage.LOGIN
        assert {number for number, _ in peer.heard} <= {1, 7, 20, 21, 31}
    assert site.named("login.accepted") == []


# A6, A7


@pytest.mark.parametrize("stage", [*UNPROVED, Stage.SESSION])
def test_whatIsNotDueEndsTheConnection(site: Any, leg: str, stage: Stage) -> None:
    if (leg, stage) == ("host", Stage.DECIDING):
        stage = Stage.LOGIN

    assert taken(site, leg, stage, everything(stage)) == ALLOWED[leg][stage]


def test_clientCannotSayThatItHasSucceeded(site: Any) -> None:
    """
    In any stage, and whatever it says behind it.
    """
    for stage in Stage:
        site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
        peer = site.attacker("client", stage if stage < 8 else Stage.DECIDING)
        peer.write(b"".join(peer.packet(number, MEANINGS.get(number, b"")) for number in (52, 90)))
        site.settle()

        assert peer.gone
        assert {number for number, _ in peer.heard} & CONNECTION == set()
    assert site.named("login.accepted") == site.named("channel.opened") == []


def test_hostCannotSayThatSomebodyHasSucceededWhoHasNotAsked(site: Any) -> None:
    """
    Its answer to `none` is no; then it changes its mind.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.LOGIN))

    assert site.sends(site.host, 52)
    assert site.named("login.accepted") == []
    client.goes(Stage.SESSION)
    site.settle()
    assert site.hosts["nice1"][0].secrets() == []


@pytest.mark.parametrize("again", [51, 52, 60])
def test_hostCannotDecideTwice(site: Any, again: int) -> None:
    host = site.attacker("host", Stage.SESSION)
    client = site.client

    assert client.stage is Stage.SESSION
    assert site.sends(host, again, MEANINGS.get(again, b""))
    assert client.gone
    assert len(site.named("login.accepted")) == 1


def test_hostCannotSucceedWhileItsQuestionIsAsked(site: Any) -> None:
    """
    The client has not answered, and did not ask for anything else.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.LOGIN))
    site.sends(client, 50, request(b"keyboard-interactive", string(b"") * 2))
    site.sends(site.host, 60, MEANINGS[60])
    assert client.question is not None

    assert site.sends(site.host, 52)
    assert client.gone
    assert site.named("login.accepted") == []


def test_answersThatNobodyHasAskedForAreNotPassedOn(site: Any) -> None:
    client = site.connects(Client(until=Stage.LOGIN))

    assert site.sends(client, 61, uint32(1) + string(b"answer"))
    assert [number for number, _ in site.host.heard if number > 50] == []


def test_loginAfterTheLoginIsPassedOver(site: Any) -> None:
    """
    RFC 4252 section 5.3: it changes nobody's name.
    """
    client = site.connects(Client())
    for account in (b"root", b"johnson"):
        site.sends(client, 50, password(account=account))
    client.opens()
    site.settle()

    assert [fields["account"] for fields in site.named("channel.opened")] == ["johnson"]
    assert len(site.host.guesses) == 1
