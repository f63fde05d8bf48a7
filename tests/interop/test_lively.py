"""
A bastion that wants new keys after each MiB and a sign of life after each second, on
both legs: what the programs at its two ends make of it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from harness import clients, paramikoclient
from harness.asyncclient import connect, perform
from harness.curl import curl
from harness.dropbear import dbclient
from harness.openssh import session, ssh
from harness.payload import Payload
from harness.putty import plink
from harness.waiting import until

pytestmark = pytest.mark.interop

NEW_KEYS = "SSH2_MSG_NEWKEYS received"
#: How often there are new keys at least when so many MiB are moved: some programs have
#: much under way when they are asked, and one time is the login's.
MEBIBYTES, LEAST = 16, 3
#: In this time a peer that gives no sign of life is given up, and not long before.
SILENCE = 5
HOSTS = ["dropbear-lively", "asyncssh-lively", "paramiko-lively"]


@pytest.fixture(scope="module")
def mebibytes(theSite):
    return Payload(theSite.directory / "mebibytes", MEBIBYTES << 20)


@pytest.fixture
def route(algorithms):
    """
    To the ordinary host.
    """
    return algorithms.through("lively")


@pytest.fixture
def newKeys(algorithms):
    """
    How often the ordinary host has got new keys since the test began.
    """
    server = algorithms.hosts["ordinary"].server
    before = server.size()
    return lambda: server.text(before).count(NEW_KEYS)


# Clients


def paramikoRuns(route, command, data=b""):
    with paramikoclient.client(route) as client:
        stdin, stdout, _ = client.exec_command(command, timeout=clients.LIMIT)
        stdin.write(data)
        stdin.channel.shutdown_write()
        return stdout.read()


def asyncsshRuns(route, command, data=b""):
    async def work():
        async with connect(route) as connection:
            return (await connection.run(command, input=data, encoding=None)).stdout

    return perform(work)


RUN = {
    "plink": lambda route, command, data=b"": plink(route, command, data=data).ok().stdout,
    "dbclient": lambda route, command, data=b"": dbclient(route, command, data=data).ok().stdout,
    "asyncssh": asyncsshRuns,
    "paramiko": paramikoRuns,
}
eachClient = pytest.mark.parametrize("client", RUN)


@eachClient
def test_clientGetsNewKeysWhileItSends(route, newKeys, mebibytes, client):
    said = RUN[client](route, "sha256sum", mebibytes.data)
    assert said.decode().split()[0] == mebibytes.digest
    assert newKeys() >= LEAST


@eachClient
def test_clientGetsNewKeysWhileItReceives(route, newKeys, mebibytes, client):
    assert mebibytes.matches(RUN[client](route, f"cat {mebibytes.path}"))
    assert newKeys() >= LEAST


def test_curlGetsNewKeysBothWays(route, newKeys, user, mebibytes):
    there = user.home / "there-lively"
    curl(route, there, "--upload-file", str(mebibytes.path)).ok()
    assert mebibytes.isIn(there)
    assert newKeys() >= LEAST
    assert mebibytes.matches(curl(route, there).ok().stdout)
    assert newKeys() >= 2 * LEAST


def test_silentCurlGivesSignsOfLife(algorithms, route, user, mebibyte):
    """
    It waits for a pipe that nobody writes to at first; from a pipe, sftp cannot read.
    """
    gateway, pipe = algorithms.gateway, user.home / "pipe-lively"
    before = gateway.auditSize()
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    command = f"sleep {SILENCE + 2}; cat {mebibyte.path} >{pipe}"
    with clients.running(["sh", "-c", command], clients.environment(user.home)):
        curl(route, pipe)

    def closed():
        events = gateway.audit(offset=before)
        return [event for event in events if event["event"] == "connection.closed"]

    until(closed, 20, "the connection is closed")
    (end,) = closed()
    assert end["duration"] >= SILENCE - 1
    assert end["reason"] == "the client left: Shutdown"


# Hosts


@pytest.mark.parametrize("host", HOSTS)
def test_hostGetsNewKeysBothWays(algorithms, mebibytes, host):
    done = ssh(algorithms.through(host), "cat", data=mebibytes.data, options=["-v"]).ok()
    assert mebibytes.matches(done.stdout)
    assert done.stderr.count(NEW_KEYS) >= LEAST


# Both


def test_silentClientsAndHostsGiveSignsOfLife(algorithms, route):
    """
    All at once, for it takes its time.
    """
    with ExitStack() as stack, ThreadPoolExecutor(len(RUN)) as pool:
        sessions = [stack.enter_context(session(algorithms.through(host), "cat")) for host in HOSTS]
        for each in sessions:
            each.stdin.write(b"there and ")
            each.stdin.flush()
            assert each.stdout.read(10) == b"there and "
        said = pool.map(lambda run: run(route, f"sleep {SILENCE}; echo alive"), RUN.values())
        assert dict(zip(RUN, said, strict=True)) == dict.fromkeys(RUN, b"alive\n")
        for each in sessions:
            assert each.communicate(b"back", 20)[0] == b"back"
            assert each.returncode == 0
