"""
L{bastion.hardening}: what others can see of a process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bastion import hardening
from bastion.hardening import HardeningRefused, harden

#: Root may look into every process.
NOBODY = 65534
USER = os.geteuid() or NOBODY

#: Both processes are the same user's.  The kernel closes one that has changed its user,
#: so each opens itself first, as after any start by exec; and lets cores be written.
START = f"""
import ctypes, os, resource, sys
from bastion.hardening import harden
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
if os.geteuid() != {USER}:
    hard = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if os.geteuid() != {USER}:
    os.setgroups([])
    os.setgid({USER})
    os.setuid({USER})
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(4, 1, 0, 0, 0) == 0
"""
WATCHED = f"""{START}
for word in sys.argv[1:]:
    {{"harden": harden, "abort": os.abort}}[word]()
print("ready", flush=True)
sys.stdin.read()
"""
WATCHING = f"""{START}
pid = sys.argv[1]
seen = []
for name in ("environ", "mem", "maps", "auxv", "io", "fd/0"):
    try:
        with open(f"/proc/{{pid}}/{{name}}", "rb") as file:
            seen.append(name)
    except PermissionError:
        pass
PTRACE_SEIZE = 0x4206
if libc.ptrace(PTRACE_SEIZE, int(pid), None, None) == 0:
    seen.append("ptrace")
print(*seen)
"""

Start = Callable[..., subprocess.Popen[str]]


def script(text: str, *words: object) -> list[str]:
    """
    The command that runs it.
    """
    return [sys.executable, "-c", text, *map(str, words)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """
    Starts a process that waits, with whatever it shall do before.
    """
    started = []

    def begin(*words: str) -> subprocess.Popen[str]:
        command = script(WATCHED, *words)
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=tmp_path, stdin=pipe, stdout=pipe, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.communicate()


def seen(process: subprocess.Popen[str]) -> set[str]:
    """
    What another process of the same user sees of it.
    """
    command = script(WATCHING, process.pid)
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())


def limits(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    """
    Its limits, soft and hard, by their names.
    """
    lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


def test_anyOtherProcessIsOpenToItsUser(start: Start) -> None:
    assert seen(start()) >= {"environ", "maps", "auxv", "io"}


def test_nobodyOfTheSameUserSeesInside(start: Start) -> None:
    assert seen(start("harden")) == set()


def test_itsFilesInProcAreRoots(start: Start) -> None:
    before, after = start(), start("harden")

    assert Path(f"/proc/{before.pid}/environ").stat().st_uid == USER
    assert Path(f"/proc/{after.pid}/environ").stat().st_uid == 0


def test_coreFilesAreSwitchedOffForGood(start: Start) -> None:
    assert limits(start("harden"))["Max core file size"] == ["0", "0"]


def test_crashLeavesNoCore(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    command = script(WATCHED, "harden", "abort")
    process = subprocess.Popen(command, cwd=tmp_path)
    _, status = os.waitpid(process.pid, 0)

    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)
    assert [*tmp_path.iterdir()] == []


def test_secondTimeIsAsGoodAsTheFirst(start: Start) -> None:
    assert seen(start("harden", "harden")) == set()


# In this process, which stays open


class Kernel:
    """
    Says what it is asked for, and does nothing.

    @ivar asked: the calls.
    @ivar dumpable: what it takes the process for.
    @ivar deaf: it answers, and that is all.
    @ivar result: of each call that sets something.
    """

    def __init__(self) -> None:
        self.dumpable = 1
        self.deaf = False
        self.result = 0
        self.asked: list[tuple[Any, ...]] = []

    def prctl(self, option: Any, argument: Any, *_: Any) -> int:
        """
        See prctl(2).
        """
        self.asked.append((option.value, argument.value))
        if option.value == 3:
            return self.dumpable
        if self.result < 0:
            ctypes.set_errno(1)
        elif not self.deaf:
            self.dumpable = argument.value
        return self.result

    def setrlimit(self, kind: int, limit: tuple[int, int]) -> None:
        """
        See setrlimit(2).
        """
        self.asked.append((kind, limit))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """
    In the place of the real one; the umask is put back.
    """
    kernel = Kernel()
    monkeypatch.setattr(hardening.ctypes, "CDLL", lambda *_, **__: kernel)
    monkeypatch.setattr(hardening.resource, "setrlimit", kernel.setrlimit)
    before = os.umask(0o022)
    yield kernel
    os.umask(before)


def test_newFilesAreTheUsersAlone(kernel: Kernel, tmp_path: Path) -> None:
    harden()

    (tmp_path / "new").write_text("")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_bothAreAskedFor(kernel: Kernel) -> None:
    harden()

    assert kernel.asked == [(resource.RLIMIT_CORE, (0, 0)), (4, 0), (3, 0)]


def test_kernelThatRefusesIsNotOverlooked(kernel: Kernel) -> None:
    kernel.result = -1
    with pytest.raises(HardeningRefused, match=r"^prctl\(4\) fails: Operation not permitted$"):
        harden()


def test_kernelThatDoesNothingIsNotOverlooked(kernel: Kernel) -> None:
    kernel.deaf = True
    with pytest.raises(HardeningRefused, match="has had no effect"):
        harden()


def test_limitThatCannotBeSetIsNotOverlooked(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(hardening.resource, "setrlimit", refused)
    with pytest.raises(HardeningRefused, match="the limit of core files cannot be 0"):
        harden()
