"""
Attack A9: one key is shown, another one signs, and the login is taken for that of the
first (CVE-2024-45337, CVE-2026-46595, CVE-2023-43660).  The bastion cannot relay public
keys, and has none to look at: no such request gets anywhere.
"""

from __future__ import annotations

from typing import Any

import pytest
from attacking.client import Client, request
from attacking.exchange import HOST_KEY, keyBlob
from attacking.host import KEY, OTHER_KEY, Host
from attacking.stages import Stage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bastion.wire import (
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_REQUEST,
    Reader,
    byte,
    nameList,
    string,
)

#: What a host may offer beside what can be relayed.
EVERYTHING = (b"publickey", b"hostbased", b"gssapi-with-mic", b"password")


def offered(key: Ed25519PrivateKey) -> bytes:
    """
    A question whether a key would do (RFC 4252 section 7).
    """
    return request(b"publickey", byte(0) + string(HOST_KEY) + string(keyBlob(key)))


def signed(client: Client, key: Ed25519PrivateKey) -> bytes:
    """
    A login with a key, as it should be.
    """
    fields = request(b"publickey", byte(1) + string(HOST_KEY) + string(keyBlob(key)))
    said = string(client.session) + byte(MSG_USERAUTH_REQUEST) + fields
    return fields + string(string(HOST_KEY) + string(key.sign(said)))


@pytest.fixture
def asked(site: Any) -> Client:
    """
    A client that has asked for the methods of a host that has them all.
    """
    site.makeHost["nice1"] = lambda: Host(until=Stage.SERVICE)
    client: Client = site.connects(Client(until=Stage.LOGIN))
    site.sends(site.host, MSG_USERAUTH_FAILURE, nameList(EVERYTHING) + byte(0))
    return client


def offer(client: Client) -> tuple[bytes, ...]:
    """
    What the client was told that it may do.
    """
    reader = Reader(client.last(MSG_USERAUTH_FAILURE) or b"")
    methods = reader.nameList()
    assert not reader.boolean()
    return methods


def test_publicKeysAreNotOffered(asked: Client) -> None:
    assert set(offer(asked)) == {b"password", b"keyboard-interactive"}


@pytest.mark.parametrize("last", [KEY, OTHER_KEY], ids=["the same", "another one"])
def test_keyThatIsShownAndSignedWithIsRefusedAndNotPassedOn(
    site: Any, asked: Client, last: Ed25519PrivateKey
) -> None:
    before = len(site.host.heard)
    for payload in (offered(KEY), offered(OTHER_KEY), signed(asked, last), offered(KEY)):
        asked.heard.clear()
        site.sends(asked, MSG_USERAUTH_REQUEST, payload)
        assert asked.numbers() == [MSG_USERAUTH_FAILURE]

    assert len(site.host.heard) == before
    assert site.named("login.accepted") == []


@pytest.mark.parametrize("method", [b"hostbased", b"gssapi-with-mic", b"gssapi-keyex", b"x", b""])
def test_otherMethodsAreRefusedAndNotPassedOn(site: Any, asked: Client, method: bytes) -> None:
    before = len(site.host.heard)
    site.sends(asked, MSG_USERAUTH_REQUEST, request(method, bytes(30_000)))

    assert set(offer(asked)) == {b"password", b"keyboard-interactive"}
    assert len(site.host.heard) == before
    assert site.kept < 30_000


def test_shownKeysCountAsAttempts(site: Any, asked: Client) -> None:
    """
    They are as cheap for a guesser as passwords.
    """
    for _ in range(6):
        site.sends(asked, MSG_USERAUTH_REQUEST, offered(KEY))

    assert asked.gone


def test_loginBehindRefusedKeysIsThePasswords(site: Any, asked: Client) -> None:
    """
    In the audit log stands what the host has accepted, and nothing else.
    """
    site.sends(asked, MSG_USERAUTH_REQUEST, signed(asked, KEY))
    site.host.stage = Stage.LOGIN
    site.host.goes(Stage.SESSION)
    asked.goes(Stage.SESSION)
    site.settle()

    assert asked.stage is Stage.SESSION
    (accepted,) = site.named("login.accepted")
    assert (accepted["account"], accepted["method"]) == ("johnson", "password")
