"""
Attack A29: a stranger who fills the disk by what is written down of him.  However much he
sends before a login, and of whatever kind, a connection is ten lines at most, and all of it
a megabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attacking.client import WRONG, Client, password, request
from attacking.records import Records
from attacking.stages import Stage

from bastion.wire import (
    MSG_CHANNEL_OPEN,
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_SERVICE_REQUEST,
    MSG_UNIMPLEMENTED,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    byte,
    string,
    uint32,
)

#: How much comes altogether, and from one connection at most, in bytes.
MUCH = 60 << 20
FROM_ONE = 1 << 20
#: What may be written down of that.
LINES = 10
WRITTEN = 1 << 20

#: As large as a packet may be before a login, nearly.
LARGE = 34_000

Make = Callable[[Client], bytes]


def packets(number: int, payload: bytes = b"") -> Make:
    """
    Messages of one kind, as the client may send them at its stage.
    """

    def make(client: Client) -> bytes:
        each = client.packet(number, payload)
        more = max(1, min(200, FROM_ONE // len(each) // 8))
        return each + b"".join(client.packet(number, payload) for _ in range(more - 1))

    return make


def always(data: bytes) -> Make:
    """
    The same bytes, whatever the stage is.
    """
    return lambda client: data


JUNK: dict[str, tuple[Stage, Make]] = {
    "zeros": (Stage.CONNECTED, always(bytes(1 << 16))),
    "no SSH": (Stage.CONNECTED, always(b"A" * (1 << 16))),
    "lines": (Stage.CONNECTED, always(b"\x1b[2J hello\r\n" * 5000)),
    "half an identification": (Stage.CONNECTED, always(b"SSH-2.0-" + b"A" * (1 << 16))),
    "escapes": (Stage.CONNECTED, always(b"SSH-2.0-" + b"\x1b" * 200 + b"\r\n" + b"\xff" * 60000)),
    "no packet": (Stage.IDENTIFIED, always(b"\xff" * (1 << 16))),
    "packets of nothing": (Stage.IDENTIFIED, always((b"\0\0\0\x0c\x0b" + bytes(11)) * 4000)),
    "ignored in the clear": (Stage.IDENTIFIED, packets(MSG_IGNORE, string(bytes(LARGE)))),
    "words in the clear": (
        Stage.ASKED,
        packets(MSG_DEBUG, byte(1) + string(b"\n" * LARGE) + string(b"")),
    ),
    "not sealed": (Stage.KEYED, always(b"\x1b" * (1 << 16))),
    "ignored": (Stage.KEYED, packets(MSG_IGNORE, string(bytes(LARGE)))),
    "words": (Stage.LOGIN, packets(MSG_DEBUG, byte(1) + string(b"\n" * LARGE) + string(b""))),
    "unknown": (Stage.KEYED, packets(250, bytes(LARGE))),
    "keys": (Stage.KEYED, packets(MSG_KEXINIT, bytes(LARGE))),
    "services": (Stage.KEYED, packets(MSG_SERVICE_REQUEST, string(b"\x1b" * LARGE))),
    "none": (Stage.SERVICE, packets(MSG_USERAUTH_REQUEST, request(b"none"))),
    "guesses": (Stage.LOGIN, packets(MSG_USERAUTH_REQUEST, password(WRONG))),
    "long guesses": (Stage.LOGIN, packets(MSG_USERAUTH_REQUEST, password(b"\x1b" * LARGE))),
    "names": (
        Stage.SERVICE,
        packets(MSG_USERAUTH_REQUEST, request(b"none", account=b"\xff" * 256)),
    ),
    "answers": (Stage.LOGIN, packets(MSG_USERAUTH_INFO_RESPONSE, uint32(1) + string(WRONG))),
    "channels": (Stage.LOGIN, packets(MSG_CHANNEL_OPEN, bytes(LARGE))),
    "goodbyes": (Stage.LOGIN, packets(MSG_DISCONNECT, uint32(2) + string(b"\x1b" * LARGE))),
}
#: What a peer may say at any time, and nobody answers; and how much of it is said: a packet
#: of a few bytes costs the test as much as one of many.
ENDLESS: dict[str, tuple[Stage, Make, int]] = {
    "ignored": (*JUNK["ignored"], MUCH),
    "words": (*JUNK["words"], MUCH),
    "ignored, small": (Stage.LOGIN, packets(MSG_IGNORE, string(b"")), MUCH // 60),
    "not understood": (Stage.LOGIN, packets(MSG_UNIMPLEMENTED, uint32(0)), MUCH // 60),
}


@pytest.fixture
def records(site: Any, tmp_path: Path) -> Iterator[Records]:
    """
    What is written down of it.
    """
    records = Records(site, tmp_path)
    yield records
    records.check()
    records.close()


def floods(site: Any, client: Client, make: Make, size: int) -> int:
    """
    Send so much, or as much as the connection lasts for.

    @return: how much it was.
    """
    sent = 0
    while sent < size and not client.gone:
        data = make(client)
        site.writes(client, data)
        sent += len(data)
    return sent


@pytest.mark.parametrize("kind", JUNK)
def test_sixtyMebibytesOfJunkAreALittleLog(site: Any, records: Records, kind: str) -> None:
    """
    From one connection after the other, as long as each of them lasts; what is sent behind
    the end of one arrives nowhere, and counts.
    """
    stage, make = JUNK[kind]
    sent = connections = longest = 0
    while sent < MUCH:
        before = records.lines()
        client = site.connects(Client(until=stage))
        floods(site, client, make, FROM_ONE)
        sent += FROM_ONE
        connections += 1
        site.tcp(client).abortConnection()
        site.settle()
        longest = max(longest, records.lines() - before)

    assert connections == MUCH // FROM_ONE
    assert 2 <= longest <= LINES
    assert len(records.text) + len(records.audit) <= WRITTEN


@pytest.mark.parametrize("kind", ENDLESS)
def test_oneConnectionThatIsNotEndedIsTwoLines(site: Any, records: Records, kind: str) -> None:
    """
    Of what means nothing, nothing is kept.
    """
    stage, make, much = ENDLESS[kind]
    client = site.connects(Client(until=stage))
    kept = site.kept

    assert floods(site, client, make, much) >= much
    assert not client.gone
    assert site.kept - kept < 4096
    site.tcp(client).abortConnection()
    site.settle()
    assert records.lines() == 2


def test_guesserIsOneLineForEachGuess(site: Any, records: Records) -> None:
    """
    And one for the beginning, for the last refusal and for the end: the longest story that a
    connection has without a login.
    """
    client = site.connects(Client(until=Stage.LOGIN))
    guess = client.packet
    site.writes(client, b"".join(guess(MSG_USERAUTH_REQUEST, password(WRONG)) for _ in range(4)))
    for _ in range(60):
        if not client.gone:
            site.sends(client, MSG_USERAUTH_REQUEST, request(b"hostbased", bytes(LARGE)))
    site.network.advance(site.admission.login_grace_time + 1)

    assert client.gone
    assert records.lines() <= LINES


def test_turnedAwayIsOneLine(siteOf: Any, tmp_path: Path) -> None:
    """
    Also for who has to wait, and comes all the time.
    """
    site = siteOf(admission={"penalties": "on", "penalty_exempt": (), "per_source_startups": 2})
    records = Records(site, tmp_path)
    for _ in range(2):
        site.connects(Client(until=Stage.CONNECTED))
    before = records.lines()
    for _ in range(1000):
        client = site.connects(Client(until=Stage.CONNECTED))
        if not client.gone:
            site.writes(client, b"A" * 60_000)
    assert records.lines() - before == 1000
    assert len(records.text) + len(records.audit) <= WRITTEN
    records.check()
    records.close()
