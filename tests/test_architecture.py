"""
The house rules: floors, mirror, size, names, docstrings.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bastion

PACKAGE = Path(bastion.__file__).parent
ROOT = PACKAGE.parent
TESTS = ROOT / "tests"

#: A package may import from lower floors, or from itself; those of one floor do not
#: know each other.  What is not named here has no floor yet, and fails.
FLOORS: list[set[str]] = [
    {
        *("bastion", "bastion.interfaces", "bastion.state", "bastion.wire", "bastion.algorithms"),
        *("bastion.errors", "bastion.hardening", "bastion.largepages", "bastion.wholefile"),
    },
    {"bastion.config"},
    {"bastion.audit"},
    {"bastion.ssh", "bastion.hosts", "bastion.admission"},
    {"bastion.auth", "bastion.upstream", "bastion.relay"},
    {"bastion.gateway"},
    {"bastion.admin", "bastion.processes", "bastion.lab"},
    {"bastion.tap"},
]
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}
#: The words of floor 0 know each other: a message may be malformed in any of them.
WORDS = FLOORS[0]
#: May import everything, and is imported by the lab (and by tests).
TESTING, TESTINGS_GUEST = "bastion.testing", "bastion.lab"

#: Where the reactor may be imported.
REACTOR = {"bastion.tap", "bastion.lab.__main__"}

#: What a file that calls itself pure does without.
NOT_PURE = {
    *("twisted", "os", "io", "pathlib", "socket", "select", "subprocess", "threading"),
    *("time", "datetime", "secrets"),
}

#: What floor 0 may import beside the standard library and itself.
WORDS_THIRD_PARTIES = {"attr", "attrs", "zope"}

#: Sources without a test file at the mirrored path, and where they are tested.
COVERED_ELSEWHERE: dict[str, str] = {
    # Methods that do nothing; what the transport tells them is tested there.
    "bastion/ssh/owner.py": "tests/ssh/test_transport.py",
    # Two sides and what they share: every test of the sides is one of it.
    "bastion/relay/pair.py": "tests/relay/test_connection.py",
    # What the operations answer.
    "bastion/gateway/answers.py": "tests/gateway/test_operations.py",
    # Three lines, which need a process of their own.
    "bastion/lab/__main__.py": "tests/lab/test_site.py",
}

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
#: Names that say nothing; the last ones say that something is done, and not what.
EMPTY_NAMES = {
    *("utils", "util", "common", "helpers", "helper", "misc", "core", "base"),
    *("handler", "handlers", "processor", "engine", "manager"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source:
    """
    One file of the package.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.relative = path.relative_to(ROOT)
        parts = self.relative.with_suffix("").parts
        self.isPackage = parts[-1] == "__init__"
        self.module = ".".join(parts[:-1] if self.isPackage else parts)
        self.lines = path.read_text().splitlines()
        self.tree = ast.parse(path.read_text())

    def __repr__(self) -> str:
        return str(self.relative)


SOURCES = [Source(path) for path in sorted(PACKAGE.rglob("*.py"))]
MODULES = {source.module for source in SOURCES}
eachSource = pytest.mark.parametrize("source", SOURCES, ids=repr)


