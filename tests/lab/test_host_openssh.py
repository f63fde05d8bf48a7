"""
OpenSSH's own programs against a host of the lab.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.interop

HERE = "johnson@127.0.0.1"


def digest(data: bytes) -> str:
    """
    SHA-256.
    """
    return hashlib.sha256(data).hexdigest()


def test_streamsAndStatusArriveApart(lab: Any) -> None:
    done = lab.ssh(HERE, "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_aWrongPasswordIsRefused(lab: Any) -> None:
    done = lab.ssh(HERE, "true", password="wrong")
    assert done.returncode == 255
    assert b"Permission denied (password)" in done.stderr


def test_everythingArrivesBeforeTheStatus(lab: Any, payload: Path) -> None:
    """
    Stock Conch loses nine tenths of it.
    """
    done = lab.ssh(HERE, f"cat '{payload}'; exit 3")
    assert (done.returncode, digest(done.stdout)) == (3, digest(payload.read_bytes()))


def test_everythingArrivesOnBothStreams(lab: Any, payload: Path) -> None:
    done = lab.ssh(HERE, f"cat '{payload}' >&2 & cat '{payload}'; wait")
    expected = digest(payload.read_bytes())
    assert (digest(done.stdout), digest(done.stderr)) == (expected, expected)


def test_everythingIsSent(lab: Any, payload: Path) -> None:
    content = payload.read_bytes()
    done = lab.ssh(HERE, "sha256sum", stdin=content)
    assert done.stdout.split()[0].decode() == digest(content)


def test_inputEndsWhileOutputGoesOn(lab: Any) -> None:
    done = lab.ssh(HERE, "cat; echo after", stdin=b"before\n")
    assert done.stdout == b"before\nafter\n"


def test_inputThatNobodyReadsIsNoObstacle(lab: Any, payload: Path) -> None:
    done = lab.ssh(HERE, "exec <&-; echo done", stdin=payload.read_bytes())
    assert (done.returncode, done.stdout) == (0, b"done\n")


def test_aSlowReaderLosesNothing(lab: Any, payload: Path) -> None:
    """
    The program is paused: it is many windows ahead of its reader.
    """
    script = f"cat '{payload}'"
    command = ["ssh", *lab.options(), HERE, script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=lab.environ, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        others = lab.ssh(HERE, "echo meanwhile")
        rest = process.stdout.read()
    assert others.stdout == b"meanwhile\n"
    assert digest(first + rest) == digest(payload.read_bytes())


@pytest.mark.parametrize("pause", ["exec cat /dev/zero", "exec cat /dev/zero >&2"])
def test_aClientThatLeavesEndsItsProgram(lab: Any, pause: str) -> None:
    """
    Even when the program is paused, and nobody reads from it.
    """
    fifo = lab.home / f"fifo-{len(pause)}"
    os.mkfifo(fifo)
    # The program holds the fifo open; it ends where the program does.
    command = ["ssh", *lab.options(), HERE, f"exec 9>'{fifo}'; echo >&9; {pause}"]
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, env=lab.environ
    )
    os.close(writing)
    with open(fifo, "rb") as held:
        assert held.read(1) == b"\n"
        process.kill()
        process.wait()
        assert held.read() == b""
    os.close(reading)


def test_aSignalIsReported(lab: Any) -> None:
    done = lab.ssh("-v", HERE, "kill -TERM $$")
    assert done.returncode == 255
    assert b"rtype exit-signal" in done.stderr


def test_fewVariablesArrive(lab: Any) -> None:
    names = "LC_TEST=yes COLORTERM=truecolor SECRET=no"
    done = lab.ssh("-o", f"SetEnv={names}", HERE, "echo $LC_TEST/$COLORTERM/$SECRET")
    assert done.stdout == b"yes/truecolor/\n"


def test_aCommandLeadsItsGroup(lab: Any) -> None:
    done = lab.ssh(HERE, "ps -o pgid= -p $$; echo $$")
    first, second = done.stdout.split()
    assert first == second


def test_aTerminalGivesAShellWithItsPrompt(lab: Any) -> None:
    done = lab.ssh("-tt", HERE, stdin=b"tty; echo $TERM\nexit 4\n", host="ill")
    assert done.returncode == 4
    assert b"Please wait...checking for disk quotas\r\n" in done.stdout
    assert b"ill% " in done.stdout
    assert b"/dev/pts/" in done.stdout


def test_aTerminalEndsWithItsShell(lab: Any) -> None:
    """
    A program in the background keeps pipes open, not a terminal; the fifo
    ends it with the test.
    """
    fifo = lab.home / "background"
    os.mkfifo(fifo)
    done = lab.ssh("-tt", HERE, stdin=f"cat <'{fifo}' &\nexit 5\n".encode())
    assert done.returncode == 5
    with open(fifo, "wb"):
        pass


@pytest.fixture
def terminal(lab: Any) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """
    ssh on a terminal of its own, which runs a script on the host.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    script = "stty size; trap 'stty size; exit 6' WINCH; echo ready; sleep 60 & wait"
    process = subprocess.Popen(
        ["ssh", *lab.options(), "-t", HERE, script],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**lab.environ, "TERM": "xterm"},
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        start_new_session=True,
    )
    os.close(slave)
    yield master, process
    process.kill()
    process.wait()
    os.close(master)


