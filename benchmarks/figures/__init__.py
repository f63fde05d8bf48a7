"""
The figures: what is done through each peer, and measured.

A figure is a function of the L{way <benchmarks.way.Way>} and the L{scale
<benchmarks.way.Scale>}; it returns one number for each of its measures.  Bulk
data and small files are counted without the login and the end of the program
that moves them: the same program is run once more with nothing to move.
"""
