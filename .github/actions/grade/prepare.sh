#!/bin/bash
# prepare.sh key     says where the kit is and under which key its build and its packages are cached
# prepare.sh build   installs what is missing and builds, both from the cache where it has them
#
# The kit is the repository that this action belongs to. The key changes with every file that is built from, with the list
# of packages, and with the machine's image; a build of the same key is as good as a new one.
set -eu
kit=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
packages=${XDG_CACHE_HOME:-$HOME/.cache}/lockstep-packages
archives=${LOCKSTEP_ARCHIVES:-/var/cache/apt/archives}

sources_hash() {
    (cd "$kit" && find Makefile grader harness -type f -not -path '*/tests/*' -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum | cut -c1-32)
}

say_key() {
    {
        echo "kit=$kit"
        echo "packages=$packages"
        echo "key=lockstep-${RUNNER_OS:-Linux}-${RUNNER_ARCH:-$(uname -m)}-${ImageOS:-}-${ImageVersion:-}-$(sources_hash)"
    } >>"$GITHUB_OUTPUT"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# What was cached is newer than the files just checked out, and all of it equally new: make has nothing to do.
keep_cached_build() {
    [ -d "$kit/build" ] && find "$kit/build" -type f -exec touch -r "$GITHUB_OUTPUT" {} +
    return 0
}

build() {
    mkdir -p "$packages"
    find "$packages" -name '*.deb' -print0 | as_root xargs -0 -r cp -n -t "$archives"
    keep_cached_build
    make -C "$kit" --no-print-directory ready
    find "$archives" -maxdepth 1 -name '*.deb' -print0 2>/dev/null | xargs -0 -r cp -n -t "$packages"
}

case ${1:-} in
key) say_key ;;
build) build ;;
*) echo "usage: prepare.sh key|build" >&2 && exit 2 ;;
esac
