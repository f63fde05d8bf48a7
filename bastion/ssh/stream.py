"""
Between the packets and the TCP connection.

What every connection of the process does one after the other, it does in the
same two buffers: bytes are received into one and packets are sealed into the
other, which is sent when a turn of reading is over.  So a turn costs two system
calls, and bulk data is copied by nobody but the kernel and the ciphers.

Twisted's public interface hands over new C{bytes} for each read, and collects
what is written until the next turn.  L{DirectStream} reads and writes the socket
itself where Twisted's TCP transport is what we know it to be; L{Stream} uses the
public interface, for every other transport.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet import main, tcp

from bastion.ssh.ciphers import Plain
from bastion.ssh.pace import LARGE, READ, READ_BULK, Pace, Process
from bastion.ssh.packets import MAX_PACKET, Outgoing
from bastion.ssh.tcp import acknowledgeAtOnce

#: What a cipher may write behind a packet.
_SLACK = 64

#: An incomplete packet is put before what is read next.
_received = memoryview(bytearray(MAX_PACKET + _SLACK + READ_BULK))

Take = Callable[[memoryview], int]

_process = Process()


class _InClear:
    """
    Seals bytes that are no packet: they are sent as they are.
    """

    beside = 0

    @staticmethod
    def seal(data: Plain, packet: memoryview) -> None:
        """
        See L{bastion.ssh.packets.Outgoing}.
        """
        packet[: len(data)] = data


class _Outbox:
    """
    The packets that were sealed in this turn, all for one stream.  C{with} it begins a
    turn: what is sent meanwhile may wait for its end.

    @ivar turns: how many turns are going on, one within the other.
    """

    def __init__(self) -> None:
        self._view = memoryview(bytearray(2 * (MAX_PACKET + READ_BULK)))
        self._filled = 0
        self._owner: Stream | None = None
        self.turns = 0

    def __enter__(self) -> None:
        self.turns += 1

    def __exit__(self, *error: object) -> None:
        self.turns -= 1
        if not self.turns:
            self.flush()

    def seal(self, stream: Stream, sealer: Outgoing | type[_InClear], plain: Plain) -> None:
        """
        Write a packet of C{stream}'s; it is sent when this turn is over, at once if there
        is none.
        """
        size = len(plain) + sealer.beside
        room, start = self._view, self._filled
        if start and (self._owner is not stream or start + size + _SLACK > len(room)):
            self.flush()
            start = 0
        self._owner = stream
        sealer.seal(plain, room[start:] if start else room)
        self._filled = start + size
        if not self.turns:
            self.flush()

    def flushOf(self, stream: Stream) -> None:
        """
        Send what of C{stream}'s is waiting.
        """
        if self._owner is stream:
            self.flush()

    def flush(self) -> None:
        """
        Send what is waiting.
        """
        owner, size = self._owner, self._filled
        self._owner = None
        self._filled = 0
        if owner is not None and size:
            # Who is told meanwhile that a socket is full stops reading, and sends nothing:
            # it would be sealed over what is on its way.
            owner.transmit(self._view[:size])


#: Everybody's.  C{with outbox:} sends together what is written to one stream meanwhile.
outbox = _Outbox()


class Stream:
    """
    Reads and writes by the public interface of a Twisted transport.

    @ivar take: given the bytes that have arrived and are not taken yet; it returns how many
        it has taken.  The rest is given again with more behind it.  The bytes are not to be
        kept.
    @ivar acknowledged: how many of the next reads are acknowledged at once, by what is sent
        meanwhile if there is anything.
    @ivar wanted: with less than so many bytes there is nothing to be taken.
    @ivar bulk: whether what was taken last came in few packets for its size, or the next
        one is a long one; who takes says so.
    @ivar heardAt: when something arrived last.
    """

    def __init__(self, transport: Any, take: Take, seconds: Callable[[], float]) -> None:
        """
        @param seconds: tells the time.
        """
        self.acknowledged = 0
        self.wanted = 1
        self.bulk = False
        self.heardAt = seconds()
        self._seconds = seconds
        self._transport = transport
        self._socket: Any = transport.getHandle() if hasattr(transport, "getHandle") else None
        self.take = take
        self._rest = bytearray()
        self._answered = False

    def received(self, data: bytes) -> None:
        """
        Bytes have arrived (C{dataReceived}).
        """
        for start in range(0, len(data), READ_BULK):
            piece = data[start : start + READ_BULK]
            kept = len(self._rest)
            end = kept + len(piece)
            _received[kept:end] = piece
            self._arrived(kept, end)

    def _arrived(self, kept: int, end: int) -> None:
        """
        Have the bytes taken that are in the buffer.

        @param kept: the place for so many bytes, the rest of the last time, is before them.
        """
        self._answered = False
        if end < self.wanted:
            # Copied only when the packet is complete: a peer that sends byte by
            # byte does not make us copy its packet for each of them.
            self._rest += _received[kept:end]
        else:
            if kept:
                _received[:kept] = self._rest
                self._rest = bytearray()
            taken = self.take(_received[:end])
            if taken < end:
                self._rest = bytearray(_received[taken:end])
        # Not before: somebody may wait for what was taken.
        self.heardAt = self._seconds()
        if self.acknowledged:
            self.acknowledged -= 1
            if not self._answered:
                acknowledgeAtOnce(self._socket)

    def write(self, data: bytes) -> None:
        """
        Send bytes that are no packet.
        """
        outbox.seal(self, _InClear, data)

    def flush(self) -> None:
        """
        Send what is waiting for the turn to end.
        """
        outbox.flushOf(self)

    def transmit(self, view: memoryview) -> None:
        """
        Hand bytes to the transport.
        """
        self._answered = True
        self._transport.write(bytes(view))

    def gone(self) -> None:
        """
        The connection is gone.
        """
        self._rest = bytearray()
        self.acknowledged = 0


class DirectStream(Stream):
    """
    Reads and writes the socket of Twisted's TCP transport.

    Every private name of Twisted's that the bastion depends on, beside Conch's, is in
    this class or in L{bastion.ssh.polling}.
    """

    def __init__(self, transport: Any, take: Take, seconds: Callable[[], float]) -> None:
        super().__init__(transport, take, seconds)
        self._pace = Pace(_process)
        # Whether Twisted may have something that it has not sent.  Nobody else writes.
        self._unsent = True
        # What the reactor calls when there is something to read.
        transport.doRead = self._doRead

    @staticmethod
    def suits(transport: Any) -> bool:
        """
        Whether a transport is one whose insides we know.
        """
        return (
            isinstance(transport, tcp.Connection)
            and type(transport).doRead is tcp.Connection.doRead
            and not getattr(transport, "TLS", False)
            and hasattr(transport, "dataBuffer")
            and hasattr(transport, "_tempDataBuffer")
            and hasattr(transport, "offset")
        )

    def gone(self) -> None:
        """
        See L{Stream}.
        """
        super().gone()
        # Not left to the garbage collector: it is a circle.
        self._transport.__dict__.pop("doRead", None)

    def _doRead(self) -> Exception | None:
        """
        See L{twisted.internet.interfaces.IReadDescriptor}.
        """
        kept = len(self._rest)
        asked = self._pace.most(self._seconds()) if self.bulk else READ
        try:
            size = self._socket.recv_into(_received[kept:] if kept else _received, asked)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not size:
            return main.CONNECTION_DONE
        self._arrived(kept, kept + size)
        if not self.acknowledged:
            # Else it is a login, which nobody types.
            self._pace.read(size, self.heardAt)
        if size >= LARGE:
            # Where the processors are busy, a process that always finds more to read keeps
            # one for as long as the kernel lets it, and who types waits, at both ends too.
            os.sched_yield()
        return None

    def transmit(self, view: memoryview) -> None:
        """
        Send bytes now; what the socket does not take is left to Twisted.
        """
        self._answered = True
        size, sent = len(view), 0
        if self._unsent:
            transport = self._transport
            waiting = transport._tempDataBuffer or len(transport.dataBuffer) > transport.offset
            self._unsent = bool(waiting)
        if not self._unsent:
            try:
                sent = self._socket.send(view)
            except OSError:  # Full, broken or closed: Twisted finds out by itself.
                pass
        if sent < size:
            self._unsent = True
            self._transport.write(bytes(view[sent:]))
        if size >= LARGE:
            # Not when it was heard last: who only takes may be silent for long.
            self._pace.sent(size, self._seconds())


def streamOf(transport: Any, take: Take, seconds: Callable[[], float]) -> Stream:
    """
    The stream that fits a transport.
    """
    kind = DirectStream if DirectStream.suits(transport) else Stream
    return kind(transport, take, seconds)
