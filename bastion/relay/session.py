"""
The session adapter: judges every open and request of one connection, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.logger import Logger

from bastion.interfaces import ALLOW, ChannelRequest, Login, Verdict
from bastion.relay.grants import Grants
from bastion.wire import Malformed, Reader, shown

#: A host offers its other keys after the login, and proves them by signatures that
#: are bound to its own connection with the bastion: to the client, whose connection
#: ends at the bastion, they are wrong (OpenSSH PROTOCOL 2.5).
HOST_KEYS = frozenset({b"hostkeys-00@openssh.com", b"hostkeys-prove-00@openssh.com"})


class SessionAdapter:
    """
    The policies of a gateway, applied to one login.
    """

    _log = Logger()

    def __init__(self, policies: Sequence[Any], login: Login) -> None:
        """
        @param policies: L{bastion.interfaces.ISessionPolicy}s; the first one that
            refuses decides.
        """
        self.login = login
        self._policies = policies
        self._grants = Grants()

    @property
    def judges(self) -> bool:
        """
        Whether there is a policy, which may refuse something.
        """
        return bool(self._policies)

    def judge(self, request: ChannelRequest) -> Verdict:
        """
        Decide whether C{request} may pass.

        @raise Malformed: when it is not what its name says.
        """
        if request.kind == "open" and not request.fromClient:
            granted = self._grants.verdict(request)
            if not granted.allowed:
                return granted
        for policy in self._policies:
            verdict = self._asked(policy, request)
            if not verdict.allowed:
                return verdict
        return self._grants.note(request) if request.fromClient else ALLOW

    def _asked(self, policy: Any, request: ChannelRequest) -> Verdict:
        """
        One policy's verdict; a policy that fails refuses.

        @raise Malformed: when the request is not what its name says.
        """
        try:
            verdict = policy.decide(request, self.login)
            if not isinstance(verdict, Verdict):
                raise TypeError(f"{type(policy).__name__} answered with no Verdict")
        except Malformed:
            raise
        except Exception:
            self._log.failure("a session policy failed; the request is refused")
            return Verdict("the gateway could not decide")
        return verdict

    def answered(self, request: ChannelRequest, reply: bytes | None) -> None:
        """
        A global request that was passed on has been answered.

        @param reply: the data of the success; L{None} for a failure.
        """
        if request.fromClient:
            self._grants.answered(request, reply)


def target(type: bytes, data: bytes) -> str:
    """
    What a channel of this type leads to, for the log: C{host:port} or a path;
    empty for channels that lead nowhere else.

    @raise Malformed: when the data are not what the type says.
    """
    reader = Reader(data)
    if type in (b"direct-tcpip", b"forwarded-tcpip"):
        return f"{shown(reader.string())}:{reader.uint32()}"
    if type in (b"direct-streamlocal@openssh.com", b"forwarded-streamlocal@openssh.com"):
        return shown(reader.string())
    return ""
