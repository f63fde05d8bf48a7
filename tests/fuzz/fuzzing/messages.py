"""
Something to say for each message number: the payload that the RFCs give it.
"""

from __future__ import annotations

from attacking.client import RIGHT, WRONG, opening, password, request
from attacking.exchange import GCM, HOST_KEY, KEX_METHOD, STRICT_CLIENT, Lists, keyBlob
from attacking.host import REFUSED
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bastion.wire import byte, nameList, string, uint32

CLIENT = "client"
HOST = "host"

#: The same in each run, as it is a part of what is altered.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

#: The numbers that somebody has given a meaning to, and some that nobody has.
NUMBERS = (
    *(1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31, 32, 33, 34),
    *(50, 51, 52, 53, 60, 61),
    *(80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100),
    *(192, 193, 0, 8, 62, 127, 255),
)

_NO_FIELDS = string(b"") * 2
DIALOGUE = request(b"keyboard-interactive", _NO_FIELDS)
QUESTIONS = string(b"Login") + string(b"Two questions.") + string(b"en") + uint32(2)
QUESTIONS += string(b"Password: ") + byte(0) + string(b"Code: ") + byte(1)
INFORMATION = string(b"") + string(b"Nearly there.") + string(b"") + uint32(0)
ONE_QUESTION = string(b"") * 3 + uint32(1) + string(b"Password: ") + byte(0)
EXPIRED = string(b"Your password has expired.") + string(b"en")
CHANGED = request(b"password", byte(1) + string(RIGHT) + string(WRONG))
NONE = request(b"none")
LOGIN_SERVICE = string(b"ssh-userauth")
EXTENSIONS = uint32(2) + string(b"server-sig-algs") + string(b"ssh-ed25519,rsa-sha2-256")
EXTENSIONS += string(b"ping@openssh.com") + string(b"0")
BANNER = string(b"Welcome to nice1.\r\n") + string(b"en")
GOODBYE = uint32(11) + string(b"disconnected by user") + string(b"")


def answers(*each: bytes) -> bytes:
    """
    The answers to the questions of a dialogue.
    """
    return uint32(len(each)) + b"".join(map(string, each))


def asked(name: bytes, data: bytes = b"", reply: bool = True, channel: int = 0) -> bytes:
    """
    A channel request.
    """
    return uint32(channel) + string(name) + byte(reply) + data


def wanted(name: bytes, data: bytes = b"", reply: bool = True) -> bytes:
    """
    A global request.
    """
    return string(name) + byte(reply) + data


def confirmed(channel: int = 0) -> bytes:
    """
    A channel is open, with the same number on both ends.
    """
    return uint32(channel) * 2 + uint32(1 << 21) + uint32(32768)


def forwarding(type: bytes, channel: int) -> bytes:
    """
    Opens a channel that leads to an address.
    """
    data = string(b"localhost") + uint32(8080) + string(b"192.0.2.7") + uint32(40000)
    return opening(channel, type=type, data=data)


PTY = string(b"xterm") + uint32(80) + uint32(24) + uint32(0) * 2 + string(b"\x01\0\0\0\x03\0")
X11 = byte(0) + string(b"MIT-MAGIC-COOKIE-1") + string(b"0123456789abcdef") + uint32(0)
BOUND = string(b"localhost") + uint32(8080)
ANY_PORT = string(b"") + uint32(0)

#: Public values, by the method of the key exchange: a client's and a host's.
_POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_CURVE = string(bytes(range(32)))
_NUMBER = string(bytes(1) + b"\xc5" * 256)
PUBLIC_VALUES = {
    b"curve25519-sha256": (_CURVE, _CURVE),
    b"mlkem768x25519-sha256": (string(bytes(1184 + 32)), string(bytes(1088 + 32))),
    b"ecdh-sha2-nistp256": (string(_POINT), string(_POINT)),
    b"ecdh-sha2-nistp384": (string(b"\x04" + bytes(96)), string(b"\x04" + bytes(96))),
    b"diffie-hellman-group14-sha256": (_NUMBER, _NUMBER),
}
_SIGNATURE = string(string(HOST_KEY) + string(bytes(64)))


