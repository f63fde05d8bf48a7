"""
What files may be carried with, as the programs of users meet it: SFTP, scp's own
protocol, rsync.  What one path refuses, no other allows.
"""

from __future__ import annotations

import asyncssh
import paramiko
import pytest
from harness import asyncclient, clients, paramikoclient
from harness.clients import Asker, environment
from harness.curl import curl
from harness.openssh import configuration, remote, scp, sftp, ssh
from harness.programs import program
from harness.putty import plink, pscp, psftp
from harness.ruled import refusal, started

pytestmark = pytest.mark.interop

ruled = pytest.fixture(scope="module")(started)

NO_SFTP = refusal('the subsystem "sftp"')
SERVER = "/usr/lib/openssh/sftp-server"


@pytest.fixture
def places(ruled, user):
    """
    A new directory of the account on the host, and one of the client.
    """
    here = ruled.route("files").newDirectory()
    there = user.home / here.name
    there.mkdir()
    user.give(there)
    return here, there


@pytest.fixture
def refusals(ruled):
    """
    Tells what was refused within the test.
    """
    offset = ruled.gateway.auditSize()
    return lambda: ruled.refused(offset)


def rsync(route, *arguments):
    """
    rsync by way of ssh.
    """
    home = route.newDirectory()
    asker = Asker.make(home, [route.password])
    shell = f"{program('ssh')} -F {configuration(route, home)}"
    env = environment(home, **asker.environment, RSYNC_RSH=shell)
    return clients.run([program("rsync"), *arguments], env, asker=asker)


# Each carries a file there, and back.


def _sftp(route, file, there, back):
    return [sftp(route, f"put {file} {there}", f"get {there} {back}")]


def _scp(*options):
    def carry(route, file, there, back):
        ways = ((str(file), remote(route, there)), (remote(route, there), str(back)))
        return [scp(route, *way, options) for way in ways]

    return carry


def _rsync(route, file, there, back):
    ways = ((str(file), remote(route, there)), (remote(route, there), str(back)))
    return [rsync(route, "-a", *way) for way in ways]


def _psftp(route, file, there, back):
    return [psftp(route, f"put {file} {there}", f"get {there} {back}")]


def _pscp(protocol):
    def carry(route, file, there, back):
        ways = ((str(file), f":{there}"), (f":{there}", str(back)))
        return [pscp(route, *way, [protocol]) for way in ways]

    return carry


def _curl(route, file, there, back):
    return [curl(route, there, "-T", str(file)), curl(route, there, "-o", str(back))]


SFTP = {
    "sftp": _sftp,
    "scp": _scp("-s"),
    "psftp": _psftp,
    "pscp -sftp": _pscp("-sftp"),
    "curl": _curl,
}
COPIES = {"scp -O": _scp("-O"), "pscp -scp": _pscp("-scp")}
MIRROR = {"rsync": _rsync}
EVERY = {**SFTP, **COPIES, **MIRROR}
ALLOWED = [
    *(("files", name) for name in SFTP),
    *(("copies", name) for name in COPIES),
    *(("mirror", name) for name in MIRROR),
]
REFUSED = [
    (gateway, name)
    for gateway in ("files", "copies", "mirror")
    for name in EVERY
    if (gateway, name) not in ALLOWED
]


@pytest.mark.parametrize(("gateway", "name"), ALLOWED)
def test_whatIsAllowedCarriesFiles(ruled, places, mebibyte, refusals, gateway, name):
    (here, there), route = places, ruled.route(gateway)

    for done in EVERY[name](route, mebibyte.path, there / "up", here / "down"):
        done.ok()

    assert mebibyte.isIn(there / "up")
    assert mebibyte.isIn(here / "down")
    assert refusals() == []


@pytest.mark.parametrize(("gateway", "name"), REFUSED)
def test_whatIsRefusedCarriesNothing(ruled, places, mebibyte, refusals, gateway, name):
    """
    Neither there nor back.
    """
    (here, there), route = places, ruled.route(gateway)
    (there / "kept").write_text("kept")

    runs = EVERY[name](route, mebibyte.path, there / "kept", here / "down")

    assert [path.name for path in there.iterdir()] == ["kept"]
    assert (there / "kept").read_text() == "kept"
    assert not (here / "down").exists()
    reasons = refusals()
    assert reasons
    for done in runs:
        assert done.status != 0
        said = {f"gateway: {reason}" for reason in reasons} & {*done.stderr.splitlines()}
        assert said or name == "curl", done.stderr


