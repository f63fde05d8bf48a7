"""
L{bastion.tap}: from the command line to a service.
"""

from __future__ import annotations

import base64
import gc
import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.python.usage import UsageError

from bastion import __version__
from bastion.config.problems import ConfigurationError
from bastion.hardening import HardeningRefused
from bastion.tap import Options, makeService, settle
from bastion.wire import string

GOOD = """
[gateway.esrf]
listen = "tcp:0:interface=127.0.0.1"
cluster = "nice"
[gateway.embl]
listen = ["tcp:0:interface=127.0.0.1"]
notice = "See its own pages."
[cluster.nice]
hosts = ["nice1"]
"""


class Reading(Protocol):
    """
    A client that only reads.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.line: Deferred[bytes] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.heard += data
        if b"\n" in self.heard and not self.line.called:
            self.line.callback(self.heard)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        The end.
        """
        self.gone.callback(None)


@pytest.fixture(autouse=True)
def hardened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """
    How often the process was to be closed to others, which must not happen to the one
    that runs the tests.
    """
    calls: list[str] = []
    monkeypatch.setattr("bastion.tap.harden", lambda: calls.append("harden"))
    return calls


@pytest.fixture(autouse=True)
def shortened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """
    Which reactors were to be made quicker; that of the tests stays as it is.
    """
    reactors: list[object] = []
    monkeypatch.setattr("bastion.tap.shorten", reactors.append)
    return reactors


def service(directory: Path, text: str | None = GOOD) -> Any:
    """
    The service for a file.
    """
    path = directory / "bastion.toml"
    if text is not None:
        path.write_text(text)
    options = Options()
    options.parseOptions(["--config", str(path)])
    return makeService(options)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """
    A directory with what the good file names.
    """
    blob = base64.b64encode(string(b"ssh-ed25519") + string(bytes(32))).decode()
    (tmp_path / "known_hosts").write_text(f"nice1 ssh-ed25519 {blob}\n")
    return tmp_path


def refusal(directory: Path, text: str | None) -> str:
    """
    What the operator is told.
    """
    with pytest.raises(SystemExit) as caught:
        service(directory, text)
    return str(caught.value.code)


def test_fileIsTheOneOfTheSystemUnlessSaid() -> None:
    options = Options()
    options.parseOptions([])
    assert options["config"] == "/etc/bastion/bastion.toml"
    options.parseOptions(["-c", "other.toml"])
    assert options["config"] == "other.toml"


def test_unknownOptionsAreErrors() -> None:
    with pytest.raises(UsageError):
        Options().parseOptions(["--port", "22"])


def test_versionIsTheBastions() -> None:
    with pytest.raises(SystemExit) as caught:
        Options().parseOptions(["--version"])
    assert caught.value.code == f"bastion {__version__}"


def test_missingFileIsNamed(directory: Path) -> None:
    said = refusal(directory, None)

    assert said.startswith(f"{directory / 'bastion.toml'} cannot be used:\n")
    assert "there is no such file" in said


def test_allProblemsOfAFileAreListed(directory: Path) -> None:
    text = GOOD.replace('"nice"', '"nise"', 1).replace("notice", "notise")
    text += '[admission]\nlogin_grace_time = "60"\n'

    lines = refusal(directory, text).splitlines()

    paths = [line.partition(":")[0] for line in lines[1:]]
    assert paths[0] == "gateway.esrf.cluster"
    assert "gateway.embl.notise" in paths
    assert "admission.login_grace_time" in paths
    assert not (directory / "state").exists()


def test_hostKeysThatCannotBeUsedAreNamed(directory: Path) -> None:
    (directory / "state").mkdir()
    (directory / "state" / "ssh_host_rsa_key").write_text("nonsense")
    (directory / "state" / "ssh_host_rsa_key").chmod(0o600)

    said = refusal(directory, GOOD)

    assert "bastion.state_dir: " in said
    assert "ssh_host_rsa_key" in said


def test_auditLogThatCannotBeWrittenIsNamed(directory: Path) -> None:
    (directory / "state" / "audit.jsonl").mkdir(parents=True)

    said = refusal(directory, GOOD)

    assert said.startswith("the audit log cannot be written: ")
    assert "audit.jsonl" in said


@pytest_twisted.ensureDeferred
async def test_serviceStartsAnswersAndStops(directory: Path) -> None:
    running = service(directory)
    assert IService.providedBy(running)
    running.privilegedStartService()
    running.startService()
    clients = []
    for port in running._ports:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        client = await connectProtocol(endpoint, Reading())
        clients.append(client)
        assert (await client.line).startswith(b"SSH-2.0-")

    await running.stopService()
    for client in clients:
        await client.gone
    assert running.close.__self__._file.closed

    written = (directory / "state" / "audit.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in written]
    assert [event["event"] for event in events].count("connection.opened") == 2
    closed = [event for event in events if event["event"] == "connection.closed"]
    assert [event["reason"] for event in closed] == ["the gateway stopped"] * 2
    assert {event["gateway"] for event in closed} == {"esrf", "embl"}


def test_eventsComeTheShorterWay(directory: Path, shortened: list[object]) -> None:
    service(directory)
    assert shortened == [reactor]


def test_whatIsThereAtTheStartIsOutOfTheCollectorsSight() -> None:
    gc.unfreeze()

    settle()

    assert gc.get_freeze_count() > 10_000


def test_whatIsThereAtTheStartIsInLargePages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("bastion.tap.useLargePages", lambda: asked.append(gc.get_freeze_count()))
    gc.unfreeze()

    settle()

    assert [count > 10_000 for count in asked] == [True]


def test_processIsClosedToOthersBeforeAnythingIsRead(
    directory: Path, hardened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*arguments: Any) -> None:
        hardened.append("read")
        raise ConfigurationError([])

    monkeypatch.setattr("bastion.tap.read", read)
    with pytest.raises(SystemExit):
        service(directory)
    assert hardened == ["harden", "read"]


def test_processThatCannotBeClosedToOthersDoesNotStart(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise HardeningRefused("no prctl here")

    monkeypatch.setattr("bastion.tap.harden", refuse)
    with pytest.raises(SystemExit) as caught:
        service(directory)
    assert str(caught.value) == "the process cannot be closed to others: no prctl here"
