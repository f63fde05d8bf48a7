#!/bin/sh
# Installs the programs of a list that are missing, as root on Debian; otherwise says
# which are missing and what that costs.  The list is packages.txt unless another one is
# named.
set -eu
list=${1:-$(dirname "$0")/packages.txt}

command -v dpkg-query >/dev/null || {
    echo "This is not Debian: what is on the PATH is used, and what needs more is skipped."
    exit 0
}
missing=""
while read -r name purpose; do
    case $name in "" | "#"*) continue ;; esac
    if ! dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q "ok installed"; then
        missing="$missing $name"
        echo "missing: $name  ${purpose}"
    fi
done <"$list"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    # What is needed is started by who needs it; no package is to start a service.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null
else
    echo "What needs them is skipped.  As root: apt-get install$missing"
fi
