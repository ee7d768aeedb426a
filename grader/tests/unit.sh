#!/bin/bash
# unit.sh: runs the Criterion unit tests of grader and harness and turns Criterion's closing line into ours.
set -u
BUILD=${BUILD:-build}
export LOCKSTEP_HELPERS=$PWD/$BUILD/harness
LOCKSTEP_SUPERVISE=$PWD/$BUILD/supervise LOCKSTEP_ROOT=$PWD "$BUILD/tests/unit" -j2 --color=never 2>&1 | tee /dev/stderr |
    sed -n 's/.*Tested: \([0-9]*\) | Passing: \([0-9]*\) | Failing: \([0-9]*\) | Crashing: \([0-9]*\).*/\2 \3 \4/p' |
    {
        read -r pass fail crash || exit 1
        echo "$pass passed, $((fail + crash)) failed"
        [ $((fail + crash)) -eq 0 ]
    }
