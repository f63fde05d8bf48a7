"""
The tables of accounts in a file of their own: C{[bastion] accounts_file}.

It is TOML and has C{[account.PATTERN]} as the configuration has them, and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bastion.config.accounts import AccountTable, accountTables, checkAccounts, readAccounts
from bastion.config.load import inFileOrder, plainValues
from bastion.config.problems import ConfigurationError, dotted
from bastion.config.readers import Place, noteUnknown
from bastion.config.schema import TABLES, homes

_ACCOUNT = "account"


def accountsOf(text: str, gateways: Collection[str]) -> tuple[AccountTable, ...]:
    """
    Read the text of the file.

    @param gateways: the names of those that there are.
    @raise ConfigurationError: with every problem, in the order of the file.
    """
    plain = plainValues(text)
    place = Place(Path(), lambda role: {}, homes())
    for name in plain:
        if name != _ACCOUNT:
            _noteElsewhere(name, plain, place)
    here = place.below(_ACCOUNT)
    drafts = readAccounts(plain.get(_ACCOUNT, {}), here)
    checkAccounts(drafts, gateways, here)
    if place.noted:
        raise ConfigurationError(inFileOrder(place, plain))
    return accountTables(drafts)


def _noteElsewhere(name: str, plain: Mapping[str, Any], place: Place) -> None:
    if name in {path.partition(".")[0] for path in TABLES}:
        place.below(name).note("this belongs in the configuration, not here")
    elif isinstance(plain[name], dict):
        place.below(name).note(f"write the table of an account as [{dotted((_ACCOUNT, name))}]")
    else:
        noteUnknown(name, plain, (_ACCOUNT,), place)
