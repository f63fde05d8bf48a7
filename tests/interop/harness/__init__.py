"""
What the interop tests are made of.

A I{host} is a real SSH server (L{harness.sshd}, L{harness.dropbear},
L{harness.dialogues}) on a loopback address; an I{account} is a throw-away
account of this machine that may log in there (L{harness.accounts}).  The
I{gateway} is the bastion, run by C{twistd} with one listening port per host
(L{harness.gateway}).  A I{route} is what a client must know to reach a host,
directly or through the bastion (L{harness.routes}); the I{clients} are real
programs that take a route (L{harness.clients} and its neighbours).  The
I{site} is all of this, started once (L{harness.site}).

After each test every bastion is held against the I{invariants} (L{harness.invariants}),
such as that who has come, by the I{witness} at its ports (L{harness.witness}), is in its
I{books} (L{harness.books}, L{harness.ledger}).

The I{matrix} (L{harness.matrix}) is another bastion, with gateways and hosts that
have certain algorithms only (L{harness.algorithms}).  Behind a third one are the
I{clusters} of several hosts each (L{harness.clusters}), and somebody who looks after
them (L{harness.control}).
"""
