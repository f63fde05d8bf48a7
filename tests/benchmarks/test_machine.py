"""
L{benchmarks.machine}: what the numbers were measured on.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bastion import __version__
from benchmarks import machine
from benchmarks.programs import Missing


def test_machineAndVersionsAreNamed() -> None:
    about = machine.about()
    assert {"date", "cpu", "memory", "kernel", "bastion", "python", "openssh"} <= set(about)
    assert all(about.values())


def test_outsideOfGitTheVersionIsAllThatIsKnown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    assert machine.about()["bastion"] == __version__


def test_withoutGitTheVersionIsAllThatIsKnown(monkeypatch: pytest.MonkeyPatch) -> None:
    def program(name: str) -> str:
        raise Missing(f"{name} is not installed")

    monkeypatch.setattr(machine, "program", program)
    assert machine.about()["bastion"] == __version__
    assert machine.about()["haproxy"] == "haproxy is not installed"


def test_inGitTheCommitIsNamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    version, commit = machine.about()["bastion"].split()
    assert version == __version__
    assert int(commit, 16)
