"""
PuTTY's programs for the command line: plink, psftp, pscp.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness import clients
from harness.clients import Outcome
from harness.programs import program
from harness.routes import Route


def common(route: Route) -> list[str]:
    """
    Options of all three: no questions, and only the right host keys.
    """
    fingerprints = [option for key in route.keys for option in ("-hostkey", key.fingerprint)]
    return ["-batch", "-P", str(route.port), "-l", route.account, *fingerprints]


def _run(route: Route, line: Sequence[str], data: bytes = b"") -> Outcome:
    return clients.run(line, clients.environment(route.newDirectory()), data)


def plink(route: Route, *command: str, data: bytes = b"", options: Sequence[str] = ()) -> Outcome:
    """
    Run a command on the host.
    """
    line = [program("plink"), "-ssh", *common(route), "-pw", route.password, *options]
    return _run(route, [*line, route.address, *command], data)


def psftp(route: Route, *commands: str) -> Outcome:
    """
    Run commands of psftp.
    """
    script = route.newDirectory() / "commands"
    script.write_text("\n".join(commands) + "\n")
    line = [program("psftp"), *common(route), "-pw", route.password, "-b", str(script)]
    return _run(route, [*line, route.address])


def pscp(route: Route, source: str, target: str, options: Sequence[str] = ()) -> Outcome:
    """
    Copy a file; the one on the host begins with a colon.
    """
    line = [program("pscp"), "-q", *common(route), "-pw", route.password, *options]
    place = f"{route.address}:"
    names = [place + name[1:] if name.startswith(":") else name for name in (source, target)]
    return _run(route, [*line, *names])
