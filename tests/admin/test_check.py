"""
Tests of L{bastion.admin.check}.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from bastion.admin.check import Unreadable, problemsOf
from bastion.wire import string

GOOD = """
[bastion]
state_dir = "state"
[gateway.esrf]
listen = ["tcp:5022", "tcp6:5022", "unix:/run/nowhere/ssh"]
cluster = "nice"
[gateway.embl]
listen = "tcp:5024:interface=192.0.2.1"
notice = "See its own pages."
[cluster.nice]
hosts = ["nice1.example.org", "nice2.example.org:2222"]
"""
KEY = base64.b64encode(string(b"ssh-ed25519") + string(bytes(32))).decode()
KNOWN = f"nice1.example.org,[nice2.example.org]:2222 ssh-ed25519 {KEY}\n"


def problems(directory: Path, text: str = GOOD, known: str | None = KNOWN) -> list[str]:
    """
    What is wrong with a file.

    @param known: what is in known_hosts; L{None} for no such file.
    """
    path = directory / "bastion.toml"
    path.write_text(text)
    if known is not None:
        (directory / "known_hosts").write_text(known)
    return [str(problem) for problem in problemsOf(path)]


def test_goodFileHasNoProblems(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


def test_checkLeavesNothingBehind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    problems(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "bastion.toml",
        "elsewhere",
        "known_hosts",
    ]


#: Tells what is written, made or connected to, but for what Python and Twisted keep of
#: their own modules.
WATCHED = """
import os, sys
from pathlib import Path
from bastion.admin.check import problemsOf

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def watch(event, given):
    where = str(given[0]) if given else ""
    writes = event == "open" and isinstance(given[2], int) and given[2] & WRITING
    if writes and ("__pycache__" in where or "dropin.cache" in where):
        return
    if writes or event in ("os.mkdir", "os.rename", "socket.bind", "socket.connect"):
        print(event, where)

sys.addaudithook(watch)
print(problemsOf(Path(sys.argv[1])))
"""


def test_checkWritesNothingAndConnectsToNobody(tmp_path: Path) -> None:
    problems(tmp_path)
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "bastion.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_problemsOfTheFileAreAllListed(tmp_path: Path) -> None:
    text = GOOD.replace('"nice"', '"nise"').replace("notice", "notise")
    assert [problem.partition(":")[0] for problem in problems(tmp_path, text)] == [
        "gateway.esrf.cluster",
        "gateway.embl.notise",
    ]


def test_endpointsThatTwistedDoesNotUnderstandAreAllNamed(tmp_path: Path) -> None:
    text = GOOD.replace('"tcp6:5022"', '"tcp6:5022:interfase=x"').replace("=192", "s=192")
    assert [problem.partition(":")[0] for problem in problems(tmp_path, text)] == [
        "gateway.esrf.listen",
        "gateway.embl.listen",
    ]


@pytest.mark.parametrize(
    "listen", ["systemd:domain=INET:index=0", "ssl:443:privateKey=/nowhere", "imaginary:1"]
)
def test_endpointsThatDoMoreThanListenAreNotTried(tmp_path: Path, listen: str) -> None:
    text = GOOD.replace('"tcp:5024:interface=192.0.2.1"', f'"{listen}"')
    assert problems(tmp_path, text) == []


def test_hostsWithoutAKnownKeyAreNamed(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    assert problems(
        tmp_path, known=KNOWN.replace("[nice2.example.org]:2222", "nice2.example.org")
    ) == [
        f"cluster.nice.known_hosts: {known} has no key of nice2.example.org:2222; "
        "it is passed over, unless a key was accepted with bastionctl"
    ]


def test_linesThatCannotBeUsedAreNamed(tmp_path: Path) -> None:
    assert problems(tmp_path, known=KNOWN + "nonsense\n") == [
        f"cluster.nice.known_hosts: {tmp_path}/known_hosts, line 2: "
        "host names, key type and key are not all there"
    ]


def test_knownHostsThatCannotBeReadAreNamedForEachCluster(tmp_path: Path) -> None:
    text = GOOD + '[cluster."ill"]\nhosts = ["login"]\nknown_hosts = "elsewhere"\n'
    found = problems(tmp_path, text, known=None)
    assert [problem.partition("(")[0] for problem in found] == [
        f"cluster.nice.known_hosts: {tmp_path}/known_hosts: cannot be read ",
        f"cluster.ill.known_hosts: {tmp_path}/elsewhere: cannot be read ",
    ]


def test_accountsFileIsCheckedToo(tmp_path: Path) -> None:
    text = '[bastion]\naccounts_file = "accounts.toml"\n' + GOOD.replace("[bastion]", "")
    path = tmp_path / "accounts.toml"
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"bastion.accounts_file: {path}: cannot be read (No such file ")

    path.write_text('[account."*"]\ngateways = ["ersf"]\ndays = 1\n')
    assert [problem.partition(";")[0] for problem in problems(tmp_path, text)] == [
        f'bastion.accounts_file: {path}, account."*".gateways: no gateway named "ersf"',
        f'bastion.accounts_file: {path}, account."*".days: found the whole number 1',
    ]

    path.write_text('[account."*"]\ngateways = ["esrf", "embl"]\n')
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize("name", ["nothing.toml", ".", "latin.toml"])
def test_fileThatCannotBeReadIsAnotherMatter(tmp_path: Path, name: str) -> None:
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(Unreadable) as caught:
        problemsOf(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
