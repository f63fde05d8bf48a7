"""
What came with a request, as strings that can be relied on (pure).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bastion.config.problems import quoted
from bastion.interfaces import BastionError

#: Of a value, in characters.
LONGEST = 500


class WrongParameters(BastionError):
    """
    A request has not what it needs.  The text says what is wrong.
    """


def bodyParameters(body: bytes, needed: Sequence[str], more: Sequence[str] = ()) -> dict[str, str]:
    """
    The members of a JSON object.

    @param needed: what has to be there.
    @param more: what may be there; the empty string when it is not.
    """
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise WrongParameters("the body is not JSON") from None
    if not isinstance(given, dict):
        raise WrongParameters("the body is not a JSON object")
    there = {name: value for name, value in given.items() if value is not None}
    return _checked(there, needed, more)


def queryParameters(
    query: Mapping[bytes, Sequence[bytes]], needed: Sequence[str], more: Sequence[str] = ()
) -> dict[str, str]:
    """
    The parameters behind the question mark; see L{bodyParameters}.
    """
    given: dict[str, object] = {}
    for name, values in query.items():
        told = name.decode("utf-8", "replace")
        if len(values) > 1:
            raise WrongParameters(f"{quoted(told)} is there {len(values)} times")
        try:
            given[told] = values[0].decode("utf-8")
        except UnicodeDecodeError:
            raise WrongParameters(f"{quoted(told)} is not UTF-8") from None
    return _checked(given, needed, more)


def _checked(
    given: Mapping[str, object], needed: Sequence[str], more: Sequence[str]
) -> dict[str, str]:
    known = (*needed, *more)
    for name in given:
        if name not in known:
            names = ", ".join(quoted(each) for each in known) or "none"
            raise WrongParameters(f"{quoted(name)} is not a parameter of this; there are: {names}")
    for name in needed:
        if given.get(name, "") == "":
            raise WrongParameters(f"{quoted(name)} is missing")
    return {name: _string(name, given.get(name, "")) for name in known}


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise WrongParameters(f"{quoted(name)} is not a string")
    if len(value) > LONGEST:
        raise WrongParameters(f"{quoted(name)} has more than {LONGEST} characters")
    if not value.isprintable():
        raise WrongParameters(f"{quoted(name)} has a character that cannot be printed")
    return value
