"""
asyncssh as a client that keeps everything a host says during a login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncssh
from attrs import define, field

from harness.clients import LIMIT
from harness.routes import Route

T = TypeVar("T")


@define
class Answers:
    """
    What the person at the client knows.

    @ivar rounds: the answers to each keyboard-interactive request in turn; with
        none left, the method is given up.
    @ivar passwords: for the C{password} method, in turn.
    @ivar changes: old and new passwords, when a change is asked for.
    """

    rounds: Sequence[Sequence[str]] = ()
    passwords: Sequence[str] = ()
    changes: Sequence[tuple[str, str]] = ()


@define
class Dialogue:
    """
    A login as the client saw it.

    @ivar events: banners, questions and verdicts in their order.
    @ivar failure: the kind of error, or an empty text.
    @ivar output: what the command printed when the login succeeded.
    """

    events: list[tuple[Any, ...]] = field(factory=list)
    failure: str = ""
    output: str = ""


class Recorder(asyncssh.SSHClient):
    """
    Answers what it is asked, and writes it down.
    """

    def __init__(self, answers: Answers, dialogue: Dialogue) -> None:
        self._rounds = list(answers.rounds)
        self._passwords = list(answers.passwords)
        self._changes = list(answers.changes)
        self._events = dialogue.events

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self._events.append(("banner", msg, lang))

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._rounds else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Any
    ) -> Sequence[str] | None:
        self._events.append(("asked", name, instructions, lang, [tuple(p) for p in prompts]))
        if not prompts:
            return []
        return self._rounds.pop(0) if self._rounds else None

    def password_auth_requested(self) -> str | None:
        if not self._passwords:
            return None
        self._events.append(("password",))
        return self._passwords.pop(0)

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        self._events.append(("change", prompt, lang))
        return self._changes.pop(0) if self._changes else NotImplemented

    def password_changed(self) -> None:
        self._events.append(("changed",))

    def password_change_failed(self) -> None:
        self._events.append(("not changed",))

    def auth_completed(self) -> None:
        self._events.append(("in",))


def perform(work: Callable[[], Awaitable[T]], limit: float = LIMIT) -> T:
    """
    Run a coroutine to its end.
    """

    async def limited() -> T:
        return await asyncio.wait_for(work(), limit)

    return asyncio.run(limited())


def connect(route: Route, **more: Any) -> Any:
    """
    An asyncssh connection that takes nothing from the machine's settings.
    """
    settings: dict[str, Any] = {
        "username": route.account,
        "password": route.password,
        "known_hosts": str(route.knownHosts()),
        "config": None,
        "client_keys": None,
        "agent_path": None,
        "login_timeout": LIMIT,
        **more,
    }
    return asyncssh.connect(route.address, route.port, **settings)


def login(route: Route, answers: Answers, methods: str = "", command: str = "hello") -> Dialogue:
    """
    Log in, run a command, and tell what was seen.

    @param methods: the methods that this client speaks, in its order.
    """
    dialogue = Dialogue()
    more = {"preferred_auth": methods} if methods else {}

    async def work() -> None:
        try:
            async with connect(
                route, password=None, client_factory=lambda: Recorder(answers, dialogue), **more
            ) as connection:
                done = await connection.run(command)
                dialogue.output = str(done.stdout).strip()
        except (asyncssh.Error, OSError) as error:
            dialogue.failure = type(error).__name__

    perform(work)
    return dialogue
