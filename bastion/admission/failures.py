"""
What is remembered of the logins that failed: which secrets were wrong, and whether their
account has counted against its source (pure).

A program that tries a saved password again and again guesses nothing.  So the same wrong
secret for the same account from the same source is nothing new, until this pair has been
quiet for a day.  No secret is kept: a digest of it is, with a key that the process has made
for itself and that ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from attrs import define, evolve, field, frozen

from bastion.admission.expiring import Expiring

#: For how long a pair is remembered after its latest failure, in seconds.
REMEMBERED = 24 * 3600.0
#: How many wrong secrets of a pair are remembered: the latest.
KEPT = 16
#: For how long an account that has counted against its source does not do so again, in
#: seconds: long enough that a few accounts that fail all the time do not keep their source
#: waiting, and short enough that many do.
ONCE_IN = 60.0

#: An account and the source that it comes from; the source stands first.
Pair = tuple[str, bytes]

_SIZE = 16


def digest(key: bytes, account: bytes, answers: Sequence[bytes]) -> bytes:
    """
    The same for the same answers, and without the key nothing that leads back to them.

    @param key: random, 16 to 64 bytes.
    """
    made = blake2b(digest_size=_SIZE, key=key)
    for each in (account, *answers):
        made.update(len(each).to_bytes(8, "big"))
        made.update(each)
    return made.digest()


@frozen
class _Failed:
    """
    @ivar until: when it is forgotten.
    @ivar digests: of wrong secrets, one behind the other; the latest stands first.
    @ivar counted: until when its account does not count against its source again.
    """

    until: float
    digests: bytes = field(default=b"", repr=False)
    counted: float = 0.0


@define(eq=False)
class Failures:
    """
    The failures of accounts, each from a source: a pair.

    @ivar limit: how many pairs are remembered.
    """

    limit: int
    _pairs: Expiring[Pair, _Failed] = field(init=False, repr=False)

    @_pairs.default
    def _none(self) -> Expiring[Pair, _Failed]:
        return Expiring(self.limit)

    def __len__(self) -> int:
        """
        How many pairs are remembered.
        """
        return len(self._pairs)

    def isNew(self, pair: Pair, secret: bytes, now: float) -> bool:
        """
        Whether a wrong secret has not been tried before; from now on it has.

        @param secret: a L{digest}.
        """
        known = self._pairs.get(pair, now) or _Failed(now)
        each = [known.digests[at : at + _SIZE] for at in range(0, len(known.digests), _SIZE)]
        isNew = secret not in each
        if not isNew:
            each.remove(secret)
        kept = b"".join([secret, *each[: KEPT - 1]])
        self._pairs.put(pair, evolve(known, until=now + REMEMBERED, digests=kept), now)
        return isNew

    def counts(self, pair: Pair, now: float) -> bool:
        """
        Whether an account counts against its source; from now on it does not, for a while.
        """
        known = self._pairs.get(pair, now) or _Failed(now)
        if known.counted > now:
            return False
        until = max(known.until, now + ONCE_IN)
        self._pairs.put(pair, evolve(known, until=until, counted=now + ONCE_IN), now)
        return True
