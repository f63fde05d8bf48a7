"""
What the attacks are made with.

A I{peer} speaks SSH by its own code (L{attacking.peer}, L{attacking.exchange}): it
keeps the rules up to a I{stage}, and from there on does what the test says.  It is a
client (L{attacking.client}) or a host (L{attacking.host}), in memory
(L{attacking.memory}) or over sockets, against a bastion in a process of its own
(L{attacking.process}).  What must be so after every attack, and whatever it was, is
L{attacking.memory.Site.survives} and L{attacking.process.Bastion.survives}; the books that
they look at are L{harness.ledger}'s, and what is left of connections is L{attacking.parts}.
"""
