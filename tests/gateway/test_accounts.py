"""
L{bastion.gateway.accounts}: the rules about accounts that hold now.
"""

from __future__ import annotations

import os
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs

from bastion.admission.accounts import AccountRule, Hours
from bastion.config.installed import installed
from bastion.config.load import load
from bastion.config.problems import ConfigurationError
from bastion.gateway.accounts import LARGEST, Accounts, AccountsFile

CONFIGURATION = """
[gateway.esrf]
listen = "tcp:5022"
notice = "No."
[gateway.ill]
listen = "tcp:5023"
notice = "No."
"""
TABLE = '[account."*"]\ngateways = ["ill"]\n'
ELSEWHERE = "The account in1000 cannot log in here."
NOON = datetime(2026, 11, 25, 12, 0)


class Calendar:
    """
    Rules of a configuration, and a file that others write.
    """

    def __init__(self, directory: Path, configuration: str = "", file: str | None = "") -> None:
        self.path = directory / "accounts.toml"
        self.clock = Clock()
        named = "" if file is None else '[bastion]\naccounts_file = "accounts.toml"\n'
        if file is not None:
            self.write(file)
        text = named + CONFIGURATION + configuration
        self.accounts: Any = Accounts(load(text, directory, installed), self.clock)

    def write(self, text: str) -> None:
        """
        Put something else into the file, and let a while pass.
        """
        self.path.write_text(text)
        self.touch()

    def touch(self) -> None:
        """
        Let the file be of another time, and a while pass.
        """
        self.clock.advance(1)
        moment = self.clock.seconds() * 60
        os.utime(self.path, (moment, moment))

    def patterns(self) -> list[str]:
        """
        Whom there are rules for, in their order.
        """
        return [rule.pattern for rule in self.accounts.current().rules]

    def told(self) -> list[str]:
        """
        What the log says at the next look.
        """
        with capturedLogs() as logged:
            self.accounts.current()
        return [
            f"{event['log_level'].name} {event['log_format']}".format(**event) for event in logged
        ]


@pytest.fixture
def calendar(tmp_path: Path) -> Calendar:
    """
    A file with one rule, which the bastion has read.
    """
    made = Calendar(tmp_path, file=TABLE)
    made.accounts.open()
    return made


# What holds


def test_withoutTablesThereAreNoRules(tmp_path: Path) -> None:
    calendar = Calendar(tmp_path, file=None)
    calendar.accounts.open()
    calendar.clock.advance(5)

    assert calendar.patterns() == calendar.told() == []


def test_everyKeyOfATableHasItsPlace(tmp_path: Path) -> None:
    table = """
[account."in*"]
gateways = ["ill"]
hours = ["22:00-06:00"]
days = ["mon-tue"]
from = 2026-11-20
until = 2026-12-24
closed = "Over."
notice = "2d"
[account.free]
"""
    assert Calendar(tmp_path, table, None).accounts.current().rules == (
        AccountRule(
            pattern="in*",
            gateways=("ill",),
            hours=[Hours(time(22), time(6))],
            days=(0, 1),
            opens=datetime(2026, 11, 20),
            closes=datetime(2026, 12, 25),
            closed="Over.",
            notice=2 * 86400.0,
        ),
        AccountRule("free", hours=[], notice=86400.0),
    )


def test_tablesOfTheFileComeFirst(tmp_path: Path) -> None:
    calendar = Calendar(tmp_path, '[account."*"]\ngateways = []\n', "[account.in1000]\n")
    calendar.accounts.open()

    assert calendar.patterns() == ["in1000", "*"]
    calendar.write('[account."in*"]\n[account.ch1000]\n')
    assert calendar.patterns() == ["in*", "ch1000", "*"]


def test_rulesDecide(calendar: Calendar) -> None:
    rules = calendar.accounts.current()

    assert rules.refusal(b"in1000", "ill", NOON) is None
    assert rules.refusal(b"in1000", "esrf", NOON) == ELSEWHERE


