"""
How fast the bastion is, and how fast its peers are on the same machine.

A I{peer} (L{benchmarks.peers}) is a way from a client to a host: the bastion,
another gateway, or nothing in between.  A I{figure} (L{benchmarks.figures}) is
what is done through a peer: log in, type, move data.  It gives one number for
each of its I{measures} (L{benchmarks.measures}).  A I{round} does every figure
with every peer, in turn, so that what disturbs the machine disturbs all
(L{benchmarks.rounds}).  The I{results} keep the numbers of every round; their
medians are shown (L{benchmarks.table}) and held against the I{targets}
(L{benchmarks.targets}).

Everything runs on loopback: one host (L{benchmarks.sshd}), one throw-away
account, real OpenSSH clients.  Each gateway is in a I{group} of its own
(L{benchmarks.groups}), so that what is counted includes the processes that it
starts for a session.

C{python -m benchmarks}, as root, measures and prints everything;
C{python -m benchmarks.packets} measures the ciphers alone.
C{python -m benchmarks.admission}, as root, measures logins beside a I{crowd} that never
logs in (L{benchmarks.crowd}), and what the rules about I{entering} cost
(L{benchmarks.entering}).
C{python -m benchmarks.selection} simulates how the strategies fill the hosts of a
cluster (L{benchmarks.simulation}), without any network.
"""
