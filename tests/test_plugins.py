"""
Tests of what C{twisted.plugin} finds: the extensions that come with the bastion,
the C{twistd} command, and the examples.
"""

from __future__ import annotations

import ast
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IServiceMaker
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs
from twisted.plugin import IPlugin, getPlugins
from zope.interface import implementer
from zope.interface.verify import verifyObject

import bastion
import twisted.plugins
from bastion.admission.rules import Rules
from bastion.interfaces import (
    AdmissionRefused,
    Candidate,
    ChannelRequest,
    HostAddress,
    HostRequest,
    HostUnhealthy,
    IAdmissionRule,
    ICheckedHost,
    IExtension,
    IHealthCheck,
    ISessionPolicy,
    IStrategy,
    Login,
)
from bastion.state import IStateStore

ROOT = Path(bastion.__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples" / "plugins").glob("*.py"))
STRATEGIES = {
    *("ordered", "random", "round-robin", "least-sessions", "least-bandwidth"),
    *("user-hash", "quickest"),
}
CHECKS = {"tcp", "identification", "handshake"}
BUILT_IN = [
    *((IStrategy, name) for name in sorted(STRATEGIES)),
    *((IHealthCheck, name) for name in sorted(CHECKS)),
    (IStateStore, "memory"),
]
eachBuiltIn = pytest.mark.parametrize(
    ("role", "name"), BUILT_IN, ids=[name for _, name in BUILT_IN]
)
HOSTS = [Candidate(HostAddress(f"nice{number}.example.org"), 0) for number in range(4)]


def extensions() -> list[Any]:
    """
    Every extension that is installed.
    """
    return list(getPlugins(IExtension))


def named(role: Any, name: str) -> Any:
    """
    The extension of that name.
    """
    (found,) = [each for each in extensions() if each.role is role and each.name == name]
    return found


# What comes with the bastion


def test_builtInStrategiesAndChecksAreFound() -> None:
    assert {each.name for each in extensions() if each.role is IStrategy} >= STRATEGIES
    assert {each.name for each in extensions() if each.role is IHealthCheck} >= CHECKS


def test_noTwoOfARoleHaveTheSameName() -> None:
    counts = Counter((each.role, each.name) for each in extensions())
    assert set(counts.values()) == {1}


@eachBuiltIn
def test_builtInIsBuiltWithoutOptions(role: Any, name: str) -> None:
    extension = named(role, name)
    assert verifyObject(IExtension, extension)
    assert verifyObject(IPlugin, extension)
    assert verifyObject(role, extension.build(extension.options()))


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_strategyRanks(name: str) -> None:
    extension = named(IStrategy, name)
    strategy = extension.build(extension.options())
    ranked = strategy.rank(HOSTS, HostRequest(b"johnson", "192.0.2.7", "esrf"))
    assert sorted(ranked, key=HOSTS.index) == HOSTS


@eachBuiltIn
def test_builtInIsInTheConfigurationThatWeShip(role: Any, name: str) -> None:
    assert f'"{name}"' in (ROOT / "etc" / "bastion.toml").read_text()


@pytest.mark.parametrize("extension", extensions(), ids=lambda each: each.name)
def test_descriptionIsOneSentence(extension: Any) -> None:
    assert extension.description.endswith(".")
    assert "\n" not in extension.description


# twistd


def test_twistdFindsTheCommand() -> None:
    (maker,) = [each for each in getPlugins(IServiceMaker) if each.tapname == "bastion"]
    assert verifyObject(IServiceMaker, maker)
    assert maker.options().synopsis
    assert callable(maker.makeService)


def test_commandsPluginFileImportsNothingOfOurs() -> None:
    """
    C{twistd --help} imports it, whoever runs it and for whatever.
    """
    tree = ast.parse((ROOT / "twisted" / "plugins" / "bastion_service.py").read_text())
    (imported,) = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert ast.unparse(imported) == "from twisted.application.service import ServiceMaker"


def test_pluginsShareTheirPackage() -> None:
    """
    An C{__init__.py} would hide Twisted's own plugins.
    """
    assert not (ROOT / "twisted" / "__init__.py").exists()
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()


# The examples

#: Options for those that cannot do without.
OPTIONS: dict[str, dict[str, Any]] = {
    "guests": {"file": "/etc/bastion/guests"},
    "maintenance": {"folder": "/etc/bastion/maintenance"},
    "no-forwarding": {"accounts": ["in*", "ch1000"]},
}


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """
    The extensions among the examples, installed as they say.
    """
    folder = tmp_path / "twisted" / "plugins"
    folder.mkdir(parents=True)
    for example in EXAMPLES:
        shutil.copy(example, folder)
    monkeypatch.setattr(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(folder)])
    stems = {example.stem for example in EXAMPLES}
    yield [each for each in extensions() if each.factory.split(".")[-2] in stems]
    for stem in stems:
        sys.modules.pop(f"twisted.plugins.{stem}", None)


