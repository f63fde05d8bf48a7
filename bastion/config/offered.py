"""
Which algorithms a leg offers: the key C{algorithms} of gateways and of clusters.

In the file that is a word, or lists that take the place of the default ones::

    algorithms = "compatible"
    algorithms = { ciphers = ["aes256-gcm@openssh.com"] }
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from bastion.algorithms import (
    COMPATIBLE_TO_CLIENTS,
    COMPATIBLE_TO_HOSTS,
    TO_CLIENTS,
    TO_HOSTS,
    Algorithms,
    withLastResort,
)
from bastion.config.problems import quoted, thereAre
from bastion.config.readers import UNREAD, Place, each, noteUnknown
from bastion.config.values import Parser, found, text


@frozen
class ClientAlgorithms:
    """
    What a gateway offers to its clients.

    @ivar usual: without the last resort.
    @ivar all: with it.  What the file names itself is the same in both.
    """

    usual: Algorithms
    all: Algorithms


#: Unless the file says otherwise.
DEFAULT = ClientAlgorithms(TO_CLIENTS, withLastResort(TO_CLIENTS))
#: A newer program shall not choose the last resort because older ones need it.
COMPATIBLE = ClientAlgorithms(
    evolve(COMPATIBLE_TO_CLIENTS, ciphers=TO_CLIENTS.ciphers, macs=TO_CLIENTS.macs),
    COMPATIBLE_TO_CLIENTS,
)


@frozen
class _Kind:
    """
    A list in the table.

    @ivar field: of L{Algorithms}.
    @ivar noun: what is listed.
    """

    field: str
    noun: str


@frozen
class _Leg:
    """
    One of the two legs.

    @ivar whom: to whom it leads.
    @ivar there: all that can be offered on it.
    @ivar elsewhere: all that can be offered on the other one.
    """

    whom: str
    there: Algorithms
    elsewhere: Algorithms


_KINDS = {
    "key_exchanges": _Kind("keyExchanges", "key exchange"),
    "host_keys": _Kind("hostKeys", "host key algorithm"),
    "ciphers": _Kind("ciphers", "cipher"),
    "macs": _Kind("macs", "MAC"),
}
_CLIENTS = _Leg("clients", COMPATIBLE_TO_CLIENTS, COMPATIBLE_TO_HOSTS)
_HOSTS = _Leg("hosts", COMPATIBLE_TO_HOSTS, COMPATIBLE_TO_CLIENTS)


def clientAlgorithms(value: object, place: Place) -> Any:
    """
    Read the algorithms of a gateway.

    @return: L{ClientAlgorithms}.
    """
    if value == "compatible":
        return COMPATIBLE
    given = _given(value, _CLIENTS, place)
    if given is UNREAD:
        return UNREAD
    return ClientAlgorithms(evolve(DEFAULT.usual, **given), evolve(DEFAULT.all, **given))


def hostAlgorithms(value: object, place: Place) -> Any:
    """
    Read the algorithms of a cluster.

    @return: L{Algorithms}.
    """
    if value == "compatible":
        return COMPATIBLE_TO_HOSTS
    given = _given(value, _HOSTS, place)
    return UNREAD if given is UNREAD else evolve(TO_HOSTS, **given)


def _given(value: object, leg: _Leg, place: Place) -> Any:
    """
    The lists that the file has, by the fields of L{Algorithms}.
    """
    if value == "default":
        return {}
    if not isinstance(value, dict):
        return place.note(
            f'found {found(value)}; write "default", "compatible" or a table of lists, '
            'e.g. { ciphers = ["aes256-gcm@openssh.com"] }'
        )
    before = len(place.noted)
    given = {}
    for name, names in value.items():
        if name in _KINDS:
            given[_KINDS[name].field] = _names(names, _KINDS[name], leg, place.below(name))
        else:
            noteUnknown(name, value, tuple(_KINDS), place)
    return given if len(place.noted) == before else UNREAD


def _names(value: object, kind: _Kind, leg: _Leg, place: Place) -> tuple[bytes, ...]:
    names = each(_name(kind, leg), f'["{_of(leg.there, kind)[0]}"]', least=1)(value, place)
    return () if names is UNREAD else tuple(n.encode() for n in names if n is not UNREAD)


def _name(kind: _Kind, leg: _Leg) -> Parser[str]:
    """
    A parser of one name.
    """
    there = _of(leg.there, kind)

    def parse(value: object) -> str:
        given = text(value, f'the name of a {kind.noun}, such as "{there[0]}"')
        if given in there:
            return given
        if given in _of(leg.elsewhere, kind):
            problem = f"the {kind.noun} {quoted(given)} cannot be offered to {leg.whom}"
        else:
            problem = f"no {kind.noun} named {quoted(given)}"
        raise ValueError(f"{problem}; {thereAre(there)}")

    return parse


def _of(algorithms: Algorithms, kind: _Kind) -> tuple[str, ...]:
    names: tuple[bytes, ...] = getattr(algorithms, kind.field)
    return tuple(name.decode() for name in names)
