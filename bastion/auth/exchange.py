"""
One client's login, carried to one host: prompt for prompt, verdict for verdict.

What the client sees is the host's: the questions, their order and words, the
number of rounds, the methods that are left.  What is ours is the choice of the
host, and that choice is final as soon as anything of the host's was asked or any
secret was sent: a password is shown to one host only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred

from bastion.auth.client import UserAuthClient
from bastion.auth.door import Door, Secrets
from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    NONE,
    PASSWORD,
    Banner,
    ChangeRequest,
    Failure,
    InfoRequest,
    InfoResponse,
    Password,
    Prompt,
    Reply,
    Request,
    Success,
)
from bastion.auth.methods import Way, offer, way
from bastion.auth.outcome import Accepted, LoginImpossible, LoginRefused, PasswordExpired
from bastion.interfaces import HostUnavailable, NoHostAvailable

_PASSWORD_PROMPT = InfoRequest(b"", b"", b"", (Prompt(b"Password: ", False),))
_NEW_PASSWORD_PROMPTS = (
    Prompt(b"New password: ", False),
    Prompt(b"Retype new password: ", False),
)
_MORE_THAN_A_PASSWORD = (
    b"The host asks for more than a password.\r\n"
    b"Please switch on keyboard-interactive authentication in your program.\r\n"
)


class Client(Protocol):
    """
    The client as the exchange sees it.
    """

    def ask(self, question: InfoRequest) -> Deferred[InfoResponse]:
        """
        Put questions to the user.  Can be cancelled.
        """

    def show(self, banner: Banner) -> None:
        """
        Show a text to the user.
        """


class Exchange:
    """
    The login of one connection, over all its attempts.
    """

    def __init__(
        self, reach: Callable[[bytes], Deferred[UserAuthClient]], client: Client, door: Door
    ) -> None:
        """
        @param reach: connects to the next host for an account; each call gives
            another one.  Fails with L{NoHostAvailable}, or L{LoginImpossible}.
        """
        self._reach = reach
        self._client = client
        self._door = door
        self._secrets = Secrets()
        self._host: UserAuthClient | None = None
        self._methods: tuple[bytes, ...] | None = None
        self._used: bytes | None = None
        self._partial = False
        self._final = False
        self._question: Deferred[InfoResponse] | None = None
        self._trying = False

    async def attempt(self, request: Request) -> Accepted:
        """
        Try one request of the client's.

        @raise LoginRefused: the host said no, or not yet.
        @raise PasswordExpired: the host wants another password.
        @raise LoginImpossible: there is no host, or it went away.
        """
        self._trying = True
        try:
            await self._door.mayTry()
            accepted = await self._accepted(request)
            notice = await self._door.mayEnter()
            if notice is not None:
                self._client.show(Banner(notice.encode() + b"\r\n"))
            return accepted
        except LoginRefused as refused:
            if self._secrets and not refused.partial:
                refused.digest = self._door.digest(self._secrets)
            raise
        finally:
            self._secrets.clear()
            self._trying = False

    async def _accepted(self, request: Request) -> Accepted:
        """
        Ask one host after the other, until one has been shown something.
        """
        try:
            while True:
                try:
                    host = await self._reached(request.account)
                    return await self._ask(host, request)
                except HostUnavailable as problem:
                    self._host = self._methods = None
                    if self._final:
                        raise LoginImpossible(str(problem)) from None
        except NoHostAvailable as problem:
            raise LoginImpossible(str(problem)) from None

    @property
    def final(self) -> bool:
        """
        Whether the login stays with its host: it has asked, or was sent, something.
        """
        return self._final

    def hostLost(self, host: UserAuthClient) -> bool:
        """
        The connection to C{host} is gone.

        @return: whether the login can go on all the same, or an attempt takes
            care of it.
        """
        if host is not self._host:
            return True
        if self._question is not None:
            self._question.cancel()
        if not self._trying and not self._final:
            self._host = self._methods = None
            return True
        return self._trying

    async def _reached(self, account: bytes) -> UserAuthClient:
        if self._host is None:
            host = await self._reach(account)
            host.onBanner = self._client.show
            self._host = host
        return self._host

    async def _ask(self, host: UserAuthClient, request: Request) -> Accepted:
        """
        Find the way that the request takes, and take it.
        """
        if request.method == NONE:
            return self._concluded(host, NONE, await host.request(request))
        if self._methods is None:
            first = Request(request.account, request.service, NONE)
            reply = await host.request(first)
            if isinstance(reply, Success):
                return Accepted(host, NONE)
            self._heard(reply)
        assert self._methods is not None
        chosen = way(request.method, self._methods, request.changesPassword)
        if chosen is Way.NONE:
            raise LoginRefused(self._offer(self._used), False)
        self._used = request.method
        if chosen is Way.UNCHANGED:
            return self._concluded(host, request.method, await self._unchanged(host, request))
        if chosen is Way.PASSWORD_AS_DIALOGUE:
            reply = await self._passwordAsDialogue(host, request)
            return self._concluded(host, KEYBOARD_INTERACTIVE, reply)
        return self._concluded(host, PASSWORD, await self._dialogueAsPassword(host, request))

    def _heard(self, reply: Reply) -> bool:
        """
        Remember what the host can continue with.

        @return: whether the attempt was a partial success.
        """
        assert isinstance(reply, Failure), "a host's answer to `none` is yes or no"
        self._methods = reply.methods
        self._partial = self._partial or reply.partial
        return reply.partial

    def _offer(self, used: bytes | None) -> tuple[bytes, ...]:
        assert self._methods is not None, "the host has answered"
        return offer(self._methods, used, self._partial)

    def _concluded(self, host: UserAuthClient, method: bytes, reply: Reply) -> Accepted:
        """
        Make the host's verdict on its C{method} ours.
        """
        if isinstance(reply, Success):
            return Accepted(host, method)
        if isinstance(reply, ChangeRequest):
            raise PasswordExpired(reply)
        partial = self._heard(reply)
        raise LoginRefused(self._offer(self._used), partial)

    async def _unchanged(self, host: UserAuthClient, request: Request) -> Reply:
        """
        Repeat the request; carry questions and answers.
        """
        if request.method == PASSWORD:
            self._final = True
            self._secrets.append(Password.parse(request.fields).password)
        reply = await host.request(request)
        while isinstance(reply, InfoRequest):
            reply = await host.answer(await self._questioned(reply))
        return reply

    async def _questioned(self, question: InfoRequest) -> InfoResponse:
        """
        Ask the user; the host is final from here on.
        """
        self._final = True
        self._question = self._client.ask(question)
        try:
            response = await self._question
            self._secrets += response.answers
            return response
        except CancelledError:
            if self._host is not None and self._host.lost:
                raise HostUnavailable(f"{self._host.host} closed the connection") from None
            raise
        finally:
            self._question = None

    async def _passwordAsDialogue(self, host: UserAuthClient, request: Request) -> Reply:
        """
        The client has sent a password, the host asks questions: answer the one
        hidden prompt with it.
        """
        password: bytes | None = Password.parse(request.fields).password
        reply = await host.request(
            Request(request.account, request.service, KEYBOARD_INTERACTIVE, ANY_DIALOGUE)
        )
        while isinstance(reply, InfoRequest):
            if not reply.prompts:
                self._showInstead(reply)
                reply = await host.answer(InfoResponse(()))
            elif len(reply.prompts) == 1 and not reply.prompts[0].echo and password is not None:
                self._final = True
                answer, password = password, None
                self._secrets.append(answer)
                reply = await host.answer(InfoResponse((answer,)))
            else:
                self._client.show(Banner(_MORE_THAN_A_PASSWORD))
                raise LoginRefused(self._offer(None), False)
        return reply

    def _showInstead(self, information: InfoRequest) -> None:
        """
        Information without questions, for a client that knows no dialogue.
        """
        text = b"\r\n".join(filter(None, (information.name, information.instruction)))
        if text:
            self._client.show(Banner(text + b"\r\n", information.language))

    async def _dialogueAsPassword(self, host: UserAuthClient, request: Request) -> Reply:
        """
        The client expects questions, the host takes a password: ask for it.
        """
        (old,) = await self._answers(_PASSWORD_PROMPT)
        reply = await self._sendPassword(host, request, Password(old))
        while isinstance(reply, ChangeRequest):
            question = InfoRequest(b"", reply.prompt, reply.language, _NEW_PASSWORD_PROMPTS)
            new, again = await self._answers(question)
            if new == again:
                reply = await self._sendPassword(host, request, Password(old, new))
            else:
                reply = ChangeRequest(b"The two passwords differ.", b"")
        return reply

    async def _answers(self, question: InfoRequest) -> tuple[bytes, ...]:
        """
        Ask questions of our own: the number of answers is right.
        """
        answers = (await self._questioned(question)).answers
        if len(answers) != len(question.prompts):
            raise LoginRefused(self._offer(self._used), False)
        return answers

    async def _sendPassword(
        self, host: UserAuthClient, request: Request, password: Password
    ) -> Reply:
        fields = password.pack()
        return await host.request(Request(request.account, request.service, PASSWORD, fields))
