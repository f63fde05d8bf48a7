"""
PuTTY's programs for the command line: plink, psftp, pscp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


#: What the lists of a saved session must name: what is left out, PuTTY puts somewhere.
_LISTS = {
    "Cipher": "aesgcm aes chacha20 3des des blowfish arcfour",
    "KEX": "ntru-curve25519 ecdh dh-gex-sha1 dh-group18-sha512 dh-group17-sha512"
    " dh-group16-sha512 dh-group15-sha512 dh-group14-sha1 dh-group1-sha1 rsa",
    "HostKey": "ed448 ed25519 ecdsa dsa rsa",
}
_NO_SETTINGS: Mapping[str, str] = {}


def only(setting: str, name: str) -> dict[str, str]:
    """
    Settings with which PuTTY takes this one of a list; it would ask about any
    other.
    """
    others = [word for word in _LISTS[setting].split() if word != name]
    return {setting: ",".join([name, "WARN", *others])}


def _run(
    route: Route,
    line: Sequence[str],
    data: bytes = b"",
    settings: Mapping[str, str] = _NO_SETTINGS,
) -> Outcome:
    """
    @param settings: as in a saved session of PuTTY's.
    """
    home = route.newDirectory()
    if settings:
        sessions = home / ".putty" / "sessions"
        sessions.mkdir(parents=True)
        lines = (f"{key}={value}\n" for key, value in settings.items())
        (sessions / "saved").write_text("".join(lines))
        line = [line[0], "-load", "saved", *line[1:]]
    return clients.run(line, clients.environment(home), data)


def plink(
    route: Route,
    *command: str,
    data: bytes = b"",
    options: Sequence[str] = (),
    settings: Mapping[str, str] = _NO_SETTINGS,
) -> Outcome:
    """
    Run a command on the host.
    """
    line = [program("plink"), "-ssh", *common(route), "-pw", route.password, *options]
    return _run(route, [*line, route.address, *command], data, settings)


def psftp(route: Route, *commands: str, settings: Mapping[str, str] = _NO_SETTINGS) -> Outcome:
    """
    Run commands of psftp.
    """
    script = route.newDirectory() / "commands"
    script.write_text("\n".join(commands) + "\n")
    line = [program("psftp"), *common(route), "-pw", route.password, "-b", str(script)]
    return _run(route, [*line, route.address], settings=settings)


def pscp(route: Route, source: str, target: str, options: Sequence[str] = ()) -> Outcome:
    """
    Copy a file; the one on the host begins with a colon.
    """
    line = [program("pscp"), "-q", *common(route), "-pw", route.password, *options]
    place = f"{route.address}:"
    names = [place + name[1:] if name.startswith(":") else name for name in (source, target)]
    return _run(route, [*line, *names])
