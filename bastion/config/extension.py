"""
The description of an extension, for the plugin file that offers it.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from bastion.interfaces import IExtension


@implementer(IPlugin, IExtension)
@frozen
class Extension:
    """
    An extension named by strings, so that listing extensions imports none.

    @ivar name: what the configuration calls it.
    @ivar description: one sentence for the operator.
    @ivar role: the interface that the built object provides.
    @ivar factory: the dotted name of a class that is called with the options;
        its attribute C{Options} is the attrs class of them.
    """

    name: str
    description: str
    role: InterfaceClass
    factory: str

    @property
    def options(self) -> type:
        """
        See L{IExtension}.
        """
        options: type = self._made().Options
        return options

    def build(self, options: Any) -> Any:
        """
        See L{IExtension}.
        """
        return self._made()(options)

    def _made(self) -> Any:
        named: Any = namedAny(self.factory)  # type: ignore[no-untyped-call]
        return named
