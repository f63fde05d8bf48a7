"""
Tests of L{bastion.admin.parameters}.
"""

from __future__ import annotations

import json

import pytest

from bastion.admin.parameters import (
    LONGEST,
    WrongParameters,
    bodyParameters,
    queryParameters,
)


def body(text: bytes) -> str:
    """
    What is wrong with a body that needs a host and may have a reason.
    """
    with pytest.raises(WrongParameters) as caught:
        bodyParameters(text, ["host"], ["reason"])
    return str(caught.value)


def test_bodyGivesWhatIsThereAndEmptyStringsForTheRest() -> None:
    assert bodyParameters(b'{"host": "nice1"}', ["host"], ["reason"]) == {
        "host": "nice1",
        "reason": "",
    }
    given = bodyParameters('{"host": "é", "reason": null}'.encode(), ["host"], ["reason"])
    assert given == {"host": "é", "reason": ""}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b'{"host": "\xff"}', "the body is not JSON"),
        (b"[" * 60_000, "the body is not JSON"),
        (b'["host"]', "the body is not a JSON object"),
        (b"{}", '"host" is missing'),
        (b'{"host": ""}', '"host" is missing'),
        (b'{"host": null}', '"host" is missing'),
        (b'{"host": 1}', '"host" is not a string'),
        (b'{"host": ["nice1"]}', '"host" is not a string'),
        (b'{"host": "a", "reason": "a\\nb"}', '"reason" has a character that cannot be printed'),
        (b'{"host": "\\u202e"}', '"host" has a character that cannot be printed'),
        (b'{"host": "\\ud800"}', '"host" has a character that cannot be printed'),
        (
            b'{"host": "a", "\\u001b[2J": "a"}',
            '"\\x1b[2J" is not a parameter of this; there are: "host", "reason"',
        ),
    ],
)
def test_bodyThatIsWrongIsRefusedWithASentence(text: bytes, problem: str) -> None:
    assert body(text) == problem


def test_valueHasALimit() -> None:
    bodyParameters(json.dumps({"host": "h" * LONGEST}).encode(), ["host"])
    longer = json.dumps({"host": "h" * (LONGEST + 1)}).encode()
    assert body(longer) == f'"host" has more than {LONGEST} characters'


def test_queryIsReadInTheSameWay() -> None:
    query = {b"host": [b"nice1"], b"cluster": ["été".encode()]}
    assert queryParameters(query, ["host"], ["cluster", "more"]) == {
        "host": "nice1",
        "cluster": "été",
        "more": "",
    }


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({b"host": [b"a", b"b"]}, '"host" is there 2 times'),
        ({b"host": [b"\xff"]}, '"host" is not UTF-8'),
        ({b"hosts": [b"a"]}, '"hosts" is not a parameter of this; there are: "host"'),
        ({}, '"host" is missing'),
    ],
)
def test_queryThatIsWrongIsRefusedWithASentence(
    query: dict[bytes, list[bytes]], problem: str
) -> None:
    with pytest.raises(WrongParameters) as caught:
        queryParameters(query, ["host"])
    assert str(caught.value) == problem


def test_whereThereAreNoParametersThisIsSaid() -> None:
    with pytest.raises(WrongParameters, match="there are: none"):
        queryParameters({b"x": [b"1"]}, ())
