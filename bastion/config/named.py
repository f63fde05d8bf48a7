"""
Tables that have names: C{[gateway.NAME]}, C{[cluster.NAME]}, C{[account.PATTERN]},
C{[policy.NAME]}; and tables that name gateways.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from bastion.config.problems import quoted, thereAre
from bastion.config.readers import UNREAD, Draft, Place, one, readTable
from bastion.config.values import Parser, found, text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def readNamed(
    table: type, tables: object, place: Place, parseName: Parser[str]
) -> dict[str, Draft]:
    """
    Read all tables of a kind, by name, in the order of the file.
    """
    kind = place.path[-1]
    if not isinstance(tables, dict):
        place.note(f"found {found(tables)}; write tables with a name: [{kind}.NAME]")
        return {}
    drafts = {}
    for name, value in tables.items():
        here = place.below(name)
        if name in place.homes and not isinstance(value, dict):
            here.note(f"this key belongs in {place.homes[name]}, not here")
            continue
        one(parseName)(name, here)
        drafts[name] = readTable(table, value, here)
    return drafts


def nameOf(kind: str) -> Parser[str]:
    """
    A parser of the names of a kind of tables.
    """

    def parse(value: object) -> str:
        name = str(value)
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{quoted(name)} cannot be the name of a {kind}; write letters, digits, "
                '"-" and "_", and begin with a letter or a digit'
            )
        return name

    return parse


def gatewayName(value: object) -> str:
    """
    The name of a gateway, in a table that is about some.
    """
    return text(value, 'the name of a gateway, such as "esrf"')


def checkGateways(drafts: Mapping[str, Draft], gateways: Collection[str], place: Place) -> None:
    """
    Note the gateways that tables name, and that there are not.
    """
    for name, draft in drafts.items():
        # Where there is no gateway at all, that is the problem.
        named = (draft.values.get("gateways") or ()) if gateways else ()
        for gateway in named:
            if gateway is not UNREAD and gateway not in gateways:
                problem = f"no gateway named {quoted(gateway)}; {thereAre(tuple(gateways))}"
                place.below(name, "gateways").note(problem)
