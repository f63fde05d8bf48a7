"""
C{bastionctl}: from the command line to an exit code.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TextIO

from bastion import __version__
from bastion.admin.client import ControlClient, Refused, Unreachable
from bastion.admin.commands import COMMANDS, DONE, REFUSED, UNREACHABLE, USAGE, Desk, Misused
from bastion.admin.tables import Screen
from bastion.admin.whereabouts import socketOf
from bastion.config.problems import quoted

CONFIG = "/etc/bastion/bastion.toml"

#: What a shell makes of a program that was interrupted.
_INTERRUPTED = 130

_EPILOG = """exit codes:
  0  done
  1  refused: the sentence on standard error says why; check-config: there are problems
  2  a mistake in the command line
  3  no bastion can be reached; check-config: the file cannot be read"""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    The console script.

    @param arguments: the command line; L{None} for this process's.
    @return: the exit code.
    """
    # Of a stream that the caller has closed, Python has none.
    stdin, stdout, stderr = (each or io.StringIO() for each in (sys.stdin, sys.stdout, sys.stderr))
    for stream in (stdout, stderr):
        # A name that the terminal has no characters for is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return run(parser().parse_args(arguments), stdin, stdout, stderr)


def run(options: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """
    Do what the command line says.

    @return: the exit code.
    """

    def control() -> ControlClient:
        if options.socket:
            return ControlClient(Path(options.socket))
        return ControlClient(socketOf(Path(options.config)))

    desk = Desk(options, stdin, stdout, stderr, _screen(stdout), control, time.time())
    try:
        code = COMMANDS[options.command](desk)
        stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; the rest goes nowhere, also at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        stderr.write("\n")
        return _INTERRUPTED
    except Refused as error:
        stderr.write(f"bastionctl: {error}\n")
        return REFUSED
    except Misused as error:
        stderr.write(f"bastionctl: {error}\n")
        return USAGE
    except Unreachable as error:
        stderr.write(f"bastionctl: {error}\n")
        return UNREACHABLE
    return code


def _screen(stdout: TextIO) -> Screen:
    if not stdout.isatty():
        return Screen()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Screen(shutil.get_terminal_size().columns, not plain)


def parser() -> argparse.ArgumentParser:
    """
    The command line.
    """
    made = argparse.ArgumentParser(
        prog="bastionctl",
        description="Look at a running bastion, and tell it what to do.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"bastionctl {__version__}")
    _addCommon(made, config=CONFIG, socket="", json=False)
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str) -> argparse.ArgumentParser:
        says = " ".join((COMMANDS[name].__doc__ or "").split())
        one = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
        absent: Any = argparse.SUPPRESS
        _addCommon(one, config=absent, socket=absent, json=absent)
        return one

    command("status")
    command("hosts").add_argument("--cluster", default="", help="only this cluster's")
    for name in ("drain", "enable", "disable"):
        _addHost(command(name)).add_argument("--reason", default="", help="a sentence for the log")
    _addHost(command("accept-key")).add_argument(
        "--fingerprint", default="", help="of the key to accept, instead of asking"
    )
    command("connections")
    closing = command("close")
    closing.add_argument("reference", metavar="REF", help="the connection's reference")
    closing.add_argument("--reason", default="", help="a sentence for the log")
    waiting = command("penalties")
    waiting.add_argument("--lift", default="", metavar="SOURCE", help="an address or a network")
    waiting.add_argument("--account", default="", help="lift this account's only")
    command("check-config").add_argument("file", metavar="FILE", help="a configuration")
    explaining = command("explain")
    explaining.add_argument("--user", required=True, help="the account, as a client sends it")
    explaining.add_argument("--gateway", required=True, help="the gateway's name")
    explaining.add_argument(
        "--from", dest="source", type=_source, metavar="IP", help="the client's address"
    )
    return made


def _addCommon(to: argparse.ArgumentParser, config: Any, socket: Any, json: Any) -> None:
    """
    The options that stand before the command or behind it.
    """
    to.add_argument(
        "--config", default=config, metavar="FILE", help=f"the bastion's configuration ({CONFIG})"
    )
    to.add_argument(
        "--socket", default=socket, metavar="PATH", help="the control socket, if not in state_dir"
    )
    to.add_argument("--json", default=json, action="store_true", help="for programs")


def _source(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not an IP address") from None


def _addHost(to: argparse.ArgumentParser) -> argparse.ArgumentParser:
    to.add_argument("host", metavar="HOST", help="its name, NAME:PORT, or its first label")
    to.add_argument("--cluster", default="", help="if the name is in more than one")
    return to
