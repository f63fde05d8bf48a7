"""
Whether two runs of ssh told their user the same.
"""

from __future__ import annotations

import re

from harness.clients import Outcome


def wording(stderr: str) -> str:
    """
    What ssh printed, without addresses, and without the method that the
    bastion does not offer.
    """
    text = re.sub(r"(\d+\.){3}\d+( port \d+)?", "ADDRESS", stderr)
    return text.replace("publickey,", "").replace("\r", "")


def same(direct: Outcome, through: Outcome) -> None:
    """
    Two runs of ssh, with the same questions and words.
    """
    assert through.prompts == direct.prompts
    assert wording(through.stderr) == wording(direct.stderr)
    assert through.status == direct.status
