"""
How a host runs the invoking user's shell.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bastion.lab.shell import Shell, makeShell


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """
    A directory for PATH with C{bash} and C{setsid} in it.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "setsid"):
        (folder / name).write_text("")
        (folder / name).chmod(0o700)
    return folder


def test_bashIsPreferredAndReadsTheUsersFile(programs: Path, tmp_path: Path) -> None:
    startup = tmp_path / "rc"
    shell = makeShell("nice1", startup, {"PATH": str(programs), "HOME": str(tmp_path)})
    bash = str(programs / "bash")
    assert shell.interactive == (bash, "--rcfile", str(startup), "-i")
    assert shell.leader == (str(programs / "setsid"),)
    assert ". ~/.bashrc" in startup.read_text()
    assert "PS1='nice1% '" in startup.read_text()
    assert "ENV" not in shell.environ


def test_withoutBashAnyShellWillDo(tmp_path: Path) -> None:
    startup = tmp_path / "rc"
    shell = makeShell("ill", startup, {"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert shell.interactive == ("/bin/sh", "-i")
    assert shell.leader == ()
    assert shell.environ["ENV"] == str(startup)
    assert "bashrc" not in startup.read_text()


def test_littleOfTheEnvironmentIsHandedOn(programs: Path, tmp_path: Path) -> None:
    environ = {"PATH": str(programs), "HOME": "/home/x", "SECRET": "x", "DISPLAY": ":0"}
    shell = makeShell("nice1", tmp_path / "rc", environ)
    assert set(shell.environ) == {"HOME", "LOGNAME", "PATH", "SHELL", "USER"}
    assert shell.environ["HOME"] == "/home/x"


def test_programsStartAtHomeIfThereIsOne(tmp_path: Path) -> None:
    assert Shell(("sh",), {"HOME": str(tmp_path)}).home == str(tmp_path)
    assert Shell(("sh",), {"HOME": str(tmp_path / "none")}).home == "/"


def test_aCommandLeadsAGroupOfItsOwn() -> None:
    shell = Shell(("/bin/sh", "-i"), {}, leader=("/bin/setsid",))
    assert shell.command(b"echo \xff", onTerminal=False) == [
        *(b"/bin/setsid", b"/bin/sh", b"-c", b"echo \xff")
    ]


def test_onATerminalItDoesSoAnyway() -> None:
    shell = Shell(("/bin/sh", "-i"), {}, leader=("/bin/setsid",))
    assert shell.command(b"ls", onTerminal=True) == [b"/bin/sh", b"-c", b"ls"]


def test_aUserWithoutEnvironmentHasAHomeAndAPath(tmp_path: Path) -> None:
    shell = makeShell("nice1", tmp_path / "rc", {})
    assert shell.environ["PATH"] == os.defpath
    assert os.path.isabs(shell.environ["HOME"])
