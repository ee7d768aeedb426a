#!/bin/bash
# run.sh: all tests of the project, one suite after another; called by `make test`. The last line is `N passed, N failed`.
# Prints how long each suite took, so that growth is seen.
set -u
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
export BUILD
total_passed=0
total_failed=0
times=

# suite NAME COMMAND...: runs it, shows its rows, adds the numbers of its last line.
suite() {
    local name=$1 start output line failures
    shift
    echo "== $name"
    start=$(date +%s)
    output=$(mktemp)
    "$@" 2>&1 | tee "$output"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$output" | tail -n 1)
    rm -f "$output"
    if [ -z "$line" ]; then
        echo "FAIL  $name: the suite broke off"
        line='0 passed, 1 failed'
    fi
    total_passed=$((total_passed + ${line%% *}))
    failures=${line#*, }
    total_failed=$((total_failed + ${failures%% *}))
    times="$times$(printf '%5d s  %s' $(($(date +%s) - start)) "$name")
"
}

# The explorer on a few of its programs; make test-explore takes all.
explorer() {
    local programs=harness/explore/tests
    $programs/run.sh "$BUILD/grader" $programs/right/{buffer,double_checked,locked_counter,peterson}.c \
        $programs/wrong/{buffer_if,lock_order,message_passing_relaxed,unlocked_counter}.c
}

suite "unit tests" grader/tests/unit.sh
# The suites of this part spend much of their time waiting, and none judges a measurement: side by side.
beside=$(mktemp -d)
start_beside() {
    local file=$beside/$1
    shift
    "$@" >"$file" 2>&1 &
}
start_beside make grader/tests/make_goals.sh
start_beside bad_input grader/tests/bad_input.sh
if [ -z "${SANITIZE:-}" ]; then
    start_beside hosts grader/tests/hosts.sh
    start_beside warnings grader/tests/warnings.sh
    suite "set-up" grader/tests/setup_test.sh
    suite "explorer, a few programs" explorer
    suite "pages of grader explain" grader/tests/explain.sh
fi
suite "watch" grader/tests/watch.sh
suite "a class at once" grader/tests/batch.sh
suite "pages about a class" grader/tests/pages.sh
wait
suite "make" cat "$beside/make"
suite "bad input" cat "$beside/bad_input"
if [ -z "${SANITIZE:-}" ]; then
    suite "hosts" cat "$beside/hosts"
    suite "warnings" cat "$beside/warnings"
fi
rm -rf "$beside"
suite "hostile hand-ins" grader/tests/attacks.sh
RUNS=1 SPECIMENS=short suite "verdicts" grader/tests/verdicts.sh
echo
echo "slowest suites:"
printf '%s' "$times" | sort -rn | head -n 4
du -sh "$BUILD" | sed 's/^/built: /'
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
