"""
An SSH bastion.

A client's SSH connection ends at a I{gateway}, one listening port.  The gateway
chooses a I{host} of its I{cluster}, opens its own SSH connection to it, relays
the host's login dialogue prompt by prompt, and from then on relays the
connection protocol (RFC 4254) packet by packet, channel numbers unchanged.  The
bastion itself knows no accounts.
"""

__version__ = "0.1.0.dev0"
