"""
Fakes that we ship, for the tests of the bastion and of anybody's extension.

A L{bastion.testing.network.Network} moves bytes in memory when it is told to; a
L{bastion.testing.speakers.Speaker} is a client or a host at one end of it.
Nothing here sleeps.
"""
