#!/bin/bash
# warnings.sh: every C file of the project compiles without a warning, under gcc and under clang.
set -u
cd "$(dirname "$0")/../.."
. grader/tests/lib.sh
own="-O2 -std=c17 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes"
lab="-std=gnu17 -Wall -Wextra -Wshadow"
libraries=$(pkg-config --cflags libuv jansson libcyaml yaml-0.1 libxml-2.0 libelf libdw libseccomp libarchive sqlite3 criterion libcurl libmicrohttpd)

# compile COMPILER FLAGS FILES...: no file gives a warning.
compile() {
    local compiler=$1 flags=$2
    shift 2
    # shellcheck disable=SC2086
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} "$compiler" $flags $libraries -Werror -c {} -o /dev/null
}

for compiler in gcc clang; do
    check "$compiler: grader" compile $compiler "$own" grader/*.c grader/stages/*.c grader/explore/*.c grader/formats/*.c grader/batch/*.c grader/tests/*.c
    check "$compiler: harness" compile $compiler "$own -DBENCH_STUDENT=1" harness/*.c
    [ -n "$(ls harness/tests/*.c 2>/dev/null)" ] &&
        check "$compiler: tests of the harness" compile $compiler "$own" harness/tests/*.c
    check "$compiler: explorer" compile $compiler "$own -fno-pie -ftls-model=local-exec" harness/explore/*.c
    check "$compiler: explorer's stand-ins" compile $compiler "$lab -Iharness/explore" harness/explore/libcurl/*.c
    for directory in labs/lab*; do
        name=${directory#labs/}
        check "$compiler: $name" compile $compiler "$lab -DBENCH_STUDENT=1 -Iharness -Iharness/explore -I$directory" "$directory"/*.c solutions/"$name"/*.c
        # Not that an atomic of sixteen bytes is slow, of which clang warns: it is right.
        check "$compiler: specimens of $name" compile $compiler "$lab -Iharness -I$directory -Wno-unused-function -Wno-atomic-alignment" \
            grader/tests/specimens/"$name"/right/*.c
    done
done
finish