def imported(tree: ast.AST) -> Iterator[str]:
    """
    The dotted name of everything that is imported, wherever the import stands.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{each.name}" for each in node.names)


def ours(tree: ast.AST) -> set[str]:
    """
    The modules of the package that are imported.
    """
    names = (name for name in imported(tree) if name.split(".")[0] == "bastion")
    return {name if name in MODULES else name.rpartition(".")[0] for name in names}


def packageOf(module: str) -> str:
    """
    What has a floor: C{bastion.relay} for C{bastion.relay.channels}.
    """
    return ".".join(module.split(".")[:2])


def mayImport(importer: str, what: str) -> bool:
    """
    Whether one package may import from another.
    """
    if importer == what or importer == TESTING:
        return True
    if what == TESTING:
        return importer == TESTINGS_GUEST
    return FLOOR[what] < FLOOR[importer] or {importer, what} <= WORDS


def problemsOf(source: str, module: str) -> list[str]:
    """
    The packages that a text must not import.
    """
    packages = sorted(map(packageOf, ours(ast.parse(source))))
    return [what for what in packages if not mayImport(packageOf(module), what)]


# Floors


def test_everyPackageHasAFloor() -> None:
    assert {packageOf(module) for module in MODULES} <= {*FLOOR, TESTING}


@eachSource
def test_importsLeadDownwards(source: Source) -> None:
    assert problemsOf("\n".join(source.lines), source.module) == []


@pytest.mark.parametrize(
    ("module", "text", "problems"),
    [
        ("bastion.relay.session", "from bastion.auth.client import UserAuthClient", ["auth"]),
        ("bastion.relay.session", "import bastion.gateway.factory", ["gateway"]),
        ("bastion.relay.session", "from bastion import upstream", ["upstream"]),
        ("bastion.ssh.server", "def f():\n    from bastion.hosts import memory", ["hosts"]),
        ("bastion.ssh.server", "if TYPE_CHECKING:\n    import bastion.relay.valve", ["relay"]),
        ("bastion.wire", "import bastion.config", ["config"]),
        ("bastion.wire", "from bastion import interfaces, __version__", []),
        ("bastion.gateway.factory", "from bastion.testing import network", ["testing"]),
        ("bastion.lab.site", "from bastion.testing import network", []),
        ("bastion.lab.site", "import bastion.tap", ["tap"]),
        ("bastion.testing.network", "import bastion.gateway.factory", []),
        ("bastion.relay.session", "import bastion.relay.grants, bastion.ssh.tcp, os", []),
    ],
)
def test_importsThatLeadElsewhereAreNoticed(module: str, text: str, problems: list[str]) -> None:
    assert problemsOf(text, module) == [f"bastion.{name}" for name in problems]


@pytest.mark.parametrize("module", sorted(WORDS))
def test_wordsNeedTheStandardLibraryAndAttrsOnly(module: str) -> None:
    (source,) = [each for each in SOURCES if each.module == module]
    roots = {name.split(".")[0] for name in imported(source.tree)}
    assert roots <= {"bastion", *WORDS_THIRD_PARTIES, *sys.stdlib_module_names}


@eachSource
def test_reactorComesThroughTheDoor(source: Source) -> None:
    found = [name for name in imported(source.tree) if name.split(".")[-1] == "reactor"]
    assert not found or source.module in REACTOR


PURE = [each for each in SOURCES if "(pure)" in (ast.get_docstring(each.tree) or "")]


@pytest.mark.parametrize("source", PURE, ids=repr)
def test_pureMeansWithoutInputAndOutput(source: Source) -> None:
    assert {name.split(".")[0] for name in imported(source.tree)} & NOT_PURE == set()


@pytest.mark.parametrize("path", sorted((ROOT / "twisted" / "plugins").glob("*.py")))
def test_pluginFilesKnowDescriptionsOnly(path: Path) -> None:
    allowed = {"bastion.interfaces", "bastion.state", "bastion.config.extension"}
    assert ours(ast.parse(path.read_text())) <= allowed


# The mirror

MIRRORED = [each for each in SOURCES if not each.isPackage]


def mirror(source: Source) -> Path:
    """
    Where the tests of a file are.
    """
    inside = source.path.relative_to(PACKAGE)
    return TESTS / inside.parent / f"test_{inside.name}"


@pytest.mark.parametrize("source", MIRRORED, ids=repr)
def test_everySourceHasItsTests(source: Source) -> None:
    elsewhere = COVERED_ELSEWHERE.get(str(source))
    assert (ROOT / elsewhere if elsewhere else mirror(source)).is_file()


def test_whatIsCoveredElsewhereExistsAndHasNoMirror() -> None:
    for source in MIRRORED:
        assert not (str(source) in COVERED_ELSEWHERE and mirror(source).exists())
    assert set(COVERED_ELSEWHERE) <= {str(source) for source in SOURCES}


def test_everyTestHasItsSource() -> None:
    """
    C{test_load_mistakes.py} belongs to C{load.py}: one file of tests may be two.
    """
    stray = []
    for package in sorted(PACKAGE.iterdir()):
        for path in sorted((TESTS / package.name).glob("test_*.py")):
            words = path.stem.removeprefix("test_").split("_")
            names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
            if not any((package / f"{name}.py").is_file() for name in names):
                stray.append(path.relative_to(ROOT))
    assert stray == []


# Size, names, docstrings


@eachSource
def test_fileIsOneRoom(source: Source) -> None:
    assert len(source.lines) <= LONGEST_FILE


def codeLines(function: Function, lines: list[str]) -> int:
    """
    The lines of a function's body without its docstring, comments and blanks.
    """
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    code = (line.strip() for line in lines[body[0].lineno - 1 : function.end_lineno])
    return sum(bool(line) and not line.startswith("#") for line in code)


@eachSource
def test_functionsAreShort(source: Source) -> None:
    functions = (node for node in ast.walk(source.tree) if isinstance(node, Function))
    long = {each.name: codeLines(each, source.lines) for each in functions}
    assert {name: size for name, size in long.items() if size > LONGEST_FUNCTION} == {}


def test_docstringsCommentsAndBlanksAreNotCounted() -> None:
    text = "def f():\n    'Says.'\n    # why\n    a = (\n        1\n    )\n\n    return a\n"
    (function,) = ast.parse(text).body
    assert isinstance(function, Function)
    assert codeLines(function, text.splitlines()) == 4


@eachSource
def test_moduleNamesSayWhatIsInside(source: Source) -> None:
    assert EMPTY_NAMES.isdisjoint(source.module.split("."))
    assert source.module == source.module.lower()


def undocumented(node: Any, name: str) -> Iterator[str]:
    """
    The public names in and below a node that have no docstring.
    """
    if not ast.get_docstring(node):
        yield name
    if isinstance(node, Function):
        return
    for each in node.body:
        if isinstance(each, Function | ast.ClassDef) and not each.name.startswith("_"):
            yield from undocumented(each, f"{name}.{each.name}")


@eachSource
def test_everythingPublicHasADocstring(source: Source) -> None:
    assert list(undocumented(source.tree, source.module)) == []


@pytest.mark.parametrize("source", [each for each in SOURCES if each.isPackage], ids=repr)
def test_packageOpensWithItsVocabularyAndNothingElse(source: Source) -> None:
    version = f"__version__ = {bastion.__version__!r}"
    code = [ast.unparse(node) for node in source.tree.body[1:]]
    assert code == ([version] if source.module == "bastion" else [])
