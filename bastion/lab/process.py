"""
The processes of a host, as programs of channels.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
from typing import Any

from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import EXTENDED_DATA_STDERR
from twisted.conch.ssh.session import SUPPORTED_SIGNALS
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from bastion.lab.channel import PacedChannel
from bastion.lab.terminal import Size, remaining, resize

#: The signals that a client may send, by the names of RFC 4254 section 6.9.
SIGNALS = {name: int(getattr(signal, f"SIG{name}")) for name in SUPPORTED_SIGNALS}
_NAMES = {number: name for name, number in SIGNALS.items()}


class Running:
    """
    The processes of a host, so that none outlives it.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._processes: set[ShellProcess] = set()
        self._stopped: Deferred[None] | None = None

    def add(self, process: ShellProcess) -> None:
        """
        A process has started.
        """
        self._processes.add(process)

    def remove(self, process: ShellProcess) -> None:
        """
        A process has ended.
        """
        self._processes.discard(process)
        if self._stopped is not None and not self._processes:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)

    def stop(self, grace: float) -> Deferred[None]:
        """
        Hang up on all of them, and kill those that are still there later.

        @param grace: how many seconds later.
        @return: fires when all have ended.
        """
        if not self._processes:
            return succeed(None)
        self._stopped = Deferred()
        killing = self._reactor.callLater(grace, self._signal, signal.SIGKILL)
        for process in list(self._processes):
            process.hangUp()

        def cbStopped(_: None) -> None:
            if killing.active():
                killing.cancel()

        return self._stopped.addCallback(cbStopped)

    def _signal(self, number: int) -> None:
        for process in list(self._processes):
            process.signal(number)


class ShellProcess(ProcessProtocol):
    """
    A process as the program of a channel.
    """

    transport: Any

    def __init__(self, channel: PacedChannel, running: Running, onTerminal: bool) -> None:
        self._channel = channel
        self._running = running
        self._onTerminal = onTerminal
        self._open = {1, 2}
        self._hungUp = False

    # From the process

    def connectionMade(self) -> None:
        """
        The process has started.
        """
        self._running.add(self)
        self.transport.registerProducer(self._channel, True)

    def outReceived(self, data: bytes) -> None:
        """
        Standard output, or both on a terminal.
        """
        self._channel.write(data)

    def errReceived(self, data: bytes) -> None:
        """
        Standard error.
        """
        self._channel.writeExtended(EXTENDED_DATA_STDERR, data)

    def outConnectionLost(self) -> None:
        """
        Standard output is closed.
        """
        self._closed(1)

    def errConnectionLost(self) -> None:
        """
        Standard error is closed.
        """
        self._closed(2)

    def processExited(self, reason: Failure) -> None:
        """
        The process has ended.  Its terminal ends with it, as with sshd, even
        when something in the background still holds it.
        """
        if self._onTerminal and self.transport.connected and not self._hungUp:
            for data in remaining(self.transport.fileno()):
                self._channel.write(data)
            # Its loseConnection would wait for input that nobody reads.
            self.transport.connectionLost(Failure(ConnectionDone()))

    def processEnded(self, reason: Failure) -> None:
        """
        The process has ended and all its output has been read.
        """
        self._running.remove(self)
        self._closed(1)
        self._closed(2)
        name, data = exitReport(reason.value)
        channel = self._channel
        channel.whenSent(lambda: channel.conn.sendRequest(channel, name, data))
        channel.loseConnection()

    def _closed(self, descriptor: int) -> None:
        """
        The two streams share the client's one EOF.
        """
        if descriptor in self._open:
            self._open.remove(descriptor)
            if not self._open:
                self._channel.sendEOF()

    # To the process: bastion.lab.channel.Program

    def write(self, data: bytes) -> None:
        """
        Write to its standard input.
        """
        self.transport.write(data)

    def endInput(self) -> None:
        """
        Close its standard input; a terminal has none to close, as with sshd.
        """
        # A registered producer would keep the pipe open.
        self.transport.unregisterProducer()
        self.transport.closeStdin()

    def endOutput(self) -> None:
        """
        Nobody takes the output any more: the program finds its pipe closed.
        """
        if not self._onTerminal:
            self.transport.closeStdout()

    def pauseProducing(self) -> None:
        """
        Stop reading its output.
        """
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Read its output again.
        """
        self.transport.resumeProducing()

    def hangUp(self) -> None:
        """
        The client is gone: so is the process, unless it takes care not to be.
        """
        if self._hungUp or self.transport.pid is None:
            return
        self._hungUp = True
        self.signal(signal.SIGHUP)
        self.signal(signal.SIGCONT)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def signal(self, number: int) -> None:
        """
        Send a signal to the process, and to its group when it leads one.
        """
        pid = self.transport.pid
        if pid is None:
            return
        # It may have ended, or belong to another user by now.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    def resize(self, size: Size) -> None:
        """
        Tell its terminal the new size.
        """
        if self._onTerminal and self.transport.connected:
            resize(self.transport.fileno(), size)


def exitReport(ending: Any) -> tuple[bytes, bytes]:
    """
    The channel request that tells how a process ended (RFC 4254 section 6.10).

    @param ending: Twisted's ProcessDone or ProcessTerminated.
    """
    if ending.signal is None:
        return b"exit-status", struct.pack(">L", ending.exitCode or 0)
    name = _NAMES.get(ending.signal, "SIG@openssh.com").encode("ascii")
    dumped = b"\1" if os.WCOREDUMP(ending.status) else b"\0"
    return b"exit-signal", NS(name) + dumped + NS(b"") + NS(b"")
