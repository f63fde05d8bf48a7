"""
A login without a network: a program that logs in, hosts that decide, and the
bastion's two services between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import LogEvent, globalLogPublisher

from bastion.auth.checkers import HostUser, hostPortal
from bastion.auth.client import UserAuthClient
from bastion.auth.messages import (
    ANY_DIALOGUE,
    KEYBOARD_INTERACTIVE,
    NONE,
    Banner,
    Failure,
    InfoResponse,
    Password,
    Prompt,
    Request,
    Success,
    parseDialogue,
)
from bastion.auth.messages import InfoRequest as Question
from bastion.auth.server import UserAuthServer
from bastion.interfaces import HostAddress, NoHostAvailable
from bastion.testing.doors import OpenDoor
from bastion.wire import (
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)


class Wire:
    """
    What a service has for a transport: it keeps what is sent.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []

    def sendPacket(self, messageNum: int, payload: bytes) -> None:
        """
        Keep a message.
        """
        self.sent.append((messageNum, payload))

    def taken(self) -> list[tuple[int, bytes]]:
        """
        What was sent since the last call.
        """
        taken, self.sent = self.sent, []
        return taken


class Host:
    """
    A host: hears requests and answers, says what the test wants.

    @ivar service: the bastion's service that talks to it.
    """

    def __init__(self, name: str) -> None:
        self.address = HostAddress(name)
        self.service = UserAuthClient(self.address)
        self.wire = Wire()
        transport: Any = self.wire
        self.service.transport = transport

    def hears(self) -> list[Request | InfoResponse]:
        """
        What it was sent since the last call.
        """
        return [
            Request.parse(payload)
            if number == MSG_USERAUTH_REQUEST
            else InfoResponse.parse(payload)
            for number, payload in self.wire.taken()
        ]

    def says(self, number: int, payload: bytes = b"") -> None:
        """
        Send a message.
        """
        self.service.packetReceived(number, payload)

    def offers(self, *methods: bytes, partial: bool = False) -> None:
        """
        Fail, and say what can continue.
        """
        self.says(MSG_USERAUTH_FAILURE, Failure(methods, partial).pack())

    def accepts(self) -> None:
        """
        Let the user in.
        """
        self.says(MSG_USERAUTH_SUCCESS)

    def asks(
        self, *prompts: tuple[bytes, bool], name: bytes = b"", instruction: bytes = b""
    ) -> None:
        """
        Ask questions, each with whether its answer may be seen.
        """
        questions = tuple(Prompt(text, echo) for text, echo in prompts)
        self.says(MSG_USERAUTH_INFO_REQUEST, Question(name, instruction, b"", questions).pack())

    def dies(self) -> None:
        """
        Close the connection.
        """
        self.service.serviceStopped()


class Program:
    """
    A client program.

    @ivar service: the bastion's service that talks to it; set by the stage.
    """

    service: UserAuthServer

    def __init__(self) -> None:
        self.wire = Wire()
        self._method = NONE

    def requests(
        self,
        method: bytes,
        fields: bytes = b"",
        account: bytes = b"johnson",
        service: bytes = b"ssh-connection",
    ) -> None:
        """
        Ask to be logged in.
        """
        self._method = method
        request = Request(account, service, method, fields)
        self.service.packetReceived(MSG_USERAUTH_REQUEST, request.pack())

    def dialogue(self) -> None:
        """
        Ask for keyboard-interactive.
        """
        self.requests(KEYBOARD_INTERACTIVE, ANY_DIALOGUE)

    def password(self, password: bytes, new: bytes | None = None) -> None:
        """
        Send a password.
        """
        self.requests(b"password", Password(password, new).pack())

    def answers(self, *answers: bytes) -> None:
        """
        Answer the questions.
        """
        self.service.packetReceived(MSG_USERAUTH_INFO_RESPONSE, InfoResponse(answers).pack())

    def hears(self) -> list[Any]:
        """
        What it was sent since the last call, as values.
        """
        return [self._parsed(number, payload) for number, payload in self.wire.taken()]

    def _parsed(self, number: int, payload: bytes) -> Any:
        parsers: dict[int, Callable[[bytes], Any]] = {
            MSG_USERAUTH_FAILURE: Failure.parse,
            MSG_USERAUTH_SUCCESS: lambda payload: Success(),
            MSG_USERAUTH_BANNER: Banner.parse,
            MSG_USERAUTH_INFO_REQUEST: lambda payload: parseDialogue(self._method, payload),
        }
        return parsers[number](payload)


class Stage:
    """
    A program, two hosts, and the bastion's login between them.

    @ivar hosts: in the order in which they are reached.
    @ivar told: what the owner of the login was told, in order.
    @ivar user: who has logged in.
    """

    def __init__(self, maxTries: int = 6) -> None:
        self.program = Program()
        self.hosts = [Host("nice1"), Host("nice2")]
        self.nice1, self.nice2 = self.hosts
        self.told: list[Any] = []
        self.digests: list[bytes | None] = []
        self.user: HostUser | None = None
        self._next = iter(self.hosts)
        self.door = OpenDoor()
        self.service = UserAuthServer(hostPortal(), self.reach, self, self.door, maxTries)
        transport: Any = self.program.wire
        self.service.transport = transport
        self.program.service = self.service

    def reach(self, account: bytes) -> Deferred[UserAuthClient]:
        """
        Connect to the next host.
        """
        self.told.append(("reach", account))
        host = next(self._next, None)
        if host is None:
            return fail(NoHostAvailable("no host answered"))
        return succeed(host.service)

    def loses(self, host: Host) -> bool:
        """
        The connection to C{host} is gone.

        @return: whether the login has taken care of it.
        """
        host.dies()
        return self.service.exchange.hostLost(host.service)

    def begun(self, *methods: bytes) -> Stage:
        """
        The state after the first C{none}, to which nice1 has replied.
        """
        self.program.requests(NONE)
        self.nice1.offers(*methods)
        self.nice1.hears()
        self.program.hears()
        self.told.clear()
        return self

    # bastion.auth.server.LoginOwner

    def accountKnown(self, login: bytes) -> bytes:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.told.append(("account", login))
        return login

    def attemptRefused(self, method: bytes, reason: str, digest: bytes | None) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.told.append(("refused", method))
        self.digests.append(digest)

    def loginAccepted(self, user: HostUser, logout: Callable[[], None]) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.user = user
        self.told.append(("accepted", user.accepted.host.host.name, user.accepted.method))

    def loginForfeited(self, sentence: str) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.told.append(("forfeited", sentence))

    def loginImpossible(self, sentence: str) -> None:
        """
        See L{bastion.auth.server.LoginOwner}.
        """
        self.told.append(("impossible", sentence))


@pytest.fixture
def stage() -> Stage:
    """
    A login that has not begun.
    """
    return Stage()


@pytest.fixture
def stageOf() -> Callable[[int], Stage]:
    """
    Makes a login with another limit of tries.
    """
    return Stage


@pytest.fixture
def hostOf() -> Callable[[str], Host]:
    """
    Makes a host.
    """
    return Host


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[LogEvent]]:
    """
    What was logged, at all levels.  A traceback fails the test, unless it takes
    the event away.
    """
    events: list[LogEvent] = []
    observer = events.append
    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)
    assert [event for event in events if "log_failure" in event] == []
