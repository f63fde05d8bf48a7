"""
Tests of L{bastion.config.problems}.
"""

from __future__ import annotations

import pytest

from bastion.config.problems import (
    ConfigurationError,
    Problem,
    dotted,
    nearest,
    quoted,
    thereAre,
)


def test_errorHasOneLineForEachProblem() -> None:
    error = ConfigurationError([Problem("a.b", "wrong"), Problem("c", "worse")])
    assert str(error) == "a.b: wrong\nc: worse"
    assert error.problems == (Problem("a.b", "wrong"), Problem("c", "worse"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("gateway", "esrf", "listen"), "gateway.esrf.listen"),
        (("admission", "deny_from", "10.0.0.0/8"), 'admission.deny_from."10.0.0.0/8"'),
        (("gateway", ""), 'gateway.""'),
    ],
)
def test_pathIsWrittenAsTomlWritesIt(path: tuple[str, ...], expected: str) -> None:
    assert dotted(path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nise", '"nise"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x1b[31m\n", '"\\x1b[31m\\n"'),
        ("Grenoble, Isère", '"Grenoble, Isère"'),
        ("x" * 80, '"' + "x" * 80 + '"'),
        ("x" * 81, '"' + "x" * 80 + '..."'),
    ],
)
def test_quotedTextIsSafeForATerminal(text: str, expected: str) -> None:
    assert quoted(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("login-grace-time", "login_grace_time"),
        ("LoginGraceTime", "login_grace_time"),
        ("max_auth_trys", "max_auth_tries"),
        ("colour", None),
    ],
)
def test_nearestNameIsTheOneThatWasProbablyMeant(name: str, expected: str | None) -> None:
    assert nearest(name, ("login_grace_time", "max_auth_tries")) == expected


def test_namesAreListedInTheirOrder() -> None:
    assert thereAre(["nice", "ill"]) == "there are: ill, nice"
    assert thereAre([]) == "there are none"
