"""
dropbear on either end: small devices, and their limits.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import accounts, clients, dropbear, openssh, peers
from harness.dropbear import dbclient
from harness.openssh import ssh
from harness.waiting import freePort, listens, until

pytestmark = pytest.mark.interop

#: dropbear's own method.
PASSWORD = ["-oPreferredAuthentications=password"]


@pytest.mark.parametrize("kind", ["pam", "pam-kbdint", "password-only", "dropbear"])
def test_commandPrintsItsOutput(to, kind):
    assert dbclient(to(kind), "echo hello").ok().text == "hello"


@pytest.mark.parametrize("status", [0, 7, 255])
def test_exitStatusIsTheCommands(to, status):
    assert dbclient(to("pam"), f"exit {status}").status == status


def test_exitBySignalLooksAsItDoesDirectly(bothWays):
    direct, through = bothWays(lambda way: dbclient(way("pam"), "kill -TERM $$"))
    assert through.status == direct.status
    assert wording(through.stderr) == wording(direct.stderr)


def test_wrongPasswordIsRefusedInTheSameWords(bothWays):
    """
    dbclient's status is 0 even then; its words tell.
    """
    wrong = accounts.newPassword()
    direct, through = bothWays(lambda way: dbclient(way("pam-kbdint"), "echo in", password=wrong))
    assert wording(through.stderr) == wording(direct.stderr)
    assert through.status == direct.status
    assert not through.stdout


def wording(text):
    """
    What dbclient printed, without addresses.
    """
    return re.sub(r"(\d+\.){3}\d+(:\d+)?", "ADDRESS", text)


def test_clientRefusesAnotherHostKey(to, directly):
    route, other = to("pam"), directly("second")
    command, env = dropbear.line(route, "true")
    known = other.knownHosts().read_text().replace(other.address, route.address)
    path = Path(env["HOME"]) / ".ssh" / "known_hosts"
    path.unlink()
    path.write_text(known)
    assert clients.run(command, env).status == 1


def test_manyBytesUp(to, payload):
    done = dbclient(to("pam"), "sha256sum", data=payload.data).ok()
    assert done.text.split()[0] == payload.digest


@pytest.mark.parametrize("window", ["24576", "1048576"])
def test_manyBytesDown(to, payload, window):
    done = dbclient(to("pam"), f"cat {payload.path}", options=["-W", window]).ok()
    assert payload.matches(done.stdout)


def test_forwardedPort(to):
    port = freePort()
    with peers.tcpEcho() as echo:
        options = ["-N", "-L", f"127.0.0.1:{port}:127.0.0.1:{echo}"]
        with clients.running(*dropbear.line(to("pam"), options=options)):
            until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
            assert peers.exchange(peers.connect(port), b"x" * 99_999) == b"x" * 99_999 + b"[end]"


def test_remoteForwardingComesBack(to):
    port = freePort()
    with peers.tcpEcho() as echo:
        options = ["-N", "-R", f"127.0.0.1:{port}:127.0.0.1:{echo}"]
        with clients.running(*dropbear.line(to("pam"), options=options)):
            until(lambda: listens("127.0.0.1", port), 20, "the port on the host")
            assert peers.exchange(peers.connect(port), b"x" * 99_999) == b"x" * 99_999 + b"[end]"


def test_keepalive(to):
    assert dbclient(to("pam"), "sleep 4; echo alive", options=["-K1"]).ok().text == "alive"


# dropbear as the host


def test_dropbearHostRunsACommand(to):
    done = ssh(to("dropbear"), "cat; echo out; echo err >&2; exit 5", data=b"in ")
    assert (done.status, done.text) == (5, "in out")
    assert done.stderr.endswith("err\n")


def test_bannerOfDropbearHost(bothWays):
    direct, through = bothWays(lambda way: ssh(way("dropbear"), "true", options=PASSWORD).ok())
    assert through.stderr == direct.stderr
    assert dropbear.BANNER.strip() in through.stderr
    assert through.prompts == direct.prompts


def test_wrongPasswordThenTheRightOneAtDropbear(bothWays, to):
    answers = [accounts.newPassword(), to("dropbear").password]
    direct, through = bothWays(
        lambda way: ssh(way("dropbear"), "echo in", answers=answers, options=PASSWORD)
    )
    assert through.ok().text == "in"
    assert through.prompts == direct.prompts


def test_manyBytesUpToDropbear(to, payload):
    done = ssh(to("dropbear"), "sha256sum", data=payload.data).ok()
    assert done.text.split()[0] == payload.digest


def test_manyBytesDownFromDropbear(to, payload):
    assert payload.matches(ssh(to("dropbear"), f"cat {payload.path}").ok().stdout)


def test_terminalOnDropbear(to):
    assert ssh(to("dropbear"), "tty", options=["-tt"]).ok().text.startswith("/dev/pts/")


def test_sftpOnDropbear(to, payload):
    back = to("dropbear").newDirectory() / "back"
    openssh.sftp(to("dropbear"), f"get {payload.path} {back}").ok()
    assert payload.isIn(back)


def test_forwardingByDropbear(to):
    port = freePort()
    with peers.tcpEcho() as echo:
        options = ["-N", f"-L{port}:127.0.0.1:{echo}"]
        with openssh.session(to("dropbear"), options=options):
            until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
            assert peers.exchange(peers.connect(port), b"x" * 99_999) == b"x" * 99_999 + b"[end]"
