"""
The operator's entrance to a running bastion.

The bastion listens on the I{control socket}, a UNIX socket in its C{state_dir} that
only its own user and root may use.  What it speaks there is the I{control API}: JSON
over HTTP, each path of which is one of the bastion's
L{operations<bastion.gateway.control.Operations>}.  At the other end is C{bastionctl}: a
I{command} asks the API, and shows its answer as it is (C{--json}) or on a I{screen}, as
sentences and tables.
"""
