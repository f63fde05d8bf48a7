"""
What users of curl do, and of other programs with libssh2: files over sftp.
"""

from __future__ import annotations

import pytest
from attrs import evolve
from harness import accounts
from harness.curl import curl

pytestmark = pytest.mark.interop

#: curl's exit codes.
DENIED, STRANGER = 67, 60


@pytest.mark.parametrize("kind", ["pam", "pam-kbdint", "password-only", "dropbear"])
def test_fileGoesThereAndBack(to, user, mebibyte, kind):
    there = user.home / f"there-curl-{kind}"
    curl(to(kind), there, "--upload-file", str(mebibyte.path)).ok()
    assert mebibyte.isIn(there)
    assert mebibyte.matches(curl(to(kind), there).ok().stdout)


def test_manyBytesThereAndBack(to, user, payload):
    there = user.home / "there-curl"
    curl(to("pam"), there, "--upload-file", str(payload.path)).ok()
    assert payload.isIn(there)
    assert payload.matches(curl(to("pam"), there).ok().stdout)


def test_directoryIsListed(to, user):
    (user.home / "seen-by-curl").touch()
    assert "seen-by-curl" in curl(to("pam"), f"{user.home}/", "--list-only").ok().text


def test_filesAreManaged(to, user):
    commands = [f"rename {user.home}/from {user.home}/to", f"mkdir {user.home}/made"]
    (user.home / "from").touch()
    quotes = [word for command in commands for word in ("--quote", command)]
    curl(to("pam"), f"{user.home}/", "--list-only", *quotes).ok()
    assert (user.home / "to").exists()
    assert (user.home / "made").is_dir()


def test_wrongPasswordIsRefused(bothWays):
    wrong = accounts.newPassword()
    direct, through = bothWays(lambda way: curl(way("alive"), "/etc/hostname", password=wrong))
    assert through.status == direct.status == DENIED
    assert through.stderr == direct.stderr


def test_otherHostKeyIsNotAccepted(to, theSite):
    route = evolve(to("pam"), keys=theSite.hosts["stranger"].keys)
    assert curl(route, "/etc/hostname").status == STRANGER
