"""
L{bastion.relay.channels}: walks at random beside a model that is too simple to
be wrong.
"""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest
from attrs import define, field

from bastion.relay.channels import Channels, End
from bastion.wire import Malformed

SEEDS = range(20)


@define(eq=False)
class Wish:
    """
    A channel of the model.
    """

    opener: End
    numbers: dict[End, int]
    isOpen: bool = False
    closed: set[End] = field(factory=set)


@define
class Model:
    """
    Channels as a plain list, searched from its start.
    """

    wishes: list[Wish] = field(factory=list)

    def taken(self, end: End, number: int) -> bool:
        """
        Whether C{number} means anything on C{end}.
        """
        return any(wish.numbers.get(end) == number for wish in self.wishes)

    def find(self, end: End, number: int, isOpen: bool) -> Wish | None:
        """
        What C{end} calls C{number}.
        """
        found = [w for w in self.wishes if w.numbers.get(end) == number and w.isOpen == isOpen]
        assert len(found) < 2
        return found[0] if found else None

    def wanted(self, opener: End, number: int, type: bytes = b"session") -> bool:
        """
        @return: whether it may be.
        """
        if self.taken(opener, number):
            return False
        self.wishes.append(Wish(opener, {opener: number}))
        return True

    def confirmed(self, by: End, recipient: int, sender: int) -> bool:
        """
        @return: whether it may be.
        """
        wish = self.find(by.other, recipient, False)
        if wish is None or wish.opener is by or self.taken(by, sender):
            return False
        wish.numbers[by] = sender
        wish.isOpen = True
        return True

    def failed(self, by: End, recipient: int) -> bool:
        """
        @return: whether it may be.
        """
        wish = self.find(by.other, recipient, False)
        if wish is None or wish.opener is by:
            return False
        self.wishes.remove(wish)
        return True

    def closed(self, by: End, recipient: int) -> bool:
        """
        @return: true; closing what is not there is no fault.
        """
        wish = self.find(by.other, recipient, True)
        if wish is not None:
            wish.closed.add(by)
            if len(wish.closed) == 2:
                self.wishes.remove(wish)
        return True


def step(chance: random.Random, channels: Channels, model: Model) -> bool:
    """
    Let one end say something, most often something sensible.

    @return: whether the connection goes on.
    """
    end, one, two = chance.choice(list(End)), chance.randrange(5), chance.randrange(5)
    what = chance.choice(("wanted", "confirmed", "failed", "closed"))
    given: dict[str, tuple[Any, ...]] = {
        "wanted": (end, one, b"session"),
        "confirmed": (end, one, two),
        "failed": (end, one),
        "closed": (end, one),
    }
    after = deepcopy(model)
    if getattr(after, what)(*given[what]):
        model.wishes = after.wishes
        getattr(channels, what)(*given[what])
        return True
    if chance.random() < 0.95:
        return True
    with pytest.raises(Malformed):
        getattr(channels, what)(*given[what])
    return False


def agree(channels: Channels, model: Model) -> None:
    """
    Compare everything that can be seen.
    """
    assert len(channels) == len(model.wishes)
    for end in End:
        for number in range(5):
            channel, wish = channels.at(end, number), model.find(end, number, True)
            assert (channel is None) == (wish is None)
            if channel is not None and wish is not None:
                assert (channel.opener, channel.numbers) == (wish.opener, wish.numbers)
                assert channel.closed == wish.closed


@pytest.mark.parametrize("seed", SEEDS)
def test_walkAtRandomAgreesWithTheModel(seed: int) -> None:
    chance = random.Random(seed)
    most = 0
    for _ in range(20):
        channels, model = Channels(), Model()
        while step(chance, channels, model):
            agree(channels, model)
            most = max(most, len(channels))
    assert most >= 5, "the walks came to nothing"


@pytest.mark.parametrize("seed", SEEDS)
def test_walkOfOrderlyEndsFreesEveryNumber(seed: int) -> None:
    """
    Both ends keep to the rules: after each walk everything is closed.
    """
    chance = random.Random(seed)
    channels, model = Channels(), Model()
    for _ in range(500):
        end = chance.choice(list(End))
        free = [number for number in range(8) if not model.taken(end, number)]
        waiting = [w for w in model.wishes if not w.isOpen and w.opener is not end]
        if free and waiting and chance.random() < 0.5:
            recipient, sender = waiting[0].numbers[end.other], chance.choice(free)
            assert model.confirmed(end, recipient, sender)
            channels.confirmed(end, recipient, sender)
        elif free and chance.random() < 0.5:
            number = chance.choice(free)
            assert model.wanted(end, number)
            channels.wanted(end, number, b"session")
        agree(channels, model)
        for wish in [w for w in model.wishes if w.isOpen and end not in w.closed]:
            if chance.random() < 0.3:
                recipient = wish.numbers[end.other]
                model.closed(end, recipient)
                channels.closed(end, recipient)
                agree(channels, model)
    for wish in list(model.wishes):
        for end in End:
            if not wish.isOpen:
                channels.failed(wish.opener.other, wish.numbers[wish.opener])
                break
            if end not in wish.closed:
                channels.closed(end, wish.numbers[end.other])
    assert channels == Channels()
