"""
The agent is forwarded under both names that this has: those of RFC 9987, C{agent-req} and
C{agent-connect}, and those of OpenSSH before.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import asyncssh
import pytest
from attrs import frozen
from harness import asyncclient, clients, hostkeys, openssh, sshd
from harness.clients import environment
from harness.gateway import Gateway, Plan
from harness.openssh import ssh
from harness.programs import newest, program
from harness.ruled import refusal
from harness.servers import Server

pytestmark = pytest.mark.interop

NO_AGENT = refusal("agent forwarding")
ADDRESS = "127.0.96.9"
POLICY = """[policy.closed]
gateways = ["closed"]
sentence = "Ask the help desk."
agent = false
"""


@frozen
class Named:
    """
    A bastion before the newest sshd, which knows both names: agents are forwarded through
    the gateway C{open}, and not through C{closed}.
    """

    gateway: Gateway
    site: object

    def route(self, name):
        """
        The way through a gateway.
        """
        return self.gateway.route(name, self.site.direct("second"))


@pytest.fixture(scope="module")
def named(theSite, bastion):
    """
    Start them.
    """
    path = newest("sbin/sshd")
    directory = Path(tempfile.mkdtemp(prefix="named-", dir=theSite.directory))
    keys = {directory / "host_ed25519": hostkeys.make(directory / "host_ed25519")}
    settings = {**sshd.VARIANTS["second"], "UsePAM": "no"}
    host = sshd.configure("names", ADDRESS, directory, settings, keys, path).start()
    plans = {name: Plan([host.target], host.knownHosts()) for name in ("open", "closed")}
    gateway = Gateway(directory / "bastion", plans, POLICY)
    try:
        yield Named(gateway.start(), theSite)
    finally:
        gateway.stop()
        host.server.stop()
        shutil.rmtree(directory)


@pytest.fixture
def agent(named):
    """
    An agent with one key: its socket, and what it lists.
    """
    directory = named.route("open").newDirectory()
    path = directory / "agent"
    server = Server("ssh-agent", [program("ssh-agent"), "-D", "-a", str(path)], directory / "log")
    server.start(path.exists)
    openssh.makeKey(directory / "key")
    env = environment(directory, SSH_AUTH_SOCK=str(path))
    clients.run([program("ssh-add"), "-q", str(directory / "key")], env).ok()
    yield path, clients.run([program("ssh-add"), "-l"], env).ok().text
    server.stop()


@pytest.fixture
def newNames(monkeypatch):
    """
    Have asyncssh use those of RFC 9987, and no others.
    """
    connection, channel = asyncssh.SSHClientConnection, asyncssh.channel.SSHClientChannel
    sends, opens = channel._send_request, "_process_auth_agent_at_openssh_dot_com_open"

    def sendRequest(self, request, *args, **more):
        name = b"agent-req" if request == b"auth-agent-req@openssh.com" else request
        sends(self, name, *args, **more)

    monkeypatch.setattr(channel, "_send_request", sendRequest)
    monkeypatch.setattr(
        connection, "_process_agent_connect_open", getattr(connection, opens), raising=False
    )
    monkeypatch.delattr(connection, opens)


def listed(route, path):
    """
    What asyncssh has a program on the host see of an agent.
    """

    async def work():
        forwarded = {"agent_path": str(path), "agent_forwarding": True}
        async with asyncclient.connect(route, **forwarded) as connection:
            done = await connection.run("ssh-add -l")
            return done.exit_status, done.stdout.strip(), done.stderr

    return asyncclient.perform(work)


def refused(named, offset):
    """
    What was refused, by the audit log: types and reasons.
    """
    events = named.gateway.audit(offset=offset)
    return [
        (event["type"], event["reason"]) for event in events if event["event"] == "channel.refused"
    ]


def test_agentIsForwardedByItsNewName(named, agent, newNames):
    path, expected = agent

    assert listed(named.route("open"), path) == (0, expected, "")


def test_agentIsRefusedByItsNewName(named, agent, newNames):
    path, _ = agent
    offset = named.gateway.auditSize()

    status, text, told = listed(named.route("closed"), path)

    assert (status, text) == (2, "")
    assert told.startswith(f"gateway: {NO_AGENT}\r\n")
    assert refused(named, offset) == [("agent-req", NO_AGENT)]


@pytest.mark.parametrize("version", ["", "newest"])
def test_opensshForwardsItsAgentByTheOldName(named, agent, version):
    """
    The newest asks by the new name where the server says that it knows it, and a gateway
    does not say what its hosts know.
    """
    path, expected = agent
    env, options = {"SSH_AUTH_SOCK": str(path)}, ["-A", "-v"]
    client = version and newest("bin/ssh")

    done = ssh(named.route("open"), "ssh-add -l", options=options, env=env, path=client).ok()
    assert done.text == expected
    assert "agent-req" not in done.stderr.replace("auth-agent-req@openssh.com", "")

    offset = named.gateway.auditSize()
    done = ssh(named.route("closed"), "ssh-add -l", options=options, env=env, path=client)
    assert done.status == 2
    assert f"gateway: {NO_AGENT}\r\n" in done.stderr
    assert refused(named, offset) == [("auth-agent-req@openssh.com", NO_AGENT)]
