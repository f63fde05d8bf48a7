"""
OpenSSH's scp and sftp against a host of the lab.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.interop

HERE = "johnson@127.0.0.1"


def test_filesAreCopiedWithScp(lab: Any, payload: Path) -> None:
    options = lab.options(portOption="-P")
    for number, old in enumerate(([], ["-O"])):
        target, back = f"{HERE}:there-{number}", lab.home / f"back {number}"
        assert lab.run("scp", *old, *options, str(payload), target).returncode == 0
        assert lab.run("scp", *old, *options, target, str(back)).returncode == 0
        assert back.read_bytes() == payload.read_bytes()


def test_aTreeIsCopied(lab: Any) -> None:
    tree = lab.home / "tree"
    (tree / "dé").mkdir(parents=True)
    (tree / "dé" / "naïve").write_bytes(b"1")
    (tree / "dé" / "naïve").chmod(0o640)
    done = lab.run("scp", "-rp", *lab.options(portOption="-P"), str(tree), f"{HERE}:copied")
    assert done.returncode == 0, done.stderr
    copied = lab.home / "copied" / "dé" / "naïve"
    assert copied.read_bytes() == b"1"
    assert copied.stat().st_mode & 0o7777 == 0o640
    assert copied.stat().st_mtime == int((tree / "dé" / "naïve").stat().st_mtime)


BATCH = """
mkdir work
-mkdir work
put -p payload work/new
chmod 600 work/new
rename work/new work/renamed
ln -s renamed work/link
ls -l work
-rmdir work
get work/link fetched
rm work/*
rmdir work
-get nothing
pwd
"""


def test_filesAreManagedWithSftp(lab: Any, payload: Path) -> None:
    batch = lab.home / "batch"
    batch.write_text(BATCH)
    options = lab.options(portOption="-P")
    done = lab.run("sftp", *options, "-b", str(batch), HERE)
    assert done.returncode == 0, done.stderr
    assert b"-rw-------" in done.stdout
    assert f"Remote working directory: {lab.home}".encode() in done.stdout
    assert b'File "' in done.stderr and b"not found" in done.stderr
    assert (lab.home / "fetched").read_bytes() == payload.read_bytes()
    assert not (lab.home / "work").exists()
