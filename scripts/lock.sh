#!/bin/sh
# Write requirements/*.txt again from requirements/*.in, hash-locked. Arguments go to `uv pip compile`
# (for instance --upgrade, or --upgrade-package NAME). Needs the network; nothing else does.
#
# The files say which files to install, not where from: no index address, no path.
# Everything is a wheel but python-nmap, which is published as source only.
set -eu

cd "$(dirname "$0")/.."
tool=.venv-lock
[ -x "$tool/bin/uv" ] || { python3 -m venv "$tool" && "$tool/bin/pip" install --quiet uv; }

compile() { # NAME: requirements/NAME.in -> requirements/NAME.txt
    name=$1
    shift
    (cd requirements && "../$tool/bin/uv" --quiet pip compile --universal --python-version 3.11 \
        --generate-hashes --only-binary :all: --no-binary python-nmap \
        --no-config --no-emit-index-url --no-emit-find-links --no-emit-build-options \
        --custom-compile-command "make lock" \
        --output-file "$name.txt" "$@" "$name.in" >/dev/null)
}

compile build "$@"
compile runtime "$@"
compile dev "$@"
compile witness --no-binary sslyze "$@"

# pip obeys the later of two contradicting lines, so the exception comes second.
allow() { # NAME PACKAGE
    { printf -- '--only-binary :all:\n--no-binary %s\n' "$2" && cat "requirements/$1.txt"; } >"requirements/$1.txt.new"
    mv "requirements/$1.txt.new" "requirements/$1.txt"
}
allow runtime python-nmap
allow dev python-nmap
allow witness sslyze

if grep -n / requirements/build.txt requirements/runtime.txt requirements/dev.txt requirements/witness.txt; then
    echo "lock: an address or a path slipped into a lock file (above)" >&2
    exit 1
fi
