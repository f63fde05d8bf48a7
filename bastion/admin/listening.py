"""
The control socket: where it is, and who may use it.

The socket's file is its owner's alone from the first moment: its mode is set before it
has a name.  Whoever connects is asked for again, by the credentials that the kernel
knows (SO_PEERCRED of unix(7)): a file's mode can be changed, and a directory be copied.

Of two bastions with one C{state_dir} only one may have the socket, and one that has died
must not keep it.  The one that holds the lock on the file beside it is alive; the kernel
takes the lock from a process that ends, however it ends.  That file stays: to remove it
would let a third process lock another file of the same name.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocolFactory, ITransport
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure

from bastion.admin.whereabouts import SOCKET
from bastion.interfaces import BastionError

#: The lock, in the C{state_dir}.
LOCK = "control.lock"

#: Of a socket's path, in bytes (unix(7)); the last one is the end.
LONGEST_PATH = 107

_OWNER_ONLY = 0o600
#: The process, the user and the group of a peer.
_CREDENTIALS = struct.Struct("iII")


class ControlUnusable(BastionError):
    """
    There can be no control socket.  The text says which and why.
    """


@define(eq=False)
class Listening:
    """
    A control socket that is open.

    @ivar path: where it is.
    """

    path: Path
    _port: unix.Port
    _factory: OwnersOnly
    _lock: int

    def close(self) -> Deferred[None]:
        """
        Close it, and every connection to it.

        @return: fires when another process may have it.
        """
        closing: Deferred[Any] = maybeDeferred(self._port.stopListening)
        for protocol in list(self._factory.protocols):
            protocol.transport.abortConnection()
        return closing.addBoth(self._unlock)

    def _unlock(self, result: Any) -> Any:
        os.close(self._lock)
        return result


def listen(directory: Path, lock: int, factory: IProtocolFactory, reactor: Any) -> Listening:
    """
    Open the control socket of a C{state_dir}.

    @param lock: what L{locked} has given; it is closed with the socket.
    @param factory: of what is spoken on it.
    @raise ControlUnusable: when there can be none; the lock is given back.
    """
    path = directory / SOCKET
    try:
        _removeStale(path)
        owners = OwnersOnly(factory)
        port = _Port(os.fsencode(path), owners, mode=_OWNER_ONLY, reactor=reactor)
        port.startListening()
    except (OSError, CannotListenError) as error:
        os.close(lock)
        why = error.socketError if isinstance(error, CannotListenError) else error
        raise ControlUnusable(f"{path} cannot be made: {why.strerror}") from None
    except ControlUnusable:
        os.close(lock)
        raise
    return Listening(path, port, owners, lock)


def locked(directory: Path) -> int:
    """
    See that no other bastion works in a C{state_dir}.

    @return: a descriptor that holds the lock until it is closed.
    @raise ControlUnusable: when another one does, or no socket can be there.
    """
    if len(os.fsencode(directory / SOCKET)) > LONGEST_PATH:
        raise ControlUnusable(
            f"{directory / SOCKET} has more than the {LONGEST_PATH} bytes that the path of a "
            "socket may have; choose a shorter bastion.state_dir"
        )
    path = directory / LOCK
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(path, flags, _OWNER_ONLY)
    except OSError as error:
        raise ControlUnusable(f"{path} cannot be made: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise ControlUnusable(
            f"{path} is locked by another bastion, process {process}; stop it first, or give "
            "this one a bastion.state_dir of its own"
        ) from None
    os.truncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _removeStale(path: Path) -> None:
    """
    Remove the socket of a process that has ended.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise ControlUnusable(f"{path} is not a socket; move it away")
        os.unlink(path)


class _Port(unix.Port):
    """
    A UNIX socket that nobody else can connect to at any moment.
    """

    def createInternetSocket(self) -> socket.socket:
        """
        See L{tcp.Port}.  Linux gives the file the mode that the socket has.
        """
        made: socket.socket = super().createInternetSocket()
        os.fchmod(made.fileno(), _OWNER_ONLY)
        return made

    def connectionLost(self, reason: Failure) -> None:
        """
        See L{unix.Port}, which would not end if somebody has removed the file.
        """
        Path(os.fsdecode(self.getHost().name)).unlink(missing_ok=True)
        tcp.Port.connectionLost(self, reason)


class _Owned(ProtocolWrapper):
    """
    A connection of the owner's, or of nobody.

    @ivar user: the id of whose it is, once it has begun.
    """

    user: int

    _log = Logger()

    def makeConnection(self, transport: Any) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol}.
        """
        user = userOf(transport)
        if user in (0, os.geteuid()):
            self.user = user
            super().makeConnection(transport)
            return
        self._log.warn("the user {user} may not use the control socket", user=user)
        transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        See L{twisted.internet.interfaces.IProtocol}.
        """
        # What was turned away has never begun.
        if self.connected:
            super().connectionLost(reason)


class OwnersOnly(WrappingFactory):
    """
    Lets the user of this process and root in, and nobody else.

    @ivar protocols: the connections that are there.
    """

    noisy = False
    protocol = _Owned


def userOf(transport: ITransport) -> int:
    """
    The user at the other end of a UNIX socket, when it connected.
    """
    connection: socket.socket = transport.socket  # type: ignore[attr-defined]
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(told)[1]
    return user
