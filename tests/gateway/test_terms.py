"""
L{bastion.gateway.terms}: what the tables say is how the two legs are spoken, and who
cannot speak so is told what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet.task import Clock

from bastion.algorithms import (
    COMPATIBLE_TO_CLIENTS,
    COMPATIBLE_TO_HOSTS,
    LAST_RESORT_CIPHERS,
    LAST_RESORT_MACS,
    TO_CLIENTS,
    TO_HOSTS,
    Algorithms,
    withLastResort,
)
from bastion.auth.messages import NONE
from bastion.config.offered import COMPATIBLE
from bastion.config.schema import ClusterTable, GatewayTable
from bastion.gateway.terms import clientTerms, hostTerms
from bastion.interfaces import HostAddress
from bastion.ssh.terms import WITH_CLIENTS, WITH_HOSTS, Patience, RekeyLimits, Terms
from bastion.testing.speakers import Speaker, speakingHost
from bastion.wire import DISCONNECT_KEY_EXCHANGE_FAILED, MSG_CHANNEL_DATA, string, uint32

NEW = b"SSH-2.0-OpenSSH_9.9"
OLD = b"SSH-2.0-OpenSSH_6.6"
#: What another program offers: none of ours among them, or one.
CBC = (b"aes256-cbc", b"3des-cbc")
CHACHA = (b"chacha20-poly1305@openssh.com",)


def gatewayTable(**keys: Any) -> GatewayTable:
    """
    A gateway's table.
    """
    return GatewayTable(name="esrf", listen=("tcp:0",), cluster="nice", **keys)


def clusterTable(**keys: Any) -> ClusterTable:
    """
    A cluster's table.
    """
    chosen: Any = None
    return ClusterTable(
        name="nice", hosts=(), select=chosen, check=chosen, known_hosts=Path(), **keys
    )


def offering(**lists: tuple[bytes, ...]) -> Terms:
    """
    The terms of somebody who offers something else than we do.
    """
    algorithms = evolve(TO_HOSTS, **lists)
    return Terms(lambda identification: algorithms)


def facing(talker: Any) -> Any:
    """
    The bastion's transport at the other end.
    """
    return talker.tcp.other.protocol


def leaveItToUs(payload: bytes) -> None:
    """
    What a peer does with our KEXINIT so that it is us who find nothing in common.
    """


# From the tables


@pytest.mark.parametrize("identification", [NEW, OLD, b"SSH-2.0-Unheard_of", b"SSH-2.0-x", b""])
@pytest.mark.parametrize("of", ["client", "host"])
def test_tablesThatSayNothingAreTheDefaults(of: str, identification: bytes) -> None:
    terms, default = clientTerms(gatewayTable()), WITH_CLIENTS
    if of == "host":
        terms, default = hostTerms(clusterTable()), WITH_HOSTS

    assert terms.algorithms(identification) == default.algorithms(identification)
    assert (terms.rekey, terms.patience) == (default.rekey, default.patience)


@pytest.mark.parametrize(
    ("setting", "identification", "offered"),
    [
        ("auto", NEW, TO_CLIENTS),
        ("auto", OLD, withLastResort(TO_CLIENTS)),
        ("auto", b"SSH-2.0-Unheard_of", withLastResort(TO_CLIENTS)),
        ("always", NEW, withLastResort(TO_CLIENTS)),
        ("always", OLD, withLastResort(TO_CLIENTS)),
        ("never", NEW, TO_CLIENTS),
        ("never", OLD, TO_CLIENTS),
    ],
)
def test_lastResortIsOfferedAsTheTableSays(
    setting: str, identification: bytes, offered: Algorithms
) -> None:
    terms = clientTerms(gatewayTable(last_resort=setting))

    assert terms.algorithms(identification) == offered


def test_compatibleIsWhatOldProgramsNeed() -> None:
    terms = clientTerms(gatewayTable(algorithms=COMPATIBLE))

    assert terms.algorithms(OLD) == COMPATIBLE_TO_CLIENTS
    assert set(terms.algorithms(NEW).ciphers).isdisjoint(LAST_RESORT_CIPHERS)
    assert set(terms.algorithms(NEW).macs).isdisjoint(LAST_RESORT_MACS)


def test_hostsAreOfferedTheSameWhoeverTheyAre() -> None:
    terms = hostTerms(clusterTable(algorithms=COMPATIBLE_TO_HOSTS))

    assert terms.algorithms(b"") == terms.algorithms(OLD) == COMPATIBLE_TO_HOSTS


@pytest.mark.parametrize("of", ["client", "host"])
def test_limitsAreThoseOfTheTable(of: str) -> None:
    keys = {
        "rekey_bytes": 1 << 20,
        "rekey_packets": 5000,
        "rekey_time": 600.0,
        "keepalive": 5.0,
        "keepalive_tries": 7,
    }
    terms = clientTerms(gatewayTable(**keys)) if of == "client" else hostTerms(clusterTable(**keys))

    assert terms.rekey == RekeyLimits(1 << 20, 5000, 600.0)
    assert terms.patience == Patience(5.0, 7)


# To the transports


@pytest.mark.parametrize(
    ("setting", "program", "last"),
    [
        ("auto", NEW, False),
        ("auto", OLD, True),
        ("always", NEW, True),
        ("never", OLD, False),
    ],
)
def test_clientIsOfferedWhatItsProgramNeeds(
    memoryOf: Callable[..., Any], setting: str, program: bytes, last: bool
) -> None:
    memory = memoryOf(last_resort=setting)
    client = memory.connects(ourVersionString=program)

    offered = facing(client).offered()

    assert (CHACHA[0] in offered.ciphers) == last
    assert (LAST_RESORT_MACS[0] in offered.macs) == last


@pytest.mark.parametrize(("program", "fits"), [(OLD, True), (NEW, False)])
def test_clientThatHasTheLastResortOnlyGetsIn(memory: Any, program: bytes, fits: bool) -> None:
    client = memory.connects(ourVersionString=program, terms=offering(ciphers=CHACHA))
    client.requests(NONE)

    assert (client.fate == []) == fits
    assert bool(memory.hosts["nice1"]) == fits


def test_listsOfTheTablesAreOffered(memoryOf: Callable[..., Any]) -> None:
    cipher = (b"aes256-gcm@openssh.com",)
    memory = memoryOf(
        algorithms=evolve(COMPATIBLE, all=evolve(TO_CLIENTS, ciphers=cipher)),
        last_resort="always",
        cluster={"algorithms": evolve(TO_HOSTS, ciphers=(b"aes192-ctr",))},
    )
    client, host = memory.loggedIn()

    assert facing(client).offered().ciphers == cipher
    assert facing(host).offered().ciphers == (b"aes192-ctr",)


@pytest.mark.parametrize("of", ["client", "host"])
@pytest.mark.parametrize("limit", [{"rekey_packets": 50}, {"rekey_bytes": 65536}])
def test_keysAreNewWhenTheTableSaysSo(
    memoryOf: Callable[..., Any], of: str, limit: dict[str, int]
) -> None:
    settings: dict[str, Any] = limit if of == "client" else {"cluster": limit}
    memory = memoryOf(**settings)
    client, host = memory.loggedIn()
    near, far = (client, host) if of == "client" else (host, client)
    asked: list[Any] = []
    for talker in (client, host):
        transport, ask = facing(talker), facing(talker).sendKexInit
        transport.sendKexInit = lambda of=transport, ask=ask: (asked.append(of), ask())

    for _ in range(120):
        far.says(MSG_CHANNEL_DATA, uint32(0) + string(bytes(1000)))

    assert 1 <= asked.count(facing(near)) <= 3
    assert asked.count(facing(far)) == 0
    assert len(near.hears()) == 120


@pytest.mark.parametrize("of", ["client", "host"])
def test_keysAreNewInTime(memoryOf: Callable[..., Any], of: str) -> None:
    tables: dict[str, dict[str, Any]] = {"client": {"keepalive": 0.0}, "host": {"keepalive": 0.0}}
    tables[of]["rekey_time"] = 30.0
    memory = memoryOf(cluster=tables["host"], **tables["client"])
    client, host = memory.loggedIn()
    near, far = (client, host) if of == "client" else (host, client)
    before = [facing(talker).outgoing.packets for talker in (near, far)]
    assert before[0] > 2

    memory.network.advance(31)

    after = [facing(talker).outgoing.packets for talker in (near, far)]
    assert after[0] == 0
    assert after[1] == before[1]


# Nothing in common


@pytest.mark.parametrize(
    ("lists", "kind", "theirs", "ours"),
    [
        ({"ciphers": CBC}, "cipher", CBC, TO_CLIENTS.ciphers[0]),
        (
            {"ciphers": (b"aes128-ctr",), "macs": (b"hmac-md5",)},
            "MAC",
            (b"hmac-md5",),
            TO_CLIENTS.macs[0],
        ),
        (
            {"keyExchanges": (b"diffie-hellman-group1-sha1",)},
            "key exchange",
            (b"diffie-hellman-group1-sha1",),
            TO_CLIENTS.keyExchanges[0],
        ),
    ],
)
def test_clientWithNothingInCommonIsToldSoAndSoIsTheLog(
    memory: Any, lists: dict[str, Any], kind: str, theirs: tuple[bytes, ...], ours: bytes
) -> None:
    """
    Its user may read it, and so may the operator.
    """
    client = memory.connects(terms=offering(**lists), ssh_KEXINIT=leaveItToUs)

    ((said, reason, text), lost) = client.fate
    assert (said, reason, lost) == ("disconnected", DISCONNECT_KEY_EXCHANGE_FAILED, "lost")
    assert text.startswith(b"no %s in common: the other side has " % kind.encode())
    for name in (*theirs, ours):
        assert name in text
    assert memory.reason == f"client fault: {text.decode()}"


def test_hostWithNothingInCommonIsPassedOverAndTheLogSaysWhy(memoryOf: Callable[..., Any]) -> None:
    memory = memoryOf(cluster={"algorithms": evolve(TO_HOSTS, ciphers=CHACHA)})
    hosts: list[Speaker] = []

    def connected() -> Any:
        hosts.append(speakingHost(Clock(), Key(Ed25519PrivateKey.generate())))
        transport: Any = hosts[-1].transport
        transport.speakOn(offering(ciphers=CBC))
        transport.ssh_KEXINIT = leaveItToUs
        return transport

    for name in ("nice1", "nice2"):
        memory.network.listen(HostAddress(name), connected)
    client = memory.connects()
    client.requests(NONE)

    passed = memory.named("host.refused")
    assert [each["host"] for each in passed] == ["nice1", "nice2"]
    reason = passed[0]["reason"].removeprefix("nice1 is of no use: ")
    begin = "no cipher in common: the other side has aes256-cbc, 3des-cbc; needed is one of chacha"
    assert reason.startswith(begin)
    assert client.fate[-1] == "lost"
    for host in hosts:
        told = ("disconnected", DISCONNECT_KEY_EXCHANGE_FAILED, reason.encode())
        assert host.witness.events == [told, "lost"]
