"""
Clients that have only what is not offered any more: they are told what is missing,
and so is the operator.
"""

from __future__ import annotations

import paramiko
import pytest
from harness import paramikoclient, plainclient
from harness.algorithms import CTR, ETM_MACS, GCM, PLAIN_MACS, Choice
from harness.dropbear import dbclient
from harness.openssh import ssh
from harness.waiting import until

pytestmark = pytest.mark.interop

#: SSH_DISCONNECT_KEY_EXCHANGE_FAILED (RFC 4253 section 11.1).
KEY_EXCHANGE_FAILED = 3

#: The kind, what the client has of it, and something that it would need.
_REMOVED = [
    ("key exchange", "diffie-hellman-group1-sha1", "mlkem768x25519-sha256"),
    ("key exchange", "diffie-hellman-group14-sha1", "curve25519-sha256"),
    ("host key algorithm", "ssh-dss", "ssh-ed25519"),
    ("cipher", "aes128-cbc", "aes128-gcm@openssh.com"),
    ("cipher", "3des-cbc", "aes128-ctr"),
    ("MAC", "hmac-sha1", "hmac-sha2-256-etm@openssh.com"),
    ("MAC", "hmac-md5", "hmac-sha2-512-etm@openssh.com"),
    ("compression", "zlib", "none"),
]


@pytest.fixture
def reason(algorithms):
    """
    Why the connection of this test has ended, as the audit log has it.
    """
    before = algorithms.gateway.auditSize()

    def found():
        events = algorithms.gateway.audit(offset=before)
        return [e["reason"] for e in events if e["event"] == "connection.closed"]

    return lambda: until(found, 10, "connection.closed")[-1]


@pytest.mark.parametrize("gateway", ["default", "compatible"])
@pytest.mark.parametrize(
    ("kind", "theirs", "needed"), _REMOVED, ids=[theirs for _, theirs, _ in _REMOVED]
)
def test_clientIsToldWhatIsMissing(algorithms, reason, gateway, kind, theirs, needed):
    other = {kind.replace(" ", "_"): theirs}
    if kind == "MAC":
        other["cipher"] = "aes128-ctr"
    answer = plainclient.greet(algorithms.through(gateway), "OldProgram_1.0", **other)
    assert answer.code == KEY_EXCHANGE_FAILED
    for text in (answer.words, reason()):
        assert f"no {kind} in common" in text
        assert theirs in text
        assert needed in text


@pytest.mark.parametrize(
    ("gateway", "identification", "chacha", "plain"),
    [
        ("default", "OpenSSH_9.2p1 Debian-2", False, False),
        ("default", "OpenSSH_10.5", False, False),
        ("default", "PuTTY_Release_0.78", False, False),
        ("default", "OpenSSH_6.1", True, True),
        ("default", "PuTTY_Release_0.67", True, True),
        ("default", "dropbear_2022.83", True, True),
        ("default", "libssh2_1.10.0", True, True),
        ("default", "OldProgram_1.0", True, True),
        ("always", "OpenSSH_9.2p1 Debian-2", True, True),
        ("never", "OldProgram_1.0", False, False),
        ("compatible", "OpenSSH_9.2p1 Debian-2", False, False),
        ("compatible", "OldProgram_1.0", True, True),
    ],
)
def test_lastResortGoesToThoseWhoMayNeedIt(algorithms, gateway, identification, chacha, plain):
    answer = plainclient.greet(algorithms.through(gateway), identification, cipher="3des-cbc")
    ciphers, macs = answer.offered[2:4]
    assert [*GCM, *CTR] == [name for name in ciphers if "chacha20" not in name]
    assert list(ETM_MACS) == macs[:2]
    assert ("chacha20-poly1305@openssh.com" in ciphers) == chacha
    assert macs[2:] == (list(PLAIN_MACS) if plain else [])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("cipher", Choice(cipher="aes128-cbc", mac="hmac-sha2-256-etm@openssh.com").options()),
        ("key exchange", Choice(keyExchange="diffie-hellman-group1-sha1").options()),
        ("MAC", Choice(cipher="aes128-ctr", mac="hmac-sha1").options()),
        ("host key algorithm", Choice(hostKey="ssh-rsa").options()),
    ],
    ids=["cipher", "key exchange", "MAC", "host key"],
)
def test_oldOpensshIsRefusedAndTheLogSaysWhy(algorithms, reason, kind, options):
    """
    OpenSSH looks at the offer itself and does not wait for our words.
    """
    done = ssh(algorithms.through("default"), "true", options=options)
    assert done.status == 255
    assert "Unable to negotiate" in done.stderr
    assert "Their offer: " in done.stderr
    assert f"no {kind} in common" in reason()


def test_oldParamikoIsRefusedAndTheLogSaysWhy(algorithms, reason):
    with pytest.raises(paramiko.SSHException):
        with paramikoclient.transport(algorithms.through("default"), Choice(cipher="aes256-cbc")):
            pass
    assert "no cipher in common: the other side has aes256-cbc" in reason()


def test_dropbearIsRefusedWithoutTheLastResort(algorithms, reason):
    options = ["-c", "aes128-ctr", "-m", "hmac-sha2-256"]
    done = dbclient(algorithms.through("never"), "echo in", options=options)
    assert not done.stdout
    assert "no MAC in common: the other side has hmac-sha2-256" in reason()
