"""
PuTTY, dropbear and curl, each with what it can be told to speak.
"""

from __future__ import annotations

import re

import pytest
from harness import putty
from harness.algorithms import DROPBEAR_CIPHERS
from harness.curl import curl
from harness.dropbear import dbclient
from harness.matrix import hostName
from harness.openssh import ssh

pytestmark = pytest.mark.interop

#: What PuTTY is told, the gateway, and what it then says that it has agreed on.
_PUTTY = [
    ("Cipher", "aesgcm", "default", "AES-128 GCM"),
    ("Cipher", "aes", "default", "AES-256 SDCTR"),
    ("Cipher", "chacha20", "always", "ChaCha20"),
    ("KEX", "ecdh", "default", "Curve25519"),
    ("KEX", "dh-group14-sha1", "compatible", "SHA-256.*group14"),
    ("KEX", "dh-group16-sha512", "compatible", "SHA-512.*group16"),
    ("KEX", "dh-group18-sha512", "compatible", "SHA-512.*group18"),
    ("KEX", "dh-gex-sha1", "compatible", "SHA-256.*server-supplied group"),
    ("HostKey", "ed25519", "default", "ssh-ed25519"),
    ("HostKey", "rsa", "default", "ssh-rsa"),
]
_PUTTY_IDS = [f"{setting}-{word}" for setting, word, _, _ in _PUTTY]


@pytest.mark.parametrize(("setting", "word", "gateway", "said"), _PUTTY, ids=_PUTTY_IDS)
def test_plinkWithOneAlgorithmGetsItsDataBack(algorithms, mebibyte, setting, word, gateway, said):
    settings = putty.only(setting, word)
    done = putty.plink(
        algorithms.through(gateway), "cat", data=mebibyte.data, options=["-v"], settings=settings
    ).ok()
    assert mebibyte.matches(done.stdout)
    assert re.search(said, done.stderr), done.stderr


@pytest.mark.parametrize("cipher", ["aesgcm", "aes"])
def test_psftpWithOneCipherGoesBothWays(algorithms, mebibyte, user, cipher):
    route = algorithms.through("default")
    there, back = user.home / f"there-psftp-{cipher}", route.newDirectory() / "back"
    settings = putty.only("Cipher", cipher)
    commands = [f"put {mebibyte.path} {there}", f"get {there} {back}"]
    putty.psftp(route, *commands, settings=settings).ok()
    assert mebibyte.isIn(there)
    assert mebibyte.isIn(back)


def test_plinkEncryptsFirstWhereItCan(algorithms):
    """
    PuTTY prefers a MAC of what is not encrypted; it is not offered one.
    """
    settings = putty.only("Cipher", "aes")
    done = putty.plink(algorithms.through("default"), "true", options=["-v"], settings=settings)
    assert len(re.findall(r"MAC algorithm.*in ETM mode", done.ok().stderr)) == 2


@pytest.mark.parametrize("choice", DROPBEAR_CIPHERS, ids=str)
def test_dbclientWithOneCipherGetsItsDataBack(algorithms, mebibyte, choice):
    """
    It has nothing that is not a last resort, and is offered it.
    """
    options = ["-c", choice.cipher, *(["-m", choice.mac] if choice.mac else [])]
    done = dbclient(algorithms.through("default"), "cat", data=mebibyte.data, options=options)
    assert mebibyte.matches(done.ok().stdout)


@pytest.mark.parametrize("choice", DROPBEAR_CIPHERS, ids=str)
def test_dropbearHostWithOneCipherGivesTheDataBack(algorithms, mebibyte, choice):
    route = algorithms.through(hostName("dropbear", choice))
    assert mebibyte.matches(ssh(route, "cat", data=mebibyte.data).ok().stdout)


@pytest.mark.parametrize("gateway", ["default", "always", "compatible"])
def test_curlGoesBothWays(algorithms, mebibyte, user, gateway):
    """
    libssh2 1.10 has AES-CTR with the last resort of MACs.
    """
    route = algorithms.through(gateway)
    there = user.home / f"there-curl-{gateway}"
    curl(route, there, "--upload-file", str(mebibyte.path)).ok()
    assert mebibyte.isIn(there)
    assert mebibyte.matches(curl(route, there).ok().stdout)
