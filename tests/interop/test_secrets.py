"""
What a bastion in a process of its own leaves of passwords: in its log, which has everything
at level C{debug} in it, in its files, on an operator's screen, and in what the kernel shows
of it to others.  It runs as an ordinary user, as a bastion should.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import asyncssh
import paramiko
import pytest
from attrs import evolve
from harness import paramikoclient
from harness.asyncclient import Answers, login
from harness.control import Control
from harness.dialogues import CHANGED_PASSWORD, PASSWORD
from harness.gateway import ADDRESS, Gateway, Plan
from harness.openssh import ssh
from harness.programs import program
from harness.putty import plink
from harness.servers import Server
from harness.waiting import until

pytestmark = pytest.mark.interop

KEYBOARD = "keyboard-interactive"

#: What another process of the same user sees of one.
WATCHING = """
import ctypes, sys
seen = []
for name in ("environ", "mem", "maps", "auxv", "io", "fd/0"):
    try:
        with open(f"/proc/{sys.argv[1]}/{name}", "rb"):
            seen.append(name)
    except PermissionError:
        pass
PTRACE_SEIZE = 0x4206
if ctypes.CDLL(None).ptrace(PTRACE_SEIZE, int(sys.argv[1]), None, None) == 0:
    seen.append("ptrace")