def readUntil(descriptor: int, text: bytes) -> bytes:
    """
    Read from a terminal until a text appears, or until its end.
    """
    got = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while text not in got and (data := os.read(descriptor, 4096)):
            got += data
    return got


def test_theWindowChanges(terminal: tuple[int, subprocess.Popen[bytes]]) -> None:
    master, process = terminal
    assert b"24 80\r\n" in readUntil(master, b"ready")
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("4H", 50, 132, 0, 0))
    assert b"50 132\r\n" in readUntil(master, b"50 132\r\n")
    readUntil(master, b"closed.")
    assert process.wait(60) == 6


def test_theInterruptKeyReachesTheProgram(
    terminal: tuple[int, subprocess.Popen[bytes]],
) -> None:
    master, process = terminal
    readUntil(master, b"ready")
    os.write(master, b"\x03")
    readUntil(master, b"closed.")
    assert process.wait(60) in (130, 255)


def test_fromOneHostToTheNext(lab: Any) -> None:
    proxy = ["ssh", *lab.options("nice1"), "-W", "%h:%p", HERE]
    done = lab.ssh("-o", f"ProxyCommand={' '.join(proxy)}", HERE, "echo bounced", host="ill")
    assert (done.returncode, done.stdout) == (0, b"bounced\n")


def test_theLabLeadsNowhereElse(lab: Any) -> None:
    done = lab.ssh("-W", "192.0.2.1:22", HERE)
    assert done.returncode == 255
    assert b"the lab leads nowhere else" in done.stderr


def test_noSecretIsLogged(lab: Any) -> None:
    lab.ssh(HERE, "echo canary-command", stdin=b"canary-input", password=lab.told["password"])
    lab.ssh(HERE, "true", password="canary-password")
    log = (Path(lab.told["directory"]) / "hosts.log").read_text()
    assert "nice1: login of b'johnson' accepted" in log
    assert "nice1: login of b'johnson' refused" in log
    assert "canary" not in log
    assert lab.told["password"] not in log


def test_theLabEndsWithStubbornPrograms(labProcess: Any, lab: Any, tmp_path: Path) -> None:
    """
    They are killed after a while.
    """
    process = labProcess(tmp_path, "--hosts-only")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    script = f"trap '' HUP TERM; exec 9>'{fifo}'; echo >&9; sleep 600; sleep 600"
    client = subprocess.Popen(
        [
            *("ssh", "-F", "/dev/null", "-o", f"UserKnownHostsFile={told['known_hosts']}"),
            *("-p", str(told["hosts"]["ill"]), HERE, script),
        ],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**lab.environ, "LAB_PASSWORD": told["password"]},
    )
    with open(fifo, "rb") as held:
        assert held.read(1) == b"\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert held.read() == b""
    assert (process.returncode, client.wait(60)) == (0, 255)
