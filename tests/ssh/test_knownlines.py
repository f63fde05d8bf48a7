"""
L{bastion.ssh.knownlines}: one line; files of them are in C{test_knownhosts.py}.
"""

from __future__ import annotations

import base64

import pytest

from bastion.interfaces import HostAddress
from bastion.ssh.knownlines import KeyLine, lookupName
from bastion.ssh.publickeys import fingerprint
from bastion.wire import Malformed, string

BLOB = string(b"ssh-ed25519") + string(bytes(32))
KEY = b"ssh-ed25519 " + base64.b64encode(BLOB)


def test_lineSaysWhichKeyAndWhereItStands() -> None:
    line = KeyLine.parse("known_hosts", 7, b"nice1 " + KEY + b" a comment")

    assert (line.format, line.blob, line.revoked) == (b"ssh-ed25519", BLOB, False)
    assert str(line) == f"ssh-ed25519 {fingerprint(BLOB)} (line 7)"
    assert line.place == "line 7 of known_hosts"
    assert line.matches(b"nice1") and not line.matches(b"nice2")


def test_revokedKeyIsMarked() -> None:
    assert KeyLine.parse("known_hosts", 1, b"@revoked * " + KEY).revoked


def test_lineThatCannotBeUsedSaysWhy() -> None:
    with pytest.raises(Malformed, match="host names, key type and key are not all there"):
        KeyLine.parse("known_hosts", 1, b"nice1 ssh-ed25519")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (HostAddress("Nice1"), b"nice1"),
        (HostAddress("nice1", 2222), b"[nice1]:2222"),
        (HostAddress("2001:db8::1"), b"2001:db8::1"),
        (HostAddress("2001:db8::1", 2222), b"[2001:db8::1]:2222"),
    ],
)
def test_hostIsLookedUpByOneName(host: HostAddress, name: bytes) -> None:
    assert lookupName(host) == name
    assert KeyLine.parse("known_hosts", 1, name + b" " + KEY).matches(name)
