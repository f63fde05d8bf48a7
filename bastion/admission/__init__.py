"""
Who may come in.

The I{gate} knows the rules about networks and answers once for each arriving address; the
I{rules}, the DNS for one, are asked while a client exchanges keys, and I{accounts} may be
limited to gateways and times.  The I{startups} of a gateway are its connections that have not
logged in yet, and the I{counts} limit who is there.  The I{penalties} keep out who has failed
too often, first an account from a source, then the source.
"""
