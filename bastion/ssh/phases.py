"""
Which messages a peer may send when, as a table.

RFC 4253 sections 7 and 10, RFC 4252 sections 5 and 6.  Whatever the table does
not name ends the connection: messages that arrive before their time are how
servers were talked into skipping the login (CVE-2018-10933, CVE-2025-32433) or
into believing what was never encrypted (CVE-2023-46445).
"""

from __future__ import annotations

import enum

from bastion.wire import (
    MSG_DEBUG,
    MSG_DISCONNECT,
    MSG_EXT_INFO,
    MSG_IGNORE,
    MSG_KEXINIT,
    MSG_NEWKEYS,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_UNIMPLEMENTED,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_INFO_RESPONSE,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)


class Phase(enum.Enum):
    """
    How far a transport has come.
    """

    KEY_EXCHANGE = "key exchange"
    SERVICE = "service request"
    LOGIN = "login"
    CONNECTION = "connection"


#: What a peer may send at any time.
ALWAYS = frozenset({MSG_DISCONNECT, MSG_IGNORE, MSG_UNIMPLEMENTED, MSG_DEBUG})
#: Numbers 30 to 49 belong to the key exchange method (RFC 4250 section 4.1.2).
KEX_METHOD = frozenset(range(30, 50))
#: What only a key exchange in progress may bring, beside KEXINIT that starts one.
KEX_PROGRESS = KEX_METHOD | {MSG_NEWKEYS}
_REKEY = KEX_PROGRESS | {MSG_KEXINIT}
#: RFC 4250 section 4.1.2: 80 to 127 are the connection protocol's.
_CONNECTION = frozenset(range(80, 128))

FROM_CLIENT: dict[Phase, frozenset[int]] = {
    Phase.KEY_EXCHANGE: ALWAYS | _REKEY,
    Phase.SERVICE: ALWAYS | _REKEY | {MSG_EXT_INFO, MSG_SERVICE_REQUEST},
    # Paramiko asks for the service again before each attempt, and OpenSSH accepts it.
    Phase.LOGIN: ALWAYS
    | _REKEY
    | {MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, MSG_USERAUTH_INFO_RESPONSE},
    # A login request that was under way when the login succeeded is ignored
    # (RFC 4252 section 5.3).
    Phase.CONNECTION: ALWAYS | _REKEY | _CONNECTION | {MSG_USERAUTH_REQUEST},
}

FROM_HOST: dict[Phase, frozenset[int]] = {
    Phase.KEY_EXCHANGE: ALWAYS | _REKEY,
    Phase.SERVICE: ALWAYS | _REKEY | {MSG_EXT_INFO, MSG_SERVICE_ACCEPT},
    Phase.LOGIN: ALWAYS
    | _REKEY
    | {
        MSG_EXT_INFO,
        MSG_USERAUTH_FAILURE,
        MSG_USERAUTH_SUCCESS,
        MSG_USERAUTH_BANNER,
        MSG_USERAUTH_INFO_REQUEST,
    },
    Phase.CONNECTION: ALWAYS | _REKEY | _CONNECTION | {MSG_EXT_INFO},
}

#: The longest packet, in bytes, before and after the login (RFC 4253 section 6.1 asks
#: for 35000; OpenSSH lets 256 KiB of data into one, and some clients ask for that).
MAX_PACKET_BEFORE_LOGIN = 35_000
MAX_PACKET = 257 * 1024


def longestPacket(phase: Phase) -> int:
    """
    The longest packet that a peer may send now, in bytes.
    """
    return MAX_PACKET if phase is Phase.CONNECTION else MAX_PACKET_BEFORE_LOGIN
