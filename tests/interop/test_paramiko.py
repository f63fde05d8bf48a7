"""
What programs written with paramiko do.
"""

from __future__ import annotations

import socket

import paramiko
import pytest
from harness import accounts, paramikoclient, peers
from harness.waiting import until

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("kind", ["pam", "pam-kbdint", "password-only", "dropbear"])
def test_commandWithItsStreamsAndStatus(to, kind):
    with paramikoclient.client(to(kind)) as client:
        stdin, stdout, stderr = client.exec_command("cat; echo err >&2; exit 7", timeout=20)
        stdin.write("in")
        stdin.channel.shutdown_write()
        assert stdout.read() == b"in"
        assert stderr.read() == b"err\n"
        assert stdout.channel.recv_exit_status() == 7


def test_wrongPasswordIsRefused(to):
    route = to("pam")
    with pytest.raises(paramiko.AuthenticationException):
        with paramikoclient.client(route.as_(route.account, accounts.newPassword())):
            pass


def test_emptyPasswordIsRefused(to):
    route = to("password-only")
    with pytest.raises(paramiko.AuthenticationException):
        with paramikoclient.client(route.as_(route.account, "")):
            pass


def test_terminalAndItsSize(to):
    with paramikoclient.client(to("pam")) as client:
        channel = client.invoke_shell(width=99, height=33)
        channel.settimeout(20)
        channel.send(b"stty size\n")
        seen = []
        until(lambda: seen.append(channel.recv(1000)) or b"33 99" in b"".join(seen), 20)
        channel.resize_pty(width=111, height=44)
        channel.send(b"stty size\n")
        until(lambda: seen.append(channel.recv(1000)) or b"44 111" in b"".join(seen), 20)


def test_sftpBothWays(to, user, payload):
    there, back = user.home / "there-paramiko", to("pam").newDirectory() / "back"
    with paramikoclient.client(to("pam")) as client, client.open_sftp() as sftp:
        sftp.put(str(payload.path), str(there))
        sftp.get(str(there), str(back))
    assert payload.isIn(there)
    assert payload.isIn(back)


def test_sftpManagesFiles(to, user):
    with paramikoclient.client(to("pam")) as client, client.open_sftp() as sftp:
        sftp.chdir(str(user.home))
        with sftp.open("p\u00e4ram", "w") as file:
            file.write("content")
        sftp.rename("p\u00e4ram", "renamed")
        assert sftp.stat("renamed").st_size == 7
        assert "renamed" in sftp.listdir()
        sftp.remove("renamed")
        with pytest.raises(FileNotFoundError):
            sftp.stat("renamed")


def test_directAndReverseForwarding(to):
    with peers.tcpEcho() as echo, paramikoclient.client(to("pam")) as client:
        transport = client.get_transport()
        channel = transport.open_channel("direct-tcpip", ("127.0.0.1", echo), ("127.0.0.1", 9))
        channel.settimeout(20)
        channel.sendall(b"x" * 100_000)
        channel.shutdown_write()
        parts = []
        while part := channel.recv(65536):
            parts.append(part)
        assert b"".join(parts) == b"x" * 100_000 + b"[end]"
        port = transport.request_port_forward("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port), 20) as outside:
            inside = transport.accept(20)
            inside.sendall(b"from the client")
            assert outside.recv(100) == b"from the client"
            inside.close()
        transport.cancel_port_forward("127.0.0.1", port)


def test_clientRenegotiatesKeys(to):
    """
    With no channel open: paramiko locks itself when one closes meanwhile.
    """
    with paramikoclient.client(to("pam")) as client:
        for n in range(5):
            client.get_transport().renegotiate_keys()
            _, stdout, _ = client.exec_command(f"echo {n}", timeout=20)
            assert stdout.read() == f"{n}\n".encode()
            until(lambda channel=stdout.channel: channel.closed, 20, "the channel is closed")
            # Read when its own CLOSE is sent.
            client.get_transport().global_request("no-such@example.org", wait=True)


def test_keepalivesAndIgnoredMessages(to):
    with paramikoclient.client(to("alive")) as client:
        client.get_transport().set_keepalive(1)
        client.get_transport().send_ignore(1000)
        _, stdout, _ = client.exec_command("sleep 6; echo alive", timeout=20)
        assert stdout.read() == b"alive\n"


def test_unknownRequestsAreAnsweredByTheHost(bothWays):
    """
    A request, a subsystem and a channel type that nobody knows fail, and harm
    nothing.
    """

    def attempt(way):
        with paramikoclient.client(way("pam")) as client:
            transport = client.get_transport()
            assert transport.global_request("no-such@example.org", wait=True) is None
            with pytest.raises(paramiko.SSHException):
                transport.open_session(timeout=20).invoke_subsystem("no-such")
            with pytest.raises(paramiko.ChannelException) as refusal:
                transport.open_channel("no-such@example.org", timeout=20)
            _, stdout, _ = client.exec_command("echo still here", timeout=20)
            return stdout.read(), refusal.value.code

    direct, through = bothWays(attempt)
    assert through == direct
    assert through[0] == b"still here\n"


def test_manyChannelsOneAfterTheOther(to):
    with paramikoclient.client(to("pam")) as client:
        for n in range(60):
            _, stdout, _ = client.exec_command(f"echo {n}; exit {n}", timeout=20)
            assert stdout.read() == f"{n}\n".encode()
            assert stdout.channel.recv_exit_status() == n
