"""
What an attempt comes to.
"""

from __future__ import annotations

from attrs import frozen
from twisted.cred.error import UnauthorizedLogin

from bastion.auth.client import UserAuthClient
from bastion.auth.messages import ChangeRequest


class LoginRefused(UnauthorizedLogin):
    """
    The host has refused this attempt; others may follow.

    @ivar methods: what the client may try next.
    @ivar partial: whether the attempt was right, but is not enough.
    @ivar digest: of the secrets that were wrong (L{bastion.auth.door.Door.digest}); L{None}
        if there were none.
    """

    def __init__(self, methods: tuple[bytes, ...], partial: bool) -> None:
        super().__init__("refused by the host")
        self.methods = methods
        self.partial = partial
        self.digest: bytes | None = None


class PasswordExpired(UnauthorizedLogin):
    """
    The host wants a new password (SSH_MSG_USERAUTH_PASSWD_CHANGEREQ).

    @ivar request: its question.
    """

    def __init__(self, request: ChangeRequest) -> None:
        super().__init__("the password has expired")
        self.request = request


class LoginImpossible(UnauthorizedLogin):
    """
    This connection cannot log in, whatever the client tries.  The text is for
    its user.
    """


@frozen
class Accepted:
    """
    The host has accepted the login.

    @ivar host: the service through which it did.
    @ivar method: the method that it accepted last.
    """

    host: UserAuthClient
    method: bytes
