"""
What ssh-audit finds at a gateway that is left at its defaults.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from harness import clients

pytestmark = pytest.mark.interop

#: How it is run as it is: it calls itself OpenSSH, and is offered what OpenSSH is.
AS_OPENSSH = ["-m", "ssh_audit"]
#: How it is run as a program that nobody has heard of.
AS_STRANGER = [
    "-c",
    "import sys; from ssh_audit import ssh_audit, ssh_socket; "
    'ssh_socket.SSH_HEADER = "SSH-{0}-Stranger_1.0"; '
    "sys.exit(ssh_audit.main())",
]

NOT_POST_QUANTUM = "does not provide protection against post-quantum attacks"
#: Programs that have nothing else are offered this.
ENCRYPT_AND_MAC = "using encrypt-and-MAC mode"


@pytest.fixture
def audit(algorithms):
    """
    What ssh-audit prints about a gateway.
    """
    pytest.importorskip("ssh_audit", reason="ssh-audit is missing: pip install ssh-audit")

    def run(gateway, way):
        route = algorithms.through(gateway)
        line = [sys.executable, *way, "--no-colors", "--timeout", "30"]
        line += ["--port", str(route.port), route.address]
        done = clients.run(line, clients.environment(route.newDirectory()))
        text = done.stdout.decode()
        assert "# message authentication code algorithms" in text, text + done.stderr
        return text

    return run


def findings(text, level):
    """
    What it finds to be of a level, each as kind, name and reason.

    Each algorithm has a line, and more lines below that for more remarks.
    """
    found, about = set(), ("", "")
    for line in text.splitlines():
        if named := re.match(r"\((\w+)\) (\S+)", line):
            about = (named[1], named[2])
        if remark := re.search(rf"\[{level}\] (.*)", line):
            found.add((*about, remark[1].strip()))
    return found


def test_findingsAreFound():
    text = (
        "(kex) one   -- [fail] bad\n"
        "            `- [warn] not good\n"
        "            `- [info] fine\n"
        "(enc) two   -- [warn] worse\n"
    )
    assert findings(text, "fail") == {("kex", "one", "bad")}
    assert findings(text, "warn") == {("kex", "one", "not good"), ("enc", "two", "worse")}


@pytest.mark.parametrize("way", [AS_OPENSSH, AS_STRANGER], ids=["OpenSSH", "stranger"])
def test_nothingFails(audit, way):
    text = audit("default", way)
    assert findings(text, "fail") == set(), text
    assert "(cve)" not in text, text
    assert "(sec)" not in text, text
    assert "kex-strict-s-v00@openssh.com" in text, text


@pytest.mark.parametrize("way", [AS_OPENSSH, AS_STRANGER], ids=["OpenSSH", "stranger"])
def test_outputIsInTheDocumentation(audit, way):
    """
    All but the fingerprints, and the remarks, where there are times.
    """
    page = Path(__file__).parents[2] / "docs" / "ssh-audit.md"
    forOpenSSH, forStrangers = page.read_text().split("```\n")[1::2]
    expected = forOpenSSH if way is AS_OPENSSH else forStrangers
    assert audit("default", way).partition("\n# fingerprints")[0] == expected


def test_opensshIsWarnedOfWhatIsNotPostQuantumAlone(audit):
    text = audit("default", AS_OPENSSH)
    assert findings(text, "warn") == {
        ("kex", "curve25519-sha256", NOT_POST_QUANTUM),
        ("kex", "curve25519-sha256@libssh.org", NOT_POST_QUANTUM),
    }, text
    assert "Terrapin vulnerability" not in text, text


def test_strangersAreWarnedOfTheLastResort(audit):
    """
    And of nothing else: they are offered no more than that.
    """
    text = audit("default", AS_STRANGER)
    assert findings(text, "warn") == {
        ("kex", "curve25519-sha256", NOT_POST_QUANTUM),
        ("kex", "curve25519-sha256@libssh.org", NOT_POST_QUANTUM),
        ("mac", "hmac-sha2-256", ENCRYPT_AND_MAC),
        ("mac", "hmac-sha2-512", ENCRYPT_AND_MAC),
    }, text


def test_strangersAreNotWarnedWhereThereIsNoLastResort(audit):
    text = audit("never", AS_STRANGER)
    assert {kind for kind, _, _ in findings(text, "warn")} == {"kex"}, text
