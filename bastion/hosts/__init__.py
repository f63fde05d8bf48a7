"""
The host-selection service: which host a login goes to.

A I{strategy} puts the I{candidates} of a cluster in order.  The I{selector}
asks it, puts the host that an account sticks to in front, and hands out
I{leases}: places taken on a host, to be given back when the connection ends.
"""
