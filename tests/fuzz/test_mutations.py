"""
Whatever a client or a host says, and whenever: the bastion goes on, for all the others.

A failure names the case, and how to have it played again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

import pytest
from fuzzing.amount import Amount, Spent
from fuzzing.messages import CLIENT, HOST
from fuzzing.recording import Recording
from fuzzing.rounds import ROUND, Round
from fuzzing.tally import PHASES, Share, Tally

pytestmark = pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")

#: How many messages there are at least about each phase, of each leg.
SHARES = {
    "identification": Share(2_500, 200, 30),
    "key exchange": Share(3_500, 150, 30),
    "service request": Share(6_000, 150, 30),
    "login": Share(9_000, 120, 25),
    "connection": Share(80_000, 100, 12),
}
#: Without a share that is complete after so many rounds, it will never be.
MOST = 80


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("leg", [CLIENT, HOST])
def test_bastionSurvivesWhateverIsSaid(
    leg: str,
    phase: str,
    part: int,
    amount: Amount,
    conversations: Sequence[Recording],
    spent: list[Spent],
) -> None:
    tally = Tally(leg, phase, SHARES[phase])
    before = time.process_time()
    this = f"{leg} and {phase.split()[0]}"
    again = f"python -m pytest tests/fuzz/test_mutations.py -k '{this}' --fuzz-seeds="
    for number, seeds in groupby(amount.seeds, lambda seed: seed // ROUND):
        Round(number, tally, conversations).run(seeds, again)
    if amount.seeds:
        return
    for number in range(MOST):
        first = (amount.start + part * MOST + number) * ROUND
        Round(first // ROUND, tally, conversations).run(range(first, first + ROUND), again)
        if tally.done:
            break
    spent.append(Spent(f"{leg}, {phase}", tally.total, time.process_time() - before))
    assert tally.missing() == {}
    assert tally.total >= tally.share.total


def test_thereIsMuchToSurvive() -> None:
    assert 2 * sum(share.total for share in SHARES.values()) >= 200_000
