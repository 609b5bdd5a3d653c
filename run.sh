#!/usr/bin/env bash
# Sets Polypwatch up on first use, in an environment of its own (.venv), and then runs it:
#   bash run.sh demo            the live pipeline on the bundled procedure (any `polypwatch` command works like this)
#   bash run.sh test            everything that must pass: lint, types, import rules, tests
# Settings: PYTHON (which interpreter), POLYPWATCH_VENV (where the environment goes).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="${POLYPWATCH_VENV:-$root/.venv}"
say() { printf 'polypwatch set-up: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# What PyQt6 and OpenCV load from the system, as "library Debian-package". Other systems name their packages differently.
libraries="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libglib-2.0.so.0 libglib2.0-0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libpulse.so.0 libpulse0
"

install_packages() {  # $@: Debian packages that are missing
    if ! command -v apt-get >/dev/null; then
        die "these system libraries are missing (Debian's names): $*. Install them with your package manager."
    elif [ "$(id -u)" -ne 0 ]; then
        die "these system packages are missing; please run: sudo apt-get install $*"
    fi
    say "installing system packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null || die "apt-get could not install: $*"
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

system_packages() {
    local library package known missing=()
    known="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)"
    while read -r library package; do
        [ -z "$library" ] || grep -q "[[:space:]]$library " <<<"$known" || missing+=("$package")
    done <<<"$libraries"
    find_python >/dev/null || missing+=(python3)
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
    python="$(find_python)" || die "Python 3.11 or newer is needed; set PYTHON to it."
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages python3-venv
        "$python" -c 'import ensurepip, venv' 2>/dev/null || die "$python has no venv module; install it."
    fi
}

environment() {  # $1: extras, $2...: more arguments for pip
    local extras="$1" stamp wanted
    shift
    stamp="$venv/.polypwatch-$extras"
    wanted="$(cat "$root/pyproject.toml" "$root/.ci/constraints.txt" | cksum) $root"
    if [ -x "$venv/bin/polypwatch" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    if [ "$(uname -s)" = Linux ]; then system_packages; else python="$(find_python)" || die "Python 3.11 is needed."; fi
    say "installing Polypwatch into $venv (once; this takes a few minutes)"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check "$@" -e "$root[$extras]" ||
        die "pip could not install Polypwatch; what it said stands above."
    printf '%s' "$wanted" >"$stamp"
}

if [ "${1:-}" = test ]; then
    shift
    # Pinned where a newer release could change what the tests see; users of the package are not bound by it.
    environment train,dev -c "$root/.ci/constraints.txt"
    # An independent validator of DICOM files; where it is missing its tests skip with the reason.
    if ! command -v dciodvfy >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        install_packages dicom3tools
    fi
    cd "$root"
    "$venv/bin/ruff" check .
    "$venv/bin/ruff" format --check .
    "$venv/bin/mypy"
    "$venv/bin/lint-imports"
    exec "$venv/bin/python" -m pytest "$@"
fi

gpu=base
# A machine with an NVIDIA driver gets NVIDIA's CUDA libraries too, so that the GPU is used without a further step.
if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then gpu=cuda; fi
environment "$gpu,dicom"
exec "$venv/bin/polypwatch" "$@"
