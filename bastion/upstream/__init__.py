"""
The way to a host: from a cluster to one upstream connection, verified, encrypted and
ready for a login.

An I{attempt} is the way to one host; a I{search} makes attempts, one host after the other,
until one is I{ready}.  Some are I{begun} before it is known who needs them.
"""
