"""
The file server of a host: SFTP version 3 as the program of a channel.
"""

from __future__ import annotations

import errno
import struct

from twisted.conch.ssh.filetransfer import FX_FAILURE, FileTransferServer, SFTPError
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from bastion.lab.channel import PacedChannel
from bastion.lab.files import MAX_PACKET, Files


class FileTransfer(FileTransferServer):
    """
    The SFTP protocol as the program of a channel.

    While the channel waits, no request is served: answers are much larger
    than requests, so a client that only asks could fill the memory.
    """

    def __init__(self, channel: PacedChannel, files: Files) -> None:
        super().__init__(avatar=files)
        self._channel = channel
        self._pending = bytearray()
        self._paused = False
        self._inputEnded = False
        self.makeConnection(channel)

    def write(self, data: bytes) -> None:
        """
        Take requests, whole or in part.
        """
        self._pending += data
        self._serve()

    def endInput(self) -> None:
        """
        Answer what was asked and end as sftp-server does.
        """
        self._inputEnded = True
        self._serve()

    def pauseProducing(self) -> None:
        """
        Serve nothing for the moment, and let the window shrink.
        """
        self._paused = True
        self._channel.pauseProducing()

    def resumeProducing(self) -> None:
        """
        Serve what was asked meanwhile.
        """
        self._paused = False
        self._serve()
        if not self._paused:
            self._channel.resumeProducing()

    def hangUp(self) -> None:
        """
        Close what the client left open.
        """
        self._pending.clear()
        self.connectionLost(Failure(ConnectionDone()))

    def _serve(self) -> None:
        while not self._paused and (packet := self._nextPacket()):
            self.dataReceived(packet)
        if self._inputEnded and not self._paused:
            self._end(0)

    def _nextPacket(self) -> bytes:
        """
        Take a whole packet off the input.

        @return: the packet, empty when there is none.
        """
        if len(self._pending) < 4:
            return b""
        end = 4 + struct.unpack(">L", self._pending[:4])[0]
        if end > MAX_PACKET:
            self._pending.clear()
            self._end(1)
        packet = bytes(self._pending[:end]) if len(self._pending) >= end else b""
        del self._pending[: len(packet)]
        return packet

    def _end(self, status: int) -> None:
        channel = self._channel
        if not channel.closing:
            data = struct.pack(">L", status)
            channel.sendEOF()
            channel.whenSent(lambda: channel.conn.sendRequest(channel, b"exit-status", data))
            channel.loseConnection()

    def _ebStatus(self, reason: Failure, requestId: bytes, msg: bytes = b"request failed") -> None:
        """
        Tell the client which error it was; Conch does so for two and logs the
        others with a traceback.
        """
        error = reason.value
        if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EACCES):
            reason = Failure(SFTPError(FX_FAILURE, error.strerror or "failure"))
        super()._ebStatus(reason, requestId, msg)