def built(examples: list[Any], name: str, **options: Any) -> Any:
    """
    The object that an example is about.
    """
    (extension,) = [each for each in examples if each.name == name]
    return extension.build(extension.options(**(options or OPTIONS.get(name, {}))))


def test_everyExampleIsFoundAndBuilt(examples: list[Any]) -> None:
    assert {each.factory.split(".")[-2] for each in examples} == {each.stem for each in EXAMPLES}
    for extension in examples:
        assert verifyObject(IExtension, extension)
        assert verifyObject(extension.role, built(examples, extension.name))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.stem)
def test_exampleSaysWhatItDoesAndHowToInstallIt(example: Path) -> None:
    said = ast.get_docstring(ast.parse(example.read_text())) or ""
    assert "twisted/plugins/" in said and "::" in said
    assert len(example.read_text().splitlines()) <= 60


def test_exampleOfAStrategyKeepsAnAccountAtItsHost(examples: list[Any]) -> None:
    strategy = built(examples, "by-account")
    first = {}
    for account in (b"johnson", b"jackson", b"in123", b""):
        request = HostRequest(account, "192.0.2.7", "esrf")
        ranked = [strategy.rank(HOSTS, request) for _ in range(3)]
        assert ranked[0] == ranked[1] == ranked[2]
        assert sorted(ranked[0], key=HOSTS.index) == HOSTS
        first[account] = ranked[0][0]
    assert len(set(first.values())) > 1


@pytest.mark.parametrize(
    ("account", "name", "allowed"),
    [
        (b"in123", b"direct-tcpip", False),
        (b"ch1000", b"tcpip-forward", False),
        (b"in123", b"direct-streamlocal@openssh.com", False),
        (b"in123", b"streamlocal-forward@openssh.com", False),
        (b"in123", b"session", True),
        (b"johnson", b"direct-tcpip", True),
        (b"ch10001", b"direct-tcpip", True),
        (b"\xff", b"direct-tcpip", True),
    ],
)
def test_exampleOfAPolicyRefusesForwardingToSome(
    examples: list[Any], account: bytes, name: bytes, allowed: bool
) -> None:
    policy = built(examples, "no-forwarding")
    login = Login(account, "192.0.2.7", "esrf", HOSTS[0].address, b"password")
    assert policy.decide(ChannelRequest("open", name, True), login).allowed is allowed


@implementer(ICheckedHost)
class ReadyHost:
    """
    A host that is ready for a login.
    """

    address = HOSTS[0].address
    endpoint = None

    def handshake(self) -> Deferred[None]:
        """
        See L{ICheckedHost}.
        """
        return succeed(None)


def test_exampleOfACheckPassesOverAHostThatIsWorkedOn(examples: list[Any], tmp_path: Path) -> None:
    check, came = built(examples, "maintenance", folder=str(tmp_path)), []
    note = tmp_path / ReadyHost.address.name
    for change in (lambda: None, note.touch, note.unlink):
        change()
        check.check(ReadyHost()).addBoth(came.append)
    before, during, after = came
    assert (before, after) == (None, None)
    assert during.type is HostUnhealthy
    assert str(note) in during.getErrorMessage()


def test_exampleOfARuleAdmitsThoseWhomAFileNames(examples: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "guests"
    rules = Rules([built(examples, "guests", file=str(file))])

    def refused(source: str) -> str:
        found: list[Any] = []
        asked = Deferred.fromCoroutine(rules.admit(source, found.append))
        asked.addBoth(lambda result: found.append(result))
        (result,) = found
        return "" if result is None else str(result.value)

    file.write_text("192.0.2.0/24\n2001:db8::7\n")
    assert [refused(each) for each in ("192.0.2.7", "2001:db8::7")] == ["", ""]
    assert refused("198.51.100.7") == "198.51.100.7 is not among the guests; call extension 2424."
    assert "2001:db8::8 is not" in refused("2001:db8::8")

    file.write_text("198.51.100.7\n")
    assert refused("198.51.100.7") == ""


@pytest.mark.parametrize("content", [None, "192.0.2.0/24\nnice1\n"])
def test_exampleOfARuleRefusesWhenItCannotTell(
    examples: list[Any], tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "guests"
    if content is not None:
        file.write_text(content)
    rules, found = Rules([built(examples, "guests", file=str(file))]), []
    with capturedLogs() as logs:
        asked = Deferred.fromCoroutine(rules.admit("198.51.100.7", lambda _: None))
        asked.addErrback(lambda failure: found.append(failure.value))
    assert [type(each) for each in found] == [AdmissionRefused]
    assert [event["log_failure"].type for event in logs if "log_failure" in event] != []


def test_everyRoleHasAnExample(examples: list[Any]) -> None:
    roles = {IAdmissionRule, IHealthCheck, IStrategy, ISessionPolicy}
    assert {each.role for each in examples} >= roles
