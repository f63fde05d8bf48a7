"""
Keys that change while much is moved, by whoever wishes it: nothing is lost.
"""

from __future__ import annotations

import hashlib
import random
import threading

import pytest
from harness.algorithms import CHACHA20, ETM_MACS, NEWEST, PLAIN_MACS, SYSTEM, Choice
from harness.openssh import session, ssh
from harness.payload import Payload
from harness.programs import newest

pytestmark = pytest.mark.interop

MIB = 1 << 20
GIB = 1 << 30
NEW_KEYS = "SSH2_MSG_NEWKEYS received"

#: After how much a client wants new keys, and how often it gets them at least.
_LIMITS = [("1M", 20), ("64K", 25)]
_WAYS = ["up", "down", "both"]
#: What is not agreed on without a wish: each kind of sealing.
_OTHERS = [
    Choice(cipher="aes256-ctr", mac=ETM_MACS[1]),
    Choice(cipher="aes128-ctr", mac=PLAIN_MACS[0]),
    Choice(cipher=CHACHA20),
]


def path(version):
    """
    Where the ssh of a version is.
    """
    return newest("bin/ssh") if version == NEWEST else ""


@pytest.fixture(scope="module")
def mebibytes(theSite):
    """
    16 MiB.
    """
    return Payload(theSite.directory / "mebibytes-rekeyed", 16 * MIB)


def moved(route, way, payload, options=(), version=SYSTEM):
    """
    Move a payload, and look whether all of it has arrived.

    @return: what the client said.
    """
    command, data = {
        "up": ("sha256sum", payload.data),
        "down": (f"cat {payload.path}", b""),
        "both": ("cat", payload.data),
    }[way]
    done = ssh(
        route, command, data=data, options=["-v", *options], path=path(version), limit=120
    ).ok()
    if way == "up":
        assert done.text.split()[0] == payload.digest
    else:
        assert payload.matches(done.stdout)
    return done.stderr


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize(("limit", "least"), _LIMITS, ids=[limit for limit, _ in _LIMITS])
def test_clientWantsNewKeysOften(algorithms, payload, mebibytes, way, limit, least):
    """
    While it reads it looks at its limit now and then, and has to read more.
    """
    if limit == "64K" and way != "down":
        payload = mebibytes
    said = moved(algorithms.through("default"), way, payload, [f"-oRekeyLimit={limit}"])
    assert said.count(NEW_KEYS) > least


@pytest.mark.parametrize("way", _WAYS)
def test_bastionWantsNewKeysOftenOnBothLegs(algorithms, payload, way):
    log = algorithms.hosts["ordinary"].server
    before = log.size()
    said = moved(algorithms.through("rekey"), way, payload)
    assert said.count(NEW_KEYS) > 20
    assert log.text(before).count(NEW_KEYS) > 20


@pytest.mark.parametrize("way", _WAYS)
def test_everybodyWantsNewKeys(algorithms, payload, way):
    """
    Client and bastion, at much the same moments.
    """
    said = moved(algorithms.through("rekey"), way, payload, ["-oRekeyLimit=1M"])
    assert said.count(NEW_KEYS) > 20


@pytest.mark.parametrize("way", _WAYS)
def test_newestClientAndHostGetNewKeys(algorithms, payload, way):
    """
    With strict key exchange and the hybrid method, each time again.
    """
    with algorithms.serving(NEWEST) as host:
        route = algorithms.through("rekey-newest")
        said = moved(route, way, payload, ["-oRekeyLimit=1M"], NEWEST)
        assert said.count(NEW_KEYS) > 20
        assert host.server.text().count(NEW_KEYS) > 20


@pytest.mark.parametrize("choice", _OTHERS, ids=str)
def test_otherCiphersGetNewKeys(algorithms, mebibyte, choice):
    options = ["-v", "-oRekeyLimit=64K", *choice.options()]
    done = ssh(algorithms.through("always"), "cat", data=mebibyte.data, options=options).ok()
    assert mebibyte.matches(done.stdout)
    assert done.stderr.count(NEW_KEYS) > 10


class Gibibytes:
    """
    Two GiB that are nowhere kept.
    """

    def __init__(self):
        self._blocks = [random.Random(n).randbytes(MIB) for n in range(8)]
        self.digest = hashlib.sha256()
        for block in self._all():
            self.digest.update(block)

    def _all(self):
        return (self._blocks[n * 5 % 8] for n in range(2 * GIB // MIB))

    def write(self, file):
        """
        Write them, and close.
        """
        for block in self._all():
            file.write(block)
        file.close()


@pytest.fixture(scope="module")
def gibibytes():
    return Gibibytes()


def digestOf(file):
    """
    The digest of what is read, of which nothing is kept.
    """
    hashed = hashlib.sha256()
    while part := file.read(MIB):
        hashed.update(part)
    return hashed.hexdigest()


#: The gateway, and how often the client wants new keys; by itself, it does not.
_WISHES = [("default", "1M"), ("rekey", "default"), ("rekey", "1M")]


@pytest.mark.slow
@pytest.mark.parametrize(("gateway", "limit"), [*_WISHES, ("default", "64K")])
def test_twoGibibytesGoBothWays(algorithms, gibibytes, gateway, limit):
    options = [f"-oRekeyLimit={limit}"]
    with session(algorithms.through(gateway), "cat", options=options) as process:
        writer = threading.Thread(target=gibibytes.write, args=(process.stdin,))
        writer.start()
        found = digestOf(process.stdout)
        writer.join()
        process.stdin = None
        assert process.wait(60) == 0
    assert found == gibibytes.digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(("gateway", "limit"), [*_WISHES, ("default", "64K")])
def test_twoGibibytesArriveWhole(algorithms, gibibytes, gateway, limit):
    options = [f"-oRekeyLimit={limit}"]
    with session(algorithms.through(gateway), "sha256sum", options=options) as process:
        gibibytes.write(process.stdin)
        process.stdin = None
        found = process.stdout.read().decode().split()[0]
        assert process.wait(60) == 0
    assert found == gibibytes.digest.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(("gateway", "limit"), [*_WISHES, ("default", "64K")])
def test_twoGibibytesComeWhole(algorithms, gateway, limit):
    command = "openssl enc -aes-128-ctr -pass pass:x -nosalt -in /dev/zero 2>/dev/null"
    command += f" | head -c {2 * GIB} | tee >(sha256sum >&2)"
    options = [f"-oRekeyLimit={limit}"]
    with session(algorithms.through(gateway), command, options=options) as process:
        found = digestOf(process.stdout)
        assert process.wait(60) == 0
        assert process.stderr.read().decode().split()[-2] == found
