"""
L{bastion.gateway.lifecycle}: logins of accounts that may come in at some gateways, at some
times.

What time it is where the bastion is counts; the clock of the tests begins at the beginning
of 1970, wherever that is on the wall.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from bastion.auth.messages import NONE, PASSWORD, Banner, Password
from bastion.config.installed import installed
from bastion.config.load import load
from bastion.gateway.accounts import Accounts
from bastion.wire import (
    DISCONNECT_BY_APPLICATION,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_SUCCESS,
)

CONFIGURATION = """
[bastion]
accounts_file = "accounts.toml"
[gateway.esrf]
listen = "tcp:5022"
notice = "No."
[gateway.ill]
listen = "tcp:5023"
notice = "No."
"""
HERE = '[account.johnson]\ngateways = ["esrf"]\n'
ELSEWHERE = '[account."john*"]\ngateways = ["ill"]\n'
NOT_HERE = "The account johnson cannot log in here."


def wall(seconds: float) -> str:
    """
    What the clock on the wall says at a time of the tests' clock.
    """
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


class Calendar:
    """
    A site in memory whose accounts are in a file.
    """

    def __init__(self, memory: Any, directory: Path, text: str) -> None:
        self.memory = memory
        self._path = directory / "accounts.toml"
        self._written = 0
        self.write(text)
        accounts = Accounts(load(CONFIGURATION, directory, installed), memory.clock)
        accounts.open()
        memory.factory.doors = evolve(memory.doors, accounts=accounts.current)

    def write(self, text: str) -> None:
        """
        Change the file.
        """
        self._written += 1
        self._path.write_text(text)
        os.utime(self._path, (self._written, self._written))

    def tries(self, account: bytes = b"johnson", client: Any = None) -> Any:
        """
        A client tries a password, which a host takes if it sees it.
        """
        client = client or self.memory.connects()
        client.requests(NONE, account=account)
        if "lost" not in client.fate:
            self.memory.host().offers(PASSWORD)
            client.requests(PASSWORD, Password(b"right").pack(), account=account)
        if "lost" not in client.fate:
            self.memory.host().accepts()
        return client


@pytest.fixture
def calendarOf(memoryOf: Callable[..., Any], tmp_path: Path) -> Callable[..., Calendar]:
    """
    Makes sites in memory with such a file.
    """
    return lambda text: Calendar(memoryOf(), tmp_path, text)


def banners(heard: list[tuple[int, bytes]]) -> list[bytes]:
    """
    The texts that a client was shown.
    """
    return [Banner.parse(text).message for number, text in heard if number == MSG_USERAUTH_BANNER]


def isTold(client: Any, sentence: str) -> None:
    """
    See that a client was refused with a sentence, on both ways to its user.
    """
    (fate, lost) = client.fate
    assert fate[:2] == ("disconnected", DISCONNECT_BY_APPLICATION)
    assert fate[2].startswith(f"{sentence} (reference ".encode())
    assert lost == "lost"
    heard = client.hears()
    assert banners(heard)[0].startswith(sentence.encode())
    assert MSG_USERAUTH_SUCCESS not in [number for number, _ in heard]


def isIn(client: Any) -> bool:
    """
    Whether a client has logged in, as far as it has heard since the last call.
    """
    return MSG_USERAUTH_SUCCESS in [number for number, _ in client.hears()]


def test_accountThatMayLogInDoes(calendarOf: Callable[..., Calendar]) -> None:
    client = calendarOf(HERE).tries()

    numbers = [number for number, _ in client.hears()]
    assert numbers == [MSG_USERAUTH_FAILURE, MSG_USERAUTH_SUCCESS]


@pytest.mark.parametrize(
    ("closed", "sentence"),
    [
        ("", f"The account johnson closed on {wall(-60)}."),
        (
            'closed = "The experiment is over; ask your contact."\n',
            "The experiment is over; ask your contact.",
        ),
    ],
)
def test_closedAccountIsToldSoAndAsksNoHost(
    calendarOf: Callable[..., Calendar], closed: str, sentence: str
) -> None:
    calendar = calendarOf(f'[account.johnson]\nuntil = "{wall(-60)}"\n{closed}')
    client = calendar.tries()

    isTold(client, sentence)
    # What was made ready while keys were exchanged has not heard of any account.
    assert all(host.hears() == [] for host in calendar.memory.hosts["nice1"])


def test_accountOfAnotherGatewayIsToldSo(calendarOf: Callable[..., Calendar]) -> None:
    calendar = calendarOf(ELSEWHERE)

    isTold(calendar.tries(), NOT_HERE)
    assert isIn(calendar.tries(b"smith"))


def test_accountThatIsNotOpenYetIsToldWhen(calendarOf: Callable[..., Calendar]) -> None:
    calendar = calendarOf(f'[account.johnson]\nfrom = "{wall(120)}"\n')

    isTold(calendar.tries(), f"The account johnson opens on {wall(120)}.")
    calendar.memory.network.advance(121)
    assert isIn(calendar.tries())


def test_hoursAreThoseOfTheWall(calendarOf: Callable[..., Calendar]) -> None:
    begin, end = wall(3600)[-5:], wall(7200)[-5:]
    calendar = calendarOf(f'[account.johnson]\nhours = ["{begin}-{end}"]\n')

    isTold(calendar.tries(), f"The account johnson can log in from {begin} to {end}.")
    calendar.memory.clock.advance(3600)
    assert isIn(calendar.tries())


def test_userIsToldBeforeTheEnd(calendarOf: Callable[..., Calendar]) -> None:
    calendar = calendarOf(f'[account.johnson]\nuntil = "{wall(7260)}"\nnotice = "3h"\n')
    client = calendar.tries()

    heard = client.hears()
    sentence = f"The account johnson closes on {wall(7260)}, in 2 hours."
    assert [number for number, _ in heard][1:] == [MSG_USERAUTH_BANNER, MSG_USERAUTH_SUCCESS]
    (banner,) = banners(heard)
    assert banner.strip() == sentence.encode()


@pytest.mark.parametrize("notice", ["1h", "0s"])
def test_userIsNotToldEarlierThanThat(calendarOf: Callable[..., Calendar], notice: str) -> None:
    calendar = calendarOf(f'[account.johnson]\nuntil = "{wall(7200)}"\nnotice = "{notice}"\n')

    assert banners(calendar.tries().hears()) == []


def test_fileThatChangesHoldsForTheNextLogin(calendarOf: Callable[..., Calendar]) -> None:
    calendar = calendarOf(HERE)
    early = calendar.tries()
    assert isIn(early)

    calendar.write(ELSEWHERE)
    calendar.memory.network.advance(1.5)
    isTold(calendar.tries(), NOT_HERE)
    assert early.fate == []

    calendar.write(HERE)
    calendar.memory.network.advance(1.5)
    assert isIn(calendar.tries())


def test_fileThatChangesDuringALoginHoldsForIt(calendarOf: Callable[..., Calendar]) -> None:
    calendar = calendarOf(HERE)
    client = calendar.memory.connects()
    client.requests(NONE)
    calendar.memory.host().offers(PASSWORD)
    client.hears()

    calendar.write(ELSEWHERE)
    calendar.memory.network.advance(1.5)
    client.requests(PASSWORD, Password(b"right").pack())
    isTold(client, NOT_HERE)


def test_fileWithMistakesKeepsWhatHeld(calendarOf: Callable[..., Calendar]) -> None:
    calendar = calendarOf(ELSEWHERE)
    calendar.write(HERE + "colour = 1\n")
    calendar.memory.network.advance(1.5)

    isTold(calendar.tries(), NOT_HERE)
