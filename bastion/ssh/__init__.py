"""
SSH itself, as far as both legs of the bastion share it (RFC 4253).

A I{transport} is one end of one encrypted connection: L{ServerTransport} faces
a client, L{ClientTransport} faces a host.  It owns the identification strings,
the key exchange and the packets, lets each I{phase} have its own messages only,
and hands the messages of a login or a session to its I{service}.  What happens
to the connection as a whole it tells its I{owner}.

All contact with Conch's private names is in this package.
"""
