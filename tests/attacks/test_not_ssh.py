"""
Attack A30: whoever comes does not speak SSH, or not this one.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from attacking.process import SECONDS, gatewayLog, started, surviving
from harness.waiting import until

from bastion.ssh.identification import VERSION_2_ONLY

running = pytest.fixture(scope="module")(started)
bastion = pytest.fixture(surviving)

#: The beginning of a TLS 1.2 handshake: a record with a ClientHello (RFC 5246).
CLIENT_HELLO = bytes.fromhex("16030100a5010000a10303") + bytes(range(32)) + bytes(126)
FIRST_BYTES = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: bastion\r\n\r\n",
    "TLS": CLIENT_HELLO,
    "SSH 1": b"SSH-1.5-OpenSSH_1.2.3\n",
    "zeros": bytes(1000),
    "an empty line": b"\r\n",
    "no name": b"SSH-2.0-\r\n",
    "a long name": b"SSH-2.0-" + b"a" * 4096 + b"\r\n",
    "junk": os.urandom(1 << 20),
    "junk after the name": b"SSH-2.0-junk\r\n" + b"\xff" * (1 << 20),
    "two thousand lines": b"Hello\r\n" * 2000 + b"SSH-2.0-late\r\n",
}


@pytest.mark.parametrize("first", FIRST_BYTES)
def test_connectionIsClosedAndLittleIsWritten(bastion: Any, first: str) -> None:
    log = gatewayLog(bastion)
    before = log.stat().st_size
    attacker = bastion.connects("127.0.30.1")

    attacker.sends(FIRST_BYTES[first])
    said = attacker.hearsToTheEnd()

    assert said.startswith(b"SSH-2.0-") or not said
    written = log.read_bytes()[before:]
    assert written.count(b"\n") <= 10
    assert len(written) < 4096
    assert bastion.grown() < 16 << 10


def test_userOfVersion1IsToldAndRecorded(bastion: Any) -> None:
    attacker = bastion.connects("127.0.30.2")
    offset = bastion.gateway.auditSize()

    attacker.sends(FIRST_BYTES["SSH 1"])

    assert VERSION_2_ONLY.encode() in attacker.hearsToTheEnd()

    def recorded() -> bool:
        events = bastion.gateway.audit(offset=offset)
        return any("version 2" in str(event.get("reason")) for event in events)

    until(recorded, SECONDS, "it is recorded")


def test_whoSaysNothingAndGoesIsForgotten(bastion: Any) -> None:
    for number in range(100):
        bastion.connects(f"127.0.30.{number % 4 + 3}").socket.close()
