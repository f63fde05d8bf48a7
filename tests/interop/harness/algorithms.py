"""
The algorithms of the matrix: what one end of a connection is narrowed to, and
how OpenSSH says what was agreed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

#: The machine's own OpenSSH, and the newest that L{harness.programs.newest} finds.
SYSTEM, NEWEST = "system", "newest"


@frozen
class Choice:
    """
    The only algorithms that one end has; where a name is empty, it is left at
    its defaults.
    """

    keyExchange: str = ""
    hostKey: str = ""
    cipher: str = ""
    mac: str = ""

    def __str__(self) -> str:
        names = (self.keyExchange, self.hostKey, self.cipher, self.mac)
        return "+".join(name for name in names if name)

    def settings(self) -> dict[str, str]:
        """
        As ssh_config and sshd_config say it.
        """
        words = {
            "KexAlgorithms": self.keyExchange,
            "HostKeyAlgorithms": self.hostKey,
            "Ciphers": self.cipher,
            "MACs": self.mac,
        }
        return {word: name for word, name in words.items() if name}

    def options(self) -> list[str]:
        """
        As options of ssh.
        """
        return [f"-o{word}={name}" for word, name in self.settings().items()]

    def table(self) -> str:
        """
        As the key C{algorithms} of the bastion.
        """
        lists = {
            "key_exchanges": self.keyExchange,
            "host_keys": self.hostKey,
            "ciphers": self.cipher,
            "macs": self.mac,
        }
        named = ", ".join(f'{key} = ["{name}"]' for key, name in lists.items() if name)
        return f"algorithms = {{ {named} }}"

    def gateway(self) -> str:
        """
        The gateway of the matrix for a client with this choice alone.
        """
        if self.keyExchange in OLD_KEY_EXCHANGES or self.hostKey == "ssh-rsa":
            return "compatible"
        if self.cipher == CHACHA20 or self.mac in PLAIN_MACS:
            return "always"
        return "default"

    def check(self, log: str) -> None:
        """
        Assert that C{ssh -v}, or an sshd with C{LogLevel DEBUG1}, has written
        that both directions have this, the last time that keys were agreed on.
        """
        agreed = re.findall(r"kex: (\S+->\S+ cipher|algorithm|host key algorithm): (.*)", log)
        assert agreed, f"no key exchange: {log[-4000:]}"
        said = {what: words.split() for what, words in agreed}
        for what, expected in (
            ("algorithm", [self.keyExchange]),
            ("host key algorithm", [self.hostKey]),
            ("client->server cipher", self._cipherWords()),
            ("server->client cipher", self._cipherWords()),
        ):
            if expected[0]:
                assert said[what][: len(expected)] == expected

    def _cipherWords(self) -> list[str]:
        """
        How OpenSSH names a cipher and its MAC.
        """
        if not self.cipher:
            return [""]
        return [self.cipher, "MAC:", self.mac or "<implicit>"]


ANY = Choice()
GCM = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
CHACHA20 = "chacha20-poly1305@openssh.com"
CTR = ("aes128-ctr", "aes192-ctr", "aes256-ctr")
ETM_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
PLAIN_MACS = ("hmac-sha2-256", "hmac-sha2-512")
MLKEM = "mlkem768x25519-sha256"
CURVE25519 = ("curve25519-sha256", "curve25519-sha256@libssh.org")
#: By request, on both legs.
OLD_GROUPS = (
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
)
#: By request, toward clients only.
GROUP_EXCHANGE = "diffie-hellman-group-exchange-sha256"
OLD_KEY_EXCHANGES = (*OLD_GROUPS, GROUP_EXCHANGE)
RSA_KEYS = ("rsa-sha2-256", "rsa-sha2-512")
ECDSA_KEYS = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")

AEAD_CIPHERS = tuple(Choice(cipher=name) for name in (*GCM, CHACHA20))
CTR_CIPHERS = tuple(
    Choice(cipher=name, mac=mac) for name in CTR for mac in (*ETM_MACS, *PLAIN_MACS)
)
CIPHERS = (*AEAD_CIPHERS, *CTR_CIPHERS)
KEY_EXCHANGES = tuple(Choice(keyExchange=name) for name in (MLKEM, *CURVE25519, *OLD_GROUPS))

#: What clients are tried with, and what hosts are.
FOR_CLIENTS = (
    *CIPHERS,
    *KEY_EXCHANGES,
    Choice(keyExchange=GROUP_EXCHANGE),
    *(Choice(hostKey=name) for name in ("ssh-ed25519", *RSA_KEYS, "ssh-rsa")),
)
FOR_HOSTS = (
    *CIPHERS,
    *KEY_EXCHANGES,
    *(Choice(hostKey=name) for name in ("ssh-ed25519", *ECDSA_KEYS, *RSA_KEYS)),
)
#: asyncssh signs with every algorithm of an RSA key.
FOR_ASYNC_HOSTS = (
    *CIPHERS,
    *KEY_EXCHANGES,
    *(Choice(hostKey=name) for name in ("ssh-ed25519", *ECDSA_KEYS, "rsa-sha2-512")),
)
#: All that dropbear has of the bastion's.
DROPBEAR_CIPHERS = (
    Choice(cipher=CHACHA20),
    Choice(cipher="aes128-ctr", mac="hmac-sha2-256"),
    Choice(cipher="aes256-ctr", mac="hmac-sha2-256"),
)


def versions(choices: Iterable[Choice]) -> list[tuple[str, Choice]]:
    """
    Each choice with the versions of OpenSSH that have it.
    """
    return [
        (version, choice)
        for choice in choices
        for version in (SYSTEM, NEWEST)
        if version == NEWEST or choice.keyExchange != MLKEM
    ]
