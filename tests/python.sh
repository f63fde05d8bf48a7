#!/bin/sh
# Which Python is it for?  The system's, if that will do, or else the first one in the path.
set -eu
system=/usr/bin/python3
if "$system" -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "$system"
else
    echo python3
fi
