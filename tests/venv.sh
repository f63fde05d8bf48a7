#!/bin/sh
# Can this Python make a virtual environment?  Debian keeps that in a package of its own.
set -eu
python=$1

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or later is needed; name it: make PYTHON=python3.11 ..." >&2
    exit 1
fi
if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
else
    echo "$python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2
    exit 1
fi
