"""
The relay that one would write with asyncssh: one of the peers, and a program of
its own.

A password is checked by logging in to the host with it.  Each session of the
client gets a session on the host, and the two are joined: data, ends and exit
status both ways, and whoever cannot take more stops the other.

Its arguments are the port to listen on, the host's port, the file of the host
key, the known_hosts file for the host, and the account's ciphers if they are
not asyncssh's own choice.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import asyncssh

_ADDRESS = "127.0.0.1"


class HostSession(asyncssh.SSHClientSession[bytes]):
    """
    The session on the host.
    """

    def __init__(self, client: asyncssh.SSHServerChannel[bytes]) -> None:
        self._client = client
        self._status = 0

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """
        To the client.
        """
        self._client.write(data, datatype)

    def eof_received(self) -> bool:
        """
        The client gets no more; the host still may.
        """
        self._client.write_eof()
        return True

    def exit_status_received(self, status: int) -> None:
        """
        Kept until everything that the command has written is here.
        """
        self._status = status

    def connection_lost(self, exc: Exception | None) -> None:
        """
        The session is over on the host, and so for the client.
        """
        self._client.exit(self._status)

    def pause_writing(self) -> None:
        """
        The host cannot take more for now.
        """
        self._client.pause_reading()

    def resume_writing(self) -> None:
        """
        The host can take more.
        """
        self._client.resume_reading()


class ClientSession(asyncssh.SSHServerSession[bytes]):
    """
    The client's session, joined to one on the host as soon as it is known what
    is to be run.

    @ivar _early: what the client has sent before.
    """

    def __init__(self, host: asyncssh.SSHClientConnection) -> None:
        self._host = host
        self._upstream: asyncssh.SSHClientChannel[bytes] | None = None
        self._early: list[bytes] = []
        self._ended = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """
        The client's channel is open.
        """
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Mapping[int, int]) -> bool:
        """
        The host decides.
        """
        return True

    def shell_requested(self) -> bool:
        """
        The host decides.
        """
        return True

    def exec_requested(self, command: str) -> bool:
        """
        The host decides.
        """
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """
        The host decides.
        """
        return True

    def session_started(self) -> None:
        """
        It is known what is to be run.
        """
        # Held here, or it might be collected while it runs.
        self._joining = asyncio.create_task(self._join())

    async def _join(self) -> None:
        channel = self._channel
        upstream, _ = await self._host.create_session(
            lambda: HostSession(channel),
            command=channel.get_command() or (),
            subsystem=channel.get_subsystem() or (),
            term_type=channel.get_terminal_type(),
            term_size=channel.get_terminal_size(),
            term_modes=channel.get_terminal_modes(),
            encoding=None,
        )
        self._upstream = upstream
        for data in self._early:
            upstream.write(data)
        if self._ended:
            upstream.write_eof()
        channel.resume_reading()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """
        To the host.
        """
        if self._upstream is None:
            self._early.append(data)
            self._channel.pause_reading()
        else:
            self._upstream.write(data)

    def eof_received(self) -> bool:
        """
        The host gets no more; the client still may.
        """
        self._ended = True
        if self._upstream is not None:
            self._upstream.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """
        The client has closed its channel.
        """
        if self._upstream is not None:
            self._upstream.close()

    def pause_writing(self) -> None:
        """
        The client cannot take more for now.
        """
        if self._upstream is not None:
            self._upstream.pause_reading()

    def resume_writing(self) -> None:
        """
        The client can take more.
        """
        if self._upstream is not None:
            self._upstream.resume_reading()


class Relay(asyncssh.SSHServer):
    """
    One client's connection.
    """

    def __init__(self, port: int, settings: dict[str, Any]) -> None:
        """
        @param port: the host's.
        @param settings: of the connection to it.
        """
        self._port = port
        self._settings = settings
        self._host: asyncssh.SSHClientConnection | None = None

    def begin_auth(self, username: str) -> bool:
        """
        Nobody comes in without a password.
        """
        return True

    def password_auth_supported(self) -> bool:
        """
        And a password is all there is.
        """
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """
        Whether the host lets the account in.
        """
        try:
            self._host = await asyncssh.connect(
                _ADDRESS, self._port, username=username, password=password, **self._settings
            )
        except asyncssh.PermissionDenied:
            return False
        return True

    def session_requested(self) -> ClientSession:
        """
        Sessions, and no other channels.
        """
        assert self._host is not None
        return ClientSession(self._host)

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Without its client, the host's connection is of no use.
        """
        if self._host is not None:
            self._host.close()


async def main(port: str, hostPort: str, key: str, knownHosts: str, ciphers: str = "") -> None:
    """
    Relay until the process ends.
    """
    algorithms = {"encryption_algs": ciphers.split(",")} if ciphers else {}
    settings = {
        "known_hosts": knownHosts,
        "client_keys": None,
        "agent_path": None,
        "config": None,
        **algorithms,
    }
    await asyncssh.create_server(
        lambda: Relay(int(hostPort), settings),
        _ADDRESS,
        int(port),
        server_host_keys=[key],
        backlog=1024,
        encoding=None,
        line_editor=False,
        config=None,
        **algorithms,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
