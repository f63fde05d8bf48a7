"""
What users of OpenSSH do in a session.
"""

from __future__ import annotations

import re
import secrets

import pytest
from harness import clients, openssh
from harness.clients import opensshOptions
from harness.openssh import prepare, session, ssh
from harness.programs import program
from harness.terminal import Terminal

pytestmark = pytest.mark.interop


def terminal(route, *command, options=(), size=(80, 24)):
    """
    Somebody at a terminal who has typed the password.
    """
    prepared = prepare(route, *command, options=["-tt", *options])
    return Terminal(prepared.command, prepared.environment, size)


def test_commandPrintsItsOutput(to):
    assert ssh(to("pam"), "echo hello").ok().text == "hello"


@pytest.mark.parametrize("status", [0, 1, 7, 127, 255])
def test_exitStatusIsTheCommands(to, status):
    assert ssh(to("pam"), f"exit {status}").status == status


def test_exitBySignalLooksAsItDoesDirectly(bothWays):
    direct, through = bothWays(lambda way: ssh(way("pam"), "kill -TERM $$"))
    assert (through.status, through.stderr) == (direct.status, direct.stderr)
    assert through.status == 255


def test_exitSignalReachesTheClient(to):
    done = ssh(to("odd"), "die TERM", options=["-v"])
    assert "exit-signal" in done.stderr


def test_errorsStayApartFromOutput(to):
    done = ssh(to("pam-kbdint"), "echo out; echo err >&2").ok()
    assert done.text == "out"
    assert done.stderr.endswith("err\n")


def test_manyErrorsAndMuchOutputAtOnceStayApart(to):
    command = "seq 1 100000 & seq 200001 300000 >&2; wait"
    done = ssh(to("pam-kbdint"), command).ok()
    assert done.stdout.decode() == "".join(f"{n}\n" for n in range(1, 100001))
    assert done.stderr.endswith("".join(f"{n}\n" for n in range(200001, 300001)))


def test_everyByteCrosses(to):
    data = bytes(range(256)) * 300 + secrets.token_bytes(5000)
    assert ssh(to("pam"), "cat", data=data).ok().stdout == data


def test_endOfInputReachesTheCommandAndItsOutputStillComes(to):
    done = ssh(to("pam"), "cat; echo; echo after the end", data=b"x").ok()
    assert done.text == "x\nafter the end"


def test_commandThatDoesNotReadItsInputEnds(to):
    done = ssh(to("pam"), "head -c 3", data=b"abcdef" * 100_000).ok()
    assert done.text == "abc"


def test_commandThatClosesItsOutputStillReadsItsInput(to, user):
    command = f"exec >&-; cat > {user.home}/kept"
    ssh(to("pam"), command, data=b"still here").ok()
    assert (user.home / "kept").read_bytes() == b"still here"


def test_shellReadsAScriptWithoutATerminal(to):
    done = ssh(to("pam"), data=b"echo one\ntest -t 0 || echo no terminal\nexit 5\n", options=["-T"])
    assert done.status == 5
    assert done.text == "one\nno terminal"


def test_acceptedEnvironmentArrivesAndTheRestDoesNot(to):
    options = ["-oSetEnv=TESTVAR=\u00fcber OTHERVAR=x LC_TIME=de_DE"]
    done = ssh(to("pam"), 'echo "$TESTVAR:$OTHERVAR:$LC_TIME"', options=options).ok()
    assert done.text == "\u00fcber::de_DE"


def test_unknownSubsystemIsRefusedInTheHostsWay(bothWays):
    direct, through = bothWays(lambda way: ssh(way("pam-kbdint"), "no-such", options=["-s"]))
    assert (through.status, through.stderr) == (direct.status, direct.stderr)


def test_subsystemIsNotACommand(to):
    with session(to("pam"), "sftp", options=["-s"]) as process:
        process.stdin.write(bytes([0, 0, 0, 5, 1, 0, 0, 0, 3]))
        process.stdin.flush()
        assert process.stdout.read(9)[4:] == bytes([2, 0, 0, 0, 3])
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_shellOnATerminalWithItsSize(to):
    with terminal(to("pam"), size=(101, 37)) as screen:
        screen.expect("ready> ")
        screen.type("stty size; echo $TERM; tty\r")
        screen.expect("37 101\r\nxterm-256color\r\n/dev/pts/")
        screen.type("exit 3\r")
        assert screen.ended() == 3


