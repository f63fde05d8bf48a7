"""
A host that is written with asyncssh: it listens on one port for each choice of
algorithms, and gives back what it is sent.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from harness.algorithms import Choice
from harness.waiting import freePort

Process = asyncssh.SSHServerProcess[bytes]

_PART = 1 << 20


def options(choice: Choice) -> dict[str, Any]:
    """
    What narrows either end of asyncssh, but for the host key.
    """
    named = {
        "kex_algs": choice.keyExchange,
        "encryption_algs": choice.cipher,
        "mac_algs": choice.mac,
    }
    return {option: [name] for option, name in named.items() if name}


class AsyncHost:
    """
    The host, in a thread of its own.
    """

    def __init__(self, address: str, keys: Mapping[str, Path], password: str) -> None:
        """
        @param keys: the files of the private host keys, by the algorithm.
        @param password: of every account.
        """
        self.address = address
        self._keys = keys
        self._password = password
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def listen(self, choice: Choice, **more: Any) -> int:
        """
        Listen with these algorithms only.

        @param more: settings of asyncssh's server.
        @return: the port.
        """
        port = freePort(self.address)
        listening = self._listen(port, choice, more)
        asyncio.run_coroutine_threadsafe(listening, self._loop).result(20)
        return port

    async def _listen(self, port: int, choice: Choice, more: dict[str, Any]) -> None:
        await asyncssh.create_server(
            lambda: _Server(self._password),
            self.address,
            port,
            server_host_keys=[str(self._keys[choice.hostKey or "ssh-ed25519"])],
            process_factory=_giveBack,
            encoding=None,
            login_timeout=30,
            **options(choice),
            **more,
        )

    def stop(self) -> None:
        """
        End it, with its connections.
        """
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class _Server(asyncssh.SSHServer):
    """
    One connection.
    """

    def __init__(self, password: str) -> None:
        self._password = password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == self._password


async def _giveBack(process: Process) -> None:
    """
    Whatever the command is, it is C{cat}.
    """
    while part := await process.stdin.read(_PART):
        process.stdout.write(part)
        await process.stdout.drain()
    process.exit(0)
