"""
C{SECURITY.md}: that the limits it names are those of the code, and that the tests it
names are there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bastion.admission import penalties, reversedns
from bastion.auth import client, messages, server
from bastion.config.admission import AdmissionTable
from bastion.config.schema import keys
from bastion.gateway import sessionlog
from bastion.relay import channels, connection, grants
from bastion.ssh import farewell, held, identification, keyexchange, packets
from bastion.ssh.server import MAX_SERVICE_REQUESTS
from bastion.ssh.terms import Patience, RekeyLimits
from bastion.upstream import attempt, search

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "SECURITY.md").read_text()
ADMISSION, REKEY, PATIENCE = AdmissionTable(), RekeyLimits(), Patience()
WAITING = penalties.Rules()


def kib(size: int) -> str:
    """
    A size in KiB.
    """
    assert size % 1024 == 0
    return f"{size // 1024} KiB"


def startups() -> str:
    """
    The limits of those who have not logged in.
    """
    limit = ADMISSION.max_startups
    source = ADMISSION.per_source_startups
    return f"{limit.start}:{limit.rate}:{limit.full}, and {source} of a source"


def shared(*keys: str) -> str:
    """
    The limits of what connections share, by their keys.
    """
    limits = [getattr(ADMISSION, key) for key in keys]
    return ", ".join(map(str, limits)) if any(limits) else "any number"


LIMITS = {
    "identification string": f"{identification.MAX_LINE} bytes, "
    f"{keyexchange.HANDSHAKE_TIME:.0f} s with the key exchange",
    "connections without a login": startups(),
    "first key exchange": f"{keyexchange.HANDSHAKE_TIME:.0f} s",
    "later key exchange": f"{keyexchange.REKEY_TIME:.0f} s, {held.MAX_HELD >> 20} MiB held back",
    "whole login": f"{ADMISSION.login_grace_time:.0f} s",
    "attempts of a connection": f"{ADMISSION.max_auth_tries}",
    "requests of the login service": f"1, and {MAX_SERVICE_REQUESTS} of paramiko, which makes one "
    "for each attempt",
    "login requests that wait": f"{server.MAX_WAITING}",
    "account name": f"{messages.MAX_ACCOUNT} bytes",
    "waiting for those who fail": f"{WAITING.least:.0f} s to {WAITING.most:.0f} s, "
    f"{WAITING.limit} sources",
    "packet before the login": f"{packets.MAX_PACKET_BEFORE_LOGIN} bytes",
    "packet after it": kib(packets.MAX_PACKET),
    "compression": "none",
    "channels of a connection": f"{channels.MAX_CHANNELS}",
    "connections of a source, of a gateway": shared("per_source_connections", "max_connections"),
    "sessions of an account, of a source, of both, of a gateway": shared(
        "per_account_sessions",
        "per_source_sessions",
        "per_account_source_sessions",
        "max_sessions",
    ),
    "channels of an account, of a source, of a gateway": shared(
        "per_account_channels", "per_source_channels", "max_channels"
    ),
    "requests without a reply": f"{channels.MAX_PENDING} of a channel, or outside of channels",
    "forwardings of a connection": f"{grants.MAX_FORWARDS}",
    "answers that are not read": f"{connection.MAX_UNREAD}",
    "data of a channel in one message": f"{channels.LEAST_PACKET} bytes to "
    f"{kib(channels.MOST_PACKET)}",
    "banners of a host": kib(client.MAX_BANNERS),
    "way to one host": f"{attempt.HOST_TIME:.0f} s",
    "search for a host": f"{search.SEARCH_TIME:.0f} s",
    "keys serve for": f"{REKEY.bytes >> 30} GiB, {REKEY.packets} packets, {REKEY.seconds:.0f} s",
    "silence": f"{PATIENCE.tries} times {PATIENCE.interval:.0f} s",
    "last words": f"{farewell.PARTING_TIME:.0f} s",
    "what a host has sent before its end": f"{farewell.DRAINING_TIME:.0f} s to be read",
    "recorded refusals of a connection": f"{sessionlog.MAX_REFUSALS}",
    "DNS look-up": f"{reversedns.DEADLINE:.0f} s, {reversedns.MAX_NAMES} names, "
    f"{reversedns.MAX_PENDING} at a time",
}

ROWS = {
    what.strip(): [cell.strip() for cell in rest]
    for what, *rest in (
        line.strip("|").split("|")
        for line in TEXT.split("\n## Limits\n")[1].split("\n## ")[0].splitlines()
        if line.startswith("|") and "---" not in line
    )
}
ROWS.pop("of")


def test_everyLimitIsTheCodes() -> None:
    assert {what: default for what, (default, *_) in ROWS.items()} == LIMITS


@pytest.mark.parametrize("what", ROWS)
def test_everyLimitHasItsTests(what: str) -> None:
    assert re.fullmatch(r"`tests/\S+\.py`", ROWS[what][-1])


def test_everyKeyExists() -> None:
    named = {name for row in ROWS.values() for name in re.findall(r"`(.+?)`", row[1])}
    assert named <= {key.rpartition(".")[2] for key in keys()}


PATHS = sorted(
    set(re.findall(r"`((?:tests|docs|bastion|etc)/[^`\s]*|[A-Za-z]+\.(?:md|txt))`", TEXT))
)


@pytest.mark.parametrize("path", PATHS)
def test_everyFileThatIsNamedIsThere(path: str) -> None:
    assert (ROOT / path).exists()
