"""
The bastion as a child process.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from bastion.lab.directory import LabDirectory, LabError
from bastion.lab.host import LOOPBACK

_RETRY = 0.05
_TAIL_LINES = 20


def bastionCommand(executable: str, configuration: Path) -> list[str]:
    """
    The command line that serves the bastion in the foreground.

    @param executable: the Python interpreter; twistd is beside it.
    """
    twistd = str(Path(executable).parent / "twistd")
    return [twistd, "-n", "--pidfile=", "bastion", "--config", str(configuration)]


class Child(ProcessProtocol):
    """
    A program that serves some ports of loopback, with its output in a log.

    @ivar outcome: how it ended, in words; None before.
    """

    def __init__(
        self,
        reactor: Any,
        command: Sequence[str],
        directory: LabDirectory,
        environ: Mapping[str, str],
        grace: float = 5.0,
    ) -> None:
        """
        @param grace: seconds that it has, at the end, to end itself.
        """
        self.outcome: str | None = None
        self._reactor = reactor
        self._command = command
        self._directory = directory
        self._environ = environ
        self._grace = grace
        self._waiting: list[Deferred[str]] = []

    def start(self) -> None:
        """
        Start the program.
        """
        if not os.access(self._command[0], os.X_OK):
            raise LabError(f"{self._command[0]}: there is no such program")
        log = self._directory.openLog(self._directory.bastionLog)
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            self._reactor.spawnProcess(
                self,
                self._command[0],
                self._command,
                env=dict(self._environ),
                childFDs={0: nothing, 1: log, 2: log},
            )
        finally:
            os.close(nothing)
            os.close(log)

    def processEnded(self, reason: Failure) -> None:
        """
        The program has ended.
        """
        ending: Any = reason.value
        if ending.signal is not None:
            self.outcome = f"was ended by {signal.Signals(ending.signal).name}"
        else:
            self.outcome = f"ended with exit status {ending.exitCode or 0}"
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self.outcome)

    def whenEnded(self) -> Deferred[str]:
        """
        Wait for the end.

        @return: how it ended.
        """
        if self.outcome is not None:
            return succeed(self.outcome)
        deferred: Deferred[str] = Deferred()
        self._waiting.append(deferred)
        return deferred

    async def untilAnswers(self, ports: Sequence[int], limit: float) -> None:
        """
        Wait until the program accepts connections.

        @param limit: how many seconds it may take.
        """
        latest = self._reactor.seconds() + limit
        for port in ports:
            while not await self._answers(port):
                if self.outcome is not None:
                    raise self.failed()
                if self._reactor.seconds() > latest:
                    raise LabError(
                        f"port {port} did not answer in {limit:g} seconds\n{self.tail()}"
                    )
                await deferLater(self._reactor, _RETRY)

    def stop(self) -> Deferred[str]:
        """
        Ask the program to end, and end it when it does not.
        """
        ended = self.whenEnded()
        if self.outcome is None and self.transport is not None:
            self.transport.signalProcess("TERM")
            killing = self._reactor.callLater(self._grace, self.transport.signalProcess, "KILL")

            def cbEnded(outcome: str) -> str:
                if killing.active():
                    killing.cancel()
                return outcome

            ended.addCallback(cbEnded)
        return ended if self.transport is not None else succeed("never started")

    def failed(self) -> LabError:
        """
        What to tell when it has ended unasked.
        """
        return LabError(f"the bastion {self.outcome}\n{self.tail()}")

    def tail(self) -> str:
        """
        The end of its log.
        """
        path = self._directory.bastionLog
        text = path.read_text("utf-8", errors="replace")
        text = "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
        lines = "".join(f"  {line}\n" for line in text.splitlines()[-_TAIL_LINES:])
        return f"{path} ends so:\n{lines}"

    async def _answers(self, port: int) -> bool:
        endpoint = TCP4ClientEndpoint(self._reactor, LOOPBACK, port, timeout=5)
        try:
            connected: Any = await endpoint.connect(Factory.forProtocol(Protocol))
        except ConnectError:
            return False
        connected.transport.loseConnection()
        return True
