# lib.sh: what the test scripts share. Each prints a line a row and, by `finish`, `N passed, N failed` at its end.
# Expects to be sourced from the top of the project; BUILD names the build directory.

BUILD=${BUILD:-build}
grader=$PWD/$BUILD/grader
passed=0
failed=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/lockstep-test-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# pass NAME / fail NAME WHY...: counts and prints one row.
pass() {
    passed=$((passed + 1))
    echo "ok    $1"
}

fail() {
    failed=$((failed + 1))
    local name=$1
    shift
    echo "FAIL  $name: $*"
}

# check NAME COMMAND...: passes if the command succeeds; its output is shown if it does not.
check() {
    local name=$1
    shift
    if "$@" >"$scratch/check.out" 2>&1; then
        pass "$name"
    else
        fail "$name" "$(head -c 2000 "$scratch/check.out")"
    fi
}

# finish: the closing line; its status is the script's.
finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
