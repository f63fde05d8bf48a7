"""
The session, relayed (RFC 4254).

Two I{sides}, one toward the client and one toward the host, are each other's
C{other}: a packet of the connection protocol that one receives, the other
sends, unchanged, channel numbers included.  The I{session adapter} looks at
opens and requests and gives a I{verdict}; a refusal is answered in its turn
among the I{pending replies}.  A I{valve} in each direction stops the reading of
one side while the other cannot take more.
"""
