"""
Tests of L{bastion.config.file}.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bastion.config.file import decoded, read
from bastion.config.problems import ConfigurationError
from bastion.config.readers import Installed

GOOD = '[gateway.embl]\nlisten = "tcp:5024"\nnotice = "See Isère."\n'


def test_fileIsReadAndItsPathsCountFromIt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: Installed
) -> None:
    (tmp_path / "bastion.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    configuration = read(Path("bastion.toml"), installed)
    assert configuration.gateways["embl"].notice == "See Isère."
    assert configuration.bastion.state_dir == tmp_path / "state"


def test_byteOrderMarkIsNoMistake(tmp_path: Path, installed: Installed) -> None:
    path = tmp_path / "bastion.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert "embl" in read(path, installed).gateways


def test_missingFileIsNamed(tmp_path: Path, installed: Installed) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path / "bastion.toml", installed)
    assert str(refused.value) == f"{tmp_path}/bastion.toml: there is no such file; check its name"


def test_directoryIsNoFile(tmp_path: Path, installed: Installed) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, installed)
    assert str(refused.value) == f"{tmp_path}: this is a directory; name the file in it"


def test_otherEncodingIsRefusedWithItsLine(tmp_path: Path, installed: Installed) -> None:
    path = tmp_path / "bastion.toml"
    path.write_bytes(b'[gateway.embl]\nnotice = "Is\xe8re"\n')
    with pytest.raises(ConfigurationError) as refused:
        read(path, installed)
    assert str(refused.value) == f"{path}: line 2 is not UTF-8; save the file as UTF-8"


def test_textOfAFileIsDecoded() -> None:
    assert decoded("\ufeffIsère".encode()) == decoded("Isère".encode()) == "Isère"
    with pytest.raises(ValueError, match=r"^line 3 is not UTF-8; save the file as UTF-8$"):
        decoded(b"\n\n\xe8")


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "it may not be read by the user that runs this; change its permissions",
        ),
        (OSError(errno.EIO, "Input/output error"), "it cannot be read: Input/output error"),
    ],
)
def test_unreadableFileSaysWhy(
    error: OSError, problem: str, monkeypatch: pytest.MonkeyPatch, installed: Installed
) -> None:
    def fail(path: Path) -> bytes:
        raise error

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(ConfigurationError) as refused:
        read(Path("/etc/bastion.toml"), installed)
    assert str(refused.value) == f"/etc/bastion.toml: {problem}"


def test_problemsOfTheFileArePassedOn(tmp_path: Path, installed: Installed) -> None:
    path = tmp_path / "bastion.toml"
    path.write_text(GOOD + "[gatway]\n")
    with pytest.raises(ConfigurationError, match=r"^gatway: unknown key;"):
        read(path, installed)
