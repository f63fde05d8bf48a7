"""
L{bastion.hosts.statefile}: when the file is written, and how.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from zope.interface import implementer
from zope.interface.verify import verifyObject

from bastion.hosts import statefile
from bastion.hosts.statefile import AGAIN, DELAY, NotKept, StateFile
from bastion.hosts.statetext import Kept, read
from bastion.interfaces import HostAddress
from bastion.state import AdminState

ONE = HostAddress("nice1.example.org")
BEGIN = 1795600000.0


@define(eq=False)
class Record:
    """
    A file, and what is to be written to it: a number, as the reason of a state.
    """

    folder: Path
    clock: Clock = field(factory=Clock)
    number: int = 0
    file: StateFile = field(init=False)

    def __attrs_post_init__(self) -> None:
        path = self.folder / "state.json"
        self.file = StateFile(path, self.clock, lambda: BEGIN + self.clock.seconds(), self.kept)

    def kept(self) -> Kept:
        """
        What is to be written.
        """
        return Kept({("nice", ONE): AdminState("drain", BEGIN, str(self.number))})

    def change(self, number: int) -> None:
        """
        Something that can wait.
        """
        self.number = number
        self.file.changed()

    def save(self, number: int) -> Deferred[None]:
        """
        Something that cannot.
        """
        self.number = number
        return self.file.save()

    @property
    def written(self) -> int | None:
        """
        What is in the file.
        """
        if not self.file.path.exists():
            return None
        admin = read(self.file.path.read_bytes(), BEGIN).admin
        return int(admin["nice", ONE].reason)


@pytest.fixture
def kept(tmp_path: Path) -> Record:
    """
    A file that is not there yet.
    """
    return Record(tmp_path)


def said(events: list[Any]) -> list[tuple[str, str]]:
    """
    What was logged, with its level.
    """
    return [(event["log_level"].name, formatEvent(event)) for event in events]


def outcome(deferred: Deferred[None]) -> list[Any]:
    """
    What a Deferred has fired with; nothing if it has not.
    """
    found: list[Any] = []
    deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found


# When


def test_whatCannotWaitIsWrittenAtOnce(kept: Record) -> None:
    assert outcome(kept.save(1)) == [None]
    assert kept.written == 1


def test_whatCanWaitIsWrittenOnceASecond(kept: Record) -> None:
    kept.change(1)
    kept.clock.advance(DELAY / 2)
    kept.change(2)
    assert kept.written is None
    kept.clock.advance(DELAY / 2)
    assert kept.written == 2
    kept.change(3)
    kept.clock.advance(DELAY - 0.1)
    assert kept.written == 2
    kept.clock.advance(0.1)
    assert kept.written == 3
    assert kept.clock.getDelayedCalls() == []


def test_largeFileIsWrittenLessOften(kept: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.save(1)
    monkeypatch.setattr(statefile, "SPEED", kept.file.path.stat().st_size / 3)
    kept.save(2)
    kept.change(3)
    kept.clock.advance(2.9)
    assert kept.written == 2
    kept.clock.advance(0.1)
    assert kept.written == 3
    assert outcome(kept.save(4)) == [None]
    assert kept.written == 4


def test_whatIsWrittenAlreadyIsNotWrittenAgain(kept: Record) -> None:
    kept.change(1)
    kept.save(2)
    assert (kept.written, kept.clock.getDelayedCalls()) == (2, [])


def test_closingWritesWhatWaits(kept: Record) -> None:
    kept.change(1)
    assert outcome(kept.file.close()) == [None]
    assert (kept.written, kept.clock.getDelayedCalls()) == (1, [])


def test_closingWithoutAChangeWritesNothing(kept: Record) -> None:
    assert outcome(kept.file.close()) == [None]
    assert kept.written is None


def test_clockThatIsSetBackDelaysNoWrite(kept: Record) -> None:
    kept.change(1)
    kept.clock.advance(-3600)
    kept.change(2)
    kept.clock.advance(DELAY)
    assert kept.written == 2


# How


def test_fileIsTheOwnersAlone(kept: Record) -> None:
    before = os.umask(0)
    try:
        kept.save(1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.file.path.stat().st_mode) == 0o600


def test_directoryIsMadeWhenItIsMissing(tmp_path: Path) -> None:
    kept = Record(tmp_path / "not" / "there")
    assert outcome(kept.save(1)) == [None]
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700


def test_fileIsOnTheDiskBeforeItHasItsName(kept: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And its name is before anybody is told.
    """
    steps = []
    fsync, rename = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        isFile = stat.S_ISREG(os.fstat(descriptor).st_mode)
        steps.append(("file" if isFile else "directory", kept.written))
        fsync(descriptor)

    def renamed(old: Path, new: Path) -> None:
        steps.append(("rename", kept.written))
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    kept.save(1).addCallback(lambda _: steps.append(("told", kept.written)))
    assert steps == [("file", None), ("rename", None), ("directory", 1), ("told", 1)]