# At the start


def problems(calendar: Calendar) -> list[str]:
    """
    What an operator is told at the start.
    """
    with pytest.raises(ConfigurationError) as refused:
        calendar.accounts.open()
    return str(refused.value).split("\n")


def test_fileThatIsNotThereIsAProblemAtTheStart(tmp_path: Path) -> None:
    calendar = Calendar(tmp_path)
    calendar.path.unlink()

    assert problems(calendar) == [
        f"bastion.accounts_file: {calendar.path}: cannot be read (No such file or directory); "
        "see that it is there, and that the user that runs the bastion may read it"
    ]


def test_directoryAndPipeAreNoFiles(tmp_path: Path) -> None:
    calendar = Calendar(tmp_path)
    calendar.path.unlink()
    for make in (os.mkfifo, lambda path: (path.unlink(), path.mkdir())):
        make(calendar.path)
        (problem,) = problems(calendar)
        assert "cannot be read (" in problem


def test_allMistakesOfTheFileAreToldAtTheStart(tmp_path: Path) -> None:
    file = '[account."in*"]\ngateways = ["isis"]\nuntil = ["x"]\n[other]\n'
    calendar = Calendar(tmp_path, file=file)

    found = [line.partition(";")[0] for line in problems(calendar)]
    where = f"bastion.accounts_file: {calendar.path}, "
    assert found == [
        f'{where}account."in*".gateways: no gateway named "isis"',
        f'{where}account."in*".until: found a list',
        f"{where}other: write the table of an account as [account.other]",
    ]
    assert calendar.patterns() == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\n\n\xe8", ": line 3 is not UTF-8; save the file as UTF-8"),
        (b"account", ", line 1, column 8: not TOML: Expected '=' after a key in a key/value pair"),
        (
            b"#" * (LARGEST + 1),
            ": more than 1 MiB; leave out the accounts that closed long ago",
        ),
    ],
)
def test_contentThatIsNothingIsOneProblem(tmp_path: Path, content: bytes, problem: str) -> None:
    calendar = Calendar(tmp_path)
    calendar.path.write_bytes(content)

    assert problems(calendar) == [f"bastion.accounts_file: {calendar.path}{problem}"]


def test_fileMayBeAsLargeAsItMayBe(tmp_path: Path) -> None:
    calendar = Calendar(tmp_path, file=TABLE + "#" * (LARGEST - len(TABLE)))
    calendar.accounts.open()

    assert calendar.patterns() == ["*"]


# While the bastion runs


def test_fileIsReadAgainWhenItHasChanged(calendar: Calendar) -> None:
    calendar.write("[account.in1000]\n[account.in1001]\n")

    assert calendar.told() == [
        f"info {calendar.path}: read again; it has the rules of 2 accounts or patterns"
    ]
    assert calendar.patterns() == ["in1000", "in1001"]


def test_fileThatIsTheSameIsNotReadAgain(calendar: Calendar) -> None:
    rules = calendar.accounts.current()
    calendar.clock.advance(60)

    assert calendar.told() == []
    assert calendar.accounts.current() is rules


def test_fileIsLookedAtOnceASecond(calendar: Calendar) -> None:
    calendar.clock.advance(1)
    calendar.accounts.current()
    calendar.path.write_text("[account.in1000]\n")

    calendar.clock.advance(0.9)
    assert calendar.patterns() == ["*"]
    calendar.clock.advance(0.1)
    assert calendar.patterns() == ["in1000"]


def test_clockThatIsSetBackDelaysNothing(calendar: Calendar) -> None:
    calendar.path.write_text("[account.in1000]\n")
    calendar.clock.rightNow -= 3600

    assert calendar.patterns() == ["in1000"]


