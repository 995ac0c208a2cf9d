#!/bin/sh
# See to Debian packages, without ever calling sudo:
#   system-packages.sh install PACKAGE...   install those that are missing (root), or say which and fail
#   system-packages.sh list FILE            the same for the packages that FILE lists, one a line
set -eu

say() { # VIETNAMESE ENGLISH
    printf '%s / %s\n' "$1" "$2" >&2
}

mode=${1:?usage: system-packages.sh install PACKAGE... | list FILE}
shift
case $mode in
install) wanted=$* ;;
list) wanted=$(grep -v '^#' "$1" | tr '\n' ' ') ;;
*) exit 2 ;;
esac

missing=
for package in $wanted; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=
    [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "Thiếu gói hệ thống:$missing" "Missing system packages:$missing"
    exit 1
fi

# Programs are wanted here, not services: where systemd runs, keep new packages from starting theirs.
policy=/usr/sbin/policy-rc.d
if [ -d /run/systemd/system ] && [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND="${DEBIAN_FRONTEND:-noninteractive}"
log=$(mktemp)
apt() {
    apt-get --quiet --yes -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null
}

say "Đang cài gói hệ thống:$missing" "Installing system packages:$missing"
# The package lists may be absent or older than the archive: then fetch them and try once more.
# shellcheck disable=SC2086 # one word a package
if apt install --no-install-recommends $missing ||
    { apt update && apt install --no-install-recommends $missing; }; then
    rm -f "$log"
    exit 0
fi
cat "$log" >&2
rm -f "$log"
say "Không cài được gói hệ thống:$missing" "Could not install system packages:$missing"
exit 1
