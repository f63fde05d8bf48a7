"""
The way to a host: from a list of hosts to one upstream connection, verified,
encrypted and ready for a login.
"""
