"""
L{bastion.hosts.statefile}: a file that cannot be used is set aside and said, and the
bastion starts all the same.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from bastion.hosts import statetext
from bastion.hosts.statefile import StateFile
from bastion.hosts.statetext import Kept, written
from bastion.interfaces import HostAddress
from bastion.state import AdminState

#: 2026-11-25 20:53:20 UTC
NOW = 1795640000.0
ASIDE = "state.json.corrupt-20261125T205320Z"
KEPT = Kept({("nice", HostAddress("nice1.example.org")): AdminState("drain", NOW)})
STARTS = (
    ".  The bastion starts without it: no host is drained, disabled or quarantined until that "
    "is said again, and accounts may come to other hosts than before"
)


def loaded(folder: Path) -> tuple[Kept, list[tuple[str, str]]]:
    """
    What the file in a directory keeps, and what was logged.
    """
    file = StateFile(folder / "state.json", Clock(), lambda: NOW, Kept)
    with capturedLogs() as events:
        kept = file.load()
    return kept, [(event["log_level"].name, formatEvent(event)) for event in events]


def test_fileThatCanBeUsedStays(tmp_path: Path) -> None:
    text = written(KEPT, NOW)
    (tmp_path / "state.json").write_bytes(text)
    assert loaded(tmp_path) == (KEPT, [])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"state.json": text}


def test_noFileIsNotWorthAWord(tmp_path: Path) -> None:
    assert loaded(tmp_path) == (Kept(), [])
    assert loaded(tmp_path / "missing") == (Kept(), [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "it is not JSON (line 1: Expecting value)"),
        (written(KEPT, NOW)[:-3], "it is not JSON (line 5: Expecting value)"),
        (b"\xff" * 1000, "it holds bytes that are not ASCII"),
        (b"[" * 1_000_000, "it is nested too deeply"),
        (b'{"version": 7}', "it was written by another version of the bastion"),
    ],
    ids=["empty", "truncated", "noise", "deep", "version"],
)
def test_damagedFileIsSetAsideAndSaid(tmp_path: Path, text: bytes, problem: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text)
    kept, said = loaded(tmp_path)
    assert kept == Kept()
    assert said == [("error", f"{path}: {problem}; it is {ASIDE} now{STARTS}")]
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {ASIDE: text}
    assert loaded(tmp_path) == (Kept(), []), "once"


def test_hugeFileIsNotReadToItsEnd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    This one has holes instead of a terabyte.
    """
    path = tmp_path / "state.json"
    path.touch()
    os.truncate(path, 2**40)
    _, said = loaded(tmp_path)
    assert said == [
        (
            "error",
            f"{path}: it is larger than {statetext.LARGEST_TEXT} bytes; it is {ASIDE} now{STARTS}",
        )
    ]
    assert (tmp_path / ASIDE).stat().st_size == 2**40


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("fifo", "it is not a regular file"), ("directory", "it cannot be read (Is a directory)")],
)
def test_whatIsNoFileIsSetAsideToo(tmp_path: Path, kind: str, problem: str) -> None:
    path = tmp_path / "state.json"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    kept, said = loaded(tmp_path)
    assert (kept, said) == (Kept(), [("error", f"{path}: {problem}; it is {ASIDE} now{STARTS}")])
    assert [each.name for each in tmp_path.iterdir()] == [ASIDE]


def test_fileThatCannotBeReadIsSetAside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(written(KEPT, NOW))

    def refused(*args: Any) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refused)
    kept, said = loaded(tmp_path)
    problem = "it cannot be read (Permission denied)"
    assert (kept, said) == (Kept(), [("error", f"{path}: {problem}; it is {ASIDE} now{STARTS}")])


def test_whatCannotBeMovedAwayEitherIsSaid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    path.write_text("nonsense")

    def refused(*args: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "rename", refused)
    kept, ((_, text),) = loaded(tmp_path)
    assert kept == Kept()
    moved = "it cannot be moved away either (Permission denied)"
    assert text == f"{path}: it is not JSON (line 1: Expecting value); {moved}{STARTS}"


def test_nothingThatWasSetAsideIsOverwritten(tmp_path: Path) -> None:
    for text in ("first", "second", "third"):
        (tmp_path / "state.json").write_text(text)
        loaded(tmp_path)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        ASIDE: "first",
        f"{ASIDE}-2": "second",
        f"{ASIDE}-3": "third",
    }
