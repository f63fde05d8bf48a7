"""
What sessions may start, as the programs of users meet it: terminals, shells, commands,
subsystems and variables.
"""

from __future__ import annotations

import re

import asyncssh
import paramiko
import pytest
from harness import asyncclient, clients, dropbear, paramikoclient
from harness.openssh import prepare, ssh
from harness.programs import newest
from harness.putty import plink
from harness.ruled import refusal, shared, started
from harness.terminal import Terminal
from harness.waiting import until
from paramiko.common import cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST

pytestmark = pytest.mark.interop

ruled = pytest.fixture(scope="module")(started)

NO_TERMINAL, NO_SHELL = refusal("a terminal"), refusal("a shell")


@pytest.fixture
def canary(user):
    """
    A file that no command may make.
    """
    path = user.home / "canary"
    yield path
    made = path.exists()
    path.unlink(missing_ok=True)
    assert not made


@pytest.fixture
def refusals(ruled):
    """
    Tells what was refused within the test.
    """
    offset = ruled.gateway.auditSize()
    return lambda: ruled.refused(offset)


def running(command):
    """
    The refusal of a command.
    """
    return refusal(f'running "{command}"')


def screenOf(route, *command, typed=""):
    """
    What a terminal shows of an ssh that insists on one, and the status.
    """
    prepared = prepare(route, *command, options=["-tt"])
    with Terminal(prepared.command, prepared.environment) as screen:
        screen.type(typed)
        status = screen.ended()
        return screen.seen, status


def byParamiko(route, request):
    """
    What a refused request says where it was made.
    """
    with paramikoclient.client(route) as client:
        channel = client.get_transport().open_session(timeout=20)
        with pytest.raises(paramiko.SSHException):
            request(channel)
        return channel.recv_stderr(1000).decode()


def byAsyncssh(route, request):
    """
    See that a request is refused.
    """

    async def work():
        async with asyncclient.connect(route) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await request(connection)

    asyncclient.perform(work)


# Terminals


def test_terminalIsRefused(ruled, refusals):
    """
    Who insists on one reads that there is none, and not why.
    """
    route = ruled.route("no-terminal")

    seen, status = screenOf(route)

    assert status == 255
    assert "PTY allocation request failed on channel 0" in seen
    assert refusals() == [NO_TERMINAL]


def test_plinkGoesOnWithoutATerminal(ruled):
    done = plink(ruled.route("no-terminal"), "tty", options=["-t"])

    assert done.text == "not a tty"
    assert f"gateway: {NO_TERMINAL}\r\nServer refused to allocate pty" in done.stderr


def test_librariesAreRefusedATerminal(ruled, refusals):
    route = ruled.route("no-terminal")

    said = byParamiko(route, lambda channel: channel.get_pty())
    byAsyncssh(route, lambda connection: connection.run("tty", term_type="vt100"))

    assert said == f"gateway: {NO_TERMINAL}\r\n"
    assert refusals() == [NO_TERMINAL] * 2


def test_whatNeedsNoTerminalWorks(ruled, refusals):
    route = ruled.route("no-terminal")

    assert ssh(route, "tty").text == "not a tty"
    assert ssh(route, data=b"echo in\n", options=["-T"]).ok().text == "in"
    assert refusals() == []


# Shells


def test_shellIsRefused(ruled, canary, refusals):
    done = ssh(ruled.route("no-shell"), data=f"touch {canary}\n".encode(), options=["-T"])

    assert done.status == 255
    assert done.stderr == f"gateway: {NO_SHELL}\r\nshell request failed on channel 0\r\n"
    assert refusals() == [NO_SHELL]


def test_shellOnATerminalIsRefused(ruled, canary, refusals):
    seen, status = screenOf(ruled.route("no-shell"), typed=f"touch {canary}\r")

    assert status == 255
    assert f"gateway: {NO_SHELL}\r\nshell request failed on channel 0" in seen
    assert refusals() == [NO_SHELL]


def test_plinkIsRefusedAShell(ruled, canary):
    done = plink(ruled.route("no-shell"), data=f"touch {canary}\n".encode())

    assert done.status == 1
    assert f"gateway: {NO_SHELL}\r\nFATAL ERROR: Server refused to start a shell" in done.stderr


def test_librariesAreRefusedAShell(ruled, refusals):
    route = ruled.route("no-shell")

    said = byParamiko(route, lambda channel: channel.invoke_shell())
    byAsyncssh(route, lambda connection: connection.run())

    assert said == f"gateway: {NO_SHELL}\r\n"
    assert refusals() == [NO_SHELL] * 2


