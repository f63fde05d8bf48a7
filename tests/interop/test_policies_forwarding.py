"""
Where a connection may lead, as the programs of users meet it: ports and sockets either
way, network devices, agents and displays.
"""

from __future__ import annotations

from contextlib import contextmanager

import asyncssh
import paramiko
import pytest
from harness import asyncclient, clients, openssh, paramikoclient, peers, putty
from harness.clients import environment
from harness.openssh import session, ssh
from harness.programs import program
from harness.putty import plink
from harness.ruled import refusal, shared, started
from harness.servers import Server
from harness.waiting import freePort, listens, until

pytestmark = pytest.mark.interop

ruled = pytest.fixture(scope="module")(started)

DATA = b"abc" * 100_000
NO_TUNNEL, NO_X11 = refusal("a tunnel"), refusal("X11 forwarding")
NO_AGENT = refusal("agent forwarding")


@pytest.fixture
def refusals(ruled):
    """
    Tells what was refused within the test.
    """
    offset = ruled.gateway.auditSize()
    return lambda: ruled.refused(offset)


def forwardingTo(where):
    """
    The refusal of a connection, or of a socket.
    """
    return refusal(f"forwarding to {where}")


def forwardingFrom(where):
    """
    The refusal of a port that listens, or of a socket.
    """
    return refusal(f"forwarding from {where}")


@contextmanager
def forwarding(route, *options):
    """
    An ssh that does nothing but forward.
    """
    with session(route, options=["-N", *options]) as process:
        yield process


def localPort(route, target):
    """
    What a connection to a port of the client's is sent back from a target, and what ssh
    says if that is nothing.
    """
    port = freePort()
    with forwarding(route, f"-L{port}:{target}") as process:
        until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
        try:
            said = peers.exchange(peers.connect(port), DATA)
        except ConnectionResetError:
            said = b""
        return said, "" if said else process.stderr.readline().decode()


# From the client


def test_portThatIsAllowedIsReached(ruled, refusals):
    route, target = ruled.route("somewhere"), f"127.0.0.1:{ruled.echo}"

    assert localPort(route, target)[0] == DATA + b"[end]"
    assert ssh(route, options=["-W", target], data=DATA).ok().stdout == DATA + b"[end]"
    assert refusals() == []


def test_addressMayBeWrittenAsIPv6(ruled, refusals):
    options = ["-W", f"[::ffff:127.0.0.1]:{ruled.echo}"]

    assert ssh(ruled.route("somewhere"), options=options, data=DATA).ok().stdout == DATA + b"[end]"
    assert refusals() == []


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "127.0.0.2"])
def test_otherNameOfAPortThatIsAllowedIsRefused(ruled, refusals, host):
    done = ssh(ruled.route("somewhere"), options=["-W", f"{host}:{ruled.echo}"], data=DATA)

    expected = forwardingTo(f"{host}:{ruled.echo}")
    assert done.stdout == b""
    assert f"open failed: administratively prohibited: {expected}" in done.stderr
    assert refusals() == [expected]


@pytest.mark.parametrize("gateway", ["somewhere", "unforwarded", "files"])
def test_otherPortIsNotReached(ruled, refusals, gateway):
    with peers.tcpEcho() as other:
        route, target = ruled.route(gateway), f"127.0.0.1:{other}"

        said, told = localPort(route, target)
        done = ssh(route, options=["-W", target], data=DATA)

    for text in (told, done.stderr):
        assert f"open failed: administratively prohibited: {forwardingTo(target)}" in text
    assert (said, done.stdout, done.status) == (b"", b"", 255)
    assert refusals() == [forwardingTo(target)] * 2


def test_proxyIsRefusedEachConnection(ruled, refusals):
    """
    C{ssh -D}.
    """
    port, route = freePort(), ruled.route("somewhere")
    line = [program("nc"), "-N", "-X5", f"-x127.0.0.1:{port}", "127.0.0.1"]
    with peers.tcpEcho() as other, forwarding(route, f"-D{port}"):
        until(lambda: listens("127.0.0.1", port), 20, "the proxy")
        home = environment(route.newDirectory())
        assert clients.run([*line, str(ruled.echo)], home, DATA).stdout == DATA + b"[end]"
        assert clients.run([*line, str(other)], home, DATA).stdout == b""
    assert refusals() == [forwardingTo(f"127.0.0.1:{other}")]


def test_jumpToAnotherHostIsRefused(ruled, directly, refusals):
    inner = directly("second")
    jump = openssh.prepare(
        ruled.route("unforwarded"), options=["-W", f"{inner.address}:{inner.port}"]
    )

    done = ssh(
        inner,
        "echo in",
        options=[f"-oProxyCommand={' '.join(jump.command)}"],
        env={"SSH_ASKPASS": str(jump.asker.directory / "askpass")},
    )

    expected = forwardingTo(f"{inner.address}:{inner.port}")
    assert done.status == 255
    assert expected in done.stderr
    assert refusals() == [expected]


