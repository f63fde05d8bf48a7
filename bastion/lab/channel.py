"""
A channel that waits for its peer, in both directions.

Conch's own channel has three faults that a host must not have: EOF and close
overtake data that waits for the window (and OpenSSH drops what comes after
EOF); what waits is kept without limit while the program goes on writing; and
the window towards us is opened again before anybody took the data.

Here everything that goes out stands in one queue, data, EOF, exit status and
close alike, so that nothing can overtake.  While the queue is not empty the
program is paused; so the queue holds what the program had already written and
no more.  In the other direction the window is left to shrink while the program
does not take its input; so no more than one window waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.conch.ssh.channel import SSHChannel
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

WINDOW = 2 * 1024 * 1024
MAX_PACKET = 32 * 1024

Outgoing = tuple[int | None, memoryview] | Callable[[], object]


class Program(Protocol):
    """
    What runs at the far end of a channel.
    """

    def write(self, data: bytes) -> None:
        """
        Take input from the client.
        """

    def endInput(self) -> None:
        """
        The client will send no more; called at most once.
        """

    def pauseProducing(self) -> None:
        """
        Write nothing to the channel until told to resume.
        """

    def resumeProducing(self) -> None:
        """
        Write to the channel again.
        """

    def hangUp(self) -> None:
        """
        The channel is gone; called at most once, perhaps after the end.
        """


@implementer(IPushProducer)
class PacedChannel(SSHChannel):
    """
    A channel with one ordered queue; to the program's input it is a producer.

    @ivar inputHeld: the program does not take its input at the moment, so the
        window is not opened again.
    """

    conn: Any

    def __init__(self, remoteWindow: int, remoteMaxPacket: int, **keywords: Any) -> None:
        super().__init__(
            localWindow=WINDOW,
            localMaxPacket=MAX_PACKET,
            remoteWindow=remoteWindow,
            remoteMaxPacket=remoteMaxPacket,
            **keywords,
        )
        self.program: Program | None = None
        self.inputHeld = True
        self._early: list[bytes] = []
        self._inputEnded = False
        self._outgoing: deque[Outgoing] = deque()
        self._programPaused = False

    def attach(self, program: Program) -> None:
        """
        Connect the program, and hand it what the client sent before it existed.
        """
        self.program = program
        self.inputHeld = False
        for data in self._early:
            program.write(data)
        self._early.clear()
        if self._inputEnded:
            program.endInput()
        self.conn.reopenWindow(self)
        self._pace()

    # From the program to the client

    def write(self, data: bytes) -> None:
        """
        Send data in its turn.
        """
        self._enqueue(None, data)

    def writeExtended(self, dataType: int, data: bytes) -> None:
        """
        Send data of another type, standard error for instance, in its turn.
        """
        self._enqueue(dataType, data)

    def whenSent(self, action: Callable[[], object]) -> None:
        """
        Do something when everything written until now has been sent.
        """
        self._outgoing.append(action)
        self.send()

    def sendEOF(self) -> None:
        """
        Tell the client, in its turn, that no more data comes.
        """
        self.whenSent(lambda: self.conn.sendEOF(self))

    def loseConnection(self) -> None:
        """
        Close the channel, in its turn.
        """
        if not self.closing:
            self.closing = 1
            self.whenSent(lambda: self.conn.sendClose(self))

    def addWindowBytes(self, data: int) -> None:
        """
        The client takes more.

        @param data: how many bytes more; the name is Conch's.
        """
        self.remoteWindowLeft += data
        self.send()

    def send(self) -> None:
        """
        Send what the window and the transport allow.
        """
        while self._outgoing and not self.localClosed:
            first = self._outgoing[0]
            if callable(first):
                self._outgoing.popleft()
                first()
            elif not self._sendSome(*first):
                break
        self._pace()

    def _enqueue(self, dataType: int | None, data: bytes) -> None:
        if data and not self.closing and not self.localClosed:
            self._outgoing.append((dataType, memoryview(data)))
            self.send()

    def _sendSome(self, dataType: int | None, data: memoryview) -> bool:
        size = min(len(data), self.remoteWindowLeft, self.remoteMaxPacket)
        if size <= 0 or self.conn.transport.held:
            return False
        self.remoteWindowLeft -= size
        if size == len(data):
            self._outgoing.popleft()
        else:
            self._outgoing[0] = (dataType, data[size:])
        if dataType is None:
            self.conn.sendData(self, bytes(data[:size]))
        else:
            self.conn.sendExtendedData(self, dataType, bytes(data[:size]))
        return True

    def _pace(self) -> None:
        waiting = bool(self._outgoing)
        if self.program is None or self.localClosed or waiting == self._programPaused:
            return
        self._programPaused = waiting
        if waiting:
            self.program.pauseProducing()
        else:
            self.program.resumeProducing()

    # From the client to the program

    def dataReceived(self, data: bytes) -> None:
        """
        Give the program its input, or keep it (one window at most) until there
        is a program.
        """
        if self.program is None:
            self._early.append(data)
        else:
            self.program.write(data)

    def extReceived(self, dataType: int, data: bytes) -> None:
        """
        Drop it: no program takes two kinds of input.
        """

    def eofReceived(self) -> None:
        """
        The client will send no more.
        """
        if not self._inputEnded:
            self._inputEnded = True
            if self.program is not None:
                self.program.endInput()

    def closeReceived(self) -> None:
        """
        The client takes no more: what waits is for nobody.
        """
        self._outgoing.clear()
        self.closing = 1
        self.conn.sendClose(self)

    def closed(self) -> None:
        """
        Both ends have closed, or the connection is lost.
        """
        self._outgoing.clear()
        self._early.clear()
        program, self.program = self.program, None
        if program is not None:
            program.hangUp()

    def pauseProducing(self) -> None:
        """
        The program's input is full.
        """
        self.inputHeld = True

    def resumeProducing(self) -> None:
        """
        The program takes input again.
        """
        self.inputHeld = False
        self.conn.reopenWindow(self)

    def stopProducing(self) -> None:
        """
        The program has closed its input: let the rest come and be dropped, or
        a client that writes first and reads later would wait for ever.
        """
        self.resumeProducing()