def fails(monkeypatch: pytest.MonkeyPatch, step: str) -> Callable[[], None]:
    """
    Let one step fail, as on a full disk.

    @return: ends it.
    """

    def failing(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = getattr(os, step)
    monkeypatch.setattr(os, step, failing)
    return lambda: monkeypatch.setattr(os, step, before)


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_writeThatFailsLeavesTheOldFileAndNothingElse(
    kept: Record, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.save(1)
    fails(monkeypatch, step)
    with capturedLogs():
        (problem,) = outcome(kept.save(2))
    assert isinstance(problem, NotKept)
    monkeypatch.undo()
    assert [path.name for path in kept.folder.iterdir()] == ["state.json"]
    assert kept.written == 1


@pytest.mark.parametrize("kind", ["file", "link", "fifo"])
def test_whatIsInTheWayOfTheNewFileIsNotFollowed(kept: Record, kind: str) -> None:
    """
    A crash may have left half a file there.
    """
    way, elsewhere = kept.folder / ".state.json.new", kept.folder / "elsewhere"
    elsewhere.write_text("else")
    if kind == "file":
        way.write_text("half")
    elif kind == "link":
        way.symlink_to(elsewhere)
    else:
        os.mkfifo(way)
    assert outcome(kept.save(1)) == [None]
    assert (kept.written, elsewhere.read_text(), way.exists()) == (1, "else", False)


# A directory that cannot be written to


def test_whoAskedIsToldWhy(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with capturedLogs():
        (problem,) = outcome(Record(tmp_path / "folder").save(1))
    assert str(problem) == (
        f"{tmp_path}/folder/state.json cannot be written (File exists); "
        "what is new holds as long as the bastion runs, and not after"
    )


def test_itIsSaidOnceAndTriedAgain(kept: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = fails(monkeypatch, "open")
    path = kept.file.path
    with capturedLogs() as events:
        kept.change(1)
        kept.clock.pump([DELAY, *[AGAIN] * 5])
        kept.change(2)
        kept.clock.pump([DELAY] * 20)
        outcome(kept.save(3))
    assert said(events) == [
        (
            "error",
            f"{path} cannot be written (No space left on device); "
            "what is new holds as long as the bastion runs, and not after.  "
            "Let the bastion's user write there; it is tried again",
        )
    ]
    ended()
    with capturedLogs() as events:
        kept.clock.advance(AGAIN)
        kept.clock.advance(AGAIN)
    assert said(events) == [("info", f"{path} is written again")]
    assert (kept.written, kept.clock.getDelayedCalls()) == (3, [])
    fails(monkeypatch, "open")
    with capturedLogs() as events:
        outcome(kept.save(4))
    assert [level for level, _ in said(events)] == ["error"]


def test_changeDoesNotWaitUntilItIsTriedAgain(
    kept: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = fails(monkeypatch, "open")
    with capturedLogs():
        outcome(kept.save(1))
    ended()
    kept.change(2)
    kept.clock.advance(DELAY)
    assert kept.written == 2


def test_withoutAChangeItIsTriedSeldom(kept: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, "open")
    kept.change(1)
    with capturedLogs():
        kept.clock.advance(DELAY)
        (call,) = kept.clock.getDelayedCalls()
        assert call.getTime() == DELAY + AGAIN
        kept.clock.advance(AGAIN)
    (call,) = kept.clock.getDelayedCalls()
    assert call.getTime() == DELAY + 2 * AGAIN


def test_closingEndsThoughNothingCanBeWritten(
    kept: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, "open")
    kept.change(1)
    with capturedLogs() as events:
        assert outcome(kept.file.close()) == [None]
    assert [event["log_level"] for event in events] == [LogLevel.error]
    assert kept.clock.getDelayedCalls() == []


# In a thread


@implementer(IReactorThreads)
class Threads(Clock):
    """
    A reactor whose threads do their work when they are told to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.work: list[Callable[[], None]] = []

    def getThreadPool(self) -> Threads:
        """
        The pool of the reactor.
        """
        return self

    def callInThreadWithCallback(self, onResult: Any, function: Any, *args: Any) -> None:
        """
        See L{twisted.python.threadpool.ThreadPool}.
        """

        def run() -> None:
            try:
                result = function(*args)
            except Exception as error:
                onResult(False, error)
            else:
                onResult(True, result)

        self.work.append(run)

    def callInThread(self, callable: Any, *args: Any, **kwargs: Any) -> None:
        """
        See L{IReactorThreads}; nobody calls it.
        """
        raise NotImplementedError

    def callFromThread(self, callable: Any, *args: Any, **kwargs: Any) -> None:
        """
        See L{IReactorThreads}.
        """
        callable(*args, **kwargs)

    def suggestThreadPoolSize(self, size: int) -> None:
        """
        See L{IReactorThreads}.
        """

    def run(self) -> None:
        """
        Let a thread do one piece of work.
        """
        self.work.pop(0)()


@pytest.fixture
def threaded(tmp_path: Path) -> Iterator[Record]:
    """
    A file that is written in a thread.
    """
    kept = Record(tmp_path, Threads())
    yield kept
    assert kept.clock.work == []  # type: ignore[attr-defined]


def test_threadsAreTheReactors() -> None:
    assert verifyObject(IReactorThreads, Threads())


def test_oneWriteAtATimeAndTheNextOneHasEverything(threaded: Record) -> None:
    threads: Any = threaded.clock
    first = outcome(threaded.save(1))
    second, third = outcome(threaded.save(2)), outcome(threaded.save(3))
    assert (first, len(threads.work)) == ([], 1)
    threads.run()
    assert (threaded.written, first, second, third) == (1, [None], [], [])
    threads.run()
    assert (threaded.written, second, third) == (3, [None], [None])


def test_whatIsWrittenIsWhatWasSoAtTheBeginning(threaded: Record) -> None:
    threads: Any = threaded.clock
    threaded.save(1)
    threaded.change(2)
    threads.run()
    assert threaded.written == 1
    threads.advance(DELAY)
    threads.run()
    assert threaded.written == 2


def test_changesDuringAWriteAreWrittenASecondAfterIt(threaded: Record) -> None:
    threads: Any = threaded.clock
    threaded.change(1)
    threads.advance(DELAY)
    threaded.change(2)
    threads.advance(10 * DELAY)
    assert len(threads.work) == 1
    threads.run()
    threads.advance(DELAY - 0.1)
    assert threads.work == []
    threads.advance(0.1)
    threads.run()
    assert (threaded.written, threads.getDelayedCalls()) == (2, [])


def test_writeThatFailsIsOfThoseWhoWaitedForIt(
    threaded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: Any = threaded.clock
    first, second = outcome(threaded.save(1)), outcome(threaded.save(2))
    ended = fails(monkeypatch, "open")
    with capturedLogs():
        threads.run()
        ended()
        threads.run()
    assert (type(first[0]), second, threaded.written) == (NotKept, [None], 2)
    assert threads.getDelayedCalls() == []


@pytest.mark.parametrize("last", [1, 2])
def test_closingWaitsForTheThread(threaded: Record, last: int) -> None:
    threads: Any = threaded.clock
    threaded.change(1)
    threads.advance(DELAY)
    if last == 2:
        threaded.change(2)
    closed = outcome(threaded.file.close())
    assert (closed, threaded.written) == ([], None)
    threads.run()
    assert (closed, threaded.written) == ([], 1)
    threads.run()
    assert (closed, threaded.written, threads.getDelayedCalls()) == ([None], last, [])


def test_whoeverIsToldMayAskAgain(threaded: Record) -> None:
    threads: Any = threaded.clock
    again: list[Any] = []
    threaded.save(1).addCallback(lambda _: again.append(outcome(threaded.save(2))))
    threads.run()
    threads.run()
    assert (again, threaded.written) == ([[None]], 2)
