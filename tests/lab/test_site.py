"""
The site: three hosts, and something in the bastion's place in front of them.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel, globalLogBeginner
from twisted.python.usage import UsageError

from bastion.lab.directory import Gateways, LabDirectory, LabError
from bastion.lab.site import HOSTS, Options, Site, logTo, makePassword, run

BASTION = """
import os, socket, sys, tomllib
values = tomllib.load(open(sys.argv[1], "rb"))
state = os.path.join(os.path.dirname(sys.argv[1]), values["bastion"]["state_dir"])
os.makedirs(state, exist_ok=True)
for kind in ("ed25519", "rsa"):
    with open(f"{state}/ssh_host_{kind}_key.pub", "w") as stream:
        stream.write(f"ssh-{kind} AAAA\\n")
ports = [int(each["listen"].split(":")[1]) for each in values["gateway"].values()]
listening = [socket.create_server(("127.0.0.1", port)) for port in ports]
while True:
    for each in listening:
        each.accept()
"""


class Reactor:
    """
    The reactor, except that tests decide when it shuts down.
    """

    def __init__(self) -> None:
        self.shutdown: list[Callable[[], Deferred[None]]] = []

    def addSystemEventTrigger(
        self, phase: str, event: str, call: Callable[[], Deferred[None]]
    ) -> None:
        """
        Keep what is to be done before shutdown.
        """
        assert (phase, event) == ("before", "shutdown")
        self.shutdown.append(call)

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)


class Screen(StringIO):
    """
    A screen that says when something stands on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown: Deferred[str] = Deferred()

    def flush(self) -> None:
        """
        Something stands there.
        """
        super().flush()
        if not self.shown.called:
            self.shown.callback(self.getvalue())


@pytest.fixture
def gateways(twoPorts: tuple[int, int]) -> Gateways:
    """
    At ports that nobody uses.
    """
    esrf, ill = twoPorts
    return Gateways(esrf=esrf, ill=ill)