print(*seen)
"""


class Closed:
    """
    A bastion that runs as an ordinary user, and what was told to it.

    @ivar site: the hosts and accounts.
    @ivar uid: the user's.
    @ivar gateway: the bastion.
    @ivar canaries: the passwords that have gone through it.
    """

    def __init__(self, site):
        self.site = site
        self.uid = site.user.uid
        directory = site.user.give(_made(site.directory / "closed"))
        hosts = {name: site.hosts[name] for name in ("odd", "pam", "password-only", "pam-kbdint")}
        plans = {name: Plan([host.target], host.knownHosts()) for name, host in hosts.items()}
        self.gateway = Gateway(directory, plans)
        command = [*self.asUser(), str(Path(sys.executable).with_name("twistd")), "-n"]
        command += ["--pidfile=", "bastion", "--config", str(self.gateway.configuration)]
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(directory)}
        environment["PYTHONPATH"] = str(directory / "plugins")
        self.gateway.server = Server(
            "the bastion", command, site.directory / "closed.log", environment, directory
        )
        self.gateway.start()
        self.canaries = [PASSWORD, CHANGED_PASSWORD, site.user.password]

    def asUser(self):
        """
        What makes a command the user's.
        """
        # A process that has changed its user has to be told anew when to end.
        who = [f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
        return [program("setpriv"), *who, "--pdeathsig", "TERM", "--"]

    def to(self, kind, account=""):
        """
        The way to a host through it.
        """
        port, keys = self.gateway.plans[kind].port, self.gateway.keys()
        route = evolve(self.site.direct(kind), address=ADDRESS, port=port, keys=keys)
        return route.as_(account or route.account)

    def canary(self):
        """
        A password of its own.
        """
        self.canaries.append(f"Canary-{secrets.token_hex(8)}")
        return self.canaries[-1]

    def written(self):
        """
        All files that it has written or could have, and what its process is made of.
        """
        proc = Path("/proc", str(self.gateway.server.pid))
        files = [path for path in self.gateway.directory.rglob("*") if path.is_file()]
        return [self.gateway.server.log, *files, proc / "cmdline", proc / "environ"]

    def seenBy(self, pid):
        """
        What another process of its user sees of a process.
        """
        command = [*self.asUser(), sys.executable, "-c", WATCHING, str(pid)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return set(done.stdout.split())


def _made(path):
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def closed(theSite, bastion):
    """
    The bastion, for the tests of this module.
    """
    running = Closed(theSite)
    yield running
    running.gateway.stop()


def asIs(closed):
    """
    Wrong and right ones, by the programs that people have.
    """
    for kind, method in (("pam", "password"), ("pam", KEYBOARD), ("pam-kbdint", KEYBOARD)):
        options = [f"-oPreferredAuthentications={method}", "-oNumberOfPasswordPrompts=1"]
        wrong = ssh(closed.to(kind), "true", answers=[closed.canary()], options=options)
        assert wrong.status == 255
        ssh(closed.to(kind), "true", options=options).ok()
    ssh(closed.to("pam"), "true", answers=[closed.canary(), closed.site.user.password]).ok()
    assert plink(evolve(closed.to("pam"), password=closed.canary()), "true").status != 0


def translated(closed):
    """
    By one method, to a host that takes the other.
    """
    for kind, method in (("password-only", KEYBOARD), ("pam-kbdint", "password")):
        options = [f"-oPreferredAuthentications={method}", "-oNumberOfPasswordPrompts=1"]
        ssh(closed.to(kind), "true", answers=[closed.canary()], options=options)
        ssh(closed.to(kind), "true", options=options).ok()


def inDialogues(closed):
    """
    As answers, to questions of every kind, and to a host that goes away behind them.
    """
    for account in ("three-rounds", "two-prompts", "many-prompts", "no-password", "vanish"):
        rounds = [[closed.canary() for _ in range(8)], [PASSWORD], [closed.canary()]]
        for answers in (rounds, [each[:1] for each in rounds], [each[:2] for each in rounds]):
            login(closed.to("odd", account), Answers(answers))
    assert login(closed.to("odd", "one-hidden"), Answers([[PASSWORD]])).output


def changed(closed):
    """
    New ones for old ones.
    """
    for account in ("change-password", "change-twice"):
        changes = [(PASSWORD, closed.canary()), (closed.canary(), closed.canary())]
        answers = Answers(passwords=[PASSWORD], changes=changes)
        login(closed.to("odd", account), answers, methods="password")
    answers = Answers(rounds=[[PASSWORD], [closed.canary()] * 2], passwords=[])
    login(closed.to("odd", "change-password"), answers, methods=KEYBOARD)


def inTheWrongPlace(closed):
    """
    In the clear, before the login service, in other messages, too long, and cut.
    """
    port = closed.gateway.plans["odd"].port
    for words in (b"%s\r\n", b"SSH-2.0-x\r\n%s", b"SSH-2.0-x\r\n\0\0\0\x2c\4\x32%s"):
        with socket.create_connection((ADDRESS, port), 20) as connection:
            connection.sendall(words % closed.canary().encode())
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while connection.recv(4096):
                    pass
    for number in (2, 50, 52, 61, 94, 250):
        for service in (False, True):
            for made in (closed.canary(), closed.canary() * 500):
                _says(closed.to("odd"), number, made, service)


def _says(route, number, text, service):
    with paramikoclient.transport(route) as opened:
        if service:
            message = paramiko.Message()
            message.add_byte(b"\x05")
            message.add_string("ssh-userauth")
            opened._send_message(message)
        message = paramiko.Message()
        message.add_byte(bytes([number]))
        for each in ("plain", "ssh-connection", "password"):
            message.add_string(each)
        message.add_boolean(False)
        message.add_string(text)
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            opened._send_message(message)
            opened._send_message(message)


STORIES = [asIs, translated, inDialogues, changed, inTheWrongPlace]


@pytest.mark.parametrize("story", STORIES)
def test_noPasswordIsWrittenAnywhere(closed, story):
    """
    As it is, or as tools write bytes.
    """
    before = len(closed.canaries)
    with contextlib.suppress(asyncssh.Error):
        story(closed)
    assert len(closed.canaries) - before >= 2
    until(lambda: not closed.gateway.clients(), 20, "all have left")
    # What is written behind an event.
    until(lambda: _ends(closed, "opened") == _ends(closed, "closed"), 20, "all is recorded")
    control = Control(closed.gateway)
    screens = [control.run(each) for each in ("connections", "penalties", "hosts", "status")]
    written = {path: path.read_bytes() for path in closed.written()}
    written |= {Path("screen"): b"".join(each.ok().stdout for each in screens)}

    assert {path.name for path in written} >= {"audit.jsonl", "cmdline", "environ", "closed.log"}
    assert b"login.refused" in written[closed.gateway.state / "audit.jsonl"]
    for canary in closed.canaries:
        raw = canary.encode()
        for form in (raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-1]):
            assert [path for path, content in written.items() if form in content] == []
    assert b"Traceback" not in written[closed.gateway.server.log]
    assert b"Unhandled" not in written[closed.gateway.server.log]


def _ends(closed, what):
    return sum(event["event"] == f"connection.{what}" for event in closed.gateway.audit())


def test_processIsOpenToNobodyOfItsUser(closed):
    """
    Another one of the same user is; so somebody could look.
    """
    pid = closed.gateway.server.pid
    command = [*closed.asUser(), sys.executable, "-c", "print(1, flush=True); input()"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:
        assert other.stdout.readline() == b"1\n"
        assert closed.seenBy(other.pid) >= {"environ", "maps", "auxv", "io"}
        assert Path(f"/proc/{other.pid}/environ").stat().st_uid == closed.uid
        other.communicate(b"\n")

    assert Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0] == str(closed.uid)
    assert closed.seenBy(pid) == set()
    assert Path(f"/proc/{pid}/environ").stat().st_uid == 0


def test_processLeavesNoCore(closed):
    lines = Path(f"/proc/{closed.gateway.server.pid}/limits").read_text().splitlines()
    (limits,) = [line.split() for line in lines if line.startswith("Max core file size")]
    assert limits[4:6] == ["0", "0"]


def test_processHasNoMoreThanItNeedsInItsArguments(closed):
    """
    The command line and the environment are those of the start: they name a file.
    """
    proc = Path("/proc", str(closed.gateway.server.pid))
    assert proc.joinpath("cmdline").read_bytes().split(b"\0")[-3:] == [
        b"--config",
        str(closed.gateway.configuration).encode(),
        b"",
    ]
    names = {each.partition(b"=")[0] for each in proc.joinpath("environ").read_bytes().split(b"\0")}
    assert names <= {b"PATH", b"LANG", b"HOME", b"PYTHONPATH", b"LC_CTYPE", b""}
