#!/bin/sh
# Unpacks the newest OpenSSH of Debian into .openssh/ of the checkout and prints that
# directory: its bin/ssh, sbin/sshd and so on are ready to run.
#
# Nothing is installed, and root is not needed.  The programs run with the C library that
# they were built for; PAM and the accounts are this machine's own.
set -eu
prefix=$(cd "$(dirname "$0")/../.." && pwd)/.openssh
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

giveUp() {
    echo "No newer OpenSSH: $1.  The tests that need it are skipped." >&2
    exit 0
}

works() {
    for name in bin/ssh sbin/sshd lib/openssh/sshd-session; do
        # Some of them say their version and fail: what they say is enough.
        { "$prefix/$name" -V 2>&1 || true; } | grep -q OpenSSH_ || return 1
    done
}

# The Debian archives that this machine uses, one a line.
archives() {
    # shellcheck disable=SC2016
    apt-get indextargets -o APT::Get::IndexTargets::OnlyPresent=false \
        --format '$(RELEASE) $(SITE)' "Identifier: Packages" "Component: main" |
        sed -n "s/^$codename //p" | sort -u
}

# An apt of our own, which neither changes the machine's nor looks at what it has installed.
privateApt() {
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    for archive in $(archives); do
        echo "deb [target=Packages lang=none signed-by=$keyring] $archive SUITE main"
    done >"$work/sources"
    cat >"$work/apt.conf" <<END
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
APT::Sandbox::User "$(id -un)";
Acquire::Retries "2";
END
    export APT_CONFIG="$work/apt.conf"
}

# The packages and all libraries that they need, without PAM, one a line.
packages() {
    found="openssh-client openssh-server openssh-sftp-server"
    known=""
    while [ "$found" != "$known" ]; do
        known=$found
        # shellcheck disable=SC2086
        found=$(
            {
                printf '%s\n' $known
                apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
                    --no-replaces --no-enhances $known |
                    sed -n 's/^.*Depends: \(openssh-.*\|lib.*\)$/\1/p' | grep -v '^libpam'
            } | sort -u
        )
    done
    echo "$found"
}

# wrapper NAME REAL [OPTION ...]: a program that starts a real one with its own C library,
# and with these options before its own.
wrapper() {
    name=$1
    real=$2
    shift 2
    mkdir -p "$(dirname "$prefix/$name")"
    cat >"$prefix/$name" <<END
#!/bin/sh
root=$prefix/root
exec "\$root/$loader" --library-path "\$root/usr/lib/$triplet:\$root/lib/$triplet" \\
    --argv0 "\$0" \\
    "\$root/$real"${*:+ $*} "\$@"
END
    chmod +x "$prefix/$name"
}

unpack() {
    rm -rf "${prefix:?}/root" "${prefix:?}/bin" "${prefix:?}/sbin" "${prefix:?}/lib"
    for package in "$work"/debs/*.deb; do
        dpkg-deb --extract "$package" "$prefix/root"
    done
    loader=$(cd "$prefix/root" && find . -name 'ld-linux*.so.*' -type f | head -n 1)
    loader=${loader#./}
    triplet=$(basename "$(dirname "$loader")")
    for name in ssh scp sftp ssh-add ssh-agent ssh-keygen ssh-keyscan; do
        wrapper "bin/$name" "usr/bin/$name"
    done
    for path in "$prefix"/root/usr/lib/openssh/*; do
        name=$(basename "$path")
        wrapper "lib/openssh/$name" "usr/lib/openssh/$name"
    done
    wrapper sbin/sshd usr/sbin/sshd -o "SshdSessionPath=$prefix/lib/openssh/sshd-session" \
        -o "SshdAuthPath=$prefix/lib/openssh/sshd-auth"
}

if works; then
    echo "$prefix"
    exit 0
fi
command -v apt-get >/dev/null || giveUp "this is not Debian"
[ -e "$keyring" ] || giveUp "$keyring is missing"
mkdir -p "$prefix"
echo "*" >"$prefix/.gitignore"
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
work=$(mktemp -d "$prefix/apt.XXXXXX")
trap 'rm -rf "$work"' EXIT
privateApt
[ -s "$work/sources" ] || giveUp "no archive of Debian $codename is among apt's sources"
for suite in sid testing stable "$codename-backports"; do
    sed "s/SUITE/$suite/" "$work/sources" >"$work/sources.list"
    apt-get update -qq 2>>"$work/errors" || continue
    rm -rf "$work/debs"
    mkdir "$work/debs"
    # shellcheck disable=SC2046
    (cd "$work/debs" && apt-get download -qq $(packages)) 2>>"$work/errors" || continue
    unpack
    if works; then
        echo "$prefix"
        exit 0
    fi
done
cat "$work/errors" >&2
giveUp "none of Debian's could be had"