def reply(public: bytes) -> bytes:
    """
    What a host says to a client's public value, but for its signature.
    """
    return string(keyBlob(KEY)) + public + _SIGNATURE


_LISTS = Lists((KEX_METHOD, STRICT_CLIENT), (HOST_KEY,), (GCM[0],), (b"hmac-sha2-256",), (b"none",))
_KEXINIT = bytes(range(16)) + _LISTS.message()[17:]

EXAMPLES: dict[int, tuple[bytes, ...]] = {
    1: (GOODBYE, uint32(2) + _NO_FIELDS),
    2: (string(b"nothing"), string(bytes(300))),
    3: (uint32(0),),
    4: (byte(0) + string(b"nothing") + string(b""), byte(1) + string(b"shown") + string(b"en")),
    5: (LOGIN_SERVICE, string(b"ssh-connection")),
    6: (LOGIN_SERVICE,),
    7: (EXTENSIONS, uint32(0)),
    20: (_KEXINIT,),
    21: (b"",),
    30: tuple(client for client, _ in PUBLIC_VALUES.values()),
    31: tuple(reply(host) for _, host in PUBLIC_VALUES.values()),
    32: (_NUMBER,),
    33: (reply(_NUMBER),),
    34: (uint32(2048) * 3,),
    50: (NONE, password(), DIALOGUE, CHANGED, request(b"publickey", byte(0) + _NO_FIELDS)),
    51: (
        REFUSED,
        nameList((b"publickey",)) + byte(0),
        nameList((b"keyboard-interactive",)) + byte(1),
    ),
    52: (b"",),
    53: (BANNER,),
    60: (QUESTIONS, INFORMATION, ONE_QUESTION, EXPIRED),
    61: (answers(RIGHT), answers(RIGHT, b"123456"), answers()),
    80: (
        wanted(b"tcpip-forward", ANY_PORT),
        wanted(b"cancel-tcpip-forward", BOUND),
        wanted(b"streamlocal-forward@openssh.com", string(b"/tmp/socket")),
        wanted(b"keepalive@openssh.com"),
        wanted(b"hostkeys-00@openssh.com", string(string(HOST_KEY) + string(bytes(32))), False),
        wanted(b"no-more-sessions@openssh.com", reply=False),
    ),
    81: (b"", uint32(40001)),
    82: (b"",),
    90: (
        opening(1),
        opening(2, window=0),
        opening(3, maxPacket=1),
        forwarding(b"direct-tcpip", 4),
        forwarding(b"forwarded-tcpip", 5),
        opening(6, type=b"auth-agent@openssh.com"),
        opening(7, type=b"x11", data=string(b"127.0.0.1") + uint32(6010)),
        opening(8, type=b"direct-streamlocal@openssh.com", data=string(b"/s") + ANY_PORT),
    ),
    91: (confirmed(), confirmed(1)),
    92: (uint32(1) * 2 + string(b"no") + string(b"en"),),
    93: (uint32(0) + uint32(1 << 21), uint32(0) + uint32(0xFFFF_FFFF)),
    94: (uint32(0) + string(b"data"), uint32(0) + string(bytes(2000))),
    95: (uint32(0) + uint32(1) + string(b"an error"),),
    96: (uint32(0),),
    97: (uint32(9),),
    98: (
        asked(b"pty-req", PTY),
        asked(b"env", string(b"LANG") + string(b"C"), False),
        asked(b"exec", string(b"ls -l")),
        asked(b"shell"),
        asked(b"subsystem", string(b"sftp")),
        asked(b"x11-req", X11),
        asked(b"auth-agent-req@openssh.com"),
        asked(b"window-change", uint32(80) * 4, False),
        asked(b"signal", string(b"INT"), False),
        asked(b"exit-status", uint32(0), False),
        asked(b"exit-signal", string(b"TERM") + byte(0) + _NO_FIELDS, False),
        asked(b"eow@openssh.com", reply=False),
    ),
    99: (uint32(0),),
    100: (uint32(0),),
    192: (string(b"ping"),),
    193: (string(b"ping"),),
}
