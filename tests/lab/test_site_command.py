"""
C{python -m bastion.lab}, as C{make run} does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

WAIT = 60

StartLab = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def ports(twoPorts: tuple[int, int]) -> list[str]:
    """
    Options with ports that nobody uses.
    """
    esrf, ill = twoPorts
    return ["--esrf-port", str(esrf), "--ill-port", str(ill)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_aSignalEndsItWell(labProcess: StartLab, tmp_path: Path, number: int) -> None:
    process = labProcess(tmp_path, "--hosts-only")
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
    finally:
        process.send_signal(number)
        rest = process.communicate(timeout=WAIT)
    assert (process.returncode, rest) == (0, ("", ""))
    for port in told["hosts"].values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_itsFilesAreOfItsUserOnly(labProcess: StartLab, tmp_path: Path) -> None:
    process = labProcess(tmp_path, "--hosts-only")
    try:
        assert process.stdout is not None
        process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=WAIT)
    assert (tmp_path / ".lab").stat().st_mode & 0o7777 == 0o700
    for name in ("nice1_ed25519_key", "known_hosts", "hosts.log"):
        assert (tmp_path / ".lab" / name).stat().st_mode & 0o7777 == 0o600


@pytest.mark.interop
def test_theBastionIsInFront(labProcess: StartLab, tmp_path: Path, ports: list[str]) -> None:
    """
    The line that people copy works, without a question.
    """
    askpass = tmp_path / "askpass"
    askpass.write_text('#!/bin/sh\nprintf "%s\\n" "$LAB_PASSWORD"\n')
    askpass.chmod(0o700)
    process = labProcess(tmp_path, *ports)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=WAIT)
        told = json.loads(line)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "LAB_PASSWORD": told["password"],
        }
        for gateway, account in (("esrf", "johnson"), ("ill", "smith")):
            done = subprocess.run(
                [
                    *("ssh", "-F", "/dev/null", "-p", str(told["gateways"][gateway])),
                    *("-o", "UserKnownHostsFile=.lab/client_known_hosts"),
                    *(f"{account}@127.0.0.1", "echo here; exit 7"),
                ],
                capture_output=True,
                env=environ,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                timeout=WAIT,
            )
            assert (done.returncode, done.stdout, done.stderr) == (7, b"here\n", b"")
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=WAIT)
    assert (process.returncode, errors) == (0, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", told["gateways"]["esrf"]))
    for log in ("bastion.log", "hosts.log"):
        assert told["password"] not in (tmp_path / ".lab" / log).read_text()
