"""
Who may come in.

The I{gate} knows the rules about networks and answers once for each arriving
address.  The I{startups} of a gateway are its connections that have not logged
in yet: there is a limit to them, in all and for each source.
"""