def test_forwardingThatIsAskedForLaterIsJudgedToo(ruled, refusals):
    """
    On a connection that is shared, which has a session open.
    """
    route = ruled.route("unforwarded")
    with peers.tcpEcho() as echo, shared(route) as options:
        with session(route, "echo up; read x", options=options) as process:
            assert process.stdout.readline() == b"up\n"
            target, port = f"127.0.0.1:{echo}", freePort()
            done = ssh(route, options=[*options, "-W", target], data=DATA)
            assert (done.status, done.stdout) == (255, b"")
            ask = [*options, "-O", "forward", f"-R127.0.0.1:{port}:{target}"]
            assert ssh(route, options=ask).status == 255
            assert not listens("127.0.0.1", port)
            said = process.stderr.readline().decode()
    expected = forwardingFrom(f"127.0.0.1:{port}")
    assert said == f"gateway: {expected}\r\n"
    assert refusals() == [forwardingTo(target), expected]


def test_plinkShowsWhyAConnectionIsRefused(ruled):
    done = plink(ruled.route("unforwarded"), options=["-nc", "127.0.0.1:22"])

    reason = f"Administratively prohibited [{forwardingTo('127.0.0.1:22')}]"
    assert f"FATAL ERROR: Server refused to open main channel: {reason}" in done.stderr


def test_librariesAreRefusedChannels(ruled, refusals):
    """
    Those that lead somewhere, and those that nobody knows.  asyncssh says why.
    """
    route, nowhere = ruled.route("unforwarded"), ("127.0.0.1", 9)
    kinds = {
        "direct-tcpip": ("127.0.0.1", 22),
        "tun@openssh.com": None,
        "no-such@example.org": None,
    }
    with paramikoclient.client(route) as client:
        for kind, target in kinds.items():
            with pytest.raises(paramiko.ChannelException) as refused:
                client.get_transport().open_channel(kind, target, nowhere, timeout=20)
            assert refused.value.code == 1
        assert client.get_transport().global_request("no-such@example.org", wait=True) is None
        _, stdout, stderr = client.exec_command("echo in", timeout=20)
        assert stdout.read() == b"in\n"
        unknown = refusal('the request "no-such@example.org"')
        assert stderr.read().decode() == f"gateway: {unknown}\r\n"

    async def work():
        async with asyncclient.connect(route) as connection:
            with pytest.raises(asyncssh.ChannelOpenError) as refused:
                await connection.open_connection("127.0.0.1", 22)
            return refused.value.reason

    assert asyncclient.perform(work) == forwardingTo("127.0.0.1:22")
    assert refusals() == [
        forwardingTo("127.0.0.1:22"),
        NO_TUNNEL,
        refusal('a channel of the type "no-such@example.org"'),
        unknown,
        forwardingTo("127.0.0.1:22"),
    ]


# From the host


def test_portThatTheHostMayListenOn(ruled, refusals):
    route, port = ruled.route("somewhere"), ruled.free
    with forwarding(route, f"-R127.0.0.1:{port}:127.0.0.1:{ruled.echo}"):
        until(lambda: listens("127.0.0.1", port), 20, "the port on the host")
        assert peers.exchange(peers.connect(port), DATA) == DATA + b"[end]"
    assert refusals() == []


@pytest.mark.parametrize(
    ("gateway", "bound", "named"),
    [
        ("unforwarded", "0", "localhost:0"),
        ("unforwarded", "127.0.0.1:{}", "127.0.0.1:{}"),
        ("somewhere", "127.0.0.1:{}", "127.0.0.1:{}"),
        ("somewhere", "{}", "localhost:{}"),
        ("somewhere", "*:{}", ":{}"),
        ("somewhere", "0", "localhost:0"),
    ],
)
@pytest.mark.parametrize("target", [":127.0.0.1:9", ""], ids=["to a port", "to a proxy"])
def test_otherPortIsNotListenedOn(ruled, refusals, gateway, bound, named, target):
    """
    The session goes on, and says why.
    """
    port = freePort()
    option = f"-R{bound.format(port)}{target}"
    done = ssh(ruled.route(gateway), f"cat /proc/net/tcp; echo [{port}]", options=[option]).ok()

    expected = forwardingFrom(named.format(port))
    assert f":{port:04X} 00000000:0000" not in done.text
    assert "remote port forwarding failed" in done.stderr
    assert f"gateway: {expected}\r\n" in done.stderr
    assert refusals() == [expected]


def test_whoWantsNothingElseIsSentAway(ruled, refusals):
    """
    Without a session there is nowhere to say why: ssh says that it failed.
    """
    options = ["-N", "-oExitOnForwardFailure=yes", "-R0:127.0.0.1:9"]

    done = ssh(ruled.route("unforwarded"), options=options)

    assert done.status == 255
    assert done.stderr == "Error: remote port forwarding failed for listen port 0\r\n"
    assert refusals() == [forwardingFrom("localhost:0")]


def test_plinkShowsWhyAPortIsRefused(ruled):
    port = freePort()

    done = plink(ruled.route("unforwarded"), "echo in", options=["-R", f"{port}:127.0.0.1:9"])

    assert done.ok().text == "in"
    assert f"gateway: {forwardingFrom(f'localhost:{port}')}\r\n" in done.stderr


