#!/bin/sh
# Installs the programs of packages.txt that are missing, as root on Debian; otherwise
# says which are missing and what that costs.
set -eu
list=$(dirname "$0")/packages.txt

command -v dpkg-query >/dev/null || {
    echo "This is not Debian: the interop tests run with what is on the PATH, and skip the rest."
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
    # The tests start what they need by process id; no package is to start a service.
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
    echo "The tests that need them are skipped.  As root: apt-get install$missing"
fi