@pytest.fixture
def taken() -> Iterator[int]:
    """
    A port that somebody uses.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def directory(tmp_path: Path) -> LabDirectory:
    """
    A directory that has been prepared.
    """
    made = LabDirectory(tmp_path / ".lab")
    made.prepare()
    return made


def bastionOf(script: str) -> Callable[[Path], list[str]]:
    """
    A command line with a Python script in the bastion's place.
    """
    return lambda configuration: [sys.executable, "-c", script, str(configuration)]


def test_aPasswordCanBeTyped() -> None:
    assert re.fullmatch("[a-z]{4}(-[a-z]{4}){2}", makePassword())
    assert makePassword() != makePassword()
    assert makePassword(lambda letters: letters[-1]) == "zzzz-zzzz-zzzz"
    assert not set("ilo") & set(makePassword(lambda letters: letters))


@pytest.mark.parametrize("port", ["0", "65536", "-1", "ssh"])
def test_aPortIsAPort(port: str) -> None:
    with pytest.raises(UsageError):
        Options().parseOptions(["--esrf-port", port])


def test_theOptionsHaveDefaults() -> None:
    options = Options()
    options.parseOptions([])
    assert (options["directory"], options["esrf-port"], options["ill-port"]) == (
        *(".lab", 5022, 5023),
    )


@pytest_twisted.ensureDeferred
async def test_theHostsStartWithoutBastion(directory: LabDirectory, gateways: Gateways) -> None:
    site = Site(reactor, directory, gateways, os.environ, None)
    await site.start()
    told = site.announcement()
    assert (tuple(told.hosts), told.gateways) == (HOSTS, None)
    lines = directory.knownHosts.read_text().splitlines()
    assert [line.split()[0] for line in lines] == [
        f"[127.0.0.1]:{port}" for port in told.hosts.values()
    ]
    assert not directory.configuration.exists()
    await site.stop()


@pytest_twisted.ensureDeferred
async def test_theBastionStartsInFront(directory: LabDirectory, gateways: Gateways) -> None:
    site = Site(reactor, directory, gateways, os.environ, bastionOf(BASTION))
    await site.start()
    assert site.announcement().gateways == gateways
    assert f"[127.0.0.1]:{gateways.ill} ssh-rsa AAAA" in directory.clientKnownHosts.read_text()
    await site.stop()
    assert site.stopping
    directory.prepare()  # free for the next lab
    directory.release()


@pytest_twisted.ensureDeferred
async def test_aPortThatIsTakenIsReported(
    directory: LabDirectory, gateways: Gateways, taken: int
) -> None:
    site = Site(reactor, directory, Gateways(gateways.esrf, taken), os.environ, bastionOf(BASTION))
    with pytest.raises(LabError) as caught:
        await site.start()
    assert f"port {taken} of 127.0.0.1 is not free" in str(caught.value)
    assert "choose another one with --ill-port" in str(caught.value)
    assert site.announcement().hosts == {}


@pytest_twisted.ensureDeferred
async def test_aSiteThatIsStoppedBeforeItStartsStartsNothing(
    directory: LabDirectory, gateways: Gateways
) -> None:
    site = Site(reactor, directory, gateways, os.environ, bastionOf(BASTION))
    await site.stop()
    await site.start()
    assert site.announcement().hosts == {}


@pytest.fixture
def ask(
    directory: LabDirectory, gateways: Gateways, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Reactor, Screen, StringIO, Deferred[None]]]:
    """
    Runs the lab in this process.
    """
    directory.release()
    monkeypatch.chdir(directory.path.parent)

    def ask(
        *options: str, script: str = BASTION
    ) -> tuple[Reactor, Screen, StringIO, Deferred[None]]:
        own, out, err = Reactor(), Screen(), StringIO()
        words = ["--esrf-port", str(gateways.esrf), "--ill-port", str(gateways.ill), *options]
        command = bastionOf(script)
        running = run(own, words, out, err, command, startLogging=lambda stream: stream.close())
        return own, out, err, Deferred.fromCoroutine(running)

    return ask


@pytest_twisted.ensureDeferred
async def test_peopleAreToldHowToLogIn(ask: Any, gateways: Gateways) -> None:
    own, out, err, finished = ask()
    text = await out.shown
    assert f"ssh -p {gateways.esrf} -o UserKnownHostsFile=" in text
    assert f"{Path.cwd()}/.lab/client_known_hosts" in text
    await own.shutdown[0]()
    await finished
    assert err.getvalue() == ""


@pytest_twisted.ensureDeferred
async def test_programsAreToldWhereEverythingIs(ask: Any) -> None:
    own, out, _, finished = ask("--json", "--hosts-only")
    told = json.loads(await out.shown)
    assert set(told["hosts"]) == set(HOSTS)
    await own.shutdown[0]()
    assert not finished.called  # the reactor ends it


@pytest_twisted.ensureDeferred
async def test_aBastionThatDoesNotStartIsReported(ask: Any) -> None:
    own, out, err, finished = ask(script="raise SystemExit('the reason')")
    with pytest.raises(SystemExit) as caught:
        await finished
    assert caught.value.code == 1
    assert err.getvalue().startswith("lab: the bastion ended with exit status 1\n")
    assert err.getvalue().endswith("  the reason\n")
    assert out.getvalue() == ""
    await own.shutdown[0]()


@pytest_twisted.ensureDeferred
async def test_aBastionThatEndsLaterIsReported(ask: Any) -> None:
    once = BASTION.split("while True", maxsplit=1)[0] + "for each in listening: each.accept()\n"
    own, _, err, finished = ask(script=once)
    with pytest.raises(SystemExit):
        await finished
    assert "lab: the bastion ended with exit status 0\n" in err.getvalue()
    await own.shutdown[0]()


@pytest_twisted.ensureDeferred
async def test_stoppingWhileTheBastionStartsIsNoError(ask: Any, directory: LabDirectory) -> None:
    own, out, err, finished = ask(script="import signal; signal.pause()")
    await own.shutdown[0]()
    await finished
    assert (out.getvalue(), err.getvalue()) == ("", "")


@pytest.mark.parametrize("words", [("--nonsense",), ("--directory", "/proc/none/lab")])
@pytest_twisted.ensureDeferred
async def test_whatCannotBeDoneIsReported(ask: Any, words: tuple[str, ...]) -> None:
    _, _, err, finished = ask(*words)
    with pytest.raises(SystemExit) as caught:
        await finished
    assert caught.value.code == 1
    assert re.fullmatch("lab: .+\n", err.getvalue())


def test_theLogHoldsNothingOfConchs(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Conch logs commands at info, and packets at debug.
    """
    observers: list[Any] = []
    monkeypatch.setattr(
        globalLogBeginner, "beginLoggingTo", lambda given, **_: observers.extend(given)
    )
    stream = StringIO()
    logTo(stream)
    for namespace in ("twisted.conch.ssh.session", "bastion.lab.session", "lab"):
        log = Logger(namespace, observer=observers[0])
        for level in (LogLevel.debug, LogLevel.info, LogLevel.warn):
            log.emit(level, "{at} {name}", at=namespace, name=level.name)
    said = [line.split("] ", 1)[1] for line in stream.getvalue().splitlines()]
    assert said == [
        "twisted.conch.ssh.session warn",
        "bastion.lab.session warn",
        "lab info",
        "lab warn",
    ]
