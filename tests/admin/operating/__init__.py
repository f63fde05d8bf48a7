"""
Both ends of the control socket, for the tests.
"""