def test_anotherFileInItsPlaceIsNoticed(calendar: Calendar, tmp_path: Path) -> None:
    status = calendar.path.stat()
    other = tmp_path / "new"
    other.write_text(TABLE.replace("*", "?"))
    os.utime(other, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert other.stat().st_size == status.st_size
    other.replace(calendar.path)
    calendar.clock.advance(1)

    assert calendar.patterns() == ["?"]


def test_mistakesAreToldOnceAndTheLastGoodContentHolds(calendar: Calendar) -> None:
    calendar.write("[account.in1000]\nhours = [8]\ngateways = 1\n")
    (line,) = calendar.told()

    assert line.startswith(
        f"error {calendar.path}, account.in1000.hours: found the whole number 8; write the hours"
    )
    assert f"; {calendar.path}, account.in1000.gateways: found the whole number 1; " in line
    assert line.endswith("; its last content still holds")
    assert calendar.patterns() == ["*"]

    calendar.clock.advance(1)
    assert calendar.told() == []
    calendar.touch()
    assert calendar.told() == []
    assert calendar.patterns() == ["*"]


def test_otherMistakesAreToldToo(calendar: Calendar) -> None:
    calendar.write("[account.in1000]\nhours = [8]\n")
    calendar.told()
    calendar.write("[account.in1000]\ndays = [8]\n")

    assert "account.in1000.days" in calendar.told()[0]


def test_mistakesThatComeBackAreToldAgain(calendar: Calendar) -> None:
    for _ in range(2):
        calendar.write("[account.in1000]\nhours = [8]\n")
        assert calendar.told()[0].startswith("error ")
        calendar.write("[account.in1000]\n")
        assert calendar.told()[0].startswith("info ")


def test_logNamesAFewOfManyMistakes(calendar: Calendar) -> None:
    calendar.write("\n".join(f"x{number} = 1" for number in range(25)))
    (line,) = calendar.told()

    assert line.count("unknown key") == 10
    assert line.endswith("; and 15 more; its last content still holds")


def test_fileThatIsGoneIsToldOnceAndItsLastContentHolds(calendar: Calendar) -> None:
    calendar.path.unlink()
    calendar.clock.advance(1)
    (line,) = calendar.told()
    assert line.startswith(f"error {calendar.path}: cannot be read (No such file or directory); ")
    calendar.clock.advance(1)
    assert calendar.told() == []
    assert calendar.patterns() == ["*"]

    # Not of the same size: a new file may have the inode of the old one, and the time that
    # a kernel writes down is not always exact.
    calendar.write(TABLE + "\n")
    assert calendar.told()[0].startswith("info ")


def test_mistakesThatAreStillThereWhenTheFileIsBackAreToldAgain(calendar: Calendar) -> None:
    calendar.write("[account.in1000]\nhours = [8]\n")
    calendar.told()
    away = calendar.path.rename(calendar.path.with_name("away"))
    calendar.clock.advance(1)
    assert "cannot be read" in calendar.told()[0]

    away.rename(calendar.path)
    calendar.clock.advance(1)
    assert "account.in1000.hours" in calendar.told()[0]


def test_logIsAnErrorForTheOperatorAndNotAFailureOfOurs(calendar: Calendar) -> None:
    calendar.write("account")
    with capturedLogs() as logged:
        calendar.accounts.current()

    (event,) = logged
    assert event["log_level"] is LogLevel.error
    assert "log_failure" not in event


# The file alone


def test_refreshSaysWhetherSomethingIsNew(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(TABLE)
    file = AccountsFile(path, ("ill",))

    assert file.tables == ()
    assert [file.refresh(), file.refresh()] == [True, False]
    assert [table.pattern for table in file.tables] == ["*"]


def test_mistakesAreRaisedAsLongAsTheyAreThere(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(TABLE)
    file = AccountsFile(path, ("esrf",))

    for _ in range(2):
        with pytest.raises(ConfigurationError, match='no gateway named "ill"; there are: esrf'):
            file.refresh()
