"""
The site: three hosts, and the bastion in front of them.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python import usage

from bastion.lab.child import Child, bastionCommand
from bastion.lab.directory import Gateways, LabDirectory, LabError
from bastion.lab.host import LOG_NAMESPACE, LOOPBACK, Host
from bastion.lab.screen import Announcement
from bastion.lab.shell import makeShell

HOSTS = ("nice1", "nice2", "ill")
# Without letters that look like others.
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_START_LIMIT = 30.0

#: Makes the bastion's command line from its configuration's name.
Command = Callable[[Path], Sequence[str]]


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return number


class Options(usage.Options):
    """
    The command line.
    """

    synopsis = "Usage: python -m bastion.lab [options]"
    longdesc = "A small site on loopback, to try the bastion without set-up; Ctrl-C ends it."
    optParameters = [
        ["directory", "d", ".lab", "Where the lab keeps its files."],
        ["esrf-port", None, 5022, "The gateway to the NICE cluster.", _port],
        ["ill-port", None, 5023, "The gateway to ILL.", _port],
    ]
    optFlags = [
        ["hosts-only", None, "Start the hosts and no bastion."],
        ["json", None, "Say where everything is in one line of JSON."],
    ]


def makePassword(choose: Callable[[str], str] = secrets.choice) -> str:
    """
    A password that can be typed from one screen into another.
    """
    return "-".join("".join(choose(_LETTERS) for _ in range(4)) for _ in range(3))


class Site:
    """
    The hosts and the bastion.

    @ivar stopping: everything ends because it shall.
    """

    def __init__(
        self,
        reactor: Any,
        directory: LabDirectory,
        gateways: Gateways,
        environ: Mapping[str, str],
        command: Command | None,
    ) -> None:
        """
        @param command: None for hosts only.
        """
        self.stopping = False
        self._reactor = reactor
        self._directory = directory
        self._gateways = gateways
        self._environ = environ
        self._command = command
        self._password = makePassword()
        self._hosts: dict[str, Host] = {}
        self._child: Child | None = None

    async def start(self) -> None:
        """
        Start everything, up to the point where a user can log in.
        """
        if self._command is not None:
            await self._checkPorts()
        if self.stopping:
            return
        for name in HOSTS:
            shell = makeShell(name, self._directory.startupFile(name), self._environ)
            key = self._directory.hostKey(name)
            self._hosts[name] = Host(self._reactor, name, key, self._password, shell)
            self._hosts[name].start()
        self._directory.writeKnownHosts({host.port: host.key for host in self._hosts.values()})
        if self._command is not None:
            await self._startBastion(self._command(self._directory.configuration))

    async def stop(self) -> None:
        """
        End everything.
        """
        self.stopping = True
        if self._child is not None:
            await self._child.stop()
        await gatherResults([Deferred.fromCoroutine(host.stop()) for host in self._hosts.values()])
        self._directory.release()

    async def untilBroken(self) -> None:
        """
        Wait for as long as everything runs; fail when the bastion ends unasked.
        """
        if self._child is None:
            await Deferred()
        else:
            await self._child.whenEnded()
            raise self._child.failed()

    def announcement(self) -> Announcement:
        """
        What there is to tell.
        """
        return Announcement(
            directory=self._directory,
            password=self._password,
            hosts={name: host.port for name, host in self._hosts.items()},
            gateways=self._gateways if self._child is not None else None,
            here=Path.cwd(),
        )

    async def _checkPorts(self) -> None:
        """
        Make sure that whoever answers later is our bastion.
        """
        for name, port in (("esrf", self._gateways.esrf), ("ill", self._gateways.ill)):
            try:
                probe = self._reactor.listenTCP(port, Factory(), interface=LOOPBACK)
            except CannotListenError as error:
                raise LabError(
                    f"port {port} of {LOOPBACK} is not free ({error.socketError}):\n"
                    f"stop what uses it (another lab?), or choose another one with --{name}-port"
                ) from error
            await probe.stopListening()

    async def _startBastion(self, command: Sequence[str]) -> None:
        ports = {name: host.port for name, host in self._hosts.items()}
        self._directory.writeConfiguration(self._gateways, ports)
        self._child = Child(self._reactor, command, self._directory, self._environ)
        self._child.start()
        await self._child.untilAnswers([self._gateways.esrf, self._gateways.ill], _START_LIMIT)
        self._directory.writeClientKnownHosts(self._gateways)


def logTo(stream: TextIO) -> None:
    """
    Log what the lab itself says, and of the libraries only what goes wrong:
    Conch would log commands and packets, for our subclasses in our name.
    """
    wanted = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    wanted.setLogLevelForNamespace(LOG_NAMESPACE, LogLevel.info)
    observer = FilteringLogObserver(textFileLogObserver(stream), [wanted])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


async def run(
    reactor: Any,
    arguments: Sequence[str],
    out: TextIO,
    err: TextIO,
    command: Command = lambda path: bastionCommand(sys.executable, path),
    startLogging: Callable[[TextIO], None] = logTo,
) -> None:
    """
    Run the lab until a signal stops the reactor, or until the bastion ends.
    """
    options = Options()
    try:
        options.parseOptions(list(arguments))
        directory = LabDirectory(Path(options["directory"]))
        directory.prepare()
        log = directory.openLog(directory.hostsLog)
        startLogging(os.fdopen(log, "w", encoding="utf-8", buffering=1))
        gateways = Gateways(esrf=options["esrf-port"], ill=options["ill-port"])
        bastion = None if options["hosts-only"] else command
        site = Site(reactor, directory, gateways, os.environ, bastion)
        await _serve(reactor, site, out, bool(options["json"]))
    except (LabError, usage.UsageError) as error:
        err.write(f"lab: {str(error).rstrip()}\n")
        raise SystemExit(1) from error


async def _serve(reactor: Any, site: Site, out: TextIO, asJSON: bool) -> None:
    def stop() -> Deferred[None]:
        return Deferred.fromCoroutine(site.stop())

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    # Before that a signal would end the lab, and not stop it.
    running: Deferred[None] = Deferred()
    reactor.callWhenRunning(running.callback, None)
    await running
    try:
        await site.start()
        if not site.stopping:
            told = site.announcement()
            out.write(json.dumps(told.asValues()) + "\n" if asJSON else told.asText())
            out.flush()
            await site.untilBroken()
    except LabError:
        if not site.stopping:
            raise
