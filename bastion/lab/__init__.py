"""
An embedded site, to try the bastion and everything behind it without set-up.

A I{host} (L{bastion.lab.host}) is a small Conch SSH server on loopback with one
password for any account name; it gives the invoking user's shell, files and
nothing more.  The I{site} (L{bastion.lab.site}) starts three of them, C{nice1},
C{nice2} and C{ill}, writes the bastion's configuration into the lab's
I{directory} (L{bastion.lab.directory}), starts the bastion as a I{child}
(L{bastion.lab.child}) in front of them and says how to log in.

On a host, what a client opens is a I{paced channel} (L{bastion.lab.channel}),
which waits for its peer in both directions.  At the far end of the channel is
a I{program}: a process of the I{shell} (L{bastion.lab.session},
L{bastion.lab.shell}) on a I{terminal} (L{bastion.lab.terminal}) or on pipes, a
file server (L{bastion.lab.sftp}) or a TCP connection (L{bastion.lab.forward}).

C{python -m bastion.lab} runs it until Ctrl-C.
"""