def test_commandNeedsNoShellOfTheUsers(ruled):
    """
    That is what C{shell = false} is worth where every command may run.
    """
    assert ssh(ruled.route("no-shell"), "bash -i", data=b"echo in\n").text == "in"


# Commands


@pytest.mark.parametrize("command", ["echo hello", "cd / && ls -d etc", "echo 'a b' \"c\" #"])
def test_commandThatFitsRuns(ruled, refusals, command):
    route = ruled.route("commands")
    expected = ssh(ruled.route("everything"), command).ok().stdout

    assert expected
    assert ssh(route, command).ok().stdout == expected
    assert plink(route, command).ok().stdout == expected
    assert refusals() == []


def test_dataOfACommandThatFitsAreEqual(ruled, mebibyte):
    route = ruled.route("commands")

    assert mebibyte.matches(ssh(route, "cat", data=mebibyte.data).ok().stdout)
    assert mebibyte.matches(plink(route, "cat", data=mebibyte.data).ok().stdout)


#: What a shell would make a second command, or a file, of.
TRICKS = [
    "touch {}",
    "echo x; touch {}",
    "echo x\ntouch {}",
    "echo x\rtouch {}",
    "echo x & touch {}",
    "echo x | tee {}",
    "echo $(touch {})",
    "echo `touch {}`",
    "echo <(touch {})",
    "echo x > {}",
    "cat\ntouch {}",
    "cat {}",
    "cd / && ls -d x || touch {}",
    " echo x",
    "/bin/echo x",
    "\techo x",
    "Echo {}",
    "exec echo {}",
    "sh",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_otherCommandDoesNotRun(ruled, canary, refusals, trick):
    command = trick.format(canary)

    done = ssh(ruled.route("commands"), command)

    assert done.status == 255
    assert done.stdout == b""
    (reason,) = refusals()
    assert done.stderr == f"gateway: {reason}\r\nexec request failed on channel 0\r\n"


def test_otherCommandsDoNotRunOnOneConnection(ruled, canary, refusals):
    """
    Every channel is judged, and those that are refused leave the others as they are.
    """
    route = ruled.route("commands")
    with shared(route) as options:
        for trick in TRICKS[:4]:
            done = ssh(route, trick.format(canary), options=options)
            assert (done.status, done.stdout) == (255, b"")
            assert "gateway: running " in done.stderr
            assert ssh(route, "echo next", options=options).ok().text == "next"
        assert ssh(route, options=[*options, "-T"], data=b"id\n").stdout == b""
    assert len(refusals()) == 5


def test_plinkShowsWhyACommandDoesNotRun(ruled, canary):
    done = plink(ruled.route("commands"), f"echo x; touch {canary}")

    assert done.status == 1
    assert f"gateway: {running(f'echo x; touch {canary}')}\r\nFATAL ERROR: " in done.stderr


@pytest.mark.parametrize("options", [["-q"], ["-oLogLevel=ERROR"], ["-n"], ["-T"]])
def test_quietSshShowsWhyACommandDoesNotRun(ruled, options):
    done = ssh(ruled.route("commands"), "id", options=options)

    assert f"gateway: {running('id')}\r\n" in done.stderr


def test_newestSshShowsWhyACommandDoesNotRun(ruled):
    done = ssh(ruled.route("commands"), "id", path=newest("bin/ssh"))

    assert done.stderr.endswith(f"gateway: {running('id')}\r\nexec request failed on channel 0\r\n")


def test_dbclientShowsWhyACommandDoesNotRun(ruled, refusals):
    """
    And waits: it asks for no answer, and so it gets none.
    """
    route = ruled.route("commands")
    command, env = dropbear.line(route, "id")
    with clients.running(command, env) as process:
        for line in process.stderr:
            if line.startswith(b"gateway: "):
                break
    assert line.decode() == f"gateway: {running('id')}\r\n"
    assert refusals() == [running("id")]


def test_requestInAChannelThatIsNotOpenYetDoesNothing(ruled, canary):
    """
    OpenSSH's sshd would open the channel, whose number is no secret, and then do what it
    reads.
    """
    opening, asking = paramiko.Message(), paramiko.Message()
    opening.add_byte(cMSG_CHANNEL_OPEN)
    opening.add_string("session")
    for number in (0, 1 << 20, 32768):
        opening.add_int(number)
    asking.add_byte(cMSG_CHANNEL_REQUEST)
    asking.add_int(0)
    asking.add_string("exec")
    asking.add_boolean(False)
    asking.add_string(f"touch {canary}")
    offset = ruled.gateway.auditSize()
    with paramikoclient.client(ruled.route("commands")) as client:
        # In one piece: the host must have no time to open the channel in between.
        packetizer = client.get_transport().packetizer
        pieces, write = [], packetizer.write_all
        packetizer.write_all = pieces.append
        packetizer.send_message(opening)
        packetizer.send_message(asking)
        packetizer.write_all = write
        write(b"".join(pieces))
        until(lambda: not client.get_transport().is_active(), 20, "the end of the connection")

    def closed():
        events = ruled.gateway.audit(offset=offset)
        return [event["reason"] for event in events if event["event"] == "connection.closed"]

    (reason,) = until(closed, 20, "the end is recorded")
    assert "a request in a channel that is not open" in reason


def test_librariesAreRefusedACommand(ruled, canary, refusals):
    """
    paramiko sends what no command line can hold.
    """
    route = ruled.route("commands")

    said = byParamiko(route, lambda channel: channel.exec_command(f"cat\0; touch {canary}"))
    byParamiko(route, lambda channel: channel.exec_command(b"echo \xff"))
    byAsyncssh(route, lambda connection: connection.run(f"touch {canary}"))

    expected = running(f"cat\\x00; touch {canary}")
    assert said == f"gateway: {expected}\r\n"
    assert refusals() == [expected, running("echo \\xff"), running(f"touch {canary}")]


# Subsystems


def test_subsystemIsRefused(ruled, refusals):
    route = ruled.route("no-subsystems")

    done = ssh(route, "sftp", options=["-s"])

    expected = refusal('the subsystem "sftp"')
    assert done.status == 255
    assert done.stderr == f"gateway: {expected}\r\nsubsystem request failed on channel 0\r\n"
    assert refusals() == [expected]


def test_plinkShowsWhyASubsystemIsRefused(ruled):
    done = plink(ruled.route("no-subsystems"), "sftp", options=["-s"])

    expected = refusal('the subsystem "sftp"')
    assert f"gateway: {expected}\r\nFATAL ERROR: Server refused" in done.stderr


def test_nameOfASubsystemIsNoCommand(ruled, refusals):
    assert ssh(ruled.route("files"), "sftp").status == 255
    assert refusals() == [running("sftp")]


@pytest.mark.parametrize("name", ["SFTP", "sftp ", "sftp\n", "echo hello", "scp", "no-such"])
def test_otherSubsystemsAreRefused(ruled, refusals, name):
    """
    Also those that the host has not.
    """
    assert ssh(ruled.route("files"), name, options=["-s"]).status == 255
    (said,) = refusals()
    assert re.fullmatch('the subsystem ".*" is not allowed here. Ask the help desk.', said)


# Variables

PRINTED = "echo [$LANG] [$TESTVAR] [$LC_ALL] [$BASH_ENV]"


def setting(**variables):
    """
    An option that sets variables.
    """
    words = " ".join(f"{name}={value}" for name, value in variables.items())
    return f"-oSetEnv={words}"


def test_onlyVariablesThatFitPass(ruled, refusals, user):
    """
    The others are left out, and nobody is told: programs send them unasked.
    """
    script = user.home / "script"
    script.write_text("echo script\n")
    option = setting(LANG="C.UTF-8", TESTVAR="x", LC_ALL="C", BASH_ENV=script)

    done = ssh(ruled.route("language"), PRINTED, options=[option]).ok()

    assert done.text == "[C.UTF-8] [] [] []"
    assert done.stderr == ""
    names = ("TESTVAR", "LC_ALL", "BASH_ENV")
    assert refusals() == [refusal(f'the environment variable "{name}"') for name in names]
    assert str(script) not in ruled.gateway.log()


def test_variablesPassWhereNothingIsSaidOfThem(ruled):
    option = setting(LANG="C.UTF-8", TESTVAR="x", LC_ALL="C")

    done = ssh(ruled.route("everything"), PRINTED, options=[option]).ok()

    assert done.text == "[C.UTF-8] [x] [C] []"


def test_librariesSetOnlyVariablesThatFit(ruled):
    route = ruled.route("language")
    with paramikoclient.client(route) as client:
        variables = {"LANG": "C.UTF-8", "TESTVAR": "x"}
        _, stdout, stderr = client.exec_command(PRINTED, timeout=20, environment=variables)
        assert (stdout.read(), stderr.read()) == (b"[C.UTF-8] [] [] []\n", b"")

    async def work():
        async with asyncclient.connect(route) as connection:
            done = await connection.run(PRINTED, env=variables)
            return done.stdout, done.stderr

    assert asyncclient.perform(work) == ("[C.UTF-8] [] [] []\n", "")
