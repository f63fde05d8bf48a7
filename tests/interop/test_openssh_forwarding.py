"""
What users of OpenSSH forward: ports, sockets, the agent, windows.
"""

from __future__ import annotations

import secrets
import subprocess
from contextlib import ExitStack, contextmanager

import pytest
from harness import clients, openssh, peers
from harness.clients import environment
from harness.openssh import session, ssh
from harness.programs import program
from harness.servers import Server
from harness.waiting import freePort, listens, until

pytestmark = pytest.mark.interop

#: More than a window, so that adjustments are needed.
DATA = secrets.token_bytes(5_000_000)


@pytest.fixture
def echo():
    """
    The port of an echo server.
    """
    with peers.tcpEcho() as port:
        yield port


@contextmanager
def forwarding(route, *options):
    """
    An ssh that does nothing but forward.
    """
    with session(route, options=["-N", "-oExitOnForwardFailure=yes", *options]) as process:
        yield process


def test_localForwardingCarriesDataAndItsEnd(to, echo):
    port = freePort()
    with forwarding(to("pam"), f"-L{port}:127.0.0.1:{echo}"):
        until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
        assert peers.exchange(peers.connect(port), DATA) == DATA + b"[end]"


def test_manyForwardedConnectionsAtOnce(to, echo):
    port = freePort()
    with forwarding(to("pam"), f"-L{port}:127.0.0.1:{echo}"), ExitStack() as stack:
        until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
        connections = [stack.enter_context(peers.connect(port)) for _ in range(60)]
        for n, connection in enumerate(connections):
            connection.sendall(f"{n}".encode())
        for n, connection in enumerate(connections):
            assert connection.recv(10) == f"{n}".encode()


def test_forwardingToNobodyFailsAsItDoesDirectly(to, directly):
    texts = []
    nobody = freePort()
    for way in (directly, to):
        done = ssh(way("pam"), options=["-W", f"127.0.0.1:{nobody}"])
        texts.append((done.status, done.stderr))
    assert texts[0] == texts[1]
    assert "Connection refused" in texts[0][1]


def test_remoteForwardingComesBack(to, echo):
    port = freePort()
    with forwarding(to("pam"), f"-R127.0.0.1:{port}:127.0.0.1:{echo}"):
        until(lambda: listens("127.0.0.1", port), 20, "the port on the host")
        assert peers.exchange(peers.connect(port), DATA) == DATA + b"[end]"
    until(lambda: not listens("127.0.0.1", port), 20, "the host closes the port")


def test_remoteForwardingOnAPortThatTheHostChooses(to, echo):
    options = ["-R", f"0:127.0.0.1:{echo}", "-oLogLevel=INFO"]
    with session(to("pam"), "echo up; read x", options=options) as process:
        assert process.stdout.readline() == b"up\n"
        line = process.stderr.readline().decode()
        while "Allocated port" not in line:
            line = process.stderr.readline().decode()
        port = int(line.split()[2])
        assert peers.exchange(peers.connectToChosen(port), DATA) == DATA + b"[end]"


def test_remoteForwardingOfAPortInUseIsRefusedByTheHost(to, directly, echo):
    texts = []
    for way in (directly, to):
        options = ["-oExitOnForwardFailure=yes", f"-R127.0.0.1:{echo}:127.0.0.1:1"]
        done = ssh(way("pam"), "true", options=options)
        texts.append((done.status, done.stderr))
    assert texts[0] == texts[1]
    assert texts[0][0] == 255


def test_remoteForwardingIsCancelled(to, echo):
    """
    Through the control socket of a shared connection.
    """
    route, port = to("pam"), freePort()
    master = route.newDirectory() / "master"
    with session(route, options=["-N", "-M", f"-S{master}"]):
        until(master.exists, 20)
        forward = [f"-S{master}", f"-R127.0.0.1:{port}:127.0.0.1:{echo}"]
        ssh(route, options=["-O", "forward", *forward]).ok()
        assert peers.exchange(peers.connect(port), b"x") == b"x[end]"
        ssh(route, options=["-O", "cancel", *forward]).ok()
        until(lambda: not listens("127.0.0.1", port), 20, "the host closes the port")


def test_socksProxy(to, echo):
    port = freePort()
    with forwarding(to("pam"), f"-D{port}"):
        until(lambda: listens("127.0.0.1", port), 20, "the proxy")
        line = [program("nc"), "-N", "-X5", f"-x127.0.0.1:{port}", "127.0.0.1", str(echo)]
        done = clients.run(line, environment(to("pam").newDirectory()), DATA)
        assert done.stdout == DATA + b"[end]"


def test_remoteSocksProxy(to, echo):
    port = freePort()
    with forwarding(to("pam"), f"-R{port}"):
        until(lambda: listens("127.0.0.1", port), 20, "the proxy on the host")
        line = [program("nc"), "-N", "-X5", f"-x127.0.0.1:{port}", "127.0.0.1", str(echo)]
        done = clients.run(line, environment(to("pam").newDirectory()), DATA)
        assert done.stdout == DATA + b"[end]"


def test_standardInputAndOutputAreForwarded(to, echo):
    done = ssh(to("pam"), options=["-W", f"127.0.0.1:{echo}"], data=DATA).ok()
    assert done.stdout == DATA + b"[end]"


