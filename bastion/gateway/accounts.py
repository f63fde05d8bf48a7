"""
The rules about accounts that hold now: those of a file that may change while the bastion
runs, and behind them those of the configuration.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bastion.admission.accounts import AccountRule, AccountRules, Hours
from bastion.config.accountsfile import accountsOf
from bastion.config.file import decoded
from bastion.config.problems import ConfigurationError, Problem
from bastion.config.schema import AccountTable, Configuration
from bastion.ssh.knownhosts import fileVersion, regularFile

#: That an accounts file may be, in bytes.
LARGEST = 1 << 20
#: Between two looks at it, in seconds.
_INTERVAL = 1.0
#: Of its problems, in the log.
_SHOWN = 10


class AccountsFile:
    """
    C{[bastion] accounts_file}.

    @ivar path: where it is.
    @ivar tables: what it said when it was right last.
    """

    def __init__(self, path: Path, gateways: Collection[str]) -> None:
        """
        @param gateways: the names of those that there are.
        """
        self.path = path
        self.tables: tuple[AccountTable, ...] = ()
        self._gateways = gateways
        self._version: tuple[int, int, int] | None = None
        self._wrong: ConfigurationError | None = None

    def refresh(self) -> bool:
        """
        Read the file if it has changed since the last time.

        @return: whether C{tables} are new.
        @raise ConfigurationError: while it cannot be used, with all problems; then
            C{tables} are what they were.
        """
        try:
            content = self._changed()
        except OSError as error:
            raise self._problem(
                f": cannot be read ({error.strerror}); see that it is there, and that the "
                "user that runs the bastion may read it"
            ) from error
        if content is not None:
            self._wrong = None
            try:
                self.tables = self._read(content)
            except ConfigurationError as error:
                self._wrong = error
        if self._wrong is not None:
            raise self._wrong
        return content is not None

    def _changed(self) -> bytes | None:
        with regularFile(self.path) as file:
            # Before reading, so that what is written meanwhile is noticed next time.
            version = fileVersion(os.fstat(file.fileno()))
            if version == self._version:
                return None
            content = file.read(LARGEST + 1)
        self._version = version
        return content

    def _read(self, content: bytes) -> tuple[AccountTable, ...]:
        if len(content) > LARGEST:
            raise self._problem(
                f": more than {LARGEST >> 20} MiB; leave out the accounts that closed long ago"
            )
        try:
            return accountsOf(decoded(content), self._gateways)
        except ValueError as error:
            raise self._problem(f": {error}") from None
        except ConfigurationError as error:
            raise self._problem(*(f", {each}" for each in error.problems)) from None

    def _problem(self, *problems: str) -> ConfigurationError:
        return ConfigurationError(
            [Problem("bastion.accounts_file", f"{self.path}{each}") for each in problems]
        )


class Accounts:
    """
    Tells the rules of all accounts, at any moment.
    """

    _log = Logger()

    def __init__(self, configuration: Configuration, clock: IReactorTime) -> None:
        path = configuration.bastion.accounts_file
        self._tables = configuration.accounts
        self._file = None if path is None else AccountsFile(path, tuple(configuration.gateways))
        self._clock = clock
        self._looked = clock.seconds()
        self._told = ""
        self._rules = AccountRules(_rules(self._tables))

    def open(self) -> None:
        """
        Read the file for the first time, if there is one.

        @raise ConfigurationError: if it cannot be used, with all problems.
        """
        if self._file is not None:
            self._file.refresh()
            self._renew(self._file)

    def current(self) -> AccountRules:
        """
        The rules.  While the file cannot be used, what it said last holds, and the log
        is told once.
        """
        # The clock of the machine may be set back.
        if self._file is not None and not 0 <= self._clock.seconds() - self._looked < _INTERVAL:
            self._looked = self._clock.seconds()
            self._look(self._file)
        return self._rules

    def _look(self, file: AccountsFile) -> None:
        try:
            if file.refresh():
                self._renew(file)
                self._log.info(
                    "{path}: read again; it has the rules of {count} accounts or patterns",
                    path=file.path,
                    count=len(file.tables),
                )
            self._told = ""
        except ConfigurationError as error:
            problem = _inOneLine(error)
            if self._told != problem:
                self._told = problem
                self._log.error("{problem}; its last content still holds", problem=problem)

    def _renew(self, file: AccountsFile) -> None:
        self._rules = AccountRules(_rules([*file.tables, *self._tables]))


def _rules(tables: Iterable[AccountTable]) -> tuple[AccountRule, ...]:
    return tuple(map(_rule, tables))


def _rule(table: AccountTable) -> AccountRule:
    return AccountRule(
        pattern=table.pattern,
        gateways=table.gateways,
        hours=[Hours(each.begin, each.end) for each in table.hours],
        days=table.days,
        opens=table.from_,
        closes=table.until,
        closed=table.closed or "",
        notice=table.notice,
    )


def _inOneLine(error: ConfigurationError) -> str:
    problems = [each.problem for each in error.problems]
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "; ".join([*problems[:_SHOWN], *more])
