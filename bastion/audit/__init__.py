"""
What happened, for operators and security officers.

An I{event} has a name from the catalogue and fields with plain values.  It is
published by a L{ConnectionLog}, which knows what all events of one connection
share (its reference, gateway and source); I{sinks} write it down: as one JSON
line in the audit log, and as one readable line in the operator's log.
"""
