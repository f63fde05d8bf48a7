"""
Tests of L{bastion.admin.commands}: over a real socket, to a bastion that only answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from operating.answers import CONNECTION, EXPLANATION, KNOWN, OFFERED, PENALTY, STATUS, quarantined
from operating.console import Typed, say
from operating.operations import FakeOperations
from twisted.internet.threads import deferToThread

from bastion.admin.commands import COMMANDS, DONE, REFUSED, UNREACHABLE, USAGE


@pytest_twisted.ensureDeferred
async def test_statusIsShown(bastionctl: Any) -> None:
    said = await bastionctl("status")
    assert said.code == DONE
    assert said.out.startswith("bastion 0.1.0, process 4711, ")
    assert said.err == ""


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (("status",), STATUS),
        (("connections",), [CONNECTION]),
        (("penalties",), [PENALTY]),
        (("penalties", "--lift", "192.0.2.17"), [PENALTY]),
        (("explain", "--user", "johnson", "--gateway", "esrf"), EXPLANATION),
        (("close", "K7QX2M"), {"reference": "K7QX2M", "closed": True}),
    ],
)
async def test_programsGetTheAnswerAsItIs(
    bastionctl: Any, command: tuple[str, ...], answer: Any
) -> None:
    for arguments in ((*command, "--json"), ("--json", *command)):
        said = await bastionctl(*arguments)
        assert (said.code, said.err) == (DONE, "")
        assert json.loads(said.out) == answer


@pytest_twisted.ensureDeferred
async def test_hostsAreShownAllOrOfOneCluster(bastionctl: Any) -> None:
    every = (await bastionctl("hosts")).out
    assert every.startswith("nice\n")
    assert "\nill\n" in every
    assert (await bastionctl("hosts", "--cluster", "ill")).out.startswith("ill\n")


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("command", "state"), [("drain", "drain"), ("enable", "up"), ("disable", "disabled")]
)
async def test_hostIsChanged(
    bastionctl: Any, operations: FakeOperations, command: str, state: str
) -> None:
    operations.rows[0]["state"] = "suspect"
    said = await bastionctl(command, "nice1", "--reason", "new kernel", "--cluster", "nice")
    assert said.code == DONE
    assert said.out == f"nice1.example.org of nice: {state}, 3 sessions\n"
    assert operations.changes == [(command, "nice1.example.org", "new kernel", "nice")]


@pytest_twisted.ensureDeferred
async def test_penaltyIsLifted(bastionctl: Any, operations: FakeOperations) -> None:
    said = await bastionctl("penalties", "--lift", "192.0.2.17", "--account", "johnson")
    assert said.out.startswith("lifted:\n")
    assert operations.changes == [("lift", "192.0.2.17", "johnson")]

    said = await bastionctl("penalties", "--lift", "192.0.2.18")
    assert said.out == "there was nothing to lift\n"


@pytest_twisted.ensureDeferred
async def test_accountAloneIsNotEnoughToLift(bastionctl: Any, operations: FakeOperations) -> None:
    said = await bastionctl("penalties", "--account", "johnson")
    assert (said.code, said.err) == (USAGE, "bastionctl: --account needs --lift SOURCE\n")
    assert operations.changes == []


@pytest_twisted.ensureDeferred
async def test_connectionIsClosed(bastionctl: Any, operations: FakeOperations) -> None:
    said = await bastionctl("close", "K7QX2M", "--reason", "stuck")
    assert (said.code, said.out) == (DONE, "connection K7QX2M: closed\n")
    assert operations.changes == [("close", "K7QX2M", "stuck")]


@pytest_twisted.ensureDeferred
async def test_loginIsExplained(bastionctl: Any, operations: FakeOperations) -> None:
    arguments = ("--user", "johnson", "--gateway", "esrf", "--from", "192.0.2.17")
    said = await bastionctl("explain", *arguments)
    assert said.code == DONE
    assert said.out.startswith("johnson from 192.0.2.17 by esrf to nice: nice1.example.org\n")
    assert operations.explained == [("johnson", "esrf", "192.0.2.17")]


# Keys


@pytest_twisted.ensureDeferred
async def test_keyIsShownBeforeItIsAccepted(bastionctl: Any, operations: FakeOperations) -> None:
    said = await bastionctl("accept-key", "nice3", typed="yes\n")
    assert said.code == DONE
    assert said.out == "nice3.example.org of nice: suspect, 3 sessions\n"
    assert said.err == (
        "nice3.example.org of nice\n"
        f"  known    {KNOWN}\n"
        f"  offered  {OFFERED}\n"
        "Compare with the host's own key. Accept the offered one? (yes or no) "
    )
    assert operations.changes == [("acceptKey", "nice3.example.org", OFFERED, "nice")]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("typed", ["no\n", "\n", "y\n", "yes, but\n", ""])
async def test_onlyYesAcceptsAKey(bastionctl: Any, operations: FakeOperations, typed: str) -> None:
    said = await bastionctl("accept-key", "nice3", typed=typed)
    assert said.code == REFUSED
    assert said.err.endswith("\nbastionctl: nothing is changed\n" if not typed else "changed\n")
    assert operations.changes == []


@pytest_twisted.ensureDeferred
async def test_keyThatHasChangedSinceItWasShownIsNotAccepted(
    bastionctl: Any, operations: FakeOperations
) -> None:
    """
    The host has offered one more while somebody was comparing.
    """
    operations.rows[2]["offered_key"] = "SHA256:" + "c" * 43
    said = await bastionctl("accept-key", "nice3", typed="yes\n")
    assert said.code == REFUSED
    assert f"has offered {OFFERED}, not SHA256:ccc" in said.err
    assert operations.changes == []


@pytest_twisted.ensureDeferred
async def test_keyIsThatOfTheHostThatWasShown(
    bastionctl: Any, operations: FakeOperations, tmp_path: Path
) -> None:
    """
    Its short name has become another host's too while somebody was comparing.
    """

    class Slow(Typed):
        """
        Somebody who takes their time.
        """

        def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
            """
            See C{io.IOBase}.
            """
            operations.rows.append(quarantined("nice3.example.net"))
            return super().readline()

    arguments = ["accept-key", "nice3", "--socket", str(tmp_path / "control.sock")]
    said = await deferToThread(say, arguments, Slow("yes\n"))
    assert said.code == DONE
    assert operations.changes == [("acceptKey", "nice3.example.org", OFFERED, "nice")]


@pytest_twisted.ensureDeferred
async def test_hostWithoutAnotherKeyHasNoneToAccept(
    bastionctl: Any, operations: FakeOperations
) -> None:
    said = await bastionctl("accept-key", "nice1", typed="yes\n")
    assert said.code == REFUSED
    assert said.err == (
        "bastionctl: nice1.example.org has offered no other key than the known ones\n"
    )
    assert operations.changes == []


@pytest_twisted.ensureDeferred
async def test_withoutATerminalTheKeyHasToBeNamed(
    bastionctl: Any, operations: FakeOperations
) -> None:
    said = await bastionctl("accept-key", "nice3")
    assert said.code == USAGE
    assert "--fingerprint" in said.err
    assert operations.changes == []
    said = await bastionctl("accept-key", "nice3", "--fingerprint", OFFERED)
    assert said.code == DONE
    assert operations.changes == [("acceptKey", "nice3.example.org", OFFERED, "nice")]


# What goes wrong


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("hosts", "--cluster", "x"), "there is no cluster x; there are: nice, ill"),
        (("enable", "nice1"), "nice1.example.org is up already"),
        (("drain", "nice1", "--reason", "a\x1bb"), '"reason" has a character that cannot'),
        (("drain", "n"), 'there is no host "n"; there are: nice1.example.org, nice2.'),
        (("accept-key", "nice3", "--fingerprint", "SHA256:x"), "nice3.example.org has offered"),
        (("close", "X"), "there is no connection X"),
    ],
)
async def test_refusalIsASentenceOnStandardError(
    bastionctl: Any, command: tuple[str, ...], sentence: str
) -> None:
    said = await bastionctl(*command)
    assert (said.code, said.out) == (REFUSED, "")
    assert said.err.startswith(f"bastionctl: {sentence}")
    assert said.err.count("\n") == 1


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("command", [("hosts",), ("accept-key", "nice3"), ("drain", "nice3")])
async def test_answerOfAnotherVersionIsNoTraceback(
    bastionctl: Any, operations: FakeOperations, command: tuple[str, ...]
) -> None:
    row: Any = operations.rows[2]
    for name in ("since", "offered_key", "known_keys", "sessions"):
        del row[name]
    said = await bastionctl(*command, typed="yes\n")
    assert said.code == UNREACHABLE
    assert "is it of another version than this bastionctl?" in said.err


@pytest_twisted.ensureDeferred
async def test_answerOfAnotherVersionIsThereForPrograms(
    bastionctl: Any, operations: FakeOperations
) -> None:
    row: Any = operations.rows[2]
    del row["since"]
    said = await bastionctl("hosts", "--json")
    assert said.code == DONE
    assert len(json.loads(said.out)) == 4


# check-config


GOOD = '[gateway.embl]\nlisten = "tcp:5024"\nnotice = "See its own pages."\n'


@pytest_twisted.ensureDeferred
async def test_goodConfigurationIsSaidToBe(bastionctl: Any, tmp_path: Path) -> None:
    path = tmp_path / "bastion.toml"
    path.write_text(GOOD)
    said = await bastionctl("check-config", str(path))
    assert (said.code, said.out, said.err) == (DONE, f"{path}: no problems\n", "")
    said = await bastionctl("check-config", str(path), "--json")
    assert json.loads(said.out) == {"file": str(path), "problems": []}


@pytest_twisted.ensureDeferred
async def test_problemsOfAConfigurationAreALineEach(bastionctl: Any, tmp_path: Path) -> None:
    path = tmp_path / "bastion.toml"
    path.write_text(GOOD.replace("notice", "notise") + 'listem = "x"\n')
    said = await bastionctl("check-config", str(path))
    assert (said.code, said.err) == (REFUSED, "")
    lines = said.out.splitlines()
    assert lines[0] == 'gateway.embl.notise: unknown key; did you mean "notice"?'
    assert lines[1].startswith("gateway.embl.listem: unknown key; ")
    said = await bastionctl("check-config", str(path), "--json")
    assert said.code == REFUSED
    found = json.loads(said.out)["problems"]
    assert [f"{each['path']}: {each['problem']}" for each in found] == lines


@pytest_twisted.ensureDeferred
async def test_configurationThatCannotBeReadIsUnreachable(bastionctl: Any, tmp_path: Path) -> None:
    said = await bastionctl("check-config", str(tmp_path / "nothing.toml"))
    assert (said.code, said.out) == (UNREACHABLE, "")
    assert said.err == (
        f"bastionctl: {tmp_path}/nothing.toml: there is no such file; check its name\n"
    )


def test_everyCommandSaysWhatItDoes() -> None:
    for command in COMMANDS.values():
        assert command.__doc__
