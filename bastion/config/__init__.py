"""
The settings of the bastion: one TOML file, read once, never changed while running.

The I{file} is TOML; a I{table} is one of its parts (C{[gateway.esrf]}) and a
I{key} is one line of it.  L{bastion.config.schema} has one frozen class for each
table (some are in rooms of their own: L{bastion.config.cluster},
L{bastion.config.hosts}, L{bastion.config.admission}, L{bastion.config.accounts},
L{bastion.config.policies}); beside each field stands the I{reader} that makes its value
out of what TOML gives.  A reader never stops at what is wrong: it notes a I{problem}, the
dotted path and a sentence with the remedy, and goes on, so that an operator sees all of
them at once.  An I{extension} is chosen by its name and gets its own I{options}.

L{bastion.config.file} reads the file and calls L{bastion.config.load}, which
calls the readers (L{bastion.config.readers}, L{bastion.config.named},
L{bastion.config.chosen}, L{bastion.config.offered}), which call the parsers of single
values (L{bastion.config.values}, L{bastion.config.addresses}, L{bastion.config.ranges},
L{bastion.config.destinations}).
L{bastion.config.accountsfile} reads tables of accounts that are in a file of their own.
L{bastion.config.installed} knows which extensions there are, and
L{bastion.config.extension} describes one of ours.
"""
