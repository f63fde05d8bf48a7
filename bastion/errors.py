"""
The exceptions that the roles of L{bastion.interfaces} may raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bastion.interfaces import HostAddress


class BastionError(Exception):
    """
    The parent of the errors that a role may raise.
    """


class HostUnavailable(BastionError):
    """
    No upstream connection to this host: it did not answer, answered nonsense,
    or its key is not the known one.  The text says which, for the log.
    """


class HostUnhealthy(HostUnavailable):
    """
    A check found a host that would not take a login.  The text says why.
    """


class HostKeyRefused(HostUnavailable):
    """
    A host offered a key that is not one of its known keys, or a revoked one.

    @ivar host: the host as configured.
    @ivar offered: the fingerprint of what it offered.
    @ivar known: the fingerprints of its known keys, without the revoked ones.
    @ivar key: what it offered, as it came.
    """

    def __init__(
        self, text: str, host: HostAddress, offered: str, known: tuple[str, ...], key: bytes
    ) -> None:
        super().__init__(text)
        self.host = host
        self.offered = offered
        self.known = known
        self.key = key


class NoHostAvailable(BastionError):
    """
    No host is left to be tried, or no time.  The text says which, for the log.
    """


class AdmissionRefused(BastionError):
    """
    This client may not come in.  The text is shown to its user.

    @ivar lasting: whether it would be refused again if it came back at once.
    """

    def __init__(self, text: str, lasting: bool = True) -> None:
        super().__init__(text)
        self.lasting = lasting
