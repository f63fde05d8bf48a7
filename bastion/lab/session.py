"""
The session channel of a host (RFC 4254 section 6): terminal, shell, command,
subsystem.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from typing import Any

from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.session import parseRequest_pty_req, parseRequest_window_change
from twisted.logger import Logger

from bastion.lab.channel import PacedChannel
from bastion.lab.files import Files
from bastion.lab.process import SIGNALS, Running, ShellProcess
from bastion.lab.sftp import FileTransfer
from bastion.lab.shell import Shell
from bastion.lab.terminal import Terminal

# What sshd's usual AcceptEnv lets in, and what a terminal is called.
_ACCEPTED_VARIABLES = re.compile(rb"LANG|LC_[A-Z]+|TERM|COLORTERM")

_log = Logger()


class SessionChannel(PacedChannel):
    """
    One shell, command or file transfer for a client.

    @ivar environ: what the client asked for, within what a host accepts.
    """

    name = b"session"

    def __init__(self, *, shell: Shell, running: Running, reactor: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._shell = shell
        self._running = running
        self._reactor = reactor
        self._terminal: Terminal | None = None
        self.environ: dict[bytes, bytes] = {}

    def requestReceived(self, requestType: bytes, data: bytes) -> bool:
        """
        Answer a request; what cannot be read or done is refused.
        """
        if requestType == b"eow@openssh.com":
            # OpenSSH PROTOCOL 2.1: the client takes no more output.
            if isinstance(self.program, ShellProcess):
                self.program.endOutput()
            return False
        try:
            return bool(super().requestReceived(requestType, data))
        except (struct.error, ValueError, IndexError, OSError) as error:
            _log.warn(
                "request {request!r} failed: {kind}",
                request=requestType,
                kind=type(error).__name__,
            )
            return False

    def request_env(self, data: bytes) -> bool:
        """
        Payload::
            string  name
            string  value

        Accept the few that sshd accepts.
        """
        name, value, _ = getNS(data, 2)
        if self.program is not None or not _ACCEPTED_VARIABLES.fullmatch(name):
            return False
        self.environ[name] = value
        return True

    def request_pty_req(self, data: bytes) -> bool:
        """
        Payload::
            string  terminal type
            uint32  columns, rows, width and height in pixels
            string  terminal modes

        Make a terminal, for the program that is asked for next.
        """
        if self.program is not None or self._terminal is not None:
            return False
        kind, size, modes = parseRequest_pty_req(data)
        self._terminal = Terminal(size, modes)
        self.environ[b"TERM"] = kind
        self.environ[b"SSH_TTY"] = os.fsencode(self._terminal.descriptors[2])
        return True

    def request_window_change(self, data: bytes) -> bool:
        """
        Payload::
            uint32  columns, rows, width and height in pixels

        Resize the terminal.
        """
        if not isinstance(self.program, ShellProcess):
            return False
        self.program.resize(parseRequest_window_change(data))
        return True

    def request_signal(self, data: bytes) -> bool:
        """
        Payload::
            string  name, without "SIG"

        Send the signal to the program's process group.
        """
        number = SIGNALS.get(getNS(data)[0].decode("ascii"))
        if number is None or not isinstance(self.program, ShellProcess):
            return False
        self.program.signal(number)
        return True

    def request_shell(self, data: bytes) -> bool:
        """
        No payload.  Start an interactive shell.
        """
        return self._start([os.fsencode(word) for word in self._shell.interactive])

    def request_exec(self, data: bytes) -> bool:
        """
        Payload::
            string  command line

        Let the shell run it.
        """
        return self._start(self._shell.command(getNS(data)[0], self._terminal is not None))

    def request_subsystem(self, data: bytes) -> bool:
        """
        Payload::
            string  name

        Serve files; there is no other subsystem.
        """
        if self.program is not None or getNS(data)[0] != b"sftp":
            return False
        self.attach(FileTransfer(self, Files(os.fsencode(self._shell.home))))
        return True

    def closed(self) -> None:
        """
        End the program, or give back the terminal that none was started on.
        """
        if self.program is None and self._terminal is not None:
            self._terminal.close()
        super().closed()

    def _start(self, arguments: Sequence[bytes]) -> bool:
        environ = {
            **{os.fsencode(name): os.fsencode(value) for name, value in self._variables().items()},
            **self.environ,
        }
        # exec would fail after the fork, where nobody can be told.
        hasNul = any(b"\0" in word for word in (*arguments, *environ.values()))
        if self.program is not None or hasNul:
            return False
        process = ShellProcess(self, self._running, self._terminal is not None)
        self._reactor.spawnProcess(
            process,
            arguments[0],
            arguments,
            environ,
            os.fsencode(self._shell.home),
            usePTY=self._terminal.descriptors if self._terminal is not None else 0,
        )
        self.attach(process)
        return True

    def _variables(self) -> dict[str, str]:
        peer = self.conn.transport.getPeer().address
        here = self.conn.transport.getHost().address
        return {
            **self._shell.environ,
            "SSH_CLIENT": f"{peer.host} {peer.port} {here.port}",
            "SSH_CONNECTION": f"{peer.host} {peer.port} {here.host} {here.port}",
        }
