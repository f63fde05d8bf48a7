"""
What the lab tells: to people, how to log in; to programs, where everything is.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from bastion.lab.directory import Gateways, LabDirectory
from bastion.lab.host import LOOPBACK


@frozen
class Announcement:
    """
    What there is to tell.

    @ivar hosts: the ports of the hosts by name.
    @ivar gateways: the bastion's ports, when there is a bastion.
    @ivar here: the directory that file names are shown relative to.
    """

    directory: LabDirectory
    password: str
    hosts: Mapping[str, int]
    gateways: Gateways | None
    here: Path

    def asValues(self) -> dict[str, Any]:
        """
        For programs, to be written as JSON.
        """
        gateways = self.gateways
        return {
            "address": LOOPBACK,
            "password": self.password,
            "directory": str(self.directory.path),
            "hosts": dict(self.hosts),
            "known_hosts": str(self.directory.knownHosts),
            "gateways": {"esrf": gateways.esrf, "ill": gateways.ill} if gateways else {},
            "client_known_hosts": str(self.directory.clientKnownHosts) if gateways else None,
        }

    def asText(self) -> str:
        """
        For people: lines to copy, and little else.
        """
        lines = self._withBastion() if self.gateways else self._hostsOnly()
        return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])

    def _withBastion(self) -> list[str]:
        assert self.gateways is not None
        esrf, ill = self.gateways.esrf, self.gateways.ill
        known = self._knownHosts(self.directory.clientKnownHosts)
        return [
            "The lab is up: the bastion, and behind it nice1 and nice2 (NICE cluster) and ill.",
            "",
            f"  NICE      ssh -p {esrf} {known} johnson@{LOOPBACK}",
            f"  ILL       ssh -p {ill} {known} smith@{LOOPBACK}",
            f"  files     sftp -P {esrf} {known} johnson@{LOOPBACK}",
            "",
            f"  password  {self.password}  (any account name)",
            f"  logs      {self._show(self.directory.bastionLog)} (bastion),"
            f" {self._show(self.directory.hostsLog)} (hosts)",
            f"  settings  {self._show(self.directory.configuration)}",
            f"  control   {self._control()} hosts",
        ]

    def _control(self) -> str:
        """
        The bastionctl beside this Python, for this bastion.
        """
        program = self._show(Path(sys.executable).with_name("bastionctl"))
        configuration = shlex.quote(self._show(self.directory.configuration))
        return f"{shlex.quote(program)} --config {configuration}"

    def _hostsOnly(self) -> list[str]:
        known = self._knownHosts(self.directory.knownHosts)
        return [
            "The hosts of the lab are up, without a bastion.",
            "",
            *(
                f"  {name:9} ssh -p {port} {known} johnson@{LOOPBACK}"
                for name, port in self.hosts.items()
            ),
            "",
            f"  password  {self.password}  (any account name)",
            f"  log       {self._show(self.directory.hostsLog)}",
        ]

    def _show(self, path: Path) -> str:
        return str(path.relative_to(self.here) if path.is_relative_to(self.here) else path)

    def _knownHosts(self, path: Path) -> str:
        """
        The option that makes ssh check the key and ask no question, in whatever
        directory it is run.
        """
        name = str(path.absolute())
        # Quoted for ssh, which splits at spaces, and then for the shell.
        value = f'"{name}"' if " " in name else name
        return "-o " + shlex.quote(f"UserKnownHostsFile={value}")
