"""
Host keys that an operator has accepted while the bastion runs.

The bastion may not be able to write the operator's known_hosts file, and need not: what
was accepted is in a file of its own, in the same format.  An accepted key takes the
place of the operator's keys of its format for that host, for the old one may be in the
wrong hands.  That ends when the operator's file has the accepted key itself: from then
on that file decides alone, and the accepted one is forgotten.  What either file revokes
is never accepted, and an accepted key that was revoked later takes no one's place.
"""

from __future__ import annotations

import base64
import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from twisted.logger import Logger

from bastion.interfaces import BastionError, HostAddress
from bastion.ssh.knownhosts import FileKind, KnownHosts, KnownHostsFile, regularFile
from bastion.ssh.knownlines import KeyLine, lookupName
from bastion.ssh.publickeys import blobFormat, fingerprint
from bastion.wholefile import replace
from bastion.wire import Malformed

#: The bastion's own.
ACCEPTED_HOSTS = FileKind(
    "accepted_hosts",
    lambda path: (
        f"make it a file of the bastion's user: chown {os.geteuid()} {shlex.quote(str(path))}; "
        "or move it away, and no key is accepted but those in known_hosts"
    ),
    optional=True,
)
_TITLE = b"# Host keys that were accepted; each counts until known_hosts has it too.\n"


class KeyNotAccepted(BastionError):
    """
    A key cannot be accepted.  The text says where, why and what to do.
    """


class AcceptedKeys:
    """
    The file of the accepted keys.  It may change while the bastion runs, and need not
    exist; without a line for a host, nothing was accepted from it.

    There is at most one key of a format for a host, so that the file cannot grow beyond
    what the configuration has.
    """

    _log = Logger()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = KnownHostsFile(path, ACCEPTED_HOSTS)
        self._kept: KnownHosts | None = None

    def current(self) -> KnownHosts:
        """
        What the file says now.

        @raise KnownHostsError: when there is one, and it could never be read.
        """
        return self._file.current()

    def put(self, host: HostAddress, blob: bytes, now: float) -> None:
        """
        Let this be the only accepted key of its format for the host.  If it is that
        already, nothing is written.

        @param blob: a whole public key.
        @param now: seconds since 1970.
        @raise KeyNotAccepted: when the file cannot be written; it is as it was then.
        """
        keyFormat = blobFormat(blob)
        if [line.blob for line in _accepted(self.current(), host, keyFormat)] == [blob]:
            return
        time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = (lookupName(host), keyFormat, base64.b64encode(blob), b"accepted", time.encode())
        self._rewrite(host, keyFormat, b" ".join(fields) + b"\n")

    def remove(self, host: HostAddress, keyFormat: bytes) -> None:
        """
        Forget the accepted keys of a format for the host.

        @raise KeyNotAccepted: as L{put}.
        """
        if _accepted(self.current(), host, keyFormat):
            self._rewrite(host, keyFormat, b"")

    def settle(self, host: HostAddress, keyFormat: bytes) -> None:
        """
        Forget them because the operator's file has the accepted one.  If they cannot be
        taken out of the file, the log is told once: it is no reason to refuse a host.
        """
        current = self.current()
        if current is self._kept:
            return
        try:
            self.remove(host, keyFormat)
        except KeyNotAccepted as error:
            self._kept = current
            self._log.error("{problem}; known_hosts counts all the same", problem=str(error))
        else:
            self._log.info(
                "the accepted key of {host} is in known_hosts now, and no longer in {path}",
                host=str(host),
                path=str(self.path),
            )

    def _rewrite(self, host: HostAddress, keyFormat: bytes, more: bytes) -> None:
        """
        Leave out the accepted keys of this format for the host, and add a line.  What
        one line says of several hosts, which only people write, goes for all of them.
        """
        try:
            text = self._text()
            out = {line.number for line in _accepted(KnownHosts.parse(text), host, keyFormat)}
            lines = text.removesuffix(b"\n").split(b"\n")
            kept = [line for number, line in enumerate(lines, 1) if number not in out]
            replace(self.path, b"".join(line + b"\n" for line in kept) + more)
        except OSError as error:
            raise KeyNotAccepted(
                f"{self.path}: cannot be written ({error.strerror}); "
                f"let the bastion's user write to {self.path.parent}"
            ) from error
        # This holds from now on, even if it can never be read again.
        self.current()

    def _text(self) -> bytes:
        try:
            with regularFile(self.path) as file:
                return file.read() or _TITLE
        except FileNotFoundError:
            return _TITLE


