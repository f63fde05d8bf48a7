"""
Tests of L{bastion.ssh.phases}: every message, in every phase, from either end.
"""

from __future__ import annotations

import pytest

from bastion.ssh.phases import FROM_CLIENT, FROM_HOST, Phase

KEX, SERVICE, LOGIN, CONNECTION = Phase

# Message numbers, and the phases in which a client and a host may send them.
# Written down a second time on purpose, from RFC 4250 section 4.1.2 and by message
# instead of by phase.
EVERYWHERE = {KEX, SERVICE, LOGIN, CONNECTION}
MAY_SEND: list[tuple[str, range, set[Phase], set[Phase]]] = [
    ("nothing", range(0, 1), set(), set()),
    ("DISCONNECT to DEBUG", range(1, 5), EVERYWHERE, EVERYWHERE),
    ("SERVICE_REQUEST", range(5, 6), {SERVICE, LOGIN}, set()),
    ("SERVICE_ACCEPT", range(6, 7), set(), {SERVICE}),
    ("EXT_INFO", range(7, 8), {SERVICE}, {SERVICE, LOGIN, CONNECTION}),
    ("other of the transport", range(8, 20), set(), set()),
    ("KEXINIT, NEWKEYS", range(20, 22), {KEX, CONNECTION}, {KEX, CONNECTION}),
    ("other of the negotiation", range(22, 30), set(), set()),
    ("of the key exchange method", range(30, 50), {KEX, CONNECTION}, {KEX, CONNECTION}),
    ("USERAUTH_REQUEST", range(50, 51), {LOGIN, CONNECTION}, set()),
    ("USERAUTH_FAILURE to BANNER", range(51, 54), set(), {LOGIN}),
    ("other of the login", range(54, 60), set(), set()),
    ("INFO_REQUEST, PASSWD_CHANGEREQ", range(60, 61), set(), {LOGIN}),
    ("INFO_RESPONSE", range(61, 62), {LOGIN}, set()),
    ("other of the method", range(62, 80), set(), set()),
    ("of the connection protocol", range(80, 128), {CONNECTION}, {CONNECTION}),
    ("reserved", range(128, 192), set(), set()),
    ("PING", range(192, 193), {CONNECTION}, set()),
    ("PONG and other private ones", range(193, 256), set(), set()),
]
BY_NUMBER = [
    pytest.param(number, client, host, id=f"{number} {name}")
    for name, numbers, client, host in MAY_SEND
    for number in numbers
]


@pytest.mark.parametrize(("number", "client", "host"), BY_NUMBER)
def test_messageMayBeSentInItsPhasesOnly(number: int, client: set[Phase], host: set[Phase]) -> None:
    assert {phase for phase in Phase if number in FROM_CLIENT[phase]} == client
    assert {phase for phase in Phase if number in FROM_HOST[phase]} == host


def test_tableHasEveryNumberOnce() -> None:
    numbers = [number for _, each, _, _ in MAY_SEND for number in each]
    assert numbers == list(range(256))
