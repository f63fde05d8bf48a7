"""
The assembly: one Conch factory for each listening port, and the life of each
connection.

A L{bastion.gateway.factory.GatewayFactory} is a gateway at work; for each client
that may come in it makes a L{bastion.gateway.lifecycle.Connection}, the only
place where the objects of a connection are joined.
"""
