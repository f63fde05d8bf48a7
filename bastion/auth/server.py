"""
The login toward the client (RFC 4252, 4256).

One request at a time: the host takes its time to answer, and what came in
between would otherwise be judged under the wrong name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from attrs import evolve
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh.service import SSHService
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure

from bastion.auth.checkers import HostUser, RelayedLogin
from bastion.auth.client import UserAuthClient
from bastion.auth.door import Door
from bastion.auth.exchange import Exchange
from bastion.auth.messages import (
    NONE,
    PASSWORD,
    Banner,
    Failure,
    InfoRequest,
    InfoResponse,
    Password,
    Request,
)
from bastion.auth.outcome import LoginImpossible, LoginRefused, PasswordExpired
from bastion.wire import (
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_PASSWD_CHANGEREQ,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
    Malformed,
)

#: Requests that may wait behind the one that the host is deciding on (RFC 4252
#: section 5.1 lets a client send them without waiting).
MAX_WAITING = 8


class LoginOwner(Protocol):
    """
    Who is told how a login goes.
    """

    def accountKnown(self, login: bytes) -> bytes:
        """
        The client has said who logs in; called once, before anything else.

        @return: the account, as the hosts know it.
        """

    def attemptRefused(self, method: bytes, reason: str, digest: bytes | None) -> None:
        """
        The host has refused an attempt, C{none} aside.

        @param digest: of the secrets that were wrong, if there were any.
        """

    def loginAccepted(self, user: HostUser, logout: Callable[[], None]) -> None:
        """
        The login is done; SSH_MSG_USERAUTH_SUCCESS has been sent.
        """

    def loginForfeited(self, sentence: str) -> None:
        """
        The connection must end, for what the client has done.

        @param sentence: for the user.
        """

    def loginImpossible(self, sentence: str) -> None:
        """
        The connection must end, for no fault of the client's.

        @param sentence: for the user.
        """


class UserAuthServer(SSHService):
    """
    Takes one client's login requests.
    """

    name = b"ssh-userauth"
    transport: Any
    _log = Logger()

    def __init__(
        self,
        portal: Portal,
        reach: Callable[[bytes], Deferred[UserAuthClient]],
        owner: LoginOwner,
        door: Door,
        maxTries: int,
    ) -> None:
        """
        @param reach: see L{Exchange}.
        @param maxTries: the number of refused attempts that ends the connection.
        """
        self.exchange = Exchange(reach, self, door)
        self._portal = portal
        self._owner = owner
        self._triesLeft = maxTries
        self._unanswered = True
        self._first: Request | None = None
        self._account = b""
        self._waiting: deque[Request] = deque()
        self._attempt: Deferred[Any] | None = None
        self._question: Deferred[InfoResponse] | None = None
        self._methods: tuple[bytes, ...] = ()

    def serviceStopped(self) -> None:
        """
        The client is gone, or logged in.
        """
        self.stop()

    def stop(self) -> None:
        """
        Give up what is under way.
        """
        self._waiting.clear()
        if self._attempt is not None:
            attempt, self._attempt = self._attempt, None
            attempt.cancel()

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        """
        Take a message of the client.

        @raise Malformed: when it is none of a login, or not its turn.
        """
        if messageNum == MSG_USERAUTH_REQUEST:
            self._requested(Request.parse(packet))
        elif messageNum == MSG_USERAUTH_INFO_RESPONSE:
            self._answered(InfoResponse.parse(packet))
        else:
            raise Malformed(f"message {messageNum} during login")

    def _send(self, number: int, payload: bytes) -> None:
        self.transport.sendPacket(number, payload)

    # Requests

    def _requested(self, request: Request) -> None:
        """
        Start the attempt, or let it wait.
        """
        if request.method == PASSWORD:
            Password.parse(request.fields)
        if self._first is None:
            self._first = Request(request.account, request.service, NONE)
            if request.service != b"ssh-connection":
                self._owner.loginForfeited("This server offers ssh-connection only.")
                return
            self._account = self._owner.accountKnown(request.account)
        elif (request.account, request.service) != (self._first.account, self._first.service):
            self._owner.loginForfeited("The account name must not change within a connection.")
            return
        if self._attempt is not None and self._question is not None:
            # RFC 4252 section 5.1: aborts the dialogue, without a failure.
            self._attempt.cancel()
        if self._attempt is None:
            self._try(request)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(request)
        else:
            raise Malformed("too many login requests at once")

    def _try(self, request: Request) -> None:
        if request.account != self._account:
            # The client has named the host beside the account.
            request = evolve(request, account=self._account)
        credentials = RelayedLogin(request, self.exchange)
        attempt: Deferred[Any] = self._portal.login(credentials, None, IConchUser)
        self._attempt = attempt
        attempt.addCallback(self._cbAccepted)
        attempt.addErrback(self._ebRefused, request.method)
        attempt.addErrback(self._ebUnexpected)

    def _cbAccepted(self, login: tuple[Any, HostUser, Callable[[], None]]) -> None:
        self._attempt = None
        self._waiting.clear()
        self._send(MSG_USERAUTH_SUCCESS, b"")
        self._owner.loginAccepted(login[1], login[2])

    def _ebRefused(self, failure: TwistedFailure, method: bytes) -> None:
        """
        Tell the client what the host has said, and go on.
        """
        problem: Any = failure.value
        # What C{trap} does, which compares the names of all classes.
        if not isinstance(problem, (UnauthorizedLogin, CancelledError)):
            failure.raiseException()
        if self._attempt is None:
            return
        self._attempt = None
        if isinstance(problem, LoginImpossible):
            self._owner.loginImpossible(str(problem))
            return
        partial = isinstance(problem, LoginRefused) and problem.partial
        # The first C{none} only asks for the methods.
        isQuestion = method == NONE and self._unanswered
        self._unanswered = False
        if not partial and not isQuestion and not self._counted(problem, method):
            return
        if isinstance(problem, LoginRefused):
            self._methods = problem.methods
        if isinstance(problem, PasswordExpired):
            self._send(MSG_USERAUTH_PASSWD_CHANGEREQ, problem.request.pack())
        elif not isinstance(problem, CancelledError):
            self._send(MSG_USERAUTH_FAILURE, Failure(self._methods, partial).pack())
        if self._waiting:
            self._try(self._waiting.popleft())

    def _counted(self, problem: Exception, method: bytes) -> bool:
        """
        Count an attempt that did not succeed.

        @return: whether the client may go on.
        """
        if isinstance(problem, PasswordExpired):
            return True
        if not isinstance(problem, CancelledError):
            digest = problem.digest if isinstance(problem, LoginRefused) else None
            self._owner.attemptRefused(method, str(problem), digest)
        self._triesLeft -= 1
        if self._triesLeft > 0:
            return True
        self._owner.loginForfeited("Too many authentication failures.")
        return False

    def _ebUnexpected(self, failure: TwistedFailure) -> None:
        self._attempt = None
        self._log.failure("a login failed for a reason of ours", failure)
        self._owner.loginImpossible("The login failed for a reason inside the gateway.")

    # The client as the exchange sees it

    def ask(self, question: InfoRequest) -> Deferred[InfoResponse]:
        """
        Put the host's questions to the user.
        """
        if self._waiting:
            # The next request is here already, and gives the dialogue up.
            return fail(CancelledError())
        self._question = Deferred(self._cancelQuestion)
        self._send(MSG_USERAUTH_INFO_REQUEST, question.pack())
        return self._question

    def _cancelQuestion(self, question: Deferred[InfoResponse]) -> None:
        self._question = None

    def _answered(self, response: InfoResponse) -> None:
        if self._question is None:
            raise Malformed("answers that nobody has asked for")
        question, self._question = self._question, None
        question.callback(response)

    def show(self, banner: Banner) -> None:
        """
        Show a text to the user.
        """
        self._send(MSG_USERAUTH_BANNER, banner.pack())
