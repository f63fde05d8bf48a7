"""
The rules of one gateway, in their order: one decision for each client that connects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from bastion.admission.dnsrule import Admitted
from bastion.interfaces import AdmissionRefused, IAdmissionRule

_log = Logger()


@frozen
class Rules:
    """
    The rules of one gateway.

    @ivar rules: in the order in which they are asked.
    """

    rules: Sequence[IAdmissionRule] = ()

    async def admit(self, source: str, reported: Callable[[str], None]) -> None:
        """
        Ask one after the other.  A rule that fails in another way than by refusing
        refuses too: it has not said that the client may come in.

        @param source: the client's address, as text without a port.
        @param reported: told what a client would have been told, by a rule that only
            reports.
        @raise AdmissionRefused: by the first rule that refuses.
        """
        for rule in self.rules:
            try:
                answer = await rule.admit(source)
            except (AdmissionRefused, CancelledError):
                raise
            except Exception:
                _log.failure("an admission rule failed; the client is refused")
                raise AdmissionRefused("The gateway could not decide.", lasting=False) from None
            if isinstance(answer, Admitted) and answer.wouldRefuse is not None:
                reported(answer.wouldRefuse)
