"""
The process of the odd host: C{python -m harness.oddserver ADDRESS PORT KEY...}.

A session does what its command says; see L{_COMMANDS}.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh

from bastion.wire import shown
from harness.dialogues import (
    BANNERS,
    CHANGE_PROMPT,
    CHANGED_PASSWORD,
    CLOSED_ACCOUNT,
    DIALOGUES,
    OPEN_ACCOUNT,
    PASSWORD,
    PASSWORD_ACCOUNTS,
    Round,
)

Process = asyncssh.SSHServerProcess[bytes]


class OddServer(asyncssh.SSHServer):
    """
    One connection.
    """

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._account = ""
        self._round = 0
        self._changes = 0

    def begin_auth(self, username: str) -> bool:
        self._account = username
        self._round = 0
        for banner in BANNERS.get(username, ()):
            self._connection.send_auth_banner(banner)
        return username != OPEN_ACCOUNT

    def password_auth_supported(self) -> bool:
        return self._account in PASSWORD_ACCOUNTS

    def validate_password(self, username: str, password: str) -> bool:
        if password != PASSWORD:
            return False
        if username.startswith("change-"):
            raise asyncssh.PasswordChangeRequired(CHANGE_PROMPT)
        return True

    def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        self._changes += 1
        if username == "change-twice" and self._changes == 1:
            raise asyncssh.PasswordChangeRequired("Too simple. Another one")
        return (old_password, new_password) == (PASSWORD, CHANGED_PASSWORD)

    def kbdint_auth_supported(self) -> bool:
        return self._account not in (*PASSWORD_ACCOUNTS, CLOSED_ACCOUNT, OPEN_ACCOUNT)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self._round = 0
        rounds = DIALOGUES.get(username)
        return _challenge(rounds[0]) if rounds else False

    def validate_kbdint_response(self, username: str, responses: Any) -> Any:
        rounds = DIALOGUES[username]
        if username == "vanish":
            self._connection.abort()
        if username == "no-password" or list(responses) != list(rounds[self._round].answers):
            return False
        self._round += 1
        return _challenge(rounds[self._round]) if self._round < len(rounds) else True

    def auth_completed(self) -> None:
        sys.stdout.write(f"Accepted somehow for {shown(self._account.encode())} from a client\n")
        sys.stdout.flush()

    def connection_requested(self, *arguments: Any) -> bool:
        return True

    def server_requested(self, *arguments: Any) -> bool:
        return True


def _challenge(round_: Round) -> tuple[str, str, str, list[tuple[str, bool]]]:
    return round_.title, round_.instruction, "", list(round_.prompts)


async def _echo(process: Process) -> None:
    """
    Say what arrives: data, breaks, signals, window changes; end at end of file.
    """
    _say(process, f"terminal {process.term_type} {process.term_size[:2]}")
    while True:
        try:
            line = await process.stdin.readline()
        except asyncssh.BreakReceived as received:
            _say(process, f"break {received.msec}")
        except asyncssh.SignalReceived as received:
            _say(process, f"signal {received.signal}")
        except asyncssh.TerminalSizeChanged as received:
            _say(process, f"size {received.width} {received.height}")
        else:
            if not line or line.strip() == b"bye":
                return process.exit(0)
            _say(process, f"line {line.decode('utf-8', 'replace').strip()}")


def _say(process: Process, text: str) -> None:
    process.stdout.write(text.encode() + b"\r\n")


async def _openUnasked(process: Process) -> None:
    """
    Open a channel that the client may not have allowed, and say what came of it.
    """
    connection = process.channel.get_connection()
    kind = (process.command or "").split()[1]
    try:
        await _OPENS[kind](connection)
    except asyncssh.ChannelOpenError as error:
        _say(process, f"refused {error.code} {error.reason}")
    else:
        _say(process, "opened")
    process.exit(0)


_OPENS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "x11": lambda c: c.create_x11_channel().open(asyncssh.SSHTCPSession, "127.0.0.1", 6010),
    "agent": lambda c: c.create_agent_channel().open(asyncssh.SSHUNIXSession),
    "tcp": lambda c: c.create_tcp_channel().accept(
        asyncssh.SSHTCPSession, "localhost", 4711, "127.0.0.1", 4712
    ),
    "unix": lambda c: c.create_unix_channel().accept(asyncssh.SSHUNIXSession, "/tmp/no-such"),
    "session": lambda c: c.create_tcp_channel()._open_forward(asyncssh.SSHTCPSession, b"session"),
}


async def _exit(process: Process) -> None:
    """
    C{exit STATUS}: and close the connection at once.
    """
    process.stdout.write(b"last words\n")
    process.exit(int((process.command or "").split()[1]))
    process.channel.get_connection().close()


async def _die(process: Process) -> None:
    """
    C{die SIGNAL}: end as if killed by it.
    """
    signal = (process.command or "").split()[1]
    process.exit_with_signal(signal, True, "it hurt \u2620", "en")


async def _drop(process: Process) -> None:
    """
    C{drop}: the connection is lost in the middle.
    """
    process.stdout.write(b"half a sente")
    await process.stdout.drain()
    process.channel.get_connection().abort()


async def _hello(process: Process) -> None:
    """
    Anything else: say who is there.
    """
    _say(process, f"hello {process.channel.get_connection().get_extra_info('username')}")
    process.exit(0)


_COMMANDS: dict[str, Callable[[Process], Awaitable[None]]] = {
    "echo": _echo,
    "unasked": _openUnasked,
    "exit": _exit,
    "die": _die,
    "drop": _drop,
}


async def _serve(process: Process) -> None:
    word = (process.command or "echo").split()[0]
    await _COMMANDS.get(word, _hello)(process)


async def _main(address: str, port: str, *keys: str) -> None:
    server = await asyncssh.create_server(
        OddServer,
        address,
        int(port),
        server_host_keys=list(keys),
        process_factory=_serve,
        encoding=None,
        line_editor=False,
        login_timeout=30,
    )
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
