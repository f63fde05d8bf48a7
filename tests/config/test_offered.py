"""
Tests of L{bastion.config.offered}: words and lists, then what is wrong with the
exact words for the operator.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from bastion.algorithms import (
    COMPATIBLE_TO_CLIENTS,
    COMPATIBLE_TO_HOSTS,
    TO_CLIENTS,
    TO_HOSTS,
    withLastResort,
)
from bastion.config.offered import ClientAlgorithms, clientAlgorithms, hostAlgorithms
from bastion.config.problems import dotted
from bastion.config.readers import UNREAD, Place, Reader

CHACHA = b"chacha20-poly1305@openssh.com"
MACS = (
    "there are: hmac-sha2-256, hmac-sha2-256-etm@openssh.com, "
    "hmac-sha2-512, hmac-sha2-512-etm@openssh.com"
)


def noted(place: Place) -> list[str]:
    """
    The problems found so far, as the operator sees them.
    """
    return [f"{dotted(path)}: {problem}" for path, problem in place.noted]


def readClients(value: object, place: Place) -> ClientAlgorithms:
    """
    The algorithms of a gateway that are right.
    """
    read: Any = clientAlgorithms(value, place)
    assert noted(place) == []
    assert isinstance(read, ClientAlgorithms)
    return read


@pytest.mark.parametrize("value", ["default", {}])
def test_defaultToClientsIsWithAndWithoutTheLastResort(value: object, place: Place) -> None:
    read = readClients(value, place)
    assert read == ClientAlgorithms(TO_CLIENTS, withLastResort(TO_CLIENTS))
    assert CHACHA not in read.usual.ciphers


@pytest.mark.parametrize("value", ["default", {}])
def test_defaultToHostsHasTheLastResortLast(value: object, place: Place) -> None:
    assert hostAlgorithms(value, place) == TO_HOSTS
    assert CHACHA in TO_HOSTS.ciphers
    assert noted(place) == []


def test_compatibleIsAllThereIs(place: Place) -> None:
    assert hostAlgorithms("compatible", place) == COMPATIBLE_TO_HOSTS
    assert readClients("compatible", place).all == COMPATIBLE_TO_CLIENTS


def test_compatibleKeepsTheLastResortFromNewerPrograms(place: Place) -> None:
    usual = readClients("compatible", place).usual
    assert (usual.ciphers, usual.macs) == (TO_CLIENTS.ciphers, TO_CLIENTS.macs)
    assert usual.keyExchanges == COMPATIBLE_TO_CLIENTS.keyExchanges
    assert usual.hostKeys == COMPATIBLE_TO_CLIENTS.hostKeys


def test_listTakesThePlaceOfTheDefaultAsItIs(place: Place) -> None:
    read = readClients({"ciphers": ["aes256-ctr", "aes128-ctr"]}, place)
    ciphers = (b"aes256-ctr", b"aes128-ctr")
    assert read.usual == evolve(TO_CLIENTS, ciphers=ciphers)
    assert read.all.ciphers == ciphers
    assert read.all.macs == withLastResort(TO_CLIENTS).macs


def test_lastResortMayBeNamed(place: Place) -> None:
    read = readClients({"ciphers": [CHACHA.decode()], "macs": ["hmac-sha2-512"]}, place)
    assert read.usual == read.all
    assert (read.all.ciphers, read.all.macs) == ((CHACHA,), (b"hmac-sha2-512",))


def test_weakOnesMayBeNamed(place: Place) -> None:
    read = readClients(
        {
            "key_exchanges": ["diffie-hellman-group-exchange-sha256", "ecdh-sha2-nistp521"],
            "host_keys": ["rsa-sha2-256", "ssh-rsa"],
        },
        place,
    )
    for offered in (read.usual, read.all):
        assert offered.keyExchanges == (
            b"diffie-hellman-group-exchange-sha256",
            b"ecdh-sha2-nistp521",
        )
        assert offered.hostKeys == (b"rsa-sha2-256", b"ssh-rsa")


def test_everyListOfAClusterCanBeGiven(place: Place) -> None:
    table = {
        "key_exchanges": ["curve25519-sha256"],
        "host_keys": ["ssh-ed25519"],
        "ciphers": ["aes128-ctr"],
        "macs": ["hmac-sha2-256"],
    }
    read = hostAlgorithms(table, place)
    assert noted(place) == []
    assert (read.keyExchanges, read.hostKeys) == ((b"curve25519-sha256",), (b"ssh-ed25519",))
    assert (read.ciphers, read.macs) == ((b"aes128-ctr",), (b"hmac-sha2-256",))


@pytest.mark.parametrize(
    ("read", "value", "problems"),
    [
        (
            clientAlgorithms,
            "strong",
            [
                'here: found the string "strong"; write "default", "compatible" or a table of '
                'lists, e.g. { ciphers = ["aes256-gcm@openssh.com"] }'
            ],
        ),
        (
            hostAlgorithms,
            ["aes128-ctr"],
            [
                'here: found a list; write "default", "compatible" or a table of '
                'lists, e.g. { ciphers = ["aes256-gcm@openssh.com"] }'
            ],
        ),
        (
            clientAlgorithms,
            {"cipher": ["aes128-ctr"], "compression": ["zlib"]},
            [
                'here.cipher: unknown key; did you mean "ciphers"?',
                "here.compression: unknown key; the keys here are: "
                "key_exchanges, host_keys, ciphers, macs",
            ],
        ),
        (
            clientAlgorithms,
            {"macs": ["hmac-sha1", "hmac-sha2-256", 5, "hmac-sha2-256"]},
            [
                f'here.macs: no MAC named "hmac-sha1"; {MACS}',
                "here.macs: found the whole number 5; write the name of a MAC, "
                'such as "hmac-sha2-256-etm@openssh.com"',
                'here.macs: "hmac-sha2-256" is listed twice; leave one out',
            ],
        ),
        (
            hostAlgorithms,
            {"macs": [], "ciphers": "aes128-ctr"},
            [
                "here.macs: the list is empty; write at least one, "
                'e.g. ["hmac-sha2-256-etm@openssh.com"]',
                'here.ciphers: found the string "aes128-ctr"; '
                'write a list such as ["aes128-gcm@openssh.com"]',
            ],
        ),
        (
            hostAlgorithms,
            {"host_keys": ["ssh-rsa"]},
            [
                'here.host_keys: the host key algorithm "ssh-rsa" cannot be offered to hosts; '
                "there are: ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521, "
                "rsa-sha2-256, rsa-sha2-512, ssh-ed25519"
            ],
        ),
        (
            hostAlgorithms,
            {"key_exchanges": ["diffie-hellman-group-exchange-sha256"]},
            [
                'here.key_exchanges: the key exchange "diffie-hellman-group-exchange-sha256" '
                "cannot be offered to hosts; there are: curve25519-sha256, "
                "curve25519-sha256@libssh.org, diffie-hellman-group14-sha256, "
                "diffie-hellman-group16-sha512, diffie-hellman-group18-sha512, "
                "ecdh-sha2-nistp256, ecdh-sha2-nistp384, ecdh-sha2-nistp521, "
                "mlkem768x25519-sha256"
            ],
        ),
    ],
)
def test_wrongAlgorithmsAreAllNoted(
    read: Reader, value: object, problems: list[str], place: Place
) -> None:
    assert read(value, place) is UNREAD
    assert noted(place) == problems


@pytest.mark.parametrize("name", ["ext-info-s", "kex-strict-s-v00@openssh.com"])
def test_markerIsNoKeyExchange(name: str, place: Place) -> None:
    assert clientAlgorithms({"key_exchanges": [name]}, place) is UNREAD
