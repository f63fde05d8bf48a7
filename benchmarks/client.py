"""
OpenSSH's client programs, as a user has them who types a password.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from attrs import frozen

from benchmarks.accounts import Account
from benchmarks.programs import program
from benchmarks.waiting import ADDRESS

#: A program that runs longer is ended, and has failed.
_LONGEST = 180.0
_HOST = "host"

_SETTINGS = {
    "HostName": ADDRESS,
    "GlobalKnownHostsFile": "none",
    "StrictHostKeyChecking": "accept-new",
    "UpdateHostKeys": "no",
    "IdentityFile": "none",
    "PreferredAuthentications": "password",
    "NumberOfPasswordPrompts": "1",
    "ConnectTimeout": "60",
    "LogLevel": "ERROR",
    # It sends keys at a pace of its own, which is not what is measured.
    "IgnoreUnknown": "ObscureKeystrokeTiming",
    "ObscureKeystrokeTiming": "no",
}
_CIPHER = re.compile(r"kex: server->client cipher: (\S+)(?: MAC: (\S+))?")


class Failed(Exception):
    """
    A client program did not do what it was run for; the text says how.
    """


@frozen
class Output:
    """
    What a program has written.
    """

    stdout: bytes
    stderr: str


class Client:
    """
    The client programs, set up for one peer.
    """

    def __init__(self, directory: Path, account: Account, port: int, ciphers: str = "") -> None:
        """
        @param directory: for its configuration.
        @param ciphers: the ciphers to offer, if not OpenSSH's own choice.
        """
        self._directory = directory
        self._configuration = directory / "client_config"
        settings = {
            **_SETTINGS,
            "Port": str(port),
            "User": account.name,
            "UserKnownHostsFile": str(directory / "client_known_hosts"),
            **({"Ciphers": ciphers} if ciphers else {}),
        }
        lines = [f"  {name} {value}\n" for name, value in settings.items()]
        self._configuration.write_text(f"Host {_HOST}\n{''.join(lines)}")
        askpass = directory / "askpass"
        askpass.write_text(f"#!/bin/sh\necho '{account.password}'\n")
        askpass.chmod(0o700)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
        }

    def ssh(self, command: str, *options: str) -> list[str]:
        """
        The command line that runs a command on the host.
        """
        return [program("ssh"), "-F", str(self._configuration), *options, _HOST, command]

    def sftp(self, batch: str) -> list[str]:
        """
        The command line that does what a batch of sftp's commands says.
        """
        path = self._directory / "batch"
        path.write_text(batch)
        line = [program("sftp"), "-q", "-S", program("ssh"), "-F", str(self._configuration)]
        return [*line, "-oBatchMode=no", "-b", str(path), _HOST]

    def run(self, command: Sequence[str], stdin: Path | None = None) -> Output:
        """
        Run one of these to its end.

        @raise Failed: when it fails or takes too long.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with self.started(command, stdin or Path(os.devnull), out, err) as process:
                watchdog = threading.Timer(_LONGEST, _kill, [process])
                watchdog.start()
                try:
                    # Without a time limit this returns at once when the program ends.
                    status = process.wait()
                finally:
                    watchdog.cancel()
            out.seek(0)
            err.seek(0)
            output = Output(out.read(), err.read().decode("utf-8", "replace"))
        if status:
            raise Failed(
                f"{Path(command[0]).name}: status {status}: {output.stderr[-300:].strip()}"
            )
        return output

    @contextmanager
    def started(
        self,
        command: Sequence[str],
        stdin: Path | int,
        stdout: IO[bytes] | int,
        stderr: IO[bytes] | int,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """
        One of these that runs during a C{with} statement.
        """
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(stdin.open("rb")) if isinstance(stdin, Path) else stdin
            process = subprocess.Popen(
                command,
                stdin=source,
                stdout=stdout,
                stderr=stderr,
                env=self._environment,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _kill(process)
                process.wait()
                for stream in (process.stdin, process.stdout):
                    if stream is not None:
                        stream.close()

    def check(self) -> str:
        """
        Log in once, and see that a command's output and status arrive.

        @return: the cipher that was agreed on.
        """
        found = self.run(self.ssh("echo in", "-oLogLevel=DEBUG1"))
        if found.stdout != b"in\n":
            raise Failed(f"a command's output arrives as {found.stdout!r}")
        cipher = _CIPHER.search(found.stderr)
        return " ".join(filter(None, cipher.groups())) if cipher else "unknown cipher"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """
    End a client, and whatever it has started.
    """
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
