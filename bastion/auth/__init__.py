"""
The login (RFC 4252 and 4256), relayed.

An I{attempt} is one login request of the client.  L{bastion.auth.server} takes
it and makes it a credential; the portal's checker gives it to the connection's
I{exchange}; the exchange repeats it to the host through L{bastion.auth.client}
and carries questions and answers between the two until the host has decided.
"""
