"""
The odd host: a server whose login dialogue depends on the account's name.

The dialogues are values, so that the server (L{harness.oddserver}, a process of
its own) and the tests read the same table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from harness import accounts, hostkeys
from harness.servers import Server
from harness.sshd import Host
from harness.waiting import freePort

PASSWORD = "Canary-odd-47f1c2"
CHANGED_PASSWORD = "Canary-odd-changed-93ab"
accounts.PASSWORDS.update((PASSWORD, CHANGED_PASSWORD))


@frozen
class Round:
    """
    One keyboard-interactive request and the answers that it wants.

    @ivar prompts: pairs of a text and whether the answer may be shown.
    """

    prompts: Sequence[tuple[str, bool]]
    answers: Sequence[str]
    title: str = ""
    instruction: str = ""


_PROMPT = ("Password: ", False)

#: What each account is asked by keyboard-interactive.
DIALOGUES: Mapping[str, Sequence[Round]] = {
    "ordinary": [Round([_PROMPT], [PASSWORD])],
    "one-hidden": [Round([("Secret phrase: ", False)], [PASSWORD])],
    "two-prompts": [
        Round(
            [_PROMPT, ("Code of your token: ", True)],
            [PASSWORD, "123456"],
            "Two factors",
            "Type both.",
        )
    ],
    "two-hidden": [Round([_PROMPT, ("PIN: ", False)], [PASSWORD, PASSWORD])],
    "echo-on": [Round([("What is the name of the dog? ", True)], ["Rex"])],
    "zero-prompts": [Round([], [], "Notice", "No password is needed today.")],
    "notice-then-prompt": [Round([], [], "", "Read this first."), Round([_PROMPT], [PASSWORD])],
    "three-rounds": [
        Round([_PROMPT], [PASSWORD], "First"),
        Round([("Code: ", True)], ["246"], "", "Look at your telephone."),
        Round([("Really? ", True)], ["yes"]),
    ],
    "many-prompts": [Round([(f"Word {n}: ", n % 2 == 0) for n in range(8)], [PASSWORD] * 8)],
    "empty-answer": [Round([("Press return: ", False)], [""])],
    "unicode": [
        Round(
            [("P\u00e4ssw\u00f6rd f\u00fcr \u20ac\u4e16\u754c: ", False)],
            ["ge\u00df\u00e4im\u4e16"],
            "\u0417\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a",
            "Gr\u00fc\u00dfe",
        )
    ],
    "control-characters": [
        Round(
            [("\x1b[31mred\x07\x7f prompt\r\n\ttwo lines: ", False)], [PASSWORD], "a\x08b", "\x00"
        )
    ],
    "long-texts": [Round([("p" * 4000 + ": ", False)], [PASSWORD], "t" * 1000, "i" * 16000)],
    "long-banner": [Round([_PROMPT], [PASSWORD])],
    "two-banners": [Round([_PROMPT], [PASSWORD])],
    "no-password": [Round([_PROMPT], [PASSWORD])],
    "unasked": [Round([_PROMPT], [PASSWORD])],
    "vanish": [Round([_PROMPT], [PASSWORD])],
    "j\u00fcrgen m\u00fcller@example.org:22%x": [Round([_PROMPT], [PASSWORD])],
}

LONG_BANNER = "".join(f"Line {n:04} of the conditions of use. \u00a7\n" for n in range(400))

#: What is sent as USERAUTH_BANNER as soon as the account is known.
BANNERS: Mapping[str, Sequence[str]] = {
    "long-banner": [LONG_BANNER],
    "two-banners": ["The first banner.\n", "The second banner, without an end of line"],
}

#: Accounts that log in by the C{password} method only.
PASSWORD_ACCOUNTS = ("plain", "change-password", "change-twice")
CHANGE_PROMPT = "Your password is old. Choose a new one (\u2265 8 characters)"
#: An account to which the host offers no method at all.
CLOSED_ACCOUNT = "closed"
#: An account that needs no proof: C{none} succeeds.
OPEN_ACCOUNT = "open"


def build(address: str, directory: Path) -> Host:
    """
    Make the keys of the odd host; not yet started.
    """
    directory.mkdir(parents=True)
    port = freePort(address)
    keys = tuple(hostkeys.make(directory / f"host_{kind}", kind) for kind in ("ed25519", "rsa"))
    command = [sys.executable, "-m", "harness.oddserver", address, str(port)]
    command += [str(directory / "host_ed25519"), str(directory / "host_rsa")]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    root = Path(__file__).parents[1]
    server = Server("the odd host", command, directory / "log", environment, root)
    return Host("odd", address, port, keys, server)
