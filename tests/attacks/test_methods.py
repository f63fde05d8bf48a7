"""
Attack A31: methods that nobody serves here, or that nobody has asked for
(CVE-2025-58181): GSSAPI, C{hostbased}, keys, a new password, and names that mean nothing.
They are not offered, whatever the host offers; they are refused before anything of them
is looked at, and nothing of them is kept.
"""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import pytest
from attacking.client import WRONG, Client, password, request
from attacking.host import REFUSED, Host
from attacking.stages import Stage

from bastion.wire import (
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    Reader,
    byte,
    nameList,
    string,
    uint32,
)

RELAYED = {b"password", b"keyboard-interactive"}
#: As large as a request may be before a login, nearly.
LARGE = 34_000
ATTEMPTS = 6

KERBEROS = uint32(1) + string(b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
KEY = string(b"ssh-ed25519") + string(string(b"ssh-ed25519") + string(bytes(32)))

#: By name: the method, and its fields as a client sends them, or as nobody does.
METHODS: dict[str, tuple[bytes, bytes]] = {
    "gssapi-with-mic": (b"gssapi-with-mic", KERBEROS),
    "gssapi-with-mic, four thousand million": (b"gssapi-with-mic", uint32(0xFFFF_FFFF)),
    "gssapi-with-mic, many": (b"gssapi-with-mic", uint32(8000) + string(b"") * 8000),
    "gssapi-keyex": (b"gssapi-keyex", string(bytes(64))),
    "gssapi": (b"gssapi", KERBEROS),
    "hostbased": (b"hostbased", KEY + string(b"pc.example.org") + string(b"root") + KEY),
    "hostbased, cut": (b"hostbased", KEY[:-3]),
    "publickey": (b"publickey", byte(0) + KEY),
    "publickey, signed": (b"publickey", byte(1) + KEY + string(bytes(83))),
    "publickey, large": (b"publickey", byte(0) + string(b"ssh-rsa") + string(bytes(LARGE))),
    "publickey, four thousand million": (b"publickey", byte(0) + b"\xff" * 8),
    "an OpenSSH extension": (b"publickey-hostbound-v00@openssh.com", byte(1) + KEY * 2),
    "no such method": (b"no-such-method", b""),
    "a method of ours": (b"none@bastion", b""),
    "another case": (b"Password", byte(0) + string(WRONG)),
    "a list": (b"password,keyboard-interactive", byte(0) + string(WRONG)),
    "a method and more": (b"password\0", byte(0) + string(WRONG)),
    "spaces": (b" password ", byte(0) + string(WRONG)),
    "no name": (b"", b""),
    "64 bytes": (b"x" * 64, bytes(LARGE)),
}
eachMethod = pytest.mark.parametrize(("method", "fields"), METHODS.values(), ids=METHODS)

#: What a host may offer beside what is relayed.
OFFERED = (
    b"publickey",
    b"gssapi-keyex",
    b"gssapi-with-mic",
    b"password",
    b"hostbased",
    b"keyboard-interactive",
    b"no-such-method",
    b"",
)


class Offering(Host):
    """
    A host that offers everything, and refuses it.
    """

    def hears(self, number: int, payload: bytes) -> None:
        """
        See L{Host}.
        """
        super().hears(number, payload)
        if number == MSG_USERAUTH_REQUEST:
            self.says(MSG_USERAUTH_FAILURE, nameList(OFFERED) + byte(0))


@pytest.fixture
def site(site: Any) -> Any:
    """
    A site whose first host offers everything.
    """
    site.makeHost["nice1"] = lambda: Offering(until=Stage.SERVICE)
    return site


def offers(client: Client) -> list[set[bytes]]:
    """
    What a client was offered, each time.
    """
    told = [payload for number, payload in client.heard if number == MSG_USERAUTH_FAILURE]
    return [set(Reader(payload).nameList()) for payload in told]


def asked(site: Any) -> list[bytes]:
    """
    The methods that hosts were asked for.
    """
    methods = []
    for host in site.hosts["nice1"]:
        for number, payload in host.heard:
            if number == MSG_USERAUTH_REQUEST:
                reader = Reader(payload)
                reader.string(), reader.string()
                methods.append(reader.string())
    return methods


def objects() -> Counter[str]:
    """
    What there is of the bastion's objects.
    """
    gc.collect()
    kinds = (type(each) for each in gc.get_objects())
    return Counter(kind.__name__ for kind in kinds if kind.__module__.startswith("bastion."))


@eachMethod
def test_methodIsNotOfferedAndReachesNoHost(site: Any, method: bytes, fields: bytes) -> None:
    """
    Not even the beginning of it: the host sees C{none}, by which it is asked what it has.
    """
    client = site.connects(Client(until=Stage.SERVICE))
    message = (MSG_USERAUTH_REQUEST, request(method, fields))
    for number in range(ATTEMPTS):
        assert site.sends(client, *message) is (number == ATTEMPTS - 1)

    assert offers(client) == [RELAYED] * (ATTEMPTS - 1)
    assert asked(site) == [b"none"]
    assert b"Too many authentication failures." in client.goodbye[1]


@pytest.mark.parametrize("tries", [1, 100])
@eachMethod
def test_siteSaysHowOftenItIsRefused(siteOf: Any, method: bytes, fields: bytes, tries: int) -> None:
    """
    And nothing is kept of it, as often as that is.
    """
    site = siteOf(admission={"max_auth_tries": tries})
    site.makeHost["nice1"] = lambda: Offering(until=Stage.SERVICE)
    client = site.connects(Client(until=Stage.LOGIN))
    message = (MSG_USERAUTH_REQUEST, request(method, fields))
    if tries > 1:
        assert not site.sends(client, *message)
    before, kept = len(offers(client)), site.kept
    for _ in range(tries):
        if not client.gone:
            assert site.kept <= kept
            site.sends(client, *message)

    assert client.gone
    refused = len(offers(client)) - before
    assert refused == max(0, tries - 2)
    assert asked(site) == [b"none"]


def test_thousandsOfTriesLeaveNothingBehind(site: Any) -> None:
    """
    From hundreds of connections; the objects of the bastion are as many as before.
    """

    def tries(connections: int) -> int:
        refused = 0
        for number in range(connections):
            client = site.connects(Client(until=Stage.LOGIN))
            method, fields = [*METHODS.values()][number % len(METHODS)]
            message = (MSG_USERAUTH_REQUEST, request(method, fields))
            refused += sum(not site.sends(client, *message) for _ in range(ATTEMPTS))
        site.clients.clear()
        site.hosts["nice1"].clear()
        site._ways.clear()
        site.clock.advance(120)
        site.settle()
        return refused

    tries(40)
    before = objects()
    assert tries(500) == 500 * (ATTEMPTS - 1)
    grown = {name: count for name, count in (objects() - before).items()}
    assert grown == {}


# A new password that the host has not asked for


def test_newPasswordIsTheHostsToRefuse(site: Any) -> None:
    """
    Where it takes passwords it may take a new one; each is an attempt, and reaches it as it
    is.
    """
    client = site.connects(Client(until=Stage.LOGIN))
    fields = byte(1) + string(WRONG) + string(b"new")
    payload = request(b"password", fields)
    for _ in range(60):
        if not client.gone:
            site.sends(client, MSG_USERAUTH_REQUEST, payload)

    assert client.gone
    assert asked(site) == [b"none"] + [b"password"] * ATTEMPTS
    assert [each for _, each in site.host.heard].count(payload) == ATTEMPTS


def test_newPasswordIsNoAnswerToADialogue(site: Any) -> None:
    """
    Where a host has nothing but a dialogue, nobody can change a password by the other
    method: he would read that it was changed, and it was not.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.SERVICE)
    client = site.connects(Client(until=Stage.LOGIN))
    only = nameList((b"keyboard-interactive",)) + byte(0)
    site.sends(site.host, MSG_USERAUTH_FAILURE, only)
    client.numbers()
    fields = byte(1) + string(WRONG) + string(b"new")
    site.sends(client, MSG_USERAUTH_REQUEST, request(b"password", fields))

    assert client.numbers() == [MSG_USERAUTH_FAILURE]
    assert asked(site) == [b"none"]
    # An old one still is.
    site.sends(client, MSG_USERAUTH_REQUEST, password(WRONG))
    assert asked(site) == [b"none", b"keyboard-interactive"]


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        byte(1),
        byte(1) + string(WRONG),
        byte(1) + string(WRONG) + string(b"new") + b"\0",
        byte(1) + string(WRONG) + uint32(0xFFFF_FFFF),
        byte(0) + string(WRONG) + string(b"new"),
    ],
)
def test_newPasswordThatIsNoneEndsTheConnection(site: Any, fields: bytes) -> None:
    client = site.connects(Client(until=Stage.LOGIN))

    assert site.sends(client, MSG_USERAUTH_REQUEST, request(b"password", fields))
    assert asked(site) == [b"none"]


@pytest.mark.parametrize("count", [0xFFFF_FFFF, 1 << 20])
def test_answersThatAreNotThereCostNothing(site: Any, count: int) -> None:
    """
    As many as a message says it has, and has not.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.LOGIN)
    client = site.connects(Client(until=Stage.LOGIN))
    dialogue = request(b"keyboard-interactive", string(b"") * 2)
    site.sends(client, MSG_USERAUTH_REQUEST, dialogue)
    question = string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0)
    site.sends(site.host, MSG_USERAUTH_INFO_REQUEST, question)

    assert site.sends(client, MSG_USERAUTH_INFO_RESPONSE, uint32(count) + string(b""))
    assert all(number != MSG_USERAUTH_INFO_RESPONSE for number, _ in site.host.heard)
    assert client.goodbye[1].endswith(b"a field ends at 12")


def test_methodsThatAHostNamesAreNotAskedOfIt(site: Any) -> None:
    """
    A host that has nothing else is one that cannot be logged in to.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.SERVICE)
    client = site.connects(Client(until=Stage.LOGIN))
    site.sends(site.host, MSG_USERAUTH_FAILURE, nameList((b"publickey", b"hostbased")) + byte(0))

    assert offers(client) == [set()]
    site.sends(client, MSG_USERAUTH_REQUEST, password(WRONG))
    assert asked(site) == [b"none"]
    assert REFUSED not in [payload for _, payload in client.heard]
