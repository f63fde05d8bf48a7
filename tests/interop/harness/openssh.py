"""
The programs of OpenSSH's client: ssh, sftp, scp, with an asked password.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from harness import clients, hostkeys
from harness.clients import Asker, Outcome, opensshOptions
from harness.programs import program
from harness.routes import Route

#: As often as a client asks at most.
_OFTEN = 12


@frozen
class Prepared:
    """
    A command line with its environment.
    """

    command: Sequence[str]
    environment: dict[str, str]
    asker: Asker

    def run(self, data: bytes = b"", limit: float = clients.LIMIT) -> Outcome:
        """
        Run it to its end.
        """
        return clients.run(self.command, self.environment, data, limit, self.asker)


def prepare(
    route: Route,
    *command: str,
    options: Sequence[str] = (),
    answers: Sequence[str] | None = None,
    env: dict[str, str] | None = None,
    path: str = "",
) -> Prepared:
    """
    An ssh command.

    @param options: come before the common ones, and so win over them.
    @param answers: to the prompts, in order; by default always the password.
    @param env: added to the client's environment.
    @param path: another ssh than the machine's.
    """
    home = route.newDirectory()
    asker = Asker.make(home, [route.password] * _OFTEN if answers is None else answers)
    line = [path or program("ssh"), *options, *opensshOptions(route)]
    line += ["-p", str(route.port), "-l", route.account, route.address, *command]
    environment = clients.environment(home, **{**asker.environment, **(env or {})})
    return Prepared(line, environment, asker)


def ssh(
    route: Route,
    *command: str,
    data: bytes = b"",
    options: Sequence[str] = (),
    answers: Sequence[str] | None = None,
    env: dict[str, str] | None = None,
    limit: float = clients.LIMIT,
    path: str = "",
) -> Outcome:
    """
    Run a command on the host; see L{prepare}.
    """
    prepared = prepare(route, *command, options=options, answers=answers, env=env, path=path)
    return prepared.run(data, limit)


@contextmanager
def session(
    route: Route,
    *command: str,
    options: Sequence[str] = (),
    env: dict[str, str] | None = None,
    path: str = "",
) -> Iterator[subprocess.Popen[bytes]]:
    """
    An ssh that runs during a C{with} statement; see L{prepare}.
    """
    prepared = prepare(route, *command, options=options, env=env, path=path)
    with clients.running(prepared.command, prepared.environment) as process:
        yield process


def sftp(route: Route, *commands: str, options: Sequence[str] = ()) -> Outcome:
    """
    Run commands of sftp, stopping at the first that fails.
    """
    home = route.newDirectory()
    asker = Asker.make(home, [route.password] * _OFTEN)
    line = [program("sftp"), *options, *opensshOptions(route), "-oBatchMode=no", "-b", "-"]
    line += ["-P", str(route.port), f"{route.account}@{route.address}"]
    environment = clients.environment(home, **asker.environment)
    return clients.run(line, environment, "\n".join(commands).encode() + b"\n", asker=asker)


def remote(route: Route, path: Path | str) -> str:
    """
    A path on the host as scp and rsync write it.
    """
    return f"{route.account}@{route.address}:{path}"


def scp(route: Route, source: str, target: str, options: Sequence[str] = ()) -> Outcome:
    """
    Copy a file; L{remote} names the one on the host.
    """
    home = route.newDirectory()
    asker = Asker.make(home, [route.password] * _OFTEN)
    line = [program("scp"), *options, *opensshOptions(route), "-P", str(route.port)]
    environment = clients.environment(home, **asker.environment)
    return clients.run([*line, source, target], environment, asker=asker)


def configuration(route: Route, directory: Path) -> Path:
    """
    An ssh_config file, for programs that run ssh themselves.
    """
    path = directory / "ssh_config"
    settings = [option[2:].replace("=", " ", 1) for option in opensshOptions(route)[2:]]
    settings += [f"Port {route.port}", f"User {route.account}"]
    path.write_text("Host *\n" + "".join(f"  {line}\n" for line in settings))
    return path


def makeKey(path: Path) -> str:
    """
    Make a user's key pair.

    @return: the public key's line.
    """
    hostkeys.make(path)
    return path.with_name(path.name + ".pub").read_text()
