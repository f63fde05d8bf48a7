"""
What the fuzzer is made of.

A I{sheet} is a conversation that keeps the rules, from the login service on, as both
ends say it (L{fuzzing.sheets}); it is recorded once, to learn in which I{phase} each
message is said (L{fuzzing.recording}).  A I{case} is one connection that goes by a sheet
up to a point, and from there on says I{mutated} messages (L{fuzzing.mutations}); its seed
is a number, and makes the same case again.  What a case consists of is decided in
L{fuzzing.cases}, and it is played by I{players}, who answer nothing by themselves but
key exchanges (L{fuzzing.players}, L{fuzzing.play}).

A I{cell} is who says a message, in which phase, and its number.  Each has its share,
which is counted (L{fuzzing.tally}).  What must be so after each message is seen to by
L{fuzzing.watch}, and after each few hundred connections by L{fuzzing.rounds}.
"""
