"""
A host that is written with paramiko: it gives back what it is sent.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import paramiko

_PART = 1 << 15
#: What a client may take for its login, and for its command, in seconds.
_SECONDS = 30


class ParamikoHost:
    """
    The host, with a thread for each connection.

    @ivar port: where it listens.
    """

    def __init__(self, address: str, key: Path, password: str) -> None:
        """
        @param key: the file of the private host key, an Ed25519 one.
        @param password: of every account.
        """
        self._key = paramiko.Ed25519Key.from_private_key_file(str(key))
        self._password = password
        self._listening = socket.create_server((address, 0))
        self.port: int = self._listening.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """
        One connection, and every channel of it.
        """
        transport = paramiko.Transport(connection)
        transport.add_server_key(self._key)
        self._transports.append(transport)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=_Server(self._password))
            while transport.is_active():
                channel = transport.accept(1)
                if channel is not None:
                    threading.Thread(target=_giveBack, args=(channel,), daemon=True).start()

    def stop(self) -> None:
        """
        End it, with its connections.
        """
        # Closing alone does not wake who waits for a connection.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)
        for transport in self._transports:
            transport.close()


class _Server(paramiko.ServerInterface):
    """
    One connection.
    """

    def __init__(self, password: str) -> None:
        self._password = password

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = password == self._password
        return paramiko.common.AUTH_SUCCESSFUL if right else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return True


def _giveBack(channel: paramiko.Channel) -> None:
    """
    Whatever the command is, it is C{cat}.
    """
    channel.settimeout(_SECONDS)
    with contextlib.suppress(OSError):
        while part := channel.recv(_PART):
            channel.sendall(part)
        channel.send_exit_status(0)
    channel.close()