def _accepted(known: KnownHosts, host: HostAddress, keyFormat: bytes) -> list[KeyLine]:
    return [line for line in known.about(host) if line.format == keyFormat and not line.revoked]


@frozen
class KnownKeys:
    """
    What is known of one host's keys, from both files (L{bastion.ssh.client.HostKeys}).

    All methods raise L{bastion.ssh.knownhosts.KnownHostsError} while a file that is
    needed could never be read.

    @ivar operators: the operator's file.
    @ivar accepted: what was accepted since.
    """

    operators: KnownHostsFile
    accepted: AcceptedKeys
    host: HostAddress

    def formats(self) -> frozenset[bytes]:
        """
        The formats of the known keys.
        """
        return self._known().formats(self.host)

    def fingerprints(self) -> tuple[str, ...]:
        """
        The known keys, for people.
        """
        return self._known().fingerprints(self.host)

    def verify(self, blob: bytes) -> None:
        """
        @raise bastion.interfaces.HostKeyRefused: unless the key is a known one.
        """
        self._known().verify(self.host, blob)

    def accept(self, blob: bytes, now: float) -> None:
        """
        Let a key be the only one of its format for the host.  If it is that already,
        nothing changes.

        @param now: seconds since 1970.
        @raise KeyNotAccepted: when it is no key that can be used, or is revoked, or the
            file cannot be written.
        """
        try:
            keyFormat = blobFormat(blob)
        except Malformed as error:
            raise KeyNotAccepted(
                f"{self.host}: what it offered is no key that can be used ({error}); give the "
                "host another key"
            ) from None
        theirs = self.operators.current().about(self.host)
        for line in (*theirs, *self.accepted.current().about(self.host)):
            if line.revoked and line.blob == blob:
                raise self._revoked(line)
        if any(line.blob == blob for line in theirs):
            self.accepted.remove(self.host, keyFormat)
        else:
            self.accepted.put(self.host, blob, now)

    def _revoked(self, line: KeyLine) -> KeyNotAccepted:
        path = self.accepted.path if line.file == ACCEPTED_HOSTS.name else self.operators.path
        return KeyNotAccepted(
            f"{path}: line {line.number} revokes the key that {self.host} offered, "
            f"{line.format.decode('ascii')} {fingerprint(line.blob)}; give the host another key"
        )

    def _known(self) -> KnownHosts:
        """
        The lines of both files that count for the host.
        """
        operators, accepted = self.operators.current(), self.accepted.current()
        theirs, ours = operators.about(self.host), accepted.about(self.host)
        if not ours:
            return operators
        revoking = [line for line in (*theirs, *ours) if line.revoked]
        revoked = {line.blob for line in revoking}
        listed = {line.blob: line for line in theirs if line.blob not in revoked}
        ours = tuple(line for line in ours if line.blob not in revoked)
        settled = {line.format for line in ours if line.blob in listed}
        for keyFormat in settled:
            self.accepted.settle(self.host, keyFormat)
        counting = [line for line in ours if line.format not in settled]
        formats = {line.format for line in counting}
        kept = [line for line in listed.values() if line.format not in formats]
        replaced = [line for line in listed.values() if line.format in formats]
        return KnownHosts([*kept, *counting, *revoking], replaced=replaced)
