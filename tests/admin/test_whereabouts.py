"""
Tests of L{bastion.admin.whereabouts}.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bastion.admin.client import Unreachable
from bastion.admin.whereabouts import socketOf


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ("", "state"),
        ('[bastion]\nstate_dir = "/var/lib/bastion"', "/var/lib/bastion"),
        ('[bastion]\nstate_dir = "../run"', "../run"),
        ('\ufeff[bastion]\nstate_dir = "run"', "run"),
        # Whatever else is wrong with it.
        ('[bastion]\nstate_dir = "run"\nstore = "no such store"\nmore = 1\n[gateway]', "run"),
    ],
)
def test_socketIsInTheStateDirectory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, directory: str
) -> None:
    (tmp_path / "bastion.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = socketOf(Path("bastion.toml"))
    assert found == tmp_path / directory / "control.sock"
    assert found.is_absolute()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[bastion", ": line 1, column 9: not TOML"),
        (b"a = '\xff'", ": 'utf-8' codec can't decode"),
        (b"bastion = 1", " has no bastion.state_dir that can be used"),
        (b"bastion.state_dir = 1", " has no bastion.state_dir that can be used"),
    ],
)
def test_fileThatDoesNotSayIsNamedWithARemedy(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "bastion.toml"
    path.write_bytes(content)
    with pytest.raises(Unreachable) as caught:
        socketOf(path)
    assert str(caught.value).startswith(f"{path}{problem}")
    assert str(caught.value).endswith(
        "; name another file with --config, or the control socket with --socket"
    )


def test_missingFileIsNamed(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"bastion.toml: No such file or directory; name"):
        socketOf(tmp_path / "bastion.toml")