def test_jumpThroughTheHostToAnother(to, directly, payload):
    """
    C{ProxyJump}, written out: an SSH connection inside a channel of another.
    """
    inner, outer = directly("second"), to("pam")
    prepared = openssh.prepare(outer, options=["-W", f"{inner.address}:{inner.port}"])
    command = " ".join(prepared.command)
    done = ssh(
        inner,
        f"echo $INTEROP_HOST; cat {payload.path}",
        options=[f"-oProxyCommand={command}"],
        env={"SSH_ASKPASS": str(prepared.asker.directory / "askpass")},
    ).ok()
    name, _, data = done.stdout.partition(b"\n")
    assert name == b"second"
    assert payload.matches(data)


def test_bounceFromTheHostToAnother(to, directly):
    """
    What SITE calls bouncing: ssh typed on the host.
    """
    inner = directly("second")
    known = inner.knownHosts()
    for path in (known, known.parent):
        path.chmod(0o755)
    command = (
        f"{program('sshpass')} -e ssh -F none -o UserKnownHostsFile={known} "
        f"-p {inner.port} {inner.account}@{inner.address} 'echo $INTEROP_HOST'"
    )
    environment = f"SSHPASS=$(cat) {command}"
    done = ssh(to("pam"), environment, data=inner.password.encode()).ok()
    assert done.text == "second"


def test_localForwardingToAUnixSocket(to, user):
    port = freePort()
    with peers.unixEcho(user.home / "echo") as path, forwarding(to("pam"), f"-L{port}:{path}"):
        until(lambda: listens("127.0.0.1", port), 20, "the forwarded port")
        assert peers.exchange(peers.connect(port), DATA) == DATA + b"[end]"


def test_remoteForwardingOfAUnixSocket(to, user, echo):
    path = user.home / "remote"
    with forwarding(to("pam"), f"-R{path}:127.0.0.1:{echo}"):
        until(path.exists, 20, "the socket on the host")
        assert peers.exchange(peers.connectUnix(path), DATA) == DATA + b"[end]"


@pytest.fixture
def agent(to):
    """
    An agent with one key: its socket and the key's fingerprint.
    """
    directory = to("pam").newDirectory()
    path = directory / "agent"
    server = Server("ssh-agent", [program("ssh-agent"), "-D", "-a", str(path)], directory / "log")
    server.start(path.exists)
    key = directory / "key"
    openssh.makeKey(key)
    env = environment(directory, SSH_AUTH_SOCK=str(path))
    clients.run([program("ssh-add"), "-q", str(key)], env).ok()
    yield path, clients.run([program("ssh-add"), "-l"], env).ok().text
    server.stop()


def test_agentIsForwarded(to, agent):
    path, listed = agent
    env = {"SSH_AUTH_SOCK": str(path)}
    done = ssh(to("pam"), "ssh-add -l", options=["-A"], env=env).ok()
    assert done.text == listed


def test_agentIsNotForwardedUnasked(to, agent):
    path, _ = agent
    done = ssh(to("pam"), "ssh-add -l", options=["-a"], env={"SSH_AUTH_SOCK": str(path)})
    assert done.status == 2
    assert "Could not open a connection" in done.stderr


def withCookie(directory, display):
    """
    An environment whose X cookie is in a file of its own; and the cookie.
    """
    cookie = secrets.token_hex(16)
    env = environment(directory, XAUTHORITY=str(directory / "cookies"), DISPLAY=display.name)
    line = [program("xauth"), "add", display.name, "MIT-MAGIC-COOKIE-1", cookie]
    subprocess.run(line, env=env, check=True, capture_output=True)
    return {key: env[key] for key in ("XAUTHORITY", "DISPLAY")}, bytes.fromhex(cookie)


def test_windowsComeBackToTheClient(to):
    """
    A real X client on the host; the display checks its cookie and refuses it
    with a reason, which the X client prints on the host.
    """
    program("xdpyinfo")
    with peers.display() as display:
        env, cookie = withCookie(to("pam").newDirectory(), display)
        done = ssh(to("pam"), "echo $DISPLAY; xdpyinfo", options=["-Y"], env=env)
    assert done.text.startswith("localhost:2")
    assert peers.REFUSAL.decode() in done.stderr
    assert display.cookies == [(b"MIT-MAGIC-COOKIE-1", cookie)]


def test_windowsAreNotForwardedUnasked(to):
    with peers.display() as display:
        env, _ = withCookie(to("pam").newDirectory(), display)
        assert ssh(to("pam"), "echo [$DISPLAY]", options=["-x"], env=env).ok().text == "[]"


@pytest.mark.parametrize("kind", ["x11", "agent", "tcp", "unix", "session"])
def test_channelThatTheHostOpensUnaskedIsRefused(to, kind):
    """
    And does not reach the client.
    """
    route = to("odd").as_("unasked")
    done = ssh(route, f"unasked {kind}", options=["-v"]).ok()
    assert done.text.startswith("refused")
    assert ("ctype" in done.stderr) is not route.bastion


@pytest.mark.parametrize("kind", ["x11", "agent"])
def test_channelOfAnotherForwardingThanAskedIsRefused(to, kind, echo, agent):
    """
    One that asked for a port did not ask for the rest.
    """
    route = to("odd").as_("unasked")
    done = ssh(route, f"unasked {kind}", options=["-v", f"-R0:127.0.0.1:{echo}"]).ok()
    assert done.text.startswith("refused")
    assert ("ctype" in done.stderr) is not route.bastion
