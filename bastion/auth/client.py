"""
The login toward the host (RFC 4252, 4256): its questions are handed outward
instead of being answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.conch.ssh.service import SSHService
from twisted.internet.defer import Deferred, fail

from bastion.auth.messages import (
    Banner,
    Failure,
    InfoResponse,
    Reply,
    Request,
    Success,
    parseDialogue,
)
from bastion.interfaces import HostAddress, HostUnavailable
from bastion.wire import (
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    Malformed,
)

#: What a host may say beside the dialogue, in bytes: nobody reads more, and a client that
#: does not read has it kept.
MAX_BANNERS = 256 * 1024
_BANNER_OVERHEAD = 128


class UserAuthClient(SSHService):
    """
    Asks one host to log an account in.

    @ivar host: the host.
    @ivar ready: fires with this service when the host has accepted it; fails
        with L{HostUnavailable} when that will not be.
    @ivar answered: whether it has said anything.
    @ivar lost: whether the connection to it is gone.
    @ivar onBanner: called with each L{Banner} of the host.
    """

    name = b"ssh-userauth"
    transport: Any

    def __init__(self, host: HostAddress) -> None:
        self.host = host
        self.ready: Deferred[UserAuthClient] = Deferred()
        self.onBanner: Callable[[Banner], None] = lambda banner: None
        self._method = b""
        self._bannerBytes = 0
        self._pending: Deferred[Reply] | None = None
        self.answered = False
        self.lost = False

    def serviceStarted(self) -> None:
        """
        The host is ready to be asked.
        """
        self.ready.callback(self)

    def serviceStopped(self) -> None:
        """
        The host is gone, or another service has taken over.
        """
        self.lost = True
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.errback(self._gone())

    def _gone(self) -> HostUnavailable:
        return HostUnavailable(f"{self.host} closed the connection during the login")

    def request(self, request: Request) -> Deferred[Reply]:
        """
        Ask for a login; a dialogue that is under way is given up by that.

        @return: the host's reply.  Fails with L{HostUnavailable}.
        """
        self._method = request.method
        return self._send(MSG_USERAUTH_REQUEST, request.pack())

    def answer(self, response: InfoResponse) -> Deferred[Reply]:
        """
        Answer the questions that were the last reply.

        @return: the host's next reply.  Fails with L{HostUnavailable}.
        """
        return self._send(MSG_USERAUTH_INFO_RESPONSE, response.pack())

    def _send(self, number: int, payload: bytes) -> Deferred[Reply]:
        if self.lost:
            return fail(self._gone())
        assert self._pending is None, "one request at a time"
        self._pending = Deferred()
        self.transport.sendPacket(number, payload)
        return self._pending

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """
        Take a message of the host.

        @raise Malformed: when it is not its turn.
        """
        self.answered = True
        if messageNum == MSG_USERAUTH_BANNER:
            self._bannerBytes += len(packet) + _BANNER_OVERHEAD
            if self._bannerBytes > MAX_BANNERS:
                raise Malformed("banners without an end")
            self.onBanner(Banner.parse(packet))
            return
        reply = self._parse(messageNum, packet)
        if self._pending is None:
            raise Malformed(f"message {messageNum} that nobody has asked for")
        pending, self._pending = self._pending, None
        pending.callback(reply)

    def _parse(self, messageNum: int, packet: bytes) -> Reply:
        if messageNum == MSG_USERAUTH_SUCCESS:
            return Success()
        if messageNum == MSG_USERAUTH_FAILURE:
            return Failure.parse(packet)
        if messageNum == MSG_USERAUTH_INFO_REQUEST:
            return parseDialogue(self._method, packet)
        raise Malformed(f"message {messageNum} during login")
