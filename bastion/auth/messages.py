"""
The messages of a login as values (RFC 4252 and 4256; pure).
"""

from __future__ import annotations

from attrs import field, frozen

from bastion.wire import Malformed, Reader, byte, nameList, string, uint32

#: In bytes; longer account names are refused before anybody looks at them.
MAX_ACCOUNT = 256

NONE = b"none"
PASSWORD = b"password"
KEYBOARD_INTERACTIVE = b"keyboard-interactive"


@frozen
class Request:
    """
    SSH_MSG_USERAUTH_REQUEST (RFC 4252 section 5)::

        string  user name
        string  service name
        string  method name
        ....    method specific fields

    @ivar fields: the method specific fields, which may hold a password.
    """

    account: bytes
    service: bytes
    method: bytes
    fields: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, payload: bytes) -> Request:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        return cls(reader.string(MAX_ACCOUNT), reader.string(64), reader.string(64), reader.rest())

    @property
    def changesPassword(self) -> bool:
        """
        Whether it is for another password (RFC 4252 section 8).
        """
        return self.method == PASSWORD and self.fields[:1] not in (b"", b"\0")

    def pack(self) -> bytes:
        """
        The payload.
        """
        return string(self.account) + string(self.service) + string(self.method) + self.fields


@frozen
class Password:
    """
    The fields of the method C{password} (RFC 4252 section 8)::

        boolean whether it is a change
        string  plaintext password in ISO-10646 UTF-8 encoding
        string  (only with a change) the new one
    """

    password: bytes = field(repr=False)
    new: bytes | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, fields: bytes) -> Password:
        """
        @raise Malformed: when they are not.
        """
        reader = Reader(fields)
        change = reader.boolean()
        password = cls(reader.string(), reader.string() if change else None)
        reader.end()
        return password

    def pack(self) -> bytes:
        """
        The fields.
        """
        if self.new is None:
            return byte(0) + string(self.password)
        return byte(1) + string(self.password) + string(self.new)


#: The fields of the method C{keyboard-interactive} when nothing is asked for in
#: particular (RFC 4256 section 3.1): language tag, submethods.
ANY_DIALOGUE = string(b"") + string(b"")


@frozen
class Prompt:
    """
    One question of a dialogue.

    @ivar text: as the host wrote it.
    @ivar echo: whether the answer may be seen while it is typed.
    """

    text: bytes
    echo: bool


@frozen
class InfoRequest:
    """
    SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256 section 3.2)::

        string  name
        string  instruction
        string  language tag
        int     num-prompts
        string  prompt[1]
        boolean echo[1]
        ...
    """

    name: bytes
    instruction: bytes
    language: bytes
    prompts: tuple[Prompt, ...]

    @classmethod
    def parse(cls, payload: bytes) -> InfoRequest:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        name, instruction, language = reader.string(), reader.string(), reader.string()
        prompts = tuple(Prompt(reader.string(), reader.boolean()) for _ in range(reader.uint32()))
        return cls(name, instruction, language, prompts)

    def pack(self) -> bytes:
        """
        The payload.
        """
        questions = b"".join(string(each.text) + byte(each.echo) for each in self.prompts)
        return (
            string(self.name)
            + string(self.instruction)
            + string(self.language)
            + uint32(len(self.prompts))
            + questions
        )


@frozen
class InfoResponse:
    """
    SSH_MSG_USERAUTH_INFO_RESPONSE (RFC 4256 section 3.4)::

        int     num-responses
        string  response[1]
        ...
    """

    answers: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, payload: bytes) -> InfoResponse:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        answers = tuple(reader.string() for _ in range(reader.uint32()))
        reader.end()
        return cls(answers)

    def pack(self) -> bytes:
        """
        The payload.
        """
        return uint32(len(self.answers)) + b"".join(map(string, self.answers))


@frozen
class ChangeRequest:
    """
    SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 section 8)::

        string  prompt in ISO-10646 UTF-8 encoding
        string  language tag
    """

    prompt: bytes
    language: bytes

    @classmethod
    def parse(cls, payload: bytes) -> ChangeRequest:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        return cls(reader.string(), reader.string())

    def pack(self) -> bytes:
        """
        The payload.
        """
        return string(self.prompt) + string(self.language)


@frozen
class Banner:
    """
    SSH_MSG_USERAUTH_BANNER (RFC 4252 section 5.4)::

        string  message in ISO-10646 UTF-8 encoding
        string  language tag
    """

    message: bytes
    language: bytes = b""

    @classmethod
    def parse(cls, payload: bytes) -> Banner:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        return cls(reader.string(), reader.string())

    def pack(self) -> bytes:
        """
        The payload.
        """
        return string(self.message) + string(self.language)


@frozen
class Failure:
    """
    SSH_MSG_USERAUTH_FAILURE (RFC 4252 section 5.1)::

        name-list authentications that can continue
        boolean   partial success
    """

    methods: tuple[bytes, ...]
    partial: bool

    @classmethod
    def parse(cls, payload: bytes) -> Failure:
        """
        @raise Malformed: when it is not one.
        """
        reader = Reader(payload)
        return cls(reader.nameList(), reader.boolean())

    def pack(self) -> bytes:
        """
        The payload.
        """
        return nameList(self.methods) + byte(self.partial)


@frozen
class Success:
    """
    SSH_MSG_USERAUTH_SUCCESS (RFC 4252 section 5.1); no fields.
    """


#: What a host may answer to a request or to a response.
Reply = Success | Failure | InfoRequest | ChangeRequest


def parseDialogue(method: bytes, payload: bytes) -> InfoRequest | ChangeRequest:
    """
    Message 60 means what the method in progress makes of it.

    @raise Malformed: when it means nothing.
    """
    if method == KEYBOARD_INTERACTIVE:
        return InfoRequest.parse(payload)
    if method == PASSWORD:
        return ChangeRequest.parse(payload)
    raise Malformed("message 60 for a method that has none")
