"""
How a key of the file is read: what stands beside each field of the schema.

A reader takes a value of TOML and its L{Place}, and returns what the value
means.  When it cannot, it notes at the place what is wrong, and returns
L{UNREAD}: the rest of the file is read all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import evolve, field, frozen
from zope.interface.interface import InterfaceClass

from bastion.config.problems import dotted, nearest, quoted
from bastion.config.values import Parser, found, text
from bastion.interfaces import IExtension

Installed = Callable[[InterfaceClass], Mapping[str, IExtension]]
_KEY = "bastion.config.key"


class _Unread(Enum):
    UNREAD = "not read, for a problem that was noted"


UNREAD: Final = _Unread.UNREAD


@frozen
class Place:
    """
    Where in the file a value stands, and what its readers may ask.

    @ivar directory: what a relative path counts from.
    @ivar installed: the extensions of a role, by name.
    @ivar homes: for each key of the file, the tables that it belongs in.
    @ivar path: the keys that lead to the value.
    @ivar noted: the problems found so far; one list for all places of a file.
    """

    directory: Path
    installed: Installed
    homes: Mapping[str, str]
    path: tuple[str, ...] = ()
    noted: list[tuple[tuple[str, ...], str]] = field(factory=list)

    def below(self, *keys: str) -> Place:
        """
        The place of a value inside the one that is here.
        """
        return evolve(self, path=self.path + keys)

    def note(self, problem: str) -> _Unread:
        """
        Say what is wrong here.
        """
        self.noted.append((self.path, problem))
        return UNREAD


Reader = Callable[[object, Place], Any]


@frozen
class Key:
    """
    What the loader knows of a key beside its field.

    @ivar read: makes the field's value.
    @ivar absent: the TOML value that is read when the file does not have the
        key; for a default that depends on the file's place or on what is
        installed, and therefore is not the field's own.
    @ivar example: what to write for a key that must be there.
    """

    read: Reader
    absent: object = None
    example: str = ""


def key(read: Reader, absent: object = None, example: str = "") -> dict[str, Key]:
    """
    The metadata of a field that is a key of the file; see L{Key}.
    """
    return {_KEY: Key(read, absent, example)}


def keysOf(table: type) -> dict[str, attrs.Attribute[Any]]:
    """
    The keys of a table, in the order of its fields, those that it shares with
    another table last.  A field has an underscore behind its key where that is a word of
    Python.
    """
    fields = sorted(attrs.fields(table), key=lambda attribute: attribute.inherited)
    ours = [attribute for attribute in fields if _KEY in attribute.metadata]
    return {attribute.name.removesuffix("_"): attribute for attribute in ours}


# Readers


def one(parse: Parser[Any]) -> Reader:
    """
    A reader of one value.
    """

    def read(value: object, place: Place) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            return place.note(str(error))

    return read


def each(parse: Parser[Any], example: str, least: int = 0) -> Reader:
    """
    A reader of a list.

    @param example: a list as the file has it.
    @param least: how many it must have.
    """
    readOne = one(parse)

    def read(value: object, place: Place) -> Any:
        given = listOf(value, example, least, place)
        if given is UNREAD:
            return UNREAD
        items: list[Any] = []
        for item in given:
            items.append(readOne(item, place))
            if items[-1] is not UNREAD and items[-1] in items[:-1]:
                place.note(f"{quoted(str(items[-1]))} is listed twice; leave one out")
        return tuple(items)

    return read


def listOf(value: object, example: str, least: int, place: Place) -> Any:
    """
    Read a list without looking at what is in it; see L{each}.
    """
    if not isinstance(value, list):
        return place.note(f"found {found(value)}; write a list such as {example}")
    if len(value) < least:
        return place.note(f"the list is empty; write at least one, e.g. {example}")
    return value


def oneOrEach(parse: Parser[Any], example: str) -> Reader:
    """
    A reader of a value, or of a list of at least one.
    """
    readEach = each(parse, example, least=1)

    def read(value: object, place: Place) -> Any:
        return readEach(value if isinstance(value, list) else [value], place)

    return read


def mapping(parseKey: Parser[Any], parseValue: Parser[Any], example: str) -> Reader:
    """
    A reader of a table whose keys are values themselves.
    """

    def read(value: object, place: Place) -> Any:
        if not isinstance(value, dict):
            return place.note(f"found {found(value)}; write a table such as {example}")
        pairs: dict[Any, Any] = {}
        for name, item in value.items():
            here = place.below(name)
            parsed = one(parseKey)(name, here)
            if parsed is not UNREAD and parsed in pairs:
                here.note(f"{quoted(str(parsed))} is there twice; leave one out")
            pairs[parsed] = one(parseValue)(item, here)
        return pairs

    return read


def filePath(value: object, place: Place) -> Any:
    """
    Read the path of a file; a relative one counts from the configuration's
    directory.
    """
    try:
        given = text(value, 'a path such as "/etc/bastion/name", or "name" beside this file')
    except ValueError as error:
        return place.note(str(error))
    if given.startswith("~"):
        return place.note('"~" has no meaning to a service; write the path from "/"')
    return place.directory / given


# Tables


@frozen
class Draft:
    """
    A table as far as it could be read.

    @ivar values: the fields that could be read, by name.
    @ivar written: the keys that the file has here, and those that it means by a
        misspelling: to call them missing as well would be one problem too many.
    @ivar isTable: whether it is a table at all; otherwise nothing more can be
        said about it.
    """

    values: dict[str, Any]
    written: frozenset[str]
    isTable: bool = True


def readTable(table: type, value: object, place: Place) -> Draft:
    """
    Read the keys of one table of the file.
    """
    known = keysOf(table)
    if not isinstance(value, dict):
        place.note(f"found {found(value)}; write a table: [{dotted(place.path)}]")
        return Draft({}, frozenset(), isTable=False)
    values: dict[str, Any] = {}
    written: set[str] = set()
    for name, item in value.items():
        if name in known:
            written.add(name)
            attribute = known[name]
            values[attribute.name] = attribute.metadata[_KEY].read(item, place.below(name))
        else:
            written.add(noteUnknown(name, value, tuple(known), place))
    for name, attribute in known.items():
        if name not in written:
            _readAbsent(name, attribute, values, place)
    return Draft({n: v for n, v in values.items() if v is not UNREAD}, frozenset(written))


def _readAbsent(
    name: str, attribute: attrs.Attribute[Any], values: dict[str, Any], place: Place
) -> None:
    about: Key = attribute.metadata[_KEY]
    if about.absent is not None:
        values[attribute.name] = about.read(about.absent, place.below(name))
    elif attribute.default is attrs.NOTHING:
        place.below(name).note(f"missing; write e.g. {name} = {about.example}")


def noteUnknown(name: str, table: Mapping[str, object], known: Sequence[str], place: Place) -> str:
    """
    Note a key of a table that is not among the known ones.

    @return: the known key that it probably means, or itself.
    """
    here = place.below(name)
    # A key that is there already is not meant once more.
    meant = nearest(name, [other for other in known if other not in table])
    if name in place.homes:
        here.note(f"this key belongs in {place.homes[name]}, not here")
        return name
    if meant:
        here.note(f'unknown key; did you mean "{meant}"?')
        return meant
    here.note(f"unknown key; the keys here are: {', '.join(known)}")
    return name


def overrides(table: type) -> Reader:
    """
    A reader of a table that takes the place of another's keys, one by one.
    """

    def read(value: object, place: Place) -> dict[str, Any]:
        return readTable(table, value, place).values

    return read
