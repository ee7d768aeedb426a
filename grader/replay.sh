#!/bin/bash
# Shows one schedule again, for `make replay`. Usage: replay.sh GRADER [FILE], with SCHEDULE, LAB and GDB in the environment.
# SCHEDULE is scenario:token for a lab's scenario (LAB, or the one of the last make labNN), or token for the program FILE.
grader=$1
shift
if [ -z "$SCHEDULE" ]; then
    echo "which schedule? say SCHEDULE=..., as the report gives it" >&2
    exit 2
fi
lab=$LAB scenario=() program=program
if [[ $SCHEDULE == *:* ]]; then
    [ -n "$lab" ] || lab=$(cat build/.lab 2>/dev/null)
    if [ -z "$lab" ]; then
        echo "which lab? say LAB=lab01" >&2
        exit 2
    fi
    set -- --lab "$lab" "$@"
    scenario=("${SCHEDULE%%:*}") program=bin/schedules/program
elif [ $# = 0 ]; then
    echo "which program? say FILE=program.c; a lab's schedule is written scenario:token" >&2
    exit 2
fi
[ -n "$GDB" ] || exec "$grader" explore --replay "$SCHEDULE" "$@"
if ! command -v gdb >/dev/null; then
    echo "gdb is not installed: apt-get install gdb" >&2
    exit 3
fi
rm -rf build/keep/replay
mkdir -p build/keep
"$grader" explore --quiet --replay "$SCHEDULE" --keep build/keep/replay "$@" || [ $? = 1 ] || exit
# Each run meets the same interleaving, so breakpoints do, too. The program's threads are fibers of one thread.
EXPLORE_RESULTS=/dev/null exec gdb -q --args "build/keep/replay/$program" replay "${SCHEDULE#*:}" "${scenario[@]}"
