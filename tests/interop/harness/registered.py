"""
A bastion whose clients have to be registered in the DNS, and that DNS.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from harness.gateway import Gateway, Plan
from harness.routes import Route
from harness.servers import Server
from harness.site import Site

#: Where the DNS server is, and where the clients come from.
DNS_ADDRESS = "127.0.0.94"
NETWORK = "127.0.94"

#: The words of the gateway that has its own.
SENTENCE = "{address} {missing}; call the helpdesk, extension 2424."

#: The gateways, and how they differ.
GATEWAYS: dict[str, dict[str, Any]] = {
    "require": {},
    "admit": {"dns_timeout": "admit"},
    "suffixes": {"dns_suffixes": ["example.net"]},
    "worded": {"dns_sentence": SENTENCE},
    "report": {"dns": "report"},
}


def _many(first: int) -> str:
    """
    A thousand names of one address.
    """
    return "\n".join(f"@ PTR pc{number}.example.org" for number in range(first, first + 1000))


#: What the DNS says of the address of each source, which is C{@} here.
RECORDS = {
    "good": "@ HOST pc1.example.org",
    "inside": "@ HOST pc2.example.net",
    "nameless": "",
    "mismatched": "@ PTR pc1.example.org",
    "addressless": "@ PTR pc3.example.org",
    "hostile": "@ PTR pc\\027[2J\\027]0;title\\007\\010\\013\\194\\155.example.org",
    "thousand": _many(1000),
    "one of a thousand": _many(2000) + "\npc2009.example.org A @",
    "chained": "@ CNAME c.94.0.127.in-addr.arpa\n@ FAULT stingy\n"
    "c.94.0.127.in-addr.arpa PTR pc4.example.org\n"
    "pc4.example.org CNAME www.example.org\nwww.example.org A @",
    "looped": "@ CNAME l.94.0.127.in-addr.arpa\nl.94.0.127.in-addr.arpa CNAME @",
    "silent": "@ FAULT silent",
    "silent about the name": "@ HOST pc5.example.org\npc5.example.org FAULT silent",
    "slow": "@ HOST pc6.example.org\n@ FAULT slow 1",
    "too slow": "@ HOST pc7.example.org\n@ FAULT slow 30",
    "flapping": "@ HOST pc8.example.org\n@ FAULT flapping SERVFAIL",
    "by TCP": "@ HOST pc9.example.org\n@ FAULT truncated\npc9.example.org FAULT truncated",
    "silent by TCP": "@ HOST pc10.example.org\n@ FAULT mute",
    "a bomb by TCP": "@ HOST pc11.example.org\n@ FAULT bomb",
}


def addressOf(source: str) -> str:
    """
    The address of a source of L{RECORDS}.
    """
    return f"{NETWORK}.{list(RECORDS).index(source) + 1}"


def _zone() -> str:
    lines = []
    for source, records in RECORDS.items():
        address = addressOf(source)
        lines += [
            " ".join(address if word == "@" else word for word in line.split())
            for line in records.splitlines()
        ]
    return "\n".join(lines) + "\n"


@frozen
class Registry:
    """
    The bastion and its DNS.
    """

    site: Site
    gateway: Gateway

    def route(self, gateway: str) -> Route:
        """
        The way to a host, through one of L{GATEWAYS}.
        """
        return self.gateway.route(gateway, self.site.direct("pam"))

    def events(self, address: str, offset: int) -> dict[str, dict[str, Any]]:
        """
        The events that an address has caused, by their names; the last of each.

        @param offset: leave out so many bytes of the log.
        """
        found = self.gateway.audit(offset=offset)
        return {event["event"]: event for event in found if event["source"] == address}


def _plans(site: Site) -> dict[str, Plan]:
    host = site.hosts["pam"]
    return {
        name: Plan(
            [host.target],
            host.knownHosts(),
            clientLeg=[f"admission.{key} = {json.dumps(value)}" for key, value in own.items()],
        )
        for name, own in GATEWAYS.items()
    }


def started(theSite: Site, bastion: Gateway) -> Iterator[Registry]:
    """
    Start both, for the tests of a module.
    """
    directory = Path(tempfile.mkdtemp(prefix="registered-", dir=theSite.directory))
    (directory / "zone").write_text(_zone())
    command = [sys.executable, "-m", "bastion.testing.dnsserver", "zone", DNS_ADDRESS]
    dns = Server("the DNS server", command, directory / "dns.log", directory=directory)
    gateway: Gateway | None = None
    try:
        dns.start(lambda: dns.text().endswith("\n"))
        server = ":".join(dns.text().split())
        admission = ["[admission]", 'dns = "require"', f'dns_servers = ["{server}"]']
        more = "\n".join([*admission, "dns_exempt = []", ""])
        gateway = Gateway(directory / "bastion", _plans(theSite), more).start()
        yield Registry(theSite, gateway)
    finally:
        if gateway is not None:
            gateway.stop()
        dns.stop()
        shutil.rmtree(directory)
