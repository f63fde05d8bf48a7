"""
What users of PuTTY do; WinSCP and FileZilla speak to hosts with the same code.
"""

from __future__ import annotations

import pytest
from attrs import evolve
from harness import accounts, clients, peers, putty
from harness.dialogues import CHANGED_PASSWORD, PASSWORD
from harness.hostkeys import HostKey
from harness.programs import program
from harness.putty import plink, pscp, psftp
from harness.terminal import Terminal
from harness.waiting import freePort, listens, until

pytestmark = pytest.mark.interop


def atTerminal(route, *command):
    """
    Somebody at a terminal who runs plink.
    """
    line = [program("plink"), "-ssh", "-no-antispoof", *putty.common(route)]
    line.remove("-batch")
    line += [route.address, *command]
    return Terminal(line, clients.environment(route.newDirectory()))


@pytest.mark.parametrize("kind", ["pam", "pam-kbdint", "password-only", "dropbear"])
def test_commandPrintsItsOutput(to, kind):
    assert plink(to(kind), "echo hello").ok().text == "hello"


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_exitStatusIsTheCommands(to, status):
    assert plink(to("pam"), f"exit {status}").status == status


def test_exitBySignalLooksAsItDoesDirectly(bothWays):
    direct, through = bothWays(lambda way: plink(way("pam"), "kill -TERM $$"))
    assert (through.status, through.stderr) == (direct.status, direct.stderr)


def test_inputItsEndOutputAndErrors(to):
    done = plink(to("pam-kbdint"), "cat; echo after; echo err >&2", data=b"x").ok()
    assert done.text == "xafter"
    assert "err" in done.stderr


def test_wrongPasswordIsRefusedInTheSameWords(bothWays):
    def attempt(way):
        route = way("pam-kbdint")
        return plink(route.as_(route.account, accounts.newPassword()), "true")

    direct, through = bothWays(attempt)
    assert through.status == direct.status == 1
    assert through.stderr == direct.stderr


def test_bannerIsShown(to):
    with atTerminal(to("odd").as_("two-banners")) as screen:
        screen.expect("The first banner.")
        screen.expect("The second banner")
        screen.expect("assword: ")


def test_partialSuccessAsksForTheRest(to):
    with atTerminal(to("partial"), "echo in") as screen:
        for _ in range(2):
            screen.expect("assword: ")
            screen.type(to("partial").password + "\r")
        screen.expect("in")
        assert screen.ended() == 0


def test_shellOnATerminal(to):
    with atTerminal(to("pam"), "-t") as screen:
        screen.expect("assword: ")
        screen.type(to("pam").password + "\r")
        screen.expect("ready> ")
        screen.type("stty size; exit 3\r")
        screen.expect("24 80")
        assert screen.ended() == 3


def test_changeOfTheWindowReachesTheHost(to):
    with atTerminal(to("pam"), "-t") as screen:
        screen.expect("assword: ")
        screen.type(to("pam").password + "\r")
        screen.expect("ready> ")
        screen.resize(132, 43)
        until(lambda: sizeIs(screen, "43 132"), 20, "the new size")
        screen.type("exit\r")
        screen.ended()


def sizeIs(screen, size):
    """
    Ask the terminal for its size.
    """
    screen.type("stty size\r")
    return screen.expect(r"\d+ \d+").group() == size


@pytest.mark.parametrize(
    ("account", "typed"),
    [
        ("two-prompts", [PASSWORD, "123456"]),
        ("echo-on", ["Rex"]),
        ("three-rounds", [PASSWORD, "246", "yes"]),
        ("control-characters", [PASSWORD]),
        ("zero-prompts", []),
    ],
)
def test_dialogueLooksAsItDoesDirectly(to, directly, account, typed):
    screens = []
    for way in (directly, to):
        with atTerminal(way("odd").as_(account), "hello") as screen:
            for text in typed:
                screen.expect(r"[:?] $")
                screen.type(text + "\r")
            screen.expect("hello")
            screen.ended()
            screens.append(screen.seen)
    assert screens[0] == screens[1]


def test_oldPasswordIsChanged(to):
    """
    A change request of the C{password} method.  PuTTY makes a dialogue of it; or
    the bastion does, for PuTTY prefers keyboard-interactive.
    """
    with atTerminal(to("odd").as_("change-password"), "hello") as screen:
        for _ in range(5):
            seen = screen.expect(r"([^\n]*): $|hello change-password").group().lower()
            if seen.startswith("hello"):
                break
            new = any(word in seen for word in ("new", "confirm", "retype"))
            screen.type((CHANGED_PASSWORD if new else PASSWORD) + "\r")
        assert screen.ended() == 0


def test_manyBytesThroughPlink(to, payload):
    """
    PuTTY tunes its window with requests of its own (winadj@putty).
    """
    done = plink(to("pam"), "cat", data=payload.data).ok()
    assert payload.matches(done.stdout)


def test_manyBytesDownThroughPlink(to, payload):
    """
    One session alone asks for simple@putty, and opens a huge window.
    """
    assert payload.matches(plink(to("pam"), f"cat {payload.path}").ok().stdout)


def test_psftpBothWays(to, user, payload):
    route = to("pam")
    back = route.newDirectory() / "back"
    there = user.home / "there-psftp"
    psftp(route, f"put {payload.path} {there}", f"get {there} {back}").ok()
    assert payload.isIn(there)
    assert payload.isIn(back)


@pytest.mark.parametrize("protocol", ["-scp", "-sftp"])
def test_pscpBothWays(to, user, payload, protocol):
    route = to("pam")
    back = route.newDirectory() / "back"
    there = user.home / f"there{protocol}"
    pscp(route, str(payload.path), f":{there}", [protocol]).ok()
    assert payload.isIn(there)
    pscp(route, f":{there}", str(back), [protocol]).ok()
    assert payload.isIn(back)


def test_forwardedPort(to):
    port = freePort()
    route = to("pam")
    with peers.tcpEcho() as echo:
        line = [program("plink"), "-ssh", *putty.common(route), "-pw", route.password]
        line += ["-N", "-L", f"127.0.0.1:{port}:127.0.0.1:{echo}", route.address]
        with clients.running(line, clients.environment(route.newDirectory())):
            until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
            connection = peers.connect(port)
            assert peers.exchange(connection, b"abc" * 100_000) == b"abc" * 100_000 + b"[end]"


def test_hostChangesItsKeysDuringATransfer(to):
    done = plink(to("rekey"), "head -c 20000000 /dev/zero").ok()
    assert len(done.stdout) == 20_000_000


def test_clientRefusesAnotherHostKey(to):
    route = to("pam")
    stranger = evolve(route, keys=(HostKey("ssh-ed25519", "AAAA"),))
    done = plink(stranger, "true")
    assert done.status == 1
    assert "host key" in done.stderr.lower()