@pytest.mark.parametrize("gateway", ["files", "copies", "mirror"])
def test_serviceForFilesIsNoWayToCommands(ruled, places, refusals, gateway):
    """
    By every request that starts something.
    """
    (_, there), route = places, ruled.route(gateway)
    canary = f"touch {there}/canary"

    assert ssh(route, canary).status == 255
    assert ssh(route, data=f"{canary}\n".encode(), options=["-T"]).status == 255
    assert ssh(route, canary, options=["-s"]).status == 255
    assert plink(route, canary).status == 1
    assert list(there.iterdir()) == []
    assert len(refusals()) == 4


@pytest.mark.parametrize(
    ("gateway", "command"),
    [
        ("copies", "scp -t {0}; touch {0}/x"),
        ("copies", "scp -t {0}\ntouch {0}/x"),
        ("copies", "scp -t $(touch {0}/x)"),
        ("copies", "scp -p -t {0}/x"),
        ("copies", "scp -S {0} -t x"),
        ("copies", "scp -t"),
        ("copies", "scp {0} {0}/x"),
        ("mirror", "rsync --server; touch {0}/x"),
        ("mirror", "rsync --server . {0} && touch {0}/x"),
        ("mirror", "rsync --server . {0}\ntouch {0}/x"),
        ("mirror", "rsync --server"),
        ("mirror", "rsync --daemon --server"),
        ("mirror", "rsync  --server . {0}"),
        ("mirror", "env rsync --server . {0}"),
        ("mirror", SERVER),
        ("files", SERVER),
    ],
)
def test_nearlyTheRightCommandIsRefused(ruled, places, refusals, gateway, command):
    _, there = places

    done = ssh(ruled.route(gateway), command.format(there), data=b"\0" * 100)

    (reason,) = refusals()
    assert (done.status, done.stdout) == (255, b"")
    assert f"gateway: {reason}\r\nexec request failed on channel 0\r\n" in done.stderr
    assert list(there.iterdir()) == []


def test_sftpMayNotNameItsServer(ruled, refusals):
    """
    C{sftp -s} with a path is a command.
    """
    done = sftp(ruled.route("files"), "pwd", options=["-s", SERVER])

    expected = refusal(f'running "{SERVER}"')
    assert done.status == 255
    assert f"gateway: {expected}\r\n" in done.stderr
    assert refusals() == [expected]


@pytest.mark.parametrize("gateway", ["no-subsystems", "copies"])
def test_librariesAreRefusedSftp(ruled, refusals, gateway):
    route = ruled.route(gateway)
    with paramikoclient.client(route) as client:
        channel = client.get_transport().open_session(timeout=20)
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem("sftp")
        assert channel.recv_stderr(1000).decode() == f"gateway: {NO_SFTP}\r\n"

    async def work():
        async with asyncclient.connect(route) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.start_sftp_client()

    asyncclient.perform(work)
    assert refusals() == [NO_SFTP] * 2


def test_puttyTakesACommandWhereItGetsNoSubsystem(ruled, places, mebibyte, refusals):
    """
    So where every command may run there is SFTP, whatever is said of subsystems.
    """
    (here, there), route = places, ruled.route("no-subsystems")

    (done,) = _psftp(route, mebibyte.path, there / "up", here / "down")

    assert f"gateway: {NO_SFTP}" in done.ok().stderr
    assert mebibyte.isIn(there / "up")
    assert mebibyte.isIn(here / "down")
    assert refusals() == [NO_SFTP]


@pytest.mark.parametrize("perform", [_psftp, _pscp("-sftp")], ids=["psftp", "pscp"])
def test_puttyShowsBothRefusals(ruled, places, mebibyte, perform):
    (here, there), route = places, ruled.route("copies")

    done = perform(route, mebibyte.path, there / "up", here / "down")[0]

    assert done.status == 1
    assert f"gateway: {NO_SFTP}" in done.stderr
    assert 'gateway: running "test -x /usr/lib/sftp-server' in done.stderr
    assert "FATAL ERROR: Server refused to start a shell/command" in done.stderr


def test_programThatSaysNothingOfItIsRefusedAllTheSame(ruled, places, refusals):
    _, there = places

    done = curl(ruled.route("no-subsystems"), there)

    assert done.status == 2
    assert "Unable to request SFTP subsystem" in done.stderr
    assert refusals() == [NO_SFTP]
