#!/bin/sh
# Make the virtual environment: bootstrap.sh runtime|dev
#
# It holds the locked dependencies of requirements/ and nothing else, never this project itself.
# Done again only when the lock files change or the interpreter is gone. VENV names another folder than
# .venv, PYTHON another interpreter than the first of python3, python3.14 ... python3.11 that will do.
set -eu

set_name=${1:?usage: bootstrap.sh runtime|dev}
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}

say() { # VIETNAMESE ENGLISH
    printf '%s\n%s\n' "$1" "$2" >&2
}

find_python() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# The Debian package that gives this interpreter its venv; nothing for an interpreter that is not Debian's.
venv_package() {
    "$1" -c 'import sys; sys.exit(sys.base_prefix != "/usr")' || return 0
    command -v apt-get >/dev/null || return 0
    echo "$(basename "$1")-venv"
}

fingerprint() { # of one set of lock files
    cat requirements/build.txt "requirements/$1.txt" | cksum
}

ready() { # the dev set contains the runtime set, with the same pins
    "$venv/bin/python" -c '' 2>/dev/null || return 1
    for name in "$set_name" dev; do
        [ "$(cat "$venv/capdo-$name.stamp" 2>/dev/null)" != "$(fingerprint "$name")" ] || return 0
    done
    return 1
}

if ready; then
    exit 0
fi

if ! python=$(find_python); then
    say "Capdo cần Python 3.11 trở lên; không tìm thấy trên máy này." \
        "Capdo needs Python 3.11 or newer; this machine has none."
    exit 1
fi

if ! can_make_venv "$python"; then
    package=$(venv_package "$python")
    if [ -n "$package" ] && [ "$(id -u)" -eq 0 ]; then
        scripts/system-packages.sh install "$package" || true
    fi
    if ! can_make_venv "$python"; then
        say "Python này không tạo được môi trường ảo (thiếu ensurepip): $(command -v "$python")" \
            "This Python cannot make a virtual environment (no ensurepip): $(command -v "$python")"
        [ -z "$package" ] || say "Hãy chạy với quyền root rồi thử lại:" "Run this as root, then try again:"
        [ -z "$package" ] || printf '\n    apt-get update && apt-get install --yes %s\n\n' "$package" >&2
        exit 1
    fi
fi

say "Đang cài các thư viện ($set_name) vào $venv ..." "Installing the libraries ($set_name) into $venv ..."
"$venv/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$venv"

# Wheels only, every file checked against its hash; python-nmap, published as source only, is built by
# the setuptools that the first step has locked, not by one fetched for the occasion.
pip_install() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-input --require-hashes "$@"
}
rm -f "$venv"/capdo-*.stamp
if ! { pip_install --only-binary :all: -r requirements/build.txt &&
    pip_install --no-build-isolation -r "requirements/$set_name.txt"; }; then
    say "Không cài được thư viện. Máy không có mạng? Xem mục \"Without a network\" trong CONTRIBUTING.md." \
        "The libraries could not be installed. No network? See \"Without a network\" in CONTRIBUTING.md."
    exit 1
fi
fingerprint "$set_name" >"$venv/capdo-$set_name.stamp"
