"""
Which extensions there are: those that C{twisted.plugin} finds.
"""

from __future__ import annotations

from twisted.plugin import getPlugins
from zope.interface.interface import InterfaceClass

from bastion.config.problems import ConfigurationError, Problem, quoted
from bastion.interfaces import IExtension


def installed(role: InterfaceClass) -> dict[str, IExtension]:
    """
    The extensions that play a role, by name, in the order of their names.

    Nothing but their descriptions is looked at, so that no code of theirs is
    imported before it is chosen.

    @raise ConfigurationError: when two have the same name: which of them the
        configuration means must not depend on the order of a directory.
    """
    extensions: dict[str, IExtension] = {}
    problems = []
    for extension in getPlugins(IExtension):
        if extension.role is not role:
            continue
        first = extensions.setdefault(extension.name, extension)
        if first is not extension:
            problems.append(
                Problem(
                    "twisted.plugins",
                    f"two extensions for {role.__name__} are named {quoted(extension.name)} "
                    f"({quoted(first.description)} and {quoted(extension.description)}); "
                    "uninstall one of them",
                )
            )
    if problems:
        raise ConfigurationError(problems)
    return dict(sorted(extensions.items()))
