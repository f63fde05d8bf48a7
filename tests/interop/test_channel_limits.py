"""
Limits of the channels that connections share: of a gateway, of a source, of an account; and
what the programs of users say.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest
from attrs import frozen
from harness import accounts, peers
from harness.control import Control
from harness.limited import Limited, started
from harness.openssh import remote, scp, session, sftp, ssh
from harness.programs import newest
from harness.putty import plink, psftp
from harness.waiting import freePort, listens, until

pytestmark = pytest.mark.interop

LIMIT = 2
#: One gateway for each key, by its name.
KEYS = ("max_channels", "per_source_channels", "per_account_channels")
HERE, THERE = "127.0.97.1", "127.0.97.2"

ACCOUNT = (
    f"This account has as many channels open as it may have ({LIMIT})."
    " Close one, or try again later."
)
SOURCE = (
    f"As many channels from {HERE} are open as there may be ({LIMIT})."
    " Close one, or try again later."
)
GATEWAY = f"As many channels are open as this gateway takes ({LIMIT}). Please try again later."

#: How an OpenSSH that comes by itself is refused its session.
OPEN_FAILED = "channel 0: open failed: resource shortage: {}\r\n"
NOT_SHARED = "mux_client_request_session: session request failed: Session open refused by peer\r\n"

eachSsh = pytest.mark.parametrize("path", ["", "newest"])


@frozen
class Crowded(Limited):
    """
    A bastion with few channels.
    """

    def channels(self):
        """
        How many the bastion knows of.
        """
        return sum(each["channels"] for each in Control(self.gateway).get("/connections"))

    def have(self, count):
        """
        Wait until there are so many.
        """
        until(lambda: self.channels() == count, 20, f"{count} channels")


@pytest.fixture(scope="module")
def crowded(theSite, bastion):
    """
    Start it.
    """
    with started(Crowded, theSite, KEYS, LIMIT) as crowded:
        yield crowded


@pytest.fixture
def refusals(crowded):
    """
    Tells what was refused within the test.
    """
    offset = crowded.gateway.auditSize()
    return lambda: crowded.refused("channel.refused", "type", offset)


@pytest.fixture
def another(theSite):
    """
    Another account that can log in.
    """
    account = theSite.expiring
    account.setPassword(accounts.newPassword())
    return account


def echoes(process):
    """
    See that C{cat} runs at the other end.
    """
    process.stdin.write(b"here\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"here\n"


def leave(process):
    """
    End C{cat}.
    """
    process.stdin.close()
    assert process.wait(20) == 0


@contextmanager
def busy(*comers):
    """
    Sessions that are open during a C{with} statement, of connections of their own.

    @param comers: the routes, and options.
    """
    with ExitStack() as stack:
        processes = []
        for route, *options in comers:
            processes.append(stack.enter_context(session(route, "cat", options=options)))
            echoes(processes[-1])
        yield processes


@contextmanager
def shared(route, path=""):
    """
    A connection that several programs share.

    @return: its master, and their options.
    """
    control = route.newDirectory() / "master"
    with session(route, options=["-N", "-M", f"-S{control}"], path=path) as master:
        until(control.exists, 20, "the connection to share")
        yield master, [f"-oControlPath={control}"]


@contextmanager
def forwarding(route, *options):
    """
    An ssh that does nothing but forward.
    """
    with session(route, options=["-N", *options]) as process:
        yield process


def refusedTo(done, sentence):
    """
    See that an OpenSSH that comes by itself was refused with a sentence.
    """
    assert (done.status, done.stdout) == (255, b"")
    assert done.stderr == OPEN_FAILED.format(sentence)


# Which limit it is


def test_accountHasSoManyChannelsFromWhereverItComes(crowded, refusals, another):
    route = crowded.route("per_account_channels")
    with busy((route, "-b", HERE), (route, "-b", THERE)) as (one, _):
        refusedTo(ssh(route, "true", options=["-b", HERE]), ACCOUNT)
        refusedTo(ssh(route, "true"), ACCOUNT)
        ssh(route.as_(another.name, another.password), "true", options=["-b", HERE]).ok()

        leave(one)
        crowded.have(LIMIT - 1)
        ssh(route, "true").ok()
    assert refusals() == [("session", ACCOUNT)] * 2


def test_sourceHasSoManyChannelsWhoeverItIs(crowded, refusals, another):
    route = crowded.route("per_source_channels")
    other = route.as_(another.name, another.password)
    with busy((route, "-b", HERE), (other, "-b", HERE)) as (one, _):
        refusedTo(ssh(route, "true", options=["-b", HERE]), SOURCE)
        refusedTo(ssh(other, "true", options=["-b", HERE]), SOURCE)
        ssh(route, "true", options=["-b", THERE]).ok()

        leave(one)
        crowded.have(LIMIT - 1)
        ssh(other, "true", options=["-b", HERE]).ok()
    assert refusals() == [("session", SOURCE)] * 2


def test_gatewayHasSoManyChannels(crowded, refusals, another):
    route = crowded.route("max_channels")
    other = route.as_(another.name, another.password)
    with busy((route, "-b", HERE), (other, "-b", THERE)) as (one, _):
        refusedTo(ssh(route, "true"), GATEWAY)
        refusedTo(ssh(other, "true", options=["-b", HERE]), GATEWAY)
        ssh(crowded.route("per_account_channels"), "true").ok()

        leave(one)
        crowded.have(LIMIT - 1)
        ssh(other, "true").ok()
    assert refusals() == [("session", GATEWAY)] * 2


@pytest.mark.parametrize("key", KEYS)
def test_whoIsKilledLeavesHisPlaces(crowded, refusals, key):
    route = crowded.route(key)
    with busy(*[(route, "-b", HERE)] * LIMIT):
        assert ssh(route, "true", options=["-b", HERE]).status == 255
    crowded.have(0)
    with busy(*[(route, "-b", HERE)] * LIMIT):
        assert crowded.channels() == LIMIT
    assert len(refusals()) == 1


# What the programs say


@eachSsh
def test_sharedConnectionIsRefusedAndSoIsTheOneInsteadOfIt(crowded, refusals, path):
    """
    OpenSSH tries by itself when its master is refused.
    """
    route, path = crowded.route("per_account_channels"), path and newest("bin/ssh")
    with shared(route, path) as (master, options):
        with session(route, "cat", options=options) as one, session(route, options=options) as two:
            echoes(one)
            two.stdin.write(b"echo in\n")
            two.stdin.flush()
            assert two.stdout.readline() == b"in\n"

            done = ssh(route, "true", options=options, path=path)

            assert done.status == 255
            assert done.stderr == NOT_SHARED + OPEN_FAILED.format(ACCOUNT)
            told = master.stderr.readline().decode()
            assert told.endswith(f": open failed: resource shortage: {ACCOUNT}\r\n")
            leave(one)
            crowded.have(LIMIT - 1)
            ssh(route, "true", options=options, path=path).ok()
    assert refusals() == [("session", ACCOUNT)] * 2


def test_filesAreChannelsToo(crowded, refusals):
    """
    C{sftp} and C{scp}, by a shared connection or by their own.
    """
    route = crowded.route("per_account_channels")
    with shared(route) as (_, options):
        opened = [session(route, "sftp", options=["-s", *how]) for how in (options, ["-b", HERE])]
        with opened[0] as one, opened[1] as two:
            for process in (one, two):
                process.stdin.write(b"\0\0\0\5\1\0\0\0\3")
                process.stdin.flush()
                assert process.stdout.read(5)[4:] == b"\2"

            for how, before in ((options, NOT_SHARED), ([], "")):
                said = before + OPEN_FAILED.format(ACCOUNT)
                done = sftp(route, "pwd", options=how)
                assert (done.status, done.stderr) == (255, f"{said}Connection closed\r\n")
                copy = route.newDirectory() / "copy"
                done = scp(route, remote(route, "/etc/hostname"), str(copy), options=how)
                assert done.status == 255
                assert done.stderr.startswith(said)
                assert not copy.exists()
            two.stdin.close()
            two.wait(20)
            crowded.have(LIMIT - 1)
            sftp(route, "pwd", options=options).ok()
    assert refusals() == [("session", ACCOUNT)] * 6


def test_forwardedConnectionsAreChannels(crowded, refusals):
    """
    C{ssh -L} and C{ssh -W}; without a session.
    """
    route, port = crowded.route("per_source_channels"), freePort()
    with (
        peers.tcpEcho() as echo,
        forwarding(route, "-b", HERE, f"-L{port}:127.0.0.1:{echo}") as process,
    ):
        until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
        assert crowded.channels() == 0
        connections = [peers.connect(port) for _ in range(LIMIT)]
        for connection in connections:
            connection.sendall(b"in")
            assert connection.recv(2) == b"in"

        with peers.connect(port) as third:
            assert third.recv(1) == b""
        told = process.stderr.readline().decode()
        assert told.endswith(f": open failed: resource shortage: {SOURCE}\r\n")
        done = ssh(route, options=["-b", HERE, "-W", f"127.0.0.1:{echo}"])
        assert done.stderr == f"{OPEN_FAILED.format(SOURCE)}stdio forwarding failed\r\n"
        refusedTo(ssh(route, "true", options=["-b", HERE]), SOURCE)

        assert peers.exchange(connections[0], b"more") == b"more[end]"
        crowded.have(LIMIT - 1)
        assert peers.exchange(peers.connect(port), b"again") == b"again[end]"
        connections[1].close()
    kinds = ["direct-tcpip", "direct-tcpip", "session"]
    assert refusals() == [(kind, SOURCE) for kind in kinds]


def test_connectionThatTheHostForwardsIsRefusedThere(crowded, refusals):
    """
    C{ssh -R}: who connects to the host is sent away, and the forwarding stays.
    """
    route, port = crowded.route("max_channels"), freePort()
    with (
        peers.tcpEcho() as echo,
        busy((route,), (route,)) as (one, _),
        forwarding(route, f"-R127.0.0.1:{port}:127.0.0.1:{echo}"),
    ):
        until(lambda: listens("127.0.0.1", port), 20, "the port on the host")

        with peers.connect(port) as connection:
            assert connection.recv(1) == b""

        leave(one)
        crowded.have(LIMIT - 1)
        assert peers.exchange(peers.connect(port), b"again") == b"again[end]"
    assert refusals() == [("forwarded-tcpip", GATEWAY)]


def test_windowIsAChannelToo(crowded, refusals):
    """
    C{ssh -X}: the session has the last place.
    """
    route = crowded.route("max_channels")
    with peers.display() as display, busy((route,)):
        env = {"DISPLAY": display.name}
        done = ssh(route, "xdpyinfo", options=["-X"], env=env)

        assert "unable to open display" in done.stderr
        assert display.cookies == []
    assert refusals() == [("x11", GATEWAY)]


def test_targetThatCannotBeReachedKeepsNoPlace(crowded, refusals):
    route, port, nobody = crowded.route("max_channels"), freePort(), freePort()
    with forwarding(route, f"-L{port}:127.0.0.1:{nobody}"):
        until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
        for _ in range(3 * LIMIT):
            with peers.connect(port) as connection:
                assert connection.recv(1) == b""
        with busy((route,), (route,)):
            assert crowded.channels() == LIMIT
    assert refusals() == []


@pytest.mark.parametrize("program", [plink, psftp])
def test_puttySaysWhichLimitItIs(crowded, refusals, program):
    route = crowded.route("max_channels")
    with busy((route,), (route,)):
        done = program(route, "pwd")

    assert done.status == 1
    reason = f"Resource shortage [{GATEWAY}]"
    assert f"FATAL ERROR: Server refused to open main channel: {reason}" in done.stderr
    assert refusals() == [("session", GATEWAY)]
