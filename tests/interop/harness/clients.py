"""
Running a client program: with a time limit, a home of its own, and a password
helper that keeps what it was asked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from harness.routes import ALIAS, Route

LIMIT = 60.0

_ASKPASS = f"""#!{sys.executable} -IS
import json, os, sys
directory = os.path.dirname(__file__)
asked = open(os.path.join(directory, "asked"), "a+", encoding="utf-8")
asked.seek(0)
count = len(asked.readlines())
prompt = os.fsencode(sys.argv[1]).decode("utf-8", "backslashreplace")
print(json.dumps([prompt, os.environ.get("SSH_ASKPASS_PROMPT")]), file=asked)
with open(os.path.join(directory, "answers"), encoding="utf-8") as file:
    answers = json.load(file)
if count >= len(answers):
    sys.exit(1)
sys.stdout.buffer.write(answers[count].encode() + b"\\n")
"""


@frozen
class Outcome:
    """
    How a program ended and what it wrote.

    @ivar prompts: what its password helper was asked.
    """

    status: int
    stdout: bytes
    stderr: str
    prompts: Sequence[str] = ()

    def ok(self) -> Outcome:
        """
        Itself, when the program succeeded.
        """
        assert self.status == 0, f"status {self.status}: {self.stderr[-4000:]}"
        return self

    @property
    def text(self) -> str:
        """
        The standard output as text, without white space around it.
        """
        return self.stdout.decode("utf-8", "replace").strip()


@frozen
class Asker:
    """
    A password helper (C{SSH_ASKPASS}).
    """

    directory: Path
    environment: Mapping[str, str] = field(factory=dict)

    @classmethod
    def make(cls, directory: Path, answers: Sequence[str]) -> Asker:
        """
        Write the helper with its answers; it gives up when there are no more.
        """
        script = directory / "askpass"
        script.write_text(_ASKPASS)
        script.chmod(0o700)
        (directory / "answers").write_text(json.dumps(list(answers)))
        return cls(directory, {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force"})

    def prompts(self) -> list[str]:
        """
        What it was asked so far.
        """
        path = self.directory / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)[0] for line in lines]


def environment(home: Path, **more: str) -> dict[str, str]:
    """
    The environment of a client: nothing of the user who runs the tests.
    """
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **more}


def start(
    command: Sequence[str],
    env: Mapping[str, str],
    stdin: int | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """
    Start a client without a terminal, its output in pipes.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE if stdin is None else stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """
    End a client, and whatever it started, now.
    """
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    data: bytes = b"",
    limit: float = LIMIT,
    asker: Asker | None = None,
    cwd: Path | None = None,
) -> Outcome:
    """
    Run a client to its end.
    """
    process = start(command, env, cwd=cwd)
    try:
        out, err = process.communicate(data, limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        shown = err.decode("utf-8", "replace")[-4000:]
        raise AssertionError(f"{command[0]} did not end within {limit} s: {shown}") from None
    finally:
        end(process)
    prompts = asker.prompts() if asker else ()
    return Outcome(process.returncode, out, err.decode("utf-8", "replace"), prompts)


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """
    A client that runs during a C{with} statement.
    """
    process = start(command, env, cwd=cwd)
    try:
        yield process
    finally:
        end(process)


def opensshOptions(route: Route) -> list[str]:
    """
    Options that all programs of OpenSSH understand: nothing of the user's or
    the machine's configuration, and only the right host keys.
    """
    settings = {
        "UserKnownHostsFile": str(route.knownHosts()),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "HostKeyAlias": ALIAS,
        "UpdateHostKeys": "no",
        "IdentityFile": "none",
        "LogLevel": "INFO",
    }
    return ["-F", "none", *(f"-o{key}={value}" for key, value in settings.items())]