def test_changeOfTheWindowReachesTheHost(to):
    with terminal(to("pam")) as screen:
        screen.expect("ready> ")
        screen.type("trap 'echo now $(stty size)' WINCH; echo set\r")
        screen.expect("\nset")
        screen.resize(133, 50)
        # Bash runs the trap when its next line is done.
        screen.type("sleep 0.3\r")
        screen.expect("now 50 133")
        screen.type("exit\r")
        assert screen.ended() == 0


def test_interruptKeyStopsTheCommandOnly(to):
    with terminal(to("pam")) as screen:
        screen.expect("ready> ")
        screen.type("sh -c 'echo go; exec sleep 100'\r")
        screen.expect("\ngo")
        screen.type("\x03")
        screen.expect("ready> ")
        screen.type("exit 4\r")
        assert screen.ended() == 4


def test_escapeSendsABreak(to):
    with terminal(to("odd"), "echo") as screen:
        screen.expect("terminal xterm-256color")
        screen.type("\r~B")
        screen.expect(r"break \d+")
        screen.type("\nbye\n")
        assert screen.ended() == 0


def test_escapeEndsTheConnection(to):
    with terminal(to("pam")) as screen:
        screen.expect("ready> ")
        screen.type("\r~.")
        assert screen.ended() == 255


def test_passwordIsTypedAtTheTerminal(to):
    route = to("pam")
    prepared = prepare(route, "-tt", "tty")
    environment = {k: v for k, v in prepared.environment.items() if "ASKPASS" not in k}
    with Terminal(prepared.command, environment) as screen:
        screen.expect("[Pp]assword: ")
        screen.type(route.password + "\r")
        screen.expect("/dev/pts/")
        assert screen.ended() == 0
    assert route.password not in screen.seen


def test_sshpassTypesThePassword(to):
    route = to("pam")
    line = [program("sshpass"), "-e", program("ssh"), *opensshOptions(route)]
    line += ["-p", str(route.port), "-l", route.account, route.address, "echo typed"]
    environment = clients.environment(route.newDirectory(), SSHPASS=route.password)
    assert clients.run(line, environment).ok().text == "typed"


def test_clientChecksTheKeyOfWhomItTalksTo(to, directly):
    """
    Not of the host behind: a client that knows the host's key refuses the bastion.
    """
    route, direct = to("pam"), directly("pam")
    other = directly("second") if route.bastion is False else direct
    done = ssh(route, "true", options=[f"-oUserKnownHostsFile={other.knownHosts()}"])
    assert done.status == 255
    assert re.search("(?i)host key verification failed|identification has changed", done.stderr)


def test_hostsOfferOfItsKeysStopsAtTheBastion(to):
    route = to("pam")
    options = ["-vvv", "-oUpdateHostKeys=yes"]
    done = ssh(route, "true", options=options).ok()
    assert ("hostkeys-00@openssh.com" in done.stderr) is not route.bastion


def test_publicKeysAreNotOffered(to, user, directly):
    """
    The host would take the key; the bastion, which cannot relay the proof, asks
    for the password.
    """
    route = to("pam")
    key = route.newDirectory() / "key"
    public = openssh.makeKey(key)
    folder = user.home / ".ssh"
    folder.mkdir(exist_ok=True)
    (folder / "authorized_keys").write_text(public)
    user.give(folder)
    options = [f"-oIdentityFile={key}", "-v"]
    direct = ssh(directly("pam"), "echo in", options=options).ok()
    assert not direct.prompts
    done = ssh(route, "echo in", options=options).ok()
    assert bool(done.prompts) is route.bastion
    offered = re.findall("Authentications that can continue: (.*)", done.stderr)
    assert not route.bastion or all("publickey" not in each for each in offered)
    (folder / "authorized_keys").unlink()