def test_librariesAreRefusedAPort(ruled, refusals):
    route = ruled.route("unforwarded")
    with paramikoclient.client(route) as client, pytest.raises(paramiko.SSHException):
        client.get_transport().request_port_forward("127.0.0.1", 0)

    async def work():
        async with asyncclient.connect(route) as connection:
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 9)

    asyncclient.perform(work)
    assert refusals() == [forwardingFrom("127.0.0.1:0")] * 2


# Sockets


def test_socketsThatAreAllowed(ruled, user, refusals):
    route, there = ruled.route("somewhere"), user.home / "allowed-2"
    with peers.unixEcho(user.home / "allowed-1") as path:
        assert localPort(route, path)[0] == DATA + b"[end]"
    with forwarding(route, f"-R{there}:127.0.0.1:{ruled.echo}"):
        until(there.exists, 20, "the socket on the host")
        assert peers.exchange(peers.connectUnix(there), DATA) == DATA + b"[end]"
    assert refusals() == []


@pytest.mark.parametrize(
    ("gateway", "name"),
    [
        ("unforwarded", "policy-echo"),
        ("somewhere", "policy-echo"),
        ("somewhere", "allowed-3/../policy-echo"),
    ],
)
def test_otherSocketIsNotReached(ruled, user, refusals, gateway, name):
    (user.home / "allowed-3").mkdir()
    with peers.unixEcho(user.home / "policy-echo"):
        said, told = localPort(ruled.route(gateway), f"{user.home}/{name}")
    (user.home / "allowed-3").rmdir()
    (user.home / "policy-echo").unlink()

    expected = forwardingTo(f"{user.home}/{name}")
    assert said == b""
    assert f"open failed: administratively prohibited: {expected}" in told
    assert refusals() == [expected]


@pytest.mark.parametrize("gateway", ["unforwarded", "somewhere"])
def test_otherSocketIsNotListenedOn(ruled, user, refusals, gateway):
    path = user.home / "policy-remote"

    done = ssh(ruled.route(gateway), f"test ! -e {path}", options=[f"-R{path}:127.0.0.1:9"])

    expected = forwardingFrom(path)
    assert f"gateway: {expected}\r\n" in done.ok().stderr
    assert not path.exists()
    assert refusals() == [expected]


# Network devices, agents, displays


def test_tunnelIsRefused(ruled, refusals):
    async def work():
        async with asyncclient.connect(ruled.route("unforwarded")) as connection:
            for make in (connection.open_tun, connection.open_tap):
                with pytest.raises(asyncssh.ChannelOpenError) as refused:
                    await make()
                assert refused.value.reason == NO_TUNNEL

    asyncclient.perform(work)
    assert refusals() == [NO_TUNNEL] * 2


@pytest.fixture
def agent(ruled):
    """
    The socket of an agent.
    """
    directory = ruled.route("unforwarded").newDirectory()
    path = directory / "agent"
    server = Server("ssh-agent", [program("ssh-agent"), "-D", "-a", str(path)], directory / "log")
    server.start(path.exists)
    yield path
    server.stop()


SOCKET = "echo [$SSH_AUTH_SOCK]"


def test_agentIsNotForwarded(ruled, agent, refusals):
    env = {"SSH_AUTH_SOCK": str(agent)}
    open_, closed = (
        ssh(ruled.route(gateway), SOCKET, options=["-A"], env=env).ok()
        for gateway in ("everything", "unforwarded")
    )

    assert open_.text.startswith("[/tmp/")
    assert closed.text == "[]"
    assert closed.stderr == f"gateway: {NO_AGENT}\r\n"
    assert refusals() == [NO_AGENT]


def test_plinkForwardsNoAgent(ruled, agent, refusals):
    route = ruled.route("unforwarded")
    line = [program("plink"), "-ssh", *putty.common(route), "-pw", route.password, "-A"]
    env = environment(route.newDirectory(), SSH_AUTH_SOCK=str(agent))

    done = clients.run([*line, route.address, SOCKET], env).ok()

    assert done.text == "[]"
    assert f"gateway: {NO_AGENT}\r\n" in done.stderr
    assert refusals() == [NO_AGENT]


@pytest.mark.parametrize("option", ["-X", "-Y"])
def test_displayIsNotForwarded(ruled, refusals, option):
    env = {"DISPLAY": "127.0.0.1:77"}

    done = ssh(ruled.route("unforwarded"), "echo [$DISPLAY]", options=[option], env=env).ok()

    assert done.text == "[]"
    assert f"gateway: {NO_X11}\r\n" in done.stderr
    assert refusals() == [NO_X11]


def test_plinkForwardsNoDisplay(ruled, refusals):
    done = plink(ruled.route("unforwarded"), "echo [$DISPLAY]", options=["-X"]).ok()

    assert done.text == "[]"
    assert f"gateway: {NO_X11}\r\n" in done.stderr
    assert refusals() == [NO_X11]
