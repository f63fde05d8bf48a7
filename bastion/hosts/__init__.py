"""
The host-selection service: which host a login goes to.

A I{cluster} knows its I{hosts} and the I{state} of each, which I{checks} and users'
logins move; operators move it too.  A I{strategy} puts those that take logins, the
I{candidates}, in order.  The I{selector} asks it, and has the I{store} grant a I{lease}:
a place taken on a host, to be given back when the connection ends.  The store prefers
the host that the account I{sticks} to.
"""
