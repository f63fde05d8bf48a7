"""
Tests of L{bastion.admin.ctl}.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from operating.console import say
from twisted.internet.threads import deferToThread

from bastion import __version__
from bastion.admin import ctl
from bastion.admin.commands import COMMANDS, Desk
from bastion.admin.tables import Screen

#: What each command needs.
COMPLETE = {
    "status": (),
    "hosts": (),
    "drain": ("nice1",),
    "enable": ("nice1",),
    "disable": ("nice1",),
    "accept-key": ("nice1",),
    "connections": (),
    "penalties": (),
    "close": ("K7QX2M",),
    "check-config": ("bastion.toml",),
    "explain": ("--user", "johnson", "--gateway", "esrf"),
}


class Terminal(io.StringIO):
    """
    Somebody looks at it.
    """

    def isatty(self) -> bool:
        """
        See C{io.IOBase}.
        """
        return True


@pytest.fixture
def desks(monkeypatch: pytest.MonkeyPatch) -> list[Desk]:
    """
    The desks at which C{status} was done.
    """
    seen: list[Desk] = []

    def status(desk: Desk) -> int:
        seen.append(desk)
        return 0

    monkeypatch.setattr(ctl, "COMMANDS", {**COMMANDS, "status": status})
    return seen


def parsed(*arguments: str) -> Namespace:
    """
    A command line.
    """
    return ctl.parser().parse_args(arguments)


# The command line


@pytest.mark.parametrize("command", COMMANDS)
def test_everyCommandCanBeCalledWithTheCommonOptionsOnEitherSide(command: str) -> None:
    common = ("--config", "a.toml", "--socket", "b.sock", "--json")
    before = parsed(*common, command, *COMPLETE[command])
    behind = parsed(command, *COMPLETE[command], *common)
    assert before == behind
    assert (before.config, before.socket, before.json) == ("a.toml", "b.sock", True)
    assert before.command == command


def test_withoutOptionsTheConfigurationIsTheOneOfTheSystem() -> None:
    options = parsed("status")
    assert options.config == "/etc/bastion/bastion.toml"
    assert (options.socket, options.json) == ("", False)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("restart",),
        ("drain",),
        ("close",),
        ("check-config",),
        ("explain", "--user", "johnson"),
        ("explain", "--user", "johnson", "--gateway", "esrf", "--from", "firewall"),
        ("status", "--jso"),
        ("hosts", "nice1"),
    ],
)
def test_mistakesInTheCommandLineEndWithTwo(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(*arguments)
    assert caught.value.code == 2
    assert "usage: bastionctl" in capsys.readouterr().err


def test_versionIsTheBastions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("--version")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bastionctl {__version__}\n"


def test_addressIsWrittenInItsShortestForm() -> None:
    options = parsed("explain", "--user", "a", "--gateway", "b", "--from", "2001:DB8:0::1")
    assert options.source == "2001:db8::1"


# The way to the bastion


@pytest_twisted.ensureDeferred
async def test_socketIsFoundByTheConfiguration(bastionctl: Any, tmp_path: Path) -> None:
    path = tmp_path / "bastion.toml"
    path.write_text('[bastion]\nstate_dir = "."\n')
    said = await deferToThread(say, ["status", "--config", str(path)], io.StringIO())
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize("option", ["--socket", "--config"])
def test_bastionThatIsNotThereEndsWithThree(tmp_path: Path, option: str) -> None:
    said = say(["status", option, str(tmp_path / "nothing")], io.StringIO())
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("bastionctl: ")
    assert str(tmp_path / "nothing") in said.err


def test_interruptedCommandEndsAsAShellExpects(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(desk: Desk) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(ctl, "COMMANDS", {**COMMANDS, "status": interrupted})
    said = say(["status"], io.StringIO())
    assert (said.code, said.err) == (130, "\n")


# The screen


def screen(desks: list[Desk], stdout: io.StringIO) -> Screen:
    """
    What is written on.
    """
    ctl.run(parsed("status"), io.StringIO(), stdout, io.StringIO())
    return desks[-1].screen


def test_pipeHasNoWidthAndNoColours(desks: list[Desk]) -> None:
    assert screen(desks, io.StringIO()) == Screen(None, False)


def test_terminalHasBoth(desks: list[Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert screen(desks, Terminal()) == Screen(72, True)
    monkeypatch.setenv("NO_COLOR", "")
    assert screen(desks, Terminal()) == Screen(72, True)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminalMayWantNoColours(
    desks: list[Desk], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert not screen(desks, Terminal()).colour


# The process

MAIN = [sys.executable, "-c", "import sys; from bastion.admin.ctl import main; sys.exit(main())"]


@pytest.fixture
def inAProcess(bastionctl: Any, tmp_path: Path) -> Callable[..., Any]:
    """
    The console script, as a shell calls it.
    """

    def run(*arguments: str, **how: Any) -> Any:
        command = [*MAIN, "--socket", str(tmp_path / "control.sock"), *arguments]
        return deferToThread(subprocess.run, command, **how)

    return run


@pytest_twisted.ensureDeferred
async def test_scriptAnswersAndEndsWithItsCode(inAProcess: Any) -> None:
    done = await inAProcess("drain", "nice1", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "nice1.example.org of nice: drain, 3 sessions\n"
    done = await inAProcess("drain", "nice1", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "bastionctl: nice1.example.org is drain already\n"


@pytest_twisted.ensureDeferred
async def test_readerThatHasSeenEnoughIsNoError(inAProcess: Any) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as pipe:
        done = await inAProcess("hosts", stdout=pipe, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest_twisted.ensureDeferred
async def test_nameThatTheScreenHasNoCharactersForIsShownEscaped(
    inAProcess: Any, operations: Any
) -> None:
    operations.rows[0]["reason"], operations.rows[0]["state"] = "Isère", "drain"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = await inAProcess("hosts", env=environment, capture_output=True)
    assert done.returncode == 0
    assert b"Is\\xe8re" in done.stdout


@pytest_twisted.ensureDeferred
async def test_closedStreamsAreNoError(inAProcess: Any) -> None:
    def close() -> None:
        for descriptor in range(3):
            os.close(descriptor)

    done = await inAProcess("accept-key", "nice3", preexec_fn=close)
    assert done.returncode == 2


def test_scriptLoadsNeitherTheReactorNorTheAPI() -> None:
    """
    It has to be quick.
    """
    script = "import sys, bastion.admin.ctl; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = done.stdout.split()
    assert "bastion.admin.commands" in loaded
    assert {"klein", "werkzeug", "twisted.internet.reactor", "bastion.admin.api"}.isdisjoint(loaded)
