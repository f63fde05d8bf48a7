"""
However a connection ends, the other side learns of it, and nothing is left.

What the bastion leaves behind is looked at after every test of all modules; here
are the ends that are not peaceful.
"""

from __future__ import annotations

import os
import signal
import socket

import pytest
from harness import accounts, clients
from harness.asyncclient import connect, perform
from harness.gateway import Gateway, Plan
from harness.openssh import prepare, session, ssh
from harness.terminal import Terminal
from harness.waiting import until

pytestmark = pytest.mark.interop


def nothingRuns(account):
    """
    Wait until the account's last process has ended.
    """
    until(lambda: not accounts.processes(account.uid), 20, "the account's processes end")


def killed(account, what):
    """
    Kill the account's processes whose command line begins so.
    """
    for pid, line in accounts.processes(account.uid).items():
        if line.startswith(what):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def alone(user):
    """
    Nothing of an earlier test is counted as left over, and nothing is left to the next.
    """
    accounts.endProcesses(user.uid)
    nothingRuns(user)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_clientKilledDuringADownload(to, user, number):
    with session(to("pam"), "cat /dev/zero") as process:
        process.stdout.read(5_000_000)
        process.send_signal(number)
        process.wait(20)
        nothingRuns(user)


def test_clientKilledDuringAnUpload(to, user):
    with session(to("pam"), "cat > /dev/null") as process:
        process.stdin.write(bytes(5_000_000))
        process.kill()
        process.wait(20)
        nothingRuns(user)


def test_clientKilledAtTheShell(to, user):
    prepared = prepare(to("pam"), options=["-tt"])
    with Terminal(prepared.command, prepared.environment) as screen:
        screen.expect("ready> ")
        screen.type("sleep 1000\r")
        # A program that is not in the foreground yet outlives its terminal.
        until(lambda: accounts.inForeground(user.uid, "sleep 1000"), 20, "it runs")
        os.kill(screen.pid, signal.SIGKILL)
        nothingRuns(user)


def test_clientKilledAtThePrompt(to, theSite):
    log = theSite.hosts["pam"].server
    before = log.size()
    prepared = prepare(to("pam"))
    env = {k: v for k, v in prepared.environment.items() if "ASKPASS" not in k}
    with Terminal(prepared.command, env) as screen:
        screen.expect("assword: ")
        os.kill(screen.pid, signal.SIGKILL)
        until(lambda: "by authenticating user" in log.text(before), 20, "the host is told")


def test_clientThatIsStoppedAndKilled(to, user):
    """
    It does not read when it dies: what waits for it must not keep the host.
    """
    with session(to("pam"), "cat /dev/zero") as process:
        process.stdout.read(1000)
        process.send_signal(signal.SIGSTOP)
        process.kill()
        process.wait(20)
        nothingRuns(user)


def test_hostsSessionKilledDuringADownload(directly, to, user):
    def attempt(way):
        with session(way("pam"), "cat /dev/zero") as process:
            process.stdout.read(5_000_000)
            killed(user, "sshd:")
            process.stdout.close()
            process.stdout = None
            return process.wait(20)

    assert (attempt(directly), attempt(to)) == (255, 255)


def test_hostsSessionKilledAtTheShell(to, user):
    prepared = prepare(to("pam"), options=["-tt"])
    with Terminal(prepared.command, prepared.environment) as screen:
        screen.expect("ready> ")
        killed(user, "sshd:")
        assert screen.ended() == 255
        assert "closed" in screen.seen


def test_commandKilledOnTheHost(directly, to, user):
    def attempt(way):
        with session(way("pam"), "cat /dev/zero") as process:
            process.stdout.read(1_000_000)
            killed(user, "cat /dev/zero")
            rest = process.stdout.read()
            return process.wait(20), bool(rest)

    assert attempt(to) == attempt(directly)


def test_hostDiesAndComesBack(to, theSite, user):
    host = theSite.hosts["mortal"]
    with session(to("mortal"), "cat /dev/zero") as process:
        process.stdout.read(1_000_000)
        host.server.stop()
        killed(user, "sshd:")
        process.stdout.close()
        process.stdout = None
        assert process.wait(20) == 255
    try:
        done = ssh(to("mortal"), "true")
        assert done.status == 255
    finally:
        host.start()
    assert ssh(to("mortal"), "echo again").ok().text == "again"


def test_statusArrivesBeforeTheConnectionCloses(to):
    """
    The host says goodbye in the same breath.
    """

    async def work(status):
        async with connect(to("odd")) as connection:
            done = await connection.run(f"exit {status}")
            return done.exit_status

    for status in (0, 7, 99):
        assert perform(lambda status=status: work(status)) == status


