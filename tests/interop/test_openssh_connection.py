"""
What users of OpenSSH do with one connection: share it, keep it alive, change
its keys.
"""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import clients, openssh
from harness.openssh import prepare, ssh
from harness.waiting import until

pytestmark = pytest.mark.interop

MIB = 1 << 20


class Master:
    """
    A connection that others share.
    """

    def __init__(self, route):
        self.socket = route.newDirectory() / "master"
        self.route = route
        self._prepared = prepare(route, "-N", options=["-M", f"-S{self.socket}"])

    def __enter__(self):
        self.process = clients.start(self._prepared.command, self._prepared.environment)
        until(self.socket.exists, 20, "the master is ready")
        return self

    def start(self, *command):
        """
        Start a session on the shared connection.
        """
        prepared = prepare(self.route, *command, options=[f"-S{self.socket}"], answers=[])
        return clients.start(prepared.command, prepared.environment)

    def control(self, word):
        """
        Tell the master something.
        """
        prepared = prepare(self.route, options=[f"-S{self.socket}", "-O", word], answers=[])
        return prepared.run()

    def __exit__(self, *error):
        clients.end(self.process)


def finish(process, data=b""):
    """
    What a session printed, and its status.
    """
    try:
        out, _ = process.communicate(data, clients.LIMIT)
        return out, process.returncode
    finally:
        clients.end(process)


def test_manySessionsShareAConnection(to, bastionEvents):
    with Master(to("pam")) as master:
        sessions = [master.start(f"cat; echo {n}; exit {n}") for n in range(20)]
        for n, session in enumerate(sessions):
            assert finish(session, b"in ") == (f"in {n}\n".encode(), n)
    assert bastionEvents("login.accepted") in (None, 1)
    assert bastionEvents("channel.opened") in (None, 20)


def test_sharedConnectionOutlivesItsSessionsAndStopsWhenTold(to):
    with Master(to("pam")) as master:
        assert finish(master.start("exit 9"))[1] == 9
        assert finish(master.start("echo again"))[0] == b"again\n"
        assert master.control("exit").status == 0
        assert master.process.wait(20) in (0, 255)


def test_hundredSessionsOneAfterTheOther(to):
    """
    Channel numbers are used again.
    """
    with Master(to("pam-kbdint")) as master:
        for n in range(100):
            assert finish(master.start(f"echo {n}"))[0] == f"{n}\n".encode()


def test_slowSessionDoesNotStopItsNeighbour(to):
    """
    Windows are per channel, also across the bastion.
    """
    with Master(to("pam")) as master:
        stuck = master.start("cat /dev/zero")
        stuck.stdout.read(1000)
        try:
            moved = finish(master.start("head -c 20000000 /dev/zero"))
            assert len(moved[0]) == 20_000_000
        finally:
            clients.end(stuck)


def test_sessionBeyondTheHostsLimitIsRefusedByTheHost(to, directly):
    texts = []
    for way in (directly, to):
        with Master(way("password-only")) as master:
            held = [master.start("echo up; read x") for _ in range(50)]
            assert [session.stdout.readline() for session in held] == [b"up\n"] * 50
            refused = master.start("true")
            texts.append((refused.wait(30), refused.stderr.readline()))
            for session in [refused, *held]:
                clients.end(session)
    assert texts[0] == texts[1]


@pytest.mark.parametrize("data", [b"", b"x" * MIB], ids=["-", "data"])
def test_keepalivesAreAnswered(to, data):
    """
    The client's, the host's and those of both; at once, for it takes its time.
    """
    wishes = ["-oServerAliveInterval=1", "-oServerAliveCountMax=3"]

    def counted(kind, options):
        return ssh(to(kind), "sleep 6; wc -c", options=options, data=data).ok().text

    with ThreadPoolExecutor() as pool:
        texts = [*pool.map(counted, ["pam", "alive", "alive"], [wishes, [], wishes])]
    assert texts == [str(len(data))] * 3


@pytest.mark.parametrize("kind", ["pam", "rekey"])
@pytest.mark.parametrize("options", [[], ["-oRekeyLimit=1M"]], ids=["-", "client"])
def test_keysChangeWhileDataGoesBothWays(to, kind, options):
    """
    Of the client's side, of the host's side, of both, and of none.
    """
    data = random.Random(7).randbytes(6 * MIB)
    done = ssh(to(kind), "cat", data=data, options=["-v", *options]).ok()
    assert done.stdout == data
    changes = len(re.findall("SSH2_MSG_NEWKEYS received", done.stderr))
    assert changes > 3 or not options


def test_clientChangesItsKeysDuringADownload(to, payload):
    options = ["-v", "-oRekeyLimit=2M"]
    done = ssh(to("pam"), f"cat {payload.path}", options=options).ok()
    assert payload.matches(done.stdout)
    assert done.stderr.count("SSH2_MSG_NEWKEYS received") > 20


def test_hostChangesItsKeysDuringAnUpload(to, theSite, payload):
    log = theSite.hosts["rekey"].server
    before = log.text().count("SSH2_MSG_NEWKEYS received")
    done = ssh(to("rekey"), "sha256sum", data=payload.data).ok()
    assert done.text.split()[0] == payload.digest
    assert log.text().count("SSH2_MSG_NEWKEYS received") - before > 20


def test_keysChangeByTime(to):
    options = ["-oRekeyLimit=default 1s", "-v"]
    command = "for n in 1 2 3 4; do sleep 1; echo $n; done"
    done = ssh(to("pam"), command, options=options).ok()
    assert done.text == "1\n2\n3\n4"
    assert done.stderr.count("SSH2_MSG_NEWKEYS received") > 1


@pytest.mark.parametrize("cipher", ["aes128-ctr", "aes192-ctr", "aes256-ctr"])
def test_eachCipherWorks(to, cipher):
    assert ssh(to("pam"), "echo ok", options=[f"-c{cipher}"]).ok().text == "ok"


@pytest.mark.parametrize("mac", ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"])
def test_eachMacWorks(to, mac):
    done = ssh(to("pam"), "echo ok", options=[f"-m{mac}", "-caes128-ctr"]).ok()
    assert done.text == "ok"


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"])
def test_eachHostKeyWorks(to, algorithm):
    assert ssh(to("pam"), "echo ok", options=[f"-oHostKeyAlgorithms={algorithm}"]).ok()


def test_compressionIsNotNeeded(to):
    assert ssh(to("pam"), "echo ok", options=["-C"]).ok().text == "ok"


def test_proxyCommandCarriesTheConnection(to):
    """
    Standard input and output instead of a socket: C{nc} in between.
    """
    route = to("pam")
    command = f"{openssh.program('nc')} {route.address} {route.port}"
    assert ssh(route, "echo ok", options=[f"-oProxyCommand={command}"]).ok().text == "ok"


def test_twentyConnectionsAtOnce(to):
    prepared = [prepare(to("pam"), f"cat; echo {n}") for n in range(20)]
    processes = [clients.start(each.command, each.environment) for each in prepared]
    try:
        for n, process in enumerate(processes):
            out, _ = process.communicate(b"x", clients.LIMIT)
            assert out == f"x{n}\n".encode()
    finally:
        for process in processes:
            clients.end(process)
