"""
Choosing an extension: by its name, with options that its own class checks.

In the file a choice is a name, or a table of a name and options::

    select = "round-robin"
    select = { name = "weighted", weight = 2 }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen
from zope.interface.interface import InterfaceClass

from bastion.config.problems import quoted, thereAre
from bastion.config.readers import UNREAD, Place, Reader, noteUnknown
from bastion.config.values import found
from bastion.interfaces import IExtension


@frozen
class Chosen:
    """
    An extension that the configuration names, with its checked options.

    @ivar options: an instance of the extension's options class.
    """

    extension: IExtension
    options: object

    def build(self) -> Any:
        """
        Make the working object.
        """
        return self.extension.build(self.options)


def chosen(role: InterfaceClass, noun: str) -> Reader:
    """
    A reader of one choice.

    @param noun: what the operator calls such an extension, e.g. C{strategy}.
    """

    def read(value: object, place: Place) -> Any:
        choice = _choose(value, role, noun, place)
        return UNREAD if choice is None else _configure(*choice, place)

    return read


def chosenEach(role: InterfaceClass, noun: str) -> Reader:
    """
    A reader of a list of choices.  In a path, the name of an extension stands
    between the list's key and the option's.
    """

    def read(value: object, place: Place) -> Any:
        if not isinstance(value, list):
            return place.note(f"found {found(value)}; write a list of names, or [] for none")
        choices = (_choose(item, role, noun, place) for item in value)
        return tuple(
            _configure(extension, given, place.below(extension.name))
            for extension, given in filter(None, choices)
        )

    return read


def _choose(
    value: object, role: InterfaceClass, noun: str, place: Place
) -> tuple[IExtension, dict[str, Any]] | None:
    """
    Find the extension that the file names, and what the file gives to it.
    """
    installed = place.installed(role)
    choices = thereAre(tuple(installed))
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict):
        place.note(
            f"found {found(value)}; write the name of a {noun}, "
            f"or a table {{ name = ..., OPTION = ... }}; {choices}"
        )
    elif not isinstance(table.get("name"), str):
        place.note(f"no name; write which {noun} it is: {{ name = ... }}; {choices}")
    elif table["name"] not in installed:
        place.note(f"no {noun} named {quoted(table['name'])}; {choices}")
    else:
        given = {key: option for key, option in table.items() if key != "name"}
        return installed[table["name"]], given
    return None


def _configure(extension: IExtension, given: Mapping[str, Any], place: Place) -> Any:
    """
    Make the options of an extension out of what the file gives to it.
    """
    try:
        fields = attrs.fields(extension.options)
    except Exception as error:
        # Somebody else's module is imported here; whatever it raises is its fault.
        return place.note(f"{quoted(extension.name)} is installed but broken: {_said(error)}")
    known = {each.alias: each for each in fields if each.init and each.alias}
    before = len(place.noted)
    written = {
        _checkOption(known[name], extension.options, option, place.below(name))
        if name in known
        else noteUnknown(name, {"name": extension.name, **given}, ("name", *known), place)
        for name, option in given.items()
    }
    for name, each in known.items():
        if each.default is attrs.NOTHING and name not in written:
            place.below(name).note(f"missing; {quoted(extension.name)} needs this option")
    if len(place.noted) > before:
        return UNREAD
    try:
        return Chosen(extension, extension.options(**given))
    except (ValueError, TypeError) as error:
        # None of them is wrong alone: it is what they say together.
        return place.note(_said(error))


def _checkOption(
    attribute: attrs.Attribute[Any], options: type, value: object, place: Place
) -> str:
    """
    Ask the converter and the validator of one option for their opinion, so that
    each wrong option has its own path, and all of them are told at once.

    @return: the option's name.
    """
    bare: Any = object.__new__(options)
    converter: Any = attribute.converter
    try:
        _checkDepth(value)
        if isinstance(converter, attrs.Converter):
            value = converter(value, bare, attribute)  # type: ignore[operator]
        elif converter is not None:
            value = converter(value)
        if attribute.validator is not None:
            attribute.validator(bare, attribute, value)
    except (ValueError, TypeError) as error:
        place.note(_said(error))
    except AttributeError:
        # It looks at another option too: it is asked when all are there.
        pass
    return place.path[-1]


def _checkDepth(value: object) -> None:
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, dict) for item in items):
        raise ValueError("an option cannot hold a table; write a value, or a list of values")


def _said(error: Exception) -> str:
    # The validators of attrs put more than their sentence among the arguments.
    said = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(said.split())
