"""
Programs that log in from a chosen address, and what each of them says to its user.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncssh
import paramiko
from attrs import frozen

from harness import asyncclient
from harness.clients import LIMIT, Outcome
from harness.curl import curl
from harness.dropbear import dbclient
from harness.openssh import remote, scp, sftp, ssh
from harness.programs import newest, program
from harness.putty import plink, psftp
from harness.routes import Route

_PATH = "/etc/hostname"


@frozen
class Visit:
    """
    One login.

    @ivar isIn: whether it was let in.
    @ivar said: all that the program has said.
    """

    isIn: bool
    said: str


#: Log in by a route from an address.
Program = Callable[[Route, str], Visit]


def _visit(outcome: Outcome) -> Visit:
    return Visit(outcome.status == 0, outcome.stdout.decode() + outcome.stderr)


def _ssh(route: Route, source: str) -> Visit:
    return _visit(ssh(route, "true", options=["-b", source]))


def _newestSsh(route: Route, source: str) -> Visit:
    return _visit(ssh(route, "true", options=["-b", source], path=newest("bin/ssh")))


def _quietSsh(route: Route, source: str) -> Visit:
    return _visit(ssh(route, "true", options=["-b", source, "-oLogLevel=ERROR"]))


def _sftp(route: Route, source: str) -> Visit:
    return _visit(sftp(route, "pwd", options=[f"-oBindAddress={source}"]))


def _scp(route: Route, source: str) -> Visit:
    target = str(route.newDirectory() / "copy")
    options = [f"-oBindAddress={source}"]
    return _visit(scp(route, remote(route, _PATH), target, options))


def _from(route: Route, source: str) -> dict[str, str]:
    """
    Settings with which PuTTY, which chooses no address, has another program connect.
    """
    netcat = f"{program('nc')} -s {source} {route.address} {route.port}"
    return {"ProxyMethod": "5", "ProxyLocalhost": "1", "ProxyTelnetCommand": netcat}


def _plink(route: Route, source: str) -> Visit:
    return _visit(plink(route, "true", settings=_from(route, source)))


def _psftp(route: Route, source: str) -> Visit:
    return _visit(psftp(route, "pwd", settings=_from(route, source)))


def _dbclient(route: Route, source: str) -> Visit:
    """
    Its status is 0 when it was sent away, too.
    """
    outcome = dbclient(route, "echo hello", options=["-b", source])
    return Visit(outcome.text == "hello", outcome.stderr)


def _curl(route: Route, source: str) -> Visit:
    return _visit(curl(route, _PATH, "--interface", source))


class _Lines(logging.Handler):
    """
    Keeps what is logged.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _logged(name: str) -> Iterator[list[str]]:
    """
    What a library logs at the level C{INFO}.
    """
    logger, handler = logging.getLogger(name), _Lines()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _paramiko(route: Route, source: str) -> Visit:
    """
    A program that has switched its log on.
    """
    client = paramiko.SSHClient()
    client.load_host_keys(str(route.knownHosts()))
    where = (route.address, route.port)
    with _logged("paramiko") as lines, socket.create_connection(where, LIMIT, (source, 0)) as tcp:
        try:
            client.connect(
                *where,
                username=route.account,
                password=route.password,
                allow_agent=False,
                look_for_keys=False,
                sock=tcp,
                auth_timeout=LIMIT,
            )
        except paramiko.SSHException as error:
            return Visit(False, "\n".join([*lines, str(error)]))
        finally:
            client.close()
    return Visit(True, "\n".join(lines))


def _asyncssh(route: Route, source: str) -> Visit:
    async def work() -> Visit:
        try:
            async with asyncclient.connect(route, local_addr=(source, 0)) as connection:
                return Visit(True, str((await connection.run("true")).stdout))
        except asyncssh.Error as error:
            return Visit(False, str(error))

    return asyncclient.perform(work)


#: Those that show their users why they were sent away.
TELLING: dict[str, Program] = {
    "ssh": _ssh,
    "newest ssh": _newestSsh,
    "quiet ssh": _quietSsh,
    "sftp": _sftp,
    "scp": _scp,
    "plink": _plink,
    "psftp": _psftp,
    "dbclient": _dbclient,
    "paramiko": _paramiko,
    "asyncssh": _asyncssh,
}
#: Those that say only that it did not work.
SILENT: dict[str, Program] = {"curl": _curl}