def test_lostHostIsNotASuccessAndItsLastWordsAreHeard(bothWays):
    """
    More than once: it depends on what arrives together.
    """
    for _ in range(4):
        direct, through = bothWays(lambda way: ssh(way("odd"), "drop"))
        assert through.stdout == direct.stdout == b"half a sente"
        assert through.status == direct.status == 255


def test_outputOfABackgroundProcessIsWaitedFor(to):
    done = ssh(to("pam"), "(sleep 1; echo late) & echo early").ok()
    assert done.text == "early\nlate"


def test_readerThatLeavesEarlyAgainAndAgain(to, user, theSite):
    """
    C{ssh host 'cat /dev/zero' | head -c1}; no descriptor is left either.
    """
    count = theSite.gateway.descriptors if theSite.gateway else lambda: 0
    before = count()
    for _ in range(10):
        with session(to("pam"), "cat /dev/zero") as process:
            process.stdout.read(1)
            process.stdout.close()
            process.stdout = None
            assert process.wait(20) != 0
        nothingRuns(user)
    until(lambda: count() <= before, 10, "descriptors are closed")


def test_sharedConnectionKilledWithAllItsSessions(to, user):
    route = to("pam")
    path = route.newDirectory() / "master"
    with session(route, options=["-N", "-M", f"-S{path}"]) as master:
        until(path.exists, 20)
        line = prepare(route, "cat /dev/zero", options=[f"-S{path}"])
        sharing = [clients.start(line.command, line.environment) for _ in range(4)]
        for each in sharing:
            each.stdout.read(100_000)
        master.kill()
        for each in sharing:
            each.stdout.read()
            assert each.wait(20) == 255
            clients.end(each)
        nothingRuns(user)


@pytest.mark.parametrize(
    "start",
    [b"", b"SSH-2.0-x", b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n\0\0\0\x0c", b"\xff" * 40, b"\r\n" * 40],
)
def test_clientThatLeavesBeforeItsKeys(to, start):
    """
    The trace of it is two lines in the audit log, nothing else.
    """
    route = to("pam")
    with socket.create_connection((route.address, route.port), 20) as connection:
        connection.recv(10)
        connection.sendall(start)
    assert ssh(to("pam"), "echo next").ok().text == "next"


def test_clientThatLeavesWhileTheHostIsSearched(bastion, theSite):
    """
    Its host does not answer; the search ends with the client.
    """
    with session(theSite.through("all-silent"), "true") as process:
        target = theSite.failures.silent
        until(lambda: any(target in line for line in bastion.connections()), 20, "it is tried")
        process.kill()
        process.wait(20)


@pytest.fixture
def ownBastion(theSite, bastion):
    """
    A bastion of this test's own, in front of one host.
    """
    host = theSite.hosts["pam"]
    directory = theSite.direct("pam").newDirectory()
    gateway = Gateway(directory, {"own": Plan([host.target], host.knownHosts())})
    gateway.start()
    yield gateway
    gateway.stop()


def routeTo(gateway, theSite):
    """
    The way through it.
    """
    return gateway.route("own", theSite.direct("pam"))


def test_bastionStoppedDuringASession(ownBastion, theSite, user):
    with session(routeTo(ownBastion, theSite), "cat /dev/zero") as process:
        process.stdout.read(1_000_000)
        # twistd shuts down in order, and then ends by the signal that it got.
        assert ownBastion.stop() in (0, -signal.SIGTERM)
        process.stdout.close()
        process.stdout = None
        assert process.wait(20) == 255
    nothingRuns(user)
    events = [event["event"] for event in ownBastion.audit()]
    assert events.count("connection.opened") == events.count("connection.closed") > 0
    assert "Server Shut Down" in ownBastion.log()
    assert "Traceback" not in ownBastion.log()


@pytest.mark.breaks("process", "closed", reason="it is killed, and has no time to record anything")
def test_bastionKilledDuringASession(ownBastion, theSite, user):
    with session(routeTo(ownBastion, theSite), "cat /dev/zero") as process:
        process.stdout.read(1_000_000)
        ownBastion.server.signal(signal.SIGKILL)
        process.stdout.close()
        process.stdout = None
        assert process.wait(20) == 255
    nothingRuns(user)


@pytest.mark.breaks("process", reason="it is started again")
def test_bastionStartedAgainKeepsItsKeys(ownBastion, theSite):
    before = ownBastion.keys()
    ownBastion.stop()
    ownBastion.start()
    assert ownBastion.keys() == before
    assert ssh(routeTo(ownBastion, theSite), "echo again").ok().text == "again"
