"""
What one connection consists of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attacking.stages import Stage
from attrs import evolve, frozen

from bastion.ssh.phases import Phase
from fuzzing.messages import CLIENT, EXAMPLES, HOST, LOGIN_SERVICE, NONE, PUBLIC_VALUES, reply
from fuzzing.mutations import Mutator
from fuzzing.play import Alone, Play, Whole
from fuzzing.players import KEY_EXCHANGE, Player, PlayingClient, PlayingHost
from fuzzing.recording import Recording
from fuzzing.secrecy import discreet
from fuzzing.sheets import Said
from fuzzing.stand import Stand
from fuzzing.tally import ALLOWED, IDENTIFICATION, LINE, SPOKEN, Tally, legal
from fuzzing.ways import GROUP_EXCHANGE, LINES, METHODS, VALUES, ways

_KEX = Phase.KEY_EXCHANGE.value
_SESSION = Phase.CONNECTION.value

_OTHER = {CLIENT: HOST, HOST: CLIENT}
_PAYLOADS = tuple(payload for payloads in EXAMPLES.values() for payload in payloads)
#: How long somebody may have slept, in seconds.
_PAUSES = (0.3, 3.0, 11.0, 61.0, 130.0)
#: The most that comes to an end at once, in bytes.
_PIECES = (*(1 << 30,) * 30, 64, 64, 7)

#: How much is said of a conversation behind what a case is about.
_LONGEST = 10
#: How often somebody chatters, at most.
_BURSTS = {Phase.SERVICE.value: 3, Phase.LOGIN.value: 4, _SESSION: 40}
#: What may be altered a little without harm.
HARMLESS = {
    _KEX: (2, 3, 4),
    Phase.SERVICE.value: (2, 3, 4),
    Phase.LOGIN.value: (2, 3, 4),
    _SESSION: (2, 3, 4, 80, 81, 82, 93, 94, 95, 96, 97, 98, 98, 99, 100, 127),
}


@frozen
class Case:
    """
    One connection.

    @ivar recordings: the conversations that it may go by.
    @ivar tally: says which leg and which phase it is about.
    @ivar number: the number of the message that it is about.
    @ivar played: told of its play, as soon as it begins.
    """

    stand: Stand
    dice: Random
    recordings: Sequence[Recording]
    tally: Tally
    number: int
    played: Callable[[Play], None]

    def play(self) -> None:
        """
        Play it from its beginning to its end.
        """
        self.stand.site.pieces = self.dice.choice(_PIECES)
        if self.tally.phase == IDENTIFICATION:
            play = self._opens(Stage.CONNECTED)
            self._identifies(play)
        elif self.tally.phase == _KEX:
            play = self._opens(Stage.IDENTIFIED)
            self._agrees(play)
        else:
            recording, start = self._moment()
            play = self._opens(Stage.KEYED)
            for each in recording.sheet[:start]:
                play.says(each.by, each.number, each.payload)
            if self.number in legal(self.tally.leg, self.tally.phase):
                self._says(play, self.tally.leg, self.number)
                self._chatters(play)
                self._goesOn(play, [*recording.sheet[start : start + _LONGEST]])
            else:
                self._chatters(play)
                self._says(play, self.tally.leg, self.number)
        play.ends()

    # How it begins

    def _opens(self, until: Stage) -> Play:
        """
        Somebody has come so far by the rules.
        """
        play = self._client(until) if self.tally.leg == CLIENT else self._host(until)
        self.played(play)
        return play

    def _client(self, until: Stage) -> Play:
        return Whole(self.stand, PlayingClient(**ways(self.dice, until)))

    def _host(self, until: Stage) -> Play:
        its = ways(self.dice, until)
        if self.tally.phase != _SESSION and self.dice.random() < 0.8:
            return Alone(self.stand, PlayingHost(**its))
        play = Whole(self.stand, makeHost=lambda: PlayingHost(**its))
        if until < Stage.KEYED:
            play.says(CLIENT, 5, LOGIN_SERVICE)
            play.says(CLIENT, 50, NONE)
        return play

    def _moment(self) -> tuple[Recording, int]:
        """
        A conversation, and when its turn is in it.
        """
        leg, phase = self.tally.leg, self.tally.phase
        recording = self.dice.choice(self.recordings)
        return recording, self.dice.choice(recording.moments(leg, phase))

    # Before there are keys

    def _identifies(self, play: Play) -> None:
        """
        Say who one is, or something else.
        """
        leg, dice = self.tally.leg, self.dice
        for _ in range(dice.randrange(1, 4)):
            if play.phase(leg) != IDENTIFICATION:
                break
            if self.number != LINE:
                self._says(play, leg, self.number)
                continue
            line = discreet(LINE, self._mutator.mutated(dice.choice(LINES)))
            self.tally.count(leg, IDENTIFICATION, LINE)
            play.identifies(leg, line)
        if play.phase(leg) == _KEX:
            play.goes(leg, Stage.KEYED)

    def _agrees(self, play: Play) -> None:
        """
        Take part in a key exchange, or say something else.
        """
        leg, dice = self.tally.leg, self.dice
        if self.number in VALUES and dice.random() < 0.4:
            self._calculates(play)
            return
        if self.number in SPOKEN[leg] and dice.random() < 0.8:
            self._alters(play, leg, self.number)
        else:
            play.goes(leg, dice.choice((Stage.IDENTIFIED, Stage.ASKED, Stage.AGREED)))
            while dice.random() < 0.3 and play.phase(leg):
                self._says(play, leg, dice.choice((2, 3, 4)))
            self._says(play, leg, self.number)
        play.goes(leg, Stage.KEYED)
        play.says(leg, 5 if leg == CLIENT else 6, LOGIN_SERVICE)

    def _calculates(self, play: Play) -> None:
        """
        Choose a method, and say a public value that may be one of it.
        """
        peer, dice = play.peer(self.tally.leg), self.dice
        if peer is None:
            return
        method = dice.choice(METHODS) if self.number < 32 else GROUP_EXCHANGE
        peer.lists = evolve(peer.usual(), keyExchanges=(method,))
        play.goes(self.tally.leg, Stage.ASKED)
        client, host = PUBLIC_VALUES.get(method, (b"", b""))
        value = {30: client, 31: reply(host)}.get(self.number)
        if self.number == 32:
            self._says(play, self.tally.leg, 34, altered=False)
        self._says(play, self.tally.leg, self.number, value, altered=dice.random() < 0.9)

    def _alters(self, play: Play, leg: str, number: int) -> None:
        """
        Have the next message of a number altered that one end says in a key exchange.
        """
        peer = play.peer(leg)
        if peer is None:
            return

        def change(each: int, payload: bytes) -> bytes:
            if each != number:
                return payload
            peer.change = None
            self.tally.count(leg, play.phase(leg), number)
            altered = discreet(number, self._mutator.mutated(payload))
            play.script.append((leg, number, altered))
            return altered

        peer.change = change

    # With keys

    def _chatters(self, play: Play) -> None:
        """
        Say much of what ends nothing, most often.
        """
        dice, phase = self.dice, self.tally.phase
        for _ in range(dice.randrange(_BURSTS[phase])):
            leg = self.tally.leg if dice.random() < 0.8 else _OTHER[self.tally.leg]
            its = play.phase(leg)
            if play.phase(self.tally.leg) != phase or its not in HARMLESS:
                break
            numbers = [dice.choice(HARMLESS[its]) for _ in range(dice.randrange(1, 9))]
            messages = [self._gently(number) for number in numbers]
            for number in numbers:
                self.tally.count(leg, its, number)
            play.sends(leg, *messages)

    def _gently(self, number: int) -> tuple[int, bytes]:
        payload = self.dice.choice(EXAMPLES.get(number, (b"",)))
        return number, discreet(number, self._mutator.gently(payload))

    def _goesOn(self, play: Play, sheet: list[Said]) -> None:
        """
        Go on with a sheet, after a fashion.
        """
        dice = self.dice
        while sheet and play.phase(self.tally.leg):
            each = sheet.pop(0)
            fate = dice.random()
            if fate < 0.3:
                self._says(play, each.by, each.number, each.payload)
            elif fate < 0.4:
                self._says(play, each.by, each.number, each.payload, altered=False)
                self._says(play, each.by, each.number, each.payload, altered=False)
            elif fate < 0.5:
                sheet.insert(dice.randrange(3), each)
            elif fate < 0.55:
                recording, start = self._moment()
                sheet = [*recording.sheet[start:]]
            elif fate < 0.57:
                play.waits(dice.choice(_PAUSES))
            elif fate < 0.9:
                play.says(each.by, each.number, each.payload)

    # One message

    @property
    def _mutator(self) -> Mutator:
        return Mutator(self.dice, _PAYLOADS)

    def _asksForKeys(self, play: Play, leg: str, peer: Player) -> None:
        """
        Begin a key exchange that could go on, but for one message.
        """
        phase = Phase(play.phase(leg))
        if phase is Phase.CONNECTION:
            self._alters(play, leg, self.dice.choice((20, 20, 20, *SPOKEN[leg])))
        else:
            self.tally.count(leg, phase.value, 20)
        play.says(leg, 20, b"")
        if 20 not in ALLOWED[leg][phase]:
            play.isOver(peer)

    def _says(
        self, play: Play, leg: str, number: int, payload: bytes | None = None, altered: bool = True
    ) -> None:
        """
        Say a message, altered or at the wrong time.
        """
        phase, dice, peer = play.phase(leg), self.dice, play.peer(leg)
        if phase is None or peer is None:
            return
        if number == 20 and phase not in (IDENTIFICATION, _KEX) and dice.random() < 0.7:
            self._asksForKeys(play, leg, peer)
            return
        if payload is None:
            payload = dice.choice(EXAMPLES.get(number, (b"",)))
        if altered:
            payload = self._mutator.mutated(payload)
        payload = discreet(LINE if phase == IDENTIFICATION else number, payload)
        self.tally.count(leg, phase, number)
        if dice.random() < (0.3 if phase in (IDENTIFICATION, _KEX) else 0.02):
            packet = self._mutator.mutated(peer.packet(number, payload))
            play.writes(leg, number, discreet(LINE, packet))
        elif number in KEY_EXCHANGE or dice.random() < 0.7:
            play.sends(leg, (number, payload))
            if phase != IDENTIFICATION and number not in ALLOWED[leg][Phase(phase)]:
                play.isOver(peer)
        else:
            play.says(leg, number, payload)
