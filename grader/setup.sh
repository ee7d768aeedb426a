#!/bin/sh
# setup.sh: finds what packages.txt lists and installs what is missing with apt-get.
#
#   setup.sh [grade|test]      grade (the default): what grading needs; test: also what `make test` needs
#   DEPS=skip setup.sh ...     does nothing
#
# Silent when nothing is missing. Exit status: 0 everything is there, 2 something is missing and could
# not be installed; the last lines then say what to run. Writes nothing except through apt-get.
set -u

group=${1:-grade}
list=$(dirname "$0")/packages.txt

say() {
    printf 'setup: %s\n' "$*" >&2
}

# pkg-config's answer, or without pkg-config whether its file is there.
has_library() {
    if command -v pkg-config >/dev/null 2>&1; then
        pkg-config --exists "$1" 2>/dev/null
        return
    fi
    for file in /usr/lib/pkgconfig/"$1".pc /usr/lib/*/pkgconfig/"$1".pc /usr/local/lib/pkgconfig/"$1".pc; do
        [ -e "$file" ] && return 0
    done
    return 1
}

is_there() {
    case $1 in
    command:*) command -v "${1#command:}" >/dev/null 2>&1 ;;
    pkg-config:*) has_library "${1#pkg-config:}" ;;
    header:*) [ -e "/usr/include/${1#header:}" ] || [ -e "/usr/local/include/${1#header:}" ] ;;
    *) say "packages.txt: unknown probe '$1'" && exit 2 ;;
    esac
}

# Sets $missing to the packages of the group that are not there. One call of pkg-config answers for all libraries as
# long as none is missing.
find_missing() {
    missing='' libraries='' all_libraries=no
    while read -r need _ probe _; do
        case $need:$probe in
        grade:pkg-config:* | "$group":pkg-config:*) libraries="$libraries ${probe#pkg-config:}" ;;
        esac
    done <"$list"
    # shellcheck disable=SC2086 # a list of words
    command -v pkg-config >/dev/null 2>&1 && pkg-config --exists $libraries 2>/dev/null && all_libraries=yes
    while read -r need package probe _; do
        case $need:$probe in
        "#"* | :) continue ;;
        grade:pkg-config:* | "$group":pkg-config:*) [ $all_libraries = yes ] && continue ;;
        grade:* | "$group":*) ;;
        *) continue ;;
        esac
        is_there "$probe" || missing="$missing $package"
    done <"$list"
    missing=${missing# }
}

give_up() {
    say "$1"
    say "run this as root, then try again:"
    printf '    %s\n' "apt-get update && apt-get install -y --no-install-recommends $missing" >&2
    say "(on Ubuntu some of them are in 'universe': add-apt-repository universe; DEPS=skip leaves set-up out)"
    exit 2
}

# Sets $as_root to what goes before a command of root: nothing, or sudo, which may ask for a password only where
# somebody can type it.
become_root() {
    as_root=
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null 2>&1 || give_up "cannot install: not root, and there is no sudo"
    if [ -t 0 ]; then
        sudo -v || give_up "cannot install: not root, and sudo refused"
        as_root=sudo
    else
        sudo -n true 2>/dev/null || give_up "cannot install: not root, and sudo would ask for a password"
        as_root='sudo -n'
    fi
}

# apt-get update may fail for a repository that has nothing to do with us, so its failure decides nothing.
install_missing() {
    # shellcheck disable=SC2086 # lists of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update || say "apt-get update failed, going on"
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 \
        install -y --no-install-recommends $missing || give_up "apt-get install failed, see above; is there a network?"
}

case $group in
grade | test) ;;
*) say "usage: setup.sh [grade|test]" && exit 2 ;;
esac
[ "${DEPS:-}" = skip ] && exit 0
[ -r "$list" ] || { say "cannot read '$list'" && exit 2; }

find_missing
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    say "missing: $missing (Debian's names)"
    say "there is no apt-get here: install them your own way, then try again; DEPS=skip leaves set-up out"
    exit 2
fi
say "missing, to be installed with apt-get: $missing"
become_root
install_missing </dev/null
find_missing
[ -z "$missing" ] && exit 0
say "apt-get installed them, but still not found: $missing"
exit 2
