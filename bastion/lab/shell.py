"""
How a host runs the invoking user's shell.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

#: What an interactive shell of the host reads at its start.
_STARTUP = """\
# Written at each start of the lab.
{bashrc}
# The lab leaves no trace in the user's history.
unset PROMPT_COMMAND HISTFILE
echo 'Please wait...checking for disk quotas'
PS1='{name}% '
"""
_BASHRC = "if [ -r ~/.bashrc ]; then . ~/.bashrc; fi"


@frozen
class Shell:
    """
    The shell of one host.

    @ivar interactive: the arguments, the program first, when the client asks
        for a shell.
    @ivar environ: what every program of the host finds in its environment.
    @ivar leader: what to put before a command so that it leads a process group
        of its own (a terminal sees to that itself); empty when there is no
        such program.
    """

    interactive: tuple[str, ...]
    environ: Mapping[str, str]
    leader: tuple[str, ...] = ()

    @property
    def home(self) -> str:
        """
        The directory that programs start in.
        """
        home = self.environ["HOME"]
        return home if os.path.isdir(home) else "/"

    def command(self, text: bytes, onTerminal: bool) -> list[bytes]:
        """
        The arguments that run a command line.
        """
        leader = () if onTerminal else self.leader
        words = (*leader, self.interactive[0], "-c")
        return [*(os.fsencode(word) for word in words), text]


def makeShell(name: str, startup: Path, environ: Mapping[str, str]) -> Shell:
    """
    Choose the invoking user's shell for a host and write its start-up file.

    @param startup: where to write the file.
    @param environ: the environment of the lab, of which little is handed on.
    """
    bash = shutil.which("bash", path=environ.get("PATH"))
    program = bash or "/bin/sh"
    startup.write_text(_STARTUP.format(name=name, bashrc=_BASHRC if bash else ""))
    user = pwd.getpwuid(os.getuid())
    shellEnviron = {
        "HOME": environ.get("HOME") or user.pw_dir,
        "LOGNAME": user.pw_name,
        "PATH": environ.get("PATH") or os.defpath,
        "SHELL": program,
        "USER": user.pw_name,
    }
    if bash is None:
        shellEnviron["ENV"] = str(startup)  # what POSIX shells read when interactive
    arguments = ("--rcfile", str(startup), "-i") if bash else ("-i",)
    leader = shutil.which("setsid", path=environ.get("PATH"))
    return Shell(
        interactive=(program, *arguments),
        environ=shellEnviron,
        leader=(leader,) if leader else (),
    )
