"""
C{python -m bastion.lab}: try everything without set-up.
"""

from __future__ import annotations

import sys

from twisted.internet.task import react

from bastion.lab.site import run

if __name__ == "__main__":
    # react brings the reactor; nothing below imports it.
    react(run, (sys.argv[1:], sys.stdout, sys.stderr))
