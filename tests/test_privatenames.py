"""
The house rules about private names: ours stay in their file, Conch's in
L{bastion.ssh}, those of Twisted's TCP transport in L{bastion.ssh.stream}, and those of
its reactor in L{bastion.ssh.polling}.  The source is read as text; the classes are looked
at for what they take from Conch.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from twisted.conch.ssh import _kex
from twisted.conch.ssh import transport as conch
from twisted.internet import abstract, epollreactor, posixbase, tcp

import bastion

PACKAGE = Path(bastion.__file__).parent
SSH = "bastion.ssh."
STREAM, POLLING = "bastion.ssh.stream", "bastion.ssh.polling"

#: Private names of Conch in use outside of bastion/ssh.
CONCH_PRIVATE: dict[str, set[str]] = {
    # Conch has no public place to say why a request has failed.
    "bastion.lab.sftp": {"_ebStatus"},
}
#: Twisted's convention for a class's logger; ours shadows it on purpose.
LOGGER = "_log"


class Source:
    """
    One file of the package.
    """

    def __init__(self, path: Path) -> None:
        self.relative = path.relative_to(PACKAGE.parent)
        self.module = ".".join(self.relative.with_suffix("").parts)
        self.tree = ast.parse(path.read_text())

    def __repr__(self) -> str:
        return str(self.relative)


SOURCES = [Source(path) for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]
INSIDE_SSH = [each for each in SOURCES if each.module.startswith(SSH)]
OUTSIDE_SSH = [each for each in SOURCES if each not in INSIDE_SSH]
eachSource = pytest.mark.parametrize("source", SOURCES, ids=repr)
eachInside = pytest.mark.parametrize("source", INSIDE_SSH, ids=repr)
eachOutside = pytest.mark.parametrize("source", OUTSIDE_SSH, ids=repr)


def isPrivate(name: str) -> bool:
    """
    Whether a name is private, and none of the language's.
    """
    return name.startswith("_") and not name.startswith("__")


def ownPrivateNames(tree: ast.AST) -> set[str]:
    """
    The private names that a text gives: to classes, to functions, to fields, to
    attributes of C{self}.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                names.add(name)
    return set(filter(isPrivate, names))


def usedPrivateNames(tree: ast.AST) -> set[str]:
    """
    The private attributes that a text uses.
    """
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return set(filter(isPrivate, names))


def namesOf(*modules: ModuleType) -> set[str]:
    """
    The private names of other people's modules.
    """
    return set().union(*(ownPrivateNames(ast.parse(inspect.getsource(m))) for m in modules))


def privateImports(tree: ast.AST) -> set[str]:
    """
    What is imported and has a private name anywhere on its way.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update(f"{node.module}.{each.name}" for each in node.names)
    return {name for name in found if any(map(isPrivate, name.split(".")))}


CONCH = namesOf(conch, _kex)
TWISTED = {STREAM: namesOf(tcp, abstract), POLLING: namesOf(epollreactor, posixbase)}
OURS = set().union(*(ownPrivateNames(source.tree) for source in INSIDE_SSH))


# Outside of bastion/ssh


@eachOutside
def test_privateNamesStayInTheirFile(source: Source) -> None:
    """
    Whatever a private attribute is of, of Conch's or of ours.
    """
    assert usedPrivateNames(source.tree) - ownPrivateNames(source.tree) == set()


def conchClasses(source: Source) -> Iterator[tuple[type, set[str]]]:
    """
    The classes of a file that inherit from Conch, each with the private names
    that it inherits.
    """
    for _, found in inspect.getmembers(import_module(source.module), inspect.isclass):
        if found.__module__ != source.module:
            continue
        parents = [each for each in found.__mro__ if each.__module__.startswith("twisted.conch.")]
        if not parents:
            continue
        trees = [ast.parse(dedent(inspect.getsource(each))) for each in parents]
        yield found, set().union(*(ownPrivateNames(t) | usedPrivateNames(t) for t in trees))


@eachOutside
def test_privateNamesOfConchAreNotTouchedOutsideOfSsh(source: Source) -> None:
    for found, inherited in conchClasses(source):
        tree = ast.parse(dedent(inspect.getsource(found)))
        touched = (ownPrivateNames(tree) | usedPrivateNames(tree)) & inherited
        assert touched <= CONCH_PRIVATE.get(source.module, set()) | {LOGGER}


def test_privateNamesOfConchAreKnown() -> None:
    """
    Or the test above would pass because it looks at nothing.
    """
    (source,) = [each for each in SOURCES if each.module == "bastion.ssh.transport"]
    (inherited,) = [names for _, names in conchClasses(source)]
    assert {"_keyExchangeState", "_newKeys", "_keySetup"} <= inherited


# Inside


@eachInside
def test_privateNamesInsideOfSshAreConchsOrOurs(source: Source) -> None:
    others = usedPrivateNames(source.tree) - OURS
    assert others <= TWISTED.get(source.module, CONCH)


def test_privateNamesOfTwistedAreKnown() -> None:
    """
    And are not Conch's by chance.
    """
    used = {each.module: usedPrivateNames(each.tree) - OURS for each in INSIDE_SSH}
    assert used[STREAM] == {"_tempDataBuffer"}
    reactors = {"_poller", "_selectables", "_doReadOrWrite", "_disconnectSelectable"}
    assert used[POLLING] == reactors
    assert (used[STREAM] | used[POLLING]).isdisjoint(CONCH)
    assert {"_kexAlgorithms", "_IFixedGroupKexAlgorithm", "_getKey", "_startEphemeralDH"} <= CONCH


@eachSource
def test_privateModulesAreNotImported(source: Source) -> None:
    """
    But for the one that has Conch's key exchanges.
    """
    allowed = {"twisted.conch.ssh._kex"} if source.module.startswith(SSH) else set()
    assert privateImports(source.tree) <= allowed


@pytest.mark.parametrize(
    "text",
    [
        "from twisted.conch.ssh import _kex",
        "import twisted.conch.ssh._kex as kex",
        "from twisted.conch.ssh._kex import getHashProcessor",
        "def f():\n    from bastion.ssh.ciphers import _MACS",
    ],
)
def test_privateImportsAreNoticed(text: str) -> None:
    assert len(privateImports(ast.parse(text))) == 1


def test_publicImportsAreNoPrivateOnes() -> None:
    text = "from __future__ import annotations\nfrom bastion import __version__"
    assert privateImports(ast.parse(text)) == set()
